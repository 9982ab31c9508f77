# SPDX-License-Identifier: Apache-2.0
"""A server in the middle: passes everything on to the real one, and changes what a test says."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Gets method, path, status and body, and returns the status and body to answer with.
Change = Callable[[str, str, int, bytes], "tuple[int, bytes]"]


def unchanged(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
    return status, body


class Middle:
    """A man in the middle of gate and server."""

    def __init__(self, port: int):
        self.change: Change = unchanged
        self.requests: list[tuple[str, str, bytes]] = []
        middle = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                middle.requests.append((self.command, self.path, body))
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() in ("authorization", "exequatur-gate-token", "content-type")
                }
                upstream.request(self.command, self.path, body=body or None, headers=headers)
                answer = upstream.getresponse()
                data = answer.read()
                upstream.close()
                status, data = middle.change(self.command, self.path, answer.status, data)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            do_GET = do_POST = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def change_json(
        self, path_end: str, change: Callable[[Any], Any], methods: str = "POST GET"
    ) -> None:
        """Changes JSON answers to requests whose path ends so."""

        def apply(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
            if method in methods and path.partition("?")[0].endswith(path_end) and status < 300:
                found = change(json.loads(body))
                return status, json.dumps(found).encode()
            return status, body

        self.change = apply
