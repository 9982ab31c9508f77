# SPDX-License-Identifier: Apache-2.0
"""The errors for actions that end without being executed here."""

from __future__ import annotations

from . import errors
from .actions import SubmittedAction
from .errors import AlreadyUsed, NotExecuted, Pending

__all__ = ["ENDINGS", "ended", "still_pending"]


def still_pending(action: SubmittedAction) -> Pending:
    """The error for an action that nobody decided while it was waited for."""
    place = f", or decide at {action.url}" if action.url else ""
    return Pending(
        f"{action.id} is still pending",
        next_step=f"ask for the same operation again to go on waiting{place}",
        action=action,
    )


#: By state: the error, and what it says.
ENDINGS: dict[str, tuple[type[NotExecuted], str]] = {
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
    if action.state in ENDINGS:
        kind, words = ENDINGS[action.state]
        return kind(f"{action.id} {words}{tail}", action=action)
    if action.state in _OVER:
        return AlreadyUsed(f"{action.id} is already over ({action.state})", action=action)
    return errors.UnknownState(
        f"{action.id} is in a state that this gate does not know",
        next_step="update this package",
        action=action,
    )
