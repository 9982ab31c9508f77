# SPDX-License-Identifier: Apache-2.0
"""How long a gate tries, and its pauses."""

from __future__ import annotations

from secrets import token_bytes

__all__ = ["Backoff"]

#: How long a first answer is waited for before the server counts as unavailable, in seconds.
PATIENCE = 5.0
#: How long one claim is tried: any longer and its window would be over anyway.
CLAIM_PATIENCE = 20.0
#: How long a report is tried before it is kept for the next run.
REPORT_PATIENCE = 30.0


class Backoff:
    """Pauses from a quarter of a second, doubled up to five, plus up to a fourth."""

    def __init__(self) -> None:
        self._pause = 0.25

    def next(self) -> float:
        """The next pause, in seconds."""
        pause = self._pause * (1 + token_bytes(1)[0] / 1_020)
        self._pause = min(self._pause * 2, 5.0)
        return pause
