# SPDX-License-Identifier: Apache-2.0
"""Where attacks and wire tests happen: one gateway in front of one raw upstream.

A test is a function that takes an Arena. `kinds` says in front of what it runs; without it on all.
"""
import json
import time

from harness import brief, equal, require, until
from raw import LEGACY, MODERN, action, call, disposition, request, text
from real import Gateway, Upstream, definitions

ALL = ("line", "front", "web")
KINDS = {}


def kinds(*names):
    """On which gateways a test runs: line is stdio before stdio, front HTTP before stdio, web HTTP
    before HTTP. There is no stdio before HTTP."""
    def mark(function):
        KINDS[function.__name__] = names
        return function
    return mark


HTTP = ("front", "web")
STDIO = ("line",)


class Arena:
    """One gateway of a kind, its upstream, and what tests ask of them."""

    def __init__(self, real, kind, python, hold="0s"):
        self.real, self.kind, self.python = real, kind, python
        self.upstream = Upstream(real.folder, kind, real.processes, python)
        # One name for all of them, as when several gates stand before one server.
        behind = None if kind == "web" else self.upstream.command
        self.gateway = Gateway(real, f"raw-{kind}", "raw", behind, hold=hold)
        if behind is None:
            self.gateway.upstream = self.upstream.serve()
        if kind in HTTP:
            self.gateway.listen()
        self.gateway.present(LEGACY, definitions())
        self.count = 0
        self.waiting = None

    def unique(self, label="t"):
        self.count += 1
        return f"{label}-{self.kind}-{self.count}-{time.time_ns() % 10**9}"

    def patient(self, hold="10s"):
        """A client of the same gate whose calls are held for a while."""
        if self.waiting is None:
            made = Gateway.__new__(Gateway)
            made.__dict__.update(self.gateway.__dict__, hold=hold, process=None)
            if made.port:
                made.port = None
                made.listen()
            self.waiting = made
        client = self.waiting.client()
        client.open(LEGACY)
        return client

    def beside(self, client):
        """Another connection with the session of a client."""
        other = self.gateway.client()
        other.session = client.session
        return other

    def became(self, arguments, state):
        """The call with these arguments is recorded as that."""
        def recorded():
            shown = [self.real.show(a["id"]) for a in self.real.actions(limit=10)]
            return [a["state"] for a in shown if a["operation"]["input"] == arguments]
        until(lambda: recorded() == [state], f"the call is recorded as {state}", 10)

    def claimed(self):
        """The actions that were claimed, all of them, page by page."""
        found, before = [], None
        while True:
            page = self.real.actions(**({"before": before} if before else {}))
            if not page:
                return [a for a in found if a["state"] in (
                    "claimed", "succeeded", "failed", "unknown")]
            found += page
            before = page[-1]["id"]

    def client(self, era=LEGACY, token=None):
        client = self.gateway.client(token)
        client.open(era)
        return client

    @property
    def http(self):
        return self.kind in HTTP

    def send_exactly(self, client, data, number=None, seconds=4):
        """Sends bytes as one message; the response to `number`, or any, or None."""
        if self.http:
            answer = client.post(data, change={"Mcp-Session-Id": client.session,
                                               "MCP-Protocol-Version": LEGACY})
            found = answer.response(number) if number is not None else None
            return found or (answer.messages[0] if answer.messages else
                             {"status": answer.status} if answer.status >= 400 else None)
        client.send(data)
        if number is not None:
            return client.response(number, seconds, nameless=True)
        line = client.line(seconds)
        return json.loads(line) if line else None

    def alive(self, client):
        """The gateway must still serve after whatever was done to it."""
        found = client.ask(request(client.number(), "ping"))
        require(found.get("result") == {}, f"ping afterwards: {brief(found)}")

    def runs(self, client):
        """A tool runs for a client."""
        executed(client.ask(call(client.number(), "run_allowed", {"text": self.unique()})),
                 "run_allowed")

    def nothing_ran(self, since, what):
        found = self.upstream.quiet(since)
        equal(found, [], f"executions after {what}")

    def reached(self, since, needle):
        return any(needle in data for data in self.upstream.bytes(since))


# MARK: what answers of the gateway look like

def denied(response, era=LEGACY):
    result = response.get("result") or {}
    require(result.get("isError") is True, f"expected an error result, got {brief(response)}")
    require(text(response).startswith("Denied:"), f"expected `Denied:`, got {text(response)!r}")
    equal(disposition(response), "denied-not-executed", "disposition")
    complete(response, era)


def waiting(response, era=LEGACY):
    """Checks the answer of a call that waits and returns the action's id."""
    result = response.get("result") or {}
    require(result.get("isError") is True, f"expected an error result, got {brief(response)}")
    require(text(response).startswith("Waiting for approval:"),
            f"expected `Waiting for approval:`, got {text(response)!r}")
    found = action(response)
    require(found.get("id") and found.get("digest"), f"no action in _meta: {brief(response)}")
    equal(found.get("state"), "pending", "state of the action")
    require(found["id"] in text(response), "the text does not name the action")
    complete(response, era)
    return found["id"]


def complete(response, era):
    kind = response["result"].get("resultType")
    equal(kind, "complete" if era == MODERN else None, "resultType")


def executed(response, tool):
    require("result" in response and not response["result"].get("isError"),
            f"expected the tool's result, got {brief(response)}")
    require(f"ran {tool}" in text(response), f"expected `ran {tool}`, got {brief(response)}")


def refused(response, codes, what):
    code = ((response or {}).get("error") or {}).get("code")
    require(code in codes, f"{what}: expected error {codes}, got {brief(response)}")
