# SPDX-License-Identifier: Apache-2.0
"""Attacks by name: what one client of a gateway does to others, or to its own later requests.

Each asserts on what the upstream really received. See arena.py for what they run on.
"""
import os
import signal
import socket
import subprocess
import time

from arena import executed, kinds, refused
from harness import brief, equal, require, until
from raw import LEGACY, MODERN, Posted, call, encode, request


# What takes long and is left out with --quick.
SLOW = {"sessions_of_many_agents"}


# MARK: ids

@kinds("front")
def attack_idle_connection_closes(arena):
    """A request that was answered as a stream is over: its connection's end cancels nobody's."""
    one, two = arena.gateway.client(), arena.gateway.client()
    mark, number = arena.upstream.mark(), arena.unique("shared")
    answer = one.post(request(number, "resources/read", {"uri": "x://y", "how": "progress"},
                              MODERN, {"progressToken": arena.unique("token")}))
    require("event-stream" in answer.headers["content-type"], f"no stream: {answer}")
    require("result" in (answer.response(number) or {}), f"the first client's read: {answer}")
    arguments = {"text": arena.unique(), "hold": 1000}
    calling = Posted(two, call(number, "run_allowed", arguments, MODERN))
    until(lambda: arena.upstream.ran(mark), "the second client's call runs", 10)
    one.close()
    executed(calling.answer().response(number) or {}, "run_allowed")
    require(not arena.reached(mark, b"notifications/cancelled"), "the call was cancelled")
    arena.became(arguments, "succeeded")
    two.close()


@kinds("line")
def attack_late_answers(arena):
    """As many answers as were taken back are due: none of them passes for that of a call."""
    client = arena.client()
    number = client.number()
    for _ in range(2):
        client.send(request(number, "resources/read", {"uri": "x://y", "how": "later"}))
        client.send({"jsonrpc": "2.0", "method": "notifications/cancelled",
                     "params": {"requestId": number}})
    arguments = {"text": arena.unique()}
    mark = arena.upstream.mark()
    for late in ("none", "one"):
        client.send(call(number, "run_allowed", arguments))
        refused(client.response(number, 5, nameless=True), (-32600,),
                f"a call with {late} of two late answers")
        client.ask(request(client.number(), "example/late"))
    executed(client.ask(call(number, "run_allowed", arguments)), "run_allowed")
    late = [m for m in client.others if m.get("id") == number]
    equal(late, [], "late answers that reached the client")
    equal(arena.upstream.quiet(mark), [("run_allowed", arguments)], "executions")
    arena.became(arguments, "succeeded")
    client.close()


# MARK: places and patience

@kinds("front")
def attack_server_that_does_not_read(arena):
    """One session's server takes nothing more: nobody else waits for that."""
    deaf, same = arena.client(), arena.client()
    other = arena.client(token=arena.real.agents["other-agent"])
    mark = arena.upstream.mark()
    deaf.ask(request(deaf.number(), "example/deaf"))
    note = {"jsonrpc": "2.0", "method": "example/note", "params": {"long": "x" * 200_000}}
    posted = [Posted(arena.beside(deaf), note) for _ in range(8)]
    time.sleep(0.3)
    for client in (same, other):
        equal(promptly(client, request(1, "ping")).get("result"), {}, "answer to a ping")
        executed(promptly(client, call(2, "run_allowed", {"text": arena.unique()})), "run_allowed")
    equal([p.answer(5).status for p in posted], [202] * 8, "statuses of what is not read")
    # More than is kept for a server that may read again: its client hears of that.
    found = deaf.ask(request(deaf.number(), "resources/read", {"uri": "x" * 5_000_000}))
    refused(found, (-32603,), "more than is kept")
    require(not arena.reached(mark, b"example/note"), "the server reads after all")
    equal(leave(deaf), 204, "status of DELETE")
    for client in (deaf, same, other):
        client.close()


def promptly(client, message):
    return Posted(client, message).answer(2).response(message["id"]) or {}


def leave(client):
    """Ends a client's session; the status of that."""
    return client.post(None, {"Mcp-Session-Id": client.session}, method="DELETE").status


def servers(arena, since):
    """The upstream's processes that were started since then and are not over."""
    return [r["pid"] for r in arena.upstream.records(since)
            if "pid" in r and os.path.exists(f"/proc/{r['pid']}")]


@kinds("front")
def attack_sessions_left_behind(arena):
    """Clients that leave without a word: the longest unused session makes room for the next."""
    mark = arena.upstream.mark()
    clients = [arena.client() for _ in range(20)]
    equal([c for c in clients if c.session is None], [], "clients without a session")
    for client in clients[-16:]:
        arena.alive(client)
    for client in clients[:4]:
        equal(client.post(request(client.number(), "ping")).status, 404,
              "status of a session that made room")
    until(lambda: len(servers(arena, mark)) <= 16, "at most 16 of 20 servers run", 4)
    arena.runs(clients[-1])
    for client in clients:
        client.close()


@kinds("front")
def attack_hang_up_during_initialize(arena):
    """Clients that go before their first answer keep no place, and leave no server behind."""
    mark = arena.upstream.mark()
    client = arena.gateway.client()
    message = request(1, "initialize", {
        "protocolVersion": LEGACY, "capabilities": {}, "how": "later",
        "clientInfo": {"name": "referee", "version": "1"}})
    whole = exactly(client, "POST", message)
    connections = []
    for _ in range(16):
        connections.append(socket.create_connection((client.host, client.port), 10))
        connections[-1].sendall(whole)
    until(lambda: len([m for m in arena.upstream.bytes(mark) if b"initialize" in m]) == 16,
          "16 servers are asked", 15)
    for connection in connections:
        connection.close()
    until(lambda: not servers(arena, mark), "the servers end", 5)
    client = arena.client()
    require(client.session, "no session for the next client")
    arena.runs(client)
    client.close()


def exactly(client, method, message=None):
    """The bytes of a request."""
    body = encode(message) if message else b""
    head = "".join(f"{k}: {v}\r\n" for k, v in client.headers_for(message or {}).items())
    return (f"{method} {client.path} HTTP/1.1\r\nHost: {client.host}:{client.port}\r\n{head}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


@kinds("front")
def attack_sessions_of_many_agents(arena):
    """Unused sessions of some agents fill all places: the next agent gets one nevertheless."""
    mark, clients = arena.upstream.mark(), []
    for name in ("first", "second", "third", "fourth", "fifth"):
        token = arena.real.json("agent", "add", f"{name}-of-many", "--owner", "alice")["token"]
        clients += [arena.client(token=token) for _ in range(16)]
        require(clients[-1].session, f"no session for the {name} agent")
    arena.runs(clients[-1])
    until(lambda: len(servers(arena, mark)) <= 64, "at most 64 of 80 servers run", 5)
    for client in clients:
        leave(client)
        client.close()


@kinds("front")
def attack_end_with_an_open_stream(arena):
    """Told to end, the gateway does, whoever listens; and its servers end with it."""
    mark = arena.upstream.mark()
    client = arena.client()
    arena.runs(client)
    with socket.create_connection((client.host, client.port), 10) as connection:
        connection.sendall(exactly(client, "GET"))
        require(connection.recv(65536).startswith(b"HTTP/1.1 200"), "no stream")
        process = arena.gateway.process
        try:
            process.send_signal(signal.SIGTERM)
            process.wait(6)
            until(lambda: not servers(arena, mark), "its server ends", 1)
        except subprocess.TimeoutExpired:
            require(False, "the gateway does not end within 6 s")
        finally:
            process.kill()
            process.wait()
            arena.gateway.listen()
    client.close()
