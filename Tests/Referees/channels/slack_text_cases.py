# SPDX-License-Identifier: Apache-2.0
"""What our server shows in Slack, of texts that agents and people wrote. Each takes a Scene."""
import json

from common import equal, require, texts, until
from slack_scene import APPROVE, DENY, LINKED, Scene

make = Scene

EVIL = ("<!channel> <!here> <@U0BOB> <https://evil.example|https://bank.example> @here #general "
        "*bold* `code` ```fence``` &lt;!channel&gt; https://evil.example/x")


def unsafe(message, needle):
    """Texts of a card in which Slack would read markup that the agent wrote."""
    found = []

    def look(value):
        if isinstance(value, dict):
            text = value.get("text")
            if value.get("type") == "markdown" and needle in str(text):
                found.append(("markdown block", text))
            if value.get("type") == "mrkdwn" and needle in text:
                if "<!" in text or "<@" in text or "<http" in text or not value.get("verbatim"):
                    found.append(("mrkdwn", text))
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)
    for version in message.versions:
        look(version["blocks"])
        for mark in ("<!channel", "<!here", "<@U", "<https://evil"):
            if mark in version["text"]:
                found.append(("text", version["text"]))
    return found


def case_agent_text_is_never_markup(scene):
    table = scene.world.unique("evil")
    action, message = scene.submit(table=table, input={"note": f"{table} {EVIL}"},
                                   why=f"{table} {EVIL}")
    equal(unsafe(message, table), [], "markup from the agent")
    scene.decide(action, DENY, LINKED["bob"], f"{table} {EVIL}")
    until(lambda: "Bob Example" in message.body(), "the card says who denied", 10)
    for found in scene.slack.posted(needle=table) + scene.slack.posted(
            needle=table, thread=message.ts):
        equal(unsafe(found, table), [], "markup from a reason")


def case_deceptive_characters_are_visible(scene):
    action, message = scene.submit(input={"note": "a\u202eb\u200bc\x07d\u2066e"})
    shown = "".join(texts(message.blocks)) + message.text
    for character in ("\u202e", "\u200b", "\x07", "\u2066"):
        require(character not in shown, f"U+{ord(character):04X} is on the card")


def case_long_input_has_no_buttons_but_a_link(scene):
    action, message = scene.submit(input={"note": "".join(f"{i:05} " for i in range(4000))})
    require(APPROVE not in message.actions(), "approve, though not everything is shown")
    require(action["id"] in message.body(), "no link to the action's page")


def case_home_tab_shows_the_queue(scene):
    action, _ = scene.submit()
    scene.slack.people.open_home(LINKED["bob"])
    until(lambda: action["table"] in json.dumps(scene.slack.homes[LINKED["bob"]].view)
          or action["id"] in json.dumps(scene.slack.homes[LINKED["bob"]].view),
          "bob's Home tab shows the action", 5)


def case_home_tab_says_how_to_link(scene):
    scene.slack.people.open_home("U0NOBODY")
    until(lambda: "U0NOBODY" in scene.slack.homes, "a Home tab", 5)
    require("exequatur.link" in json.dumps(scene.slack.homes["U0NOBODY"].view), "no button to link")
    require(scene.world.url in json.dumps(scene.slack.homes["U0NOBODY"].view), "no way to a code")
