# SPDX-License-Identifier: Apache-2.0
"""The blocking gate."""

from __future__ import annotations

import functools
import inspect
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from . import command
from .actions import ResourceLike, SubmittedAction, Trigger
from .command import CommandResult
from .errors import ConfigurationError, NotExecuted
from .execution import (
    Asking,
    Binding,
    Chosen,
    Execution,
    Heartbeats,
    Said,
    Settings,
    Wait,
    reason_of,
    resource_of,
    seconds,
)
from .protocol import Grant, Progress
from .reports import Outcome
from .steps import Call, Steps

if TYPE_CHECKING:
    from .aio import AsyncGate

__all__ = ["Action", "Gate"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def drive(steps: Steps[T]) -> T:
    """Does what a protocol asks for, one thing after the other."""
    try:
        effect = next(steps)
        while True:
            result: Any = None
            try:
                if isinstance(effect, Call):
                    result = effect.function()
                else:
                    time.sleep(effect.seconds)
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


class Gate:
    """Asks before anything privileged runs, and runs it only on a proven claim.

    :param url: the server; else ``EXEQUATUR_URL``, else ``http://127.0.0.1:8420``.
    :param token: the agent's token; else ``EXEQUATUR_TOKEN``.
    :param gate_token: the gate's own token; else ``EXEQUATUR_GATE_TOKEN``. Without one the gate
        is *advisory*: whoever runs this program could as well do without asking.
    :param state_dir: where used nonces and the newest tree head are kept; else
        ``EXEQUATUR_STATE_DIR``, else the place that ``exequatur run`` uses.
    :param require: ``"passkey"`` refuses whatever no reviewer signed for.
    :param wait: how long to wait for a decision, unless a call says otherwise.
    :param on_progress: told what the gate waits for; by default the log ``exequatur`` is.
    :param insecure: allows a token to travel unencrypted to another machine.
    :param ssl_context: for a server with a certificate of a private authority.

    May be used from several threads. Raises :class:`ConfigurationError` or :class:`StateError`.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        gate_token: str | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        require: str | None = None,
        wait: Wait = "1h",
        on_progress: Callable[[Progress], None] | None = None,
        insecure: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ):
        self._settings = Settings.make(
            url=url,
            token=token,
            gate_token=gate_token,
            state_dir=state_dir,
            require=require,
            wait=wait,
            on_progress=on_progress,
            insecure=insecure,
            ssl_context=ssl_context,
        )

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes connections; the gate can still be used."""
        self._settings.close()

    def asynchronous(self) -> AsyncGate:
        """The same gate for asyncio; both share connections and state."""
        from .aio import AsyncGate

        found = AsyncGate.__new__(AsyncGate)
        found._settings = self._settings
        return found

    def action(
        self,
        action: str,
        *,
        resource: ResourceLike,
        input: Mapping[str, Any] | None = None,
        reason: str | None = None,
        trigger: Trigger | None = None,
        wait: Wait | None = None,
    ) -> Action:
        """One request, frozen now and sent when its ``with`` block is entered.

        The block runs only when the action was cleared, claimed and verified::

            with gate.action("db.export", resource=("Database", "crm"),
                             input={"table": "orders"}, reason="monthly report") as execution:
                export(execution.input["table"])

        Raises :class:`InputError` for what cannot be frozen. Entering raises one of the other
        :class:`NotExecuted` errors when nothing may run.
        """
        return Action(
            self._settings,
            Asking.make(self._settings, action, resource, input, reason, trigger, wait),
        )

    def requires(
        self,
        action: str,
        *,
        resource: Chosen,
        reason: Said = None,
        wait: Wait | None = None,
        except_for: Sequence[str] = ("self", "cls"),
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Makes each call of a function an action.

        The call's arguments are the input, by name, and must be JSON values. The function is
        called with the approved values, whatever became of the caller's objects meanwhile.
        ``resource`` and ``reason`` may be functions of the input. Parameters named in
        ``except_for`` are passed on as they are and are not part of what is approved.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
                raise ConfigurationError(
                    f"`{function.__qualname__}` is not a plain function",
                    next_step="use `AsyncGate` for coroutines; generators cannot be gated",
                )
            binding = Binding(function, except_for)

            @functools.wraps(function)
            def call(*args: P.args, **kwargs: P.kwargs) -> R:
                bound = binding.bound(args, kwargs)
                input = binding.input(bound)
                request = self.action(
                    action,
                    resource=resource_of(resource, input),
                    input=input,
                    reason=reason_of(reason, input),
                    wait=wait,
                )
                with request as execution:
                    approved = binding.approved(bound, execution.input)
                    return function(*approved.args, **approved.kwargs)

            return call

        return decorate

    def ask(
        self,
        action: str,
        *,
        resource: ResourceLike,
        input: Mapping[str, Any] | None = None,
        reason: str | None = None,
        trigger: Trigger | None = None,
    ) -> SubmittedAction:
        """Asks without waiting and without claiming; nothing may be executed on the answer.

        The same operation asked for later, with :meth:`action`, finds this action again.
        """
        asking = Asking.make(self._settings, action, resource, input, reason, trigger, 0)
        return drive(self._settings.client.ask(asking.operation, asking.intent))

    def settle(self, action: SubmittedAction, *, wait: Wait | None = None) -> SubmittedAction:
        """Waits until an action is no longer pending; raises :class:`Pending` if it stays so."""
        bound = self._settings.wait if wait is None else seconds(wait)
        return drive(self._settings.client.settle(action, bound))

    def run(
        self,
        arguments: Sequence[str],
        *,
        reason: str | None = None,
        wait: Wait | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        variables: Sequence[str] = (),
        bind: Sequence[str] = (),
        stdin: bytes | None = None,
        capture: bool = False,
        host: str | None = None,
    ) -> CommandResult:
        """Runs a command once it is cleared; :mod:`exequatur.command` says what is bound.

        Always advisory, even where the gate has a credential of its own. Use ``exequatur run``
        where there is that program.
        """
        self._settings.check_floor()
        request = command.CommandRequest.make(
            arguments, cwd=cwd, env=env, variables=variables, bind=bind, stdin=stdin, host=host
        )
        bound = self._settings.wait if wait is None else seconds(wait)
        return drive(
            command.run(self._settings.advisory_client, request, reason, bound, capture=capture)
        )


class Action:
    """One request; see :meth:`Gate.action`. Entered once."""

    def __init__(self, settings: Settings, asking: Asking):
        self._client = settings.client
        self._asking = asking
        self._execution: Execution | None = None
        self._grant: Grant | None = None
        self._heartbeats: Heartbeats | None = None

    @property
    def operation_digest(self) -> str:
        """SHA-256 of what was frozen, in hexadecimal."""
        return self._asking.operation.digest

    def __enter__(self) -> Execution:
        if self._grant is not None:
            raise ConfigurationError(
                "this request was used before", next_step="call `gate.action` again"
            )
        drive(self._client.reports.send_kept())
        asking = self._asking
        grant = drive(self._client.obtain(asking.operation, asking.intent, asking.wait))
        self._grant = grant
        self._execution = Execution(grant)
        try:
            grant.check_start()
        except NotExecuted as error:
            self._report(Outcome("not_started", str(error)))
            raise
        self._heartbeats = Heartbeats(self._client.reports, grant.action.id)
        return self._execution

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._execution is not None and self._heartbeats is not None
        self._heartbeats.stop()
        self._report(self._execution.outcome(error))

    def _report(self, outcome: Outcome) -> None:
        assert self._grant is not None and self._execution is not None
        grant = self._grant
        problem = drive(self._client.reports.send(outcome, grant.action.id, grant.nonce))
        self._execution.note(problem)
