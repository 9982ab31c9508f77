# SPDX-License-Identifier: Apache-2.0
"""A web server on loopback in a thread of its own, with a record of what came, and faults."""
import asyncio
import collections
import json
import threading
import time
import urllib.parse

from aiohttp import web

from common import Failure, free_port

Request = collections.namedtuple("Request", "at method path headers body answered status target")


class Fault:
    """What a service answers instead, some times: a status, or a hang, or a cut connection."""

    def __init__(self, status=500, headers=None, body=b"", times=1, cut=False, delay=0.0):
        self.status, self.headers, self.body = status, headers or {}, body
        self.times, self.cut, self.delay = times, cut, delay


class Service:
    """Serves what `routes` adds. State is touched on its loop only, or under its lock."""

    def __init__(self, port=None, ssl_context=None):
        self.port = port or free_port()
        self.scheme = "https" if ssl_context else "http"
        self.ssl_context = ssl_context
        self.lock = threading.RLock()
        self.requests = []
        self.faults = collections.defaultdict(list)
        self.down = False
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.runner = self.site = None
        self.run(self._start())

    @property
    def url(self):
        host = "localhost" if self.ssl_context else "127.0.0.1"
        return f"{self.scheme}://{host}:{self.port}"

    def routes(self, application):
        raise NotImplementedError

    def name_of(self, request):
        """What faults and records call a request."""
        return request.path

    # MARK: running

    async def _start(self):
        application = web.Application(middlewares=[self._middleware], client_max_size=1 << 22)
        self.routes(application)
        self.runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        await self._listen()

    async def _listen(self):
        self.site = web.TCPSite(self.runner, "127.0.0.1", self.port,
                                ssl_context=self.ssl_context, reuse_address=True)
        await self.site.start()

    def run(self, coroutine, seconds=30):
        """Runs something on the service's loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def stop(self):
        if self.runner:
            self.run(self.runner.cleanup())
            self.runner = None
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    def go_down(self):
        """Whoever connects is cut off; what is connected is cut too."""
        self.down = True
        self.run(self._cut_all())

    async def _cut_all(self):
        pass

    def come_up(self):
        self.down = False

    # MARK: what came

    def fail(self, name, *faults):
        """The next requests of this name are answered so."""
        with self.lock:
            self.faults[name] += faults

    def clear_faults(self):
        with self.lock:
            self.faults.clear()

    def asked(self, name, since=0.0):
        """The requests of a name, oldest first."""
        with self.lock:
            return [r for r in self.requests if r.path == name and r.at >= since]

    @web.middleware
    async def _middleware(self, request, handler):
        try:
            body = await request.read()
        except ConnectionResetError:  # whoever asked went away
            return web.Response(status=400)
        at, name = time.time(), self.name_of(request)
        status = 0
        try:
            if self.down:
                cut(request)
                return web.Response(status=503)
            fault = self._fault(name)
            if fault is not None:
                response = await self._failing(request, fault)
            else:
                response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            with self.lock:
                self.requests.append(Request(
                    at, request.method, name, {k.lower(): v for k, v in request.headers.items()},
                    body, time.time(), status, request.path))

    def _fault(self, name):
        with self.lock:
            waiting = self.faults.get(name) or self.faults.get("*")
            if not waiting:
                return None
            waiting[0].times -= 1
            return waiting.pop(0) if waiting[0].times <= 0 else waiting[0]

    async def _failing(self, request, fault):
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.cut:
            cut(request)
        return web.Response(status=fault.status, headers=fault.headers, body=fault.body)


def cut(request):
    """Ends the connection without an answer."""
    if request.transport:
        request.transport.abort()


def parameters(content_type, body):
    """A form or a JSON object as a dictionary; None if it is neither."""
    if content_type.startswith("application/json"):
        try:
            found = json.loads(body or b"{}")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None
    try:
        pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
    except UnicodeDecodeError:
        return None
    return dict(pairs)


def answer_json(value, status=200, headers=None):
    return web.json_response(value, status=status, headers=headers)


def need(value, what):
    if value is None:
        raise Failure(what)
    return value
