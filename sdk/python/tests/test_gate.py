# SPDX-License-Identifier: Apache-2.0
"""The gate against a real server."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest
from service import Service

from exequatur import (
    ConfigurationError,
    Denied,
    Expired,
    FloorNotMet,
    Gate,
    InputError,
    NotExecuted,
    Pending,
    Refused,
    Trigger,
)

CRM = ("Database", "crm")


def test_an_allowed_action_runs_at_once_and_is_reported(service: Service, gate: Gate) -> None:
    ran = []
    request = gate.action("db.read", resource=CRM, input={"table": "orders"}, reason="report")
    with request as execution:
        ran.append(execution.input)
        assert not execution.is_advisory
        assert execution.resource.id == "crm"
    assert ran == [{"table": "orders"}]
    assert execution.unreported is None
    shown = service.show(execution.action.id)
    assert shown["state"] == "succeeded"
    assert shown["gate"] == {"enforcing": True, "id": "etl"}
    assert shown["operationDigest"] == request.operation_digest
    assert shown["intent"] == {"justification": "report"}


def test_a_reviewed_action_waits_for_a_person(service: Service, gate: Gate) -> None:
    trigger = Trigger("pipeline", "run-7", "nightly")
    with service.reviewer_decides() as seen:
        with gate.action(
            "db.export", resource=CRM, input={"table": "orders", "rows": 12}, trigger=trigger
        ) as execution:
            execution.succeeded("12 rows", result_digest="ab" * 32)
    shown = service.show(seen[0]["id"])
    assert shown["state"] == "succeeded"
    assert shown["outcome"]["resultDigest"] == "ab" * 32
    assert shown["intent"]["trigger"] == {"id": "run-7", "kind": "pipeline", "parent": "nightly"}


def test_a_denial_runs_nothing_and_says_why(service: Service, gate: Gate) -> None:
    ran = []
    with service.reviewer_decides("deny"), pytest.raises(Denied) as caught:
        with gate.action("db.export", resource=CRM, input={"table": "customers"}):
            ran.append(1)
    assert not ran
    assert "bob denied: not today" in str(caught.value)
    assert caught.value.exit_code == 77
    # The same operation within ten minutes is answered with that denial.
    with pytest.raises(Denied):
        with gate.action("db.export", resource=CRM, input={"table": "customers"}):
            ran.append(1)
    assert not ran


def test_policy_denies_without_asking_anybody(gate: Gate) -> None:
    with pytest.raises(Denied, match="Nobody reads secrets"):
        with gate.action("db.read", resource=("Database", "secrets"), input={"table": "t"}):
            raise AssertionError("ran")


def test_an_undeclared_action_is_denied(gate: Gate) -> None:
    with pytest.raises(Denied):
        with gate.action("db.drop", resource=CRM, input={"table": "t"}):
            raise AssertionError("ran")


def test_silence_is_a_denial_named_expired(gate: Gate) -> None:
    with pytest.raises(Expired, match="nobody decided in time"):
        with gate.action("mail.send", resource=CRM, input={"to": "a@example.org", "subject": "x"}):
            raise AssertionError("ran")


def test_waiting_ends_as_pending_and_the_same_call_attaches(service: Service, gate: Gate) -> None:
    def ask(wait: str | int) -> str:
        with gate.action("db.export", resource=CRM, input={"table": "late"}, wait=wait) as found:
            return found.action.id

    with pytest.raises(Pending) as caught:
        ask(0)
    assert caught.value.action is not None
    assert caught.value.action.url is not None and caught.value.action.url in str(caught.value)
    assert caught.value.exit_code == 75
    action = service.pending()
    assert action["id"] == caught.value.action.id
    service.decide(action)
    assert ask("10s") == action["id"]


def test_asking_does_not_claim(service: Service, gate: Gate) -> None:
    asked = gate.ask("db.read", resource=CRM, input={"table": "asked"})
    assert asked.state == "cleared" and asked.claim is None
    with gate.action("db.read", resource=CRM, input={"table": "asked"}) as execution:
        pass
    assert execution.action.id == asked.id
    waiting = gate.ask("db.export", resource=CRM, input={"table": "asked"})
    with pytest.raises(Pending):
        gate.settle(waiting, wait=0)
    service.decide(service.pending())
    assert gate.settle(waiting).state == "cleared"


def test_an_exception_is_a_failed_outcome_without_its_text(service: Service, gate: Gate) -> None:
    with pytest.raises(ValueError, match="s3cret"):
        with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
            raise ValueError("s3cret")
    shown = service.show(execution.action.id)
    assert shown["state"] == "failed"
    assert "s3cret" not in str(service.json("audit", "tail", token=service.reviewer))


def test_an_interruption_leaves_an_unknown_outcome(service: Service, gate: Gate) -> None:
    with pytest.raises(KeyboardInterrupt):
        with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
            raise KeyboardInterrupt
    assert service.show(execution.action.id)["state"] == "unknown"


def test_other_outcomes_can_be_told(service: Service, gate: Gate) -> None:
    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        execution.not_started("the table is gone")
    assert service.show(execution.action.id)["state"] == "not_started"
    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        execution.failed("half of it")
    assert service.show(execution.action.id)["state"] == "failed"
    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        with pytest.raises(InputError):
            execution.succeeded(result_digest="AB")


def test_a_request_is_entered_once(gate: Gate) -> None:
    request = gate.action("db.read", resource=CRM, input={"table": "orders"})
    with request:
        pass
    with pytest.raises(ConfigurationError, match="used before"):
        with request:
            raise AssertionError("ran")


def test_what_is_executed_is_what_was_approved(service: Service, gate: Gate) -> None:
    """Argument swap after approval: the caller's object changes while the review is open."""
    input = {"table": "orders", "columns": ["id"]}
    ran = []
    with service.reviewer_decides() as seen:
        request = gate.action("db.export", resource=CRM, input=input)
        input["table"] = "customers"
        input["columns"].append("password")  # type: ignore[attr-defined]
        with request as execution:
            execution.input["table"] = "nothing that is done here matters"
            ran.append(execution.input)
    assert ran == [{"table": "orders", "columns": ["id"]}]
    assert service.show(seen[0]["id"])["operation"]["input"] == ran[0]


def test_decorated_functions_get_the_approved_arguments(service: Service, gate: Gate) -> None:
    ran: list[object] = []

    class Exporter:
        @gate.requires(
            "db.export",
            resource=lambda call: ("Database", "crm"),
            reason=lambda call: f"export of {call['table']}",
        )
        def export(self, table: str, *, columns: list[str], rows: int = 5) -> int:
            ran.append((self, table, columns, rows))
            return rows

    columns = ["id"]
    exporter = Exporter()
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(exporter.export("a", columns=columns)))
    thread.start()
    action = service.pending()
    columns.append("password")
    service.decide(action)
    thread.join()
    assert done == [5]
    assert ran == [(exporter, "a", ["id"], 5)]
    shown = service.show(action["id"])
    assert shown["operation"]["input"] == {"columns": ["id"], "rows": 5, "table": "a"}
    assert shown["intent"] == {"justification": "export of a"}


def test_decorated_functions_are_checked(gate: Gate) -> None:
    with pytest.raises(ConfigurationError, match="plain function"):

        @gate.requires("db.read", resource=CRM)
        async def later() -> None: ...

    with pytest.raises(ConfigurationError, match="plain function"):

        @gate.requires("db.read", resource=CRM)
        def several():  # type: ignore[no-untyped-def]
            yield 1

    with pytest.raises(ConfigurationError, match="no parameter `connection`"):

        @gate.requires("db.read", resource=CRM, except_for=("connection",))
        def read(table: str) -> None: ...

    @gate.requires("db.read", resource=CRM, except_for=("connection",))
    def query(connection: object, table: str) -> object:
        return connection

    place = object()
    assert query(place, "orders") is place
    with pytest.raises(InputError, match="/input/table"):
        query(place, ("orders",))  # type: ignore[arg-type]


def test_without_a_credential_of_its_own_a_gate_is_advisory(
    service: Service, make_gate: type[Gate]
) -> None:
    gate = make_gate(gate_token=None)
    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        assert execution.is_advisory
    assert service.show(execution.action.id)["advisory"] is True


def test_another_gates_grant_is_of_no_use(service: Service, make_gate: type[Gate]) -> None:
    mine, other = make_gate(), make_gate(gate_token=service.other_gate)
    asked = mine.ask("db.export", resource=CRM, input={"table": "mine"})
    service.decide(service.pending())
    # The other gate asks for the same operation: it gets an action of its own.
    with pytest.raises(Pending) as caught:
        with other.action("db.export", resource=CRM, input={"table": "mine"}, wait=0):
            raise AssertionError("ran")
    assert caught.value.action is not None and caught.value.action.id != asked.id
    # And cannot claim the first one.
    from exequatur.gate import drive

    client = other._settings.client
    key = drive(client._log.key())
    with pytest.raises(Refused) as refused:
        drive(client._claim(asked, key))
    assert refused.value.code == "wrong_gate"


def test_two_runs_of_one_action_execute_once(service: Service, make_gate: type[Gate]) -> None:
    input = {"table": "once"}
    asked = make_gate().ask("db.export", resource=CRM, input=input)
    ran: list[str] = []
    refused: list[Exception] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        try:
            with make_gate(wait="3s").action("db.export", resource=CRM, input=input) as found:
                ran.append(found.action.id)
        except NotExecuted as error:
            refused.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    service.decide(service.pending())
    # Whoever came too late either is told so, or waits in vain for an action of its own.
    for thread in threads:
        thread.join()
    assert ran == [asked.id] and len(refused) == 1


def test_the_floor_refuses_what_cannot_be_verified(service: Service, make_gate: type[Gate]) -> None:
    gate = make_gate(require="passkey")
    before = service.newest()
    with pytest.raises(FloorNotMet, match="no proof of one yet"):
        with gate.action("db.read", resource=CRM, input={"table": "orders"}):
            raise AssertionError("ran")
    with pytest.raises(FloorNotMet):
        gate.run(["ls"])
    with pytest.raises(FloorNotMet):
        gate.ask("db.read", resource=CRM, input={"table": "orders"})
    assert service.newest() == before
    with pytest.raises(ConfigurationError, match="`require`"):
        make_gate(require="retina")


def test_heartbeats_are_sent_while_the_block_runs(
    service: Service, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exequatur import execution as module

    monkeypatch.setattr(module.Heartbeats.__init__, "__defaults__", (0.05,))
    sent: list[str] = []
    client = gate._settings.client
    monkeypatch.setattr(type(client.reports), "heartbeat", lambda self, action: sent.append(action))
    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        time.sleep(0.4)
    count = len(sent)
    assert count >= 2 and set(sent) == {execution.action.id}
    time.sleep(0.2)
    assert len(sent) <= count + 1


def test_a_heartbeat_is_taken_by_the_server(service: Service, gate: Gate) -> None:
    from exequatur.transport import Request

    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        path = f"/v1/actions/{execution.action.id}/heartbeat"
        answer = gate._settings.client.transport.send(Request("POST", path, b"{}"))
        assert answer.status == 204


def test_the_state_directory_is_private_and_shared_with_the_program(
    service: Service, gate: Gate, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with gate.action("db.read", resource=CRM, input={"table": "orders"}):
        pass
    for path in (state, state / "nonces", state / "pins"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in [*state.glob("nonces/*"), *state.glob("pins/*"), *state.glob("keys/*")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [pin] = state.glob("pins/[0-9a-f]*")
    before = int(pin.read_text().split("\n")[1])
    environment = {"EXEQUATUR_STATE_DIR": str(state), "EXEQUATUR_TOKEN": service.agent}
    import subprocess

    from service import BINARY

    done = subprocess.run(
        [BINARY, "run", "--no-stdin", "--", "ls", "/"],
        env={**service._environment(), **environment},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(pin.read_text().split("\n")[1]) > before
    with gate.action("db.read", resource=CRM, input={"table": "orders"}):
        pass
