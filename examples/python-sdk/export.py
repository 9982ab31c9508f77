#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the customers of one plan into a CSV file, once that was cleared."""

from __future__ import annotations

import argparse
import csv
import logging
import sqlite3
import sys
from pathlib import Path

from exequatur import ExequaturError, Gate


def count(database: Path, plan: str) -> int:
    """How many customers there are; the gate counts them, not whoever asks."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        query = "SELECT count(*) FROM customers WHERE plan = ?"
        return int(connection.execute(query, [plan]).fetchone()[0])


def export(database: Path, plan: str, rows: int, to: str) -> None:
    """Writes the file; at most as many rows as were approved."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        found = connection.execute(
            "SELECT name, email FROM customers WHERE plan = ? ORDER BY name LIMIT ?",
            [plan, rows + 1],
        ).fetchall()
    if len(found) > rows:
        raise RuntimeError("there are more customers now than were approved")
    with open(to, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "email"])
        writer.writerows(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--reason", default="asked for on the command line")
    parser.add_argument("--wait", default="1h")
    options = parser.parse_args()
    # What the gate waits for is told here.
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        with Gate() as gate:
            with gate.action(
                "customers.export",
                resource=("Database", options.database.name),
                input={
                    "plan": options.plan,
                    "rows": count(options.database, options.plan),
                    "to": str(Path(options.to).absolute()),
                },
                reason=options.reason,
                wait=options.wait,
            ) as execution:
                export(options.database, **execution.input)
                execution.succeeded(f"{execution.input['rows']} rows")
    except ExequaturError as error:
        print(f"not exported: {error}", file=sys.stderr)
        return error.exit_code
    print(f"exported to {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
