# SPDX-License-Identifier: Apache-2.0
"""Decisions and links that an integration delivers, signed as Standard Webhooks.

Signatures are made by the package standardwebhooks. Each function takes a Scene.
"""
import json
import time

from common import brief, equal, require
from webhook_receiver import Integration, new_secret, sign
from world import World

WORKSPACE = "matrix.example.org"


class Scene:
    """Bob and alice have accounts; two secrets are good."""

    def __init__(self, folder, processes=None):
        self.new, self.old = new_secret(), new_secret()
        self.world = World(folder, processes, lambda world: [
            {"id": "matrix", "kind": "integration", "workspace": WORKSPACE,
             "secretFiles": [world.secret("new", self.new), world.secret("old", self.old)]}])
        self.peer = Integration("127.0.0.1", self.world.port, "matrix", self.new)
        for person in ("alice", "bob", "carol", "dave"):
            answer = self.link(person, self.world.code(person))
            require(answer.status in (200, 201, 204), f"linking {person}: {brief(answer.body)}")

        self.takes_expect = True
        answer = self.peer.post("decisions", self.decision(self.world.submit(), "nobody"))
        self.takes_expect = answer.code != "json_shape"

    def close(self):
        self.world.close()

    def link(self, user, code, **more):
        return self.peer.post("links", {"code": code, "account": account(user), "name": user},
                              **more)

    def decision(self, subject, user="bob", decision="approve", **change):
        shown = self.world.show(subject)
        found = {"action": subject["id"], "decision": decision, "expect": shown["digest"][:16],
                 "rendering": shown["rendering"]["digest"], "reason": "Fine.",
                 "account": account(user), **change}
        if not self.takes_expect and "expect" not in change:
            del found["expect"]
        return {name: value for name, value in found.items() if value is not None}

    def refused(self, answer, action, statuses):
        require(answer.status in statuses, f"status {answer.status}: {brief(answer.body)}")
        self.world.undecided(action)


def account(user):
    return {"workspace": WORKSPACE, "user": f"@{user}:example.org"}


make = Scene


def case_expect_is_taken_as_everywhere_else(scene):
    require(scene.takes_expect, "`expect` is an unknown member")


def case_approve(scene):
    action = scene.world.submit()
    answer = scene.peer.post("decisions", scene.decision(action))
    require(answer.status in (200, 201, 204), f"{answer.status} {brief(answer.body)}")
    found = scene.world.show(action)
    equal((found["state"], [(d["person"], d["decision"]) for d in found["decisions"]]),
          ("cleared", [("bob", "approve")]), "action")


def case_deny(scene):
    action = scene.world.submit()
    scene.peer.post("decisions", scene.decision(action, decision="deny", reason="Not today."))
    equal(scene.world.state(action), "denied", "state")


def case_older_secret_still_counts(scene):
    action = scene.world.submit()
    scene.peer.post("decisions", scene.decision(action), secret=scene.old)
    equal(scene.world.state(action), "cleared", "state")


def case_one_good_signature_among_others_is_enough(scene):
    action = scene.world.submit()
    body = json.dumps(scene.decision(action))
    headers = sign(scene.new, body)
    more = {**headers, "webhook-signature":
            "v1,AAAA v1a,BBBB v2,CCCC " + headers["webhook-signature"]}
    answer = scene.peer.post("decisions", body, change=more)
    require(answer.status in (200, 201, 204), f"{answer.status} {brief(answer.body)}")


def case_denial_without_reason_is_refused(scene):
    action = scene.world.submit()
    for reason in (None, "", "  "):
        answer = scene.peer.post("decisions", scene.decision(
            action, decision="deny", reason=reason))
        scene.refused(answer, action, (400, 403, 409, 422))


def forged(**how):
    def case(scene):
        action = scene.world.submit()
        if how.get("secret") == "another":
            more = {**how, "secret": new_secret()}
        else:
            more = how
        at = more.pop("late", None)
        more = {**more, **({"at": int(time.time()) + at} if at else {})}
        scene.refused(scene.peer.post("decisions", scene.decision(action), **more), action, (401,))
    return case


for _name, _how in {
        "another_secret": {"secret": "another"}, "old": {"late": -301}, "future": {"late": 302},
        "no_signature": {"change": {"webhook-signature": None}},
        "no_id": {"change": {"webhook-id": None}},
        "no_time_stamp": {"change": {"webhook-timestamp": None}},
        "another_id": {"change": {"webhook-id": "msg_other"}},
        "another_time": {"change": {"webhook-timestamp": str(int(time.time()) - 7)}},
        "time_that_is_no_number": {"change": {"webhook-timestamp": "now"}},
        "empty_signature": {"change": {"webhook-signature": ""}},
        "signature_of_nothing": {"change": {"webhook-signature": "v1,"}}}.items():
    globals()[f"case_forged_{_name}_is_401"] = forged(**_how)


def case_another_body_than_the_signed_is_401(scene):
    action, other = scene.world.submit(), scene.world.submit()
    body = json.dumps(scene.decision(action))
    answer = scene.peer.post("decisions", body, sent=body.replace(action["id"], other["id"]))
    scene.refused(answer, action, (401,))
    scene.world.undecided(other)


def case_signature_is_checked_before_anything_is_parsed(scene):
    for body in ("", "{", "[]", "\x00", "x" * 50_000):
        answer = scene.peer.post("decisions", body, secret=new_secret())
        equal(answer.status, 401, f"status with {body[:10]!r}")


def case_replayed_request_decides_once(scene):
    action = scene.world.submit("move")
    body = json.dumps(scene.decision(action))
    for _ in range(2):
        answer = scene.peer.post("decisions", body, identifier="msg_replayed_1")
    require(answer.status < 500, f"status {answer.status}")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")


def case_unlinked_nonmember_and_requester_do_not_count(scene):
    action = scene.world.submit()
    for user in ("nobody", "dave", "alice"):
        answer = scene.peer.post("decisions", scene.decision(action, user))
        scene.refused(answer, action, (403, 404, 409, 422))


def case_account_of_another_workspace_does_not_count(scene):
    action = scene.world.submit()
    answer = scene.peer.post("decisions", scene.decision(
        action, account={"workspace": "evil.example", "user": "@bob:example.org"}))
    scene.refused(answer, action, (400, 403, 422))


def case_stale_digest_or_rendering_is_refused(scene):
    action, other = scene.world.submit(), scene.world.submit()
    for change in ({"expect": "0" * 16}, {"rendering": "0" * 64},
                   {"expect": scene.world.show(other)["digest"]},
                   {"rendering": scene.world.show(other)["rendering"]["digest"]}):
        answer = scene.peer.post("decisions", scene.decision(action, **change))
        scene.refused(answer, action, (400, 403, 409, 412, 422))


def case_short_or_missing_members_are_refused(scene):
    action = scene.world.submit()
    shown = scene.world.show(action)
    digests = ({"expect": shown["digest"][:15]}, {"expect": 1}) if scene.takes_expect else ()
    for change in (*digests, {"rendering": None}, {"account": None}, {"decision": None},
                   {"decision": "maybe"}, {"action": None}, {"action": "act_x"}, {"surplus": 1},
                   {"account": {"user": "@bob:example.org"}}, {"reason": 7}):
        answer = scene.peer.post("decisions", scene.decision(action, **change))
        scene.refused(answer, action, (400, 404, 409, 422))


def case_high_severity_does_not_count(scene):
    action = scene.world.submit("drop")
    scene.refused(scene.peer.post("decisions", scene.decision(action)), action, (403, 409, 422))


def case_decision_after_the_end_does_not_count(scene):
    action = scene.world.submit()
    scene.world.decide(action, "carol")
    answer = scene.peer.post("decisions", scene.decision(action))
    require(answer.status in (403, 409, 422), f"{answer.status} {brief(answer.body)}")
    equal(scene.world.decisions(action), [("carol", "approve")], "decisions")


def case_used_or_wrong_code_links_nothing(scene):
    code = scene.world.code("carol")
    require(scene.link("carol-2", "0000-0000-0000").status in (400, 403, 404, 422), "wrong code")
    first = scene.link("carol-2", code)
    answer = scene.link("carol-3", code)
    require(answer.status in (400, 403, 404, 409, 422), f"used code: {answer.status}")
    require(first.status < 500, f"a second account: {first.status} {brief(first.body)}")
    require("carol-3" not in json.dumps(scene.world.accounts("carol")), "linked by a used code")


def case_forged_link_is_401(scene):
    code = scene.world.code("carol")
    equal(scene.link("evil", code, secret=new_secret()).status, 401, "status")
    require("evil" not in json.dumps(scene.world.accounts("carol")), "linked")


def case_ledger_names_the_channel_and_account(scene):
    action = scene.world.submit()
    scene.peer.post("decisions", scene.decision(action))
    entry = [e for e in scene.world.entries("action.decided")
             if e["leaf"].get("ref") == action["id"]][-1]
    require("@bob:example.org" in json.dumps(entry), f"no account in {brief(entry['core'])}")
