# SPDX-License-Identifier: Apache-2.0
"""Every path with every method, made from the OpenAPI document, as one attacker."""
import os

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
# A stream never ends: it has a case of its own.
SKIPPED = ["/v1/events"]
# What any person may write: words, that he looks, a batch to read, a question, and a record.
PERSONS_WRITE = [
    "/v1/actions/{id}/comments", "/v1/actions/{id}/looking", "/v1/batches",
    "/v1/policies/check", "/v1/audit/exports", "/v1/drift/sources/{id}/plan",
]
# Public keys and their receipts: any gate's agent has to read them.
SHARED = ["/v1/passkeys/{id}/receipt"]


class Attacker:
    """Who attacks: headers to show, and which security schemes of the document they meet."""

    def __init__(self, name, token=None, gate=None, schemes=(), person=None):
        self.name, self.person, self.schemes = name, person, set(schemes)
        self.headers = {}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        if gate:
            self.headers["Exequatur-Gate-Token"] = gate

    def may(self, path, method, operation):
        """Whether the document lets it do this to something of somebody else."""
        if operation is None:
            return False
        schemes = operation.get("security")
        if not schemes:
            return True
        if not any(set(needed) <= self.schemes for needed in schemes):
            return False
        if self.person:
            return method == "get" or path in PERSONS_WRITE
        # Whatever an agent or a gate names in a path here is another's.
        return "{" not in path and path != "/v1/batches" or path in SHARED


class Generator:
    """A value for each schema that the document has."""

    def __init__(self, document):
        self.document = document

    def resolve(self, schema):
        while "$ref" in schema:
            for key in schema["$ref"].removeprefix("#/").split("/"):
                pass
            schema = self.document["components"]["schemas"][key]
        return schema

    def value(self, schema, depth=0):
        name = schema.get("$ref", "").rsplit("/", 1)[-1]
        if name in ("Digest", "Time", "Handle", "Span", "ActionID"):
            return {"Digest": os.urandom(32).hex(), "Time": "2030-01-01T00:00:00.000Z",
                    "Handle": "mallory", "Span": "1h",
                    "ActionID": "act_" + "0" * 26}[name]
        schema = self.resolve(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        if schema.get("oneOf"):
            return self.value(schema["oneOf"][0], depth + 1)
        kind = schema.get("type", "object")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            wanted = schema.get("properties", {}) if depth < 6 else {}
            return {key: self.value(inner, depth + 1) for key, inner in wanted.items()
                    if key in schema.get("required", [])}
        if kind == "array":
            count = max(schema.get("minItems", 0), 1)
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]
        return {"string": "x", "integer": max(schema.get("minimum", 1), 1), "number": 1,
                "boolean": True, "null": None}[kind]


def paths(path, scene, targets, attacker):
    """Concrete paths of one of the document's, each with the action that it names, if it does."""
    if "{" not in path:
        return [(path, None)]
    if path.startswith("/v1/actions/"):
        return [(path.replace("{id}", target.id), target) for target in targets.values()]
    person = attacker.person or "mallory"
    names = {
        "/v1/persons/": ["olaf", "bob", person], "/v1/agents/": ["victim-bot"],
        "/v1/gates/": ["gate-1"], "/v1/groups/": ["reviewers", "administrators", "oncall"],
        "/v1/batches/": [batch(scene, targets)], "/v1/sessions/": [scene.session],
        "/v1/resources/": ["web1"], "/v1/freezes/": ["night"], "/v1/drift/sources/": ["etc"],
    }
    found = next((ids for prefix, ids in names.items() if path.startswith(prefix)),
                 [os.urandom(32).hex()])
    filled = []
    for name in found:
        result = path.replace("{id}", name).replace("{digest}", name).replace("{member}", person)
        result = result.replace("{credential}", scene.credential).replace("{channel}", "slack")
        filled.append((result.replace("{path}", "0/000.p/1"), None))
    return filled


def batch(scene, targets):
    return scene.batches["rita" if targets["pending"] is scene.rita["pending"] else "victim"]


def bodies(path, scene, targets, target, attacker, generator, schema):
    """What would work for whoever may, then what the schema asks for, then nothing."""
    fresh = os.urandom(32).hex()
    digest = target.digest if target else batch(scene, targets)
    nonces = [target.nonce, fresh] if target and target.nonce else [fresh]
    pair = [targets["pending"].id, targets["second"].id]
    person = attacker.person or "mallory"
    everything = "permit (principal, action, resource);"
    known = {
        "/decisions": [{"decision": "approve", "expect": digest},
                       {"decision": "approve", "expect": digest, "channel": "cli"},
                       {"decision": "deny", "expect": digest, "reason": "no"}],
        "/claim": [{"nonce": nonce} for nonce in nonces],
        "/outcome": [{"nonce": nonce, "status": "succeeded", "exitCode": 0} for nonce in nonces],
        "/revoke": [{"reason": "x"}], "/withdraw": [{"reason": "x"}],
        "/settle": [{"status": "succeeded", "reason": "x"}, {"debt": "accepted", "reason": "x"},
                    {"debt": "rejected", "reason": "x"}],
        "/comments": [{"kind": kind, "text": "hello"} for kind in (
            "comment", "question", "answer")],
        "/breakglass": [{"expect": digest, "reason": "now"}],
        "/v1/batches": [{"actions": pair}],
        "/v1/persons": [{"id": "zed", "groups": ["administrators"], "token": True}],
        "/v1/agents": [{"id": "zed-bot", "owner": person, "groups": ["reviewers"]}],
        "/v1/gates": [{"id": "zed-gate"}], "/v1/groups": [{"id": "zed-group"}],
        "/v1/policies": [{"files": [{"name": "a.cedar", "text": everything}]}],
        "/accounts": [{"issuer": "https://idp.example", "subject": "zed"}],
        "/configuration/approve": [{"expect": fresh}],
        "/v1/resources/{id}": [{"type": "Host", "pattern": "*", "sensitivity": "public"}],
        "/v1/freezes/{id}": [{"zone": "Europe/Berlin", "ranges": ["Mon 03:00 - Mon 04:00"]}],
        "/v1/trusts": [{"agent": "victim-bot", "issuer": "https://idp.example",
                        "audience": "https://x.example", "claims": {"sub": "x"}}],
        "/v1/seal": [{"recoveryKey": scene.server.call("GET", "/log/vkey").text.strip()}],
    }
    found = next((value for suffix, value in known.items() if path.endswith(suffix)), [])
    if schema is not None:
        found = found + [generator.value(schema)]
    return found + [None]


def requests(document, scene, targets, attacker):
    """Method, concrete path, body, and whether a success would be right."""
    generator = Generator(document)
    for path, item in document["paths"].items():
        if path in SKIPPED:
            continue
        for method in METHODS:
            # `HEAD` is `GET`.
            operation = item.get("get" if method == "HEAD" else method.lower())
            content = (operation or {}).get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            may = attacker.may(path, "get" if method == "HEAD" else method.lower(), operation)
            for concrete, target in paths(path, scene, targets, attacker):
                sent = [None]
                if operation is not None and method in ("POST", "PUT", "PATCH"):
                    sent = bodies(path, scene, targets, target, attacker, generator, schema)
                for body in sent:
                    yield method, concrete, body, may
