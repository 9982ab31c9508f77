# SPDX-License-Identifier: Apache-2.0
"""What a gate tells the server of what it executes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import canonical, clock, retry
from .answers import problem
from .errors import InputError, JSONError, NotExecuted
from .exchange import NotNow, exchange
from .state import GateState
from .steps import Call, Rest, Steps
from .transport import HTTPTransport, Request, Response, TransportFailure

__all__ = ["Outcome", "Reports"]


@dataclass(frozen=True)
class Outcome:
    """What a gate attests happened."""

    #: ``succeeded``, ``failed``, ``not_started`` or ``unknown``.
    status: str
    detail: str | None = None
    exit_code: int | None = None
    #: SHA-256 of a result, in hexadecimal.
    result_digest: str | None = None

    def body(self, nonce: str) -> bytes:
        """The report as it is sent and kept."""
        json: dict[str, Any] = {"nonce": nonce, "status": self.status}
        if self.detail is not None:
            text = self.detail.encode("utf-8", "replace").decode("utf-8")
            json["detail"] = text[:1_000]
        if self.exit_code is not None:
            json["exitCode"] = self.exit_code
        if self.result_digest is not None:
            json["resultDigest"] = self.result_digest
        return canonical.canonical_bytes(json)


@dataclass(frozen=True)
class Reports:
    """Sends outcomes, and keeps those that do not get through."""

    transport: HTTPTransport
    state: GateState

    def send(self, outcome: Outcome, action: str, nonce: str) -> Steps[str | None]:
        """Reports an outcome; tries for 30 s, then keeps it for the next run.

        Returns ``None`` when the server has it, else why it does not.
        """
        request = _request(action, outcome.body(nonce))
        give_up = clock.now() + retry.REPORT_PATIENCE
        backoff = retry.Backoff()
        while True:
            try:
                answer = yield from exchange(self.transport, request)
                if isinstance(answer, Response):
                    return None if answer.status < 300 else problem(answer)[0]
                pause = backoff.next()
                if clock.now() + pause >= give_up:
                    break
                yield Rest(pause)
            except BaseException:
                self.keep(outcome, action, nonce)
                raise
        why = self.keep(outcome, action, nonce)
        if why is not None:
            return f"{answer.why}; and it cannot be kept: {why}"
        return f"{answer.why}; it is kept and sent with the next run"

    def send_kept(self) -> Steps[None]:
        """Sends reports that earlier runs had to keep."""
        kept: list[tuple[str, bytes]] = yield Call(self.state.kept_reports)
        for action, body in kept:
            try:
                canonical.parse_canonical(body)
            except (JSONError, InputError):
                self.state.drop_report(action)
                continue
            answer = yield from exchange(self.transport, _request(action, body))
            if isinstance(answer, NotNow):
                return
            self.state.drop_report(action)

    def keep(self, outcome: Outcome, action: str, nonce: str) -> str | None:
        """Keeps an outcome for the next run; returns ``None``, or why it cannot be kept."""
        # Whoever finds it there only tells what happened; nothing is executed on it.
        try:
            self.state.keep_report(outcome.body(nonce), action)
        except NotExecuted as error:
            return str(error)
        return None

    def give_back(self, action: str, nonce: str) -> None:
        """Reports a claim that is not used, at once and outside of any steps."""
        outcome = Outcome("not_started", "interrupted before the start")
        try:
            self.transport.send(_request(action, outcome.body(nonce)))
        except TransportFailure:
            self.keep(outcome, action, nonce)

    def heartbeat(self, action: str) -> None:
        """Tells the server that the operation still runs; a missed one does not matter."""
        try:
            self.transport.send(Request("POST", f"/v1/actions/{action}/heartbeat", b"{}"))
        except TransportFailure:
            pass


def _request(action: str, body: bytes) -> Request:
    return Request("POST", f"/v1/actions/{action}/outcome", body)
