#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our policy engine beside cedarpy (the Rust implementation), on the same files and machine.

Rounds of both alternate. The peer gets handles (`PolicySet`, `Entities`) so that it parses nothing
while it decides. Two figures of its: the time that its engine itself reports
(`authz_duration_micros`), and the time of the whole call. No schema on either side. Both must give
the same answers, or the run fails.
"""

import argparse
import gc
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import cedarpy


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Ours:
    def __init__(self, binary):
        self.process = subprocess.Popen(
            [binary, "cedar-engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("cedar.py: our engine ended; see its message above")
        return json.loads(line)


def uid(kind, name):
    return {"type": kind, "id": name}


def policies(count, forbids=True):
    """A permit for a group, and `count - 1` that each name a principal, action and resource."""
    lines = [
        'permit(principal in Group::"group1", action, resource) '
        "when { context.mfa && principal.level >= 2 };"
    ]
    for place in range(count - 1):
        effect = "forbid" if forbids and place % 10 == 9 else "permit"
        lines.append(
            f'{effect}(principal == User::"user{place % 200}", '
            f'action == Action::"action{place % 40}", resource == Document::"document{place}")\n'
            'when { context.input.amount <= 500 && context.input.currency == "EUR" '
            "&& resource.owner == principal };"
        )
    return lines


def entities():
    found = [{"uid": uid("Group", f"group{n}"), "attrs": {}, "parents": []} for n in range(10)]
    for n in range(200):
        found.append({
            "uid": uid("User", f"user{n}"), "attrs": {"level": 3, "name": "user"},
            "parents": [uid("Group", "group1")],
        })
    owner = {"__entity": uid("User", "user1")}
    found.append({
        "uid": uid("Document", "document1"), "attrs": {"owner": owner}, "parents": [],
    })
    return found


def request(principal="user1", action="action1", resource="document1", amount=250):
    return {
        "principal": uid("User", principal), "action": uid("Action", action),
        "resource": uid("Document", resource),
        "context": {"input": {"amount": amount, "currency": "EUR"}, "mfa": True},
    }


def scenarios(sizes):
    for size in sizes:
        yield f"{size:,} policies", policies(size), entities(), [request()]
    ten = [
        'permit(principal == User::"user1", action == Action::"action1", '
        f'resource == Document::"document1") when {{ context.input.amount <= {500 + n} }};'
        for n in range(10)
    ]
    most = sizes[-1]
    yield f"{most:,}, ten about the request", policies(most - 10) + ten, entities(), [request()]
    yield "1,000, nothing about the request", policies(1_000)[1:], entities(), [
        request("user1", "other", "none")
    ]
    yield "1,000, a forbid fires", policies(1_000) + [
        'forbid(principal is User, action, resource is Document) '
        "when { context.input.amount > 100 };"
    ], entities(), [request()]
    yield "1,000, two fail", policies(1_000) + [
        "forbid(principal, action, resource) when { context.input.missing };",
        "permit(principal, action, resource) when { resource.owner + 1 > 2 };",
    ], entities(), [request()]
    depth = 100
    deep = [
        {"uid": uid("Group", f"level{n}"), "attrs": {},
         "parents": [uid("Group", f"level{n + 1}")] if n < depth else []}
        for n in range(depth + 1)
    ]
    person = {"uid": uid("User", "user1"), "attrs": {"level": 3},
              "parents": [uid("Group", "level0")]}
    yield "1,000, hierarchy of 100 levels", [
        f'permit(principal in Group::"level{n % 150}", action == Action::"action{n % 40}", '
        "resource);" for n in range(1_000)
    ], deep + [person], [request()]


def peer_request(one):
    return {
        part: f'{one[part]["type"]}::{json.dumps(one[part]["id"])}'
        for part in ("principal", "action", "resource")
    } | {"context": one["context"]}


def compare(ours, folder, name, lines, known, requests, seconds):
    text = "\n".join(lines)
    paths = {}
    for member, content in (
        ("policies", text), ("entities", json.dumps(known)), ("requests", json.dumps(requests))
    ):
        paths[member] = str(folder / member)
        pathlib.Path(paths[member]).write_text(content, encoding="utf-8")
    loads, peer_parse = [], []
    rounds = 3 if len(lines) <= 10_000 else 1
    for _ in range(rounds):
        loads.append(ours.order(order="load", **paths))
        gc.collect()
        start = time.perf_counter_ns()
        handle = cedarpy.PolicySet.from_str(text)
        peer_parse.append(time.perf_counter_ns() - start)
    store = cedarpy.Entities.from_json_str(json.dumps(known))
    asked = [peer_request(one) for one in requests]
    mine, theirs, calls = [], [], []
    allocations = 0
    first = None
    stop = time.monotonic() + seconds
    while time.monotonic() < stop or len(theirs) < 5:
        result = ours.order(order="decide", count=2_000)
        mine += result["times"]
        allocations = result["allocations"] / 2_000
        first = first or result["answers"]
        batch = time.monotonic() + 0.2
        while True:
            for place, one in enumerate(asked):
                start = time.perf_counter_ns()
                answer = cedarpy.is_authorized(one, handle, store)
                calls.append(time.perf_counter_ns() - start)
                theirs.append(answer.metrics["authz_duration_micros"] * 1_000)
                said = {
                    "decision": answer.decision.value.lower(),
                    "reasons": sorted(answer.diagnostics.reasons),
                    "errors": len(answer.diagnostics.errors),
                }
                expected = first[place] | {"reasons": sorted(first[place]["reasons"])}
                if said != expected:
                    sys.exit(f"cedar.py: {name}: they say {said}, we say {expected}")
            if time.monotonic() > batch:
                break
    load = min(loads, key=lambda one: one["nanoseconds"])
    return {
        "name": name, "policies": load["policies"], "ours_p50": percentile(mine, 0.5),
        "ours_p99": percentile(mine, 0.99), "theirs_p50": percentile(theirs, 0.5),
        "theirs_p99": percentile(theirs, 0.99), "call_p50": percentile(calls, 0.5),
        "allocations": allocations, "parse": load["nanoseconds"] / load["policies"],
        "peer_parse": min(peer_parse) / load["policies"],
        "bytes": load["bytes"] / load["policies"],
    }


def corpus(ours, folder, root, limit):
    """Each test of the conformance corpus: its own policy, entities and requests."""
    mine, theirs = [], []
    tests = sorted(pathlib.Path(root, "corpus-tests").glob("*.json"))
    tests = [path for path in tests if not path.name.endswith("entities.json")][:limit]
    count = 0
    for path in tests:
        test = json.loads(path.read_text(encoding="utf-8"))
        text = pathlib.Path(root, test["policies"]).read_text(encoding="utf-8")
        known = pathlib.Path(root, test["entities"])
        requests = [
            {key: one[key] for key in ("principal", "action", "resource", "context")}
            for one in test["requests"]
        ]
        asked = folder / "requests"
        asked.write_text(json.dumps(requests), encoding="utf-8")
        try:
            handle = cedarpy.PolicySet.from_str(text)
            store = cedarpy.Entities.from_json_str(known.read_text(encoding="utf-8"))
        except Exception:  # data that this binding refuses and the corpus has on purpose
            continue
        count += 1
        ours.order(order="load", policies=str(pathlib.Path(root, test["policies"])),
                   entities=str(known), requests=str(asked))
        result = ours.order(order="decide", count=4 * len(requests))
        times = result["times"][-len(requests):]
        for one, said, taken in zip(requests, result["answers"], times):
            for _ in range(4):
                answer = cedarpy.is_authorized(peer_request(one), handle, store)
            # Without a figure the binding did not take the request's data.
            if "authz_duration_micros" not in answer.metrics:
                continue
            mine.append(taken)
            theirs.append(answer.metrics["authz_duration_micros"] * 1_000)
            if answer.decision.value.lower() != said["decision"]:
                sys.exit(f"cedar.py: {path.name}: we say {said}")
    return count, mine, theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=".build-release/release/exequatur-bench")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case")
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--corpus", help="the unpacked conformance corpus")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [size for size in (3, 10, 100, 1_000, 10_000, 100_000) if size <= options.largest]
    ours = Ours(options.binary)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for case in scenarios(sizes):
            row = compare(ours, folder, *case, options.seconds)
            rows.append(row)
            if not options.json:
                print(
                    f"{row['name']}: ours p50 {row['ours_p50'] / 1000:.2f} µs, "
                    f"p99 {row['ours_p99'] / 1000:.2f}; engine of the peer p50 "
                    f"{row['theirs_p50'] / 1000:.0f}, p99 {row['theirs_p99'] / 1000:.0f}, its "
                    f"call {row['call_p50'] / 1000:.0f}; {row['theirs_p50'] / row['ours_p50']:.0f} "
                    f"times; {row['allocations']:.1f} allocations; parsing "
                    f"{row['parse'] / 1000:.1f} µs a policy (peer {row['peer_parse'] / 1000:.1f}); "
                    f"{row['bytes']:.0f} bytes a policy", flush=True,
                )
        if options.corpus:
            count, mine, theirs = corpus(ours, folder, options.corpus, 1_000)
            rows.append({
                "name": f"corpus, {count} tests", "ours_p50": percentile(mine, 0.5),
                "ours_p99": percentile(mine, 0.99), "theirs_p50": percentile(theirs, 0.5),
                "theirs_p99": percentile(theirs, 0.99), "ours_mean": statistics.mean(mine),
                "theirs_mean": statistics.mean(theirs),
            })
            row = rows[-1]
            if not options.json:
                print(
                    f"{row['name']}: ours p50 {row['ours_p50'] / 1000:.2f} µs, p99 "
                    f"{row['ours_p99'] / 1000:.2f}, mean {row['ours_mean'] / 1000:.2f}; engine of "
                    f"the peer p50 {row['theirs_p50'] / 1000:.0f}, p99 "
                    f"{row['theirs_p99'] / 1000:.0f}, mean {row['theirs_mean'] / 1000:.2f}"
                )
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
