#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The referee of the MCP gateway; see scripts/mcp-referee.

    referee.py [--quick] [--subject gateway|relay] [--only TEXT] [--advisory]
               [--verbose] [--keep FOLDER]

`--only` takes a part of: transparency, wire, attacks, faults, mcpcheck, agentack; or of a test's
name within them, as `attacks:replay`.
"""
import argparse
import faulthandler
import os
import signal
import sys
import tempfile
import threading
import time

import harness
import transparency
from harness import ROOT, Failure, Processes, Results, Skip
from world import World

PARTS = ("transparency", "wire", "attacks", "faults", "mcpcheck", "agentack")


class Choice:
    """What `--only` selects."""

    def __init__(self, only, quick):
        self.part, _, self.name = only.partition(":")
        self.quick = quick

    def has(self, part):
        return self.part in part

    def takes(self, name):
        return self.name in name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--subject", choices=["gateway", "relay"], default="gateway")
    parser.add_argument("--advisory", action="store_true",
                        help="gates without a token of their own; what needs one will fail")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    choice = Choice(options.only, options.quick)
    if not any(choice.has(part) for part in PARTS):
        parser.error(f"--only: no part is called `{choice.part}`, there are {', '.join(PARTS)}")
    corpora = os.environ.get("EXEQUATUR_CORPORA") or os.path.join(
        os.path.dirname(ROOT), "shared", "corpora")
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    results = Results(options.verbose)
    with tempfile.TemporaryDirectory(prefix="mcp-referee-") as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        run(options, choice, folder, corpora, results)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    print(results.closing())
    # Nothing passed and nothing skipped means that nothing was tested.
    sys.exit(1 if results.failed or not (results.passed or results.skipped) else 0)


def run(options, choice, folder, corpora, results):
    try:
        python = harness.python("mcp-modern")
        harness.python("mcp-legacy")
        if options.subject == "gateway":
            import real
            if not real.gateway_help():
                raise Failure(f"{real.gateway_program()} has no `gateway mcp`")
    except (Failure, Skip) as error:
        results.add("mcp referee", error)
        return
    processes = Processes()
    try:
        jobs = []
        if options.subject == "relay":
            relay(options, choice, folder, results, processes, python, jobs)
        else:
            gateway(options, choice, folder, results, processes, python, jobs)
        world = jobs.pop(0)
        # Attacks wait more than they work, so each of their arenas has a thread of its own.
        arenas = [job for job in jobs if getattr(job, "waits", False)]
        threads = [threading.Thread(target=job) for job in arenas]
        for thread in threads:
            thread.start()
        harness.in_parallel([job for job in jobs if job not in arenas], 2)
        for thread in threads:
            thread.join()
        if choice.has("transparency"):
            transparency.accounted(results, corpora)
            transparency.validate(world, results, corpora)
        if options.subject == "gateway" and choice.has("mcpcheck"):
            # Last, because the checker sends what no schema allows.
            import checkers
            for path in ("http-stdio",) if options.quick else ("http-http", "http-stdio"):
                checkers.check_protocol(world, results, path)
    finally:
        processes.stop_all()


def relay(options, choice, folder, results, processes, python, jobs):
    """The plain relay in the gateway's place: what it changes, this referee would invent."""
    world = World(folder, "relay", options.quick)
    world.processes = processes
    jobs.append(world if choice.has("transparency") else None)
    if choice.has("transparency"):
        transparent(options, choice, world, results, jobs)
    if choice.has("wire"):
        import relays
        for kind in ("line", "web"):
            jobs.append(lambda kind=kind: tests(
                results, choice, "wire", kind, lambda: relays.Arena(folder, kind, processes),
                "relay"))


def transparent(options, choice, world, results, jobs):
    drives = transparency.Drives(world)
    jobs += transparency.jobs(world, results, drives, options.quick, choice.takes)
    jobs.append(lambda: transparency.noticed(world, results, drives))
    import wire
    for path in ("stdio-stdio", "http-stdio", "http-http"):
        if world.subject == "relay" and path == "http-stdio":
            continue
        for name, function in functions(wire, "path_"):
            if choice.takes(f"path {path} {name}"):
                jobs.append(lambda f=function, n=name, p=path: results.run(
                    f"path {p} {n}", f, world, p))


def gateway(options, choice, folder, results, processes, python, jobs):
    """Everything, against the program."""
    from arena import ALL
    from real import Real
    world = None
    if choice.has("transparency") or choice.has("mcpcheck"):
        world = World(folder, "gateway", options.quick, Real(
            os.path.join(folder, "one"), processes, options.advisory))
    jobs.append(world)
    # Attacks first: they wait more than they work.
    if choice.has("attacks") or choice.has("wire") or choice.has("agentack"):
        for kind in ALL:
            jobs.append(waits(lambda kind=kind: arena(choice, lambda: Real(
                os.path.join(folder, f"attack-{kind}"), processes, options.advisory),
                kind, results, python)))
    if choice.has("faults"):
        jobs.append(waits(lambda: field(choice, lambda: Real(
            os.path.join(folder, "faults"), processes, options.advisory), results, python)))
    if choice.has("transparency"):
        transparent(options, choice, world, results, jobs)


def executions(arena):
    ran = sum(1 for _ in arena.upstream.ran(0))
    harness.equal(len(arena.claimed()), ran, "claimed actions against executions")
    harness.require(ran > 0, "nothing ran at all")


def waits(job):
    job.waits = True
    return job


def arena(choice, server, kind, results, python):
    from arena import Arena
    made = []

    def make():
        """The arena, or the same failure for everybody."""
        if not made:
            try:
                made.append(Arena(server(), kind, python))
            except Exception as error:
                made.append(error)
        if isinstance(made[0], Exception):
            raise made[0]
        return made[0]
    for part in ("attacks", "wire"):
        if choice.has(part):
            tests(results, choice, part, kind, make)
    if choice.has("agentack") and kind == "line":
        import checkers
        try:
            checkers.check_approvals(make(), results)
        except (Failure, Skip) as error:
            results.add("agentack", error)
    if made and isinstance(made[0], Arena):
        # However quickly each test looked: nothing may have run without a claim, up to now.
        results.run(f"every execution was claimed {kind}", executions, made[0])


def field(choice, server, results, python):
    import faults
    tests(results, choice, "faults", "", lambda: faults.Field(server(), python))


def tests(results, choice, part, kind, make, subject="gateway"):
    """Runs the tests of a part that are meant for a kind, one after the other."""
    import attacks
    import attacks_http
    import attacks_parsing
    import attacks_shared
    import attacks_tasks
    import faults
    import wire
    import wire_streams
    from arena import KINDS
    modules, prefix = {
        "attacks": ((attacks, attacks_parsing, attacks_http, attacks_tasks, attacks_shared),
                    "attack_"),
        "faults": ((faults,), "attack_"), "wire": ((wire, wire_streams), "wire_")}[part]
    chosen = [(n, f) for module in modules for n, f in functions(module, prefix)
              if choice.takes(n) and kind in KINDS.get(f.__name__, (kind,))
              and (subject == "gateway" or n not in wire.GATEWAY_ONLY)
              and not (choice.quick and n in faults.SLOW | attacks_shared.SLOW)]
    if not chosen:
        return
    label = f"{part} {kind}".strip()
    try:
        made = make()
    except Exception as error:
        results.add(f"{label} (setting up)", error if isinstance(error, (Failure, Skip))
                    else Failure(f"{type(error).__name__}: {error}"))
        return
    for name, function in chosen:
        results.run(f"{label} {name}", function, made)


def functions(module, prefix):
    """The tests of a module in the order in which they are written."""
    found = [(n.removeprefix(prefix), f) for n, f in vars(module).items()
             if n.startswith(prefix) and callable(f) and f.__module__ == module.__name__]
    return sorted(found, key=lambda pair: pair[1].__code__.co_firstlineno)


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # says where it stands, should it ever not end
    threading.stack_size(1 << 20)
    main()
