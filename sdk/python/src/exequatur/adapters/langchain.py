# SPDX-License-Identifier: Apache-2.0
"""LangChain: tools that run only on a proven claim, with or without its human in the loop.

:class:`GateMiddleware` wraps the execution of tools: a gated tool runs on a verified claim, with
the very arguments that were approved, whatever the checkpoint says. Beside it LangChain's own
``HumanInTheLoopMiddleware`` may pause the run until somebody decides; :meth:`GateMiddleware.resume`
answers its interrupts. A denial is a ``reject``, never a ``respond``, which a model reads as a
result.

LangChain parses the model's arguments itself, so that duplicate members of their JSON are lost
before they reach the gate; what is reviewed is what the tool gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from langchain.agents.middleware import AgentMiddleware, InterruptOnConfig
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langgraph.types import Command, Interrupt

from ..actions import SubmittedAction
from ..errors import ConfigurationError, InputError, NotExecuted
from ..execution import Execution, Wait, seconds
from ..gate import Gate
from .tools import Rule, refusal, words

__all__ = ["GateMiddleware", "Rule"]


class GateMiddleware(AgentMiddleware[Any, Any, Any]):
    """Gated tools of an agent, and the decisions on its interrupts::

        gated = GateMiddleware(gate, {"export": Rule(resource=("Database", "crm"))})
        agent = create_agent(model, tools=[export], checkpointer=saver, middleware=[
            HumanInTheLoopMiddleware(gated.interrupt_on()), gated])
        result = agent.invoke(…, config, version="v2")
        while result.interrupts:
            result = agent.invoke(gated.resume(result.interrupts), config, version="v2")

    List it last, so that nothing comes between it and the tools. Without
    ``HumanInTheLoopMiddleware``, give the rules a ``wait``.
    """

    def __init__(self, gate: Gate, rules: Mapping[str, Rule]):
        super().__init__()
        for name, rule in rules.items():
            if not isinstance(rule, Rule):
                raise ConfigurationError(f"the rule of `{name}` is not a `Rule`")
            seconds(rule.wait)
        self._gate = gate
        self._async_gate = gate.asynchronous()
        self._rules = dict(rules)

    def interrupt_on(self) -> dict[str, bool | InterruptOnConfig]:
        """What ``HumanInTheLoopMiddleware`` is to pause at: each gated tool.

        Nobody edits or answers there: an edited call would be another action.
        """
        return {
            name: InterruptOnConfig(allowed_decisions=["approve", "reject"])
            for name in self._rules
        }

    # MARK: execution

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Runs a gated tool on a verified claim; tells the model when it does not run."""
        call = request.tool_call
        rule = self._rules.get(call["name"])
        if rule is None:
            return handler(request)
        stack = ExitStack()
        try:
            asking = rule.asking(call["name"], call["args"])
            execution = stack.enter_context(self._gate.action(wait=rule.wait, **asking))
        except NotExecuted as error:
            return _message(request, error)
        with stack:
            return _judged(handler(_approved(request, execution)), execution)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """The same for asyncio."""
        call = request.tool_call
        rule = self._rules.get(call["name"])
        if rule is None:
            return await handler(request)
        stack = AsyncExitStack()
        try:
            asking = rule.asking(call["name"], call["args"])
            execution = await stack.enter_async_context(
                self._async_gate.action(wait=rule.wait, **asking)
            )
        except NotExecuted as error:
            return _message(request, error)
        async with stack:
            return _judged(await handler(_approved(request, execution)), execution)

    # MARK: interrupts

    def resume(self, interrupts: Iterable[Interrupt], *, wait: Wait | None = None) -> Command[Any]:
        """Waits for the decisions on a run's interrupts; returns what to resume with.

        Raises :class:`exequatur.Pending` when one is still open after ``wait``; the checkpoint
        keeps the run, so call it again later.
        """
        found = list(interrupts)
        answers = [
            [self._decision(name, arguments, wait) for name, arguments in _calls(interrupt)]
            for interrupt in found
        ]
        return _command(found, answers)

    async def aresume(
        self, interrupts: Iterable[Interrupt], *, wait: Wait | None = None
    ) -> Command[Any]:
        """The same for asyncio."""
        found = list(interrupts)
        answers = [
            await asyncio.gather(
                *(self._adecision(name, arguments, wait) for name, arguments in _calls(interrupt))
            )
            for interrupt in found
        ]
        return _command(found, answers)

    def _decision(self, name: str, arguments: dict[str, Any], wait: Wait | None) -> dict[str, Any]:
        rule = self._rule(name)
        try:
            asked = self._gate.ask(**rule.asking(name, arguments))
        except InputError as error:
            return {"type": "reject", "message": words(error)}
        return _answer(self._gate.settle(asked, wait=wait))

    async def _adecision(
        self, name: str, arguments: dict[str, Any], wait: Wait | None
    ) -> dict[str, Any]:
        rule = self._rule(name)
        try:
            asked = await self._async_gate.ask(**rule.asking(name, arguments))
        except InputError as error:
            return {"type": "reject", "message": words(error)}
        return _answer(await self._async_gate.settle(asked, wait=wait))

    def _rule(self, name: str) -> Rule:
        rule = self._rules.get(name)
        if rule is None:
            raise ConfigurationError(
                f"the tool `{name}` is not one that this middleware gates",
                next_step="answer its interrupt yourself, and pass the other ones",
            )
        return rule


def _message(request: ToolCallRequest, error: NotExecuted) -> ToolMessage:
    call = request.tool_call
    return ToolMessage(
        content=words(error), name=call["name"], tool_call_id=call["id"] or "", status="error"
    )


def _approved(request: ToolCallRequest, execution: Execution) -> ToolCallRequest:
    """The request with the approved arguments, whatever the checkpoint has by now."""
    return request.override(tool_call={**request.tool_call, "args": execution.input})


def _judged(
    result: ToolMessage | Command[Any], execution: Execution
) -> ToolMessage | Command[Any]:
    if isinstance(result, ToolMessage) and result.status == "error":
        execution.failed("the tool answered with an error")
    return result


def _calls(interrupt: Interrupt) -> list[tuple[str, dict[str, Any]]]:
    """The calls that an interrupt asks about, in its order."""
    value = interrupt.value
    if isinstance(value, dict) and value.get("type") == "tool_approval":
        return [(value["name"], value["args"])]
    requests = value.get("action_requests") if isinstance(value, dict) else None
    if not isinstance(requests, list):
        raise ConfigurationError(
            "this interrupt is not one of HumanInTheLoopMiddleware",
            where=f"interrupt `{interrupt.id}`",
            next_step="answer it yourself, and pass the other ones",
        )
    for config in value.get("review_configs", []):
        if not {"approve", "reject"} <= set(config["allowed_decisions"]):
            raise ConfigurationError(
                f"the tool `{config['action_name']}` does not allow both approve and reject",
                next_step="use `interrupt_on()` of this middleware",
            )
    return [(request["name"], request["args"]) for request in requests]


def _answer(action: SubmittedAction) -> dict[str, Any]:
    if action.state == "cleared":
        return {"type": "approve"}
    return {"type": "reject", "message": refusal(action)}


def _command(
    interrupts: list[Interrupt], answers: list[list[dict[str, Any]]]
) -> Command[Any]:
    """Answers by the interrupts' ids, so that none reaches another one."""
    resume: dict[str, Any] = {}
    for interrupt, decisions in zip(interrupts, answers):
        is_single = interrupt.value.get("type") == "tool_approval"
        resume[interrupt.id] = decisions[0] if is_single else {"decisions": decisions}
    return Command(resume=resume)
