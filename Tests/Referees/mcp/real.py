# SPDX-License-Identifier: Apache-2.0
"""A real server with people, an agent, gates and policies, and gateways in front of upstreams."""
import http.client
import json
import os
import subprocess
import threading
import time
import urllib.parse

import raw
from harness import (ROOT, Failure, Processes, Skip, clean_environment, free_port, until,
                     wait_for_port)

POLICIES = """// SPDX-License-Identifier: Apache-2.0
// What the referee's agents may do through the gateways.

@id("tools")
permit (
  principal is Agent,
  action in Action::"mcp",
  resource
);
"""

# Tool by tool, because nobody could publish a policy that names an action of no schema.
REVIEWED = """
@id("reviewed.{server}.{tool}")
@review("reviewers")
@reason("The tool changes something.")
forbid (
  principal is Agent,
  action == Action::"mcp.{server}___{tool}",
  resource
);
"""
DENIED = """
@id("denied.{server}.{tool}")
@reason("Nobody may.")
forbid (
  principal,
  action == Action::"mcp.{server}___{tool}",
  resource
);
"""
RULES = {REVIEWED: ["write_reviewed", "write_alternative", "run_reviewed", "run_alternative"],
         DENIED: ["write_denied", "run_denied"]}


def program():
    """The built program; release where it is there and asked for."""
    path = os.environ.get("EXEQUATUR_BIN") or os.path.join(ROOT, ".build", "debug", "exequatur")
    if not os.access(path, os.X_OK):
        raise Skip(f"no {path}: build it, or set EXEQUATUR_BIN")
    return path


def gateway_program():
    """What gateways run: another program than the server, to try versions against each other."""
    return os.environ.get("EXEQUATUR_GATEWAY_BIN") or program()


def gateway_help():
    """What `gateway mcp --help` says, or nothing where there is no such command."""
    found = subprocess.run([gateway_program(), "gateway", "mcp", "--help"],
                           capture_output=True, text=True, env=clean_environment(), timeout=60)
    return found.stdout if found.returncode == 0 and "--name" in found.stdout else ""


class Real:
    """The server of a run, administered through the command line as a person would."""

    def __init__(self, folder, processes=None, advisory=False,
                 agents=("referee-agent", "other-agent")):
        self.folder, self.advisory = folder, advisory
        self.has_state = "--state" in gateway_help()
        self.processes = processes or Processes()
        self.binary = program()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.RLock()
        self.servers = {}
        os.makedirs(folder, exist_ok=True)
        self.start()
        self.bob = self.json("person", "add", "bob", "--group", "reviewers", "--token")["token"]
        self.json("person", "add", "alice")
        self.agents = {
            name: self.json("agent", "add", name, "--owner", "alice")["token"] for name in agents}
        self.agent = self.agents[agents[0]]

    # MARK: the server

    def start(self):
        self.server = self.processes.start(
            [self.binary, "serve", "--data", f"{self.folder}/data", "--listen",
             f"127.0.0.1:{self.port}", "--submissions-per-second", "1000000"],
            stdout=open(f"{self.folder}/serve.log", "a"), stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env=clean_environment())
        wait_for_port(self.port, self.server)
        until(lambda: self.cli("status", check=False).returncode == 0, "the server is ready", 30)

    def stop(self, kill=False):
        if kill:
            self.server.kill()
            self.server.wait()
        else:
            Processes.stop(self.server, 15)

    # MARK: the command line

    def cli(self, *words, token=None, check=True, offline=False):
        environment = clean_environment(EXEQUATUR_URL=self.url)
        if offline:
            pass
        elif token:
            environment["EXEQUATUR_TOKEN"] = token
        else:
            words = (*words, "--token-file", f"{self.folder}/data/admin.token")
        found = subprocess.run([self.binary, *words], capture_output=True, text=True, timeout=60,
                               env=environment, stdin=subprocess.DEVNULL)
        if check and found.returncode != 0:
            raise Failure(f"`exequatur {' '.join(words[:4])}` ended with {found.returncode}: "
                          f"{found.stderr.strip() or found.stdout.strip()}"[:1500])
        return found

    def json(self, *words, token=None):
        return json.loads(self.cli(*words, "--json", token=token).stdout)

    def get(self, path):
        """What the command line would print, without starting it: tests look often."""
        with open(f"{self.folder}/data/admin.token", encoding="utf-8") as file:
            token = file.read().strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Failure(f"GET {path}: {answer.status} {body[:300]!r}")
        return json.loads(body)

    def show(self, identifier):
        return self.get(f"/v1/actions/{identifier}")

    def approve(self, identifier):
        shown = self.show(identifier)
        self.cli("approve", identifier, "--expect", shown["digest"], token=self.bob)
        return shown

    def deny(self, identifier, reason="Not today."):
        self.cli("deny", identifier, "--reason", reason, token=self.bob)

    def actions(self, **query):
        found = self.get("/v1/actions?" + urllib.parse.urlencode({"limit": 200, **query}))
        return found if isinstance(found, list) else found["actions"]

    # MARK: policies

    def publish(self):
        """Writes and publishes the policies for all tools that are known by now."""
        folder = f"{self.folder}/policies"
        os.makedirs(folder, exist_ok=True)
        text = POLICIES
        for server, names in sorted(self.servers.items()):
            for template, tools in RULES.items():
                text += "".join(template.replace("{server}", server).replace("{tool}", tool)
                                for tool in tools if tool in names)
        with open(f"{folder}/policies.cedar", "w", encoding="utf-8") as file:
            file.write(text)
        self.cli("policy", "publish", folder)

    # MARK: gates

    def gate(self, name):
        """The gate's own token; the gate is made at the first call."""
        return self.json("gate", "add", name)["token"]

    def configuration(self, gate):
        found = self.cli("gate", "configuration", gate, "--json", check=False)
        if found.returncode != 0:
            return None
        return json.loads(found.stdout)

    def approve_configuration(self, gate, server, names):
        """Waits until all tools are presented, approves what was presented, and publishes."""
        def presented():
            found = self.configuration(gate)
            return found if found and set(names) <= tool_names(found) else None
        found = until(presented, f"gate {gate} presents {len(names)} tools", 20)
        # One after the other: approving publishes too, and one publication at a time is all there is.
        with self.lock:
            self.cli("gate", "approve", gate, "--expect", presented_digest(found))
            self.servers.setdefault(server, set()).update(names)
            self.publish()

    def declare(self, server, tools):
        """What approving a configuration does for the policies, where no gate presents one."""
        path = f"{self.folder}/{server}.tools.json"
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"tools": tools}, file)
        found = self.cli("policy", "schema", "mcp", path, "--server", server, offline=True)
        with self.lock:
            os.makedirs(f"{self.folder}/policies", exist_ok=True)
            with open(f"{self.folder}/policies/tools-{server}.cedarschema", "w") as file:
                file.write(found.stdout)
            self.servers.setdefault(server, set()).update(t["name"] for t in tools)
            self.publish()

    def gateway(self, name, path, world, era):
        """A gateway of a transparency path, approved and ready."""
        import fixture
        made = Gateway(self, name, name, world.behind(era, path) if path != "http-http" else None)
        if path == "http-http":
            port = world.start_http_upstream(era, path)
            port = world.start_http_relay(port, world.seen("upstream", era, path))
            made.upstream = f"http://127.0.0.1:{port}/mcp"
        if path != "stdio-stdio":
            made.listen()
        made.present(raw.MODERN if era == "modern" else raw.LEGACY, fixture.tools())
        return made


def presentation(found):
    """What the gate presents now, wherever the answer keeps it."""
    for key in ("presented", "presentation"):
        if isinstance(found.get(key), dict):
            return found[key]
    return found


def presented_digest(found):
    for place in (presentation(found), found):
        if isinstance(place.get("digest"), str):
            return place["digest"]
    raise Failure(f"`gate configuration --json` names no digest: {json.dumps(found)[:400]}")


def tool_names(found):
    tools = presentation(found).get("tools") or found.get("tools") or []
    if isinstance(tools, dict):
        return set(tools)
    return {t["name"] if isinstance(t, dict) else t for t in tools}


class Gateway:
    """One gateway: its gate, its command line, and over HTTP its process."""

    def __init__(self, real, gate, server, command=None, upstream=None, hold="2s", options=()):
        self.real, self.gate, self.server = real, gate, server
        self.behind, self.upstream, self.hold = command, upstream, hold
        self.options = list(options)
        self.token = real.gate(gate)
        self.port = self.process = None
        self.state = os.path.join(real.folder, "state", gate)
        os.makedirs(self.state, exist_ok=True)
        self.log = os.path.join(real.folder, f"gateway-{gate}.log")

    @property
    def command(self):
        words = [gateway_program(), "gateway", "mcp", "--name", self.server, "--hold", self.hold,
                 *self.options]
        if self.real.has_state:
            words += ["--state", self.state]
        if self.port:
            words += ["--listen", f"127.0.0.1:{self.port}"]
        if self.upstream:
            return [*words, "--upstream", self.upstream]
        return [*words, "--", *self.behind]

    @property
    def environment(self):
        """What it needs; over HTTP the agent's token comes with each request instead."""
        found = {"EXEQUATUR_URL": self.real.url, "EXEQUATUR_GATE_TOKEN": self.token}
        if self.real.advisory:
            del found["EXEQUATUR_GATE_TOKEN"]
        if not self.real.has_state:
            found["XDG_STATE_HOME"] = self.state
        if not self.port or self.real.advisory:
            found["EXEQUATUR_TOKEN"] = self.real.agent
        return found

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.real.agent}"}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/mcp"

    def listen(self):
        """Starts it over HTTP, on the same port each time: the configuration stays the same."""
        self.port = self.port or free_port()
        began = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self.process = self.real.processes.start(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.log, "ab"), env=clean_environment(**self.environment))

        def ready():
            with open(self.log, "rb") as file:
                file.seek(began)
                said = file.read()
            if self.process.poll() is not None:
                raise Failure(f"gateway {self.gate} ended with {self.process.returncode}: "
                              f"{said.decode(errors='replace')[-600:]}")
            return b"listening on http://" in said
        until(ready, f"gateway {self.gate} says that it listens", 20)

    def client(self, token=None, **more):
        """A raw client: over HTTP if this gateway listens, else a process of its own."""
        if self.port:
            headers = {"Authorization": f"Bearer {token}"} if token else self.headers
            return raw.Web(self.url, headers, **more)
        environment = self.environment
        if token:
            environment["EXEQUATUR_TOKEN"] = token
        return raw.Line(self.command, clean_environment(**environment), open(self.log, "ab"))

    def present(self, era, tools):
        """Lets it see all its tools, has them approved, and waits until it has noticed."""
        names = [t["name"] for t in tools]
        if self.real.advisory:
            self.real.declare(self.server, tools)
            return
        client = self.client()
        try:
            client.open(era)
            read_tools(client, era)
            self.real.approve_configuration(self.gate, self.server, names)
        finally:
            client.close()
        if self.port:  # over stdio each client starts a gateway, which asks what is approved
            self.settled(era, names)

    def settled(self, era, names):
        """A client that comes now sees the tools that policy allows."""
        def listed():
            client = self.client()
            try:
                client.open(era)
                return bool(set(read_tools(client, era)) & set(names))
            finally:
                client.close()
        until(listed, f"gateway {self.gate} lists its approved tools", 20, 0.3)


def read_tools(client, era):
    """The names of all tools, page by page."""
    names, cursor = [], None
    for _ in range(50):
        params = {"cursor": cursor} if cursor else {}
        found = client.ask(raw.request(client.number(), "tools/list", params, era))
        if "result" not in found:
            raise Failure(f"tools/list: {found}")
        names += [t["name"] for t in found["result"]["tools"]]
        cursor = found["result"].get("nextCursor")
        if not cursor:
            return names
    raise Failure("tools/list does not end")


class Upstream:
    """A raw upstream with a trace of its own, for one gate."""

    def __init__(self, folder, name, processes, python):
        self.folder = os.path.join(folder, "upstream", name)
        os.makedirs(self.folder, exist_ok=True)
        self.trace, self.tools = f"{self.folder}/trace.jsonl", f"{self.folder}/tools.json"
        open(self.trace, "a").close()
        self.define(definitions())
        here = os.path.dirname(os.path.abspath(__file__))
        self.command = [python, f"{here}/raw_upstream.py", "--trace", self.trace,
                        "--tools", self.tools]
        self.processes = processes

    def serve(self):
        """Over HTTP; returns the URL."""
        port = free_port()
        process = self.processes.start(
            [*self.command, "--port", str(port)], env=clean_environment())
        wait_for_port(port, process)
        return f"http://127.0.0.1:{port}/mcp"

    def define(self, tools):
        with open(self.tools + ".new", "w", encoding="utf-8") as file:
            json.dump(tools, file)
        os.replace(self.tools + ".new", self.tools)

    def records(self, since=0):
        with open(self.trace, encoding="utf-8") as file:
            file.seek(since)
            return [json.loads(line) for line in file if line.endswith("\n")]

    def mark(self):
        return os.path.getsize(self.trace)

    def ran(self, since=0):
        """The executions since a mark: (tool, arguments)."""
        return [(r["ran"], r["arguments"]) for r in self.records(since) if "ran" in r]

    def quiet(self, since, seconds=0.1):
        """The executions since a mark, after leaving time for one that should not come."""
        time.sleep(seconds)
        return self.ran(since)

    def bytes(self, since=0):
        import base64
        return [base64.b64decode(r["message"]) for r in self.records(since) if "message" in r]


def definitions(description="Does something."):
    """The tools of the raw upstream."""
    inputs = {"type": "object", "additionalProperties": False, "required": ["text"],
              "properties": {
                  "text": {"type": "string"}, "hold": {"type": "integer"},
                  "how": {"type": "string"}, "n": {"type": "integer"},
                  "list": {"type": "array", "items": {"type": "string"}},
                  "deep": {"type": "object", "additionalProperties": False, "properties": {
                      "a": {"type": "string"}, "b": {"type": "string"}}}}}
    return [{"name": name, "description": description, "inputSchema": inputs} for name in (
        "run_allowed", "run_reviewed", "run_denied", "run_alternative", "run_change")]
