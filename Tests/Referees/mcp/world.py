# SPDX-License-Identifier: Apache-2.0
"""What stands between client and upstream: the paths that the same scenarios take.

A path is one of
    direct-stdio, direct-http      no gateway
    stdio-stdio                    gateway (or relay) over stdio in front of stdio
    http-stdio, http-http          over HTTP in front of either
Each path has an upstream process of its own, so that what one client switches another does not see.
On both sides of the gateway stands a relay that writes down what passes.
"""
import os
import threading

from harness import HERE, Processes, Skip, clean_environment, free_port, python, wait_for_port

VENV = {"modern": "mcp-modern", "legacy": "mcp-legacy"}
PATHS = ["direct-stdio", "direct-http", "stdio-stdio", "http-stdio", "http-http"]


class World:
    """The folder, processes and endpoints of a run."""

    def __init__(self, folder, subject, quick, real=None):
        self.folder, self.subject, self.quick, self.real = folder, subject, quick, real
        self.processes = real.processes if real else Processes()
        self.lock = threading.Lock()
        self.made, self.endpoints, self.locks = {}, {}, {}
        self.relay = [python("mcp-modern"), os.path.join(HERE, "relay.py")]

    def place(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def effects(self, era, path):
        name = self.place("effects", f"{era}-{path}.jsonl")
        open(name, "a").close()
        return name

    def seen(self, side, era, path):
        """The folder of records of one side, `client` or `upstream`, of a path."""
        return self.place("seen", f"{side}-{era}-{path}", "")

    def upstream(self, era, path):
        return [python(VENV[era]), os.path.join(HERE, f"upstream_{era}.py"),
                "--effects", self.effects(era, path)]

    def behind(self, era, path):
        """The stdio command that the gateway starts: the upstream, seen through a relay."""
        return [*self.relay, "stdio", "--log", self.seen("upstream", era, path), "--",
                *self.upstream(era, path)]

    def start_http_upstream(self, era, path):
        port = free_port()
        process = self.processes.start(
            [*self.upstream(era, path), "--port", str(port)], env=clean_environment(),
            stderr=open(self.place("log", f"upstream-{era}-{path}"), "w"))
        wait_for_port(port, process)
        return port

    def start_http_relay(self, port, log=None):
        listen = free_port()
        process = self.processes.start(
            [*self.relay, "http", "--listen", str(listen), "--upstream",
             f"http://127.0.0.1:{port}", *(["--log", log] if log else [])],
            env=clean_environment())
        wait_for_port(listen, process)
        return listen

    def endpoint(self, era, path):
        """How a client reaches a path; made once."""
        with self.lock:
            lock = self.locks.setdefault((era, path), threading.Lock())
        with lock:
            if (era, path) not in self.made:
                try:
                    self.made[era, path] = self.make(era, path)
                    self.endpoints[era, path] = self.made[era, path]
                except Exception as error:  # the same for everybody who asks
                    self.made[era, path] = error
            found = self.made[era, path]
        if isinstance(found, Exception):
            raise found
        return found

    def make(self, era, path):
        if path == "direct-stdio":
            return {"stdio": self.upstream(era, path)}
        if path == "direct-http":
            port = self.start_http_upstream(era, path)
            return {"http": f"http://127.0.0.1:{port}/mcp"}
        if self.subject == "relay":
            return self.make_relay(era, path)
        gateway = self.real.gateway(f"{era}-{path}", path, self, era)
        front = self.seen("client", era, path)
        if path == "stdio-stdio":
            return {"stdio": [*self.relay, "stdio", "--log", front, "--", *gateway.command],
                    "env": gateway.environment}
        port = self.start_http_relay(gateway.port, front)
        return {"http": f"http://127.0.0.1:{port}/mcp", "headers": gateway.headers,
                "itself": f"http://127.0.0.1:{gateway.port}/mcp"}

    def make_relay(self, era, path):
        """The plain relay in the gateway's place."""
        front = self.seen("client", era, path)
        if path == "stdio-stdio":
            return {"stdio": [*self.relay, "stdio", "--log", front, "--", *self.relay, "stdio",
                              "--", *self.behind(era, path)]}
        if path == "http-stdio":
            raise Skip("the plain relay does not change transports")
        port = self.start_http_upstream(era, path)
        port = self.start_http_relay(port, self.seen("upstream", era, path))
        port = self.start_http_relay(self.start_http_relay(port), front)
        return {"http": f"http://127.0.0.1:{port}/mcp"}
