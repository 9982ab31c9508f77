# SPDX-License-Identifier: Apache-2.0
"""Two checkers that others wrote: jbt-mcpcheck for the protocol, agentack for approvals.

Both are run as their users would run them; what they say is what is reported.
"""
import base64
import copy
import datetime
import json
import os
import subprocess

from harness import Failure, Skip, brief, clean_environment, equal, python, require
from raw import call
from arena import denied, executed, waiting


def tool(name):
    path = os.path.join(os.path.dirname(python("mcp-modern")), name)
    if not os.access(path, os.X_OK):
        raise Skip(f"no {name}: run scripts/mcp-referee --install")
    return path


# MARK: jbt-mcpcheck

CHECKS = ["handshake", "session", "discover", "protocol", "schemas", "errors", "cache", "origin"]


def mcpcheck(endpoint):
    """The report of a run against an endpoint: itself, as the relay before it gives it a `Host`
    that is not the one of the checker's `Origin`."""
    headers = [w for k, v in (endpoint.get("headers") or {}).items() for w in ("-H", f"{k}: {v}")]
    found = subprocess.run(
        [tool("mcpcheck"), endpoint.get("itself", endpoint["http"]), "--json", "--probe", "all",
         *headers],
        capture_output=True, text=True, timeout=120, env=clean_environment(NO_COLOR="1"))
    try:
        return json.loads(found.stdout)
    except ValueError:
        raise Failure(f"mcpcheck ended with {found.returncode}: {found.stderr[-400:]}") from None


def check_protocol(world, results, path):
    """Each of the eight checks is one test; none may be worse than directly."""
    label = f"mcpcheck {path}"
    direct = {}
    try:
        through = by_name(mcpcheck(world.endpoint("modern", path)))
        if any(found["status"] not in ("pass", "skip") for found in through.values()):
            direct = by_name(mcpcheck(world.endpoint("modern", "direct-http")))
    except (Failure, Skip) as error:
        results.add(label, error)
        return
    for name in CHECKS:
        def check(name=name):
            require(name in through, f"was not run: {sorted(through)}")
            found = through[name]
            if found["status"] in ("pass", "skip"):
                return
            # `write_*` tools answer invalid arguments with a review, which the checker may call
            # unhelpful; anything it warns of directly as well is the upstream's.
            if found["status"] == "warn" and direct[name]["status"] in ("warn", "fail"):
                return
            problems = [f"{p.get('code')}: {p.get('message')}" for p in
                        found.get("failures", []) + found.get("warnings", [])]
            raise Failure(f"{found['status']} (directly: {direct[name]['status']}): "
                          + brief("; ".join(problems) or found, 900))
        results.run(f"{label} {name}", check)


def by_name(report):
    return {c["name"]: c for c in report["checks"]}


# MARK: agentack

class Story:
    """What happened, from three places: the client's wire, the reviewer's page, the upstream."""

    def __init__(self, arena):
        self.arena, self.events = arena, []

    def add(self, kind, at=None, **more):
        at = at or datetime.datetime.now(datetime.timezone.utc)
        self.events.append({"schema_version": 2, "type": kind, "session_id": "referee",
                            "timestamp": at.isoformat().replace("+00:00", "Z"), **more})

    @staticmethod
    def identity(name, arguments):
        return {"tool": "raw", "operation": name, "resource": "raw", "parameters": arguments}

    def from_review(self, identifier):
        """The action as the server showed it to the reviewer."""
        shown = self.arena.real.show(identifier)
        operation = shown["operation"]
        name = operation["action"].split("___", 1)[1]
        return self.identity(name, operation["input"])

    def from_upstream(self, mark):
        """What the upstream really got, from its bytes."""
        for record in self.arena.upstream.records(mark):
            if "message" not in record:
                continue
            message = json.loads(base64.b64decode(record["message"]))
            if message.get("method") == "tools/call":
                params = message["params"]
                yield (datetime.datetime.fromtimestamp(record["at"], datetime.timezone.utc),
                       self.identity(params["name"], params["arguments"]))


def decide(story, client, action, intent, tool, arguments, decision):
    """One call that has to wait, and a person's word on it; its names in the story."""
    arena = story.arena
    story.add("action_proposed", action_id=action, intent_id=intent,
              action=story.identity(tool, arguments))
    approval = waiting(client.ask(call(client.number(), tool, arguments)))
    names = {"action_id": action, "intent_id": intent, "approval_id": approval}
    story.add("approval_requested", action=story.from_review(approval), **names)
    (arena.real.approve if decision == "allow" else arena.real.deny)(approval)
    story.add("approval_decision", decision=decision, **names)
    return names


def tell(arena):
    """A session with all that approvals can lead to."""
    story, client = Story(arena), arena.client()
    arguments = {"text": arena.unique("ack")}
    mark = arena.upstream.mark()
    # Approved, and run once.
    names = decide(story, client, "a1", "i1", "run_reviewed", arguments, "allow")
    executed(client.ask(call(client.number(), "run_reviewed", arguments)), "run_reviewed")
    for at, action in story.from_upstream(mark):
        story.add("action_executed", at, action=action, **names)
    # Denied; then tried by the same tool again and by another tool of the same effect.
    refused = {"text": arena.unique("ack")}
    mark = arena.upstream.mark()
    names = decide(story, client, "a2", "i2", "run_reviewed", refused, "deny")
    denied(client.ask(call(client.number(), "run_reviewed", refused)))
    story.add("action_blocked", **names)
    names = decide(story, client, "a3", "i2", "run_alternative", refused, "deny")
    denied(client.ask(call(client.number(), "run_alternative", refused)))
    for at, action in story.from_upstream(mark):
        story.add("action_executed", at, action=action, **names)
    story.add("action_blocked", **names)
    story.add("session_end")
    client.close()
    return story.events


def agentack(folder, events, policy):
    path = os.path.join(folder, "trace.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")
    report = os.path.join(folder, "report.json")
    found = subprocess.run(
        [tool("agentack"), "check", path, "--policy", policy, "--json", report],
        capture_output=True, text=True, timeout=60, env=clean_environment())
    if found.returncode not in (0, 1, 3):
        said = f"{found.stdout}{found.stderr}"[-500:]
        raise Failure(f"agentack ended with {found.returncode}: {said}")
    with open(report, encoding="utf-8") as file:
        written = json.load(file)
    result = written.get("result", written)
    return found.returncode, {f["rule_id"] for f in result.get("findings", [])}, found.stdout


def broken(events):
    """The same trace with one thing wrong, and the rule that has to say so."""
    def changed(edit):
        copied = copy.deepcopy(events)
        edit(copied)
        return copied

    def at(kind, found):
        return next(i for i, e in enumerate(found) if e["type"] == kind)

    def without_approval(e):
        del e[at("action_executed", e)]["approval_id"]

    def other_arguments(e):
        e[at("action_executed", e)]["action"]["parameters"] = {"text": "other"}

    def twice(e):
        where = at("action_executed", e)
        e.insert(where + 1, copy.deepcopy(e[where]))

    def expired(e):
        e[at("approval_decision", e)]["expires_at"] = "2020-01-01T00:00:00Z"

    def denied_ran(e):
        where = max(i for i, x in enumerate(e) if x["type"] == "action_blocked")
        blocked = e[where]
        proposed = next(x for x in e if x["type"] == "action_proposed"
                        and x["action_id"] == blocked["action_id"])
        e[where] = {**blocked, "type": "action_executed", "action": proposed["action"]}

    def early(e):
        run, ask = at("action_executed", e), at("approval_decision", e)
        e.insert(ask, e.pop(run))

    def interrupted(e):
        e.insert(at("action_executed", e), {
            "schema_version": 2, "type": "interrupt", "session_id": "referee",
            "timestamp": e[0]["timestamp"], "reason": "stop"})

    def no_end(e):
        e.pop()

    return [("ACK001", changed(without_approval)), ("ACK002", changed(denied_ran)),
            ("ACK003", changed(other_arguments)), ("ACK004", changed(twice)),
            ("ACK005", changed(expired)), ("ACK006", changed(early)),
            ("ACK007", changed(denied_ran)), ("ACK008", changed(interrupted)),
            ("ACK009", changed(no_end))]


def check_approvals(arena, results):
    """Rules ACK001 to ACK009: none finds anything, and each would on a trace that is wrong."""
    folder = os.path.join(arena.real.folder, "agentack")
    os.makedirs(folder, exist_ok=True)
    policy = os.path.join(folder, "policy.toml")
    with open(policy, "w", encoding="utf-8") as file:
        file.write(policy_text())
    try:
        events = tell(arena)
        code, found, said = agentack(folder, events, policy)
    except (Failure, Skip) as error:
        results.add("agentack", error)
        return
    for rule, trace in broken(events):
        def check(rule=rule, trace=trace):
            require(rule not in found, f"found on our trace: {said[-600:]}")
            _, seen, _ = agentack(folder, trace, policy)
            require(rule in seen, f"the trace is too poor for {rule}: it finds {sorted(seen)}")
        results.run(f"agentack {rule}", check)
    results.run("agentack verdict", lambda: equal(code, 0, f"exit status ({said[-300:]})"))


def policy_text():
    """The checker's defaults, with our tools as those that need an approval."""
    return ('version = 1\n[approval]\nmax_age_seconds = 900\nsingle_use = true\n'
            'exact_action_binding = true\nstop_is_terminal = true\n'
            'require_for = ["raw:run-reviewed", "raw:run-alternative"]\n')
