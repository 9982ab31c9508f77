# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one server for all tests, one of its own where a test stops it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from service import BINARY, Service  # noqa: E402

from exequatur import AsyncGate, Gate  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name.startswith("EXEQUATUR_")]:
        if name not in ("EXEQUATUR_BIN", "EXEQUATUR_CORPORA", "EXEQUATUR_SDK_BENCH"):
            del os.environ[name]
    if not os.access(BINARY, os.X_OK):
        raise pytest.UsageError(f"{BINARY} is not there: build it, or set EXEQUATUR_BIN")


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    found = Service(tmp_path_factory.mktemp("service"), expires="2s")
    yield found
    found.stop()


@pytest.fixture
def service(shared_service: Service) -> Iterator[Service]:
    """A running server without pending actions left over."""
    yield shared_service
    for action in shared_service.actions("pending"):
        path = f"/v1/actions/{action['id']}/cancel"
        shared_service.api("POST", path, {}, token=shared_service.agent)


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A server that a test may stop."""
    found = Service(tmp_path)
    yield found
    found.stop(signal.SIGKILL)


@pytest.fixture
def make_gate(service: Service, tmp_path: Path) -> Iterator[Callable[..., Gate]]:
    made: list[Gate] = []

    def make(**options: Any) -> Gate:
        settings = {
            "url": service.url,
            "token": service.agent,
            "gate_token": service.gate,
            "state_dir": tmp_path / "state",
            "wait": "20s",
        }
        made.append(Gate(**{**settings, **options}))
        return made[-1]

    yield make
    for gate in made:
        gate.close()


@pytest.fixture
def gate(make_gate: Callable[..., Gate]) -> Gate:
    return make_gate()


@pytest.fixture
def async_gate(service: Service, tmp_path: Path) -> Iterator[AsyncGate]:
    found = AsyncGate(
        url=service.url,
        token=service.agent,
        gate_token=service.gate,
        state_dir=tmp_path / "state",
        wait="20s",
    )
    yield found
    found.close()
