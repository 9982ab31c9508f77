# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a gate that reaches the server only through somebody in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Service
from stub import Middle

from exequatur import Gate


@pytest.fixture
def middle(service: Service) -> Iterator[Middle]:
    found = Middle(service.port)
    yield found
    found.close()


@pytest.fixture
def gate(middle: Middle, service: Service, tmp_path: Path) -> Iterator[Gate]:
    found = Gate(
        url=middle.url,
        token=service.agent,
        gate_token=service.gate,
        state_dir=tmp_path / "state",
        wait="20s",
    )
    yield found
    found.close()
