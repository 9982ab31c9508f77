# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a gate that reaches the server only through somebody in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
def gate(middle: Middle, make_gate: Callable[..., Gate]) -> Gate:
    return make_gate(url=middle.url)
