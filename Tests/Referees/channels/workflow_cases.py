# SPDX-License-Identifier: Apache-2.0
"""Our server's cards for a Workflows webhook of Teams, by the published schema."""
import json
import secrets
import time

from aiohttp import web

import teams_cards
from common import equal, never, require, until
from service import Fault, Service
from world import World


class Workflow(Service):
    """Takes cards as a flow does; the address carries the right to post."""

    def __init__(self):
        self.path = "/workflows/" + secrets.token_hex(8)
        self.signature = secrets.token_urlsafe(16)
        super().__init__()

    def routes(self, application):
        application.router.add_post(self.path, self._take)

    async def _take(self, request):
        return web.Response(status=202 if request.query.get("sig") == self.signature else 401)

    @property
    def address(self):
        return f"{self.url}{self.path}?api-version=1&sig={self.signature}"

    def found(self, needle):
        return [json.loads(r.body) for r in self.asked(self.path)
                if r.status == 202 and needle.encode() in r.body]


class Scene:
    def __init__(self, folder, processes=None):
        self.flow = Workflow()
        try:
            self.world = World(folder, processes, lambda world: [
                {"id": "flow", "kind": "teams-workflow", "checkpoints": True,
                 "urlFile": world.secret("url", self.flow.address), "groups": ["reviewers"]}])
        except BaseException:
            self.flow.stop()
            raise
        self.world.own(self.flow)

    def close(self):
        self.world.close()

    def calm(self):
        self.flow.come_up()
        self.flow.clear_faults()

    def card(self, action, count=1, seconds=10):
        found = until(lambda: len(self.flow.found(action["id"])) >= count
                      and self.flow.found(action["id"]), f"{count} cards", seconds)
        return found[count - 1]


make = Scene


def case_card_is_valid_and_links_to_the_page(scene):
    action = scene.world.submit(why="Board meeting on Friday.")
    message = scene.card(action)
    teams_cards.check(message)
    content = teams_cards.card(message)
    equal(teams_cards.executes(content) + teams_cards.inputs(content), [], "buttons and inputs")
    require([u for u in teams_cards.links(content) if action["id"] in u], "no link to the page")
    text = json.dumps(message)
    for needle in (action["table"], "Board meeting on Friday.", "Rows leave the database."):
        require(needle in text, f"the card does not show {needle!r}")


def case_end_is_told_by_a_second_card(scene):
    action = scene.world.submit()
    scene.card(action)
    scene.world.decide(action, "bob", "deny", "Not on a Friday.")
    text = json.dumps(scene.card(action, 2))
    require("Bob" in text and "Not on a Friday." in text, "who denied, and why")
    never(lambda: len(scene.flow.found(action["id"])) > 2, "a third card", 0.5)


def case_only_its_groups(scene):
    action = scene.world.submit("audit")
    never(lambda: scene.flow.found(action["id"]), "a card for auditors")


def case_long_and_evil_input_is_still_a_valid_card(scene):
    evil = "[bank](https://evil.example) **x** " + "y" * 60_000
    action = scene.world.submit(input={"note": evil}, why=evil[:3000])
    message = scene.card(action)
    teams_cards.check(message)
    require(len(json.dumps(message).encode()) <= 28 * 1024, "too large")
    for part in teams_cards.walk(message):
        if part.get("type") == "TextBlock":
            require("](" not in part.get("text", ""), f"a link: {part['text'][:200]}")


def case_busy_and_broken_are_tried_again(scene):
    since = time.time()
    scene.flow.fail(scene.flow.path, Fault(429, {"Retry-After": "1"}), Fault(502))
    action = scene.world.submit()
    scene.card(action, seconds=20)
    require(len(scene.flow.asked(scene.flow.path, since)) >= 3, "not tried again")


def case_zz_address_never_shows(scene):
    with open(scene.world.log, encoding="utf-8", errors="replace") as file:
        said = file.read() + scene.world.api("GET", "/v1/channels").raw.decode()
    require(scene.flow.signature not in said, "the right to post is shown")
