# SPDX-License-Identifier: Apache-2.0
"""What blocking and asynchronous gates share: settings, executions, heartbeats, arguments."""

from __future__ import annotations

import inspect
import logging
import os
import re
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import actions
from .actions import Operation, Resource, ResourceLike, SubmittedAction, Trigger
from .errors import ConfigurationError, FloorNotMet, InputError
from .protocol import Client, Grant, Progress
from .reports import Outcome, Reports
from .state import GateState
from .tokens import Token
from .transport import HTTPTransport

__all__ = ["Execution", "Settings", "Wait", "seconds"]

logger = logging.getLogger("exequatur")

#: Seconds, or text like ``90s``, ``10m``, ``1h``.
Wait = Union[float, int, str]
_WAIT = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_HEARTBEAT_SECONDS = 30.0
_HEX_64 = re.compile(r"[0-9a-f]{64}", re.ASCII)

#: What a gate can demand of reviewers, beyond what policy asks.
FLOORS = ("passkey",)


def seconds(wait: Wait) -> float:
    """A length of time in seconds."""
    if isinstance(wait, str):
        found = _WAIT.fullmatch(wait)
        if found is not None:
            return float(int(found[1]) * _UNITS[found[2]])
    elif isinstance(wait, (int, float)) and not isinstance(wait, bool) and 0 <= wait < 1e9:
        return float(wait)
    raise ConfigurationError(
        f"`{wait!r}` is not a length of time",
        where="`wait`",
        next_step="write seconds, or text like `90s`, `10m` or `1h`",
    )


def log_progress(progress: Progress) -> None:
    """Tells the log ``exequatur`` what a gate waits for."""
    action = progress.action
    if action is None:
        return
    if progress.kind == "waiting":
        label = " [advisory gate]" if action.is_advisory else ""
        logger.info(
            "%s waits for approval%s: %s; decide at %s, or: exequatur approve %s --expect %s",
            action.id,
            label,
            "; ".join(action.reasons) or "policy asks for a review",
            action.url,
            action.id,
            action.digest[:16],
        )
    elif progress.kind == "reconnecting":
        logger.warning("%s; trying again", progress.detail)
    else:
        logger.info("%s is cleared", action.id)


@dataclass(frozen=True)
class Settings:
    """How a gate is set up; :class:`exequatur.Gate` says what the parts mean."""

    client: Client
    #: The same without the gate's own credential.
    advisory_client: Client
    wait: float
    require: str | None

    @staticmethod
    def make(
        *,
        url: str | None,
        token: str | None,
        gate_token: str | None,
        state_dir: str | os.PathLike[str] | None,
        require: str | None,
        wait: Wait,
        on_progress: Callable[[Progress], None] | None,
        insecure: bool,
        ssl_context: ssl.SSLContext | None,
    ) -> Settings:
        """Checks everything; reads what is ``None`` from the environment."""
        if require is not None and require not in FLOORS:
            raise ConfigurationError(
                f"`{require!r}` is nothing that a gate can require",
                where="`require`",
                next_step='use "passkey" or leave it out',
            )
        address = url or os.environ.get("EXEQUATUR_URL") or "http://127.0.0.1:8420"
        text = token or os.environ.get("EXEQUATUR_TOKEN")
        if not text:
            raise ConfigurationError(
                "there is no token",
                where="`token` or EXEQUATUR_TOKEN",
                next_step="set it to the agent's token",
            )
        agent = Token.parse(text, kind="a", where="`token` or EXEQUATUR_TOKEN")
        gate_text = gate_token or os.environ.get("EXEQUATUR_GATE_TOKEN")
        gate: Token | None = None
        if gate_text:
            place = "`gate_token` or EXEQUATUR_GATE_TOKEN"
            gate = Token.parse(gate_text, kind="g", where=place)
            if gate.fingerprint != agent.fingerprint:
                raise ConfigurationError(
                    "the agent's and the gate's token name different logs",
                    where=place,
                    next_step="take both from one server",
                )
        state = GateState(state_dir)
        told = log_progress if on_progress is None else on_progress

        def client(credential: Token | None) -> Client:
            transport = HTTPTransport(
                address, agent, credential, insecure=insecure, ssl_context=ssl_context
            )
            return Client(transport, state, agent.fingerprint, told)

        enforcing = client(gate)
        return Settings(
            client=enforcing,
            advisory_client=enforcing if gate is None else client(None),
            wait=seconds(wait),
            require=require,
        )

    def check_floor(self) -> None:
        """Refuses what cannot be verified, before anything is sent."""
        if self.require is not None:
            raise FloorNotMet(
                f"this gate requires a {self.require} of a reviewer, and the server gives no"
                " proof of one yet",
                where="`require`",
                next_step="nothing was asked for; leave `require` out until passkeys are there",
            )

    def close(self) -> None:
        """Closes connections."""
        self.client.transport.close()
        self.advisory_client.transport.close()


@dataclass(frozen=True)
class Asking:
    """One request, as far as it can be made before it is sent."""

    operation: Operation
    intent: dict[str, Any]
    wait: float

    @staticmethod
    def make(
        settings: Settings,
        action: str,
        resource: ResourceLike,
        input: Mapping[str, Any] | None,
        reason: str | None,
        trigger: Trigger | None,
        wait: Wait | None,
    ) -> Asking:
        """Freezes the operation and checks the rest; sends nothing."""
        settings.check_floor()
        return Asking(
            Operation.freeze(action, resource, {} if input is None else input),
            actions.intent(reason, trigger),
            settings.wait if wait is None else seconds(wait),
        )


class Execution:
    """Leave to execute, and what became of it.

    Use :attr:`input`, which is read from the bytes that were approved, not the values that were
    passed in: those may have changed since.
    """

    def __init__(self, grant: Grant):
        self._grant = grant
        self._outcome: Outcome | None = None
        #: Why the server does not have the outcome; ``None`` when it has, or when it is open.
        self.unreported: str | None = None

    @property
    def action(self) -> SubmittedAction:
        """The action as it was when it was claimed."""
        return self._grant.action

    @property
    def is_advisory(self) -> bool:
        """True when this gate has no credential of its own, so that its word is only a claim."""
        return self._grant.action.is_advisory

    @property
    def input(self) -> dict[str, Any]:
        """The approved input, read anew each time."""
        return self._grant.operation.input

    @property
    def resource(self) -> Resource:
        """The approved resource."""
        return self._grant.operation.resource

    def succeeded(self, detail: str | None = None, *, result_digest: str | None = None) -> None:
        """Says that it worked; leaving without a word and without an exception says so too."""
        self._set("succeeded", detail, result_digest)

    def failed(self, detail: str | None = None) -> None:
        """Says that it did not work."""
        self._set("failed", detail)

    def not_started(self, detail: str | None = None) -> None:
        """Says that nothing was done after all."""
        self._set("not_started", detail)

    def unknown(self, detail: str | None = None) -> None:
        """Says that nobody can tell; a person then settles it."""
        self._set("unknown", detail)

    def _set(self, status: str, detail: str | None, result_digest: str | None = None) -> None:
        if result_digest is not None and not _HEX_64.fullmatch(result_digest):
            raise InputError(
                "this is not a SHA-256 digest",
                where="`result_digest`",
                next_step="pass 64 hexadecimal digits in lower case",
            )
        self._outcome = Outcome(status, detail, result_digest=result_digest)

    def outcome(self, error: BaseException | None) -> Outcome:
        """What is reported when the block was left, with or without an exception."""
        if self._outcome is not None:
            return self._outcome
        if error is None:
            return Outcome("succeeded")
        # Its text may hold anything, and what is reported is kept for good.
        words = f"ended by an exception: {type(error).__name__}"
        return Outcome("failed" if isinstance(error, Exception) else "unknown", words)

    def note(self, problem: str | None) -> None:
        """Remembers and logs why a report did not reach the server."""
        self.unreported = problem
        if problem is not None:
            logger.warning("the outcome of %s is not reported: %s", self.action.id, problem)


class Heartbeats:
    """Tells the server every 30 s that something still runs, from a thread of its own."""

    def __init__(self, reports: Reports, action: str, interval: float = _HEARTBEAT_SECONDS):
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._beat, args=(reports, action, interval), daemon=True
        )
        self._thread.start()

    def _beat(self, reports: Reports, action: str, interval: float) -> None:
        while not self._stop.wait(interval):
            reports.heartbeat(action)

    def stop(self) -> None:
        """Ends the thread soon; it may still be inside one request."""
        self._stop.set()


class Binding:
    """How the arguments of a function become the input of an operation, and back."""

    def __init__(self, function: Callable[..., Any], except_for: Sequence[str]):
        self._signature = inspect.signature(function)
        self._left_out = frozenset(except_for)
        self._function = function
        unknown = self._left_out - set(self._signature.parameters) - {"self", "cls"}
        if unknown:
            raise ConfigurationError(
                f"the function has no parameter `{sorted(unknown)[0]}`", where="`except_for`"
            )

    def bound(self, args: Any, kwargs: Any) -> inspect.BoundArguments:
        """The arguments of a call with defaults filled in."""
        found = self._signature.bind(*args, **kwargs)
        found.apply_defaults()
        return found

    def input(self, bound: inspect.BoundArguments) -> dict[str, Any]:
        """The arguments by name, as JSON."""
        found: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if name not in self._left_out:
                kind = self._signature.parameters[name].kind
                found[name] = list(value) if kind is inspect.Parameter.VAR_POSITIONAL else value
        return found

    def approved(
        self, bound: inspect.BoundArguments, input: Mapping[str, Any]
    ) -> inspect.BoundArguments:
        """The same call with the approved values."""
        for name in bound.arguments:
            if name not in self._left_out:
                kind = self._signature.parameters[name].kind
                value = input[name]
                is_rest = kind is inspect.Parameter.VAR_POSITIONAL
                bound.arguments[name] = tuple(value) if is_rest else value
        return bound


Chosen = Union[ResourceLike, "Callable[[dict[str, Any]], ResourceLike]"]
Said = Union[str, None, "Callable[[dict[str, Any]], str]"]


def resource_of(chosen: Chosen, input: dict[str, Any]) -> ResourceLike:
    """The resource of a decorated function's call."""
    return chosen(input) if callable(chosen) else chosen


def reason_of(said: Said, input: dict[str, Any]) -> str | None:
    """The reason of a decorated function's call."""
    return said(input) if callable(said) else said
