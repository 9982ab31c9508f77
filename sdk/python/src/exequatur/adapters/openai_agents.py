# SPDX-License-Identifier: Apache-2.0
"""OpenAI Agents SDK: tools that run only on a proven claim.

A gated tool asks the gate twice. Before the call, ``needs_approval`` asks whether a person has to
decide; if so the SDK interrupts the run. When the tool is invoked it asks again and runs on a
verified claim only, with the very arguments that were approved. So an approval in a ``RunState``
is nothing but a hint to try: the state is unsigned JSON, and whoever edits it gains nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from agents import FunctionTool, RunContextWrapper, default_tool_error_function
from agents.items import ToolApprovalItem
from agents.result import RunResult, RunResultStreaming
from agents.run_state import RunState
from agents.tool_context import ToolContext

from .. import canonical
from ..actions import SubmittedAction
from ..aio import AsyncGate
from ..errors import ConfigurationError, InputError, JSONError, NotExecuted
from ..execution import Chosen, Said, Wait, seconds
from .tools import Rule, refusal, words

__all__ = ["Approvals"]


class Approvals:
    """Gated tools of an agent, and the decisions on its interruptions::

        approvals = Approvals(gate)
        agent = Agent(tools=[approvals.tool(export, resource=("Database", "crm"))])
        result = await Runner.run(agent, "…")
        while result.interruptions:
            result = await Runner.run(agent, await approvals.decide(result))
    """

    def __init__(self, gate: AsyncGate):
        self._gate = gate
        self._rules: dict[str, Rule] = {}

    def tool(
        self,
        tool: FunctionTool,
        *,
        resource: Chosen,
        action: str | None = None,
        reason: Said = None,
        hold: Wait | None = None,
    ) -> FunctionTool:
        """A tool that goes through the gate.

        With ``hold`` a call waits so long for a decision by itself; without it the run is
        interrupted, to be resumed with :meth:`decide`. The tool's own ``needs_approval`` must
        not be set, since the gate takes its place.
        """
        if tool.needs_approval is not False:
            raise ConfigurationError(
                f"the tool `{tool.name}` has a `needs_approval` of its own",
                next_step="leave it out: the gate asks whether somebody has to decide",
            )
        if tool.name in self._rules:
            raise ConfigurationError(f"there is a gated tool `{tool.name}` already")
        rule = Rule(resource, action, reason, 0 if hold is None else hold)
        seconds(rule.wait)
        self._rules[tool.name] = rule
        failures: dict[int, str] = {}
        inner = _telling(tool, failures)

        async def invoke(context: ToolContext[Any], arguments: str) -> Any:
            try:
                input = _arguments(arguments)
                request = self._gate.action(wait=rule.wait, **rule.asking(tool.name, input))
                stack = AsyncExitStack()
                execution = await stack.enter_async_context(request)
            except NotExecuted as error:
                return words(error)
            async with stack:
                # The approved bytes, not the text that the run state has.
                approved = canonical.canonical_bytes(execution.input).decode("utf-8")
                result = await inner.on_invoke_tool(context, approved)
                failure = failures.pop(id(context), None)
                if failure is not None:
                    execution.failed(f"ended by an exception: {failure}")
                return result

        async def needs_approval(
            context: RunContextWrapper[Any], parameters: dict[str, Any], call: str
        ) -> bool:
            try:
                asked = await self._gate.ask(**rule.asking(tool.name, parameters))
            except NotExecuted:
                # The invocation asks again, fails too, and tells the model why.
                return False
            return asked.state in ("submitted", "pending")

        return dataclasses.replace(
            tool,
            on_invoke_tool=invoke,
            needs_approval=needs_approval if hold is None else False,
        )

    async def decide(
        self,
        run: RunResult | RunResultStreaming | RunState[Any, Any],
        interruptions: Sequence[ToolApprovalItem] | None = None,
        *,
        wait: Wait | None = None,
    ) -> RunState[Any, Any]:
        """Waits for the decisions on a run's interruptions; returns the state to resume with.

        Raises :class:`exequatur.Pending` when one is still open after ``wait``: keep
        ``state.to_json()`` and come back with ``RunState.from_json(agent, …)``.
        """
        state: RunState[Any, Any]
        if isinstance(run, RunState):
            state, items = run, run.get_interruptions()
        else:
            state = run.to_state()
            items = run.interruptions
        if interruptions is not None:
            items = list(interruptions)
        decided = await asyncio.gather(*(self._decision(item, wait) for item in items))
        for item, refused in zip(items, decided):
            if refused is None:
                state.approve(item)
            else:
                state.reject(item, rejection_message=refused)
        return state

    async def _decision(self, item: ToolApprovalItem, wait: Wait | None) -> str | None:
        """``None`` for go on, else what the model is told."""
        rule = self._rules.get(item.tool_name or "")
        if rule is None:
            raise ConfigurationError(
                f"the tool `{item.tool_name}` is not one that these approvals gate",
                next_step="decide it yourself, and pass the other `interruptions`",
            )
        text = item.raw_item.get("arguments") if isinstance(item.raw_item, dict) else getattr(
            item.raw_item, "arguments", None
        )
        try:
            input = _arguments(text if isinstance(text, str) else "")
            asked = await self._gate.ask(**rule.asking(item.tool_name or "", input))
        except InputError as error:
            return words(error)
        settled: SubmittedAction = await self._gate.settle(asked, wait=wait)
        return None if settled.state == "cleared" else refusal(settled)


def _arguments(text: str) -> dict[str, Any]:
    """A model's arguments, which must be strict JSON before anybody reviews them."""
    try:
        found = canonical.parse(text.encode("utf-8", "surrogatepass") or b"{}", name="the call")
    except JSONError as error:
        raise InputError(str(error)) from None
    if not isinstance(found, dict):
        raise InputError("the arguments of the call are not an object")
    return found


def _telling(tool: FunctionTool, failures: dict[int, str]) -> FunctionTool:
    """The tool itself, saying when the SDK turned an exception into a text for the model."""
    uses_default = getattr(tool, "_use_default_failure_error_function", None)
    own = getattr(tool, "_failure_error_function", None)
    format = default_tool_error_function if uses_default else own
    if uses_default is None or format is None:
        return tool  # Its exceptions come out as they are.

    def tell(context: RunContextWrapper[Any], error: Exception) -> Any:
        failures[id(context)] = type(error).__name__
        return format(context, error)

    return dataclasses.replace(
        tool, _failure_error_function=tell, _use_default_failure_error_function=False
    )
