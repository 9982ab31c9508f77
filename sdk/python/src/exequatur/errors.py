# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong, as types.

Each error says what is wrong, where, and what to do next. Whatever derives from
:class:`NotExecuted` means: nothing of what was asked for has run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .actions import SubmittedAction

__all__ = [
    "AlreadyUsed",
    "Cancelled",
    "CommandError",
    "ConfigurationError",
    "Denied",
    "ExequaturError",
    "Expired",
    "FloorNotMet",
    "InputError",
    "Invalidated",
    "JSONError",
    "Lapsed",
    "NonceUsed",
    "NotExecuted",
    "Pending",
    "Refused",
    "Revoked",
    "StateError",
    "TooLate",
    "Unavailable",
    "UnknownState",
    "VerificationFailed",
    "WebhookError",
]


class ExequaturError(Exception):
    """Any error of this package.

    ``what`` says what is wrong, ``where`` names the place (a JSON pointer, a file, a variable)
    and ``next_step`` what to do. All three are plain text in lower case; none holds a token.
    """

    #: The exit code with which ``exequatur run`` would end, from sysexits(3).
    exit_code = 70
    #: True when somebody may have tampered: worth telling a person at once.
    is_alarm = False

    def __init__(self, what: str, *, where: str | None = None, next_step: str | None = None):
        self.what = what
        self.where = where
        self.next_step = next_step
        text = what
        if where is not None:
            text += f" (at {where})"
        if next_step is not None:
            text += f": {next_step}"
        super().__init__(text)


class ConfigurationError(ExequaturError, ValueError):
    """The gate is set up wrongly: an address, a token, an option."""

    exit_code = 64


class JSONError(ExequaturError, ValueError):
    """A text is not the strict JSON that is read here; ``where`` says at which byte or member."""


class WebhookError(ExequaturError):
    """A webhook is not from the server, or is too old; answer it with status 400."""


class NotExecuted(ExequaturError):
    """Nothing ran. What follows from that depends on the subclass.

    ``action`` is the action as the server last showed it, where there is one.
    """

    exit_code = 77

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        next_step: str | None = None,
        action: SubmittedAction | None = None,
    ):
        super().__init__(what, where=where, next_step=next_step)
        self.action = action


class InputError(NotExecuted, ValueError):
    """The operation cannot be frozen as it is; nothing was sent."""

    exit_code = 64


class FloorNotMet(NotExecuted):
    """The gate demands more than can be verified (``require=``); nothing was sent."""


class Pending(NotExecuted):
    """Nobody has decided yet. Asking for the same operation again finds the same action."""

    exit_code = 75


class Unavailable(NotExecuted):
    """The server cannot be reached, is not ready, or is not an Exequatur server."""

    exit_code = 69


class Refused(NotExecuted):
    """The server refused the request itself; ``code`` is its stable word for why."""

    def __init__(
        self,
        what: str,
        *,
        code: str | None = None,
        where: str | None = None,
        next_step: str | None = None,
        action: SubmittedAction | None = None,
    ):
        super().__init__(what, where=where, next_step=next_step, action=action)
        self.code = code


class Denied(NotExecuted):
    """A person or a policy said no. ``action`` has the reasons."""


class Expired(NotExecuted):
    """Nobody decided in time, which counts as a no."""


class Cancelled(NotExecuted):
    """The action was cancelled by whoever asked for it."""


class Invalidated(NotExecuted):
    """It was approved, but policy no longer allows it."""


class Revoked(NotExecuted):
    """It was approved, and a person has taken that back."""


class Lapsed(NotExecuted):
    """It was approved, but not used in time."""


class AlreadyUsed(NotExecuted):
    """The action was claimed by another call, or is over."""


class UnknownState(NotExecuted):
    """The server names a state that this version does not know."""


class TooLate(NotExecuted):
    """The claim came too late to start on."""


class StateError(NotExecuted):
    """The state directory cannot be used, or something in it was changed."""


class NonceUsed(StateError):
    """The nonce of this claim was used before: a replay."""

    is_alarm = True


class CommandError(NotExecuted):
    """A command cannot be found, read or started."""

    def __init__(self, what: str, *, next_step: str | None = None, exit_code: int = 77):
        super().__init__(what, next_step=next_step)
        self.exit_code = exit_code


class VerificationFailed(NotExecuted):
    """The server's answer is not proven, or is not about what was asked for.

    ``code`` is a stable word: ``malformed``, ``wrongNonce``, ``wrongGate``, ``wrongAction``,
    ``wrongDigest``, ``wrongOperation``, ``wrongKind``, ``wrongWindow``, ``notCommitted``,
    ``notInLog``, ``inconsistent``, ``wrongKey`` or ``changed``.
    """

    is_alarm = True

    def __init__(
        self,
        what: str,
        *,
        code: str,
        where: str | None = None,
        next_step: str | None = "do not trust this server, and tell whoever runs it",
        action: SubmittedAction | None = None,
    ):
        super().__init__(what, where=where, next_step=next_step, action=action)
        self.code = code
