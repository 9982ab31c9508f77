#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An upstream without an SDK, which writes down every byte that reaches it.

    raw_upstream.py --trace FILE --tools FILE [--port N]

It believes what it gets, as a careless server would: of duplicate keys the last counts, a batch is
taken apart, a call without an id is executed. What protects it has to stand in front of it.
`--tools` is read anew for each `tools/list`, so that a test can change a definition under the gateway.

The trace has one JSON object a line: `start` (arguments and environment), `message` (base64 of the
bytes, headers over HTTP), `ran` (a tool was executed, with its arguments), `resumed` (the event
after which a stream was asked for again).

With `hold`, an argument of a tool or a parameter of another request, it answers only after so many
milliseconds; with `how` it answers otherwise:

    progress   sends progress before its answer
    later      keeps its answer until somebody sends `example/late`; each sends the oldest one
    refused    404 and an error of another id, as for a session that is gone (HTTP)
    nameless   the same without an id (HTTP)
    cut        ends its stream of events before its answer; the rest is there to be asked for (HTTP)

After `example/deaf` it reads nothing more, over stdio.
"""
import argparse
import base64
import http.server
import json
import os
import signal
import sys
import threading
import time

LOCK = threading.Lock()
OPTIONS = None
SESSION = "raw-session-0123456789"
# Answers that nobody was told yet: in their order, and by the event that came before them.
KEPT, RESTS = [], {}

# Results as a peculiar but correct server may write them; ID stands for the id, as it came.
ODD = [
    b'{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","z":1,"a":2,"10":3,"9":4}}',
    b'{ "result" : {"resultType":"complete", "n":[1.0,1e2,-0.0,12345678901234567890,0.1e-7]} ,'
    b' "id":ID  , "jsonrpc":"2.0" }  ',
    b'{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","s":"\\u0061\\/\\u00e9'
    b'\\ud83d\\ude80\xc3\xa9\xf0\x9f\x9a\x80\\u2028\xe2\x80\xa8\\u0000"}}',
    b'{"jsonrpc":"2.0","extra":{"x":[[],{},null]},"id":ID,"result":{"resultType":"complete",'
    b'"_meta":{"example.org/a":{"b":true}},"unknown":"member"}}',
    b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32001,"message":"odd \\"error\\"",'
    b'"data":{"d":1.50}}}',
]


def trace(**record):
    with LOCK, open(OPTIONS.trace, "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": time.time(), **record}) + "\n")


def tools():
    with open(OPTIONS.tools, encoding="utf-8") as file:
        return json.load(file)


def modern(message):
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and "io.modelcontextprotocol/protocolVersion" in meta


def wish(message, name):
    """What a request says of how, or when, it wants to be answered."""
    params = message.get("params") if isinstance(message, dict) else None
    params = params if isinstance(params, dict) else {}
    arguments = params.get("arguments")
    return (arguments if isinstance(arguments, dict) else params).get(name)


def answer(message):
    """The messages that answer one, when and how it asks for."""
    found = regular(message)
    time.sleep((wish(message, "hold") or 0) / 1000)
    if wish(message, "how") == "later":
        KEPT.extend(found)
        return []
    if wish(message, "how") == "progress":
        token = (message["params"].get("_meta") or {}).get("progressToken")
        note = {"jsonrpc": "2.0", "method": "notifications/progress",
                "params": {"progressToken": token, "progress": 1}}
        return [json.dumps(note).encode(), *found]
    return found


def regular(message):
    """The messages that answer one, as bytes; the last one is the response."""
    method, params = message.get("method"), message.get("params")
    params = params if isinstance(params, dict) else {}
    if method == "tools/call":
        arguments = params.get("arguments") or {}
        trace(ran=params.get("name"), arguments=arguments, id=message.get("id"))
        result = {"content": [{"type": "text", "text": f"ran {params.get('name')}"}],
                  "isError": False}
    elif method == "initialize":
        result = {"protocolVersion": params.get("protocolVersion", "2025-11-25"),
                  "capabilities": {"tools": {"listChanged": True}, "resources": {}},
                  "serverInfo": {"name": "raw", "version": "1"}}
    elif method == "server/discover":
        result = {"supportedVersions": ["2026-07-28"], "ttlMs": 60000, "cacheScope": "public",
                  "capabilities": {"tools": {"listChanged": True}, "resources": {}},
                  "_meta": {"io.modelcontextprotocol/serverInfo": {
                      "name": "raw", "version": "1"}}}
    elif method == "tools/list" and params.get("cursor"):
        return [json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "error": {
            "code": -32602, "message": "no such page"}}).encode()]
    elif method == "tools/list":
        result = {"tools": tools()}
    elif method == "subscriptions/listen" and not OPTIONS.port:
        return []  # open until the client goes
    elif method == "resources/read":
        result = {"contents": [{"uri": params.get("uri"), "text": "x" * 200}]}
    elif method == "example/late":
        return [KEPT.pop(0), reply(message, {})]
    elif method in ("ping", "example/deaf"):
        result = {}
    elif method == "example/odd":
        text = ODD[params["n"]].replace(b"ID", json.dumps(message["id"]).encode())
        note = b'{"params":{"level":"info","data":"\\u0061"},"method":"notifications/message",' \
               b'"jsonrpc":"2.0"}'
        return ([] if OPTIONS.port else [note]) + [text]
    elif method == "example/changed":
        # Over HTTP there is no stream outside of a request; over stdio it goes first.
        note = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
        return ([] if OPTIONS.port else [note]) + [reply(message, {})]
    else:
        return [json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "error": {
            "code": -32601, "message": "Method not found"}}).encode()]
    if modern(message) and method in ("tools/list", "resources/read"):
        result.update(ttlMs=60000, cacheScope="public")
    return [reply(message, result)]


def reply(message, result):
    if modern(message):
        result = {"resultType": "complete", **result}
    return json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result}).encode()


def handle(data, headers=None):
    """Everything that one line or body leads to; a list of messages."""
    trace(message=base64.b64encode(data).decode(), **({"headers": headers} if headers else {}))
    try:
        value = json.loads(data)
    except ValueError:
        return [b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}']
    found = []
    for message in value if isinstance(value, list) else [value]:
        if not isinstance(message, dict) or "method" not in message:
            continue
        answers = answer(message) if "id" in message or message["method"] == "tools/call" else []
        found += answers if "id" in message else []
    return found


def hear_nothing():
    """Until told to end, or until whoever started it is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def stdio():
    out = sys.stdout.buffer

    def serve(data):
        for message in handle(data):
            with LOCK:
                out.write(message + b"\n")
                out.flush()

    # Carriage returns end a line too, as they do for readers in text mode.
    for line in sys.stdin.buffer:
        for part in line.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
            if not part.strip():
                continue
            if b'"hold"' in part:
                threading.Thread(target=serve, args=(part,), daemon=True).start()
            else:
                serve(part)
            if b'"example/deaf"' in part:
                hear_nothing()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        found = handle(body, [[k, v] for k, v in self.headers.items()])
        if not found:
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = found[-1]
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        first = isinstance(parsed, dict) and parsed.get("method") == "initialize"
        headers = {"Mcp-Session-Id": SESSION} if first else {}
        way = wish(parsed, "how")
        if way in ("refused", "nameless"):
            error = {"code": -32600, "message": "Session not found"}
            name = {"id": "server-error"} if way == "refused" else {}
            self.give(404, json.dumps({"jsonrpc": "2.0", **name, "error": error}).encode(), headers)
        elif way == "cut":
            event = f"event-{len(RESTS) + 1}"
            RESTS[event] = b"event: message\ndata: " + data + b"\n\n"
            self.give_events(f"id: {event}\nretry: 100\ndata: \n\n".encode())
        else:
            self.give(200, data, headers)

    def give(self, status, data, headers):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def give_events(self, data):
        """A stream that ends with its connection."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        last = self.headers.get("last-event-id")
        if last in RESTS:
            trace(resumed=last, headers=[[k, v] for k, v in self.headers.items()])
            self.give_events(RESTS[last])
            return
        self.send_response(405)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_DELETE(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--trace", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--port", type=int)
    OPTIONS = parser.parse_args()
    trace(start=sys.argv, environment=dict(os.environ), pid=os.getpid())
    if OPTIONS.port:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", OPTIONS.port), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # of a client that went away
        server.serve_forever()
    stdio()


if __name__ == "__main__":
    main()
