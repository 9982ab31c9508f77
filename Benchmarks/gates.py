# SPDX-License-Identifier: Apache-2.0
"""What the MCP gateway and the hooks cost, beside peers, interleaved. See gates.sh.

One raw client for all, one lean upstream for all: what differs is what stands between them.
`call` is a tool call that policy allows: through our gateway it is an action, cleared, claimed and
reported, with a durable entry before the tool runs. `read` is `resources/read`, which is no action.
Each subject stays up; rounds alternate over all of them, in changing order, so that a busy minute
of the machine hits all alike.
"""
import argparse
import asyncio
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "Tests", "Referees", "mcp"))

import raw  # noqa: E402
from harness import Failure, Processes, Skip, clean_environment, free_port, python  # noqa: E402
from harness import wait_for_port  # noqa: E402

TOOL = {"name": "echo", "description": "Answers with its text.", "inputSchema": {
    "type": "object", "additionalProperties": False, "required": ["text"],
    "properties": {"text": {"type": "string"}}}}
RESOURCE = {"uri": "bench://page", "name": "page", "mimeType": "text/plain"}
PAGE = "0123456789abcdef" * 16


# MARK: the lean upstream

def answer(message):
    """The response to a request, or None for a notification."""
    if "id" not in message:
        return None
    method, params = message["method"], message.get("params") or {}
    modern = raw.PREFIX + "protocolVersion" in (params.get("_meta") or {})
    if method == "tools/call":
        result = {"content": [{"type": "text", "text": params["arguments"]["text"]}],
                  "isError": False}
    elif method == "resources/read":
        result = {"contents": [{**{k: RESOURCE[k] for k in ("uri", "mimeType")}, "text": PAGE}]}
    elif method == "initialize":
        result = {"protocolVersion": params["protocolVersion"],
                  "capabilities": {"tools": {}, "resources": {}},
                  "serverInfo": {"name": "lean", "version": "1"}}
    elif method == "server/discover":
        result = {"supportedVersions": [raw.MODERN], "ttlMs": 0, "cacheScope": "private",
                  "capabilities": {"tools": {}, "resources": {}}}
    elif method == "tools/list":
        result = {"tools": [TOOL]}
    elif method == "resources/list":
        result = {"resources": [RESOURCE]}
    elif method == "resources/templates/list":
        result = {"resourceTemplates": []}
    elif method == "prompts/list":
        result = {"prompts": []}
    elif method == "ping":
        result = {}
    else:
        return {"jsonrpc": "2.0", "id": message["id"],
                "error": {"code": -32601, "message": "Method not found"}}
    if modern:
        result["resultType"] = "complete"
        if method.endswith("/list") or method == "resources/read":
            result.update(ttlMs=0, cacheScope="private")
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def serve_stdio():
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        found = answer(json.loads(line))
        if found is not None:
            out.write(json.dumps(found).encode() + b"\n")
            out.flush()


class Lean(asyncio.Protocol):
    """Enough of HTTP/1.1 for clients that behave."""

    def connection_made(self, transport):
        self.transport, self.data = transport, b""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, rest = self.data.split(b"\r\n\r\n", 1)
            lines = head.split(b"\r\n")
            length, chunked = 0, False
            for line in lines[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                chunked |= name.lower() == b"transfer-encoding" and b"chunked" in value.lower()
            if chunked:
                if not rest.endswith(b"0\r\n\r\n"):
                    return
                body, self.data = unchunk(rest), b""
            elif len(rest) < length:
                return
            else:
                body, self.data = rest[:length], rest[length:]
            self.reply(lines[0].split(b" ")[0], body)

    def reply(self, method, body):
        if method != b"POST":
            status = b"200 OK" if method == b"DELETE" else b"405 Method Not Allowed"
            self.transport.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status)
            return
        message = json.loads(body)
        found = answer(message)
        if found is None:
            self.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            return
        data = json.dumps(found).encode()
        session = b"Mcp-Session-Id: lean-session-0000\r\n" if message.get(
            "method") == "initialize" else b""
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
            % (session, len(data), data))


def unchunk(data):
    found = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        found, data = found + data[:count], data[count + 2:]
        if count == 0:
            break
    return found


async def serve_http(port):
    server = await asyncio.get_running_loop().create_server(Lean, "127.0.0.1", port)
    await server.serve_forever()


def serve_proxy(target, port):
    """fastmcp's proxy, as its documentation makes one."""
    from fastmcp.server import create_proxy
    if not target.startswith("http"):
        target = {"mcpServers": {"up": {"command": sys.executable,
                                        "args": [os.path.abspath(__file__), "serve-stdio"]}}}
    proxy = create_proxy(target, name="proxy")
    if port:
        proxy.run(transport="http", host="127.0.0.1", port=port, log_level="error",
                  show_banner=False)
    else:
        proxy.run(transport="stdio", show_banner=False)


# MARK: the client

class Pipe:
    """Over standard input and output."""

    def __init__(self, command, environment):
        self.line = raw.Line(command, environment)

    def open(self, era):
        self.era = era
        found = self.line.open(era)
        if "result" not in found:
            raise Failure(f"opening: {found}")

    def ask(self, data, number):
        process = self.line.process
        os.write(process.stdin.fileno(), data + b"\n")
        while True:
            found = self.line.line(30)
            if found is None:
                raise Failure("no answer")
            message = json.loads(found)
            if message.get("id") == number and "method" not in message:
                return message

    def close(self):
        self.line.close()


class Socket:
    """Over HTTP, one connection that is kept."""

    def __init__(self, url, headers=None):
        self.web = raw.Web(url, headers)
        self.rest = b""

    def open(self, era):
        self.era = era
        found = self.web.open(era)
        if "result" not in (found or {}):
            raise Failure(f"opening: {found}")
        self.connection = socket.create_connection((self.web.host, self.web.port), 60)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heads = {}

    def head(self, method, name):
        """The headers of a kind of request, written once."""
        key = method, name
        if key not in self.heads:
            params = {"uri": name} if method == "resources/read" else {"name": name}
            message = raw.request(1, method, params, self.era)
            lines = [f"{k}: {v}" for k, v in self.web.headers_for(message).items()]
            self.heads[key] = "\r\n".join([
                f"POST {self.web.path} HTTP/1.1", f"Host: {self.web.host}:{self.web.port}",
                *lines, "Content-Length: "]).encode()
        return self.heads[key]

    def ask(self, data, number, method="tools/call", name="echo"):
        self.connection.sendall(self.head(method, name) + b"%d\r\n\r\n" % len(data) + data)
        head, body = self.read()
        if b"event-stream" in head.lower():
            for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
                for line in block.split(b"\n"):
                    if line.startswith(b"data:") and line[5:].strip():
                        message = json.loads(line[5:])
                        if message.get("id") == number and "method" not in message:
                            return message
            raise Failure(f"no answer in {body[:300]!r}")
        return json.loads(body)

    def read(self):
        """Head and body of one response."""
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            while not self.rest.endswith(b"0\r\n\r\n"):
                self.more()
            body, self.rest = unchunk(self.rest), b""
            return head, body
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return head, body

    def more(self):
        data = self.connection.recv(1 << 16)
        if not data:
            raise Failure(f"the connection was closed: {self.rest[:200]!r}")
        self.rest += data

    def close(self):
        self.connection.close()
        self.web.close()


def call_message(number, era, value):
    return raw.encode(raw.call(number, "echo", {"text": value}, era)), value


def read_message(number, era, value):
    return raw.encode(raw.request(number, "resources/read", {"uri": RESOURCE["uri"]}, era)), PAGE


KINDS = {"call": (call_message, "tools/call", "echo"),
         "read": (read_message, "resources/read", RESOURCE["uri"])}


def timed(client, kind, number, era):
    """One request, checked; seconds from before sending until the answer is parsed."""
    make, method, name = KINDS[kind]
    data, expected = make(number, era, f"hello {number}")
    more = (method, name) if isinstance(client, Socket) else ()
    began = time.perf_counter()
    message = client.ask(data, number, *more)
    took = time.perf_counter() - began
    result = message.get("result") or {}
    found = (result.get("content") or result.get("contents") or [{}])[0].get("text")
    if found != expected or result.get("isError"):
        raise Failure(f"wrong answer to {kind}: {json.dumps(message)[:400]}")
    return took


# MARK: the subjects

class Bench:
    """Server, upstreams, peers and clients of a run."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.processes = Processes()
        self.modern = python("mcp-modern")
        self.me = os.path.abspath(__file__)
        self.upstream = [sys.executable, self.me, "serve-stdio"]
        self.relay = os.path.join(ROOT, "Tests", "Referees", "mcp", "relay.py")
        self.problems = []

    def gateways(self):
        """Our server and gates, approved; the gateways of both transports."""
        from real import Gateway, Real
        self.real = Real(os.path.join(self.folder, "real"), self.processes, self.options.advisory)
        made = {}
        for name in ("stdio", "http-http", "http-stdio"):
            gateway = Gateway(self.real, f"bench-{name}", "bench", hold="5s",
                              command=None if name == "http-http" else self.upstream)
            if name == "http-http":
                gateway.upstream = self.url
            if name != "stdio":
                gateway.listen()
            gateway.present(raw.LEGACY, [TOOL])
            made[name] = gateway
        return made

    def http(self, *words):
        port = free_port()
        process = self.processes.start(
            [str(w).replace("PORT", str(port)) for w in words], env=clean_environment(),
            stderr=subprocess.DEVNULL)
        wait_for_port(port, process, 60)
        return f"http://127.0.0.1:{port}/mcp"

    def subjects(self):
        """Name → client, by transport; those that cannot be are named in `problems`."""
        self.url = self.http(sys.executable, self.me, "serve-http", "PORT")
        makers = {"stdio": {
            "direct": lambda: Pipe(self.upstream, clean_environment()),
            "relay": lambda: Pipe([sys.executable, self.relay, "stdio", "--", *self.upstream],
                                  clean_environment()),
            "fastmcp": lambda: Pipe([self.modern, self.me, "serve-proxy", "stdio"],
                                    clean_environment())},
            "http": {
            "direct": lambda: Socket(self.url),
            "relay": lambda: Socket(self.http(
                sys.executable, self.relay, "http", "--listen", "PORT", "--upstream", self.url)),
            "fastmcp": lambda: Socket(self.http(
                self.modern, self.me, "serve-proxy", self.url, "PORT"))}}
        try:
            ours = self.gateways()
            makers["stdio"]["ours"] = lambda: Pipe(
                ours["stdio"].command, clean_environment(**ours["stdio"].environment))
            for name in ("http-http", "http-stdio"):
                makers["http"]["ours" if name == "http-http" else "ours to stdio"] = (
                    lambda g=ours[name]: Socket(g.url, g.headers))
        except (Failure, Skip) as error:
            self.problems.append(f"ours: {error}")
        found = {}
        for transport, makers_of in makers.items():
            for name, make in makers_of.items():
                if self.options.without and name in self.options.without:
                    continue
                try:
                    client = make()
                    client.open(self.options.era)
                    found[transport, name] = client
                except (Failure, OSError, KeyError, ValueError) as error:
                    self.problems.append(f"{transport} {name}: {error}")
        return found

    def run(self):
        clients = self.subjects()
        times = {(transport, name, kind): [] for transport, name in clients for kind in KINDS}
        number = 10
        order = list(times)
        slow = set()
        for key in order:  # warm
            for _ in range(3 if key[1] == "fastmcp" else 30):
                number += 1
                self.measure(clients, key, number, times, slow, warm=True)
        end = time.monotonic() + self.options.seconds
        rounds = 0
        while time.monotonic() < end:
            rounds += 1
            random.shuffle(order)
            for key in order:
                # A slow peer must not take all the time: fewer requests, the same minutes.
                count = 2 if times[key] and statistics.median(times[key]) > 0.02 else 20
                for _ in range(count):
                    number += 1
                    self.measure(clients, key, number, times, slow)
        for client in clients.values():
            try:
                client.close()
            except OSError:
                pass
        return {"rounds": rounds, "latency": {
            f"{t} {n} {k}": summary(v) for (t, n, k), v in times.items() if v}}

    def measure(self, clients, key, number, times, slow, warm=False):
        if key in slow:
            return
        try:
            took = timed(clients[key[:2]], key[2], number, self.options.era)
        except (Failure, OSError) as error:
            self.problems.append(f"{' '.join(key)}: {error}")
            slow.add(key)
            return
        if not warm:
            times[key].append(took)

    # MARK: hooks

    def hook(self):
        """From starting the program to its end, with a server that answers at once."""
        from real import Real, program
        help_text = subprocess.run([program(), "hook", "--help"], capture_output=True, text=True,
                                   env=clean_environment(), timeout=60)
        if help_text.returncode != 0 or "claude-code" not in help_text.stdout:
            self.problems.append("hook: the program has no `hook claude-code`")
            return {}
        real = getattr(self, "starter", None) or Real(
            os.path.join(self.folder, "hook"), self.processes, True)
        given = {"session_id": "bench", "transcript_path": "/dev/null", "cwd": self.folder,
                 "permission_mode": "default", "hook_event_name": "PreToolUse",
                 "tool_name": "Bash", "tool_use_id": "toolu_1"}
        environment = clean_environment(
            EXEQUATUR_URL=real.url, EXEQUATUR_TOKEN=real.agent,
            XDG_STATE_HOME=os.path.join(self.folder, "hook-state"))
        subjects = {"nothing (/bin/true)": ["/bin/true"],
                    "hook claude-code": [program(), "hook", "claude-code"]}
        times = {name: [] for name in subjects}
        verdict = None
        for count in range(self.options.hooks):
            for name, command in subjects.items():
                body = json.dumps({**given, "tool_use_id": f"toolu_{count}", "tool_input": {
                    "command": f"ls -l /tmp/bench-{count}"}}).encode()
                began = time.perf_counter()
                found = subprocess.run(command, input=body, capture_output=True, env=environment,
                                       timeout=60)
                times[name].append(time.perf_counter() - began)
                if command[0] != "/bin/true":
                    verdict = found
        said = verdict.stdout.decode(errors="replace")
        if '"allow"' not in said:
            self.problems.append(f"hook: not allowed at once (status {verdict.returncode}): "
                                 f"{said[:200]} {verdict.stderr.decode(errors='replace')[:200]}")
        return {name: summary(found) for name, found in times.items()}


def summary(values):
    values = sorted(values)

    def at(q):
        return round(values[min(len(values) - 1, int(len(values) * q))] * 1e6)
    return {"count": len(values), "p50us": at(0.5), "p99us": at(0.99)}


# MARK: what is printed

GOALS = {("stdio", "call"): 800, ("stdio", "read"): 100, ("http", "call"): 1000,
         ("http", "read"): 1000}


def table(results):
    latency = results["latency"]
    print(f"{results['binary']} ({results['build']}), {results['era']}, {results['cpus']} cores, "
          f"{results['rounds']} rounds")
    print(f"{'':<34}{'p50':>10}{'p99':>11}{'added p50':>12}{'times':>8}  goal")
    for transport in ("stdio", "http"):
        for kind in KINDS:
            direct = latency.get(f"{transport} direct {kind}")
            for name in ("direct", "relay", "fastmcp", "ours", "ours to stdio"):
                found = latency.get(f"{transport} {name} {kind}")
                if not found or not direct:
                    continue
                added = found["p50us"] - direct["p50us"]
                goal = ""
                if name.startswith("ours"):
                    limit = GOALS[transport, kind]
                    goal = f"added <= {limit} us: {'met' if added <= limit else 'NOT met'}"
                print(f"{transport + ' ' + kind + ', ' + name:<34}{found['p50us']:>7} us"
                      f"{found['p99us']:>8} us" + (f"{added:>+9} us" if name != "direct" else
                                                   f"{'':>12}")
                      + f"{found['p50us'] / direct['p50us']:>8.1f}  {goal}".rstrip())
    for name, found in results.get("hook", {}).items():
        goal = ""
        if name.startswith("hook"):
            goal = f"p99 <= 30 ms: {'met' if found['p99us'] <= 30000 else 'NOT met'}"
        print(f"{name:<34}{found['p50us']:>7} us{found['p99us']:>8} us{'':>20}  {goal}".rstrip())
    if "actions" in results:
        print(f"entries in the ledger afterwards: {results['actions']}")
    for problem in results["problems"]:
        print(f"not measured: {problem}")


def measure(options):
    from real import program
    with tempfile.TemporaryDirectory(prefix="exequatur-gates-") as folder:
        bench = Bench(options, folder)
        try:
            results = bench.run()
            if options.hooks:
                try:
                    results["hook"] = bench.hook()
                except Skip as error:
                    bench.problems.append(f"hook: {error}")
            if hasattr(bench, "real"):
                results["actions"] = bench.real.json("status").get("treeSize")
        finally:
            bench.processes.stop_all()
        try:
            results["binary"] = os.path.relpath(program(), ROOT)
        except Skip as error:
            results["binary"] = str(error)
        release = "release" in results["binary"]
        results.update(build="release" if release else "DEBUG build: figures mean little",
                       era=options.era, cpus=os.cpu_count(), machine=platform.processor(),
                       problems=bench.problems)
        return results


def main():
    words = sys.argv[1:]
    if words[:1] == ["serve-stdio"]:
        return serve_stdio()
    if words[:1] == ["serve-http"]:
        return asyncio.run(serve_http(int(words[1])))
    if words[:1] == ["serve-proxy"]:
        return serve_proxy(words[1], int(words[2]) if len(words) > 2 else None)
    parser = argparse.ArgumentParser(description="Measures the MCP gateway and hooks.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--era", choices=[raw.LEGACY, raw.MODERN], default=raw.LEGACY)
    parser.add_argument("--hooks", type=int, default=100, help="runs of the hook; 0 for none")
    parser.add_argument("--without", action="append", help="a subject to leave out; repeatable")
    parser.add_argument("--advisory", action="store_true",
                        help="gateways without a gate's token")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report", help="also write the JSON to this file")
    options = parser.parse_args()
    results = measure(options)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1, sort_keys=True)
    if options.json:
        print(json.dumps(results, sort_keys=True))
    else:
        table(results)


if __name__ == "__main__":
    main()
