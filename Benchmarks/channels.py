# SPDX-License-Identifier: Apache-2.0
"""How soon Slack's cards follow, and what an outage costs. See channels.sh.

One server, one emulated Slack on this machine (`Tests/Referees/channels`); not run against Slack.
So many reviews are open, each with cards in two channels and two direct conversations. Then some
are decided one after the other over the API, and it is measured from sending the decision until
the emulator has taken the update of the card in the channel. The vendor's limits are lifted by
`rateFactor`, or they would be what is measured.
"""
import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Tests", "Referees", "channels"))

from common import until  # noqa: E402
from slack_scene import APPROVE, DENY, Scene  # noqa: E402


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def summary(values):
    """Milliseconds, from seconds."""
    return {name: round(1000 * percentile(values, part), 1)
            for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))}


def open_reviews(scene, count, patience=600):
    """Submits, and waits until every card stands in the channel."""
    began = time.time()
    actions = [scene.world.submit() for _ in range(count)]
    submitted = time.time() - began
    tables = {action["table"]: action for action in actions}
    cards = {}

    def posted():
        for message in list(scene.slack.posted("C0001")):
            text = json.dumps(message.versions[0]["blocks"])
            for table in [t for t in tables if t not in cards and t in text]:
                cards[table] = message
        return len(cards) == count
    until(posted, "all cards stand in the channel", patience)
    return actions, cards, submitted, time.time() - began


def follow(scene, actions, cards, count):
    """Seconds from a decision to the card that says so."""
    took = []
    for action in random.sample(actions, min(count, len(actions))):
        message, since = cards[action["table"]], time.time()
        answer = scene.world.decide(action, "carol")
        assert answer.status == 200, answer.raw

        def updated():
            return [v["at"] for v in message.versions if v["at"] >= since]
        until(updated, "the card is updated", 30)
        took.append(updated()[0] - since)
    return took


def outage(scene, seconds, count):
    """Slack is down while actions are asked for and decided; then until everything is right."""
    open_before, cards, _, _ = open_reviews(scene, count)
    scene.slack.go_down()
    new = [scene.world.submit() for _ in range(count)]
    for action in open_before + new[: count // 2]:
        assert scene.world.decide(action, "carol").status == 200
    time.sleep(seconds)
    scene.slack.come_up()
    back = time.time()
    for action in new[count // 2:]:
        until(lambda: scene.slack.posted("C0001", action["table"]), "a card after the outage", 300)
    for action in open_before:
        until(lambda: not {APPROVE, DENY} & set(cards[action["table"]].actions()),
              "a card without buttons to decide", 300)
    settled = time.time() - back
    twice = [a["id"] for a in new
             if len(scene.slack.posted("C0001", a["table"])) > 1]
    return {"down": seconds, "right after": round(settled, 1), "posted twice": len(twice)}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--open", type=int, default=1000, help="reviews that are open")
    options.add_argument("--decisions", type=int, default=200)
    options.add_argument("--outage", type=float, default=0, help="seconds that Slack is down")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(folder, link=("bob", "carol"))
        try:
            actions, cards, submitted, posted = open_reviews(scene, given.open)
            took = follow(scene, actions, cards, given.decisions)
            found = {
                "machine": platform.machine(), "cores": os.cpu_count(), "open": given.open,
                "submitted in s": round(submitted, 1), "cards posted in s": round(posted, 1),
                "decision to card, ms": summary(took),
                "mean, ms": round(1000 * statistics.mean(took), 1),
            }
            if given.outage:
                found["outage, s"] = outage(scene, given.outage, 50)
        finally:
            scene.close()
    if given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:24} {value}")


main()
