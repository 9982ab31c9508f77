# SPDX-License-Identifier: Apache-2.0
"""A gate's way from a frozen operation to leave to execute it, and the report afterwards.

Written once, as generators that do no input or output: they yield what is to be done
(:class:`Call`, :class:`Rest`) and get the result. :mod:`exequatur.gate` drives them, blocking or
with asyncio. Everything in doubt ends in an exception and nothing being executed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial
from secrets import token_bytes, token_hex
from typing import Any, TypeVar, Union

from . import canonical, errors, log
from .actions import Operation, SubmittedAction
from .claim import ClaimExpectation, VerifiedClaim, verify_claim
from .errors import (
    AlreadyUsed,
    InputError,
    JSONError,
    NotExecuted,
    Pending,
    Refused,
    TooLate,
    Unavailable,
    VerificationFailed,
)
from .state import GateState
from .transport import MAX_ANSWER, Cancellation, HTTPTransport, Request, Response, TransportFailure

__all__ = ["Call", "Client", "Effect", "Grant", "Outcome", "Progress", "Rest", "now"]

T = TypeVar("T")

#: How long a first answer is waited for before the server counts as unavailable, in seconds.
PATIENCE = 5.0
#: How long one claim is tried: any longer and its window would be over anyway.
CLAIM_PATIENCE = 20.0
#: How long a report is tried before it is kept for the next run.
REPORT_PATIENCE = 30.0
#: The longest a single request may wait for a change, as the server allows.
LONGEST_POLL = 55
_MOST_TILES = 64


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
    #: When the claim was sent, by :func:`now`.
    sent: float

    def check_start(self) -> None:
        """Raises :class:`TooLate` when execution may not start any more."""
        if not 0 <= now() - self.sent < self.claim.window:
            raise TooLate(
                f"the claim of {self.action.id} ran out before the start",
                next_step="ask again",
                action=self.action,
            )


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


@dataclass
class _Attempt:
    """An action, and the nonce under which this gate may have claimed it."""

    action: SubmittedAction
    sent: float
    nonce: str | None = None
    consistency: Any = None


@dataclass(frozen=True)
class _NotNow:
    """No answer, or one that asks to come back; with the pause it asks for."""

    why: str
    pause: float | None = None


class _Backoff:
    """Pauses from a quarter of a second, doubled up to five, plus up to a fourth."""

    def __init__(self) -> None:
        self._pause = 0.25

    def next(self) -> float:
        pause = self._pause * (1 + token_bytes(1)[0] / 1_020)
        self._pause = min(self._pause * 2, 5.0)
        return pause


def _ignore(_: Progress) -> None:
    pass


@dataclass
class Client:
    """What a gate needs to ask: a way to the server, a state directory, a trusted log."""

    transport: HTTPTransport
    state: GateState
    fingerprint: str
    on_progress: Callable[[Progress], None] = field(default=_ignore)

    # MARK: from operation to grant

    def obtain(
        self, operation: Operation, intent: dict[str, Any], wait: float
    ) -> Steps[Grant]:
        """Submits, waits for the decision, claims, verifies, and uses up the nonce."""
        key = yield from self._log_key()
        deadline = now() + wait
        attempt = yield from self._submit(operation, intent, claiming=True)
        while True:
            action = attempt.action
            self._check_operation(action, operation)
            if action.state in ("submitted", "pending"):
                self.on_progress(Progress("waiting", action, remaining=deadline - now()))
                if now() >= deadline:
                    raise _still_pending(action)
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
        if not action.decisions or action.state not in _ENDINGS:
            return action
        answer = yield from self._exchange(Request("GET", f"/v1/actions/{action.id}"))
        if not isinstance(answer, Response) or answer.status != 200:
            return action
        found = _same(action, answer)
        # It is only asked for its words: over is over.
        return found if found.state == action.state else action

    def settle(self, action: SubmittedAction, wait: float) -> Steps[SubmittedAction]:
        """Waits until an action is no longer pending; raises :class:`Pending` if it stays so."""
        deadline = now() + wait
        while action.state in ("submitted", "pending"):
            self.on_progress(Progress("waiting", action, remaining=deadline - now()))
            if now() >= deadline:
                raise _still_pending(action)
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
        give_up = now() + PATIENCE
        backoff = _Backoff()
        rest = canonical.canonical_bytes({"intent": intent})[1:-1] if intent else b""
        while True:
            # A nonce per attempt: an answer that was lost must not be mistaken for the next.
            nonce = token_hex(32) if claiming else None
            claim = b'"claim":{"nonce":"%s"},' % nonce.encode() if nonce else b""
            tail = b'"operation":' + operation.data
            body = b"{" + claim + (rest + b"," if rest else b"") + tail + b"}"
            sent = now()
            answer = yield from self._exchange(
                Request("POST", "/v1/actions", body, seconds=20),
                abandoned=partial(self._drop_claim, nonce),
            )
            if isinstance(answer, Response):
                if answer.status not in (200, 201):
                    raise _refused(answer)
                return _Attempt(_action(answer), sent, nonce)
            pause = answer.pause if answer.pause is not None else backoff.next()
            if now() + pause >= give_up:
                raise _unavailable(answer.why)
            yield Rest(pause)

    def _next(self, action: SubmittedAction, deadline: float) -> Steps[SubmittedAction]:
        """Waits until the action changes; survives restarts and silence of the server."""
        backoff = _Backoff()
        while True:
            left = deadline - now()
            if left <= 0:
                raise _still_pending(action)
            seconds = min(LONGEST_POLL, max(1, int(left)))
            path = f"/v1/actions/{action.id}?wait={seconds}s&after={action.version}"
            answer = yield from self._exchange(Request("GET", path, seconds=seconds + 15))
            if isinstance(answer, Response):
                if answer.status != 200:
                    raise _refused(answer, action)
                return _same(action, answer)
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
        backoff = _Backoff()
        sent = now()
        try:
            while True:
                # The same nonce returns the same claim, so trying again is safe.
                answer = yield from self._exchange(
                    Request("POST", f"/v1/actions/{action.id}/claim", body)
                )
                if isinstance(answer, Response):
                    if answer.status != 200:
                        raise _refused(answer, action)
                    found = _same(action, answer)
                    if found.state != "claimed":
                        # Anything else than a claim now would only be asked for for ever.
                        raise ended(found)
                    consistency = _json(answer)
                    assert isinstance(consistency, dict)
                    return _Attempt(found, sent, nonce, consistency.get("consistency"))
                pause = answer.pause if answer.pause is not None else backoff.next()
                if now() + pause - sent >= CLAIM_PATIENCE:
                    raise _unavailable(answer.why)
                yield Rest(pause)
        except (Unavailable, VerificationFailed):
            # The server may have recorded a claim, and nothing ran on it.
            self._keep(Outcome("not_started", "the claim's answer never came"), action.id, nonce)
            raise
        except NotExecuted:
            raise
        except BaseException:
            self._keep(Outcome("not_started", "interrupted while claiming"), action.id, nonce)
            raise

    def _drop_claim(self, nonce: str | None, answer: Any) -> None:
        """Gives back what was claimed by a call that nobody waits for any more."""
        if nonce is None or not isinstance(answer, Response) or answer.status not in (200, 201):
            return
        try:
            action = _action(answer)
        except NotExecuted:
            return
        if action.state == "claimed" and (action.claim or {}).get("nonce") == nonce:
            outcome = Outcome("not_started", "interrupted before the start")
            try:
                self.transport.send(_report_request(action.id, outcome.body(nonce)))
            except TransportFailure:
                self._keep(outcome, action.id, nonce)

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
            yield from self.report(Outcome("not_started", str(error)), action.id, nonce)
            raise
        except BaseException:
            self._keep(Outcome("not_started", "interrupted before the start"), action.id, nonce)
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
        yield from self._check_consistency(claim, attempt.consistency, key)
        yield Call(
            lambda: self.state.move_pin(claim.note, claim.checkpoint, key, self.fingerprint)
        )
        # Later answers of the server have no part in what is executed.
        grant = Grant(operation, replace(action, claim=None), nonce, claim, attempt.sent)
        grant.check_start()
        yield Call(lambda: self.state.use_nonce(nonce, action.id))
        return grant

    # MARK: the log

    def _log_key(self) -> Steps[log.VerifierKey]:
        """The log key, which anybody may send, checked against the fingerprint in the token."""
        known: log.VerifierKey | None = yield Call(lambda: self.state.log_key(self.fingerprint))
        if known is not None:
            return known
        give_up = now() + PATIENCE
        backoff = _Backoff()
        while True:
            answer = yield from self._exchange(Request("GET", "/log/vkey", is_authenticated=False))
            if isinstance(answer, Response):
                if answer.status != 200:
                    raise _unavailable(_problem(answer)[0])
                try:
                    key = log.VerifierKey.trusted(answer.body, self.fingerprint)
                except log.LogError as error:
                    raise VerificationFailed(
                        f"the log's key is not the one that the token names: {error}",
                        code="wrongKey",
                        next_step="check that address and token belong to one server",
                    ) from None
                found = key
                yield Call(lambda: self.state.keep_log_key(found, self.fingerprint))
                return key
            pause = answer.pause if answer.pause is not None else backoff.next()
            if now() + pause >= give_up:
                raise _unavailable(answer.why)
            yield Rest(pause)

    def _check_consistency(
        self, claim: VerifiedClaim, offered: Any, key: log.VerifierKey
    ) -> Steps[None]:
        """Demands that the tree continues the one that was seen last, or is an earlier part."""
        kept: tuple[bytes, log.Checkpoint] | None = yield Call(
            lambda: self.state.pin(key, self.fingerprint)
        )
        if kept is None:
            return
        pin, found = kept[1], claim.checkpoint
        old, new = (pin, found) if pin.size <= found.size else (found, pin)
        proof: list[bytes] | None = None
        if old.size == new.size or old.size == 0:
            proof = []
        elif old is pin:
            proof = _offered_proof(offered, pin, claim)
        if proof is None:
            proof = yield from self._proof_from_tiles(old.size, new.size)
        try:
            log.verify_consistency(old.size, old.root, new.size, new.root, proof)
        except log.LogError as error:
            raise VerificationFailed(
                f"the log contradicts the one seen before (sizes {pin.size} and {found.size}),"
                f" its past was changed: {error}",
                code="inconsistent",
            ) from None

    def _proof_from_tiles(self, old: int, new: int) -> Steps[list[bytes]]:
        tiles: dict[tuple[int, int], list[bytes]] = {}
        for _ in range(_MOST_TILES):
            try:
                return log.consistency_from_tiles(old, new, tiles)
            except log.MissingTile as missing:
                need = missing
            path = log.tile_path(need.level, need.index, need.width)
            answer = yield from self._exchange(
                Request("GET", f"/log/{path}", is_authenticated=False)
            )
            if isinstance(answer, _NotNow):
                raise _unavailable(answer.why)
            try:
                if answer.status != 200:
                    raise log.LogError(f"status {answer.status}")
                tiles[need.level, need.index] = log.decode_tile(answer.body, need.width)
            except log.LogError as error:
                raise VerificationFailed(
                    f"the log does not have a tile of a tree that it signed: {error}",
                    code="inconsistent",
                    where=f"`{path}`",
                ) from None
        raise _unavailable("the log needs more tiles for a proof than it should")

    # MARK: reports

    def report(self, outcome: Outcome, action: str, nonce: str) -> Steps[str | None]:
        """Reports an outcome; tries for 30 s, then keeps it for the next run.

        Returns ``None`` when the server has it, else why it does not.
        """
        request = _report_request(action, outcome.body(nonce))
        give_up = now() + REPORT_PATIENCE
        backoff = _Backoff()
        while True:
            try:
                answer = yield from self._exchange(request)
                if isinstance(answer, Response):
                    return None if answer.status < 300 else _problem(answer)[0]
                pause = backoff.next()
                if now() + pause >= give_up:
                    break
                yield Rest(pause)
            except BaseException:
                self._keep(outcome, action, nonce)
                raise
        problem = self._keep(outcome, action, nonce)
        if problem is not None:
            return f"{answer.why}; and it cannot be kept: {problem}"
        return f"{answer.why}; it is kept and sent with the next run"

    def send_kept_reports(self) -> Steps[None]:
        """Sends reports that earlier runs had to keep."""
        kept: list[tuple[str, bytes]] = yield Call(self.state.kept_reports)
        for action, body in kept:
            try:
                canonical.parse_canonical(body)
            except (JSONError, InputError):
                self.state.drop_report(action)
                continue
            answer = yield from self._exchange(_report_request(action, body))
            if isinstance(answer, _NotNow):
                return
            self.state.drop_report(action)

    def _keep(self, outcome: Outcome, action: str, nonce: str) -> str | None:
        # Whoever finds it there only tells what happened; nothing is executed on it.
        try:
            self.state.keep_report(outcome.body(nonce), action)
        except NotExecuted as error:
            return str(error)
        return None

    def heartbeat(self, action: str) -> None:
        """Tells the server that the operation still runs; a missed one does not matter."""
        try:
            self.transport.send(Request("POST", f"/v1/actions/{action}/heartbeat", b"{}"))
        except TransportFailure:
            pass

    # MARK: requests

    def _exchange(
        self, request: Request, abandoned: Callable[[Any], None] | None = None
    ) -> Steps[Response | _NotNow]:
        cancellation = Cancellation()

        def send() -> Response | TransportFailure:
            try:
                return self.transport.send(request, cancellation)
            except TransportFailure as failure:
                return failure

        # What may have claimed is let come to its end, so that it can be given back.
        cancel = None if abandoned else lambda: cancellation.cancel("interrupted")
        answer: Response | TransportFailure = yield Call(send, cancel, abandoned)
        if isinstance(answer, TransportFailure):
            return _NotNow(str(answer))
        if answer.status == 429 or answer.status >= 500:
            pause = None if answer.retry_after is None else float(min(answer.retry_after, 60))
            return _NotNow(_problem(answer)[0], pause)
        return answer


# MARK: answers


def _report_request(action: str, body: bytes) -> Request:
    return Request("POST", f"/v1/actions/{action}/outcome", body)


def _json(answer: Response) -> canonical.JSON:
    try:
        return canonical.parse(answer.body, max_bytes=MAX_ANSWER, name="the answer")
    except JSONError as error:
        raise Unavailable(
            f"the answer cannot be read: {error.what}",
            where=error.where,
            next_step="check that the address is an Exequatur server's",
        ) from None


def _action(answer: Response) -> SubmittedAction:
    return SubmittedAction.read(_json(answer))


def _same(expected: SubmittedAction, answer: Response) -> SubmittedAction:
    """The answer as an action, which must still be the one that was asked about."""
    found = _action(answer)
    if (found.id, found.digest, found.gate, found.operation_digest) != (
        expected.id,
        expected.digest,
        expected.gate,
        expected.operation_digest,
    ):
        raise VerificationFailed(
            "the server answers for another action", code="wrongAction", action=expected
        )
    return found


def _problem(answer: Response) -> tuple[str, str | None]:
    """What a problem answer says (RFC 9457) and its code, or its status."""
    try:
        json = _json(answer)
    except Unavailable:
        json = None
    if isinstance(json, dict):
        detail = json.get("detail") or json.get("title")
        code = json.get("code")
        if isinstance(detail, str):
            if isinstance(code, str):
                return f"{detail[:1_000]} ({code[:64]})", code[:64]
            return detail[:1_000], None
    return f"the server answered with status {answer.status}", None


def _refused(answer: Response, action: SubmittedAction | None = None) -> NotExecuted:
    what, code = _problem(answer)
    if code in ("already_claimed", "already_reported"):
        return AlreadyUsed(what, action=action, next_step="ask again for a new action")
    return Refused(what, code=code, action=action)


def _unavailable(why: str) -> Unavailable:
    return Unavailable(why, next_step="nothing ran; ask again when the server is there")


def _offered_proof(
    offered: Any, pin: log.Checkpoint, claim: VerifiedClaim
) -> list[bytes] | None:
    """The proof that came with the claim, where it is about these very two trees."""
    if not isinstance(offered, dict) or offered.get("from") != pin.size:
        return None
    note, proof = offered.get("checkpoint"), offered.get("proof")
    if not isinstance(note, str) or note.encode("utf-8") != claim.note:
        return None
    if not isinstance(proof, list) or not all(isinstance(text, str) for text in proof):
        return None
    try:
        hashes = [log.decode_base64(text) for text in proof]
    except log.LogError:
        return None
    return hashes if all(len(found) == 32 for found in hashes) else None


def _still_pending(action: SubmittedAction) -> Pending:
    place = f", or decide at {action.url}" if action.url else ""
    return Pending(
        f"{action.id} is still pending",
        next_step=f"ask for the same operation again to go on waiting{place}",
        action=action,
    )


_ENDINGS: dict[str, tuple[type[NotExecuted], str]] = {
    "denied": (errors.Denied, "is denied"),
    "expired": (errors.Expired, "expired: nobody decided in time"),
    "cancelled": (errors.Cancelled, "was cancelled"),
    "invalidated": (errors.Invalidated, "is invalidated: policy no longer allows it"),
    "revoked": (errors.Revoked, "was revoked"),
    "lapsed": (errors.Lapsed, "lapsed: it was approved, but not used in time"),
    "claimed": (AlreadyUsed, "was claimed by another call"),
}
_OVER = ("succeeded", "failed", "not_started", "unknown")


def ended(action: SubmittedAction) -> NotExecuted:
    """The error for an action that is over without having been executed here."""
    why = "; ".join(action.decisions + action.reasons)
    tail = f": {why}" if why else ""
    if action.state in _ENDINGS:
        kind, words = _ENDINGS[action.state]
        return kind(f"{action.id} {words}{tail}", action=action)
    if action.state in _OVER:
        return AlreadyUsed(f"{action.id} is already over ({action.state})", action=action)
    return errors.UnknownState(
        f"{action.id} is in a state that this gate does not know",
        next_step="update this package",
        action=action,
    )

