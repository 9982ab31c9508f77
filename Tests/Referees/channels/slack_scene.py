# SPDX-License-Identifier: Apache-2.0
"""A server with a Slack channel before the emulator, and what cases do there again and again."""
import time

from common import Failure, brief, never, require, until
from slack_emulator import OTHER_TEAM, SlackEmulator
from world import World

LINKED = {"alice": "U0ALICE", "bob": "U0BOB", "carol": "U0CAROL", "dave": "U0DAVE",
          "erin": "U0ERIN"}
APPROVE, DENY, OPEN = "exequatur.approve", "exequatur.deny", "exequatur.open"


def emulator():
    slack = SlackEmulator(ping_seconds=1.0)
    for user in (*LINKED.values(), "U0NOBODY", "U0MALLORY"):
        slack.add_user(user)
    slack.add_user("U0GUEST", is_restricted=True)
    slack.add_user("U0ULTRA", is_restricted=True, is_ultra_restricted=True)
    slack.add_user("U0STRANGER", team=OTHER_TEAM)
    slack.add_user("U0OTHER", team=OTHER_TEAM)
    slack.says["U0OTHER"] = {"team": OTHER_TEAM}
    slack.add_channel("C0002")
    slack.add_channel("C0CHECK")
    return slack


class Scene:
    """Alice owns the agent; bob and carol review with her, who may not; erin audits."""

    def __init__(self, folder, processes=None, http=False, link=tuple(LINKED), **more):
        self.slack = emulator()

        def channels(world):
            found = {"id": "slack", "kind": "slack", "workspace": "T0001", "rateFactor": 100,
                     "botTokenFile": world.secret("bot", self.slack.bot_token),
                     "apiURL": self.slack.api_url, "directMessages": True,
                     "posts": [{"channel": "C0001", "groups": ["reviewers"], "buttons": True},
                               {"channel": "C0002", "groups": ["reviewers"], "buttons": False}],
                     "checkpoints": "C0CHECK"}
            if http:
                found["signingSecretFile"] = world.secret("signing", self.slack.signing_secret)
                base = f"{world.url}/channels/slack/"
                self.slack.interactivity_url = base + "interactivity"
                self.slack.events_url = base + "events"
            else:
                found["appTokenFile"] = world.secret("app", self.slack.app_token)
            return [found]
        try:
            self.world = World(folder, processes, channels, **more)
            self.world.own(self.slack)
            if not http:
                until(lambda: self.slack.sockets.open, "the server opens a socket", 10)
            for person in link:
                answer = self.world.link_slack(self.slack, person, LINKED[person])
                require(answer.acknowledged and not answer.payload,
                        f"linking {person}: {brief(answer.payload)} {answer.error}")
        except BaseException:
            self.slack.stop()
            raise

    def close(self):
        self.world.close()

    def calm(self):
        """Slack works again, whatever a test left behind."""
        self.slack.come_up()
        self.slack.clear_faults()
        self.slack.limits.clear()
        self.slack.says = {"U0OTHER": {"team": OTHER_TEAM}}
        self.slack.sockets.mode_on = True

    # MARK: cards

    def card(self, action, place="C0001", seconds=10):
        return self.slack.wait_posted(place, action["table"], seconds)

    def cards(self, action):
        """Every message that shows the action, threads aside."""
        return self.slack.posted(needle=action["table"])

    def submit(self, kind="export", **more):
        """An action and its card in the channel."""
        action = self.world.submit(kind, **more)
        return action, self.card(action)

    def buttonless(self, action, seconds=10):
        """No message of the action has a button to decide with any more."""
        def left():
            return [m for m in self.cards(action) if {APPROVE, DENY} & set(m.actions())]
        until(lambda: not left(), "every card loses its buttons", seconds)

    # MARK: what people do

    def open_modal(self, message, verb, user, **how):
        """Presses a button and returns the modal that came of it."""
        since = time.time()
        answer = self.slack.people.click(message, verb, user, **how)
        require(answer.acknowledged, f"the click of {user} is not acknowledged: {answer.error}")
        try:
            return self.slack.modal(user, since)
        except Failure:
            raise Failure(f"no modal for {user}; he was told "
                          f"{[e['text'] for e in self.slack.whispers(user, since)]}") from None

    def decide(self, action, verb, user, reason="", place="C0001", **how):
        """Button, modal, submission; returns the answer to the submission."""
        shown = self.open_modal(self.card(action, place), verb, user)
        return self.slack.people.submit(shown, {"reason": reason}, **how)

    def refused(self, action, message, verb, user, value=None, version=-1):
        """A click that does not count: acknowledged, answered for his eyes only, no decision."""
        since = time.time()
        before = self.world.show(action)
        answer = self.slack.people.click(message, verb, user, version=version, value=value)
        require(answer.acknowledged, f"the click of {user} is not acknowledged: {answer.error}")
        until(lambda: self.slack.whispers(user, since), f"an ephemeral answer for {user}", 5)
        never(lambda: [v for v in list(self.slack.views.values())
                       if v.user == user and v.at >= since], f"a modal for {user}", 0.2)
        after = self.world.show(action)
        require((after["state"], after["decisions"]) == (before["state"], before["decisions"]),
                f"the click of {user} changed the action: {brief(after['decisions'])}")

    def refused_at_last(self, action, message, verb, user):
        """What he does does not count: said to the click or to the submission, or, where he
        can't be reached, not said at all."""
        since = time.time()
        answer = self.slack.people.click(message, verb, user)
        require(answer.acknowledged, f"the click of {user} is not acknowledged: {answer.error}")
        try:
            shown = self.slack.modal(user, since, 1.5)
        except Failure:
            return self.world.undecided(action)
        answer = self.slack.people.submit(shown, {"reason": "x"})
        require((answer.payload or {}).get("response_action") == "errors",
                f"the submission of {user} was taken")
        self.world.undecided(action)

    def old_card(self, message):
        """The first version of a card that had buttons, as a screen may still show it."""
        for index in range(len(message.versions)):
            if APPROVE in message.actions(index):
                return index
        raise Failure("the card never had buttons")
