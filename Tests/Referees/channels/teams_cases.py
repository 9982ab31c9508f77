# SPDX-License-Identifier: Apache-2.0
"""Our server's Teams channel, one property at a time. Each function takes a Scene."""
import json
import time

import teams_cards
from common import Failure, brief, equal, never, require, until
from teams_emulator import APP_ID, OTHER_TENANT, TENANT, TeamsEmulator
from teams_tokens import ROWS
from world import World

CHANNEL, CHECK = "19:reviews@thread.tacv2", "19:checkpoints@thread.tacv2"
APPROVE, DENY = "exequatur.approve", "exequatur.deny"
LINKED = ("alice", "bob", "carol", "dave")


class Scene:
    """Alice owns the agent; bob and carol review with her, who may not; dave is in no group."""

    def __init__(self, folder, processes=None, link=LINKED):
        self.teams = TeamsEmulator()
        for name in (*LINKED, "nobody"):
            self.teams.add_user(name)
        self.teams.add_user("foreign", tenant=OTHER_TENANT)
        self.teams.add_channel(CHANNEL)
        self.teams.add_channel(CHECK)

        def channels(world):
            self.teams.messages_url = f"{world.url}/channels/teams/messages"
            return [{"id": "teams", "kind": "teams", "appID": APP_ID, "tenant": TENANT,
                     "clientSecretFile": world.secret("client", self.teams.client_secret),
                     "loginURL": self.teams.url, "openIDMetadata": self.teams.metadata_url,
                     "serviceURLs": [self.teams.service_url], "directMessages": True,
                     "posts": [{"conversation": CHANNEL, "groups": ["reviewers"]}],
                     "checkpoints": CHECK}]
        try:
            self.world = World(folder, processes, channels)
            self.world.own(self.teams)
            for person in link:
                self.world.link_teams(self.teams, person, person)
        except BaseException:
            self.teams.stop()
            raise

    def close(self):
        self.world.close()

    def calm(self):
        """Teams works again, whatever a test left behind."""
        self.teams.come_up()
        self.teams.clear_faults()

    def card(self, action, place=CHANNEL, seconds=10):
        return self.teams.wait_card(place, action["table"], seconds)

    def submit(self, kind="export", **more):
        action = self.world.submit(kind, **more)
        return action, self.card(action)

    def press(self, action, verb, name, reason="", place=CHANNEL, **more):
        answer = self.teams.people.execute(self.card(action, place), verb, name,
                                           {"reason": reason}, **more)
        require(answer.status == 200, f"status {answer.status}: {brief(answer.body)}")
        equal(answer.body.get("statusCode"), 200, f"statusCode in {brief(answer.body)}")
        require(answer.kind in (teams_cards.CARD, "application/vnd.microsoft.activity.message"),
                f"type {answer.kind}")
        require(answer.seconds < 5, f"{answer.seconds} s")
        if answer.card is not None:
            teams_cards.check_card(answer.card)
        return answer

    def refused(self, action, verb, name, **more):
        before = self.world.show(action)
        answer = self.press(action, verb, name, "Because.", **more)
        require(answer.text, f"no text for {name}: {brief(answer.body)}")
        after = self.world.show(action)
        require((after["state"], after["decisions"]) == (before["state"], before["decisions"]),
                f"{name} decided: {brief(after['decisions'])}")

    def buttonless(self, action, seconds=10):
        def left():
            return [a for a in self.teams.posted(needle=action["table"])
                    if {APPROVE, DENY} & set(a.verbs())]
        until(lambda: not left(), "every card loses its buttons by PUT", seconds)


make = Scene
SLOW = {"throttled_and_failing_posts_are_tried_again", "retry_after_is_honoured",
        "down_for_a_while_loses_nothing", "message_that_is_gone_does_not_loop",
        "cancelled_and_expired_lose_their_buttons"}


def personal(name):
    return f"a:1{name}"


# MARK: cards

def case_card_goes_to_channel_and_to_each_eligible_reviewer(scene):
    action = scene.world.submit()
    for place in (CHANNEL, personal("bob"), personal("carol")):
        equal(set(scene.card(action, place).verbs()), {APPROVE, DENY}, f"verbs in {place}")
    for name in ("alice", "dave"):
        never(lambda n=name: scene.teams.posted(personal(n), action["table"]),
              f"a card for {name}", 0.3)


def case_card_shows_what_the_reviewer_must_see(scene):
    action, message = scene.submit(why="Board meeting on Friday.")
    for needle in (action["table"], "db.export", "bot", "Board meeting on Friday.",
                   "Rows leave the database.", scene.world.show(action)["digest"][:16]):
        require(needle in message.body(), f"the card does not show {needle!r}")
    require(message.sent.get("summary") or message.card.get("fallbackText"), "no toast text")


def case_high_severity_has_a_link_instead_of_buttons(scene):
    action, message = scene.submit("drop")
    require(not {APPROVE, DENY} & set(message.verbs()), f"buttons: {message.verbs()}")
    require([u for u in teams_cards.links(message.card) if action["id"] in u], "no link")


def case_long_input_has_no_buttons_but_a_link(scene):
    action, message = scene.submit(input={"note": "".join(f"{i:05} " for i in range(8000))})
    require(APPROVE not in message.verbs(), "approve, though not everything is shown")
    require([u for u in teams_cards.links(message.card) if action["id"] in u], "no link")


def case_agent_text_is_never_markup(scene):
    table = scene.world.unique("evil")
    evil = f"{table} [bank](https://evil.example) ![x](https://evil.example/i.png) <at>all</at>"
    action, message = scene.submit(table=table, input={"note": evil}, why=evil)
    for part in teams_cards.walk(message.card):
        if part.get("type") == "TextBlock" and table in part.get("text", ""):
            require("](" not in part["text"], f"a link of the agent's: {part['text'][:200]}")
        if part.get("type") == "Fact" or "facts" in part:
            for fact in part.get("facts", []):
                require("](" not in fact.get("value", ""), f"a link: {fact}")
    require("entities" not in message.sent or not message.sent["entities"], "mentions")


# MARK: deciding

def case_approve_clears_answers_and_updates_every_card(scene):
    action, since = scene.world.submit(), time.time()
    base, own = scene.card(action), scene.card(action, personal("bob"))
    answer = scene.press(action, APPROVE, "bob", "Fine.")
    found = scene.world.show(action)
    equal(found["state"], "cleared", "state right after the answer")
    equal([(d["person"], d["decision"], d["channel"]) for d in found["decisions"]],
          [("bob", "approve", "teams")], "decisions")
    require(answer.card is not None and not teams_cards.executes(answer.card),
            "the presser's card still has buttons")
    scene.buttonless(action)
    require(len(base.versions) > 1 and len(own.versions) > 1, "not updated in place")
    until(lambda: scene.teams.posted(personal("alice"), action["table"], since)
          or scene.teams.posted(personal("alice"), action["id"], since), "alice is told", 10)


def case_denial_needs_a_reason(scene):
    action, _ = scene.submit()
    answer = scene.press(action, DENY, "bob", "")
    require(answer.text, f"no text: {brief(answer.body)}")
    scene.world.undecided(action)
    scene.press(action, DENY, "bob", "Not on a Friday.")
    equal(scene.world.state(action), "denied", "state")
    message = scene.card(action)
    until(lambda: "Not on a Friday." in message.body() and "Bob" in message.body(),
          "the card says who denied, and why", 10)


def case_personal_card_decides_too(scene):
    action = scene.world.submit()
    scene.press(action, APPROVE, "carol", place=personal("carol"))
    equal(scene.world.decisions(action), [("carol", "approve")], "decisions")


def case_quorum_needs_two_people(scene):
    action, message = scene.submit("move")
    scene.press(action, APPROVE, "bob")
    equal(scene.world.state(action), "pending", "after bob")
    until(lambda: "Bob" in message.body(), "the card says that bob has", 10)
    scene.refused(action, APPROVE, "bob")
    scene.press(action, APPROVE, "carol")
    equal(scene.world.state(action), "cleared", "after carol")


def case_refresh_is_no_decision(scene):
    action, message = scene.submit()
    people = scene.teams.people
    for change in ({"trigger": "automatic"}, {"verb": "exequatur.refresh"},
                   {"verb": "exequatur.refresh", "trigger": "automatic"}):
        activity = people.pressed(message, APPROVE, "bob", {"reason": "x"},
                                  trigger=change.get("trigger", "manual"))
        activity["value"]["action"]["verb"] = change.get("verb", APPROVE)
        answer = people.send(activity)
        equal(answer.status, 200, f"status for {change}: {brief(answer.body)}")
    scene.world.undecided(action)


def case_unlinked_nonmember_and_requester_do_not_count(scene):
    action, _ = scene.submit()
    for name in ("nobody", "dave", "alice"):
        scene.refused(action, APPROVE, name)
        scene.refused(action, DENY, name)


def case_stale_or_foreign_rendering_is_refused(scene):
    action, _ = scene.submit()
    other, _ = scene.submit()
    scene.refused(action, APPROVE, "bob", rendering="0" * 64)
    scene.refused(action, APPROVE, "bob",
                  rendering=scene.world.show(other)["rendering"]["digest"])


def case_forged_press_at_high_severity_does_not_count(scene):
    other, message = scene.submit()
    action, _ = scene.submit("drop")
    found = scene.teams.people.execute(
        message, APPROVE, "bob", action=action["id"],
        rendering=scene.world.show(action)["rendering"]["digest"])
    require(found.text, f"no text: {brief(found.body)}")
    scene.world.undecided(action)
    scene.world.undecided(other)


def case_malformed_presses_break_nothing(scene):
    action, message = scene.submit()
    people = scene.teams.people
    for value in (None, {}, [], "x", {"action": None}, {"action": {"verb": APPROVE}},
                  {"action": {"verb": APPROVE, "data": []}},
                  {"action": {"verb": APPROVE, "data": {"action": 1, "rendering": 2}}},
                  {"action": {"verb": APPROVE, "data": {"action": action["id"]}}}):
        activity = people.pressed(message, APPROVE, "bob", {"reason": "x"})
        activity["value"] = value
        answer = people.send(activity)
        require(answer.status in (200, 400), f"{answer.status} for {value}")
    scene.world.undecided(action)


def case_press_after_the_end_is_told_so(scene):
    action, message = scene.submit()
    scene.world.decide(action, "carol")
    scene.buttonless(action)
    answer = scene.teams.people.execute(message, APPROVE, "bob", {"reason": ""}, version=0)
    require(answer.status == 200 and (answer.text or answer.card), f"{brief(answer.body)}")
    equal(scene.world.decisions(action), [("carol", "approve")], "decisions")


def case_same_activity_twice_is_one_decision(scene):
    action, message = scene.submit("move")
    activity = scene.teams.people.pressed(message, APPROVE, "bob", {"reason": ""})
    for _ in range(2):
        equal(scene.teams.people.send(activity).status, 200, "status")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")


def case_cancelled_and_expired_lose_their_buttons(scene):
    first, _ = scene.submit()
    second, _ = scene.submit("brief")
    scene.world.cancel(first)
    scene.buttonless(first)
    scene.world.became(second, "expired", 15)
    scene.buttonless(second)


# MARK: who may speak

def forged(row):
    def case(scene):
        action, message = scene.submit()
        activity = scene.teams.people.pressed(message, APPROVE, "bob", {"reason": "x"})
        header = row.make(scene.teams, activity)
        answer = scene.teams.people.send(activity, token=header)
        if row.ours:
            equal(answer.status, 200, f"status ({brief(answer.body)})")
            equal(scene.world.decisions(action), [("bob", "approve")], "decisions")
        elif row.ours is None:
            require(answer.status in (200, 401, 403), f"status {answer.status}")
        else:
            require(answer.status in (401, 403), f"status {answer.status} ({row.why})")
            scene.world.undecided(action)
    return case


for _row in ROWS:
    globals()[f"case_token {_row.name}"] = forged(_row)


def case_token_is_checked_before_the_body(scene):
    for body in (b"", b"{", b"[]", b"null", b"\xff", b'{"type":"message"}'):
        for token in (None, "Bearer " + scene.teams.sign(key=scene.teams.stranger)):
            found = scene.teams.people.send(body, token=token)
            require(found.status in (401, 403), f"{found.status} for {body!r}")
        found = scene.teams.people.send(body)
        require(found.status in (200, 202, 400, 401, 403), f"{found.status} for signed {body!r}")
    equal(scene.world.send("GET", "/healthz").status, 200, "afterwards")


def case_unknown_kids_do_not_make_us_ask_for_keys_each_time(scene):
    since = time.time()
    activity = scene.teams.people.activity("message", "nobody", text="hello")
    for number in range(20):
        header = "Bearer " + scene.teams.sign(key=scene.teams.stranger,
                                              headers={"kid": f"unknown-{number}"})
        require(scene.teams.people.send(activity, token=header).status in (401, 403), "taken")
    found = len(scene.teams.asked("keys", since))
    require(found <= 3, f"{found} requests for keys")


def case_conversation_is_learned_from_well_signed_activities_only(scene):
    """Nobody can make the bot send to him by an activity that is not signed."""
    scene.teams.add_user("mallory")
    activity = scene.teams.people.activity("conversationUpdate", "mallory")
    activity["serviceUrl"] = scene.teams.url + "/evil/"
    require(scene.teams.people.send(activity, token=None).status in (401, 403), "taken")
    scene.submit()
    bad = [r for r in scene.teams.requests if "/evil/" in r.target]
    equal(bad, [], "requests to another service address")


def case_install_and_chatter_are_acknowledged(scene):
    require(scene.teams.people.install("nobody").status in (200, 201, 202), "install")
    require(scene.teams.people.write("nobody", "hello?").status in (200, 201, 202), "message")


def case_wrong_code_links_nothing(scene):
    since = time.time()
    found = scene.teams.people.write("nobody", "link AAAA-BBBB-CCCC")
    require(found.status in (200, 201, 202), f"status {found.status}")
    until(lambda: scene.teams.posted(personal("nobody"), since=since), "an answer", 5)
    require("nobody" not in json.dumps(scene.world.accounts("bob")), "linked")


# MARK: when Teams fails

def case_throttled_and_failing_posts_are_tried_again(scene):
    for status in (429, 412, 502, 504):
        scene.teams.throttle("send", status, seconds=1)
    action = scene.world.submit()
    scene.card(action, seconds=40)
    scene.card(action, personal("bob"), seconds=40)


def case_retry_after_is_honoured(scene):
    action, _ = scene.submit()
    since = time.time()
    scene.teams.throttle("update", 429, seconds=3)
    scene.world.decide(action, "carol")
    scene.buttonless(action, 30)
    asked = scene.teams.asked("update", since)
    refused = [r for r in asked if r.status == 429]
    require(refused, "never limited")
    same = [r for r in asked if refused[0].answered + 0.05 < r.at < refused[0].answered + 2.9]
    equal(len(same), 0, "updates before Retry-After was over")


def case_token_is_used_again_and_renewed_when_refused(scene):
    scene.submit()
    since = time.time()
    for _ in range(3):
        scene.submit()
    equal(len(scene.teams.asked("token", since)), 0, "token requests while one is good")
    scene.teams.tokens.clear()
    scene.submit()
    require(scene.teams.asked("token", since), "no new token after a 401")


def case_down_for_a_while_loses_nothing(scene):
    action, _ = scene.submit()
    scene.teams.go_down()
    late = scene.world.submit()
    scene.world.decide(action, "carol")
    time.sleep(2)
    scene.teams.come_up()
    scene.card(late, seconds=40)
    scene.buttonless(action, 40)


def case_message_that_is_gone_does_not_loop(scene):
    action, message = scene.submit()
    message.deleted = True
    since = time.time()
    scene.world.decide(action, "carol")
    time.sleep(3)
    found = [r for r in scene.teams.asked("update", since) if r.status == 404]
    require(len(found) <= 8, f"{len(found)} updates of a card that is gone")
    message.deleted = False


def case_zz_no_rule_of_teams_was_broken(scene):
    scene.teams.no_rule_broken(allowed=("ActivityNotFoundInConversation", "Unauthorized"))


def case_zz_secret_never_shows(scene):
    with open(scene.world.log, encoding="utf-8", errors="replace") as file:
        said = file.read() + scene.world.api("GET", "/v1/channels").raw.decode()
    if scene.teams.client_secret in said:
        raise Failure("the client secret is shown")
    for token in scene.teams.tokens:
        require(token not in said, "a token is shown")
