#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small agent that uses an MCP server, as a coding assistant would: it starts what its settings
name as the server, and what they name is the gateway.

    demo/mcp-agent.py COMMAND…
    demo/mcp-agent.py --list COMMAND…       only looks which tools there are

Exit status 0 when every wish was either fulfilled or refused, 1 when something else went wrong.
"""

import json
import os
import subprocess
import sys

# How often a call that still waits is made again; each is held for a while.
PATIENCE = int(os.environ.get("PATIENCE", "20"))


class Client:
    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.last = 0

    def send(self, message: dict) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method: str, params: dict) -> dict:
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == self.last and "method" not in message:
                if "error" in message:
                    sys.exit(f"the gateway answered: {message['error']['message']}")
                return message["result"]
            if message.get("method") == "notifications/progress":
                print(f"   … {message['params'].get('message', '')}", flush=True)
        sys.exit("the gateway has ended")

    def start(self) -> None:
        self.request(
            "initialize",
            {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "demo-agent", "version": "1"},
            },
        )
        self.send({"method": "notifications/initialized"})

    def call(self, tool: str, arguments: dict) -> dict:
        """Calls a tool, and again while it waits for a person."""
        for _ in range(PATIENCE):
            result = self.request(
                "tools/call",
                {"name": tool, "arguments": arguments, "_meta": {"progressToken": tool}},
            )
            text = result["content"][0]["text"]
            if not (result.get("isError") and text.startswith("Waiting for approval")):
                break
        return result

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=10)


def wish(client: Client, title: str, tool: str, arguments: dict) -> None:
    print(f"\n{title}\n   The agent calls: {tool} {json.dumps(arguments)}", flush=True)
    result = client.call(tool, arguments)
    print(f"   => {result['content'][0]['text']}", flush=True)


def main() -> None:
    is_list = sys.argv[1:2] == ["--list"]
    client = Client(sys.argv[2:] if is_list else sys.argv[1:])
    client.start()
    tools = [tool["name"] for tool in client.request("tools/list", {})["tools"]]
    print(f"The agent finds these tools: {', '.join(tools) or 'none'}", flush=True)
    if is_list:
        return client.stop()
    wish(client, "A. Count customers with a tool.", "count_customers", {"plan": "company"})
    wish(
        client,
        "B. Export customers with a tool. Somebody has to look at it.",
        "export_customers",
        {"file": "companies.csv", "plan": "company"},
    )
    client.stop()


if __name__ == "__main__":
    main()
