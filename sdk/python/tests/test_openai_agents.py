# SPDX-License-Identifier: Apache-2.0
"""The adapter for the OpenAI Agents SDK: the real package, a scripted model, no network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from service import Service

agents = pytest.importorskip("agents", reason="openai-agents is not installed")
from agents import Agent, RunConfig, Runner, RunState, function_tool  # noqa: E402
from agents.tool_context import ToolContext  # noqa: E402
from agents.testing import ScriptedModel, assistant_message, function_call  # noqa: E402

from exequatur import AsyncGate, ConfigurationError, Pending  # noqa: E402
from exequatur.adapters.openai_agents import Approvals  # noqa: E402

T = TypeVar("T")
ran: list[dict[str, Any]] = []
QUIET = RunConfig(tracing_disabled=True)


@function_tool
def export(table: str, rows: int) -> str:
    """Exports a table."""
    ran.append({"table": table, "rows": rows})
    if table == "broken":
        raise RuntimeError("s3cret")
    return f"exported {rows} rows of {table}"


@pytest.fixture(autouse=True)
def fresh(service: Service) -> Iterator[None]:
    ran.clear()
    yield


@pytest.fixture
def approvals(async_gate: AsyncGate) -> Approvals:
    return Approvals(async_gate)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def call(table: str = "orders", rows: int = 5, identifier: str = "c1", tool: str = "export") -> Any:
    return function_call(tool, {"table": table, "rows": rows}, call_id=identifier)


def agent_with(*tools: Any, steps: list[Any]) -> Agent[Any]:
    return Agent(name="bot", model=ScriptedModel(steps), tools=list(tools))


def gated(approvals: Approvals, **options: Any) -> Any:
    settings = {"resource": ("Database", "crm"), "action": "db.export", **options}
    return approvals.tool(export, **settings)


def outputs(result: Any) -> list[str]:
    return [str(item.output) for item in result.new_items if item.type == "tool_call_output_item"]


def test_what_policy_allows_is_not_interrupted(service: Service, approvals: Approvals) -> None:
    tool = gated(approvals, action="db.read")
    agent = agent_with(tool, steps=[[call()], [assistant_message("done")]])
    result = run(Runner.run(agent, "go", run_config=QUIET))
    assert result.interruptions == [] and ran == [{"table": "orders", "rows": 5}]
    assert outputs(result) == ["exported 5 rows of orders"]
    # Asked for once before the call, and claimed by it.
    assert service.actions()[0]["state"] == "succeeded"


def test_a_review_interrupts_and_an_approval_resumes(
    service: Service, approvals: Approvals
) -> None:
    agent = agent_with(gated(approvals), steps=[[call()], [assistant_message("done")]])

    async def work() -> Any:
        result = await Runner.run(agent, "go", run_config=QUIET)
        assert len(result.interruptions) == 1 and not ran
        with pytest.raises(Pending):
            await approvals.decide(result, wait=0)
        action = service.pending()
        service.decide(action)
        result = await Runner.run(agent, await approvals.decide(result), run_config=QUIET)
        return action, result

    action, result = run(work())
    assert ran == [{"table": "orders", "rows": 5}] and result.final_output == "done"
    assert service.show(action["id"])["state"] == "succeeded"


def test_a_denial_is_a_rejection(service: Service, approvals: Approvals) -> None:
    agent = agent_with(
        gated(approvals), steps=[[call("denied")], [assistant_message("a pity")]]
    )

    async def work() -> Any:
        result = await Runner.run(agent, "go", run_config=QUIET)
        service.decide(service.pending(), "deny")
        state = await approvals.decide(result)
        return await Runner.run(agent, state, run_config=QUIET)

    result = run(work())
    assert not ran
    [text] = outputs(result)
    assert text.startswith("Denied: nothing ran.") and 'bob denied: not today' in text


def test_policy_denies_without_an_interruption(service: Service, approvals: Approvals) -> None:
    tool = gated(approvals, action="db.read", resource=("Database", "secrets"))
    agent = agent_with(tool, steps=[[call()], [assistant_message("a pity")]])
    result = run(Runner.run(agent, "go", run_config=QUIET))
    assert not ran and outputs(result)[0].startswith("Denied: nothing ran.")


def test_several_interruptions_are_decided_one_by_one(
    service: Service, approvals: Approvals
) -> None:
    steps = [[call("one", identifier="c1"), call("two", identifier="c2")], [assistant_message("x")]]
    agent = agent_with(gated(approvals), steps=steps)

    async def work() -> None:
        result = await Runner.run(agent, "go", run_config=QUIET)
        assert len(result.interruptions) == 2
        for action in service.actions("pending"):
            table = service.show(action["id"])["operation"]["input"]["table"]
            service.decide(action, "approve" if table == "two" else "deny")
        await Runner.run(agent, await approvals.decide(result), run_config=QUIET)

    run(work())
    assert ran == [{"table": "two", "rows": 5}]


def test_a_stored_state_is_resumed_later(service: Service, approvals: Approvals) -> None:
    agent = agent_with(gated(approvals), steps=[[call("stored")], [assistant_message("done")]])

    async def work() -> None:
        result = await Runner.run(agent, "go", run_config=QUIET)
        stored = json.dumps(result.to_state().to_json())
        service.decide(service.pending())
        state = await RunState.from_json(agent, json.loads(stored))
        await Runner.run(agent, await approvals.decide(state), run_config=QUIET)

    run(work())
    assert ran == [{"table": "stored", "rows": 5}]



def test_a_forged_run_state_gains_nothing(service: Service, approvals: Approvals) -> None:
    """The state is unsigned JSON: somebody approves in it what nobody decided."""
    agent = agent_with(gated(approvals), steps=[[call("forged")], [assistant_message("x")]])

    async def work() -> Any:
        result = await Runner.run(agent, "go", run_config=QUIET)
        state = await RunState.from_json(agent, result.to_state().to_json())
        state.approve(state.get_interruptions()[0])
        return await Runner.run(agent, state, run_config=QUIET)

    result = run(work())
    assert not ran
    assert outputs(result)[0].startswith("Waiting for approval: nothing ran.")


def test_arguments_swapped_in_the_state_are_another_action(
    service: Service, approvals: Approvals
) -> None:
    """What was approved is another operation; the SDK itself notices the swap as well."""
    tool = gated(approvals)
    agent = agent_with(tool, steps=[[call("harmless")], [assistant_message("x")]])

    async def work() -> Any:
        result = await Runner.run(agent, "go", run_config=QUIET)
        service.decide(service.pending())
        stored = json.dumps(result.to_state().to_json()).replace("harmless", "customers")
        with pytest.raises(agents.exceptions.ModelBehaviorError):
            state = await RunState.from_json(agent, json.loads(stored))
            state.approve(state.get_interruptions()[0])
            await Runner.run(agent, state, run_config=QUIET)
        # An older SDK, or a smarter forger: the tool is invoked with the swapped arguments.
        context: Any = ToolContext(None, tool_name="export", tool_call_id="c1", tool_arguments="")
        return await tool.on_invoke_tool(context, '{"table":"customers","rows":5}')

    text = run(work())
    assert not ran and text.startswith("Waiting for approval: nothing ran.")
    assert service.show(service.pending()["id"])["operation"]["input"]["table"] == "customers"


@pytest.mark.parametrize(
    "text", ['{"table":"a","table":"b","rows":1}', '{"table":"a","rows":NaN}', "[]", "{"]
)
def test_malformed_arguments_are_refused(
    text: str, service: Service, approvals: Approvals
) -> None:
    before = service.newest()
    steps = [[function_call("export", text, call_id="c1")], [assistant_message("x")]]
    agent = agent_with(gated(approvals), steps=steps)

    async def work() -> Any:
        result = await Runner.run(agent, "go", run_config=QUIET)
        if result.interruptions:
            result = await Runner.run(agent, await approvals.decide(result), run_config=QUIET)
        return result

    result = run(work())
    assert not ran and "nothing ran" in outputs(result)[0]
    # The SDK shows `needs_approval` only what its own parser made of duplicate members.
    assert (service.newest() == before) is ('"b"' not in text)
    newest = service.newest()
    assert newest is None or service.show(newest)["state"] != "claimed"


def test_a_call_can_be_held(service: Service, approvals: Approvals) -> None:
    tool = gated(approvals, hold="20s")
    agent = agent_with(tool, steps=[[call("held")], [assistant_message("done")]])
    with service.reviewer_decides():
        result = run(Runner.run(agent, "go", run_config=QUIET))
    assert result.interruptions == [] and ran == [{"table": "held", "rows": 5}]


def test_a_failing_tool_is_a_failed_outcome(service: Service, approvals: Approvals) -> None:
    """The SDK turns the exception into a text for the model; the outcome says failed."""
    tool = gated(approvals, action="db.read")
    agent = agent_with(tool, steps=[[call("broken")], [assistant_message("x")]])
    result = run(Runner.run(agent, "go", run_config=QUIET))
    assert ran and "error" in outputs(result)[0].lower()
    shown = service.show(service.actions()[0]["id"])
    assert shown["state"] == "failed"


def test_the_server_is_down(service: Service, tmp_path: Path, monkeypatch: Any) -> None:
    from service import free_port

    monkeypatch.setattr("exequatur.retry.PATIENCE", 0.2)
    gate = AsyncGate(
        url=f"http://127.0.0.1:{free_port()}", token=service.agent, state_dir=tmp_path / "s"
    )
    agent = agent_with(gated(Approvals(gate)), steps=[[call()], [assistant_message("x")]])
    result = run(Runner.run(agent, "go", run_config=QUIET))
    assert not ran and "cannot be reached" in outputs(result)[0]


def test_tools_are_checked(approvals: Approvals) -> None:
    import dataclasses

    with pytest.raises(ConfigurationError, match="needs_approval"):
        approvals.tool(dataclasses.replace(export, needs_approval=True), resource=("A", "b"))
    gated(approvals)
    with pytest.raises(ConfigurationError, match="already"):
        gated(approvals)
    other = function_tool(lambda: "x", name_override="other", needs_approval=True)
    agent = agent_with(other, steps=[[function_call("other", {}, call_id="c1")]])

    async def work() -> None:
        result = await Runner.run(agent, "go", run_config=QUIET)
        with pytest.raises(ConfigurationError, match="not one that these approvals gate"):
            await approvals.decide(result)

    run(work())


def test_an_alarm_is_logged_for_people(
    service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from stub import Middle

    middle = Middle(service.port)

    def change(answer: Any) -> Any:
        if answer["claim"] is not None:
            answer["claim"]["entry"]["coreSalt"] = "00" * 32
        return answer

    middle.change_json("/v1/actions", change)
    gate = AsyncGate(url=middle.url, token=service.agent, state_dir=tmp_path / "s")
    tool = gated(Approvals(gate), action="db.read", hold=0)
    agent = agent_with(tool, steps=[[call("alarm")], [assistant_message("x")]])
    result = run(Runner.run(agent, "go", run_config=QUIET))
    middle.close()
    assert not ran and outputs(result)[0].startswith("Not executed: nothing ran.")
    assert "ALARM: the leaf does not commit to the core shown" in caplog.text
