# SPDX-License-Identifier: Apache-2.0
"""A real server for the tests, and what persons do with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
BINARY = os.path.abspath(
    os.environ.get("EXEQUATUR_BIN") or str(ROOT / ".build" / "debug" / "exequatur")
)

SCHEMA = """
entity Database;
action "db";
action "db.export", "db.read" in [Action::"db"] appliesTo {
  principal: [Agent], resource: [Database],
  context: { input: { table: String, rows?: Long, columns?: Set<String> } },
};
action "mail";
action "mail.send" in [Action::"mail"] appliesTo {
  principal: [Agent], resource: [Database],
  context: { input: { to: String, subject: String } },
};
"""

POLICIES = """
@id("db") permit (principal is Agent, action in Action::"db", resource);
@id("mail") permit (principal is Agent, action in Action::"mail", resource);
@id("exports") @review("reviewers") @severity("medium")
@reason("Rows leave the database.")
forbid (principal, action == Action::"db.export", resource);
@id("mails") @review("reviewers") @severity("medium") @expires("{expires}")
@reason("Mail leaves the house.")
forbid (principal, action == Action::"mail.send", resource);
@id("secret") @reason("Nobody reads secrets.")
forbid (principal, action in Action::"db", resource == Database::"secrets");
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """One server with an agent, its owner, and bob, who reviews."""

    def __init__(
        self, directory: Path, *, expires: str = "1h", owner: str = "alice", gate: str = "etl"
    ):
        self.directory = directory
        self.data = directory / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._expires = expires
        self.start()
        admin = ("--token-file", str(self.data / "admin.token"))
        self.call("person", "add", owner, *admin)
        bob = self.json("person", "add", "bob", "--group", "reviewers", "--token", *admin)
        self.reviewer = bob["token"]
        self.agent = self.json("agent", "add", "bot", "--owner", owner, *admin)["token"]
        self.gate = self.json("gate", "add", gate, *admin)["token"]
        self.other_gate = self.json("gate", "add", "other", *admin)["token"]
        policies = directory / "policies"
        shutil.copytree(ROOT / "policies" / "starter", policies)
        (policies / "schema.cedarschema").write_text(SCHEMA)
        (policies / "50-tests.cedar").write_text(POLICIES.replace("{expires}", expires))
        self.call("policy", "publish", str(policies), *admin)

    # MARK: the process

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        log = open(self.directory / "serve.log", "ab")
        self._process = subprocess.Popen(
            [BINARY, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"],
            stdout=log,
            stderr=log,
            env=self._environment(),
        )
        log.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                if (self.data / "admin.token").exists():
                    return
            time.sleep(0.05)
        raise AssertionError("the server did not start: " + self.log())

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Ends the server."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def log(self) -> str:
        """What the server wrote."""
        return (self.directory / "serve.log").read_text(errors="replace")

    # MARK: the command line

    def _environment(self, token: str | None = None) -> dict[str, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("EXEQUATUR_")}
        environment["EXEQUATUR_URL"] = self.url
        if token is not None:
            environment["EXEQUATUR_TOKEN"] = token
        return environment

    def call(self, *words: str, token: str | None = None) -> str:
        """Runs a command of the program."""
        found = subprocess.run(
            [BINARY, *words], capture_output=True, text=True, env=self._environment(token),
            timeout=60,
        )
        assert found.returncode == 0, f"{words}: {found.stdout}{found.stderr}"
        return found.stdout

    def json(self, *words: str, token: str | None = None) -> Any:
        """The same with ``--json``."""
        return json.loads(self.call(*words, "--json", token=token))

    # MARK: persons

    def api(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """One request of bob's; much quicker than the command line."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {token or self.reviewer}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, text
        return json.loads(text)

    def show(self, action: str) -> dict[str, Any]:
        """An action as bob sees it."""
        found = self.api("GET", f"/v1/actions/{action}")
        assert isinstance(found, dict)
        return found

    def actions(self, state: str | None = None) -> list[dict[str, Any]]:
        """Actions, newest first."""
        found = self.api("GET", "/v1/actions" + (f"?state={state}" if state else ""))
        assert isinstance(found, list)
        return found

    def newest(self) -> str | None:
        """The id of the newest action, by which new ones are noticed."""
        found = self.api("GET", "/v1/actions?limit=1")
        return str(found[0]["id"]) if found else None

    def pending(self, seconds: float = 20) -> dict[str, Any]:
        """Waits for the one pending action."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.actions("pending")
            if found:
                return found[0]
            time.sleep(0.02)
        raise AssertionError("no action became pending")

    def decide(self, action: dict[str, Any], decision: str = "approve") -> None:
        """Bob decides."""
        body = {"decision": decision, "expect": action["digest"][:16]}
        if decision == "deny":
            body["reason"] = "not today"
        self.api("POST", f"/v1/actions/{action['id']}/decisions", body)

    @contextlib.contextmanager
    def reviewer_decides(self, decision: str = "approve") -> Iterator[list[dict[str, Any]]]:
        """Meanwhile bob decides the next pending action."""
        seen: list[dict[str, Any]] = []
        problems: list[BaseException] = []

        def work() -> None:
            try:
                action = self.pending()
                seen.append(action)
                self.decide(action, decision)
            except BaseException as error:
                problems.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield seen
        finally:
            thread.join()
            if problems:
                raise problems[0]
