# SPDX-License-Identifier: Apache-2.0
"""The clock by which a gate waits and starts in time."""

from __future__ import annotations

import sys
import time

__all__ = ["now"]

if hasattr(time, "CLOCK_BOOTTIME"):

    def now() -> float:
        """Seconds since some start; runs on while the machine sleeps, and never goes back."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def now() -> float:
        """Seconds since some start; runs on while the machine sleeps, and never goes back."""
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)

else:

    def now() -> float:
        """Seconds since some start; never goes back."""
        return time.monotonic()
