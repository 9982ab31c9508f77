# SPDX-License-Identifier: Apache-2.0
"""The same scenarios directly and through the gateway: the transcripts must be the same.

What may differ, and nothing else: ids and states that are random; `ttlMs` and `cacheScope` of what
can be cached (the gateway says 0 and private, which is checked in wire.py); a tool that policy
denies for good is not listed; the words, not the code, for an unknown tool and for a state that
the upstream has not given, because the gateway refuses both before the upstream can.
"""
import json
import subprocess
import threading

import scenarios
import schema
from harness import HERE, Failure, Skip, brief, clean_environment, equal, python, require

CLIENTS = {"mcp1": "mcp-legacy", "mcp2": "mcp-modern", "fastmcp": "mcp-modern"}
DENIED_TOOL = "write_denied"
# The gateway refuses these by itself, with the upstream's code and words of its own.
ANSWERED_BEFORE = {"x-unknown-tool", "input-required-result-tampered-state"}
BIG = ("x-big-result", "x-big-message", "x-big-argument")
LISTS = ("tools", "resources", "prompts", "resourceTemplates", "supportedVersions", "contents")


def ids(client, era, mode):
    """The scenarios of a pair: those of the era they will speak."""
    modern = era == "modern" and client != "mcp1" and mode != "legacy"
    listed = (scenarios.MODERN if modern else scenarios.LEGACY) + scenarios.OURS
    return [i for i in listed if i not in scenarios.WIRE], modern


class Drives:
    """Transcripts, each made once however many tests look at it."""

    def __init__(self, world):
        self.world, self.lock, self.done, self.locks = world, threading.Lock(), {}, {}

    def transcript(self, client, era, path, mode="auto"):
        key = client, era, path, mode
        with self.lock:
            # One client at a time on a path: they share its upstream.
            lock = self.locks.setdefault((era, path), threading.Lock())
        with lock:
            if key not in self.done:
                try:
                    self.done[key] = self.drive(*key)
                except Exception as error:
                    self.done[key] = error
            found = self.done[key]
        if isinstance(found, Exception):
            raise found
        return found

    def drive(self, client, era, path, mode):
        wanted, modern = ids(client, era, mode)
        endpoint = self.world.endpoint(era, path)
        spec = {"client": client, "mode": mode, "scenarios": wanted,
                "effects": self.world.effects(era, path), **endpoint}
        if "stdio" in endpoint:
            spec["env"] = {**clean_environment(), **endpoint.get("env", {})}
        result = subprocess.run(
            [python(CLIENTS[client]), f"{HERE}/drive.py", json.dumps(spec)],
            capture_output=True, text=True, timeout=240, env=clean_environment())
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines()
            raise Failure(f"the client failed on {path}: " + " | ".join(lines[-3:]))
        found = json.loads(result.stdout)
        expected = schema.MODERN if modern else schema.LEGACY
        equal(found["era"], expected, f"the era that {client} spoke on {path}")
        return found["transcript"]


def cleaned(value):
    """Without what may differ."""
    if isinstance(value, dict):
        cached = "ttlMs" in value and any(name in value for name in LISTS)
        result = {}
        for key, member in value.items():
            if cached and key in ("ttlMs", "cacheScope"):
                continue
            if key == "requestState":
                member = "<state>"
            if key == "tools" and isinstance(member, list):
                member = [t for t in member
                          if not (isinstance(t, dict) and t.get("name") == DENIED_TOOL)]
            result[key] = cleaned(member)
        return result
    return [cleaned(v) for v in value] if isinstance(value, list) else value


def difference(one, other, where=""):
    """The first place where two values differ, in words, or None."""
    if type(one) is not type(other):
        return f"{where or '/'}: direct {brief(one, 300)}, through {brief(other, 300)}"
    if isinstance(one, dict):
        for key in [*one, *[k for k in other if k not in one]]:
            if key not in one or key not in other:
                side = "direct" if key in one else "through"
                value = one.get(key, other.get(key))
                return f"{where}/{key}: only {side}: {brief(value, 300)}"
            found = difference(one[key], other[key], f"{where}/{key}")
            if found:
                return found
        return None
    if isinstance(one, list):
        for index, (a, b) in enumerate(zip(one, other)):
            found = difference(a, b, f"{where}/{index}")
            if found:
                return found
        if len(one) != len(other):
            return (f"{where}: {len(one)} direct, {len(other)} through: "
                    f"{brief(one, 200)} / {brief(other, 200)}")
        return None
    return None if one == other else (
        f"{where or '/'}: direct {brief(one, 300)}, through {brief(other, 300)}")


def healthy(transcript, name):
    """The direct transcript must be worth comparing: something happened, nothing broke."""
    for step in transcript["steps"]:
        require(step["do"] != "scenario failed", f"direct: {step.get('result')}")
        wrong = step.get("error", {}).get("exception")
        require(wrong is None, f"direct: {step['do']} raised {wrong}")
    require(transcript["steps"] or name in ("x-list-changed", "x-subscription"),
            "direct: nothing happened")


def compare(world, direct, through, name):
    healthy(direct, name)
    if world.subject == "gateway" and name in ANSWERED_BEFORE:
        one, other = direct["steps"][-1], through["steps"][-1]
        equal((other.get("error") or {}).get("code"), one["error"]["code"], "code of the error")
        return
    found = difference(cleaned(direct), cleaned(through))
    if found:
        errors = [s for s in through["steps"] if "error" in s]
        raise Failure(found + (f" (errors through: {brief(errors, 400)})" if errors else ""))


def combinations(quick):
    """(client, era of the upstream, path, mode), the paths through something only."""
    every = []
    for client, era, mode in [
            ("mcp1", "legacy", "auto"), ("mcp2", "modern", "auto"), ("fastmcp", "modern", "auto"),
            ("mcp2", "legacy", "auto"), ("mcp1", "modern", "auto"), ("mcp2", "modern", "legacy"),
            ("fastmcp", "legacy", "auto")]:
        for path in ("stdio-stdio", "http-stdio", "http-http"):
            every.append((client, era, path, mode))
    if not quick:
        return every
    return [("mcp1", "legacy", "stdio-stdio", "auto"),
            ("mcp2", "modern", "stdio-stdio", "auto"), ("mcp2", "modern", "http-http", "auto"),
            ("mcp2", "modern", "http-stdio", "auto")]


def jobs(world, results, drives, quick, takes=lambda label: True):
    """One job for each combination; each scenario in it is one test."""
    def job(client, era, path, mode):
        label = f"{client}{'' if mode == 'auto' else '(' + mode + ')'} {era} {path}"
        wanted, _ = ids(client, era, mode)
        direct_path = "direct-http" if path.startswith("http") else "direct-stdio"
        try:
            direct = drives.transcript(client, era, direct_path, mode)
            through = drives.transcript(client, era, path, mode)
            if path == "http-stdio":
                # The clients' limit for events of HTTP is not the upstream's answer.
                piped = drives.transcript(client, era, "direct-stdio", mode)
                direct = {**direct, **{n: piped[n] for n in BIG}}
        except (Skip, Failure, subprocess.TimeoutExpired) as error:
            results.add(f"transparency {label}", error)
            return
        for name in wanted:
            results.run(f"transparency {label} {name}", compare, world,
                        direct[name], through[name], name)
    return [lambda c=c: job(*c) for c in combinations(quick) if takes(" ".join(c))]


def noticed(world, results, drives):
    """The comparison itself: whatever is changed in a transcript, it must say so."""
    def check():
        transcript = drives.transcript("mcp2", "modern", "direct-stdio")
        changes = 0
        for name, scenario in transcript.items():
            expected = cleaned(scenario)
            for changed in mutations(scenario):
                changes += 1
                require(difference(expected, cleaned(changed)),
                        f"a change in {name} is not noticed: {brief(changed)}")
        require(changes > 300, f"only {changes} changes tried")
    results.run("comparison notices changes", check)


def mutations(value):
    """Copies of a transcript with one thing changed: a member left out, a text, a number."""
    if isinstance(value, dict):
        for key in value:
            if key in ("requestState", "ttlMs", "cacheScope"):
                continue
            yield {k: v for k, v in value.items() if k != key}
            for changed in mutations(value[key]):
                yield {**value, key: changed}
    elif isinstance(value, list) and value:
        if not (isinstance(value[0], dict) and value[0].get("name") == DENIED_TOOL):
            yield value[1:]
        yield value + [value[0]] if isinstance(value[0], str) else value[::-1] + [None]
        for changed in mutations(value[-1]):
            yield value[:-1] + [changed]
    elif isinstance(value, str):
        yield value + "\u200b"
    elif isinstance(value, bool) or value is None:
        yield 0
    elif isinstance(value, (int, float)):
        yield value + 1


def validate(world, results, corpora):
    """Every message that passed, on both sides, against the schemas."""
    try:
        schemas = schema.Schemas(corpora)
    except OSError as error:
        results.add("schema", Skip(f"no schemas: {error}"))
        return
    for era, path in sorted(world.endpoints):
        if path.startswith("direct"):
            continue
        for side in ("client", "upstream"):
            def check(side=side, era=era, path=path):
                count, problems = schema.check_folder(schemas, world.seen(side, era, path))
                require(count > 0, "no message was seen")
                if problems:
                    raise Failure(f"{len(problems)} of {count} messages: {problems[0]}")
            results.run(f"schema {side} {era} {path}", check)


def accounted(results, corpora):
    """Every id of the requirement lists is driven, or named with the reason why not."""
    for era in (schema.LEGACY, schema.MODERN):
        def check(era=era):
            try:
                missing = scenarios.unaccounted(corpora, era)
            except OSError as error:
                raise Skip(f"no requirement lists: {error}") from None
            equal(missing, [], f"scenario ids of {era} that nobody drives")
        results.run(f"requirements {era}", check)
