# SPDX-License-Identifier: Apache-2.0
"""Our server's webhooks, verified by the package standardwebhooks. Each function takes a Scene."""
import json
import time

from common import brief, equal, never, require, until
from service import Fault
from webhook_receiver import PATH, WebhookReceiver, new_secret, verifies
from world import World


class Scene:
    """One receiver of everything with two secrets, and one of `action.cleared` alone."""

    def __init__(self, folder, processes=None):
        self.all, self.some, self.doomed = (WebhookReceiver() for _ in range(3))
        self.new, self.old, self.other = new_secret(), new_secret(), new_secret(24)

        def channels(world):
            new, old = world.secret("new", self.new), world.secret("old", self.old)
            other = world.secret("other", self.other)
            return [{"id": "audit", "kind": "webhook", "url": self.all.address,
                     "secretFiles": [new, old], "events": ["*"]},
                    {"id": "some", "kind": "webhook", "url": self.some.address,
                     "secretFiles": [other], "events": ["action.cleared"]},
                    {"id": "doomed", "kind": "webhook", "url": self.doomed.address,
                     "secretFiles": [other], "events": ["action.*"]}]
        try:
            self.world = World(folder, processes, channels)
        finally:
            for receiver in (self.all, self.some, self.doomed):
                if hasattr(self, "world"):
                    self.world.own(receiver)
                else:
                    receiver.stop()

    def close(self):
        self.world.close()

    def calm(self):
        """The receivers work again, whatever a test left behind."""
        for receiver in (self.all, self.some, self.doomed):
            receiver.come_up()
            receiver.clear_faults()


make = Scene
SLOW = {"receiver_that_hangs_delays_nobody_else", "retry_after_is_honoured",
        "down_for_a_while_loses_nothing"}


def case_event_is_signed_with_both_secrets(scene):
    action = scene.world.submit()
    request = scene.all.wait_event(action["id"])
    for secret in (scene.new, scene.old):
        require(verifies(secret, request), f"does not verify: {request.headers}")
    require(not verifies(scene.other, request), "verifies with another secret")
    require(request.headers["content-type"].startswith("application/json"), "content type")


def case_event_says_what_happened_and_no_more(scene):
    action = scene.world.submit(input={"note": "very-secret-note"}, why="very-secret-reason")
    scene.world.decide(action, "bob", "deny", "very-secret-denial")
    until(lambda: any(e.get("type") == "action.decided" and action["id"] in json.dumps(e)
                      for e in scene.all.events()), "action.decided", 10)
    for request in scene.all.came():
        require(b"very-secret" not in request.body, f"shown: {request.body[:300]!r}")
        require(len(request.body) < 20_000, f"{len(request.body)} bytes")
    found = json.loads(scene.all.wait_event(action["id"]).body)
    for name in ("type", "timestamp", "data"):
        require(name in found, f"no `{name}`: {brief(found)}")


def case_events_come_in_the_order_of_the_ledger(scene):
    actions = [scene.world.submit() for _ in range(5)]
    for action in actions:
        scene.world.decide(action, "bob")
    until(lambda: all(any(e.get("type") == "action.cleared" and a["id"] in json.dumps(e)
                          for e in scene.all.events()) for a in actions), "all of them", 15)
    wanted = [e["leaf"]["kind"] for e in scene.world.entries()]
    found = [e["type"] for e in scene.all.events() if e["type"] != "audit.read"]
    require("\n".join(found) in "\n".join(wanted),
            f"kinds do not follow each other as in the ledger: {found[-12:]}, {wanted[-12:]}")


def case_only_the_events_that_were_asked_for(scene):
    action = scene.world.submit()
    scene.world.decide(action, "bob")
    scene.some.wait_event(action["id"])
    equal({e["type"] for e in scene.some.events()}, {"action.cleared"}, "types")


def case_ids_are_unique_and_stay_the_same_when_tried_again(scene):
    since = time.time()
    scene.all.broken(times=2)
    action = scene.world.submit()
    scene.all.wait_event(action["id"], 30)
    # Whatever event came first met the fault: it may be of an action before this one.
    asked = scene.all.came(since, good=False)
    failed = [r for r in asked if r.status == 500]
    equal(len(failed), 2, "failed tries")
    for identifier in {r.headers["webhook-id"] for r in failed}:
        tries = [r for r in asked if r.headers.get("webhook-id") == identifier]
        equal([r.status for r in tries if r.status != 500], [204], f"answers to {identifier}")
        equal(len({r.body for r in tries}), 1, "bodies")
    good = [r.headers["webhook-id"] for r in scene.all.came()]
    equal(len(good), len(set(good)), "ids of what was taken")
    scene.all.only_signed(scene.new, scene.old)


def case_retry_after_is_honoured(scene):
    since = time.time()
    scene.all.busy(3)
    action = scene.world.submit()
    scene.all.wait_event(action["id"], 20)
    asked = scene.all.came(since, good=False)
    first = [r for r in asked if r.status == 429][0]
    early = [r.at - first.answered for r in asked
             if first.answered + 0.05 < r.at < first.answered + 2.9]
    equal(early, [], "requests before Retry-After was over")


def case_receiver_that_hangs_delays_nobody_else(scene):
    scene.all.hang(12)
    action = scene.world.submit()
    scene.world.decide(action, "bob")
    scene.some.wait_event(action["id"], 5)
    scene.all.wait_event(action["id"], 60)


def case_down_for_a_while_loses_nothing(scene):
    scene.all.go_down()
    actions = [scene.world.submit() for _ in range(3)]
    time.sleep(2)
    scene.all.come_up()
    for action in actions:
        scene.all.wait_event(action["id"], 40)
    order = [i for e in scene.all.events() for i, a in enumerate(actions)
             if e["type"] == "action.submitted" and a["id"] in json.dumps(e)]
    equal(order, [0, 1, 2], "order")


def case_kill_loses_nothing(scene):
    scene.all.go_down()
    action = scene.world.submit()
    scene.world.stop(kill=True)
    scene.all.come_up()
    scene.world.start()
    scene.all.wait_event(action["id"], 40)


def case_redirect_is_not_followed(scene):
    scene.all.fail(PATH, Fault(307, {"Location": scene.some.address}))
    before = len(scene.some.came(good=False))
    action = scene.world.submit()
    scene.all.wait_event(action["id"], 40)
    never(lambda: [r for r in scene.some.came(good=False)[before:]
                   if action["id"].encode() in r.body], "the event at the other address", 0.3)


def case_zz_gone_is_gone(scene):
    """410: no request follows, the others go on, and somebody can see it."""
    scene.doomed.gone()
    action = scene.world.submit()
    until(lambda: [r for r in scene.doomed.came(good=False) if r.status == 410], "a 410", 20)
    at = time.time() + 0.2
    later = scene.world.submit()
    scene.all.wait_event(later["id"], 20)
    never(lambda: scene.doomed.came(at, good=False), "a request after 410", 2)
    scene.all.wait_event(action["id"])
    require("410" in scene.world.api("GET", "/v1/channels").raw.decode()
            or "gone" in scene.world.api("GET", "/v1/channels").raw.decode().lower(),
            "GET /v1/channels does not say so")


def case_zz_secret_never_shows(scene):
    with open(scene.world.log, encoding="utf-8", errors="replace") as file:
        said = file.read() + scene.world.api("GET", "/v1/channels").raw.decode()
    for secret in (scene.new, scene.old, scene.other):
        require(secret not in said and secret[6:] not in said, "a secret is shown")
