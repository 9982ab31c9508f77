# SPDX-License-Identifier: Apache-2.0
"""The gate for asyncio.

Requests run in threads, since the standard library has no asynchronous HTTP client. Cancelling a
task closes its connection at once; what may have been claimed meanwhile is given back.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

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

__all__ = ["AsyncAction", "AsyncGate"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


async def drive(steps: Steps[T]) -> T:
    """Does what a protocol asks for, without holding up the event loop."""
    try:
        effect = next(steps)
        while True:
            result: Any = None
            try:
                if isinstance(effect, Call):
                    result = await _in_thread(effect)
                else:
                    await asyncio.sleep(effect.seconds)
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(result)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def _in_thread(call: Call) -> Any:
    """Runs something that blocks in a thread of its own.

    Not in asyncio's pool: its few threads would all be waiting for decisions.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def give_up(result: Any) -> None:
        if call.abandoned is not None:
            call.abandoned(result)

    def work() -> None:
        result: Any = None
        problem: BaseException | None = None
        try:
            result = call.function()
        except BaseException as error:
            problem = error

        def done() -> None:
            if future.cancelled():
                threading.Thread(target=give_up, args=(result,), daemon=True).start()
            elif problem is not None:
                future.set_exception(problem)
            else:
                future.set_result(result)

        try:
            loop.call_soon_threadsafe(done)
        except RuntimeError:  # The loop is closed, so nobody waits any more.
            give_up(result)

    threading.Thread(target=work, daemon=True).start()
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled() and future.exception() is None:
            result = future.result()
            threading.Thread(target=give_up, args=(result,), daemon=True).start()
        elif call.cancel is not None:
            call.cancel()
        raise


class AsyncGate:
    """:class:`exequatur.Gate` for asyncio: the same parameters, the same errors."""

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

    async def __aenter__(self) -> AsyncGate:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes connections; the gate can still be used."""
        self._settings.close()

    def action(
        self,
        action: str,
        *,
        resource: ResourceLike,
        input: Mapping[str, Any] | None = None,
        reason: str | None = None,
        trigger: Trigger | None = None,
        wait: Wait | None = None,
    ) -> AsyncAction:
        """One request, frozen now and sent when its ``async with`` block is entered."""
        return AsyncAction(
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
    ) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
        """Makes each call of a coroutine function an action; see :meth:`Gate.requires`."""

        def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
            if not inspect.iscoroutinefunction(function):
                raise ConfigurationError(
                    "this is not a coroutine function",
                    where=f"`{getattr(function, '__qualname__', function)}`",
                    next_step="use `async def`, or `Gate` for plain functions",
                )
            binding = Binding(function, except_for)

            @functools.wraps(function)
            async def call(*args: P.args, **kwargs: P.kwargs) -> R:
                bound = binding.bound(args, kwargs)
                input = binding.input(bound)
                request = self.action(
                    action,
                    resource=resource_of(resource, input),
                    input=input,
                    reason=reason_of(reason, input),
                    wait=wait,
                )
                async with request as execution:
                    approved = binding.approved(bound, execution.input)
                    result: R = await function(*approved.args, **approved.kwargs)
                    return result

            return call

        return decorate

    async def ask(
        self,
        action: str,
        *,
        resource: ResourceLike,
        input: Mapping[str, Any] | None = None,
        reason: str | None = None,
        trigger: Trigger | None = None,
    ) -> SubmittedAction:
        """Asks without waiting and without claiming; nothing may be executed on the answer."""
        asking = Asking.make(self._settings, action, resource, input, reason, trigger, 0)
        return await drive(self._settings.client.ask(asking.operation, asking.intent))

    async def settle(
        self, action: SubmittedAction, *, wait: Wait | None = None
    ) -> SubmittedAction:
        """Waits until an action is no longer pending; raises :class:`Pending` if it stays so."""
        bound = self._settings.wait if wait is None else seconds(wait)
        return await drive(self._settings.client.settle(action, bound))

    async def run(
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
        """Runs a command once it is cleared, always advisory; see :meth:`Gate.run`.

        Cancelling the task sends the command SIGTERM.
        """
        self._settings.check_floor()
        request = command.CommandRequest.make(
            arguments, cwd=cwd, env=env, variables=variables, bind=bind, stdin=stdin, host=host
        )
        bound = self._settings.wait if wait is None else seconds(wait)
        return await drive(
            command.run(self._settings.advisory_client, request, reason, bound, capture=capture)
        )


class AsyncAction:
    """One request; see :meth:`AsyncGate.action`. Entered once."""

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

    async def __aenter__(self) -> Execution:
        if self._grant is not None:
            raise ConfigurationError(
                "this request was used before", next_step="call `gate.action` again"
            )
        await drive(self._client.reports.send_kept())
        asking = self._asking
        grant = await drive(self._client.obtain(asking.operation, asking.intent, asking.wait))
        self._grant = grant
        self._execution = Execution(grant)
        try:
            grant.check_start()
        except NotExecuted as error:
            await self._report(Outcome("not_started", str(error)))
            raise
        self._heartbeats = Heartbeats(self._client.reports, grant.action.id)
        return self._execution

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._execution is not None and self._heartbeats is not None
        self._heartbeats.stop()
        await self._report(self._execution.outcome(error))

    async def _report(self, outcome: Outcome) -> None:
        assert self._grant is not None and self._execution is not None
        grant = self._grant
        problem = await drive(self._client.reports.send(outcome, grant.action.id, grant.nonce))
        self._execution.note(problem)
