# SPDX-License-Identifier: Apache-2.0
"""What the tests ask a gate for: a call that must not run, and one that does."""

from __future__ import annotations

from typing import Any

from exequatur import Gate

CRM = ("Database", "crm")
INPUT = {"table": "orders"}
#: 32 bytes in hexadecimal that nobody computed.
HEX = "00" * 32


def attempt(gate: Gate, **options: Any) -> None:
    with gate.action("db.read", resource=CRM, input=INPUT, **options):
        raise AssertionError("it ran")


def legitimate(gate: Gate) -> str:
    with gate.action("db.read", resource=CRM, input=INPUT) as execution:
        return execution.action.id
