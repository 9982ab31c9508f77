# SPDX-License-Identifier: Apache-2.0
"""People in front of the Teams emulator: what they write and press becomes signed activities."""
import copy
import json
import time
import uuid

from aiohttp import ClientSession, ClientTimeout

import teams_cards
from common import Failure, require

MESSAGE = "application/vnd.microsoft.activity.message"
ERROR = "application/vnd.microsoft.error"


class Answered:
    """What the bot said to an activity."""

    def __init__(self, status, body, seconds, error=None):
        self.status, self.seconds, self.error = status, seconds, error
        try:
            self.body = json.loads(body) if body else {}
        except ValueError:
            self.body = {"not JSON": body[:300].decode(errors="replace")}

    @property
    def kind(self):
        return self.body.get("type")

    @property
    def text(self):
        return self.body.get("value") if self.kind == MESSAGE else None

    @property
    def card(self):
        return self.body.get("value") if self.kind == teams_cards.CARD else None


class TeamsPeople:
    """Plays persons; each function waits for the bot's answer."""

    def __init__(self, teams):
        self.teams = teams

    def activity(self, kind, person, conversation=None, **more):
        """An activity as Teams sends it."""
        teams = self.teams
        user = teams.users[person]
        conversation = conversation or teams.personal(person)
        known = teams.conversations.get(conversation.split(";")[0], {})
        place = {"conversationType": known.get("kind", "personal"), "tenantId": user["tenant"],
                 "id": conversation}
        data = {"tenant": {"id": user["tenant"]}}
        if known.get("kind") == "channel":
            place["isGroup"] = True
            data |= {"channel": {"id": conversation.split(";")[0]},
                     "team": {"id": conversation.split(";")[0]}}
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
        return {"type": kind, "id": f"f:{uuid.uuid4()}", "timestamp": at, "localTimestamp": at,
                "channelId": "msteams", "serviceUrl": teams.service_url,
                "from": {"id": user["id"], "name": user["name"],
                         "aadObjectId": user["aadObjectId"]},
                "conversation": place,
                "recipient": {"id": f"28:{self._app()}", "name": "Exequatur"},
                "entities": [{"locale": "en-US", "country": "US", "platform": "Web",
                              "timezone": "Etc/UTC", "type": "clientInfo"}],
                "channelData": data, "locale": "en-US", **more}

    def _app(self):
        from teams_emulator import APP_ID
        return APP_ID

    # MARK: what persons do

    def write(self, name, text, conversation=None):
        """Writes a message to the bot."""
        return self.send(self.activity("message", name, conversation, text=text,
                                       textFormat="plain"))

    def install(self, name):
        """Installs the app for oneself."""
        bot = f"28:{self._app()}"
        return self.send(self.activity(
            "conversationUpdate", name, membersAdded=[{"id": bot}]))

    def execute(self, message, verb, name, values=None, version=-1, trigger="manual", **change):
        """Presses a button of a card with these inputs; `change` replaces parts of its data."""
        return self.send(self.pressed(message, verb, name, values, version, trigger, **change))

    def pressed(self, message, verb, name, values=None, version=-1, trigger="manual", **change):
        """The activity of a press; checks what Teams' own form checks."""
        content = teams_cards.card(message.versions[version][1])
        found = [a for a in teams_cards.executes(content) if a.get("verb") == verb]
        if not found:
            raise Failure(f"no button {verb} on the card: {message.verbs(version)}")
        action = found[0]
        data = {**copy.deepcopy(action.get("data") or {}), **change}
        if action.get("associatedInputs") != "none":
            for part in self._near(content, action):
                text = (values or {}).get(part["id"], part.get("value", ""))
                if not text and not part.get("isRequired"):
                    text = ""
                require(text or not part.get("isRequired"), f"{part['id']}: please fill in")
                require(len(text) <= part.get("maxLength", 10**6), f"{part['id']}: too long")
                data[part["id"]] = text
        value = {"action": {"type": "Action.Execute", "verb": verb, "data": data},
                 "trigger": trigger}
        if action.get("id"):
            value["action"]["id"] = action["id"]
        return self.activity("invoke", name, message.conversation, name="adaptiveCard/action",
                             value=value, replyToId=message.id)

    def _near(self, content, action):
        """The inputs that go with a button: those of its own ShowCard and of the cards around."""
        def around(card):
            own = [part for part in teams_cards.walk(
                {k: v for k, v in card.items() if k != "actions"})
                if str(part.get("type")).startswith("Input.")
                and not any(part in teams_cards.inputs(c) for c in shown(card))]
            if any(a is action for a in direct(card)):
                return own
            for inner in shown(card):
                found = around(inner)
                if found is not None:
                    return own + found
            return None

        def direct(card):
            inside = [id(p) for c in shown(card) for p in teams_cards.walk(c)]
            return [p for p in teams_cards.walk(card) if p.get("type") == "Action.Execute"
                    and id(p) not in inside]

        def shown(card):
            return [p["card"] for p in teams_cards.walk(
                {k: v for k, v in card.items()}) if p.get("type") == "Action.ShowCard"]
        return around(content) or []

    # MARK: on their way

    def send(self, activity, token=True, url=None):
        """Posts an activity; `token` is a whole Authorization header, None for none at all."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if token is True:
            token = "Bearer " + self.teams.sign()
        if token is not None:
            headers["Authorization"] = token
        data = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        return self.teams.run(self._send(url or self.teams.messages_url, data, headers))

    async def _send(self, url, data, headers):
        began = time.time()
        try:
            async with ClientSession(timeout=ClientTimeout(total=15)) as session:
                async with session.post(url, data=data, headers=headers) as answer:
                    return Answered(answer.status, await answer.read(), time.time() - began)
        except Exception as error:
            return Answered(0, b"", None, f"{type(error).__name__}: {error}")
