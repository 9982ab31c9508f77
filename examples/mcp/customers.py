#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small MCP server over standard input and output: customers in an SQLite file.

    customers.py DATABASE FOLDER

Tools: `count_customers` reads, `export_customers` writes a CSV file into FOLDER. Speaks the protocol
of 2025-11-25 and that of 2026-07-28. It trusts whoever starts it: the gateway in front decides.
"""

import csv
import json
import pathlib
import sqlite3
import sys

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
PLAN = {"type": "string", "enum": ["free", "team", "company"], "description": "Only this plan."}
TOOLS = [
    {
        "name": "count_customers",
        "description": "How many customers there are.",
        "inputSchema": {
            "type": "object",
            "properties": {"plan": PLAN},
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": "export_customers",
        "description": "Writes names and addresses of customers to a CSV file.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "file": {"type": "string", "description": "The file's name, without a folder."},
                "plan": PLAN,
            },
            "required": ["file"],
            "additionalProperties": False,
        },
    },
]


class BadCall(Exception):
    """A call that the tool refuses; its text is for the caller."""


class Server:
    def __init__(self, database: str, folder: str) -> None:
        self.database = database
        self.folder = pathlib.Path(folder)

    def rows(self, columns: str, plan: str | None) -> list[tuple]:
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            if plan is None:
                return connection.execute(f"SELECT {columns} FROM customers").fetchall()
            return connection.execute(
                f"SELECT {columns} FROM customers WHERE plan = ?", (plan,)
            ).fetchall()

    def call(self, name: str, arguments: dict) -> str:
        plan = arguments.get("plan")
        if name == "count_customers":
            return f"{self.rows('count(*)', plan)[0][0]} customers"
        if name == "export_customers":
            file = arguments.get("file", "")
            if not file or pathlib.PurePath(file).name != file:
                raise BadCall("`file` must be a plain name")
            rows = self.rows("id, name, email, plan", plan)
            with open(self.folder / file, "w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([("id", "name", "email", "plan"), *rows])
            return f"{len(rows)} customers written to {file}"
        raise BadCall(f"there is no tool `{name}`")

    def answer(self, method: str, params: dict) -> dict:
        info = {"name": "customers", "version": "1"}
        capabilities = {"tools": {}}
        if method == "initialize":
            return {"protocolVersion": LEGACY, "capabilities": capabilities, "serverInfo": info}
        if method == "server/discover":
            return {
                "supportedVersions": [MODERN], "capabilities": capabilities, "serverInfo": info,
                "ttlMs": 0, "cacheScope": "private",
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": TOOLS, "ttlMs": 0, "cacheScope": "private"}
        if method == "tools/call":
            try:
                text = self.call(params.get("name", ""), params.get("arguments") or {})
            except (BadCall, OSError, sqlite3.Error) as error:
                return {"content": [{"type": "text", "text": str(error)}], "isError": True}
            return {"content": [{"type": "text", "text": text}]}
        raise LookupError(method)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: customers.py DATABASE FOLDER")
    server = Server(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request or "method" not in request:
            continue
        params = request.get("params") or {}
        message = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            result = server.answer(request["method"], params)
            if VERSION_KEY in params.get("_meta", {}):
                result = {"resultType": "complete", **result}
            message["result"] = result
        except LookupError:
            message["error"] = {"code": -32601, "message": f"no method {request['method']}"}
        print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
