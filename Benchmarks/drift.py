#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The measurements of Benchmarks/drift.sh: medians of runs that take turns."""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ["EXEQUATUR_BIN"]
# What the research measured AIDE with: content and all metadata.
RULE = "ftype+p+i+l+n+u+g+s+b+m+c+acl+xattrs+caps+sha256"
CORES = os.cpu_count() or 1
# After this long without a change a file's digest may be remembered.
SETTLED_SECONDS = 62


# A process begins with the size of the one it came from: so that of a small one, not of this.
LAUNCHER = """
import os, sys, time
began = time.monotonic()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
      os.waitstatus_to_exitcode(status), file=sys.stderr)
"""


def run(arguments, statuses=(0,)):
    """Wall seconds, CPU seconds (user and system) and the largest resident size in bytes."""
    program = shutil.which(arguments[0]) or sys.exit(f"no `{arguments[0]}` here")
    done = subprocess.run(
        [sys.executable, "-IS", "-c", LAUNCHER, program, *arguments[1:]],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    *errors, last = done.stderr.splitlines()
    wall, cpu, memory, code = last.split()
    if int(code) not in statuses:
        sys.exit(f"{arguments[0]} ended with {code}: {' '.join(errors)}")
    return float(wall), float(cpu), int(memory)


def sha256_bytes_per_second():
    """What the machine hashes on all cores; 0 where openssl can't tell."""
    if not shutil.which("openssl"):
        return 0
    done = subprocess.run(
        ["openssl", "speed", "-multi", str(CORES), "-seconds", "2", "-bytes", "16384", "-evp",
         "sha256"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = re.findall(r"^\S*sha256\S*\s+([\d.]+)k", done.stdout, re.M | re.I)
    return float(found[-1]) * 1000 if found else 0


class Setting:
    def __init__(self, name, tree, work, with_aide):
        self.name, self.tree, self.work = name, tree, work
        work.mkdir()
        self.baseline, self.cache = work / "baseline", work / "cache"
        self.config = work / "aide.conf"
        self.with_aide = with_aide
        self.config.write_text(
            f"database_in=file:{work}/aide.db\ndatabase_out=file:{work}/aide.new\n"
            f"gzip_dbout=no\nreport_url=stdout\nlog_level=error\nnum_workers={CORES}\n"
            f"{tree} {RULE}\n")

    def prepare(self):
        run([PROGRAM, "drift", "init", str(self.tree), "--out", str(self.baseline)], (0, 2))
        with open(self.baseline, "rb") as file:
            leaves = [json.loads(line) for line in file][1:-1]
        self.files = len(leaves)
        self.bytes = sum(leaf["document"].get("size", 0) for leaf in leaves)
        # Two passes: the second finds what the first remembered.
        for _ in range(2):
            run(self.ours() + ["--cache", str(self.cache)], (0, 2))
        if self.with_aide:
            run(["aide", f"--config={self.config}", "--init"])
            os.replace(self.work / "aide.new", self.work / "aide.db")

    def ours(self):
        return [PROGRAM, "drift", "scan", "--baseline", str(self.baseline)]

    def contenders(self):
        every = {
            "ours, full": (self.ours(), (0, 2)),
            "ours, one worker": (self.ours() + ["--workers", "1"], (0, 2)),
            "ours, cache": (self.ours() + ["--cache", str(self.cache)], (0, 2)),
            "find -printf": (
                ["find", str(self.tree), "-printf", "%p %y %m %U %G %s %n %i %T@ %C@ %l\\n"],
                (0,)),
        }
        if self.with_aide:
            every["aide --check"] = (
                ["aide", f"--config={self.config}", "--check"], tuple(range(8)))
        return every

    def measure(self, rounds):
        self.prepare()
        samples = {name: [] for name in self.contenders()}
        self.speed = 0
        for number in range(rounds):
            # Its turn too; the best one, because only that is the machine's limit.
            self.speed = max(self.speed, sha256_bytes_per_second())
            for name, (arguments, statuses) in self.contenders().items():
                samples[name].append(run(arguments, statuses))
                print(f"  {self.name}, round {number + 1}: {name} "
                      f"{samples[name][-1][0]:.2f} s", file=sys.stderr)
        return {
            name: tuple(statistics.median(values) for values in zip(*runs))
            for name, runs in samples.items()
        }


def table(setting, medians):
    print(f"\n{setting.name}: {setting.files} entries, {setting.bytes / 1e9:.2f} GB, "
          f"{CORES} cores")
    print(f"  {'':18}{'wall s':>9}{'CPU s':>9}{'RSS MB':>9}{'entries/CPU s':>15}")
    for name, (wall, cpu, memory) in medians.items():
        print(f"  {name:18}{wall:9.3f}{cpu:9.3f}{memory / 1e6:9.1f}"
              f"{setting.files / max(cpu, 1e-3):15.0f}")


def goals(setting, medians, is_usr):
    """Pairs of text and whether it is met; ratios are ours to theirs."""
    full, cached, find = (medians[name] for name in ("ours, full", "ours, cache", "find -printf"))
    aide = medians.get("aide --check")
    found = []

    def goal(text, value, mark, is_least=True):
        met = value >= mark if is_least else value <= mark
        by = value / mark if is_least else mark / max(value, 1e-9)
        found.append((f"{text}: {value:.2f} ({'≥' if is_least else '≤'} {mark:.2f}, "
                      f"{by:.2f} of it)", met))

    if aide and not is_usr:
        goal("times AIDE's check per CPU second", aide[1] / full[1], 7)
    if aide and is_usr:
        goal("times AIDE's check in wall time", aide[0] / full[0], 6)
    if setting.speed and is_usr:
        goal("times the hardware's limit of SHA-256 on all cores",
             full[0] / (setting.bytes / setting.speed), 2, is_least=False)
    allowed = 32e6 + 150 * setting.files
    goal("MB resident, full", full[2] / 1e6, allowed / 1e6, is_least=False)
    goal("MB resident, cache", cached[2] / 1e6, allowed / 1e6, is_least=False)
    goal("of find's rate with a cache, by CPU", find[1] / cached[1], 0.5)
    return found


def make_tree(path):
    block = os.urandom(4096 + 20_000)
    for folder in range(100):
        place = path / f"{folder:03}"
        place.mkdir(parents=True)
        for number in range(200):
            start = folder * 200 + number
            (place / f"{number:03}").write_bytes(block[start:start + 4096])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-usr", action="store_true")
    parser.add_argument("--tree", help="measure this instead of /usr")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with_aide = shutil.which("aide") is not None
    if not with_aide:
        print("note: no aide here, its rows are missing", file=sys.stderr)
    top = pathlib.Path(tempfile.mkdtemp(prefix="exq-bench."))
    report, missed = {}, 0
    try:
        make_tree(top / "small")
        time.sleep(SETTLED_SECONDS)
        settings = [(Setting("20,000 files of 4 KiB", top / "small", top / "a", with_aide), False)]
        if not arguments.without_usr:
            large = pathlib.Path(arguments.tree or "/usr")
            settings.append((Setting(str(large), large, top / "b", with_aide), True))
        for setting, is_usr in settings:
            medians = setting.measure(arguments.rounds)
            marks = goals(setting, medians, is_usr)
            missed += sum(not met for _, met in marks)
            report[setting.name] = {
                "entries": setting.files, "bytes": setting.bytes,
                "medians": {name: dict(zip(("wall", "cpu", "rss"), values))
                            for name, values in medians.items()},
                "goals": [{"goal": text, "met": met} for text, met in marks],
            }
            if not arguments.json:
                table(setting, medians)
                for text, met in marks:
                    print(f"  {'met   ' if met else 'MISSED'}  {text}")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    if arguments.json:
        print(json.dumps(report, indent=1))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
