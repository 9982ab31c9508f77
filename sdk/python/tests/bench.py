# SPDX-License-Identifier: Apache-2.0
"""Measures how long the verification of a claim takes, on a claim of a real server.

    EXEQUATUR_BIN=… python sdk/python/tests/bench.py
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).parent))

from service import Service  # noqa: E402

from exequatur import Gate, claim, log  # noqa: E402

ROUNDS = 3_000


def measure(name: str, work: Callable[[], object], rounds: int = ROUNDS) -> None:
    for clock, kind in ((time.perf_counter_ns, "elapsed"), (time.thread_time_ns, "on the CPU")):
        times = []
        for _ in range(rounds):
            start = clock()
            work()
            times.append(clock() - start)
        times.sort()
        p50, p99 = times[rounds // 2] / 1e3, times[rounds * 99 // 100] / 1e3
        print(f"{name:42} {kind:10} p50 {p50:8.1f} µs  p99 {p99:8.1f} µs  ({rounds} times)")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        service = Service(Path(directory))
        try:
            run(service, Path(directory))
        finally:
            service.stop()


def run(service: Service, directory: Path) -> None:
    gate = Gate(
        url=service.url,
        token=service.agent,
        gate_token=service.gate,
        state_dir=directory / "state",
    )
    kept: list[tuple[Any, claim.ClaimExpectation]] = []
    from exequatur import protocol

    def keep(found: Any, expected: claim.ClaimExpectation) -> claim.VerifiedClaim:
        kept.append((json.loads(json.dumps(found)), expected))
        return claim.verify_claim(found, expected)

    protocol.verify_claim = keep
    read: dict[str, Any] = {"resource": ("Database", "crm"), "input": {"table": "t"}}
    with gate.action("db.read", **read):
        pass
    protocol.verify_claim = claim.verify_claim
    found, expected = kept[0]

    def first() -> None:
        log.verified_checkpoint.cache_clear()
        claim.verify_claim(found, expected)

    measure("verify a claim", first)
    measure("verify a claim, its checkpoint known", lambda: claim.verify_claim(found, expected))

    def whole() -> None:
        with gate.action("db.read", **read):
            pass

    measure("allowed action, whole: ask, run, report", whole, 300)


if __name__ == "__main__":
    main()
