# SPDX-License-Identifier: Apache-2.0
"""Clients without an SDK, for messages that no SDK would send."""
import http.client
import json
import os
import select
import socket
import subprocess
import threading
import time
import urllib.parse

from harness import Failure, brief, clean_environment

LEGACY, MODERN = "2025-11-25", "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
DISPOSITION = PREFIX + "tool-approval-disposition"
ACTION = "exequatur/action"


def envelope(capabilities=None):
    """What each request of the modern era carries."""
    return {PREFIX + "protocolVersion": MODERN, PREFIX + "clientCapabilities": capabilities or {},
            PREFIX + "clientInfo": {"name": "referee", "version": "1"}}


def request(number, method, params=None, era=LEGACY, meta=None):
    """A request as an object, with what its era demands."""
    params = dict(params or {})
    if era == MODERN:
        params["_meta"] = {**envelope(), **params.get("_meta", {}), **(meta or {})}
    elif meta:
        params["_meta"] = {**params.get("_meta", {}), **meta}
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    if params:
        message["params"] = params
    return message


def call(number, tool, arguments, era=LEGACY, meta=None):
    return request(number, "tools/call", {"name": tool, "arguments": arguments}, era, meta)


def encode(message):
    return message if isinstance(message, bytes) else json.dumps(message).encode()


class Line:
    """A server over standard input and output."""

    def __init__(self, command, environment=None, stderr=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=stderr or subprocess.DEVNULL, env=environment or clean_environment(), bufsize=0)
        self.rest = b""
        self.others = []
        self.next = 1000

    def send(self, message):
        try:
            self.process.stdin.write(encode(message) + b"\n")
        except OSError:
            raise Failure("the process takes no more input") from None

    def line(self, seconds=10):
        """The next line, or None when time is up or the process has ended."""
        end = time.monotonic() + seconds
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return None
            data = os.read(descriptor, 1 << 20)
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def response(self, number, seconds=10, nameless=False):
        """The response to an id, parsed, or None; other messages are kept in `others`.

        With `nameless` also an error without an id, as for what could not be read.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            line = self.line(left)
            if line is None:
                return None
            if not line.strip():
                continue
            message = json.loads(line)
            if isinstance(message, dict) and "method" not in message \
                    and (message.get("id") == number
                         or nameless and "error" in message and message.get("id") is None):
                return message
            self.others.append(message)
        return None

    def ask(self, message, seconds=10):
        """Sends a request object and waits for its response."""
        self.send(message)
        found = self.response(message["id"], seconds)
        if found is None:
            try:
                state = self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                state = None
            raise Failure(f"no answer to {message['method']} within {seconds} s"
                          + (f", the process ended with {state}" if state is not None else ""))
        return found

    def number(self):
        self.next += 1
        return self.next

    def open(self, era=LEGACY):
        """The handshake of the older era, or the probe of the modern one."""
        if era == MODERN:
            return self.ask(request(self.number(), "server/discover", None, era))
        found = self.ask(request(self.number(), "initialize", {
            "protocolVersion": era, "capabilities": {},
            "clientInfo": {"name": "referee", "version": "1"}}))
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return found

    def close(self, seconds=5):
        """Closes the input; returns how long the end took, or None if it had to be killed."""
        began = time.monotonic()
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        finally:
            self.process.stdout.close()
        return time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Answer:
    """What came over HTTP."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def messages(self):
        """The messages of a body, be it JSON or a stream of events."""
        kind = self.headers.get("content-type", "")
        if "event-stream" not in kind:
            try:
                return [json.loads(self.body)] if self.body.strip() else []
            except ValueError:
                return []
        found = []
        for block in self.body.replace(b"\r\n", b"\n").split(b"\n\n"):
            lines = [line[5:] for line in block.split(b"\n") if line.startswith(b"data:")]
            if any(line.strip() for line in lines):
                found.append(json.loads(b"\n".join(lines)))
        return found

    def response(self, number):
        for message in self.messages:
            if isinstance(message, dict) and "method" not in message \
                    and message.get("id") == number:
                return message
        return None

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def cut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Web:
    """A server over HTTP, one connection."""

    def __init__(self, url, headers=None, timeout=30):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path
        self.headers, self.timeout = dict(headers or {}), timeout
        self.connection = None
        self.session, self.next = None, 1000

    def number(self):
        self.next += 1
        return self.next

    def headers_for(self, message):
        """The headers of the message's era, as a client that obeys would set them."""
        found = {"Content-Type": "application/json",
                 "Accept": "application/json, text/event-stream", **self.headers}
        if not isinstance(message, dict):
            return found
        params = message.get("params") or {}
        version = (params.get("_meta") or {}).get(PREFIX + "protocolVersion")
        if version:
            found["MCP-Protocol-Version"] = version
            found["Mcp-Method"] = message["method"]
            name = params.get("name") or params.get("uri")
            if name and message["method"] in ("tools/call", "prompts/get", "resources/read"):
                found["Mcp-Name"] = name
        elif self.session:
            found["Mcp-Session-Id"] = self.session
            found["MCP-Protocol-Version"] = LEGACY
        return found

    def post(self, message, change=None, path=None, method="POST"):
        """Sends a message; `change` sets headers, None in it removes one."""
        headers = self.headers_for(message)
        for name, value in (change or {}).items():
            for old in [k for k in headers if k.lower() == name.lower()]:
                del headers[old]
            if value is not None:
                headers[name] = value
        body = encode(message) if message is not None else None
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(
                    self.host, self.port, timeout=self.timeout)
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Comments that keep a stream alive would keep us reading for ever.
            limit = threading.Timer(self.timeout, cut, (self.connection.sock,))
            limit.start()
            try:
                self.connection.request(method, path or self.path, body, headers)
                found = self.connection.getresponse()
                try:
                    data = found.read()
                except http.client.IncompleteRead as error:
                    data = error.partial
                return Answer(found.status, {k.lower(): v for k, v in found.getheaders()}, data)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # A server may close a connection between requests. Asked again once.
                self.connection.close()
                self.connection = None
                if attempt:
                    raise
            finally:
                limit.cancel()
        raise AssertionError("unreachable")

    def ask(self, message, **more):
        answer = self.post(message, **more)
        found = answer.response(message["id"])
        if found is None:
            raise Failure(f"no answer to {message['method']}: {answer.status}, "
                          + brief(answer.body))
        return found

    def open(self, era=LEGACY):
        if era == MODERN:
            return self.ask(request(self.number(), "server/discover", None, era))
        message = request(self.number(), "initialize", {
            "protocolVersion": era, "capabilities": {},
            "clientInfo": {"name": "referee", "version": "1"}})
        answer = self.post(message)
        self.session = answer.headers.get("mcp-session-id")
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer.response(message["id"])

    def exactly(self, data, seconds=10):
        """Sends bytes as they are on a connection of their own; what came back, or b''."""
        with socket.create_connection((self.host, self.port), seconds) as connection:
            connection.settimeout(seconds)
            connection.sendall(data)
            found = b""
            try:
                while part := connection.recv(65536):
                    found += part
                    head, split, body = found.partition(b"\r\n\r\n")
                    if split and complete(head, body):
                        break
            except (socket.timeout, ConnectionResetError):
                pass
        return found

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Posted:
    """A message on its way over HTTP, while something else is done."""

    def __init__(self, client, message):
        self.found = None
        self.thread = threading.Thread(target=self.post, args=(client, message), daemon=True)
        self.thread.start()

    def post(self, client, message):
        try:
            self.found = client.post(message)
        except Exception as error:
            self.found = error

    def answer(self, seconds=10):
        self.thread.join(seconds)
        if not isinstance(self.found, Answer):
            raise Failure(f"no answer within {seconds} s ({self.found!r})")
        return self.found


def complete(head, body):
    """Whether a response's body is all there, as far as its length is known."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
        if name.lower() == b"transfer-encoding":
            return body.endswith(b"0\r\n\r\n")
    return False


def text(response):
    """The text of a tool's result."""
    parts = (response.get("result") or {}).get("content") or []
    return " ".join(part.get("text", "") for part in parts)


def action(response):
    """What the gateway says about the action of a gated call, or {}."""
    return ((response.get("result") or {}).get("_meta") or {}).get(ACTION) or {}


def disposition(response):
    return ((response.get("result") or {}).get("_meta") or {}).get(DISPOSITION)
