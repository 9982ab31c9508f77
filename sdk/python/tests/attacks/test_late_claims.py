# SPDX-License-Identifier: Apache-2.0
"""A claim is good for its window only, whatever the clocks say."""

from __future__ import annotations

from typing import Any

import pytest
from attempts import attempt, legitimate
from service import Service

from exequatur import Gate, TooLate, clock, protocol


def test_a_claim_that_comes_too_late_is_not_started_on(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    real = clock.now
    late = [0.0]
    verify = protocol.verify_claim

    def slow(*arguments: Any) -> Any:
        late[0] += 31
        return verify(*arguments)

    monkeypatch.setattr(clock, "now", lambda: real() + late[0])
    monkeypatch.setattr(protocol, "verify_claim", slow)
    with pytest.raises(TooLate):
        attempt(gate)
    assert service.actions()[0]["state"] == "not_started"


def test_the_wall_clock_of_the_gate_does_not_matter(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 0.0)
    legitimate(gate)


def test_a_clock_that_goes_back_does_not_prolong_a_claim(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = clock.now
    back = [0.0]
    verify = protocol.verify_claim

    def earlier(*arguments: Any) -> Any:
        back[0] -= 100
        return verify(*arguments)

    monkeypatch.setattr(clock, "now", lambda: real() + back[0])
    monkeypatch.setattr(protocol, "verify_claim", earlier)
    with pytest.raises(TooLate):
        attempt(gate)
