# SPDX-License-Identifier: Apache-2.0
"""Alerts of drift reach every channel once. Each function takes a Scene.

A real server watches a JSON document over HTTP. Somebody changes it, nobody approved that, and five
channels are told.
"""
import json
import os
import re
import secrets
import time

import teams_cards
from common import brief, equal, never, require, until
from mail_receiver import MailReceiver
from service import Service, answer_json
from slack_emulator import SlackEmulator
from slack_scene import APPROVE, DENY
from teams_emulator import APP_ID, TENANT, TeamsEmulator
from webhook_receiver import WebhookReceiver, new_secret
from workflow_cases import Workflow
from world import World

PLACE, CONVERSATION, ADDRESS = "C0DRIFT", "19:drift@thread.tacv2", "sec@example.org"
SOURCE, QUIET = "app-settings", "quiet-settings"
SLOW = {"channel_that_was_down_hears_of_it_later", "kill_tells_nothing_twice",
        "what_slack_refuses_is_visible_and_holds_up_nobody"}


class Document(Service):
    """What is watched: somebody else's settings."""

    def __init__(self):
        self.content = {"loud": {"limit": 100}, "quiet": {"limit": 100}}
        super().__init__()

    def routes(self, application):
        application.router.add_get("/{name}", self._give)

    async def _give(self, request):
        return answer_json(self.content[request.match_info["name"]])


class Scene:
    """One server with a channel of each kind, and two sources; one of them is of class `low`."""

    def __init__(self, folder, processes=None):
        os.makedirs(folder, exist_ok=True)
        self.document, self.slack, self.teams = Document(), SlackEmulator(), TeamsEmulator()
        self.flow, self.hook = Workflow(), WebhookReceiver()
        self.mail = MailReceiver(folder)
        self.slack.add_channel(PLACE)
        self.teams.add_channel(CONVERSATION)
        parts = [self.document, self.slack, self.teams, self.flow, self.hook, self.mail]
        try:
            self.world = World(folder, processes, self.channels)
            for source, name, kind in ((SOURCE, "loud", "high"), (QUIET, "quiet", "low")):
                self.watch(source, name, kind)
        except BaseException:
            if hasattr(self, "world"):
                self.world.stop()
            for part in parts:
                part.stop()
            raise
        for part in parts:
            self.world.own(part)

    def channels(self, world):
        """Alerts alone: nobody is asked about anything here."""
        return [
            {"id": "slack", "kind": "slack", "workspace": "T0001", "rateFactor": 100,
             "botTokenFile": world.secret("bot", self.slack.bot_token),
             "appTokenFile": world.secret("app", self.slack.app_token),
             "apiURL": self.slack.api_url, "drift": PLACE},
            {"id": "teams", "kind": "teams", "appID": APP_ID, "tenant": TENANT,
             "clientSecretFile": world.secret("client", self.teams.client_secret),
             "loginURL": self.teams.url, "openIDMetadata": self.teams.metadata_url,
             "serviceURLs": [self.teams.service_url], "drift": CONVERSATION,
             "driftSeverity": "high"},
            {"id": "flow", "kind": "teams-workflow", "drift": True,
             "urlFile": world.secret("flow", self.flow.address)},
            {"id": "mail", "kind": "mail", "from": "exequatur@example.org", "security": "none",
             "server": f"127.0.0.1:{self.mail.port}", "recipients": [], "drift": ADDRESS,
             "driftSeverity": "low"},
            {"id": "audit", "kind": "webhook", "url": self.hook.address, "events": ["drift.*"],
             "secretFiles": [world.secret("hook", new_secret())]}]

    def watch(self, source, name, kind):
        """Has the server observe the document, and approves what it finds."""
        self.world.api("POST", "/v1/drift/sources", {
            "id": source, "kind": "http", "scope": source, "every": 1, "class": kind,
            "settings": {"url": f"{self.document.url}/{name}"}})
        found = until(lambda: self.world.api(
            "GET", f"/v1/drift/sources/{source}").json.get("proposed"), "a baseline to approve", 20)
        self.world.api("POST", f"/v1/drift/sources/{source}/baseline/approve",
                       {"expect": found["root"][:16]})

    def close(self):
        self.world.close()

    def calm(self):
        """Everybody takes messages again, whatever a test left behind."""
        for vendor in (self.slack, self.teams, self.flow, self.hook):
            vendor.come_up()
            vendor.clear_faults()
        self.mail.replies.clear()

    # MARK: what happens

    def deviate(self, name="loud", before="limit_"):
        """Changes the document without anybody's approval; returns what an alert must name."""
        marker = secrets.token_hex(6)
        self.document.content[name][f"{before}{marker}"] = 1
        return marker

    def deviations(self, marker):
        """What the server itself has found."""
        return until(lambda: [d for d in self.world.api("GET", "/v1/drift/deviations").json
                              if marker in json.dumps(d)], f"a deviation {marker}", 20)

    # MARK: what arrived

    def in_slack(self, marker):
        return self.slack.posted(needle=marker)

    def in_teams(self, marker):
        return self.teams.posted(needle=marker)

    def in_flow(self, marker):
        return self.flow.found(marker)

    def in_mail(self, marker):
        return self.mail.found(marker)

    def places(self):
        return {"Slack": self.in_slack, "Teams": self.in_teams, "the workflow": self.in_flow,
                "mail": self.in_mail}

    def told(self, marker, found, what, seconds=20):
        """The one message about it."""
        until(lambda: found(marker), f"an alert in {what}", seconds)
        never(lambda: len(found(marker)) > 1, f"a second alert in {what}", 1)
        return found(marker)[0]

    def told_everywhere(self, marker, seconds=30):
        for what, found in self.places().items():
            self.told(marker, found, what, seconds)


make = Scene


# MARK: one vendor after the other

def case_slack_is_told_once(scene):
    marker = scene.deviate()
    message = scene.told(marker, scene.in_slack, "Slack")
    equal(message.channel, PLACE, "channel")
    for needle in ("Drift", "high", SOURCE, f"{scene.world.url}/drift"):
        require(needle in message.body(), f"the alert does not show {needle!r}")
    require(not {APPROVE, DENY} & set(message.actions()), f"buttons: {message.actions()}")
    sent = message.versions[0]["sent"]
    require(sent.get("text"), "no text for notifications")
    require(marker not in sent["text"], "what was found stands where text is markup")
    scene.slack.no_rule_broken()


def case_teams_is_told_once(scene):
    marker = scene.deviate()
    message = scene.told(marker, scene.in_teams, "Teams")
    equal(message.conversation, CONVERSATION, "conversation")
    equal(teams_cards.executes(message.card) + teams_cards.inputs(message.card), [], "buttons")
    equal(teams_cards.links(message.card), [f"{scene.world.url}/drift"], "links")
    for needle in ("Drift", "high", SOURCE):
        require(needle in message.body(), f"the alert does not show {needle!r}")
    scene.teams.no_rule_broken()


def case_workflow_is_told_once(scene):
    marker = scene.deviate()
    message = scene.told(marker, scene.in_flow, "the workflow")
    teams_cards.check(message)
    content = teams_cards.card(message)
    equal(teams_cards.executes(content) + teams_cards.inputs(content), [], "buttons and inputs")
    equal(teams_cards.links(content), [f"{scene.world.url}/drift"], "links")


def case_mail_is_told_once(scene):
    marker = scene.deviate()
    mail = scene.told(marker, scene.in_mail, "mail")
    equal(mail.recipients, [ADDRESS], "recipients")
    equal(mail.subject, f"[Exequatur] Drift (high): source {SOURCE}", "subject")
    require(f"Page: {scene.world.url}/drift" in mail.text, "no link to the page")
    require(mail.html == "", "HTML")
    equal(mail.message["Auto-Submitted"], "auto-generated", "Auto-Submitted")


def case_webhook_is_told_once(scene):
    since = time.time()
    marker = scene.deviate()
    scene.deviations(marker)

    def news():
        return [e for e in scene.hook.events(since) if e["type"] == "drift.observed"
                and e["data"]["core"]["source"] == SOURCE
                and e["data"]["core"]["summary"]["opened"]]
    until(news, "drift.observed", 20)
    never(lambda: len(news()) > 1, "a second event of one deviation", 2)
    event = news()[0]
    equal(event["data"]["ref"], f"drift.{SOURCE}", "ref")
    equal(event["data"]["url"], f"{scene.world.url}/drift", "url")
    core = event["data"]["core"]
    equal((core["kind"], core["by"]), ("drift.observed", "server"), "kind and observer")
    equal((core["summary"]["opened"], core["summary"]["alerts"]), (1, 1), "opened and alerts")
    require(marker not in json.dumps(event), "what was found is in the event")
    entry = scene.world.entries()[event["data"]["index"]]
    equal(entry["core"], core, "the entry of the ledger")


def case_webhook_hears_of_rules_and_decisions(scene):
    marker = scene.deviate()
    ids = [d["id"] for d in scene.deviations(marker)]
    since = time.time()
    scene.world.api("POST", f"/v1/drift/sources/{SOURCE}/acknowledge", {"ids": ids})
    until(lambda: [e for e in scene.hook.events(since) if e["type"] == "drift.decided"
                   and e["data"]["core"]["summary"]["acknowledged"] == ids], "drift.decided", 10)
    configured = [e for e in scene.hook.events() if e["type"] == "drift.configured"]
    equal(len(configured), 2, "drift.configured")
    for event in configured:
        equal(event["data"]["core"]["change"]["type"], "source_set", "change")
        equal(event["data"]["url"], f"{scene.world.url}/drift", "url")


# MARK: what else has to hold

def case_severity_decides_who_is_told(scene):
    marker = scene.deviate("quiet")
    scene.told(marker, scene.in_mail, "mail")
    for what, found in scene.places().items():
        if what != "mail":
            never(lambda f=found: f(marker), f"an alert of severity low in {what}", 0.5)


def case_names_of_others_are_text(scene):
    evil = "<!channel> [x](https://evil.example) \u202e<@U0BOB> *b* {{DATE(x)}} "
    marker = scene.deviate(before=evil)
    scene.told_everywhere(marker)
    message = scene.in_slack(marker)[0]
    kinds = {part["type"] for part in teams_cards.walk(message.blocks) if "type" in part}
    require(not kinds & {"mrkdwn", "link", "user", "broadcast", "emoji"}, f"kinds {kinds}")
    require("\u202e" not in message.body(), "U+202E is in the message")
    mail = scene.in_mail(marker)[0]
    require("\u202e" not in mail.text, "U+202E is in the mail")
    first = re.findall(r"https?://\S+", mail.text)[0]
    equal(first, f"{scene.world.url}/drift", "the first link")
    scene.slack.no_rule_broken()
    scene.teams.no_rule_broken()


def case_retry_after_is_honoured(scene):
    since = time.time()
    scene.slack.limit("chat.postMessage", 4)
    marker = scene.deviate()
    scene.told(marker, scene.in_flow, "the workflow")
    scene.told(marker, scene.in_slack, "Slack", 30)
    asked = scene.slack.asked("chat.postMessage", since)
    first = [r for r in asked if r.status == 429][0]
    early = [r.at - first.answered for r in asked if 0.05 < r.at - first.answered < 3]
    equal(early, [], "requests before Retry-After was over")


def case_channel_that_was_down_hears_of_it_later(scene):
    scene.slack.go_down()
    markers = [scene.deviate()]
    scene.deviations(markers[0])
    markers.append(scene.deviate())
    for marker in markers:
        scene.told(marker, scene.in_teams, "Teams")
        scene.told(marker, scene.in_mail, "mail")
        require(not scene.in_slack(marker), "an alert in Slack, which is down")
    scene.slack.come_up()
    for marker in markers:
        scene.told(marker, scene.in_slack, "Slack", 90)
        scene.told_everywhere(marker)


def case_what_slack_refuses_is_visible_and_holds_up_nobody(scene):
    scene.slack.channels[PLACE]["is_member"] = False
    try:
        marker = scene.deviate()
        scene.told(marker, scene.in_mail, "mail")
        until(lambda: "alerts of drift" in scene.world.api("GET", "/v1/channels").raw.decode(),
              "GET /v1/channels says so", 20)
    finally:
        scene.slack.channels[PLACE]["is_member"] = True
    # What was refused is tried again at the next start.
    scene.world.restart()
    scene.told(marker, scene.in_slack, "Slack", 30)
    scene.told_everywhere(marker)


def case_kill_tells_nothing_twice(scene):
    scene.slack.go_down()
    marker = scene.deviate()
    scene.told(marker, scene.in_mail, "mail")
    for what in ("Teams", "the workflow"):
        scene.told(marker, scene.places()[what], what)
    time.sleep(1)  # what was sent is noted
    scene.world.stop(kill=True)
    scene.slack.come_up()
    scene.world.start()
    scene.told(marker, scene.in_slack, "Slack", 30)
    scene.told_everywhere(marker)


def case_zz_everything_was_told_once_in_the_end(scene):
    """Nothing comes again after a restart, of all that was told before."""
    before = {what: len(found("")) for what, found in scene.places().items()}
    scene.world.restart()
    marker = scene.deviate()
    scene.told_everywhere(marker)
    after = {what: len(found("")) for what, found in scene.places().items()}
    equal(after, {what: count + 1 for what, count in before.items()}, brief("messages"))
