# SPDX-License-Identifier: Apache-2.0
"""A gate's way from a frozen operation to leave to execute it.

Written once, as generators that do no input or output: they yield what is to be done
(:mod:`exequatur.steps`) and get the result. :mod:`exequatur.gate` drives them, blocking or
with asyncio. Everything in doubt ends in an exception and nothing being executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from secrets import token_hex
from typing import Any

from . import canonical, clock, log, retry
from .actions import Operation, SubmittedAction
from .answers import read_action, read_json, read_same, refused, unavailable
from .claim import ClaimExpectation, VerifiedClaim, verify_claim
from .endings import ENDINGS, ended, still_pending
from .errors import NotExecuted, TooLate, Unavailable, VerificationFailed
from .exchange import exchange
from .pinned_log import PinnedLog
from .reports import Outcome, Reports
from .state import GateState
from .steps import Call, Rest, Steps
from .transport import HTTPTransport, Request, Response

__all__ = ["Client", "Grant", "Progress"]

#: The longest a single request may wait for a change, as the server allows.
_LONGEST_POLL = 55


@dataclass(frozen=True)
class Progress:
    """What happens while a gate waits."""

    #: ``waiting``, ``reconnecting`` or ``cleared``.
    kind: str
    action: SubmittedAction | None = None
    detail: str | None = None
    #: Seconds that the gate goes on waiting.
    remaining: float | None = None


@dataclass(frozen=True)
class Grant:
    """Leave to execute one operation once: verified, and its nonce recorded."""

    operation: Operation
    action: SubmittedAction
    nonce: str
    claim: VerifiedClaim
    #: When the claim was sent, by :func:`exequatur.clock.now`.
    sent: float

    def check_start(self) -> None:
        """Raises :class:`TooLate` when execution may not start any more."""
        if not 0 <= clock.now() - self.sent < self.claim.window:
            raise TooLate(
                f"the claim of {self.action.id} ran out before the start",
                next_step="ask again",
                action=self.action,
            )


@dataclass
class _Attempt:
    """An action, and the nonce under which this gate may have claimed it."""

    action: SubmittedAction
    sent: float
    nonce: str | None = None
    consistency: Any = None


def _ignore(_: Progress) -> None:
    pass


@dataclass
class Client:
    """What a gate needs to ask: a way to the server, a state directory, a trusted log."""

    transport: HTTPTransport
    state: GateState
    fingerprint: str
    on_progress: Callable[[Progress], None] = field(default=_ignore)

    def __post_init__(self) -> None:
        self.reports = Reports(self.transport, self.state)
        self._log = PinnedLog(self.transport, self.state, self.fingerprint)

    def obtain(
        self, operation: Operation, intent: dict[str, Any], wait: float
    ) -> Steps[Grant]:
        """Submits, waits for the decision, claims, verifies, and uses up the nonce."""
        key = yield from self._log.key()
        deadline = clock.now() + wait
        attempt = yield from self._submit(operation, intent, claiming=True)
        while True:
            action = attempt.action
            self._check_operation(action, operation)
            if action.state in ("submitted", "pending"):
                self.on_progress(Progress("waiting", action, remaining=deadline - clock.now()))
                if clock.now() >= deadline:
                    raise still_pending(action)
                attempt.action = yield from self._next(action, deadline)
                attempt.nonce = None
            elif action.state == "cleared":
                attempt = yield from self._claim(action, key)
            elif action.state == "claimed":
                return (yield from self._use(attempt, operation, key))
            else:
                raise ended((yield from self._explained(action)))

    def ask(self, operation: Operation, intent: dict[str, Any]) -> Steps[SubmittedAction]:
        """Submits without claiming: what became of it, or what it waits for."""
        attempt = yield from self._submit(operation, intent, claiming=False)
        self._check_operation(attempt.action, operation)
        return (yield from self._explained(attempt.action))

    def _explained(self, action: SubmittedAction) -> Steps[SubmittedAction]:
        """The action with the words of those who decided, which short answers leave out."""
        if not action.decisions or action.state not in ENDINGS:
            return action
        answer = yield from exchange(self.transport, Request("GET", f"/v1/actions/{action.id}"))
        if not isinstance(answer, Response) or answer.status != 200:
            return action
        found = read_same(action, answer)
        # It is only asked for its words: over is over.
        return found if found.state == action.state else action

    def settle(self, action: SubmittedAction, wait: float) -> Steps[SubmittedAction]:
        """Waits until an action is no longer pending; raises :class:`Pending` if it stays so."""
        deadline = clock.now() + wait
        while action.state in ("submitted", "pending"):
            self.on_progress(Progress("waiting", action, remaining=deadline - clock.now()))
            if clock.now() >= deadline:
                raise still_pending(action)
            action = yield from self._next(action, deadline)
        return action

    @staticmethod
    def _check_operation(action: SubmittedAction, operation: Operation) -> None:
        if action.operation_digest != operation.digest:
            raise VerificationFailed(
                "the server answers for another operation than was asked for",
                code="wrongOperation",
                action=action,
            )

    def _submit(
        self, operation: Operation, intent: dict[str, Any], *, claiming: bool
    ) -> Steps[_Attempt]:
        give_up = clock.now() + retry.PATIENCE
        backoff = retry.Backoff()
        rest = canonical.canonical_bytes({"intent": intent})[1:-1] if intent else b""
        while True:
            # A nonce per attempt: an answer that was lost must not be mistaken for the next.
            nonce = token_hex(32) if claiming else None
            claim = b'"claim":{"nonce":"%s"},' % nonce.encode() if nonce else b""
            tail = b'"operation":' + operation.data
            body = b"{" + claim + (rest + b"," if rest else b"") + tail + b"}"
            sent = clock.now()
            answer = yield from exchange(
                self.transport,
                Request("POST", "/v1/actions", body, seconds=20),
                abandoned=partial(self._drop_claim, nonce),
            )
            if isinstance(answer, Response):
                if answer.status not in (200, 201):
                    raise refused(answer)
                return _Attempt(read_action(answer), sent, nonce)
            pause = answer.pause if answer.pause is not None else backoff.next()
            if clock.now() + pause >= give_up:
                raise unavailable(answer.why)
            yield Rest(pause)

    def _next(self, action: SubmittedAction, deadline: float) -> Steps[SubmittedAction]:
        """Waits until the action changes; survives restarts and silence of the server."""
        backoff = retry.Backoff()
        while True:
            left = deadline - clock.now()
            if left <= 0:
                raise still_pending(action)
            seconds = min(_LONGEST_POLL, max(1, int(left)))
            path = f"/v1/actions/{action.id}?wait={seconds}s&after={action.version}"
            answer = yield from exchange(self.transport, Request("GET", path, seconds=seconds + 15))
            if isinstance(answer, Response):
                if answer.status != 200:
                    raise refused(answer, action)
                return read_same(action, answer)
            self.on_progress(Progress("reconnecting", action, answer.why))
            pause = answer.pause if answer.pause is not None else backoff.next()
            yield Rest(min(pause, max(0.0, left)))

    def _claim(self, action: SubmittedAction, key: log.VerifierKey) -> Steps[_Attempt]:
        nonce = token_hex(32)
        json: dict[str, Any] = {"nonce": nonce}
        pin = yield Call(lambda: self.state.pin(key, self.fingerprint))
        if pin is not None:
            json["checkpoint"] = pin[0].decode("utf-8")
        body = canonical.canonical_bytes(json)
        backoff = retry.Backoff()
        sent = clock.now()
        try:
            while True:
                # The same nonce returns the same claim, so trying again is safe.
                answer = yield from exchange(
                    self.transport, Request("POST", f"/v1/actions/{action.id}/claim", body)
                )
                if isinstance(answer, Response):
                    if answer.status != 200:
                        raise refused(answer, action)
                    found = read_same(action, answer)
                    if found.state != "claimed":
                        # Anything else than a claim now would only be asked for for ever.
                        raise ended(found)
                    consistency = read_json(answer)
                    assert isinstance(consistency, dict)
                    return _Attempt(found, sent, nonce, consistency.get("consistency"))
                pause = answer.pause if answer.pause is not None else backoff.next()
                if clock.now() + pause - sent >= retry.CLAIM_PATIENCE:
                    raise unavailable(answer.why)
                yield Rest(pause)
        except (Unavailable, VerificationFailed):
            # The server may have recorded a claim, and nothing ran on it.
            outcome = Outcome("not_started", "the claim's answer never came")
            self.reports.keep(outcome, action.id, nonce)
            raise
        except NotExecuted:
            raise
        except BaseException:
            outcome = Outcome("not_started", "interrupted while claiming")
            self.reports.keep(outcome, action.id, nonce)
            raise

    def _drop_claim(self, nonce: str | None, answer: Any) -> None:
        """Gives back what was claimed by a call that nobody waits for any more."""
        if nonce is None or not isinstance(answer, Response) or answer.status not in (200, 201):
            return
        try:
            action = read_action(answer)
        except NotExecuted:
            return
        if action.state == "claimed" and (action.claim or {}).get("nonce") == nonce:
            self.reports.give_back(action.id, nonce)

    def _use(
        self, attempt: _Attempt, operation: Operation, key: log.VerifierKey
    ) -> Steps[Grant]:
        """Verifies a claim; one of this gate's own that is not used is reported so."""
        action, nonce = attempt.action, attempt.nonce
        if nonce is None or (action.claim or {}).get("nonce") != nonce:
            raise ended(action)
        try:
            grant = yield from self._verify(attempt, nonce, operation, key)
            self.on_progress(Progress("cleared", action))
            return grant
        except NotExecuted as error:
            yield from self.reports.send(Outcome("not_started", str(error)), action.id, nonce)
            raise
        except BaseException:
            outcome = Outcome("not_started", "interrupted before the start")
            self.reports.keep(outcome, action.id, nonce)
            raise

    def _verify(
        self, attempt: _Attempt, nonce: str, operation: Operation, key: log.VerifierKey
    ) -> Steps[Grant]:
        """Verifies, demands consistency, and uses up the nonce last of all."""
        action = attempt.action
        claim = verify_claim(
            action.claim,
            ClaimExpectation(
                nonce=nonce,
                gate=action.gate,
                action=action.id,
                action_digest=action.digest,
                operation_digest=operation.digest,
                log_key=key,
            ),
        )
        yield from self._log.check_consistency(claim, attempt.consistency, key)
        yield Call(
            lambda: self.state.move_pin(claim.note, claim.checkpoint, key, self.fingerprint)
        )
        # Later answers of the server have no part in what is executed.
        grant = Grant(operation, replace(action, claim=None), nonce, claim, attempt.sent)
        grant.check_start()
        yield Call(lambda: self.state.use_nonce(nonce, action.id))
        return grant
