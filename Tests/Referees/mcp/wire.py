# SPDX-License-Identifier: Apache-2.0
"""What only bytes and headers can show: relaying unchanged, and rules of the HTTP transport.

Functions `wire_*` take an Arena (attacks.py). Functions `path_*` take a World and compare a real
upstream directly and through; their names are scenario ids of the conformance suite.
"""
import json
import time

import raw
import raw_upstream
from arena import HTTP, kinds
from harness import brief, equal, require, until
from raw import LEGACY, MODERN, PREFIX, request


# What a plain relay does not do, and is not asked for.
GATEWAY_ONLY = {"server_stateless", "http_header_validation", "content_types", "caching",
                "errors_leave_out_the_id", "cut_stream_is_asked_for_again"}

# MARK: byte-true

ODD_REQUESTS = [
    b'{"jsonrpc":"2.0","id":%d,"method":"example/unknown","params":{"b":1,"a":[1.0,1e2,-0.0]}}',
    b'  {  "method" : "example/unknown",  "id":%d ,"jsonrpc":"2.0", "params" :{ }  }\t ',
    b'{"jsonrpc":"2.0","id":%d,"method":"example/\\u0075nknown","params":{"s":"\\u00e9\xc3\xa9\\/'
    b'\\ud83d\\ude80\xf0\x9f\x9a\x80\\u2028\xe2\x80\xa8"}}',
    b'{"jsonrpc":"2.0","id":%d,"method":"resources/read","params":{"uri":"x://y","_meta":{'
    b'"progressToken":"tok","example.org/x":{"y":[null,true]}},"unknown":1},"extra":[{}]}',
    b'{"jsonrpc":"2.0","id":%d,"method":"example/unknown","params":{"n":12345678901234567890,'
    b'"m":0.1000000000000000055511151231257827}}',
    b'{"jsonrpc":"2.0","id":%d,"method":"completion/complete","params":{"ref":{"type":"ref/prompt",'
    b'"name":"tools/call"},"argument":{"name":"method","value":"tools/call"}}}',
]


def wire_requests_are_relayed_byte_true(arena):
    """What is no gated call reaches the upstream as the client wrote it."""
    client = arena.client()
    for template in ODD_REQUESTS:
        number = client.number()
        sent = template % number
        mark = arena.upstream.mark()
        arena.send_exactly(client, sent, number)
        found = until(lambda: [m for m in arena.upstream.bytes(mark) if b"%d" % number in m],
                      "the message reaches the upstream", 5)
        equal(found[0].rstrip(b"\r\n"), sent, "the message at the upstream")
    client.close()


@kinds("line")
def wire_notifications_are_relayed_byte_true(arena):
    client = arena.client()
    arena.alive(client)  # so that nothing of the handshake is still under way
    for sent in (b'{"method":"notifications/roots/list_changed","jsonrpc":"2.0"}',
                 b'{"jsonrpc":"2.0","method":"example/note","params":{"\\u0061":1.50}} ',
                 b'{"jsonrpc":"2.0","id":"never-asked","result":{"x":[1.0]}}',
                 b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,'
                 b'"progress":1}}'):
        mark = arena.upstream.mark()
        client.send(sent)
        found = until(lambda: arena.upstream.bytes(mark), f"{sent!r} reaches the upstream", 5)
        equal(found[0].rstrip(b"\r\n"), sent, "the message at the upstream")
    client.close()


@kinds("line")
def wire_results_are_relayed_byte_true(arena):
    """And back: results and notifications as the upstream wrote them, in order."""
    client = arena.client()
    for index, template in enumerate(raw_upstream.ODD):
        number = client.number()
        client.send(request(number, "example/odd", {"n": index}))
        note, result = client.line(), client.line()
        equal(note, b'{"params":{"level":"info","data":"\\u0061"},"method":'
                    b'"notifications/message","jsonrpc":"2.0"}', "the notification before it")
        equal(result, template.replace(b"ID", b"%d" % number), "the result")
    client.close()


@kinds(*HTTP)
def wire_bodies_are_relayed_byte_true(arena):
    client = arena.client()
    for index, template in enumerate(raw_upstream.ODD):
        number = client.number()
        answer = client.post(request(number, "example/odd", {"n": index}))
        expected = template.replace(b"ID", b"%d" % number)
        body = answer.body
        if "event-stream" in answer.headers.get("content-type", ""):
            lines = [line[5:].removeprefix(b" ") for line in body.split(b"\n")
                     if line.startswith(b"data:")]
            body = next((line for line in lines if b"%d" % number in line), b"")
        equal(body.strip(), expected.strip(), "the body")
    client.close()


def wire_ids_of_every_kind(arena):
    """Strings, large numbers, and ids that look like another kind."""
    client = arena.client()
    for number in ("text", "7", 7, 0, -1, 2**53 - 1, "\u00fc\U0001f680", "", "x" * 300):
        found = client.ask({"jsonrpc": "2.0", "id": number, "method": "ping"})
        require(found["id"] == number and type(found["id"]) is type(number),
                f"{number!r} was answered as {found['id']!r}")
        message = raw.call(number, "run_allowed", {"text": arena.unique()})
        found = client.ask(message)
        require(found["id"] == number and type(found["id"]) is type(number),
                f"a call {number!r} was answered as {found['id']!r}")
    client.close()


@kinds(*HTTP)
def wire_two_clients_same_ids(arena):
    """Without sessions, ids of different clients have nothing to do with each other."""
    import threading
    one, two = arena.gateway.client(), arena.gateway.client()
    answers = {}

    def ask(client, name, hold):
        message = raw.call(5, "run_allowed", {"text": arena.unique(name), "hold": hold}, MODERN)
        answers[name] = client.post(message)
    thread = threading.Thread(target=ask, args=(one, "slow", 1200), daemon=True)
    thread.start()
    time.sleep(0.4)
    ask(two, "fast", 0)
    found = two.post(request(5, "resources/read", {"uri": "x://y"}, MODERN))
    thread.join(10)
    for name in ("fast", "slow"):
        result = answers[name].response(5) or {}
        require("ran run_allowed" in json.dumps(result), f"the {name} call: {answers[name]}")
    require("result" in (found.response(5) or {}), f"a read with the same id: {found}")
    one.close()
    two.close()


@kinds("line", "front", "web")
def wire_id_is_free_after_an_error(arena):
    """An error answers a request as well as a result does."""
    client = arena.client(MODERN)
    for method, params in (("tools/list", {"cursor": "bad"}), ("example/unknown", {}),
                           ("tools/list", {"cursor": "bad"}),
                           ("tools/call", {"name": "run_allowed", "arguments": {"no": 1}}),
                           ("tools/call", {"name": "run_denied", "arguments": {"text": "x"}}),
                           ("tools/call", {"name": "no_such_tool", "arguments": {}})):
        found = client.ask(request(44, method, params, MODERN))
        code = (found.get("error") or {}).get("code")
        require(code != -32600, f"{method} with an id that is free: {brief(found)}")
    client.close()


@kinds("front")
def wire_id_is_free_after_hanging_up(arena):
    """A client that has gone keeps nobody else's id."""
    for message in (
            raw.call("same", "run_allowed", {"text": arena.unique(), "hold": 4000}, MODERN),
            request("listen", "subscriptions/listen", {
                "notifications": {"toolsListChanged": True}}, MODERN)):
        hang_up(arena, message)


def hang_up(arena, message):
    """Sends a message, closes the connection, and uses its id from another one."""
    import socket
    one, two = arena.gateway.client(), arena.gateway.client()
    body = raw.encode(message)
    head = "".join(f"{k}: {v}\r\n" for k, v in one.headers_for(message).items())
    mark = arena.upstream.mark()
    with socket.create_connection((one.host, one.port), 10) as connection:
        connection.sendall((f"POST {one.path} HTTP/1.1\r\nHost: {one.host}:{one.port}\r\n{head}"
                            f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        until(lambda: arena.reached(mark, message["method"].encode()), "it reaches the upstream", 5)
    time.sleep(0.5)
    number = message["id"]
    for next_one in (request(number, "resources/read", {"uri": "x://y"}, MODERN),
                     request(number, "tools/list", None, MODERN),
                     raw.call(number, "run_allowed", {"text": arena.unique()}, MODERN)):
        found = two.post(next_one)
        require("result" in (found.response(number) or {}),
                f"{next_one['method']} of the next client after {message['method']}: {found}")
    two.close()


def wire_errors_leave_out_the_id(arena):
    """Where the id is not known, the published schemas have none, and no null."""
    client = arena.client()
    for body in (b"{", b"[]", b'{"jsonrpc":"2.0","id":null,"method":"tools/call"}'):
        found = arena.send_exactly(client, body, seconds=3)
        require(found and "error" in found, f"{body!r}: {brief(found)}")
        require("id" not in found or found["id"] is not None, f"{body!r}: {brief(found)}")
    client.close()


def wire_order_and_interleaving(arena):
    """A slow call does not hold up what comes after it."""
    if arena.http:
        return
    client = arena.client()
    slow, fast = client.number(), client.number()
    client.send(raw.call(slow, "run_allowed", {"text": arena.unique(), "hold": 1500}))
    client.send(request(fast, "ping"))
    first = json.loads(client.line(5))
    equal(first.get("id"), fast, "the id that is answered first")
    require(client.response(slow, 6) is not None, "the slow call is never answered")
    client.close()


# MARK: HTTP, by ids of the suite

@kinds(*HTTP)
def wire_server_stateless(arena):
    """The modern era needs no session, gives none, and has neither GET nor DELETE."""
    client = arena.gateway.client()
    answer = client.post(request(1, "tools/list", None, MODERN))
    equal(answer.status, 200, f"a first request without a handshake ({answer})")
    require("result" in (answer.response(1) or {}), f"tools/list: {answer}")
    require("mcp-session-id" not in answer.headers, "a session of the modern era")
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        found = client.post(None, change={"MCP-Protocol-Version": MODERN}, method=method)
        if arena.kind == "web":  # the upstream's own answer may pass
            require(found.status < 500, f"status of {method}: {found.status}")
        else:
            allowed = (405,) if method in ("GET", "DELETE") else (404, 405, 501)
            require(found.status in allowed, f"status of {method}: {found.status}")
    answer = client.post(request(2, "tools/list", None, MODERN),
                         change={"Mcp-Session-Id": "nonsense", "Last-Event-ID": "7"})
    equal(answer.status, 200, "status with headers of the older era")
    found = client.post(request(3, "example/unknown", None, MODERN))
    equal(((found.messages or [{}])[0].get("error") or {}).get("code"), -32601,
          "code of an unknown method")
    client.close()


@kinds(*HTTP)
def wire_http_header_validation(arena):
    """Without the headers, or with unsupported versions: 400, and the right code."""
    client = arena.gateway.client()
    message = request(1, "tools/list", None, MODERN)
    for change in ({"Mcp-Method": None}, {"Mcp-Method": "prompts/list"},
                   {"MCP-Protocol-Version": None}, {"MCP-Protocol-Version": "2025-11-25"}):
        answer = client.post(message, change=change)
        equal(answer.status, 400, f"status for {change}")
        code = ((answer.messages or [{}])[0].get("error") or {}).get("code")
        require(code in (-32020, -32022), f"code for {change}: {answer}")
    # Names of headers do not depend on case, and white space around values does not count.
    answer = client.post(message, change={"mcp-method": "  tools/list "})
    equal(answer.status, 200, "status for the same headers, spelled otherwise")
    answer = client.post(request(2, "resources/read", {"uri": "x://y"}, MODERN),
                         change={"Mcp-Name": "x://other"})
    equal(answer.status, 400, "status for another uri in Mcp-Name")
    version = request(3, "tools/list", None, MODERN)
    version["params"]["_meta"][PREFIX + "protocolVersion"] = "2030-01-01"
    answer = client.post(version, change={"MCP-Protocol-Version": "2030-01-01"})
    require(answer.status >= 400, f"a version that nobody speaks: {answer}")
    client.close()


@kinds(*HTTP)
def wire_server_session_lifecycle(arena):
    """A session of the older era: given, used, unknown ones are 404, ended by DELETE."""
    client = arena.client()
    if client.session is None:
        return  # a server may do without
    require(len(client.session) >= 16 and client.session.isascii(), "a session that can be guessed")
    found = client.post(request(5, "ping"), change={"Mcp-Session-Id": "no-such-session-000000"})
    if arena.kind == "front":  # behind `web` the upstream decides, and that one takes any
        equal(found.status, 404, f"an unknown session ({found})")
    deleted = client.post(None, method="DELETE", change={"Mcp-Session-Id": client.session})
    require(deleted.status in (200, 202, 204, 405), f"DELETE: {deleted}")
    if arena.kind == "front" and deleted.status != 405:
        found = client.post(request(6, "ping"))
        equal(found.status, 404, "status after DELETE")
    client.close()


@kinds(*HTTP)
def wire_content_types(arena):
    """What is no JSON is refused, and answers are of the types that the client accepts."""
    client = arena.client()
    message = request(client.number(), "ping")
    found = client.post(message, change={"Content-Type": "text/plain"})
    require(found.status in (400, 415), f"text/plain: {found}")
    found = client.post(message, change={"Content-Type": "application/json; charset=utf-8"})
    equal(found.status, 200, "status for a charset")
    require(found.headers["content-type"].split(";")[0] in (
        "application/json", "text/event-stream"), f"content type {found.headers['content-type']}")
    found = client.post(message, path="/other")
    equal(found.status, 404, "status of another path")
    found = client.post({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"})
    equal((found.status, found.body), (202, b""), "answer to a notification")
    client.close()


def wire_caching(arena):
    """The gateway knows that lists depend on who asks: ttlMs 0 and private."""
    client = arena.client(MODERN)
    for method in ("tools/list",):
        result = client.ask(request(client.number(), method, None, MODERN))["result"]
        equal((result.get("ttlMs"), result.get("cacheScope")), (0, "private"), f"of {method}")
        equal(result.get("resultType"), "complete", f"resultType of {method}")
    client.close()


def wire_era_mixture(arena):
    """Both eras on one connection over HTTP, or one after the other: each gets its own shape."""
    if not arena.http:
        return
    old, new = arena.client(LEGACY), arena.client(MODERN)
    for _ in range(2):
        found = old.ask(request(old.number(), "ping"))
        require("resultType" not in found["result"], "a resultType in the older era")
        found = new.ask(request(new.number(), "resources/read", {"uri": "x://y"}, MODERN))
        equal(found["result"].get("resultType"), "complete", "resultType of the modern era")
    old.close()
    new.close()


# MARK: a real upstream, directly and through

def raw_client(endpoint):
    from harness import clean_environment
    if "stdio" in endpoint:
        return raw.Line(endpoint["stdio"], clean_environment(**endpoint.get("env", {})))
    return raw.Web(endpoint["http"], endpoint.get("headers"))


def path_capability_check(world, path):
    """A client that cannot be asked is told so, not asked: the upstream's own error passes."""
    answers = []
    for place in (("direct-http" if "http-" in path else "direct-stdio"), path):
        client = raw_client(world.endpoint("modern", place))
        client.open(MODERN)
        found = client.ask(raw.call(5, "test_elicitation", {"message": "Who?"}, MODERN))
        found.pop("id")
        answers.append(found)
        client.close()
    equal((answers[0].get("error") or {}).get("code"), -32021, "the upstream's code")
    equal(answers[1], answers[0], "the answer through the gateway")


def path_disconnect_cancels(world, path):
    """Modern era over HTTP: who hangs up has cancelled, and the upstream hears of it."""
    if path == "stdio-stdio":
        return
    tag = f"hangup-{time.time_ns()}"
    effects = world.effects("modern", path)
    client = raw_client(world.endpoint("modern", path))
    message = raw.call(6, "slow", {"tag": tag, "steps": 80, "ms": 100}, MODERN)
    headers = client.headers_for(message)
    body = raw.encode(message)
    import socket
    connection = socket.create_connection((client.host, client.port), 10)
    head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    connection.sendall((f"POST {client.path} HTTP/1.1\r\nHost: {client.host}:{client.port}\r\n"
                        f"{head}Content-Length: {len(body)}\r\n\r\n").encode() + body)

    def has(member):
        with open(effects, encoding="utf-8") as file:
            return any(json.loads(line).get(member) == tag for line in file)
    until(lambda: has("start"), "the tool starts", 10)
    connection.close()
    until(lambda: has("cancelled"), "the upstream hears that the client has gone", 7)
    require(not has("end"), "the tool ran to its end")


def path_progress_tokens_stay(world, path):
    """Two calls with tokens of the same look: each hears of its own."""
    if path != "stdio-stdio":
        return
    client = raw_client(world.endpoint("modern", path))
    client.open(MODERN)
    for number, token in ((21, "same"), (22, 22)):
        client.send(raw.call(number, "slow", {"tag": f"p{number}", "steps": 3, "ms": 30}, MODERN,
                             meta={"progressToken": token}))
    seen = {"same": 0, 22: 0}
    answered = set()
    while len(answered) < 2:
        line = client.line(10)
        require(line is not None, f"no more messages: {seen}")
        message = json.loads(line)
        if message.get("method") == "notifications/progress":
            seen[message["params"]["progressToken"]] += 1
        elif message.get("id") in (21, 22):
            answered.add(message["id"])
    equal(seen, {"same": 3, 22: 3}, f"progress by token ({brief(seen)})")
    client.close()


def path_line_smuggling(world, path):
    """SDKs read lines as text: a carriage return within a message would end one. None may pass."""
    undefended = world.subject == "relay" and path == "stdio-stdio"
    for era in ("modern", "legacy"):
        if world.quick and era == "legacy" and path != "stdio-stdio":
            continue  # nothing else of --quick needs that path
        text = f"smuggled-{era}-{time.time_ns()}"
        endpoint = world.endpoint(era, path)
        client = raw_client({"stdio": world.upstream(era, path)} if undefended else endpoint)
        client.open(LEGACY)
        hidden = json.dumps(raw.call(31, "write_denied", {"text": text})).encode()
        message = b'{"jsonrpc":"2.0","method":"notifications/x","params":{"a":\r%s\r}}' % hidden
        if isinstance(client, raw.Line):
            client.send(message)
        else:
            client.post(message)
        client.ask(request(32, "ping"))
        time.sleep(0.2)
        client.close()
        with open(world.effects(era, path), encoding="utf-8") as file:
            ran = text in file.read()
        if undefended:
            # Without this the test could not fail: with nothing in front the tool does run.
            require(ran, f"the SDK of the {era} upstream does not read lines as text any more")
        else:
            require(not ran, f"a tool that policy denies ran in the {era} upstream")
