# SPDX-License-Identifier: Apache-2.0
"""An Arena with the plain relay in the gateway's place, for what a relay meets of wire.py."""
import arena
import raw
from harness import HERE, Skip, clean_environment, free_port, python, wait_for_port
from real import Upstream


class Gateway:
    """A relay with the face of a gateway."""

    def __init__(self, kind, upstream, processes):
        self.relay = [python("mcp-modern"), f"{HERE}/relay.py"]
        self.upstream, self.headers = upstream, {}
        self.port = None
        if kind == "web":
            self.port = free_port()
            process = processes.start(
                [*self.relay, "http", "--listen", str(self.port), "--upstream", upstream.serve()],
                env=clean_environment())
            wait_for_port(self.port, process)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/mcp"

    def client(self, token=None):
        if token:
            raise Skip("a relay knows no agents")
        if self.port:
            return raw.Web(self.url)
        return raw.Line([*self.relay, "stdio", "--", *self.upstream.command])


class Arena(arena.Arena):
    """Without a server: only what needs no approval can be asked."""

    def __init__(self, folder, kind, processes):
        self.kind, self.count, self.real = kind, 0, None
        self.upstream = Upstream(folder, kind, processes, python("mcp-modern"))
        self.gateway = Gateway(kind, self.upstream, processes)
