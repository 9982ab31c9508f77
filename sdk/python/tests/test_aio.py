# SPDX-License-Identifier: Apache-2.0
"""The asyncio gate against a real server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from service import Service, free_port
from stub import Middle

from exequatur import (
    AsyncGate,
    ConfigurationError,
    Denied,
    Pending,
    Unavailable,
    VerificationFailed,
)

CRM = ("Database", "crm")
T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_an_allowed_action_runs_and_is_reported(service: Service, async_gate: AsyncGate) -> None:
    async def work() -> str:
        async with async_gate as gate:
            async with gate.action("db.read", resource=CRM, input={"table": "t"}) as execution:
                assert execution.input == {"table": "t"}
            with pytest.raises(ZeroDivisionError):
                async with gate.action("db.read", resource=CRM, input={"table": "t"}) as failing:
                    raise ZeroDivisionError
            assert service.show(failing.action.id)["state"] == "failed"
            return execution.action.id

    assert service.show(run(work()))["state"] == "succeeded"


def test_waiting_does_not_hold_up_the_event_loop(service: Service, async_gate: AsyncGate) -> None:
    """More waits at once than asyncio's pool has threads, and a loop that goes on ticking."""
    count = 40
    ran: list[str] = []
    longest = [0.0]

    async def one(number: int) -> None:
        name = f"t{number:02}"
        async with async_gate.action("db.export", resource=CRM, input={"table": name}) as found:
            ran.append(found.input["table"])

    async def tick() -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest[0] = max(longest[0], now - before)
            before = now

    def approve() -> None:
        seen: set[str] = set()
        deadline = time.monotonic() + 40
        while len(seen) < count and time.monotonic() < deadline:
            for action in service.actions("pending"):
                if action["id"] not in seen:
                    seen.add(action["id"])
                    service.decide(action)

    async def work() -> None:
        ticker = asyncio.create_task(tick())
        thread = threading.Thread(target=approve)
        thread.start()
        await asyncio.gather(*(one(number) for number in range(count)))
        ticker.cancel()
        thread.join()

    run(work())
    assert sorted(ran) == [f"t{number:02}" for number in range(count)]
    assert longest[0] < 2.0


def test_denials_and_pending_are_errors(service: Service, async_gate: AsyncGate) -> None:
    async def work() -> None:
        with pytest.raises(Pending):
            async with async_gate.action(
                "db.export", resource=CRM, input={"table": "async"}, wait=0
            ):
                raise AssertionError("ran")
        asked = await async_gate.ask("db.export", resource=CRM, input={"table": "async"})
        service.decide(service.pending(), "deny")
        assert (await async_gate.settle(asked)).state == "denied"
        with pytest.raises(Denied):
            async with async_gate.action("db.export", resource=CRM, input={"table": "async"}):
                raise AssertionError("ran")

    run(work())


def test_decorated_coroutines(service: Service, async_gate: AsyncGate) -> None:
    ran: list[list[str]] = []

    @async_gate.requires("db.read", resource=CRM, reason="report")
    async def read(table: str, columns: list[str]) -> int:
        await asyncio.sleep(0)
        ran.append(columns)
        return 7

    assert run(read("orders", columns=["id"])) == 7
    assert ran == [["id"]]
    with pytest.raises(ConfigurationError, match="coroutine"):

        @async_gate.requires("db.read", resource=CRM)
        def plain(table: str) -> int:  # type: ignore[misc]
            return 1


def test_the_server_is_down(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exequatur.retry.PATIENCE", 0.5)

    async def work() -> None:
        gate = AsyncGate(
            url=f"http://127.0.0.1:{free_port()}", token=service.agent, state_dir=tmp_path / "s"
        )
        async with gate.action("db.read", resource=CRM, input={"table": "t"}):
            raise AssertionError("ran")

    with pytest.raises(Unavailable):
        run(work())


def test_forged_claims_are_alarms_here_too(service: Service, tmp_path: Path) -> None:
    middle = Middle(service.port)

    def change(answer: Any) -> Any:
        answer["claim"]["entry"]["coreSalt"] = "00" * 32
        return answer

    middle.change_json("/v1/actions", change)

    async def work() -> None:
        gate = AsyncGate(url=middle.url, token=service.agent, state_dir=tmp_path / "s")
        async with gate.action("db.read", resource=CRM, input={"table": "t"}):
            raise AssertionError("ran")

    with pytest.raises(VerificationFailed):
        run(work())
    middle.close()


def test_cancelling_while_waiting_leaves_the_action_pending(
    service: Service, async_gate: AsyncGate
) -> None:
    async def wait() -> None:
        async with async_gate.action("db.export", resource=CRM, input={"table": "cancelled"}):
            raise AssertionError("ran")

    async def work() -> float:
        task = asyncio.create_task(wait())
        await asyncio.to_thread(service.pending)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    before = threading.active_count()
    assert run(work()) < 1
    assert service.pending()["state"] == "pending"
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before, "the long poll's thread is still there"


def test_what_was_claimed_while_being_cancelled_is_given_back(
    service: Service, tmp_path: Path
) -> None:
    """The answer with the claim comes after the task was cancelled."""
    middle = Middle(service.port)
    answered = threading.Event()
    go_on = threading.Event()

    def change(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path == "/v1/actions":
            answered.set()
            go_on.wait(10)
        return status, body

    middle.change = change

    async def ask(gate: AsyncGate) -> None:
        async with gate.action("db.read", resource=CRM, input={"table": "given back"}):
            raise AssertionError("ran")

    async def work() -> None:
        gate = AsyncGate(url=middle.url, token=service.agent, state_dir=tmp_path / "s")
        task = asyncio.create_task(ask(gate))
        await asyncio.to_thread(answered.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()

    run(work())
    deadline = time.monotonic() + 10
    while service.actions()[0]["state"] == "claimed" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert service.actions()[0]["state"] == "not_started"
    middle.close()


def test_cancelling_inside_the_block_leaves_an_unknown_outcome(
    service: Service, async_gate: AsyncGate
) -> None:
    names: list[str] = []

    async def act() -> None:
        async with async_gate.action("db.read", resource=CRM, input={"table": "t"}) as execution:
            names.append(execution.action.id)
            await asyncio.sleep(60)

    async def work() -> None:
        task = asyncio.create_task(act())
        while not names:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())
    assert service.show(names[0])["state"] == "unknown"


def test_commands_run_and_end_with_their_task(service: Service, tmp_path: Path) -> None:
    gate = AsyncGate(
        url=service.url, token=service.agent, state_dir=tmp_path / "state", wait="20s"
    )

    async def work() -> str:
        listed = await gate.run(["ls", "/"], capture=True)
        assert b"etc" in listed.stdout and listed.exit_code == 0
        # Claims whose answer never came to a gate stay so for a while.
        before = [action["id"] for action in service.actions("claimed")]

        def claimed() -> list[dict[str, Any]]:
            return [a for a in service.actions("claimed") if a["id"] not in before]

        task = asyncio.create_task(gate.run(["sleep", "60"]))
        deadline = time.monotonic() + 20
        while not claimed() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        [action] = claimed()
        await asyncio.sleep(0.3)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - start < 5
        return str(action["id"])

    assert service.show(run(work()))["state"] == "unknown"
