# SPDX-License-Identifier: Apache-2.0
"""The gate while the real server is away: nothing runs unasked, and no outcome is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from service import Service, free_port

from exequatur import Gate, Unavailable, retry

CRM = ("Database", "crm")


def test_the_server_is_down(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert retry.PATIENCE == 5
    monkeypatch.setattr(retry, "PATIENCE", 1.0)
    gate = Gate(
        url=f"http://127.0.0.1:{free_port()}", token=service.agent, state_dir=tmp_path / "s"
    )
    start = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        with gate.action("db.read", resource=CRM, input={"table": "orders"}):
            raise AssertionError("ran")
    assert 0.5 < time.monotonic() - start < 5
    assert caught.value.exit_code == 69
    assert "refused" in str(caught.value)


def test_waiting_survives_a_restart_of_the_server(own_service: Service, tmp_path: Path) -> None:
    service = own_service
    told: list[str] = []
    gate = Gate(
        url=service.url,
        token=service.agent,
        gate_token=service.gate,
        state_dir=tmp_path / "state",
        wait="60s",
        on_progress=lambda progress: told.append(progress.kind),
    )
    ran: list[str] = []

    def run() -> None:
        with gate.action("db.export", resource=CRM, input={"table": "orders"}) as execution:
            ran.append(execution.action.id)

    thread = threading.Thread(target=run)
    thread.start()
    action = service.pending()
    service.stop(signal.SIGKILL)
    time.sleep(0.5)
    assert not ran
    service.start()
    service.decide(service.pending())
    thread.join(30)
    assert ran == [action["id"]]
    assert "reconnecting" in told and told[-1] == "cleared"
    assert service.show(action["id"])["state"] == "succeeded"


def test_an_outcome_that_cannot_be_reported_is_sent_with_the_next_run(
    own_service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = own_service
    monkeypatch.setattr("exequatur.retry.REPORT_PATIENCE", 0.5)
    gate = Gate(
        url=service.url, token=service.agent, gate_token=service.gate, state_dir=tmp_path / "state"
    )
    with gate.action("db.read", resource=CRM, input={"table": "orders"}) as execution:
        service.stop()
    assert execution.unreported is not None and "sent with the next run" in execution.unreported
    assert os.listdir(tmp_path / "state" / "reports") == [execution.action.id]
    service.start()
    assert service.show(execution.action.id)["state"] in ("claimed", "unknown")
    with gate.action("db.read", resource=CRM, input={"table": "orders"}):
        pass
    assert service.show(execution.action.id)["state"] == "succeeded"
    assert os.listdir(tmp_path / "state" / "reports") == []
