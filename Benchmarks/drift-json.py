#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our differences of JSON documents beside jsonpatch and deepdiff, on the same documents.

Every figure is processor time of the one process that compares; parsing is apart. Rounds of all
alternate. The run fails unless each side finds what was changed: 30 fields.

    python Benchmarks/drift-json.py --binary .build-release/release/exequatur-bench
        [--rounds N] [--json] [--without deepdiff]

Needs `pip install jsonpatch==1.48 deepdiff==9.1.0`; a peer that is not installed is left out, and
said so.
"""

import argparse
import copy
import importlib
import importlib.metadata
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

CHANGES = 30


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Ours:
    def __init__(self, binary):
        self.process = subprocess.Popen(
            [binary, "json-diff"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("drift-json.py: our engine ended; see its message above")
        return json.loads(line)


def items(count):
    """Resources as an inventory has them, 425 bytes each."""
    chance = random.Random(7)
    return [
        {
            "id": f"res-{index:05d}",
            "kind": chance.choice(["vm", "db", "bucket", "role"]),
            "name": f"service-{index}-{chance.randrange(10**6)}",
            "region": chance.choice(["eu-1", "us-2"]),
            "enabled": chance.random() < 0.7,
            "size": chance.randrange(1, 64),
            "cost": round(chance.random() * 100, 2),
            "tags": {
                "owner": f"team-{chance.randrange(40)}",
                "env": chance.choice(["prod", "test"]),
                "centre": str(chance.randrange(1000)),
            },
            "rules": [
                {
                    "port": chance.randrange(65536),
                    "cidr": f"10.{chance.randrange(256)}.{chance.randrange(256)}.0/24",
                    "allow": chance.random() < 0.5,
                }
                for _ in range(3)
            ],
            "labels": [f"l{chance.randrange(100)}" for _ in range(3)],
            "purpose": f"serves the e-shop of customer {index:05d}",
            "note": None,
        }
        for index in range(count)
    ]


def changed(before):
    """The same with 30 fields changed, each in another resource."""
    after = copy.deepcopy(before)
    chance = random.Random(9)
    for number, index in enumerate(sorted(chance.sample(range(len(after)), CHANGES))):
        if number % 3 == 0:
            after[index]["tags"]["env"] = "drift"
        elif number % 3 == 1:
            after[index]["rules"][1]["cidr"] = "0.0.0.0/0"
        else:
            after[index]["size"] += 100
    return after


def peers(without):
    found = {}
    for name in ("jsonpatch", "deepdiff"):
        if name in without:
            continue
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            print(f"drift-json: {name} is not installed and left out", file=sys.stderr)
    return found


def peer_count(name, module, expected, live, ignore_order):
    """How many changes the peer reports; a place each."""
    if name == "jsonpatch":
        return len(module.make_patch(expected, live).patch)
    result = module.DeepDiff(
        expected, live, ignore_order=ignore_order, view="tree" if ignore_order else "text"
    )
    return sum(len(places) for places in result.values())


def measure(ours, name, folder, expected, live, lists, rounds, peer_rounds, modules):
    paths = {}
    for side, document in (("expected", expected), ("live", live)):
        path = pathlib.Path(folder) / f"{name}-{side}.json"
        path.write_text(json.dumps({"resources": document}, separators=(",", ":")))
        paths[side] = str(path)
    size = pathlib.Path(paths["expected"]).stat().st_size
    loaded = [ours.order(order="load", lists=lists, **paths)["nanoseconds"] for _ in range(5)]
    ours.order(order="diff", rounds=3)  # Warms up.
    times, counts = [], set()
    theirs = {peer: [] for peer in modules}
    their_counts = {}
    documents = [{"resources": expected}, {"resources": live}]
    for _ in range(peer_rounds):
        answer = ours.order(order="diff", rounds=max(1, rounds // peer_rounds))
        times += answer["nanoseconds"]
        counts.add(answer["differences"])
        for peer, module in modules.items():
            start = time.process_time_ns()
            their_counts[peer] = peer_count(
                peer, module, *documents, ignore_order="shuffled" in name
            )
            theirs[peer].append(time.process_time_ns() - start)
    patch = ours.order(order="patch")
    if not patch["isRight"]:
        sys.exit(f"drift-json: our patch of `{name}` does not lead to the live document")
    if counts != {CHANGES}:
        sys.exit(f"drift-json: `{name}` has {CHANGES} changes, we report {sorted(counts)}")
    milliseconds = statistics.median(times) / 1e6
    result = {
        "case": name,
        "bytes": size,
        "differences": CHANGES,
        "patchOperations": patch["operations"],
        "parseMs": round(statistics.median(loaded) / 2e6, 2),
        "p50Ms": round(milliseconds, 2),
        "p95Ms": round(percentile(times, 0.95) / 1e6, 2),
        "p99Ms": round(percentile(times, 0.99) / 1e6, 2),
        "peers": {},
    }
    for peer, values in theirs.items():
        median = statistics.median(values) / 1e6
        result["peers"][peer] = {
            "version": importlib.metadata.version(peer),
            "changes": their_counts[peer],
            "p50Ms": round(median, 1),
            "maximumMs": round(max(values) / 1e6, 1),
            "timesFaster": round(median / milliseconds, 1),
        }
    return result


def report(result, goal):
    print(
        f"{result['case']}: {result['bytes']} bytes, {result['differences']} differences, "
        f"p50 {result['p50Ms']} ms, p95 {result['p95Ms']} ms, p99 {result['p99Ms']} ms "
        f"(goal {goal} ms{'' if result['p50Ms'] <= goal else ', missed'}); "
        f"parsing one document {result['parseMs']} ms; "
        f"patch of {result['patchOperations']} operations"
    )
    for peer, figures in result["peers"].items():
        print(
            f"    {peer} {figures['version']}: {figures['changes']} changes, "
            f"p50 {figures['p50Ms']} ms, at most {figures['maximumMs']} ms; "
            f"ours is {figures['timesFaster']} times as fast"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--peer-rounds", type=int, default=5)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    modules = peers(options.without)
    ours = Ours(options.binary)
    keyed = [
        {"path": "/resources", "as": "map", "keys": ["id"]},
        {"path": "/resources/*/labels", "as": "set"},
    ]
    large = items(2_000)
    small = items(500)
    shuffled = changed(small)
    random.Random(3).shuffle(shuffled)
    cases = [
        ("ordered list of 2,000", large, changed(large), [], 20),
        ("keyed list of 2,000", large, changed(large), keyed, 20),
        ("shuffled list of 500", small, shuffled, keyed, 5),
    ]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, expected, live, lists, goal in cases:
            result = measure(
                ours, name, folder, expected, live, lists, options.rounds,
                options.peer_rounds, modules,
            )
            result["goalMs"] = goal
            results.append(result)
            if not options.json:
                report(result, goal)
    if options.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
