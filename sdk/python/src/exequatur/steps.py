# SPDX-License-Identifier: Apache-2.0
"""What the generators of the protocol yield; a blocking or an asynchronous driver does it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar, Union

__all__ = ["Call", "Effect", "Rest", "Steps"]

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """Something that blocks: a request, a file that is written."""

    function: Callable[[], Any]
    #: Ends it early, from another thread.
    cancel: Callable[[], None] | None = None
    #: Takes the result when nobody waits for it any more.
    abandoned: Callable[[Any], None] | None = None


@dataclass(frozen=True)
class Rest:
    """A pause, in seconds."""

    seconds: float


Effect = Union[Call, Rest]
Steps = Generator[Effect, Any, T]
