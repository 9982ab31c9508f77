#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does every case of cases.json to a tree, asks us and Debian's AIDE, and prints both answers.

    Tests/Referees/drift/aide.py [--only WORDS] [--keep]

EXEQUATUR_BIN is the program, otherwise the release build, otherwise the debug one. AIDE is
Debian's package `aide`, with every attribute that its rule below names; without it only ours is
asked. Some cases need root and are left out without. Ends with 1 if one was missed by us, or if we
took something for drift that is none; with 3 if that could not be told, because the referee is broken.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
# Everything AIDE 0.18 can compare that stays as it is while nothing happens.
RULE = "ftype+p+i+l+n+u+g+s+b+m+c+acl+xattrs+caps+sha256"


# Exit status where nothing can be said of what is tested.
BROKEN = 3


def broken(why):
    print(f"BROKEN: {why}", file=sys.stderr)
    sys.exit(BROKEN)


def binary():
    named = os.environ.get("EXEQUATUR_BIN")
    places = [named] if named else [
        ROOT / ".build-release/release/exequatur", ROOT / ".build/debug/exequatur"]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    broken("no program: build it, or set EXEQUATUR_BIN")


def shell(script, tree, outside):
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    environment = dict(os.environ, O=str(outside), P=f"{python} -IS {HERE}/tamper.py")
    done = subprocess.run(["sh", "-c", script], cwd=tree, env=environment)
    if done.returncode != 0:
        broken(f"ended with {done.returncode}: {script}")


class Ours:
    def __init__(self, program, tree, work):
        self.program, self.tree, self.file = program, tree, work / "baseline"

    def init(self):
        done = subprocess.run(
            [self.program, "drift", "init", str(self.tree), "--out", str(self.file)],
            stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            broken(f"`drift init` ended with {done.returncode}")

    def check(self):
        """What was found, as subjects relative to the tree: deviations, gaps."""
        done = subprocess.run(
            [self.program, "drift", "scan", "--baseline", str(self.file), "--json"],
            stdout=subprocess.PIPE)
        if done.returncode not in (0, 2):
            sys.exit(f"the scan ended with {done.returncode}")
        report = json.loads(done.stdout)
        clean = not report["deviations"] and not report["gaps"]
        if clean != (done.returncode == 0):
            sys.exit("exit status and report do not say the same")
        return self.names(report["deviations"]), self.names(report["gaps"])

    def names(self, items):
        prefix = f"file:{self.tree}"
        return {one["subject"][len(prefix):].lstrip("/") or "." for one in items}


class Aide:
    def __init__(self, tree, work):
        self.config, self.work = work / "aide.conf", work
        self.config.write_text(
            f"database_in=file:{work}/aide.db\ndatabase_out=file:{work}/aide.new\n"
            f"gzip_dbout=no\nreport_url=stdout\nlog_level=error\n{tree} {RULE}\n")

    def run(self, verb):
        return subprocess.run(
            ["aide", f"--config={self.config}", verb], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def init(self):
        done = self.run("--init")
        if done.returncode != 0:
            broken(f"aide --init: {done.stdout.decode(errors='replace')}")
        os.replace(self.work / "aide.new", self.work / "aide.db")

    def check(self):
        """Whether it found something; added, removed and changed are bits of its status."""
        done = self.run("--check")
        return None if done.returncode >= 14 else done.returncode != 0


def ask(case, program, has_aide, keep):
    top = pathlib.Path(tempfile.mkdtemp(prefix="exq-referee."))
    tree, outside, work = top / "t", top / "o", top / "w"
    for folder in (tree, outside, work):
        folder.mkdir()
    try:
        base = (HERE / "base.sh").read_text()
        shell(base + case.get("setup", ""), tree, outside)
        tools = [Ours(program, tree, work)] + ([Aide(tree, work)] if has_aide else [])
        for tool in tools:
            tool.init()
        shell(case["tamper"], tree, outside)
        answers = [tool.check() for tool in tools]
        return answers[0], answers[1] if has_aide else None
    finally:
        shell(case.get("cleanup", "true"), tree, outside)
        if not keep:
            shutil.rmtree(top, ignore_errors=True)


def judge(case, answer):
    deviations, gaps = answer
    expected = set(case["expect"])
    if not expected:
        return "quiet" if not deviations | gaps else "ALARM"
    if not expected <= deviations | gaps:
        return "MISSED"
    if deviations | gaps != expected:
        return "NOISE"
    return "gap" if expected & gaps else "found"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="cases whose name has these words")
    parser.add_argument("--keep", action="store_true", help="leave the trees where they are")
    arguments = parser.parse_args()
    program, has_aide = binary(), shutil.which("aide") is not None
    cases = json.loads((HERE / "cases.json").read_text())
    cases += json.loads((HERE / "quiet.json").read_text())
    if arguments.only:
        cases = [case for case in cases if arguments.only in case["name"]]
    left_out = [case for case in cases if case.get("root") and os.geteuid() != 0]
    counts = dict.fromkeys(["found", "gap", "MISSED", "NOISE", "quiet", "ALARM"], 0)
    by_aide, alarms = 0, 0
    width = max((len(case["name"]) for case in cases), default=4)
    print(f"{'case':{width}}  ours    AIDE")
    for case in cases:
        if case in left_out:
            continue
        ours, aide = ask(case, program, has_aide, arguments.keep)
        verdict = judge(case, ours)
        counts[verdict] += 1
        if case["expect"]:
            by_aide += aide is True
            said = {None: "-", True: "found", False: "missed"}[aide]
        else:
            alarms += aide is True
            said = {None: "-", True: "alarm", False: "quiet"}[aide]
        print(f"{case['name']:{width}}  {verdict:6}  {said}")
        if verdict in ("MISSED", "NOISE", "ALARM"):
            print(f"    expected {sorted(case['expect'])}, got {sorted(ours[0])}, "
                  f"gaps {sorted(ours[1])}")
    if left_out:
        print(f"{len(left_out)} left out: they need root")
    print(f"of {counts['quiet'] + counts['ALARM']} without drift we gave alarm for "
          f"{counts['ALARM']}, AIDE for {alarms if has_aide else '-'}")
    print(f"{counts['found'] + counts['NOISE']} found, {counts['gap']} gaps, "
          f"{counts['MISSED']} missed; AIDE found {by_aide if has_aide else '-'}")
    sys.exit(1 if counts["MISSED"] or counts["NOISE"] or counts["ALARM"] else 0)


if __name__ == "__main__":
    main()
