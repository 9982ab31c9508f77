# SPDX-License-Identifier: Apache-2.0
"""Reading the server's answers, and the errors for those that refuse."""

from __future__ import annotations

from . import canonical
from .actions import SubmittedAction
from .errors import AlreadyUsed, JSONError, NotExecuted, Refused, Unavailable, VerificationFailed
from .transport import MAX_ANSWER, Response

__all__ = ["problem", "read_action", "read_json", "read_same", "refused", "unavailable"]


def read_json(answer: Response) -> canonical.JSON:
    """The answer as JSON; raises :class:`Unavailable`."""
    try:
        return canonical.parse(answer.body, max_bytes=MAX_ANSWER, name="the answer")
    except JSONError as error:
        raise Unavailable(
            f"the answer cannot be read: {error.what}",
            where=error.where,
            next_step="check that the address is an Exequatur server's",
        ) from None


def read_action(answer: Response) -> SubmittedAction:
    """The answer as an action; raises :class:`Unavailable`."""
    return SubmittedAction.read(read_json(answer))


def read_same(expected: SubmittedAction, answer: Response) -> SubmittedAction:
    """The answer as an action, which must still be the one that was asked about."""
    found = read_action(answer)
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


def problem(answer: Response) -> tuple[str, str | None]:
    """What a problem answer says (RFC 9457) and its code, or its status."""
    try:
        json = read_json(answer)
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


def refused(answer: Response, action: SubmittedAction | None = None) -> NotExecuted:
    """The error for an answer that refuses."""
    what, code = problem(answer)
    if code in ("already_claimed", "already_reported"):
        return AlreadyUsed(what, action=action, next_step="ask again for a new action")
    return Refused(what, code=code, action=action)


def unavailable(why: str) -> Unavailable:
    """The error for a server that does not answer, or not so that it can be read."""
    return Unavailable(why, next_step="nothing ran; ask again when the server is there")
