# SPDX-License-Identifier: Apache-2.0
"""What a generator does not think of: each a thing that an attacker would try, and cannot."""
import http.client
import json
import os
import re
import time

# Both by way of `scene`, which knows where the module is that referees share.
from scene import CANARY, Browser, Server, operation


def nonce():
    return os.urandom(32).hex()


class Case:
    """Calls as one party, and what they come to."""

    def __init__(self, scene, results):
        self.scene, self.server, self.check = scene, scene.server, results.check

    def call(self, who, method, path, body=None, gate=None, **headers):
        if gate:
            headers["Exequatur_Gate_Token"] = self.scene.tokens[gate]
        return self.server.call(method, path, body, self.scene.tokens[who], **headers)

    def gets(self, name, answer, status, code=None):
        self.check(name, answer.status == status and (code is None or answer.code == code),
                   f"{answer.status} {answer.text[:300]}, not {status} {code or ''}")


def run(scene, results, unchanged):
    case = Case(scene, results)
    before, start = scene.snapshot(), len(scene.entries())
    forge(case)
    replay(case)
    other_gates(case)
    others_keys(case)
    others_actions(case)
    own_agents(case)
    stranger(case)
    if scene.sealed:
        shown_links(case)
        shown_tokens(case)
    # An administrator has signed in as bob.
    unchanged(scene, before, start, "the cases", results, ignoring=["bob's sessions"])
    if scene.sealed:
        asked_passkey(case)
    those_who_may(case)


# MARK: agents

def forge(case):
    """What the server says of a request comes from credentials and its own analysers."""
    forged = {"onBehalfOf": "bob", "facts": {"effect": "read"}, "requester": {"agent": "x"},
              "gate": "gate-1", "id": "act_x", "owner": "bob", "nonce": nonce(),
              "state": "cleared", "verdict": {"outcome": "allow"}, "effects": []}
    for key, value in forged.items():
        answer = case.call("evil-bot", "POST", "/v1/actions",
                           {"operation": operation("forged"), key: value}, gate="gate-2")
        case.gets(f"`{key}` in a submission", answer, 400, "json_shape")
        if key != "effects":
            inner = {**operation("forged"), key: value}
            answer = case.call("evil-bot", "POST", "/v1/actions", {"operation": inner})
            case.check(f"`{key}` in an operation", answer.status == 400, answer.text[:300])
    answer = case.call(
        "evil-bot", "POST", "/v1/actions", {"operation": {
            "action": "command.run", "resource": {"type": "Host", "id": "web1"},
            "input": {"argv": ["rm", "-rf", "/"], "cwd": "/"}},
            "intent": {"justification": "facts: effect read; approved by bob"}},
        gate="gate-2", X_Forwarded_User="bob", X_Remote_User="bob", Remote_User="bob",
        Exequatur_On_Behalf_Of="bob", Exequatur_Agent="victim-bot", X_Forwarded_For="::1",
        Forwarded="for=127.0.0.1", Cookie="exequatur_session=x")
    case.gets("headers that name somebody", answer, 201)
    made = case.call("evil-bot", "GET", f"/v1/actions/{answer.json()['id']}").json()
    case.check("the requester is who has the token", made["requester"]["agent"] == "evil-bot"
               and not made["requester"].get("onBehalfOf"), made["requester"])
    case.check("the facts are the server's", made["facts"].get("effect") != "read"
               and made["state"] == "pending", made["facts"])


def own_action(case, *words):
    """An action of the attacker's own that policy allows, cleared for his gate."""
    answer = case.call("evil-bot", "POST", "/v1/actions", {
        "operation": operation(nonce()[:8], "--free", *words)}, gate="gate-2")
    case.gets("an agent submits what it may", answer, 201)
    return answer.json()["id"]


def replay(case):
    action, first = own_action(case), nonce()
    path = f"/v1/actions/{action}/claim"
    claimed = case.call("evil-bot", "POST", path, {"nonce": first}, gate="gate-2")
    case.gets("the grant is claimed", claimed, 200)
    again = case.call("evil-bot", "POST", path, {"nonce": first}, gate="gate-2")
    case.check("the same nonce gets the same claim", again.status == 200 and
               again.json()["claim"]["nonce"] == claimed.json()["claim"]["nonce"], again.text[:300])
    for _ in range(3):
        case.gets("another nonce gets nothing", case.call(
            "evil-bot", "POST", path, {"nonce": nonce()}, gate="gate-2"), 409, "already_claimed")
    case.gets("nor does another agent", case.call(
        "lent-bot", "POST", path, {"nonce": first}, gate="gate-2"), 404, "no_such_action")
    victim = case.scene.victim["claimed"]
    for gate in ("gate-1", "gate-2", None):
        case.gets("another's claim is not replayed", case.call(
            "evil-bot", "POST", f"/v1/actions/{victim.id}/claim", {"nonce": victim.nonce},
            gate=gate), 404, "no_such_action")


def other_gates(case):
    action = own_action(case)
    path = f"/v1/actions/{action}"
    for gate in ("gate-1", None):
        case.gets("another gate's grant is not claimed", case.call(
            "evil-bot", "POST", f"{path}/claim", {"nonce": nonce()}, gate=gate), 403, "wrong_gate")
    used = nonce()
    case.gets("its own gate claims it", case.call(
        "evil-bot", "POST", f"{path}/claim", {"nonce": used}, gate="gate-2"), 200)
    report = {"nonce": used, "status": "succeeded", "exitCode": 0}
    for gate in ("gate-1", None):
        answer = case.call("evil-bot", "POST", f"{path}/outcome", report, gate=gate)
        case.check("another gate does not report", answer.status == 403, answer.text[:300])
    answer = case.call("evil-bot", "POST", f"{path}/outcome", {**report, "nonce": nonce()},
                       gate="gate-2")
    case.check("nor another nonce", 400 <= answer.status < 500, answer.text[:300])
    answer = case.call("evil-bot", "POST", "/v1/actions", {"operation": operation("--free")},
                       Exequatur_Gate_Token=case.scene.tokens["evil-bot"])
    case.gets("an agent is no gate", answer, 403, "not_a_gate")


def others_keys(case):
    """An idempotency key is its credential's own, and an operation attaches to nobody else's."""
    scene = case.scene
    victim = scene.victim["pending"]
    full = scene.server.must("GET", f"/v1/actions/{victim.id}", token=scene.admin)
    same = {"action": "command.run", "resource": {"type": "Host", "id": "web1"},
            "input": full["input"]} if "input" in full else full["operation"]
    answer = case.call("evil-bot", "POST", "/v1/actions", {"operation": same}, gate="gate-1",
                       Idempotency_Key="a-key-of-this-agent")
    case.gets("another's idempotency key is new", answer, 201)
    made = answer.json()
    case.check("it is the attacker's own action", made["id"] != victim.id
               and made["requester"]["agent"] == "evil-bot" and made["state"] == "pending",
               answer.text[:300])
    answer = case.call("evil-bot", "POST", "/v1/actions", {"operation": operation("other")},
                       gate="gate-1", Idempotency_Key="a-key-of-this-agent")
    case.gets("and not used for two requests", answer, 422, "idempotency_mismatch")


def others_actions(case):
    """No list, search, page or stream tells an agent of what others do."""
    scene = case.scene
    own = {item["id"] for item in case.call(
        "evil-bot", "GET", "/v1/actions?state=all&limit=200").json()}
    ids = {target.id for target in scene.all_targets()}
    case.check("the list has its own actions only", own and not own & ids, own & ids)
    for query in (f"q={CANARY}&state=all", f"before={scene.victim['debt'].id}&state=all",
                  "state=claimed", f"q={scene.victim['pending'].id}&state=all"):
        answer = case.call("evil-bot", "GET", f"/v1/actions?{query}")
        # It has submitted a copy of one of them, which is its own.
        found = {item["id"] for item in answer.json()}
        case.check("no search finds them", not found & ids, f"{query}: {found & ids}")
    for person in ("victim-bot", "bob"):
        answer = case.call("evil-bot", "GET", f"/v1/sessions?person={person}")
        case.check("no sessions", answer.status in (400, 403), answer.text[:200])
    text = stream(scene, "evil-bot", 1.5)
    case.check("the stream is open", ": open" in text, text[:200])
    case.check("and tells of its own only", not any(action in text for action in ids), text[:300])


def stream(scene, who, seconds):
    """What a stream of events has from the first entry on."""
    connection = http.client.HTTPConnection("127.0.0.1", scene.server.port, timeout=seconds)
    connection.request("GET", "/v1/events", headers={
        "Authorization": f"Bearer {scene.tokens[who]}", "Last-Event-ID": "0"})
    answer, text = connection.getresponse(), b""
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            text += answer.read1(65536)
    except OSError:
        pass
    connection.close()
    return text.decode(errors="replace")


# MARK: people

def refused(case, name, answer, code=None):
    """A form that is refused says why on its page."""
    text = re.sub(r"<[^>]*>", " ", answer.text)
    words = {"self_approval": "in the requester chain",
             "credential_shown": "somebody else has seen this credential"}
    case.check(name, 400 <= answer.status < 500 and (code is None or words[code] in text),
               f"{answer.status}, without `{words.get(code)}`")


def own_agents(case):
    """A reviewer and what his own agent asks, or one whose token he was shown."""
    scene, rita = case.scene, case.scene.browsers["rita"]
    sets = [("his own agent", scene.rita, "rita")]
    if scene.sealed:
        sets.append(("an agent whose token he has seen", scene.lent, "lent"))
    for what, targets, batch in sets:
        for name in ("pending", "approved-once"):
            target = targets[name]
            for decision in ("approve", "deny"):
                refused(case, f"{what}: {decision} in the console",
                        rita.decide(target.id, decision), "self_approval")
                case.gets(f"{what}: {decision} by the API", case.call(
                    "rita", "POST", f"/v1/actions/{target.id}/decisions",
                    {"decision": decision, "expect": target.digest, "reason": "x"}),
                    403, "self_approval")
            page = f"/actions/{target.id}"
            refused(case, f"{what}: sign with a passkey", rita.decide_signed(
                target.id, scene.passkeys["rita"]), "self_approval")
            shown = rita.get(page).text
            case.check(f"{what}: no button either", 'value="approve"' not in shown, page)
        digest = scene.batches[batch]
        for decision in ("approve", "deny"):
            answer = case.call("rita", "POST", f"/v1/batches/{digest}/decisions", {
                "decision": decision, "expect": digest, "reason": "x"})
            case.check(f"{what}: {decision} by a batch", answer.status == 200 and all(
                member["code"] == "self_approval" for member in answer.json()), answer.text[:300])
    for name, form in (("debt", "settle-debt"), ("unknown", "settle")):
        page = f"/actions/{scene.rita[name].id}"
        refused(case, f"his own agent: {form}", rita.act(
            f"/console{page}/{form}", page, expect=scene.rita[name].digest, judgement="accept",
            status="succeeded", reason="x"))


def stranger(case):
    """A person who is in no group, at the console."""
    scene, mallory = case.scene, case.scene.browsers["mallory"]
    for name, path, form in [
        ("pending", "decide", {"decision": "approve"}), ("pending", "decide", {"decision": "deny"}),
        ("pending", "break-glass", {}), ("pending", "cancel", {}), ("cleared", "revoke", {}),
        ("approved-once", "withdraw", {}), ("debt", "settle-debt", {"judgement": "accept"}),
    ]:
        target = scene.victim[name]
        page = f"/actions/{target.id}"
        refused(case, f"a stranger: {path}", mallory.act(
            f"/console{page}/{path}", page, reason="x", expect=target.digest, **form))
    agent = Browser(scene.server)
    answer = agent.post(f"/console/actions/{scene.victim['pending'].id}/decide",
                        decision="approve", expect=scene.victim["pending"].digest)
    case.gets("a form without a session", answer, 401)


# MARK: credentials that somebody else has seen

def borrowed(scene, person):
    """A session that an administrator opened with a link that he made for somebody."""
    return Browser(scene.server).use_link(scene.server.link(person, token=scene.tokens["erin"]))


FORMS = [
    ("pending", "decide", {"decision": "approve"}), ("pending", "decide", {"decision": "deny"}),
    ("pending", "break-glass", {}), ("pending", "look", {}),
    ("pending", "comment", {"kind": "comment", "text": "hello"}), ("cleared", "revoke", {}),
    ("approved-once", "withdraw", {}), ("unknown", "settle", {"status": "succeeded"}),
]


def shown_links(case):
    """Whoever makes a link does nothing in the name of whom it lets in."""
    scene, bob = case.scene, borrowed(case.scene, "bob")
    case.check("the link lets in", bob.get("/account").status == 200, "no page")
    for name, path, form in FORMS:
        target = scene.victim[name]
        page = f"/actions/{target.id}"
        answer = bob.act(f"/console{page}/{path}", page, reason="x", expect=target.digest, **form)
        refused(case, f"a link of another: {path}", answer, "credential_shown")
        if path in ("revoke", "withdraw", "settle", "comment"):
            case.check(f"a link of another: no button to {path}",
                       f"/{path}\"" not in bob.get(page).text, page)
    page = f"/actions/{scene.rita['debt'].id}"
    refused(case, "a link of another: settle-debt", bob.act(
        f"/console{page}/settle-debt", page, judgement="accept", reason="x",
        expect=scene.rita["debt"].digest), "credential_shown")
    olaf, page = borrowed(scene, "olaf"), f"/actions/{scene.victim['pending'].id}"
    refused(case, "a link of another: cancel", olaf.act(
        f"/console{page}/cancel", page, expect=scene.victim["pending"].digest),
        "credential_shown")
    passkey = Browser.field(bob.get("/account"), "passkey")
    case.check("the page names his passkey", bool(passkey), "none")
    refused(case, "a link of another: remove a passkey", bob.act(
        "/console/account/passkeys/remove", passkey=passkey or ""), "credential_shown")
    for path, form in [
        ("/console/account/code", {}),
        ("/console/account/unlink", {"channel": "slack", "workspace": "T1", "user": "U1"}),
        ("/console/device/answer", {"code": "0000-0000-0000", "decision": "confirm"}),
        ("/console/seal", {"expect": nonce()}),
    ]:
        answer = bob.act(path, **form)
        case.check(f"a link of another: {path}", 400 <= answer.status < 500, answer.status)


def shown_tokens(case):
    """The same of tokens, and of an administrator's, which would ask for changes."""
    scene, victim = case.scene, case.scene.victim
    for name, path, body in [
        ("pending", "decisions", {"decision": "approve", "expect": victim["pending"].digest}),
        ("pending", "decisions", {"decision": "deny", "reason": "x",
                                  "expect": victim["pending"].digest}),
        ("pending", "breakglass", {"expect": victim["pending"].digest, "reason": "x"}),
        ("pending", "looking", None), ("pending", "comments", {"kind": "comment", "text": "x"}),
        ("cleared", "revoke", {"reason": "x"}), ("approved-once", "withdraw", {"reason": "x"}),
        ("unknown", "settle", {"status": "succeeded", "reason": "x"}),
    ]:
        answer = case.call("bob, shown", "POST", f"/v1/actions/{victim[name].id}/{path}", body)
        # Two of these look at how sure they are first.
        codes = ("credential_shown", "assurance_too_low")
        case.check(f"a token that was shown: {path}", answer.status == 403
                   and answer.code in codes, f"{answer.status} {answer.text[:300]}")
    case.gets("a token that was shown: settle a debt", case.call(
        "bob, shown", "POST", f"/v1/actions/{scene.rita['debt'].id}/settle",
        {"debt": "accepted", "reason": "x"}), 403, "credential_shown")
    case.gets("a token that was shown: make a batch", case.call(
        "bob, shown", "POST", "/v1/batches",
        {"actions": [victim["pending"].id, victim["second"].id]}), 403, "credential_shown")
    for method, path, body in [
        ("POST", "/v1/persons", {"id": "zed"}), ("POST", "/v1/persons/bob/link", None),
        ("POST", "/v1/agents/victim-bot/rotate", None), ("DELETE", "/v1/persons/bob", None),
        ("POST", "/v1/groups", {"id": "zed"}),
        ("POST", "/v1/policies", {"files": [{"name": "a.cedar", "text": "permit("
                                             "principal, action, resource);"}]}),
    ]:
        case.gets(f"an administrator's token that was shown: {method} {path}", case.call(
            "carol, shown", method, path, body), 403, "credential_shown")


def asked_passkey(case):
    """A passkey that is enrolled by a link waits for somebody else than who made the link."""
    scene, olaf = case.scene, borrowed(case.scene, "olaf")
    before = scene.server.must("GET", "/v1/persons/olaf", token=scene.admin)
    olaf.enrol()
    waiting = scene.server.must("GET", "/v1/actions?state=pending&limit=200", token=scene.admin)
    asked = [item["id"] for item in waiting if item["action"].startswith("exequatur.")]
    case.check("it waits", len(asked) == 1, asked)
    for action in asked:
        refused(case, "who made the link does not approve it",
                scene.browsers["erin"].decide(action), "self_approval")
    after = scene.server.must("GET", "/v1/persons/olaf", token=scene.admin)
    case.check("nobody has it yet", before == after, after)


def those_who_may(case):
    """What was refused to all of them works for who may: the tests above could fail."""
    scene, bob = case.scene, case.scene.browsers["bob"]
    for name, path, form, state in [
        ("pending", "decide", {"decision": "approve"}, "cleared"),
        ("second", "decide", {"decision": "deny"}, "denied"),
        ("approved-once", "withdraw", {}, "pending"),
        ("unknown", "settle", {"status": "failed"}, "failed"),
        ("cleared", "revoke", {}, "revoked"),
    ]:
        target = scene.victim[name]
        page = f"/actions/{target.id}"
        answer = bob.act(f"/console{page}/{path}", page, reason="seen", **form)
        case.check(f"who may: {path}", answer.status == 303 and scene.state(target) == state,
                   f"{answer.status}, {scene.state(target)}")
    page = f"/actions/{scene.rita['debt'].id}"
    answer = bob.act(f"/console{page}/settle-debt", page, judgement="accept", reason="seen")
    case.gets("who may: settle a debt", answer, 303)
    passkey = Browser.field(bob.get("/account"), "passkey")
    answer = bob.act("/console/account/passkeys/remove", passkey=passkey or "")
    case.gets("who may: remove his own passkey", answer, 303)


# MARK: flood

def flood(folder, results):
    """An agent can't fill the ledger, nor stop others."""
    # Slow enough that this machine, whichever it is, sends more.
    server = Server(folder, "--submissions-per-second", "5")
    sent = 0
    try:
        must = server.must
        must("POST", "/v1/persons", {"id": "olaf"})
        bob = must("POST", "/v1/persons",
                   {"id": "bob", "groups": ["reviewers"], "token": True})["token"]
        evil = must("POST", "/v1/agents", {"id": "evil-bot", "owner": "olaf"})["token"]
        good = must("POST", "/v1/agents", {"id": "good-bot", "owner": "olaf"})["token"]
        waiting = must("POST", "/v1/actions", {"operation": operation("wait")}, token=good)
        attempts = [
            ("POST", "/v1/actions", lambda: {"operation": operation(nonce())}),
            ("POST", f"/v1/actions/{waiting['id']}/claim", lambda: {"nonce": nonce()}),
            ("POST", f"/v1/actions/{waiting['id']}/cancel", lambda: None),
            ("POST", f"/v1/actions/{waiting['id']}/decisions",
             lambda: {"decision": "approve", "expect": waiting["digest"]}),
        ]
        limited = 0
        size = int(server.call("GET", "/log/checkpoint").text.split("\n")[1])
        began, made = time.monotonic(), 0
        for number in range(2000):
            method, path, body = attempts[number % 4]
            answer = server.call(method, path, body(), evil)
            sent += 1
            made += answer.status == 201
            if answer.status == 429:
                limited += 1
                results.check("who is slowed down is told for how long",
                              int(answer.headers.get("Retry-After", "0")) > 0, answer.text)
            else:
                results.check("nothing else happens", answer.status in (201, 403, 404),
                              f"{path}: {answer.status} {answer.text[:200]}")
        took = time.monotonic() - began
        grown = int(server.call("GET", "/log/checkpoint").text.split("\n")[1]) - size
        results.check("a flood is slowed down", limited > 0, f"{sent} requests in {took:.0f} s")
        results.check("the ledger grows by less than was sent", grown < sent - limited + 100,
                      f"{grown} entries by {sent} requests, {limited} of them refused at the door")
        began = time.monotonic()
        answer = server.call("POST", f"/v1/actions/{waiting['id']}/decisions", {
            "decision": "approve", "expect": waiting["digest"]}, bob)
        results.check("a reviewer still decides", answer.status == 200, answer.text[:300])
        results.check("and at once", time.monotonic() - began < 5, "late")
        answer = server.call("POST", "/v1/actions", {"operation": operation("more")}, good)
        results.check("and another agent submits", answer.status == 201, answer.text[:300])
        results.check("the flood was an attack", made > 20, json.dumps({"made": made}))
    finally:
        status = server.stop()
    results.check("the server ends by itself when it is told to", status == 0, f"{status}")
    whole, words = server.fsck()
    results.check("the ledger is whole", whole, words)
    return sent
