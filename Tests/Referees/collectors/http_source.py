#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server for the HTTP collector, with Python's own http.server.

    http_source.py FOLDER

Prints its port. GET /NAME gives FOLDER/NAME.json, with an entity tag; requests are written down in
FOLDER/requests, one JSON object a line. Some paths misbehave: see `do_GET`.
"""
import hashlib
import http.server
import json
import os
import sys
import time
import urllib.parse

FOLDER = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        with open(f"{FOLDER}/requests", "a") as log:
            names = ("authorization", "if-none-match", "accept", "host")
            log.write(json.dumps(
                {"path": self.path, **{n: self.headers.get(n) for n in names}}) + "\n")
        if path == "/redirect":
            return self.answer(302, Location="/doc")
        if path == "/not-modified":
            return self.answer(304)
        if path.startswith("/status/"):
            return self.answer(int(path.split("/")[2]), b"{}")
        if path == "/silent":
            time.sleep(60)
            return None
        if path == "/drip":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while True:
                self.wfile.write(b"1\r\n \r\n")
                self.wfile.flush()
                time.sleep(0.1)
        if path == "/endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while True:
                self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        name = f"{FOLDER}{path}.json"
        if not os.path.exists(name):
            return self.answer(404, b"{}")
        with open(name, "rb") as file:
            body = file.read()
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if self.headers.get("if-none-match") == tag:
            return self.answer(304, ETag=tag)
        return self.answer(200, body, ETag=tag, Content_Type="application/json")

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, BrokenPipeError):
            pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
