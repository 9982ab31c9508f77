#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A relay that changes nothing, for both transports; with --log it also writes down what passes.

    relay.py stdio [--log FOLDER] -- CMD ARGS…
    relay.py http --listen PORT --upstream URL [--log FOLDER]

It serves three purposes: the referee proves itself on it (a relay that changes nothing must give
the same transcript), it stands on both sides of the gateway to see what really passes, and it is
the floor that the benchmarks compare with.

A record is one line of JSON: `dir` (`c2s` or `s2c`), `raw` (the message, or base64 in `bytes` where
it is not UTF-8), `at` (seconds), and over HTTP `headers`, `status`, `exchange`. Each process writes
a file of its own, so that a configuration in front of it may stay the same.
"""
import argparse
import base64
import http.client
import http.server
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade",
       "proxy-connection", "host", "content-length"}


class Log:
    """Appends records to a file of this process; does nothing without a folder."""

    def __init__(self, folder):
        self.lock = threading.Lock()
        self.file = None
        if folder:
            os.makedirs(folder, exist_ok=True)
            name = f"{time.time_ns()}-{os.getpid()}.jsonl"
            self.file = open(os.path.join(folder, name), "w", encoding="utf-8")

    def add(self, direction, data, **more):
        if self.file is None:
            return
        record = {"dir": direction, "at": time.time(), **more}
        try:
            record["raw"] = data.decode("utf-8")
        except UnicodeDecodeError:
            record["bytes"] = base64.b64encode(data).decode()
        with self.lock:
            self.file.write(json.dumps(record) + "\n")
            self.file.flush()


def stdio(command, folder):
    """Lines in both directions; ends when the client does, and the server with it."""
    log = Log(folder)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())

    def down():
        for line in child.stdout:
            log.add("s2c", line.rstrip(b"\r\n"))
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    thread = threading.Thread(target=down, daemon=True)
    thread.start()
    try:
        for line in sys.stdin.buffer:
            log.add("c2s", line.rstrip(b"\r\n"))
            child.stdin.write(line)
            child.stdin.flush()
        child.stdin.close()
    except BrokenPipeError:
        pass
    try:
        code = child.wait(2)
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            code = child.wait(2)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
    thread.join(1)
    # Not sys.exit: a reader thread that still blocks would keep the interpreter.
    sys.stdout.flush()
    os._exit(code if code >= 0 else 0)


class Events:
    """Finds the messages in a stream of server-sent events as its bytes arrive."""

    def __init__(self, found):
        self.rest, self.found = b"", found

    def feed(self, data):
        self.rest += data
        while True:
            normal = self.rest.replace(b"\r\n", b"\n")
            if b"\n\n" not in normal:
                return
            block, self.rest = normal.split(b"\n\n", 1)
            lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n")
                     if line.startswith(b"data:")]
            if any(lines):
                self.found(b"\n".join(lines))


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes each request on and its answer back, streaming."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # an answer in one segment where it fits
    upstream = None
    log = None
    count = 0
    count_lock = threading.Lock()

    def log_message(self, *_):
        pass

    def relay(self):
        with Handler.count_lock:
            Handler.count += 1
            exchange = Handler.count
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        sent = [[k, v] for k, v in self.headers.items()]
        self.log.add("c2s", body, method=self.command, headers=sent, exchange=exchange,
                     path=self.path)
        upstream = self.connect()
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            upstream.putheader("Host", self.upstream.netloc)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    upstream.putheader(name, value)
            if body or self.command == "POST":
                upstream.putheader("Content-Length", str(len(body)))
            # In one segment with the headers, as clients do.
            upstream.endheaders(body)
            stop = self.watch(upstream)
            try:
                self.answer(upstream.getresponse(), exchange)
            finally:
                stop.set()
        except (http.client.HTTPException, OSError):
            self.close_connection = True
            upstream.close()
            self.kept = None

    def connect(self):
        """One connection upstream for each of the client's."""
        kept = getattr(self, "kept", None)
        if kept is not None and kept.sock is not None \
                and select.select([kept.sock], [], [], 0)[0]:
            kept.close()  # the upstream has closed it while it was idle
        if kept is None or kept.sock is None:
            kept = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port)
            kept.connect()
            kept.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.kept = kept
        return kept

    def finish(self):
        if getattr(self, "kept", None) is not None:
            self.kept.close()
        super().finish()

    do_POST = do_GET = do_DELETE = do_PUT = do_OPTIONS = do_HEAD = relay

    def watch(self, upstream):
        """Ends the upstream's request when the client goes away, which may mean a cancellation."""
        stop = threading.Event()

        def look():
            while not stop.is_set():
                try:
                    ready, _, _ = select.select([self.connection], [], [], 0.1)
                except (OSError, ValueError):
                    return  # closed meanwhile
                if not ready or stop.is_set():
                    continue
                try:
                    gone = self.connection.recv(1, socket.MSG_PEEK) == b""
                except OSError:
                    gone = True
                if not gone:
                    return
                try:
                    upstream.sock.shutdown(socket.SHUT_RDWR)
                except (OSError, AttributeError):
                    pass
                return

        threading.Thread(target=look, daemon=True).start()
        return stop

    def answer(self, response, exchange):
        kind = response.headers.get("content-type", "")
        streams = kind.startswith("text/event-stream")
        known = response.headers.get("content-length")
        self.send_response_only(response.status, response.reason)
        for name, value in response.headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        more = {"status": response.status, "exchange": exchange,
                "headers": [[k, v] for k, v in response.headers.items()]}
        if not streams:
            body = response.read()
            self.send_header("Content-Length", known if self.command == "HEAD" and known
                             else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.log.add("s2c", body, **more)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.log.add("s2c", b"", **more, stream="open")
        events = Events(lambda data: self.log.add("s2c", data, status=response.status,
                                                  exchange=exchange, stream="event"))
        while data := response.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            events.feed(data)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that went away


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["stdio", "http"])
    parser.add_argument("--log")
    parser.add_argument("--listen", type=int)
    parser.add_argument("--upstream")
    parser.add_argument("command", nargs="*")
    words = sys.argv[1:]
    command = []
    if "--" in words:
        command = words[words.index("--") + 1:]
        words = words[:words.index("--")]
    options = parser.parse_args(words)
    if options.transport == "stdio":
        stdio(command, options.log)
    Handler.upstream = urllib.parse.urlsplit(options.upstream)
    Handler.log = Log(options.log)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Server(("127.0.0.1", options.listen), Handler).serve_forever()


if __name__ == "__main__":
    main()
