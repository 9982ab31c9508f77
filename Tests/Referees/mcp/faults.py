# SPDX-License-Identifier: Apache-2.0
"""What happens when things are down, killed, or another gate's.

Each test takes a Field: a server of its own that it may stop, and two gates in front of two
upstreams of the same kind.
"""
import json
import os
import subprocess
import time

import raw
from arena import denied, executed, waiting
from harness import Failure, brief, clean_environment, equal, require, until
from raw import LEGACY, MODERN, call, request, text
from real import Gateway, Upstream, definitions


# What takes long and is left out with --quick.
SLOW = {"progress_while_held"}


class Field:
    """One server, two gates with the same name of server, two upstreams."""

    def __init__(self, real, python):
        self.real = real
        self.python = python
        self.first = self.make("gate-one")
        self.second = self.make("gate-two")
        self.count = 0

    def make(self, gate):
        upstream = Upstream(self.real.folder, gate, self.real.processes, self.python)
        gateway = Gateway(self.real, gate, "raw", upstream.command, hold="1s")
        gateway.present(LEGACY, definitions())
        return gateway, upstream

    def unique(self):
        self.count += 1
        return f"field-{self.count}-{time.time_ns() % 10**9}"


def opened(gateway, era=LEGACY):
    client = gateway.client()
    client.open(era)
    return client


def attack_another_gates_grant(field):
    """Approved for one gate, the same call through another one waits for itself."""
    (one, upstream_one), (two, upstream_two) = field.first, field.second
    mark_one, mark_two = upstream_one.mark(), upstream_two.mark()
    arguments = {"text": field.unique()}
    client = opened(one)
    first = waiting(client.ask(call(client.number(), "run_reviewed", arguments)))
    field.real.approve(first)
    other = opened(two)
    second = waiting(other.ask(call(other.number(), "run_reviewed", arguments)))
    require(first != second, "another gate attached to the action")
    equal(upstream_two.quiet(mark_two), [], "executions behind the other gate")
    # Nor by the token of the one in the other's place: its configuration is another.
    executed(client.ask(call(client.number(), "run_reviewed", arguments)), "run_reviewed")
    equal(len(upstream_one.quiet(mark_one)), 1, "executions behind the first gate")
    client.close()
    other.close()


def attack_configuration_of_another_gate(field):
    """A gate that starts another program than the approved one is quarantined."""
    one, upstream = field.first
    evil = Upstream(field.real.folder, "evil", field.real.processes, field.python)
    changed = Gateway.__new__(Gateway)
    changed.__dict__.update(one.__dict__, behind=evil.command)
    client = opened(changed)
    found = client.ask(call(client.number(), "run_allowed", {"text": field.unique()}))
    denied(found)
    equal(evil.quiet(0), [], "executions of a program that nobody approved")
    client.close()
    client = opened(one)
    executed(client.ask(call(client.number(), "run_allowed", {"text": field.unique()})),
             "run_allowed")
    client.close()
    require(upstream.ran(0), "the approved program does not run any more")


def attack_server_down(field):
    """Nothing is decided, so nothing runs; what is no action still passes."""
    gateway, upstream = field.first
    client = opened(gateway)
    mark, value = upstream.mark(), field.unique()
    executed(client.ask(call(client.number(), "run_allowed", {"text": value})), "run_allowed")
    field.real.stop(kill=True)
    try:
        began = time.monotonic()
        for tool in ("run_allowed", "run_reviewed"):
            found = client.ask(call(client.number(), tool, {"text": value + "-down"}), 60)
            require((found.get("result") or {}).get("isError") is True, f"got {brief(found)}")
            require("approved-executed" not in json.dumps(found), "it says that it ran")
        require(time.monotonic() - began < 60, "it takes a minute to say so")
        require(client.ask(request(client.number(), "ping")).get("result") == {},
                "a ping does not pass while the server is down")
        equal(upstream.quiet(mark), [("run_allowed", {"text": value})], "executions")
        fresh = gateway.client()
        try:
            fresh.send(call(5, "run_allowed", {"text": value + "-fresh"}))
            fresh.response(5, 5)
        except Failure:
            pass  # it may refuse to start at all
        fresh.kill()
        equal(upstream.quiet(mark), [("run_allowed", {"text": value})], "executions at start")
    finally:
        field.real.start()

    def again():
        found = client.ask(call(client.number(), "run_allowed", {"text": value + "-up"}), 30)
        return "ran run_allowed" in text(found)
    until(again, "the same gateway goes on when the server is back", 30, 0.5)
    client.close()


def attack_server_killed_between_approval_and_claim(field):
    """kill -9 of the server: the approval is durable, and the call runs once."""
    gateway, upstream = field.first
    client = opened(gateway)
    mark, arguments = upstream.mark(), {"text": field.unique()}
    identifier = waiting(client.ask(call(client.number(), "run_reviewed", arguments)))
    field.real.approve(identifier)
    field.real.stop(kill=True)
    field.real.start()

    def ran():
        found = client.ask(call(client.number(), "run_reviewed", arguments), 30)
        return "ran run_reviewed" in text(found)
    until(ran, "the approved call runs after the restart", 30, 0.5)
    equal(upstream.quiet(mark), [("run_reviewed", arguments)], "executions")
    client.close()


def attack_ledger_tells_the_same_story(field):
    """Each execution that the upstream saw has an action that was claimed, and no other."""
    executions = 0
    for _, upstream in (field.first, field.second):
        executions += len(upstream.ran(0))
    done = [a for a in field.real.actions() if a["action"].startswith("mcp.raw___")
            and a["state"] in ("succeeded", "failed", "unknown", "claimed")]
    equal(len(done), executions, "claimed actions against executions")

    def reported():
        return [a for a in field.real.actions() if a["action"].startswith("mcp.raw___")
                and a["state"] in ("succeeded", "failed", "unknown")]
    # A receipt is complete once the outcome is in it, which comes a moment after the answer.
    until(lambda: len(reported()) >= min(3, len(done)), "outcomes are reported")
    for found in reported()[:3]:
        path = os.path.join(field.real.folder, f"{found['id']}.json")
        field.real.cli("receipt", found["id"], "--out", path)
        checked = subprocess.run(
            [field.real.binary, "verify", path, "--key", f"{field.real.folder}/data/log.vkey"],
            capture_output=True, text=True, env=clean_environment(), timeout=60)
        equal(checked.returncode, 0, f"verify of {found['id']}: {checked.stdout[-400:]}")
    # Reads the data folder, so that the server has to be down.
    field.real.stop()
    try:
        found = subprocess.run(
            [field.real.binary, "fsck", "--data", f"{field.real.folder}/data"],
            capture_output=True, text=True, env=clean_environment(), timeout=120)
        equal(found.returncode, 0, f"fsck: {found.stdout[-400:]}{found.stderr[-200:]}")
    finally:
        field.real.start()


def attack_exits_with_its_client(field):
    """Input closed: gateway and upstream end within two seconds, or soon after."""
    gateway, upstream = field.first
    mark = upstream.mark()
    client = opened(gateway)
    took = client.close(8)
    require(took is not None and took < 4, f"the gateway took {took} s to end")
    pid = next(r["pid"] for r in upstream.records(mark) if "pid" in r)
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the upstream has ended", 5)


def attack_client_killed(field):
    """The agent dies: no upstream stays behind."""
    gateway, upstream = field.first
    mark = upstream.mark()
    client = opened(gateway)
    client.kill()
    pid = next(r["pid"] for r in upstream.records(mark) if "pid" in r)
    # kill -9 of the gateway: the upstream's input ends, which a server of stdio obeys.
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the upstream has ended", 8)


def attack_advisory_says_so(field):
    """Without the gate's token it works, says that it is advisory, and so does the record."""
    gateway, upstream = field.first
    environment = clean_environment(
        **{k: v for k, v in gateway.environment.items() if k != "EXEQUATUR_GATE_TOKEN"})
    log = os.path.join(field.real.folder, "advisory.log")
    command = [w if w != gateway.state else gateway.state + "-advisory" for w in gateway.command]
    os.makedirs(gateway.state + "-advisory", exist_ok=True)
    with open(log, "wb") as errors:
        client = raw.Line(command, environment, errors)
        client.open(LEGACY)
        mark, value = upstream.mark(), field.unique()
        found = client.ask(call(client.number(), "run_allowed", {"text": value}))
        client.close()
    with open(log, encoding="utf-8") as file:
        said = file.read()
    require("advisory" in said, f"standard error does not say `advisory`: {said[-300:]!r}")
    executed(found, "run_allowed")
    equal(upstream.ran(mark), [("run_allowed", {"text": value})], "executions")
    for action in field.real.actions():
        shown = field.real.show(action["id"])
        if shown["operation"]["input"] == {"text": value}:
            require('"enforcing": true' not in json.dumps(shown), "recorded as enforcing")
            return
    raise Failure("no action was recorded")


def attack_no_agent_token(field):
    """A gateway that does not know for whom it asks runs nothing."""
    gateway, upstream = field.first
    mark = upstream.mark()
    for token in (None, "", "exq1_a_wrong", gateway.token):
        environment = dict(gateway.environment)
        environment.pop("EXEQUATUR_TOKEN")
        if token is not None:
            environment["EXEQUATUR_TOKEN"] = token
        client = raw.Line(gateway.command, clean_environment(**environment))
        try:
            client.send(request(1, "initialize", {
                "protocolVersion": LEGACY, "capabilities": {},
                "clientInfo": {"name": "r", "version": "1"}}))
            client.response(1, 5)
            client.send(call(2, "run_allowed", {"text": field.unique()}))
            found = client.response(2, 15)
            require(found is None or "error" in found or found["result"].get("isError"),
                    f"token {token and token[:8]!r}: {brief(found)}")
        except Failure as error:
            require("no more input" in str(error), str(error))  # it refused to start
        finally:
            client.kill()
    equal(upstream.quiet(mark), [], "executions without an agent")


def attack_used_nonce_after_restart_with_tampered_state(field):
    """The gate's own notes cut off or overwritten: still nothing runs twice."""
    gateway, upstream = field.first
    client = opened(gateway)
    mark, arguments = upstream.mark(), {"text": field.unique()}
    arena_id = waiting(client.ask(call(client.number(), "run_reviewed", arguments)))
    field.real.approve(arena_id)
    executed(client.ask(call(client.number(), "run_reviewed", arguments)), "run_reviewed")
    client.close()
    kept = {}
    for folder, _, names in os.walk(gateway.state):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                kept[path] = file.read()
    require(kept, f"the gateway keeps nothing in {gateway.state}")
    try:
        for damage in (lambda b: b[:len(b) // 2], lambda b: b"garbage\n" * 4, lambda b: b""):
            for path, data in kept.items():
                with open(path, "wb") as file:
                    file.write(damage(data))
            other = gateway.client()
            try:
                other.open(LEGACY)
                other.send(call(9, "run_reviewed", arguments))
                found = other.response(9, 8)
                require(found is None or "error" in found or found["result"].get("isError"),
                        f"with damaged notes: {brief(found)}")
            except Failure as error:
                require("damaged" not in str(error), str(error))  # it may refuse to start
            finally:
                other.kill()
    finally:
        for path, data in kept.items():
            with open(path, "wb") as file:
                file.write(data)
    equal(upstream.quiet(mark), [("run_reviewed", arguments)], "executions")


def attack_progress_while_held(field):
    """A client that gave a token hears every 15 seconds that its call still waits."""
    one, upstream = field.first
    patient = Gateway.__new__(Gateway)
    patient.__dict__.update(one.__dict__, hold="34s")
    client = opened(patient, MODERN)
    mark = upstream.mark()
    began = time.monotonic()
    waiting(client.ask(call(77, "run_reviewed", {"text": field.unique()}, MODERN,
                            {"progressToken": "patience"}), 60), MODERN)
    require(30 < time.monotonic() - began < 45, f"held for {time.monotonic() - began:.0f} s")
    progress = [m["params"] for m in client.others if m.get("method") == "notifications/progress"]
    require(len(progress) >= 2, f"progress while it waited: {brief(progress)}")
    require(all(p["progressToken"] == "patience" for p in progress), brief(progress))
    values = [p["progress"] for p in progress]
    require(values == sorted(set(values)), f"progress does not increase: {values}")
    # Without a token nobody asked to hear of it.
    equal(upstream.quiet(mark), [], "executions")
    client.close()


def attack_modern_client_of_a_stopped_upstream(field):
    """The upstream cannot be started: calls are answered, nothing hangs."""
    gateway, _ = field.second
    broken = Gateway.__new__(Gateway)
    broken.__dict__.update(gateway.__dict__, behind=["/nonexistent/program"])
    client = broken.client()
    client.send(request(1, "server/discover", None, MODERN))
    client.response(1, 8)
    try:
        client.send(call(2, "run_allowed", {"text": "x"}, MODERN))
        found = client.response(2, 8)
        require(found is None or "error" in found or found["result"].get("isError"), brief(found))
    except Failure:
        pass  # it has ended, which is an answer
    ended = client.process.poll()
    client.kill()
    require(ended != 0, "a gateway whose upstream cannot start ends successfully")
