# SPDX-License-Identifier: Apache-2.0
"""One request as a step: its answer, or why there is none for now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .answers import problem
from .steps import Call, Steps
from .transport import Cancellation, HTTPTransport, Request, Response, TransportFailure

__all__ = ["NotNow", "exchange"]


@dataclass(frozen=True)
class NotNow:
    """No answer, or one that asks to come back; with the pause it asks for."""

    why: str
    pause: float | None = None


def exchange(
    transport: HTTPTransport,
    request: Request,
    abandoned: Callable[[Any], None] | None = None,
) -> Steps[Response | NotNow]:
    """Sends a request; ``abandoned`` takes its answer when nobody waits for it any more."""
    cancellation = Cancellation()

    def send() -> Response | TransportFailure:
        try:
            return transport.send(request, cancellation)
        except TransportFailure as failure:
            return failure

    # What may have claimed is let come to its end, so that it can be given back.
    cancel = None if abandoned else lambda: cancellation.cancel("interrupted")
    answer: Response | TransportFailure = yield Call(send, cancel, abandoned)
    if isinstance(answer, TransportFailure):
        return NotNow(str(answer))
    if answer.status == 429 or answer.status >= 500:
        pause = None if answer.retry_after is None else float(min(answer.retry_after, 60))
        return NotNow(problem(answer)[0], pause)
    return answer
