# SPDX-License-Identifier: Apache-2.0
"""The adapter for LangChain: the real packages, a scripted model, no network."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from service import Service

pytest.importorskip("langchain", reason="langchain is not installed")
pytest.importorskip("langgraph", reason="langgraph is not installed")
from langchain.agents import create_agent  # noqa: E402
from langchain.agents.middleware import HumanInTheLoopMiddleware  # noqa: E402
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel  # noqa: E402
from langchain_core.messages import AIMessage, ToolMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from langgraph.checkpoint.memory import InMemorySaver  # noqa: E402
from langgraph.types import Command, Interrupt  # noqa: E402

from exequatur import ConfigurationError, Gate, Pending  # noqa: E402
from exequatur.adapters.langchain import GateMiddleware, Rule  # noqa: E402

ran: list[dict[str, Any]] = []


@tool
def export(table: str, rows: int) -> str:
    """Exports a table."""
    ran.append({"table": table, "rows": rows})
    return f"exported {rows} rows of {table}"


@tool
def look(place: str) -> str:
    """Looks somewhere."""
    return f"saw {place}"


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Any:
        return self


@pytest.fixture(autouse=True)
def fresh(service: Service) -> Iterator[None]:
    ran.clear()
    yield


def call(table: str, identifier: str = "c1", name: str = "export") -> dict[str, Any]:
    args = {"table": table, "rows": 5} if name == "export" else {"place": table}
    return {"name": name, "args": args, "id": identifier, "type": "tool_call"}


def rules(**options: Any) -> dict[str, Rule]:
    settings = {"resource": ("Database", "crm"), "action": "db.export", **options}
    return {"export": Rule(**settings)}


class Conversation:
    """An agent in the middle of one conversation."""

    def __init__(
        self, gated: GateMiddleware, *calls: dict[str, Any], mode: str | None = "batched"
    ):
        messages = [AIMessage("", tool_calls=list(calls)), AIMessage("done")]
        middleware: list[Any] = [gated]
        if mode is not None:
            pause: Any = HumanInTheLoopMiddleware(
                gated.interrupt_on(), interrupt_mode=mode  # type: ignore[arg-type]
            )
            middleware.insert(0, pause)
        self.saver = InMemorySaver()
        self.agent: Any = create_agent(
            Scripted(messages=iter(messages)),
            tools=[export, look],
            middleware=middleware,
            checkpointer=self.saver,
        )
        self.config = {"configurable": {"thread_id": "1"}}

    def start(self) -> Any:
        return self.go({"messages": [{"role": "user", "content": "go"}]})

    def go(self, what: Any) -> Any:
        return self.agent.invoke(what, self.config, version="v2")


def answers(result: Any) -> list[ToolMessage]:
    return [m for m in result.value["messages"] if isinstance(m, ToolMessage)]


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_an_approval_resumes(mode: str, service: Service, gate: Gate) -> None:
    gated = GateMiddleware(gate, rules())
    talk = Conversation(gated, call("orders"), mode=mode)
    result = talk.start()
    assert len(result.interrupts) == 1 and not ran
    with pytest.raises(Pending):
        gated.resume(result.interrupts, wait=0)
    action = service.pending()
    service.decide(action)
    result = talk.go(gated.resume(result.interrupts))
    assert ran == [{"table": "orders", "rows": 5}] and not result.interrupts
    assert answers(result)[0].status == "success"
    assert service.show(action["id"])["state"] == "succeeded"


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_a_denial_is_a_reject_and_never_a_result(
    mode: str, service: Service, gate: Gate
) -> None:
    gated = GateMiddleware(gate, rules())
    talk = Conversation(gated, call(f"denied {mode}"), mode=mode)
    result = talk.start()
    with pytest.raises(Pending):
        gated.resume(result.interrupts, wait=0)
    service.decide(service.pending(), "deny")
    command = gated.resume(result.interrupts)
    [answer] = command.resume.values()
    decision = answer["decisions"][0] if mode == "batched" else answer
    assert decision["type"] == "reject" and "bob denied: not today" in decision["message"]
    result = talk.go(command)
    [message] = answers(result)
    assert not ran and message.status == "error" and "Denied: nothing ran." in message.content


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_several_calls_each_get_their_own_decision(
    mode: str, service: Service, gate: Gate
) -> None:
    gated = GateMiddleware(gate, rules())
    calls = [call(f"{mode} {n}", f"c{n}") for n in range(3)]
    talk = Conversation(gated, *calls, call("there", "c9", "look"), mode=mode)
    result = talk.start()
    assert len(result.interrupts) == (1 if mode == "batched" else 3)
    for found in calls:
        gate.ask("db.export", resource=("Database", "crm"), input=found["args"])
    for action in service.actions("pending"):
        table = service.show(action["id"])["operation"]["input"]["table"]
        service.decide(action, "approve" if table.endswith("1") else "deny")
    result = talk.go(gated.resume(result.interrupts))
    assert ran == [{"table": f"{mode} 1", "rows": 5}]
    found = {m.tool_call_id: m for m in answers(result)}
    assert {i: m.status for i, m in found.items()} == {
        "c0": "error",
        "c1": "success",
        "c2": "error",
        "c9": "success",
    }


def test_without_its_human_in_the_loop_a_call_waits_itself(service: Service, gate: Gate) -> None:
    talk = Conversation(GateMiddleware(gate, rules(wait="20s")), call("held"), mode=None)
    with service.reviewer_decides():
        talk.start()
    assert ran == [{"table": "held", "rows": 5}]
    short = Conversation(GateMiddleware(gate, rules()), call("held again"), mode=None)
    [message] = answers(short.start())
    assert message.status == "error" and message.content.startswith("Waiting for approval:")
    assert len(ran) == 1


def test_an_approval_by_somebody_else_in_the_loop_runs_nothing(
    service: Service, gate: Gate
) -> None:
    """Whoever answers the interrupt himself has answered LangChain, not the gate."""
    talk = Conversation(GateMiddleware(gate, rules()), call("forged"))
    result = talk.start()
    [interrupt] = result.interrupts
    result = talk.go(Command(resume={interrupt.id: {"decisions": [{"type": "approve"}]}}))
    [message] = answers(result)
    assert not ran and message.content.startswith("Waiting for approval: nothing ran.")


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_arguments_edited_after_the_approval_are_another_action(
    mode: str, service: Service, gate: Gate
) -> None:
    """Argument swap: a client answers the interrupt with an edit of what was approved."""

    class Open(GateMiddleware):
        def interrupt_on(self) -> Any:
            return {"export": True}

    gated = Open(gate, rules())
    talk = Conversation(gated, call(f"harmless {mode}"), mode=mode)
    result = talk.start()
    asked = gate.ask(
        "db.export", resource=("Database", "crm"), input=call(f"harmless {mode}")["args"]
    )
    service.decide(service.pending())
    [interrupt] = result.interrupts
    edit = {
        "type": "edit",
        "edited_action": {"name": "export", "args": {"table": f"customers {mode}", "rows": 5}},
    }
    answer = edit if mode == "per_call" else {"decisions": [edit]}
    result = talk.go(Command(resume={interrupt.id: answer}))
    [message] = answers(result)
    assert not ran and "Waiting for approval: nothing ran." in message.content
    assert service.show(asked.id)["state"] == "cleared"
    waiting = service.show(service.pending()["id"])
    assert waiting["operation"]["input"]["table"] == f"customers {mode}"


def test_the_handler_gets_the_approved_arguments(service: Service, gate: Gate) -> None:
    gated = GateMiddleware(gate, rules(action="db.read"))
    found = call("orders")

    class Request:
        tool_call = found

        def override(self, **changes: Any) -> Any:
            return changes["tool_call"]

    def handler(given: Any) -> Any:
        found["args"]["table"] = "customers"
        assert given["args"] == {"table": "orders", "rows": 5} and given["id"] == "c1"
        return ToolMessage("no", tool_call_id="c1", status="error")

    gated.wrap_tool_call(Request(), handler)  # type: ignore[arg-type]
    assert service.actions()[0]["state"] == "failed"


def test_what_cannot_be_frozen_is_refused(service: Service, gate: Gate) -> None:
    gated = GateMiddleware(gate, rules())
    value = {"type": "tool_approval", "name": "export", "args": {"x": float("nan")}}
    command = gated.resume([Interrupt(value=value, id="i")])
    assert command.resume["i"]["type"] == "reject"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="LangGraph needs Python 3.11 for this")
@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_with_asyncio(mode: str, service: Service, gate: Gate) -> None:
    gated = GateMiddleware(gate, rules())
    talk = Conversation(gated, call(f"async {mode}"), mode=mode)

    async def work() -> Any:
        start = {"messages": [{"role": "user", "content": "go"}]}
        result = await talk.agent.ainvoke(start, talk.config, version="v2")
        with pytest.raises(Pending):
            await gated.aresume(result.interrupts, wait=0)
        service.decide(service.pending())
        command = await gated.aresume(result.interrupts)
        return await talk.agent.ainvoke(command, talk.config, version="v2")

    result = asyncio.run(asyncio.wait_for(work(), 60))
    assert ran == [{"table": f"async {mode}", "rows": 5}]
    assert answers(result)[0].status == "success"


def test_interrupts_of_others_are_not_answered(gate: Gate) -> None:
    gated = GateMiddleware(gate, rules())
    with pytest.raises(ConfigurationError, match="not one of HumanInTheLoopMiddleware"):
        gated.resume([Interrupt(value="how old are you?", id="i")])
    other = {"type": "tool_approval", "name": "look", "args": {}}
    with pytest.raises(ConfigurationError, match="not one that this middleware gates"):
        gated.resume([Interrupt(value=other, id="i")])
    respond = {
        "action_requests": [{"name": "export", "args": {}}],
        "review_configs": [{"action_name": "export", "allowed_decisions": ["respond"]}],
    }
    with pytest.raises(ConfigurationError, match="both approve and reject"):
        gated.resume([Interrupt(value=respond, id="i")])
    with pytest.raises(ConfigurationError, match="not a `Rule`"):
        GateMiddleware(gate, {"export": object()})  # type: ignore[dict-item]


def test_the_server_is_down(service: Service, tmp_path: Path, monkeypatch: Any) -> None:
    from service import free_port

    monkeypatch.setattr("exequatur.retry.PATIENCE", 0.2)
    gate = Gate(
        url=f"http://127.0.0.1:{free_port()}", token=service.agent, state_dir=tmp_path / "s"
    )
    [message] = answers(Conversation(GateMiddleware(gate, rules()), call("x"), mode=None).start())
    assert not ran and message.status == "error" and "cannot be reached" in message.content
