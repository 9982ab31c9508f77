# SPDX-License-Identifier: Apache-2.0
"""Attacks by name: headers, origins and tokens over HTTP.

Each asserts on what the upstream really received. See arena.py for what they run on.
"""
import json
import os
import time

import raw
from arena import HTTP, denied, executed, kinds, refused, waiting
from harness import brief, equal, require
from raw import LEGACY, MODERN, call, request


# MARK: headers

def head_for(client, message, **change):
    return client.post(message, change=change)


@kinds(*HTTP)
def attack_header_body_mismatch_method(arena):
    mismatch(arena, [("Mcp-Method", v) for v in (
        "tools/list", "ping", "Tools/Call", "tools/call, ping", "", None)])


@kinds(*HTTP)
def attack_header_body_mismatch_name(arena):
    mismatch(arena, [("Mcp-Name", v) for v in (
        "run_reviewed", "RUN_ALLOWED", "run_allowed,run_reviewed", "=?base64?cnVuX3Jldmlld2Vk?=",
        "=?base64?!!!?=", "", None)])


@kinds(*HTTP)
def attack_header_body_mismatch_version(arena):
    mismatch(arena, [("MCP-Protocol-Version", v) for v in (
        "2025-11-25", "2025-06-18", "2026-07-29", "2026-07-28, 2025-11-25", None)],
        codes=(-32020, -32022, -32600))


def mismatch(arena, changes, codes=(-32020,)):
    client = arena.client(MODERN)
    for name, value in changes:
        mark = arena.upstream.mark()
        message = call(client.number(), "run_allowed", {"text": arena.unique()}, MODERN)
        answer = client.post(message, change={name: value})
        equal(answer.status, 400, f"status for {name}: {value!r} ({brief(answer)})")
        refused(answer.messages[0] if answer.messages else None, codes, f"{name}: {value!r}")
        arena.nothing_ran(mark, f"{name}: {value!r}")
    # The right ones, also in the encoding for names that are no plain text, are taken.
    mark = arena.upstream.mark()
    for name in ("run_allowed", "=?base64?cnVuX2FsbG93ZWQ=?="):
        message = call(client.number(), "run_allowed", {"text": arena.unique()}, MODERN)
        executed(client.post(message, change={"Mcp-Name": name}).response(message["id"]),
                 "run_allowed")
    equal(len(arena.upstream.ran(mark)), 2, "executions with agreeing headers")
    client.close()


@kinds(*HTTP)
def attack_header_twice(arena):
    """Two headers of one name: whichever a reader takes, one of them lies."""
    client = arena.client(MODERN)
    for name, value in (("Mcp-Name", "run_reviewed"), ("Mcp-Method", "tools/list"),
                        ("MCP-Protocol-Version", "2025-11-25")):
        for first in (True, False):
            mark = arena.upstream.mark()
            message = call(client.number(), "run_allowed", {"text": arena.unique()}, MODERN)
            lines = [f"{k}: {v}" for k, v in client.headers_for(message).items()]
            lines.insert(0 if first else len(lines), f"{name}: {value}")
            found = client.exactly(http_bytes(client, lines, raw.encode(message)), 3)
            require(b" 400 " in found.split(b"\r\n")[0], f"{name} twice: {found[:200]!r}")
            arena.nothing_ran(mark, f"{name} twice")
    client.close()


def http_bytes(client, lines, body, length=None):
    head = "\r\n".join([f"POST {client.path} HTTP/1.1", f"Host: {client.host}:{client.port}",
                        *lines, f"Content-Length: {len(body) if length is None else length}"])
    return head.encode("latin-1") + b"\r\n\r\n" + body


@kinds(*HTTP)
def attack_crlf_inside_headers(arena):
    """Line breaks, bare carriage returns, NULs and folds within a header's value."""
    client = arena.client(MODERN)
    for label, value in (("bare CR", "run_allowed\rX-Evil: 1"),
                         ("bare LF", "run_allowed\nX-Evil: 1"),
                         ("NUL", "run_allowed\0"), ("fold", "run_allowed\r\n continued"),
                         ("CRLF", "run_reviewed\r\nMcp-Name: run_allowed")):
        mark = arena.upstream.mark()
        message = call(client.number(), "run_allowed", {"text": arena.unique()}, MODERN)
        headers = client.headers_for(message)
        headers["Mcp-Name"] = value
        lines = [f"{k}: {v}" for k, v in headers.items()]
        found = client.exactly(http_bytes(client, lines, raw.encode(message)), 3)
        if label == "bare LF":
            # Some readers take it for a line's end; then it is a header that nobody asked for.
            for record in arena.upstream.records(mark):
                names = [k.lower() for k, _ in record.get("headers", [])]
                require("x-evil" not in names or b" 200 " in found[:20], "passed on half")
            continue
        require(not found.startswith(b"HTTP/1.1 200"), f"{label}: {found[:200]!r}")
        arena.nothing_ran(mark, f"a header with {label}")
    client.close()


@kinds(*HTTP)
def attack_request_smuggling(arena):
    """Two lengths for one body: the rest of it must not become a request of its own."""
    client = arena.client()
    value = arena.unique("inner")
    inner_body = raw.encode(call(710, "run_allowed", {"text": value}))
    lines = [f"{k}: {v}" for k, v in client.headers_for(call(1, "x", {})).items()]
    inner = http_bytes(client, [l for l in lines if not l.startswith("Authorization")], inner_body)
    outer_body = b'{"jsonrpc":"2.0","id":711,"method":"ping"}'
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(outer_body), outer_body)
    attacks = {
        "both lengths": http_bytes(client, [*lines, "Transfer-Encoding: chunked"],
                                   chunked + inner, len(chunked) + len(inner)),
        "short chunked": http_bytes(client, [*lines, "Transfer-Encoding: chunked"],
                                    chunked + inner, 4),
        "two lengths": http_bytes(client, [*lines, f"Content-Length: {len(outer_body)}"],
                                  outer_body + inner, len(outer_body + inner)),
        "odd encoding": http_bytes(client, [*lines, "Transfer-Encoding: xchunked"],
                                   chunked + inner, len(chunked)),
    }
    for label, data in attacks.items():
        mark = arena.upstream.mark()
        client.exactly(data, 1.5)
        arena.nothing_ran(mark, f"smuggling with {label}")
    arena.alive(client)
    client.close()


@kinds(*HTTP)
def attack_foreign_origin(arena):
    client = arena.client()
    own = f"http://127.0.0.1:{arena.gateway.port}"
    for origin in ("http://evil.example", "https://evil.example", "null", own + ".evil.example",
                   "http://localhost.evil.example", "http://127.0.0.1.evil.example",
                   "http://evil.example#" + own, f"{own}@evil.example", "file://", own + " x"):
        mark = arena.upstream.mark()
        message = call(client.number(), "run_allowed", {"text": arena.unique()})
        answer = client.post(message, change={"Origin": origin})
        equal(answer.status, 403, f"status for Origin {origin}")
        for name in answer.headers:
            require(name != "access-control-allow-origin", "the answer allows the origin")
        arena.nothing_ran(mark, f"Origin {origin}")
    answer = client.post(None, change={"Origin": "http://evil.example"}, method="OPTIONS")
    require(answer.status >= 400, f"a preflight of a foreign origin: {answer}")
    client.close()


@kinds(*HTTP)
def attack_foreign_host(arena):
    """A rebound name: the browser believes that it talks to evil.example."""
    client = arena.client()
    mark = arena.upstream.mark()
    message = call(client.number(), "run_allowed", {"text": arena.unique()})
    answer = client.post(message, change={"Host": "evil.example", "Origin": "http://evil.example"})
    equal(answer.status, 403, "status for a foreign Host and Origin")
    arena.nothing_ran(mark, "a foreign Host")
    client.close()


@kinds(*HTTP)
def attack_spoofed_identity_headers(arena):
    client = arena.client()
    mark, value = arena.upstream.mark(), arena.unique()
    message = call(client.number(), "run_reviewed", {"text": value})
    other = arena.real.agents["other-agent"]
    found = client.post(message, change={
        "X-Agent-Id": "other-agent", "X-Forwarded-User": "bob", "X-Exequatur-Agent": "other-agent",
        "Exequatur-Agent": "other-agent", "Exequatur-Gate": "raw-line", "X-Remote-User": "admin",
        "Exequatur-Gate-Token": arena.gateway.token, "Exequatur-Gate-Configuration": "00" * 32,
        "Exequatur-Token": other, "X-Exequatur-Token": other,
        "X-Approved": "true", "Forwarded": "for=bob"}).response(message["id"])
    shown = arena.real.show(waiting(found))
    require("referee-agent" in json.dumps(shown["requester"]),
            f"the requester is {brief(shown['requester'])}")
    require("other-agent" not in json.dumps(shown["requester"]), "a header became the requester")
    arena.nothing_ran(mark, "spoofed identity headers")
    client.close()


@kinds(*HTTP)
def attack_missing_or_wrong_token(arena):
    client = arena.client()
    session = client.session
    tokens = {"none": None, "empty": "Bearer ", "wrong": "Bearer exq1_a_wrong",
              "of the gate": f"Bearer {arena.gateway.token}", "of a person":
              f"Bearer {arena.real.bob}", "Basic": "Basic Ym9iOmJvYg==",
              "twice": f"Bearer {arena.real.agent}, Bearer {arena.real.agent}"}
    for label, token in tokens.items():
        for method in ("tools/call", "ping"):
            mark = arena.upstream.mark()
            message = (call(client.number(), "run_allowed", {"text": arena.unique()})
                       if method == "tools/call" else request(client.number(), "ping"))
            client.session = session
            answer = client.post(message, change={"Authorization": token})
            if label == "of a person" and answer.status == 200:
                denied(answer.response(message["id"])) if method == "tools/call" else None
                continue
            equal(answer.status, 401, f"status with token {label} for {method}")
            require("www-authenticate" in answer.headers, "no WWW-Authenticate")
            arena.nothing_ran(mark, f"a token: {label}")
    client.close()


@kinds("line", "front", "web")
def attack_token_passthrough(arena):
    """Neither the agent's nor the gate's token reaches the upstream, by any way."""
    client = arena.client(MODERN)
    mark = arena.upstream.mark()
    for method, params in (("tools/call", {"name": "run_allowed", "arguments": {
            "text": arena.unique()}}), ("resources/read", {"uri": "x://y"}), ("tools/list", {})):
        client.ask(request(client.number(), method, params, MODERN))
    client.close()
    secrets = [arena.real.agent, arena.gateway.token, arena.real.bob]
    for record in arena.upstream.records(0):
        flat = json.dumps(record)
        for secret in secrets:
            require(secret not in flat, f"a token reached the upstream: {brief(record, 300)}")
        for name in record.get("environment", {}):
            require(not name.upper().startswith("EXEQUATUR"), f"{name} reached the upstream")
        for name, _ in record.get("headers", []):
            require(name.lower() not in ("authorization", "cookie", "proxy-authorization",
                                         "exequatur-gate-token"), f"{name} reached the upstream")
    require(arena.upstream.records(mark), "nothing reached the upstream at all")
    for record in arena.upstream.records(0):
        if "pid" in record and os.path.exists(f"/proc/{record['pid']}/environ"):
            with open(f"/proc/{record['pid']}/environ", "rb") as file:
                require(b"EXEQUATUR" not in file.read(), "the environment of the upstream tells")


@kinds("web")
def attack_headers_of_a_call_say_what_it_says(arena):
    """The gateway writes them from the message; what a client adds about arguments stays behind."""
    client = arena.client(MODERN)
    mark = arena.upstream.mark()
    message = call(client.number(), "run_allowed", {"text": arena.unique()}, MODERN)
    executed(client.post(message, change={
        "Mcp-Param-Region": "eu=?", "Mcp-Param-Text": "=?base64?w6k=?=", "traceparent": "00-1-2-3",
        "Connection": "keep-alive, X-Hop", "X-Hop": "1"}).response(message["id"]), "run_allowed")
    headers = next(dict((k.lower(), v) for k, v in r["headers"])
                   for r in arena.upstream.records(mark) if "headers" in r)
    added = [name for name in headers if name.startswith("mcp-param-")]
    equal(added, [], "headers about arguments that no definition declares")
    equal(headers.get("mcp-method"), "tools/call", "Mcp-Method")
    equal(headers.get("mcp-name"), "run_allowed", "Mcp-Name")
    require("x-hop" not in headers, "a header of the hop was passed on")
    client.close()


@kinds(*HTTP)
def attack_over_long_headers_and_bodies(arena):
    client = arena.client()
    mark = arena.upstream.mark()
    lines = [f"{k}: {v}" for k, v in client.headers_for(call(1, "x", {})).items()]
    began = time.monotonic()
    found = client.exactly(http_bytes(client, lines, b"{", 10**12), 8)
    require(b" 413 " in found[:20] or b" 400 " in found[:20] or found == b"",
            f"a length of 10^12: {found[:100]!r}")
    require(time.monotonic() - began < 7, "it waited for a body that it must refuse")
    found = client.exactly(http_bytes(client, [*lines, "X-Long: " + "a" * 10**6], b"{}"), 8)
    require(not found.startswith(b"HTTP/1.1 200"), f"a megabyte of header: {found[:100]!r}")
    arena.nothing_ran(mark, "long headers and bodies")
    arena.alive(client)
    client.close()
