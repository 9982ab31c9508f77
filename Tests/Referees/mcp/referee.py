#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The referee of the MCP gateway; see scripts/mcp-referee.

    referee.py [--quick] [--subject gateway|relay] [--only TEXT] [--verbose] [--keep FOLDER]
"""
import argparse
import os
import sys
import tempfile
import time

import harness
import transparency
from harness import ROOT, Results, Skip
from world import World


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--subject", choices=["gateway", "relay"], default="gateway")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    corpora = os.environ.get("EXEQUATUR_CORPORA") or os.path.join(
        os.path.dirname(ROOT), "shared", "corpora")
    began = time.monotonic()
    results = Results(options.verbose)
    with tempfile.TemporaryDirectory(prefix="mcp-referee-") as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        run(options, folder, corpora, results)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    print(results.closing())
    # Nothing passed means that nothing was tested, which must not count as a success.
    sys.exit(1 if results.failed or not results.passed else 0)


def run(options, folder, corpora, results):
    try:
        harness.python("mcp-modern"), harness.python("mcp-legacy")
    except Skip as error:
        results.add("mcp referee", error)
        results.passed += 1  # as agreed for absent peers: said, and no failure
        return
    world = World(folder, options.subject)
    drives = transparency.Drives(world)
    try:
        transparency.accounted(results, corpora)
        harness.in_parallel(transparency.jobs(world, results, drives, options.quick), 2)
        transparency.noticed(world, results, drives)
        transparency.validate(world, results, corpora)
    finally:
        world.processes.stop_all()


if __name__ == "__main__":
    main()
