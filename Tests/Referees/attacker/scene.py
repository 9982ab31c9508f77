# SPDX-License-Identifier: Apache-2.0
"""Who lives in the installation that is attacked, and what there is to attack."""
import json
import os
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from installation import Browser, Server, seal  # noqa: E402

POLICIES = """
@id("commands") permit (principal is Agent, action in Action::"command", resource);

@id("review") @review("reviewers") @breakglass("oncall") @grant("30m") @reason("somebody looks")
forbid (principal, action in Action::"command", resource)
unless { context.input.argv.contains("--free") };

@id("two") @review("reviewers") @quorum("2")
forbid (principal, action in Action::"command", resource)
when { context.input.argv.contains("--two") };

@id("rules") permit (principal, action in Action::"exequatur", resource);
@id("rules.review") @review("administrators")
forbid (principal, action in Action::"exequatur", resource);
"""
ADMINISTRATORS = ["alice", "carol", "erin"]
# Unlike any word that stands anywhere else.
CANARY = "kanarienvogel"


def canary():
    return f"{CANARY}{os.urandom(8).hex()}"


def operation(*words):
    return {"action": "command.run", "input": {"argv": ["deploy", *words], "cwd": "/"},
            "resource": {"type": "Host", "id": "web1"}}


class Target:
    """Somebody's action in a state, with what an attacker might have learnt of it."""

    def __init__(self, name, action, nonce=None):
        self.name, self.id, self.digest, self.nonce = name, action["id"], action["digest"], nonce


class Scene:
    """An installation with victims, attackers and secrets; sealed if asked."""

    def __init__(self, folder, sealed):
        self.server = Server(folder, "--submissions-per-second", "100000")
        self.sealed = sealed
        self.tokens, self.passkeys, self.browsers = {}, {}, {}
        try:
            self.populate()
            self.act()
        except BaseException:
            self.server.stop()
            raise

    # MARK: people and their tokens

    def populate(self):
        must = self.server.must
        for person in ADMINISTRATORS:
            made = must("POST", "/v1/persons", {
                "id": person, "groups": ["administrators", "reviewers"], "token": True})
            self.tokens[f"{person}, shown"] = made["token"]
        for person, groups in [("bob", ["reviewers"]), ("rita", ["reviewers", "administrators"]),
                               ("olaf", []), ("mallory", [])]:
            made = must("POST", "/v1/persons", {"id": person, "groups": groups, "token": True})
            self.tokens[f"{person}, shown"] = made["token"]
        must("POST", "/v1/groups", {"id": "oncall"})
        for person in ["rita", "bob", "alice"]:
            must("PUT", f"/v1/groups/oncall/members/{person}")
        for gate in ["gate-1", "gate-2"]:
            self.tokens[gate] = must("POST", "/v1/gates", {"id": gate})["token"]
        for agent, owner in [("victim-bot", "olaf"), ("evil-bot", "mallory"), ("rita-bot", "rita")]:
            made = must("POST", "/v1/agents", {"id": agent, "owner": owner})
            self.tokens[agent] = made["token"]
        # Rita has seen this agent's token, and is nothing else to it.
        self.tokens["lent-bot"] = must("POST", "/v1/agents", {"id": "lent-bot", "owner": "olaf"},
                                       token=self.tokens["rita, shown"])["token"]
        must("DELETE", "/v1/groups/administrators/members/rita")
        must("PUT", "/v1/resources/web1", {
            "type": "Host", "pattern": "web1", "sensitivity": "internal"})
        must("PUT", "/v1/freezes/night", {"zone": "Europe/Berlin",
                                          "ranges": ["Sun 03:00 - Sun 04:00"]})
        must("POST", "/v1/drift/sources", {
            "class": "low", "every": 600, "id": "etc", "kind": "files", "observer": "gate-1",
            "scope": "web1", "settings": {"paths": ["/nowhere"]}})
        must("POST", "/v1/policies", {"files": [{"name": "a.cedar", "text": POLICIES}]})
        for person in ["bob", "rita", "mallory"]:
            browser = Browser(self.server).use_link(self.server.link(person))
            self.passkeys[person] = browser.enrol()
        if self.sealed:
            self.passkeys.update(seal(self.server, ADMINISTRATORS))
        else:
            for person in ADMINISTRATORS:
                browser = Browser(self.server).use_link(self.server.link(person))
                self.passkeys[person] = browser.enrol()
        for person in [*ADMINISTRATORS, "bob", "rita", "mallory"]:
            self.browsers[person] = Browser(self.server).sign_in(self.passkeys[person])
            self.tokens[person] = self.device_token(self.browsers[person])
        self.admin = self.tokens["erin"]

    def device_token(self, browser):
        """A token that nobody but its holder has seen: a code, confirmed in his own session."""
        def form(path, **fields):
            return self.server.send("POST", path, urllib.parse.urlencode(fields).encode(), {
                "Content-Type": "application/x-www-form-urlencoded"}).json()

        asked = form("/v1/device/authorize", client_id="a terminal")
        answer = browser.act("/console/device/answer", "/device",
                             code=asked["user_code"], decision="confirm")
        if answer.status != 303:
            raise SystemExit(f"the code is not confirmed: {answer.status} {answer.text[:300]}")
        return form("/v1/device/token", device_code=asked["device_code"],
                    grant_type="urn:ietf:params:oauth:grant-type:device_code")["access_token"]

    # MARK: actions

    def submit(self, agent, *words, gate="gate-1", nonce=None, **headers):
        body = {"operation": operation(*words),
                "intent": {"justification": f"because {self.secret()}"}}
        if nonce:
            body["claim"] = {"nonce": nonce}
        if gate:
            headers["Exequatur_Gate_Token"] = self.tokens[gate]
        return self.server.must(
            "POST", "/v1/actions", body, token=self.tokens[agent], **headers)

    def secret(self):
        made = canary()
        self.secrets.append(made)
        return made

    secrets: list

    def targets(self, agent, decider="bob"):
        """One action of an agent in each state that could be abused."""
        made, server = {}, self.server

        def put(name, *words, nonce=None, key=None):
            more = {"Idempotency_Key": key} if key else {}
            made[name] = Target(name, self.submit(
                agent, f"{name}-{self.secret()}", *words, nonce=nonce, **more), nonce)
            return made[name]

        def decide(target, decision="approve"):
            answer = self.browsers[decider].decide(target.id, decision, f"seen {self.secret()}")
            if answer.status != 303:
                raise SystemExit(f"{target.name}: {answer.status} {answer.text[:300]}")

        put("pending", key="a-key-of-this-agent")
        put("second")
        decide(put("approved-once", "--two"))
        decide(put("cleared"))
        decide(put("denied"), "deny")
        nonces = [os.urandom(32).hex() for _ in range(3)]
        put("claimed", "--free", nonce=nonces[0])
        unknown = put("unknown", "--free", nonce=nonces[1])
        server.must("POST", f"/v1/actions/{unknown.id}/outcome",
                    {"nonce": nonces[1], "status": "unknown", "detail": self.secret()},
                    token=self.tokens[agent], Exequatur_Gate_Token=self.tokens["gate-1"])
        return made

    def break_glass(self, agent, person):
        """An action that somebody did not wait for; another has to settle that."""
        target = Target("debt", self.submit(agent, f"debt-{self.secret()}"))
        answer = self.browsers[person].act(
            f"/console/actions/{target.id}/break-glass", f"/actions/{target.id}",
            reason=f"now {self.secret()}")
        if answer.status != 303:
            raise SystemExit(f"the glass does not break: {answer.status} {answer.text[:300]}")
        return target

    def batch_of(self, targets, agent):
        return self.server.must("POST", "/v1/batches", {
            "actions": [targets["pending"].id, targets["second"].id],
            "title": f"tonight {self.secret()}"}, token=self.tokens[agent])["digest"]

    def act(self):
        self.secrets = []
        self.victim = self.targets("victim-bot")
        self.victim["debt"] = self.break_glass("victim-bot", "bob")
        self.server.must(
            "POST", f"/v1/actions/{self.victim['pending'].id}/comments",
            {"kind": "question", "text": f"why {self.secret()}"}, token=self.tokens["bob"])
        self.rita = self.targets("rita-bot")
        self.rita["debt"] = self.break_glass("rita-bot", "alice")
        self.lent = self.targets("lent-bot")
        self.batches = {"victim": self.batch_of(self.victim, "victim-bot"),
                        "rita": self.batch_of(self.rita, "rita-bot"),
                        "lent": self.batch_of(self.lent, "lent-bot")}
        listed = self.server.must("GET", "/v1/agents/victim-bot", token=self.admin)
        found = json.dumps(listed)
        self.credential = next(
            (item["id"] for item in listed.get("credentials", listed.get("tokens", []))), None)
        if self.credential is None:
            raise SystemExit(f"no credential: {found[:300]}")
        sessions = self.server.must("GET", "/v1/sessions?person=bob", token=self.admin)
        self.session = next(item["id"] for item in sessions if item["kind"] == "browser")

    @staticmethod
    def few(targets):
        """Enough of them to try each path on what it could do harm to."""
        return {name: target for name, target in targets.items()
                if name in ("pending", "second", "cleared", "claimed")}

    def all_targets(self):
        return [*self.victim.values(), *self.rita.values(), *self.lent.values()]

    def state(self, target):
        return self.server.must("GET", f"/v1/actions/{target.id}", token=self.admin)["state"]

    # MARK: what must not change

    def snapshot(self):
        """Everything that decides, and how every victim's action stands."""
        state = {}
        for path in ["persons", "agents", "gates", "groups", "policies", "trusts", "accounts",
                     "resources", "freezes", "drift/sources", "drift/ignore-rules", "seal",
                     "debts", "gates/gate-1/configuration"]:
            answer = self.server.call("GET", f"/v1/{path}", token=self.admin)
            state[path] = answer.status, stripped(answer.json())
        state["key"] = self.server.call("GET", "/log/vkey").text
        for person in ["bob", "rita", "carol"]:
            found = self.server.must("GET", f"/v1/persons/{person}", token=self.admin)
            state[person] = stripped(found)
            sessions = self.server.must(
                "GET", f"/v1/sessions?person={person}", token=self.admin)
            state[f"{person}'s sessions"] = sorted(item["id"] for item in sessions)
        for target in self.all_targets():
            full = self.server.must("GET", f"/v1/actions/{target.id}", token=self.admin)
            # Its proof is of the tree as it is now.
            (full.get("claim") or {}).pop("entry", None)
            state[target.id] = {key: value for key, value in stripped(full).items() if key in (
                "state", "digest", "decisions", "claim", "outcome", "review", "debt", "verdict",
                "requester", "gate", "grant")}
        return state

    def entries(self, start=0):
        """The ledger's entries from an index on, as the administrator reads them."""
        found = []
        while True:
            page = self.server.must(
                "GET", f"/v1/audit?from={start + len(found)}&limit=500", token=self.admin)
            items = page["entries"] if isinstance(page, dict) else page
            found += items
            if len(items) < 500:
                return found


def stripped(value):
    """Without what mere use changes."""
    if isinstance(value, dict):
        return {key: stripped(inner) for key, inner in value.items()
                if key not in ("lastUsed", "current", "lookers", "looking", "seenAt", "presented")}
    if isinstance(value, list):
        return [stripped(inner) for inner in value]
    return value
