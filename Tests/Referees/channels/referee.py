#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The referee of the channels; see scripts/channels-referee.

    referee.py [--quick] [--only TEXT] [--verbose] [--keep FOLDER]

`--only` takes a part of the name of a part: slack-sdk, teams-sdk, delivery-sdk, slack, slack-http,
slack-faults, teams, workflow, webhook, integration, mail, link, drift; or of a test's name within
them, as `slack:quorum`.
"""
import argparse
import faulthandler
import importlib
import importlib.util
import os
import signal
import sys
import tempfile
import time

from common import LABEL, VENV, Failure, Processes, Results, Skip, functions, in_parallel

# The vendors' own SDKs against the emulators, then our server against the same emulators. What
# waits most begins first.
PARTS = {
    "slack-faults": ["slack_faults"], "slack": ["slack_text_cases", "slack_cases"],
    "teams": ["teams_cases"], "webhook": ["webhook_cases"], "mail": ["mail_cases"],
    "workflow": ["workflow_cases"], "link": ["link_cases"], "drift": ["drift_cases"],
    "slack-http": ["slack_http_cases"],
    "integration": ["integration_cases"], "slack-sdk": ["slack_bolt_proof"],
    "teams-sdk": ["teams_proof"], "delivery-sdk": ["delivery_proof"],
}
WORKERS = 3


class Choice:
    """What `--only` and `--quick` select."""

    def __init__(self, only, quick):
        self.part, _, self.name = only.partition(":")
        self.quick = quick

    def parts(self):
        return [part for part in PARTS if self.part in part]

    def tests(self, part):
        """Names and functions, in order."""
        found = []
        for name in PARTS[part]:
            module = importlib.import_module(name)
            prefix = "proof_" if part.endswith("-sdk") else "case_"
            rows = module.token_rows() if hasattr(module, "token_rows") else []
            for test, function in functions(module, prefix) + rows:
                slow = test in getattr(module, "SLOW", ())
                if self.name in test and not (self.quick and slow):
                    found.append((test, function))
        return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    choice = Choice(options.only, options.quick)
    if not choice.parts():
        parser.error(f"--only: no part is called `{choice.part}`, there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, results = time.monotonic(), Results(options.verbose)
    print(LABEL, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="channels-referee-") as temporary:
        kept = options.keep and os.path.join(options.keep, time.strftime("%Y%m%d-%H%M%S"))
        run(choice, kept or temporary, results)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    print(results.closing())
    # Nothing passed and nothing skipped means that nothing was tested.
    sys.exit(1 if results.failed or not (results.passed or results.skipped) else 0)


def run(choice, folder, results):
    if importlib.util.find_spec("slack_bolt") is None:
        results.add("channels referee", Skip(
            f"no .build/{VENV}: run scripts/channels-referee --install"))
        return
    processes = Processes()
    try:
        in_parallel([lambda p=part: one(p, choice, folder, results, processes)
                     for part in choice.parts()], WORKERS)
    finally:
        processes.stop_all()


def one(part, choice, folder, results, processes):
    """All tests of a part, one after the other, on one scene."""
    try:
        tests = choice.tests(part)
        if not tests:
            return
        scene = scene_of(part, folder, processes)
    except Exception as error:
        results.add(f"{part} (setting up)", error if isinstance(error, (Failure, Skip))
                    else Failure(f"{type(error).__name__}: {error}"))
        return
    try:
        for name, function in tests:
            results.run(f"{part} {name}", function, scene)
            after(part, name, scene, results)
    finally:
        try:
            scene.close()
        except Exception as error:  # what was found stays found
            print(f"{part}: {error}", file=sys.stderr)


def after(part, name, scene, results):
    """Ends what a test left behind, so that the next one finds everything as it should be."""
    if hasattr(scene, "calm"):
        scene.calm()
    if hasattr(scene, "world") and scene.world.died():
        results.add(f"{part} (the server lives on after {name})",
                    Failure(scene.world.last_words()))
        scene.world.start()


def scene_of(part, folder, processes):
    module = importlib.import_module(PARTS[part][0])
    if part.endswith("-sdk"):
        return module.Proof()
    return module.make(os.path.join(folder, part), processes)


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # says where it stands, should it ever not end
    main()
