# SPDX-License-Identifier: Apache-2.0
"""The methods of Slack's Web API that the emulator knows, with Slack's rules and errors."""
import json
import secrets
import time

import slack_rules
from service import answer_json, parameters

TEAM, OTHER_TEAM = "T0001", "T0999"
APP, BOT, BOT_USER = "A0001", "B0001", "U0BOT"
SCOPES = {"chat:write", "im:write", "users:read", "channels:read", "groups:read"}
NEEDED = {"chat.postMessage": "chat:write", "chat.update": "chat:write",
          "chat.delete": "chat:write", "chat.postEphemeral": "chat:write",
          "conversations.open": "im:write", "conversations.info": "channels:read",
          "users.info": "users:read", "users.lookupByEmail": "users:read.email"}
# These read their arguments from a form or the address only; a JSON body is as good as none.
FORM_ONLY = {"users.info", "conversations.info", "users.lookupByEmail"}


class SlackError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code, **more):
        super().__init__(code)
        self.answer = {"ok": False, "error": code, **more}


class Message:
    """One message, with every version of it."""

    def __init__(self, channel, ts, sent, thread=None):
        self.channel, self.ts, self.thread = channel, ts, thread
        self.versions = []
        self.deleted = False
        self.add(sent)

    def add(self, sent):
        self.versions.append({"at": time.time(), "text": sent.get("text", ""),
                              "blocks": sent.get("blocks") or [], "sent": sent})

    @property
    def at(self):
        return self.versions[0]["at"]

    @property
    def text(self):
        return self.versions[-1]["text"]

    @property
    def blocks(self):
        return self.versions[-1]["blocks"]

    def buttons(self, version=-1):
        return [part for _, part in slack_rules.buttons(self.versions[version]["blocks"])]

    def actions(self, version=-1):
        """The ids of its buttons."""
        return [part.get("action_id") for part in self.buttons(version)]

    def body(self):
        """What somebody reads, as one text."""
        return json.dumps(self.blocks, ensure_ascii=False) + "\n" + self.text


class Shown:
    """A modal in front of a user, or his Home tab."""

    def __init__(self, number, user, view):
        self.id, self.user = f"V{number:010}", user
        self.open, self.at = True, time.time()
        self.versions = []
        self.update(view)

    def update(self, view):
        self.view = view
        self.hash = f"{int(time.time())}.{secrets.token_hex(4)}"
        self.versions.append((time.time(), view))


class WebAPI:
    """The methods; mixed into the emulator, whose state they change."""

    async def _api(self, request):
        method = request.match_info["method"]
        body = await request.read()
        content = request.headers.get("Content-Type", "application/x-www-form-urlencoded")
        given = parameters(content, body)
        try:
            if given is None:
                raise SlackError("invalid_json" if "json" in content else "invalid_form_data")
            if content.startswith("application/json") and method in FORM_ONLY:
                given = {}
            given = {**request.query, **given}
            self._authorize(request, method, given)
            handler = getattr(self, "api_" + method.replace(".", "_"), None)
            if handler is None:
                raise SlackError("unknown_method", req_method=method)
            with self.lock:
                return answer_json({"ok": True, **handler(given)})
        except slack_rules.Invalid as error:
            code = "view_too_large" if str(error) == "view_too_large" else (
                "invalid_arguments" if method.startswith("views.") else "invalid_blocks")
            return self._refuse(method, SlackError(code, response_metadata={
                "messages": [f"[ERROR] {error}"]}))
        except SlackError as error:
            return self._refuse(method, error)

    def _refuse(self, method, error):
        with self.lock:
            self.refused.append((time.time(), method, error.answer))
        return answer_json(error.answer)

    def _authorize(self, request, method, given):
        bearer = request.headers.get("Authorization", "")
        token = bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else (
            given.pop("token", ""))
        given.pop("token", None)
        if not token:
            raise SlackError("not_authed")
        if token not in (self.bot_token, self.app_token):
            raise SlackError("invalid_auth")
        wanted = self.app_token if method == "apps.connections.open" else self.bot_token
        if token != wanted:
            raise SlackError("not_allowed_token_type")
        scope = NEEDED.get(method)
        if scope and scope not in self.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(self.scopes))

    def next_ts(self):
        """A time stamp that no other message has."""
        self.last_ts = max(self.last_ts + 1, int(time.time() * 1_000_000))
        return f"{self.last_ts // 1_000_000}.{self.last_ts % 1_000_000:06}"

    def _structure(self, given, name):
        """An array or object, which a form carries as a text."""
        value = given.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise slack_rules.Invalid(f"{name} must be JSON") from None
        return value

    def _target(self, channel):
        if channel in self.users and channel != BOT_USER:
            return self.direct_channel(channel)
        if channel in self.direct.values():
            return channel
        found = self.channels.get(channel)
        if found is None:
            raise SlackError("channel_not_found")
        if found["is_archived"]:
            raise SlackError("is_archived")
        if not found["is_member"]:
            raise SlackError("not_in_channel")
        return channel

    def _content(self, given):
        sent = dict(given)
        sent["blocks"] = self._structure(given, "blocks")
        if sent["blocks"] is not None:
            slack_rules.check_blocks(sent["blocks"])
        if not sent.get("text") and not sent["blocks"]:
            raise SlackError("no_text")
        if len(sent.get("text") or "") > slack_rules.MESSAGE_TEXT:
            raise SlackError("msg_too_long")
        return sent

    def api_auth_test(self, given):
        return {"url": f"{self.url}/", "team": "Example", "user": "exequatur", "team_id": TEAM,
                "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": False}

    def api_apps_connections_open(self, given):
        return {"url": self.sockets.ticket()}

    def api_chat_postMessage(self, given):
        channel = self._target(given.get("channel"))
        sent, thread = self._content(given), given.get("thread_ts")
        if thread and not self.find(channel, thread):
            raise SlackError("thread_not_found")
        message = Message(channel, self.next_ts(), sent, thread)
        self.messages.append(message)
        return {"channel": channel, "ts": message.ts, "message": self.rendered(message)}

    def api_chat_update(self, given):
        channel = self._target(given.get("channel"))
        message = self.find(channel, given.get("ts"))
        if message is None or message.deleted:
            raise SlackError("message_not_found")
        message.add(self._content(given))
        return {"channel": channel, "ts": message.ts, "text": message.text,
                "message": self.rendered(message)}

    def api_chat_delete(self, given):
        channel = self._target(given.get("channel"))
        message = self.find(channel, given.get("ts"))
        if message is None:
            raise SlackError("message_not_found")
        message.deleted = True
        return {"channel": channel, "ts": message.ts}

    def api_chat_postEphemeral(self, given):
        channel, user = self._target(given.get("channel")), given.get("user")
        if user not in self.users:
            raise SlackError("user_not_found")
        members = self.channels.get(channel, {}).get("members")
        direct = channel in self.direct.values() and self.direct.get(user) != channel
        if direct or (members is not None and user not in members):
            raise SlackError("user_not_in_channel")
        sent = self._content(given)
        self.ephemerals.append({"at": time.time(), "channel": channel, "user": user,
                                "text": sent.get("text", ""), "blocks": sent["blocks"] or []})
        return {"message_ts": self.next_ts()}

    def api_conversations_open(self, given):
        users = [u for u in str(given.get("users") or "").split(",") if u]
        if len(users) != 1:
            raise SlackError("not_enough_users" if not users else "method_not_supported")
        found = self.users.get(users[0])
        if found is None:
            raise SlackError("user_not_found")
        if found["deleted"]:
            raise SlackError("user_disabled")
        if found["is_bot"]:
            raise SlackError("cannot_dm_bot")
        known = users[0] in self.direct
        return {"no_op": known, "already_open": known,
                "channel": {"id": self.direct_channel(users[0])}}

    def api_conversations_info(self, given):
        found = self.channels.get(given.get("channel"))
        if found is None:
            raise SlackError("channel_not_found")
        return {"channel": {k: v for k, v in found.items() if k != "members"}}

    def api_users_info(self, given):
        found = self.users.get(given.get("user"))
        if found is None:
            raise SlackError("user_not_found")
        return {"user": found}

    def _trigger(self, given):
        found = self.triggers.get(given.get("trigger_id"))
        if found is None:
            raise SlackError("invalid_trigger_id")
        if found["used"]:
            raise SlackError("exchanged_trigger_id")
        if time.time() - found["at"] > 3:
            raise SlackError("expired_trigger_id")
        found["used"] = True
        return found["user"]

    def api_views_open(self, given):
        view = self._structure(given, "view")
        slack_rules.check_view(view)
        shown = Shown(next(self.numbers), self._trigger(given), view)
        self.views[shown.id] = shown
        return {"view": self.view_object(shown)}

    def api_views_update(self, given):
        shown = self.views.get(given.get("view_id"))
        if shown is None:
            raise SlackError("not_found")
        if given.get("hash") and given["hash"] != shown.hash:
            raise SlackError("hash_conflict")
        view = self._structure(given, "view")
        slack_rules.check_view(view)
        shown.update(view)
        return {"view": self.view_object(shown)}

    def api_views_publish(self, given):
        user, view = given.get("user_id"), self._structure(given, "view")
        if user not in self.users:
            raise SlackError("user_not_found")
        slack_rules.check_view(view, ("home",))
        if user in self.homes:
            self.homes[user].update(view)
        else:
            self.homes[user] = Shown(next(self.numbers), user, view)
        return {"view": self.view_object(self.homes[user])}
