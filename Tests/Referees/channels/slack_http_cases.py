# SPDX-License-Identifier: Apache-2.0
"""Our server's Slack channel over HTTP: signatures first, then the same decisions."""
import json
import time
import urllib.parse

from slack_sdk.signature import SignatureVerifier

from common import brief, equal, require, sha256, until
from slack_rules import buttons
from slack_scene import APPROVE, DENY, LINKED, Scene


def make(folder, processes):
    return Scene(folder, processes, http=True, link=("bob",))


def click_body(scene, action, message, verb=APPROVE):
    """The body of a click that would count if it were signed well."""
    block, element = [(b, e) for b, e in buttons(message.blocks) if e["action_id"] == verb][0]
    payload = scene.slack.people.block_actions(LINKED["bob"], block, element, None)
    payload["container"] = {"type": "message", "message_ts": message.ts,
                            "channel_id": message.channel, "is_ephemeral": False}
    payload["channel"] = {"id": message.channel, "name": "c0001"}
    payload["message"] = scene.slack.rendered(message)
    return urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()


def forged(scene, **how):
    """A well-formed click with a bad signature: 401, and no modal comes of it."""
    action, message = scene.submit()
    since, body = time.time(), click_body(scene, action, message)
    found = scene.slack.people.post(scene.slack.interactivity_url, how.pop("body", body), **how)
    equal(found.status, 401, f"status ({brief(found.body)} {found.error})")
    time.sleep(0.1)
    require(not [v for v in scene.slack.views.values() if v.at >= since], "a modal was opened")
    scene.world.undecided(action)


def case_good_click_modal_and_submission(scene):
    action = scene.world.submit()
    answer = scene.decide(action, APPROVE, LINKED["bob"], "Fine.")
    equal((answer.status, answer.body.strip() in (b"", b"{}")), (200, True), "answer")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")
    scene.buttonless(action)


def case_errors_come_in_the_body(scene):
    action, message = scene.submit()
    shown = scene.open_modal(message, DENY, LINKED["bob"])
    answer = scene.slack.people.submit(shown, {"reason": ""}, force=True)
    equal((answer.payload or {}).get("response_action"), "errors", "answer")
    scene.world.undecided(action)


def case_same_request_twice_is_one_decision(scene):
    action, message = scene.submit("move")
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    require(scene.slack.people.submit(shown, {}, twice=True).acknowledged, "not acknowledged")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")


def case_unlinked_click_is_told_so(scene):
    action, message = scene.submit()
    scene.refused(action, message, APPROVE, "U0NOBODY")


def case_no_signature(scene):
    forged(scene, headers={"X-Slack-Signature": None})


def case_no_time_stamp(scene):
    forged(scene, headers={"X-Slack-Request-Timestamp": None})


def case_empty_signature(scene):
    forged(scene, headers={"X-Slack-Signature": ""})


def case_signature_of_another_secret(scene):
    forged(scene, secret="f" * 32)


def case_signature_of_another_body(scene):
    forged(scene, signed=b"payload=%7B%7D")


def case_signature_of_another_time(scene):
    forged(scene, headers={"X-Slack-Request-Timestamp": str(int(time.time()) - 1)})


def case_old_signature(scene):
    forged(scene, at=int(time.time()) - 301)


def case_signature_from_the_future(scene):
    forged(scene, at=int(time.time()) + 302)


def case_time_stamp_that_is_no_number(scene):
    for text in ("", "now", "-1", "1e9", "9" * 40, f"+{int(time.time())}", "0x1"):
        found = scene.slack.people.post(
            scene.slack.interactivity_url, b"payload={}",
            headers={"X-Slack-Request-Timestamp": text})
        equal(found.status, 401, f"status with {text!r}")


def case_signature_of_another_version(scene):
    at, body = str(int(time.time())), b"payload=%7B%7D"
    good = SignatureVerifier(scene.slack.signing_secret).generate_signature(
        timestamp=at, body=body)
    for text in ("v1=" + good[3:], good[3:], good.upper(), good[:-1], good + "0", "v0=",
                 "v0=" + "0" * 64):
        found = scene.slack.people.post(scene.slack.interactivity_url, body, at=int(at),
                                        headers={"X-Slack-Signature": text})
        equal(found.status, 401, f"status with {text[:12]!r}")


def case_signature_is_checked_before_anything_is_parsed(scene):
    """A forged body that no parser takes is 401 like any other, not 400."""
    for body in (b"", b"payload=", b"payload={", b"\xff\xfe", b"payload=%zz", b"a" * 100_000):
        for url in (scene.slack.interactivity_url, scene.slack.events_url):
            found = scene.slack.people.post(url, body, secret="wrong")
            equal(found.status, 401, f"status with {body[:12]!r} at {url[-13:]}")


def case_signed_nonsense_breaks_nothing(scene):
    for body in (b"", b"payload=", b"payload=%7B", b"\xff\xfe", b"payload=[]", b"payload=null",
                 b"payload=%7B%22type%22%3A%22party%22%7D", b"x=1",
                 b"payload=%7B%22type%22%3A%22block_actions%22%7D"):
        found = scene.slack.people.post(scene.slack.interactivity_url, body)
        require(found.status in (200, 400, 422), f"{found.status} for {body[:20]!r}")
        found = scene.slack.people.post(scene.slack.events_url, body, "application/json")
        require(found.status in (200, 400, 415, 422), f"{found.status} for {body[:20]!r}")


def case_too_much_is_refused(scene):
    found = scene.slack.people.post(scene.slack.interactivity_url, b"a" * (4 << 20))
    require(found.status in (400, 401, 413, 0), f"status {found.status}")
    equal(scene.world.send("GET", "/healthz").status, 200, "afterwards")


def case_url_verification_is_echoed_to_slack_only(scene):
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1a"}).encode()
    found = scene.slack.people.post(scene.slack.events_url, body, "application/json")
    equal(found.status, 200, "status")
    require(b"3eZbrw1a" in found.body, f"no challenge: {found.body[:100]!r}")
    forged_one = scene.slack.people.post(scene.slack.events_url, body, "application/json",
                                         secret="wrong")
    equal(forged_one.status, 401, "status of a forged one")


def case_event_that_is_retried_is_acknowledged_again(scene):
    answer = scene.slack.people.open_home(LINKED["bob"], twice=True)
    require(answer.acknowledged, f"{answer.status} {answer.error}")
    until(lambda: LINKED["bob"] in scene.slack.homes, "a Home tab", 5)


def case_channel_that_does_not_exist(scene):
    for path in ("/channels/nothing/interactivity", "/channels/slack/nothing", "/channels/",
                 "/channels/slack/decisions", "/channels/slack/messages"):
        found = scene.slack.people.post(scene.world.url + path, b"payload={}")
        require(found.status in (401, 404, 405), f"{path}: {found.status}")


def case_interactivity_by_get_is_refused(scene):
    for path in ("interactivity", "events"):
        found = scene.world.send("GET", f"/channels/slack/{path}")
        require(found.status in (404, 405), f"{path}: {found.status}")


def case_click_that_another_workspace_sends_does_not_count(scene):
    """One app in two workspaces has one signing secret; ids are unique within a team only."""
    action, message = scene.submit()
    scene.slack.says[LINKED["bob"]] = {"team": "T0999", "team_id": "T0999"}
    try:
        scene.refused_at_last(action, message, APPROVE, LINKED["bob"])
    finally:
        del scene.slack.says[LINKED["bob"]]


def case_secret_never_shows(scene):
    """Neither tokens nor the signing secret are in the log or in what the API says."""
    with open(scene.world.log, encoding="utf-8", errors="replace") as file:
        said = file.read() + scene.world.api("GET", "/v1/channels").raw.decode()
    for name in ("bot_token", "app_token", "signing_secret"):
        require(getattr(scene.slack, name) not in said, f"{name} is shown")
    require(sha256(scene.slack.signing_secret.encode()) not in said, "a digest of it is shown")


def case_zz_no_rule_of_slacks_was_broken(scene):
    scene.slack.no_rule_broken()
