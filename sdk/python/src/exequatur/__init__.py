# SPDX-License-Identifier: Apache-2.0
"""Asks before anything privileged runs, and runs it only on a proven claim.

:class:`Gate` blocks, :class:`AsyncGate` is for asyncio. See the README for how to begin.
"""

from .actions import Operation, Resource, SubmittedAction, Trigger
from .aio import AsyncAction, AsyncGate
from .command import CommandResult
from .errors import (
    AlreadyUsed,
    Cancelled,
    CommandError,
    ConfigurationError,
    Denied,
    ExequaturError,
    Expired,
    FloorNotMet,
    InputError,
    Invalidated,
    JSONError,
    Lapsed,
    NonceUsed,
    NotExecuted,
    Pending,
    Refused,
    Revoked,
    StateError,
    TooLate,
    Unavailable,
    UnknownState,
    VerificationFailed,
    WebhookError,
)
from .execution import Execution
from .gate import Action, Gate
from .protocol import Progress
from .webhooks import Webhook

__version__ = "0.1.0"

__all__ = [
    "Action",
    "AlreadyUsed",
    "AsyncAction",
    "AsyncGate",
    "Cancelled",
    "CommandError",
    "CommandResult",
    "ConfigurationError",
    "Denied",
    "ExequaturError",
    "Execution",
    "Expired",
    "FloorNotMet",
    "Gate",
    "InputError",
    "Invalidated",
    "JSONError",
    "Lapsed",
    "NonceUsed",
    "NotExecuted",
    "Operation",
    "Pending",
    "Progress",
    "Refused",
    "Resource",
    "Revoked",
    "StateError",
    "SubmittedAction",
    "TooLate",
    "Trigger",
    "Unavailable",
    "UnknownState",
    "VerificationFailed",
    "Webhook",
    "WebhookError",
    "__version__",
]
