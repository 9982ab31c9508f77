# SPDX-License-Identifier: Apache-2.0
"""Socket Mode of the Slack emulator: tickets, envelopes, acknowledgements, and lost sockets."""
import asyncio
import itertools
import json
import secrets
import time

from aiohttp import WSMsgType, web

from slack_rules import ACK_BYTES

MOST_SOCKETS = 10
TICKET_SECONDS = 30
# Where a socket can be lost while an envelope is on its way.
POINTS = ("before", "after_send", "after_ack")


class Delivery:
    """One envelope on its way, and what came back."""

    def __init__(self, kind, payload, accepts):
        self.envelope = {"envelope_id": secrets.token_hex(16), "type": kind, "payload": payload,
                         "accepts_response_payload": accepts, "retry_attempt": 0,
                         "retry_reason": ""}
        if kind != "events_api":
            del self.envelope["retry_attempt"], self.envelope["retry_reason"]
        self.sent, self.acks, self.error = [], [], None
        self.drop = None
        self.done = asyncio.Event()

    @property
    def acknowledged(self):
        return bool(self.acks)

    @property
    def payload(self):
        return self.acks[0][1] if self.acks else None

    @property
    def seconds(self):
        return self.acks[0][0] - self.sent[0] if self.acks else None


class Connection:
    """One open socket."""

    def __init__(self, number, request, socket):
        self.number, self.request, self.socket = number, request, socket
        self.opened = time.time()
        self.deaf = False
        self.pings = self.pongs = 0

    def cut(self):
        """Ends it without a closing handshake."""
        self.deaf = True
        if self.request.transport:
            self.request.transport.abort()

    @property
    def usable(self):
        return not self.deaf and not self.socket.closed

    async def send(self, value):
        await self.socket.send_str(json.dumps(value))


class Sockets:
    """All sockets of the app."""

    def __init__(self, slack, ping_seconds):
        self.slack, self.ping_seconds = slack, ping_seconds
        self.tickets, self.connections = {}, []
        self.deliveries = {}
        self.history = []  # (when, how many are open now)
        self.broken = []  # acknowledgements that Slack would not take
        self.numbers = itertools.count(1)
        self.mode_on = True

    def ticket(self):
        """What apps.connections.open answers: an address that works once."""
        if not self.mode_on:
            from slack_api import SlackError
            raise SlackError("internal_error")
        found = secrets.token_urlsafe(24)
        self.tickets[found] = time.time()
        return f"ws://127.0.0.1:{self.slack.port}/link/?ticket={found}&app_id=A0001"

    async def accept(self, request):
        made = self.tickets.pop(request.query.get("ticket"), None)
        if made is None or time.time() - made > TICKET_SECONDS:
            return web.Response(status=408)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 22)
        await socket.prepare(request)
        connection = Connection(next(self.numbers), request, socket)
        if len(self.connections) >= MOST_SOCKETS:
            await connection.send({"type": "disconnect", "reason": "too_many_websockets",
                                   "debug_info": {"host": "applink-1"}})
            await socket.close()
            return socket
        self._count(connection, True)
        pinging = asyncio.ensure_future(self._ping(connection))
        try:
            await connection.send({
                "type": "hello", "num_connections": len(self.connections),
                "debug_info": {"host": "applink-1", "build_number": 1,
                               "approximate_connection_time": 18060},
                "connection_info": {"app_id": "A0001"}})
            await self._read(connection)
        except (ConnectionError, RuntimeError):
            pass  # cut by us or by the other side
        finally:
            pinging.cancel()
            self._count(connection, False)
        return socket

    def _count(self, connection, opened):
        if opened:
            self.connections.append(connection)
        elif connection in self.connections:
            self.connections.remove(connection)
        with self.slack.lock:
            self.history.append((time.time(), len(self.connections)))

    async def _ping(self, connection):
        while True:
            await asyncio.sleep(self.ping_seconds)
            connection.pings += 1
            await connection.socket.ping(b"Ping from applink-1")

    async def _read(self, connection):
        async for message in connection.socket:
            if connection.deaf:
                return
            if message.type == WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type == WSMsgType.PONG:
                connection.pongs += 1
            elif message.type == WSMsgType.TEXT:
                self._acknowledge(connection, message.data)
            else:
                self.broken.append(("not a text frame", repr(message.type)))

    def _acknowledge(self, connection, data):
        try:
            found = json.loads(data)
            delivery = self.deliveries[found["envelope_id"]]
        except (ValueError, KeyError, TypeError):
            self.broken.append(("no envelope of ours", data[:300]))
            return
        if set(found) - {"envelope_id", "payload"}:
            self.broken.append(("unknown members", data[:300]))
        if len(data.encode()) >= ACK_BYTES:
            self.broken.append(("too large, dropped", data[:300]))
            return
        if found.get("payload") and not delivery.envelope["accepts_response_payload"]:
            self.broken.append(("a payload nobody asked for", data[:300]))
        delivery.acks.append((time.time(), found.get("payload"), connection.number))
        if delivery.drop == "after_ack":
            connection.cut()
        delivery.done.set()

    # MARK: what Slack does

    async def deliver(self, delivery, drop=None, twice=False, patience=3.0):
        """Sends an envelope over any socket and waits for its acknowledgement."""
        self.deliveries[delivery.envelope["envelope_id"]] = delivery
        delivery.drop = drop
        if drop == "before":
            self.cut_all()
        connection = await self._usable(patience)
        if connection is None:
            delivery.error = "no socket"
            return delivery
        if drop == "after_send":
            connection.deaf = True
        delivery.sent.append(time.time())
        await connection.send(delivery.envelope)
        if drop == "after_send":
            await asyncio.sleep(0.05)
            connection.cut()
            return delivery
        if twice:
            others = [c for c in self.connections if c.usable and c is not connection]
            await (others[0] if others else connection).send(delivery.envelope)
        try:
            await asyncio.wait_for(delivery.done.wait(), patience)
        except asyncio.TimeoutError:
            delivery.error = "not acknowledged"
        return delivery

    async def _usable(self, patience):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            usable = [c for c in self.connections if c.usable]
            if usable:
                return usable[-1]
            await asyncio.sleep(0.02)
        return None

    def cut_all(self):
        for connection in list(self.connections):
            connection.cut()

    def disconnect(self, reason, grace=0.0):
        """Announces the end of every socket that is open now; ends it after `grace` seconds."""
        self.slack.run(self._disconnect(reason, grace))

    async def _disconnect(self, reason, grace):
        for connection in list(self.connections):
            await connection.send({"type": "disconnect", "reason": reason,
                                   "debug_info": {"host": "applink-1"}})
            asyncio.ensure_future(self._end(connection, grace))

    async def _end(self, connection, grace):
        await asyncio.sleep(grace)
        if not connection.socket.closed:
            await connection.socket.close()

    # MARK: looking

    @property
    def open(self):
        return len([c for c in list(self.connections) if c.usable])

    def least(self, since):
        """The smallest number of open sockets since a time; those open before count too."""
        with self.slack.lock:
            before = [count for at, count in self.history if at < since][-1:]
            return min(before + [count for at, count in self.history if at >= since],
                       default=0)
