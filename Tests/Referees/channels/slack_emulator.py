# SPDX-License-Identifier: Apache-2.0
"""Slack on loopback: Web API, Socket Mode and signed HTTP; keeps all it is sent, and when.

Not run against the vendor: slack_bolt_proof.py shows that Slack's own SDKs work with it.
"""
import itertools
import json
import math
import secrets
import time

from aiohttp import web

from common import Failure, until
from service import Fault, Service
from slack_api import APP, BOT, BOT_USER, OTHER_TEAM, SCOPES, TEAM, WebAPI
from slack_people import People
from slack_socket import Sockets

__all__ = ["APP", "BOT", "BOT_USER", "OTHER_TEAM", "TEAM", "SlackEmulator"]


class SlackEmulator(WebAPI, Service):
    """One workspace with one installed app."""

    def __init__(self, port=None, ping_seconds=5.0):
        self.bot_token = "xoxb-1-" + secrets.token_hex(12)
        self.app_token = "xapp-1-A0001-" + secrets.token_hex(12)
        self.signing_secret = secrets.token_hex(16)
        self.scopes = set(SCOPES)
        self.users, self.channels, self.direct = {}, {}, {}
        self.says = {}  # teams that payloads name for a user instead of his own
        self.messages, self.ephemerals, self.replies = [], [], []
        self.views, self.homes, self.triggers = {}, {}, {}
        self.refused = []  # what came and broke a rule of Slack's
        self.limits = {}
        self.numbers = itertools.count(1)
        self.last_ts = 0
        self.sockets = Sockets(self, ping_seconds)
        self.people = People(self)
        self.interactivity_url = self.events_url = None
        super().__init__(port)
        self.add_user(BOT_USER, is_bot=True)
        self.add_channel("C0001")

    def routes(self, application):
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link/", self.sockets.accept)
        application.router.add_post("/actions/{team}/{number}/{secret}", self._response)

    def name_of(self, request):
        return request.path.removeprefix("/api/")

    @property
    def api_url(self):
        return f"{self.url}/api/"

    async def _cut_all(self):
        self.sockets.cut_all()

    # MARK: who and where

    def add_user(self, user, team=TEAM, email=None, **flags):
        """A user; flags such as `is_restricted`, `is_stranger` and `deleted` are Slack's."""
        found = {"id": user, "team_id": team, "name": user.lower(), "deleted": False,
                 "real_name": user.title(), "is_admin": False, "is_bot": False,
                 "is_restricted": False, "is_ultra_restricted": False, "is_app_user": False,
                 "is_email_confirmed": True, "tz": "Etc/UTC",
                 "profile": {"display_name": user.title(), "real_name": user.title(),
                             "email": email or f"{user.lower()}@example.org", "team": team}}
        if team != TEAM:
            found["is_stranger"] = True
        self.users[user] = {**found, **flags}
        return user

    def add_channel(self, channel, member=True, members=None, **flags):
        """A channel, with our app in it unless `member` is false."""
        self.channels[channel] = {"id": channel, "name": channel.lower(), "is_member": member,
                                  "is_archived": False, "is_shared": False,
                                  "is_ext_shared": False, "is_private": False,
                                  "members": members, **flags}
        return channel

    def direct_channel(self, user):
        """The id of the conversation between the app and a user."""
        with self.lock:
            return self.direct.setdefault(user, "D" + user[1:])

    def limit(self, method, seconds):
        """From the next request on 429, for so long."""
        with self.lock:
            self.limits[method] = (seconds, None)

    def api_error(self, method, code, times=1):
        """The next requests are answered with this error."""
        self.fail(method, Fault(200, {"Content-Type": "application/json"},
                                json.dumps({"ok": False, "error": code}).encode(), times))

    def _fault(self, name):
        with self.lock:
            seconds, end = self.limits.get(name, (0, 0))
            if end is None:
                end = time.time() + seconds
                self.limits[name] = (seconds, end)
            left = end - time.time()
        if left > 0:
            return Fault(429, {"Retry-After": str(math.ceil(left))},
                         b'{"ok":false,"error":"ratelimited"}')
        return super()._fault(name)

    async def _response(self, request):
        """`response_url`: at most five times within half an hour."""
        key = request.path.split("/")[-1]
        found = self.triggers.get("response:" + key)
        if found is None or found["used"] >= 5 or time.time() - found["at"] > 1800:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        found["used"] += 1
        with self.lock:
            self.replies.append({"at": time.time(), "user": found["user"],
                                 "sent": await request.json()})
        return web.Response(text="ok")

    # MARK: as Slack says it

    def rendered(self, message, version=-1):
        shown = message.versions[version]
        found = {"type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM,
                 "ts": message.ts, "text": shown["text"], "blocks": shown["blocks"]}
        if message.thread:
            found["thread_ts"] = message.thread
        return found

    def view_object(self, shown, values=None):
        view = shown.view
        return {"id": shown.id, "team_id": TEAM, "type": view["type"], "blocks": view["blocks"],
                "private_metadata": view.get("private_metadata", ""),
                "callback_id": view.get("callback_id", ""), "state": {"values": values or {}},
                "hash": shown.hash, "title": view.get("title"), "submit": view.get("submit"),
                "close": view.get("close"), "clear_on_close": view.get("clear_on_close", False),
                "notify_on_close": view.get("notify_on_close", False),
                "previous_view_id": None, "root_view_id": shown.id, "app_id": APP,
                "external_id": view.get("external_id", ""), "app_installed_team_id": TEAM,
                "bot_id": BOT}

    # MARK: looking

    def find(self, channel, ts):
        with self.lock:
            for message in self.messages:
                if (message.channel, message.ts) == (channel, ts):
                    return message
        return None

    def posted(self, channel=None, needle="", since=0.0, thread=None):
        """Messages in a channel with a text in them; those of a thread only where asked for."""
        with self.lock:
            return [m for m in self.messages if (channel is None or m.channel == channel)
                    and m.at >= since and m.thread == thread
                    and any(needle in json.dumps(v["blocks"], ensure_ascii=False) + v["text"]
                            for v in m.versions)]

    def wait_posted(self, channel, needle, seconds=10, **more):
        return until(lambda: self.posted(channel, needle, **more),
                     f"a message in {channel} with {needle!r}", seconds)[0]

    def whispers(self, user, since=0.0):
        """Ephemeral messages to a user."""
        with self.lock:
            return [e for e in self.ephemerals if e["user"] == user and e["at"] >= since]

    def modal(self, user, since=0.0, seconds=3):
        """The newest modal in front of a user, waited for."""
        def newest():
            with self.lock:
                found = [v for v in self.views.values()
                         if v.user == user and v.open and v.at >= since]
            return found[-1] if found else None
        return until(newest, f"a modal for {user}", seconds)

    def no_rule_broken(self, allowed=()):
        """Nothing that came was against Slack's rules, but for these errors."""
        with self.lock:
            found = [r for r in self.refused if r[2]["error"] not in allowed]
        if found:
            raise Failure(f"Slack would have refused: {found[:3]}")
