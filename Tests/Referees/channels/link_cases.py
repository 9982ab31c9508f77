# SPDX-License-Identifier: Apache-2.0
"""How accounts become a person's. Each function takes a Scene with Slack and nobody linked."""
import json
import time
import urllib.parse

from common import Failure, brief, equal, require
from slack_scene import APPROVE, Scene
from world import CODE, forms

# A code lives ten minutes; only a clock that can be moved could show its end.
USERS = iter(f"U0NEW{number}" for number in range(1000))


def make(folder, processes):
    return Scene(folder, processes, link=())


def user(scene):
    """An account that nobody has."""
    return scene.slack.add_user(next(USERS))


def errors(answer):
    return (answer.payload or {}).get("errors") or {}


def holder(scene, account):
    """Who has an account, by the ledger."""
    return [p for p in scene.world.people
            if account in json.dumps(scene.world.accounts(p))]


def case_code_links_and_the_ledger_says_so(scene):
    account = user(scene)
    answer = scene.world.link_slack(scene.slack, "bob", account)
    require(answer.acknowledged and not answer.payload, f"answer: {brief(answer.payload)}")
    equal(scene.world.accounts("bob"),
          [{"channel": "slack", "user": account, "workspace": "T0001"}], "accounts")
    home = json.dumps(scene.slack.homes[account].view)
    require("Bob Example" in home or "bob" in home, "the Home tab does not say who it is")


def case_linked_account_decides(scene):
    account = user(scene)
    scene.world.link_slack(scene.slack, "carol", account)
    action = scene.world.submit()
    scene.decide(action, APPROVE, account)
    equal(scene.world.decisions(action), [("carol", "approve")], "decisions")


def case_code_is_typed_in_any_case_and_with_spaces(scene):
    account, code = user(scene), scene.world.code("dave")
    answer = scene.world.enter_code(scene.slack, account, f" {code.lower().replace('-', ' ')} ")
    equal(errors(answer), {}, "errors")
    equal(holder(scene, account), ["dave"], "holder")


def case_wrong_code_links_nothing(scene):
    account = user(scene)
    for code in ("0000-0000-0000", "x", "ÄÖÜ", "0000-0000-0000-0000"):
        answer = scene.world.enter_code(scene.slack, account, code)
        require(errors(answer).get("code"), f"no error at `code` for {code!r}")
    equal(holder(scene, account), [], "holder")


def case_used_code_links_nothing(scene):
    first, second, code = user(scene), user(scene), scene.world.code("erin")
    equal(errors(scene.world.enter_code(scene.slack, first, code)), {}, "errors")
    answer = scene.world.enter_code(scene.slack, second, code)
    require(errors(answer).get("code"), "a used code has no error")
    equal(holder(scene, second), [], "holder")


def case_two_persons_cannot_have_one_account(scene):
    account = user(scene)
    scene.world.link_slack(scene.slack, "alice", account)
    equal(holder(scene, account), ["alice"], "holder")
    code = scene.world.code("dave")
    shown = None
    try:
        answer = scene.world.enter_code(scene.slack, account, code)
        require(errors(answer), f"taken from alice: {brief(answer.payload)}")
    except Exception as error:  # a linked Home tab has no button to link, which is as good
        shown = error
        require("exequatur.link" in str(error), f"{error}")
    equal(holder(scene, account), ["alice"], f"holder ({shown})")


def case_guest_or_stranger_cannot_link(scene):
    for account in ("U0GUEST", "U0ULTRA", "U0STRANGER"):
        try:
            answer = scene.world.enter_code(scene.slack, account, scene.world.code("dave"))
            require(errors(answer).get("code"), f"{account}: {brief(answer.payload)}")
        except Failure as error:  # not to be asked for a code at all is as good
            require("a modal" in str(error), f"{account}: {error}")
        equal(holder(scene, account), [], "holder")


def case_code_needs_a_session(scene):
    found = scene.world.send("GET", "/account")
    require(found.status in (302, 303, 401, 403), f"status {found.status}")
    require("sign-in" in found.headers.get("Location", "sign-in"), "not sent to sign in")


def case_code_needs_the_token_of_the_form(scene):
    scene.world.code("bob")
    page = scene.world.page("/account", "bob")
    require(not CODE.search(page.text), "GET /account makes or shows a code")
    for where, fields in forms(page.text):
        if "sign-out" in where:
            continue
        for csrf in ("", "x"):
            found = scene.world.form(where, {**fields, "csrf": csrf}, "bob")
            require(found.status in (400, 401, 403), f"{where}: status {found.status}")


def case_form_of_another_site_makes_no_code(scene):
    scene.world.code("bob")
    for where, fields in forms(scene.world.page("/account", "bob").text):
        found = scene.world.send("POST", where, urllib.parse.urlencode(fields), {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://evil.example", "Cookie": scene.world.cookies["bob"]})
        equal(found.status, 403, f"status of {where}")


def case_get_links_and_unlinks_nothing(scene):
    account = user(scene)
    scene.world.link_slack(scene.slack, "carol", account)
    before = len(scene.world.entries())
    scene.world.page("/account", "carol")
    scene.world.page(f"/account?unlink={account}", "carol")
    equal(len(scene.world.entries()), before, "entries")


def case_removed_person_decides_no_more(scene):
    account = user(scene)
    scene.world.cli("person", "add", "zoe", "--group", "reviewers")
    scene.world.people["zoe"] = {"id": "zoe"}
    scene.world.link_slack(scene.slack, "zoe", account)
    action = scene.world.submit()
    message = scene.card(action)
    scene.world.cli("person", "remove", "zoe")
    del scene.world.people["zoe"]
    since = time.time()
    scene.slack.people.click(message, APPROVE, account)
    time.sleep(0.5)
    require(not [v for v in scene.slack.views.values() if v.user == account and v.at >= since
                 and v.view["callback_id"] == "exequatur.decide"], "a modal for who is gone")
    scene.world.undecided(action)
