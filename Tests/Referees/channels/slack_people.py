# SPDX-License-Identifier: Apache-2.0
"""People in front of the Slack emulator: what they press becomes payloads as Slack sends them.

The shapes are those of Slack's recorded samples; slack_bolt_proof.py compares the two.
"""
import hashlib
import hmac
import json
import secrets
import time
import urllib.parse

from aiohttp import ClientSession, ClientTimeout
from slack_sdk.signature import SignatureVerifier

import slack_rules
from common import Failure, require
from slack_socket import Delivery

TOKEN = "deprecated-verification-token"


def signed(secret, at, body):
    """Slack's signature; the SDK makes it of texts only."""
    try:
        return SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    except UnicodeDecodeError:
        found = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256)
        return "v0=" + found.hexdigest()


class Posted:
    """What an HTTP request to the app came to; like Delivery for who looks at it."""

    def __init__(self, status, body, seconds, error=None):
        self.status, self.body, self.seconds, self.error = status, body, seconds, error
        self.acknowledged = status == 200 and (seconds or 9) <= 3
        self.payload = json.loads(body) if body.strip().startswith(b"{") else None


class People:
    """Plays persons; each function waits until the app has answered."""

    def __init__(self, slack):
        self.slack = slack

    # MARK: what persons do

    def click(self, message, action_id, user, version=-1, value=None, **how):
        """Presses a button of a message; an older version of it where somebody's screen is old.

        `how`: drop, twice, patience; see Sockets.deliver.
        """
        found = [(b, e) for b, e in slack_rules.buttons(message.versions[version]["blocks"])
                 if e.get("action_id") == action_id]
        if not found:
            raise Failure(f"no button {action_id} on the message: {message.actions(version)}")
        payload = self.block_actions(user, *found[0], value)
        direct = message.channel.startswith("D")
        payload["container"] = {"type": "message", "message_ts": message.ts,
                                "channel_id": message.channel, "is_ephemeral": False}
        payload["channel"] = {"id": message.channel,
                              "name": "directmessage" if direct else message.channel.lower()}
        payload["message"] = self.slack.rendered(message, version)
        payload["response_url"] = self._response_url(user)
        return self.interact(payload, **how)

    def click_home(self, user, action_id, **how):
        """Presses a button in the user's Home tab."""
        home = self.slack.homes.get(user)
        require(home is not None, f"{user} has no Home tab")
        found = [(b, e) for b, e in slack_rules.buttons(home.view["blocks"])
                 if e.get("action_id") == action_id]
        require(found, f"no button {action_id} in the Home tab of {user}")
        payload = self.block_actions(user, *found[0], None)
        payload["container"] = {"type": "view", "view_id": home.id}
        payload["view"] = self.slack.view_object(home)
        return self.interact(payload, **how)

    def submit(self, shown, values, user=None, force=False, **how):
        """Fills in a modal, {block id: text}, and submits it; checks what Slack's own form checks
        unless forced, and does what the answer says."""
        user = user or shown.user
        state = {}
        for block in shown.view["blocks"]:
            if block["type"] != "input":
                continue
            element, name = block["element"], block.get("block_id", "")
            text = values.get(name)
            if not force:
                self._form(block, element, text)
            state[name] = {element["action_id"]: {
                "type": element["type"], "value": text or None}}
        payload = {"type": "view_submission", **self._who(user), "api_app_id": "A0001",
                   "token": TOKEN, "trigger_id": self._trigger(user),
                   "view": self.slack.view_object(shown, state), "response_urls": [],
                   "is_enterprise_install": False, "enterprise": None}
        answer = self.interact(payload, **how)
        self._follow(shown, answer)
        return answer

    def open_home(self, user, tab="home", **how):
        """Opens the app's Home tab."""
        home = self.slack.homes.get(user)
        event = {"type": "app_home_opened", "user": user, "tab": tab,
                 "channel": self.slack.direct_channel(user), "event_ts": f"{time.time():.6f}"}
        if home is not None:
            event["view"] = self.slack.view_object(home)
        return self.event(event, **how)

    def _form(self, block, element, text):
        if not text:
            require(block.get("optional"), f"{block.get('block_id')}: please fill in this field")
            return
        require(element.get("min_length", 0) <= len(text) <= element.get("max_length", 3000),
                f"{block.get('block_id')}: wrong length")

    def _follow(self, shown, answer):
        if not answer.acknowledged:
            return
        found = answer.payload or {}
        kind = found.get("response_action")
        if kind is None or kind == "clear":
            shown.open = False
        elif kind == "errors":
            inputs = {b.get("block_id") for b in shown.view["blocks"] if b["type"] == "input"}
            require(found.get("errors") and set(found["errors"]) <= inputs,
                    f"errors for blocks that the modal does not have: {found}")
            require(all(isinstance(v, str) and v for v in found["errors"].values()),
                    f"errors without texts: {found}")
        elif kind in ("update", "push"):
            slack_rules.check_view(found.get("view"))
            shown.update(found["view"])
        else:
            raise Failure(f"unknown response_action: {found}")

    # MARK: payloads

    def _who(self, user):
        account = self.slack.users[user]
        said = self.slack.says.get(user, {})
        return {"team": {"id": said.get("team", "T0001"), "domain": "example"},
                "user": {"id": user, "username": account["name"], "name": account["name"],
                         "team_id": said.get("team_id", account["team_id"])}}

    def _trigger(self, user):
        found = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        with self.slack.lock:
            self.slack.triggers[found] = {"user": user, "at": time.time(), "used": False}
        return found

    def _response_url(self, user):
        key = secrets.token_urlsafe(16)
        with self.slack.lock:
            self.slack.triggers["response:" + key] = {"user": user, "at": time.time(), "used": 0}
        return f"{self.slack.url}/actions/T0001/1/{key}"

    def block_actions(self, user, block, element, value):
        action = {"action_id": element["action_id"], "block_id": block.get("block_id", "b1"),
                  "text": {"emoji": True, **element["text"]}, "type": "button",
                  "action_ts": f"{time.time():.6f}"}
        for name in ("value", "style", "url"):
            if name in element:
                action[name] = element[name]
        if value is not None:
            action["value"] = value
        return {"type": "block_actions", **self._who(user), "api_app_id": "A0001",
                "token": TOKEN, "trigger_id": self._trigger(user), "enterprise": None,
                "is_enterprise_install": False, "state": {"values": {}}, "actions": [action]}

    # MARK: on their way

    def interact(self, payload, **how):
        """Delivers an interaction, the way the app is set up."""
        slack = self.slack
        if slack.interactivity_url:
            body = urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()
            return self._twice(slack.interactivity_url, body,
                               "application/x-www-form-urlencoded", **how)
        delivery = Delivery("interactive", payload, payload["type"] == "view_submission")
        return slack.run(slack.sockets.deliver(delivery, **how))

    def event(self, event, **how):
        slack = self.slack
        payload = {"token": TOKEN, "team_id": "T0001", "api_app_id": "A0001", "event": event,
                   "type": "event_callback", "event_id": "Ev" + secrets.token_hex(5).upper(),
                   "event_time": int(time.time()), "is_ext_shared_channel": False,
                   "authorizations": [{"enterprise_id": None, "team_id": "T0001",
                                       "user_id": "U0BOT", "is_bot": True,
                                       "is_enterprise_install": False}]}
        if slack.events_url:
            return self._twice(slack.events_url, json.dumps(payload).encode(),
                               "application/json", **how)
        return slack.run(slack.sockets.deliver(Delivery("events_api", payload, False), **how))

    def _twice(self, url, body, content, twice=False, drop=None, patience=3.0):
        if twice:
            self.post(url, body, content, patience=patience)
        return self.post(url, body, content, patience=patience)

    def post(self, url, body, content="application/x-www-form-urlencoded", patience=3.0,
             **forged):
        """A signed request to the app; `forged` changes secret, at or headers of it."""
        at = str(forged.get("at", int(time.time())))
        secret = forged.get("secret", self.slack.signing_secret)
        signature = signed(secret, at, forged.get("signed", body))
        headers = {"Content-Type": content, "X-Slack-Signature": signature,
                   "X-Slack-Request-Timestamp": at, "User-Agent": "Slackbot 1.0"}
        for name, value in forged.get("headers", {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        return self.slack.run(self._post(url, body, headers, patience))

    async def _post(self, url, body, headers, patience):
        began = time.time()
        try:
            async with ClientSession(timeout=ClientTimeout(total=patience)) as session:
                async with session.post(url, data=body, headers=headers) as answer:
                    return Posted(answer.status, await answer.read(), time.time() - began)
        except Exception as error:  # what a person sees is that it did not work
            return Posted(0, b"", None, f"{type(error).__name__}: {error}")
