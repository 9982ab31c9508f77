#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The referee of the HTTP interface; see scripts/http-fuzz."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from installation import Server, seal  # noqa: E402

CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "unsupported_method", "allow_header_conformance", "missing_required_header", "ignored_auth",
]
# A stream never ends; and whoever fuzzes must not end his own token, or that of another party.
EXCLUDED = "^/v1/events$|/rotate$|^/v1/sessions/"
# Two at a time is what two cores have; the others are refused more often, and find less.
QUICK = ["agent", "administrator"]


def parties(server):
    """Tokens by name, and something of each kind that can be found."""
    people = [("bob", ["reviewers"]), ("root", ["administrators"]),
              ("carol", ["administrators", "reviewers"]), ("erin", ["administrators"])]
    tokens = {"nobody": None}
    for person, groups in people:
        made = server.must(
            "POST", "/v1/persons", {"id": person, "groups": groups, "token": True})
        # Made by himself, so that nobody else has seen it once the installation is sealed.
        tokens[person] = server.must(
            "POST", f"/v1/persons/{person}/rotate", token=server.admin)["token"]
        if "administrators" in groups:
            tokens[person] = server.must(
                "POST", f"/v1/persons/{person}/rotate", token=tokens[person])["token"]
        assert made["token"]
    server.must("POST", "/v1/persons", {"id": "alice"})
    tokens["agent"] = server.must("POST", "/v1/agents", {"id": "bot", "owner": "alice"})["token"]
    tokens["gate"] = server.must("POST", "/v1/gates", {"id": "run"})["token"]
    server.must("POST", "/v1/groups", {"id": "team"})
    server.must("POST", "/v1/actions", {"operation": {
        "action": "command.run", "input": {"argv": ["rm", "x"], "cwd": "/"},
        "resource": {"id": "web1", "type": "Host"}}}, token=tokens["agent"])
    return {"nobody": None, "agent": tokens["agent"], "gate": tokens["gate"],
            "reviewer": tokens["bob"], "administrator": tokens["root"]}


class Run:
    """One run of schemathesis as one party."""

    def __init__(self, name, token, examples, seed):
        self.name, self.token, self.examples, self.seed = name, token, examples, seed

    def __call__(self, server):
        config = str(HERE / "schemathesis.toml")
        command = [
            str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", config,
            "run", server.url + "/openapi.json", "--checks", ",".join(CHECKS),
            "--phases", "coverage,fuzzing" if self.examples else "coverage",
            "--max-examples", str(self.examples or 1), "--exclude-path-regex", EXCLUDED,
            "--request-timeout", "70", "--suppress-health-check", "all",
            # Two threads that parse at once crash Python's parser, up to 3.11.
            "--workers", "1", "--continue-on-failure", "--no-color", "--no-shrink",
            "--seed", str(self.seed), "--warnings", "off",
        ]
        if self.token:
            command += ["--header", f"Authorization: Bearer {self.token}"]
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, cwd=server.folder)
        text = done.stdout + done.stderr
        (server.folder / f"{self.name}.txt").write_text(text)
        found = re.search(r"Test cases:\n\s+([\d,]+) generated", text)
        generated = int(found[1].replace(",", "")) if found else 0
        return self.name, done.returncode, generated, faults(text), time.monotonic() - started


def faults(text):
    """One line for each finding of a run, from its report."""
    lines, operation, title = [], "?", None
    for line in text.splitlines():
        if found := re.match(r"^_+ ([A-Z]+ /\S*|.+?) _+$", line):
            operation = found[1]
        elif found := re.match(r"^- (\S.*)$", line):
            title = found[1]
            lines.append(f"{operation}: {title}")
        elif title and (found := re.match(r"^\[(\d+)\] ", line)):
            lines[-1] += f": {found[1]}"
            title = None
    return sorted(set(lines)) or [line for line in text.splitlines()[-15:] if line.strip()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep")
    parser.add_argument("--party", action="append", help="only as this one")
    options = parser.parse_args()
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="exequatur-http-"))
    seed = int(os.environ.get("EXEQUATUR_SEED", "1"))
    examples = 0 if options.quick else 25
    passed = failed = 0

    def check(name, holds, detail=""):
        nonlocal passed, failed
        passed, failed = passed + bool(holds), failed + (not holds)
        if not holds:
            print(f"FAIL {name}: {detail}", flush=True)

    def fuzz(server, runs):
        wanted = [run for run in runs if not options.party or run.name in options.party]
        # One thread of schemathesis each, so two at a time on two cores.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for name, status, generated, found, took in pool.map(lambda run: run(server), wanted):
                print(f"{name}: {generated} requests in {took:.0f} s", flush=True)
                check(f"{name} sends requests", generated > 0, "none was made")
                for line in found if status != 0 else []:
                    check(f"{name}: {line}", False, f"seed {seed}")
                check(f"{name} gets only what the document says", status == 0,
                      f"see {name}.txt" if options.keep else "see it with --keep FOLDER")

    def installation(name, body):
        """A server of its own: an administrator who fuzzes may have removed anybody."""
        server = Server(folder / name, "--submissions-per-second", "100000")
        try:
            body(server, parties(server))
        finally:
            status = server.stop()
        check(f"{name}: the server ends by itself when it is told to", status == 0, status)
        whole, words = server.fsck()
        check(f"{name}: the ledger is whole", whole, words)

    def unsealed(server, tokens):
        fuzz(server, [Run(name, token, examples, seed) for name, token in tokens.items()
                      if not options.quick or name in QUICK])

    def sealed(server, tokens):
        seal(server, ["carol", "erin"])
        fuzz(server, [Run(f"{name}-sealed", tokens[name], examples // 3, seed)
                      for name in ("administrator", "reviewer", "agent")])

    installation("unsealed", unsealed)
    if not options.quick:
        installation("sealed", sealed)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 and passed > 0 else 1)


if __name__ == "__main__":
    main()
