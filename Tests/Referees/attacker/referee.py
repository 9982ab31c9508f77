#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An attacker's day; see scripts/attackers-day."""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cases  # noqa: E402
from generated import Attacker, requests  # noqa: E402
from scene import CANARY, Scene  # noqa: E402

# Entries that an attempt may leave, whomever it was meant for.
TRACES = {"action.attempt-refused", "attempt.refused", "attempts.counted", "audit.read",
          "audit.exported", "person.signed-in", "person.sign-in-refused", "action.commented",
          "batch.created", "person.link-issued"}


class Results:
    def __init__(self, prefix):
        self.prefix, self.passed, self.failed = prefix, 0, 0
        self.told = collections.Counter()

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
            return
        self.failed += 1
        self.told[name] += 1
        # The same fault on a hundred paths is one to look at.
        if self.told[name] <= 12:
            print(f"FAIL {self.prefix}: {name}: {detail}", flush=True)


def attackers(scene):
    tokens = scene.tokens
    agent = {"agent"}
    person = {"person", "session"}
    # Whoever is not in the chain may settle what nobody knows.
    settled = {name: target for name, target in scene.victim.items() if name != "unknown"}
    return [
        (Attacker("nobody"), scene.victim),
        (Attacker("an agent", tokens["evil-bot"], schemes=agent), scene.victim),
        (Attacker("an agent at a gate", tokens["evil-bot"], tokens["gate-2"],
                  agent | {"gate"}), scene.victim),
        (Attacker("an agent at the victim's gate", tokens["evil-bot"], tokens["gate-1"],
                  agent | {"gate"}), scene.victim),
        (Attacker("a gate", tokens["gate-2"], schemes={"gateBearer", "gate"}), scene.victim),
        (Attacker("a person who is no reviewer", tokens["mallory"], schemes=person,
                  person="mallory"), settled),
        (Attacker("a reviewer, to his own agent", tokens["rita"], schemes=person,
                  person="rita"), scene.rita),
    ]


# The owner of an agent cancels and revokes what it asks: that is no attack.
OWNERS = ("/cancel", "/revoke")


def is_theirs(attacker, path):
    return attacker.person == "rita" and path.endswith(OWNERS)


def is_refused(path, answer):
    """A batch is answered member by member."""
    if not 200 <= answer.status < 300:
        return True
    if re.fullmatch(r"/v1/batches/[0-9a-f]+/decisions", path):
        return all(member["code"] for member in answer.json())
    return False


def generated(scene, document, attacker, targets, results):
    """Everything once; nothing changes, nothing succeeds that must not, nothing is told."""
    before, start = scene.snapshot(), len(scene.entries())
    tokens = re.compile("|".join(
        re.escape(token.split("_", 4)[4]) for token in scene.tokens.values()))
    sent = 0
    for method, path, body, may in requests(document, scene, targets, attacker):
        if is_theirs(attacker, path):
            continue
        headers = dict(attacker.headers)
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        answer = scene.server.send(method, path, data, headers)
        sent += 1
        what = f"{attacker.name}: {method} {path} {json.dumps(body)[:120]}"
        results.check("no error of the server's own", answer.status < 500 or
                      answer.status == 503, f"{what}: {answer.status} {answer.text[:200]}")
        results.check("it is refused", may or is_refused(path, answer),
                      f"{what}: {answer.status} {answer.text[:200]}")
        if not attacker.person:
            results.check("nothing of others is told", CANARY not in answer.text,
                          f"{what}: {answer.status} {answer.text[:300]}")
        results.check("no token is told", not tokens.search(answer.text), what)
    results.check("there is something to attack", sent > 300, f"{attacker.name}: {sent}")
    unchanged(scene, before, start, attacker.name, results)
    return sent


def unchanged(scene, before, start, who, results, ignoring=()):
    after = scene.snapshot()
    for key, value in before.items():
        results.check("what decides is as it was", after.get(key) == value or key in ignoring,
                      f"{who}: {key}: {difference(value, after.get(key))}")
    own = {target.id for target in scene.all_targets()}
    for entry in scene.entries(start):
        leaf = entry["leaf"]
        fine = leaf["kind"] in TRACES or leaf["ref"].startswith("act_") and leaf["ref"] not in own
        results.check("the ledger gets attempts and nothing else", fine,
                      f"{who}: {leaf['kind']} of {leaf['ref']}")


def difference(before, after):
    if isinstance(before, dict) and isinstance(after, dict):
        return {key: (value, after.get(key)) for key, value in before.items()
                if after.get(key) != value}
    return f"{str(before)[:300]} → {str(after)[:300]}"


def day(folder, sealed, is_quick, results):
    scene = Scene(folder, sealed)
    sent = 0
    try:
        document = scene.server.must("GET", "/openapi.json")
        for attacker, targets in attackers(scene):
            if is_quick:
                targets = scene.few(targets)
            sent += generated(scene, document, attacker, targets, results)
        cases.run(scene, results, unchanged)
    finally:
        status = scene.server.stop()
    results.check("the server ends by itself when it is told to", status == 0, f"{status}")
    whole, words = scene.server.fsck()
    results.check("the ledger is whole", whole, words)
    return sent


def one_day(folder, name, is_quick):
    results, started = Results(name), time.monotonic()
    if name == "flood":
        sent = cases.flood(folder / name, results)
    else:
        sent = day(folder / name, name == "sealed", is_quick, results)
    print(f"{name}: {sent} requests, {time.monotonic() - started:.0f} s", flush=True)
    return results.passed, results.failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="exequatur-attacker-"))
    passed = failed = 0
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        days = [pool.submit(one_day, folder, name, options.quick)
                for name in ("sealed", "unsealed", "flood")]
        for each in days:
            # A day that does not get to its end has failed.
            try:
                counts = each.result()
            except BaseException as error:
                print(f"FAIL the day gets to its end: {type(error).__name__}: {error}")
                counts = (0, 1)
            passed, failed = passed + counts[0], failed + counts[1]
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 and passed > 0 else 1)


if __name__ == "__main__":
    main()
