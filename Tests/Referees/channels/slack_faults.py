# SPDX-License-Identifier: Apache-2.0
"""Our server's Slack channel when Slack, the network or the server itself fails.

Each function takes a Scene of its own file; all leave Slack as they found it.
"""
import time

from common import Failure, brief, equal, never, require, until
from service import Fault
from slack_scene import APPROVE, DENY, LINKED, Scene

SLOW = {
    "down_for_a_while_loses_nothing", "decided_while_down_ends_right",
    "asked_and_decided_while_down_shows_no_buttons", "long_outage_delivers_in_the_end",
    "429_for_posts_is_honoured", "429_for_updates_is_honoured", "500_is_tried_again",
    "answer_that_never_comes_holds_nothing_up", "answer_that_makes_no_sense_breaks_nothing",
    "reply_in_place_of_a_frozen_card_is_tried_again", "deleted_card_does_not_loop",
    "withdrawn_token_is_visible", "server_killed_with_cards_open_ends_them_right",
    "refresh_makes_before_it_breaks", "connections_open_fails_and_recovers",
    "too_many_websockets_is_not_hammered", "link_disabled_is_not_hammered"}


def make(folder, processes):
    return Scene(folder, processes, link=("bob", "carol"))


def settled(scene, seconds=20):
    """A click of bob's works again."""
    def works():
        action = scene.world.submit()
        try:
            card = scene.card(action, seconds=3)
            answer = scene.slack.people.click(card, DENY, LINKED["bob"])
        except Failure:
            return False
        return answer.acknowledged
    scene.slack.clear_faults()
    scene.slack.limits.clear()
    until(works, "the channel works again", seconds, 0.2)


# MARK: the Web API fails

def case_down_for_a_while_loses_nothing(scene):
    scene.slack.go_down()
    waiting = [scene.world.submit() for _ in range(3)]
    time.sleep(2)
    scene.slack.come_up()
    for action in waiting:
        scene.card(action, seconds=30)
        scene.card(action, "D0BOB", seconds=30)
        equal(len(scene.slack.posted("C0001", action["table"])), 1, "cards in the channel")
    settled(scene)


def case_decided_while_down_ends_right(scene):
    action, _ = scene.submit()
    over = scene.world.submit()
    scene.card(over)
    scene.slack.go_down()
    equal(scene.world.decide(action, "carol").status, 200, "deciding while Slack is down")
    scene.world.cancel(over)
    time.sleep(1.5)
    scene.slack.come_up()
    scene.buttonless(action, 30)
    scene.buttonless(over, 30)
    settled(scene)


def case_asked_and_decided_while_down_shows_no_buttons(scene):
    scene.slack.go_down()
    action = scene.world.submit()
    scene.world.decide(action, "carol")
    time.sleep(1)
    scene.slack.come_up()
    settled(scene, 30)
    never(lambda: [m for m in scene.cards(action) if APPROVE in m.actions()],
          "a card with buttons for what is over", 1)


def case_long_outage_delivers_in_the_end(scene):
    scene.slack.go_down()
    action = scene.world.submit()
    time.sleep(15)
    scene.slack.come_up()
    scene.card(action, seconds=65)
    settled(scene)


def obeyed(scene, method, since):
    """No request of a method between its first 429, but for what was under way, and its end."""
    asked = scene.slack.asked(method, since)
    refused = [r for r in asked if r.status == 429]
    require(refused, f"{method} was never limited")
    begin, seconds = refused[0].answered, scene.slack.limits[method][0]
    early = [r.at - begin for r in asked if begin + 0.3 < r.at < begin + seconds]
    equal(early, [], f"{method}: requests before Retry-After was over, in s")


def case_429_for_posts_is_honoured(scene):
    since = time.time()
    scene.slack.limit("chat.postMessage", 3)
    actions = [scene.world.submit() for _ in range(3)]
    for action in actions:
        scene.card(action, seconds=20)
    obeyed(scene, "chat.postMessage", since)
    settled(scene)


def case_429_for_updates_is_honoured(scene):
    action, _ = scene.submit()
    since = time.time()
    scene.slack.limit("chat.update", 3)
    scene.world.decide(action, "carol")
    scene.buttonless(action, 20)
    obeyed(scene, "chat.update", since)
    settled(scene)


def case_429_for_posts_does_not_hold_up_clicks(scene):
    action, message = scene.submit()
    scene.slack.limit("chat.postMessage", 5)
    scene.world.submit()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    require(scene.slack.people.submit(shown, {}).acknowledged, "not acknowledged")
    equal(scene.world.state(action), "cleared", "state")
    settled(scene)


def case_500_is_tried_again(scene):
    scene.slack.fail("chat.postMessage", Fault(500, times=3), Fault(503, times=2))
    action = scene.world.submit()
    scene.card(action, seconds=30)
    settled(scene)


def case_answer_that_never_comes_holds_nothing_up(scene):
    action, message = scene.submit()
    scene.slack.fail("chat.postMessage", Fault(200, delay=8, times=2))
    scene.world.submit()
    began = time.time()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    scene.slack.people.submit(shown, {})
    require(time.time() - began < 6, "clicks wait for posts")
    equal(scene.world.state(action), "cleared", "state")
    settled(scene, 40)


def case_answer_that_makes_no_sense_breaks_nothing(scene):
    for body in (b"<html>", b'{"ok":"yes"}', b'{"ok":true}', b"{" * 20_000):
        scene.slack.fail("chat.postMessage", Fault(200, {"Content-Type": "application/json"},
                                                   body))
    action = scene.world.submit()
    scene.card(action, seconds=60)
    settled(scene, 60)


def case_update_that_slack_refuses_becomes_a_reply(scene):
    action, message = scene.submit()
    scene.slack.api_error("chat.update", "edit_window_closed", times=100)
    since = time.time()
    scene.world.decide(action, "carol")
    until(lambda: scene.slack.posted("C0001", thread=message.ts, since=since),
          "a reply in the thread where the card can't be changed", 15)
    settled(scene)


def case_reply_in_place_of_a_frozen_card_is_tried_again(scene):
    """Where the card can't be changed, the reply is the only news there is."""
    action, message = scene.submit()
    since = time.time()
    scene.slack.api_error("chat.update", "cant_update_message", times=100)
    scene.slack.fail("chat.postMessage", Fault(500, times=2))
    scene.world.decide(action, "carol")
    until(lambda: scene.slack.posted("C0001", thread=message.ts, since=since),
          "a reply in the thread, after Slack failed twice", 30)
    settled(scene)


def case_deleted_card_does_not_loop(scene):
    action, message = scene.submit()
    scene.slack.api_error("chat.update", "message_not_found", times=1000)
    since = time.time()
    scene.world.decide(action, "carol")
    time.sleep(4)
    require(len(scene.slack.asked("chat.update", since)) <= 12,
            f"{len(scene.slack.asked('chat.update', since))} updates of a card that is gone")
    settled(scene)


def case_missing_channel_does_not_stop_the_others(scene):
    scene.slack.channels["C0002"]["is_archived"] = True
    try:
        action = scene.world.submit()
        scene.card(action)
        scene.card(action, "D0BOB")
        def undelivered():
            return scene.world.api("GET", "/v1/channels").json[0]["undelivered"]
        until(undelivered, "GET /v1/channels counts what was not delivered", 5)
    finally:
        scene.slack.channels["C0002"]["is_archived"] = False
    settled(scene)


def case_withdrawn_token_is_visible(scene):
    scene.slack.api_error("chat.postMessage", "token_revoked", times=1000)
    action = scene.world.submit()
    until(lambda: "token_revoked" in scene.world.api("GET", "/v1/channels").raw.decode(),
          "GET /v1/channels says token_revoked", 10)
    equal(scene.world.state(action), "pending", "an action that could not be posted")
    settled(scene, 60)


# MARK: a socket is lost on the way of a click

def once(scene, action, how):
    """Approves, by pressing again where that was not acknowledged; one decision must come of it."""
    for attempt in range(4):
        if scene.world.state(action) != "pending":
            break
        since = time.time()
        answer = scene.slack.people.click(scene.card(action), APPROVE, LINKED["bob"],
                                          drop=how.pop("click", None), patience=8)
        if not answer.acknowledged:
            continue
        try:
            shown = scene.slack.modal(LINKED["bob"], since)
        except Failure:
            continue
        scene.slack.people.submit(shown, {}, drop=how.pop("submit", None), patience=8)
    scene.world.became(action, "cleared", 5)
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")
    scene.buttonless(action, 15)


def case_socket_lost_before_the_click(scene):
    once(scene, scene.submit()[0], {"click": "before"})


def case_socket_lost_after_the_click_was_sent(scene):
    once(scene, scene.submit()[0], {"click": "after_send"})


def case_socket_lost_right_after_the_click_was_acknowledged(scene):
    once(scene, scene.submit()[0], {"click": "after_ack"})


def case_socket_lost_before_the_submission(scene):
    once(scene, scene.submit()[0], {"submit": "before"})


def case_socket_lost_after_the_submission_was_sent(scene):
    once(scene, scene.submit()[0], {"submit": "after_send"})


def case_socket_lost_right_after_the_submission_was_acknowledged(scene):
    action, message = scene.submit()
    # A trigger is good for three seconds: not to be spent on waiting for the socket before it.
    until(lambda: scene.slack.sockets.open, "a socket", 15)
    shown = scene.open_modal(message, APPROVE, LINKED["bob"], patience=8)
    answer = scene.slack.people.submit(shown, {}, drop="after_ack", patience=8)
    require(answer.acknowledged, f"not acknowledged: {answer.error}")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")
    scene.buttonless(action, 15)


def case_acknowledged_decision_survives_a_kill(scene):
    action, message = scene.submit()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    answer = scene.slack.people.submit(shown, {})
    scene.world.stop(kill=True)
    scene.world.start()
    require(answer.acknowledged, f"not acknowledged: {answer.error}")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions after the kill")
    scene.buttonless(action, 20)
    settled(scene)


def case_server_killed_with_cards_open_ends_them_right(scene):
    actions = [scene.submit()[0] for _ in range(3)]
    late = scene.world.submit()
    scene.world.stop(kill=True)
    scene.world.start()
    scene.card(late, seconds=20)
    for action in actions:
        scene.decide(action, APPROVE, LINKED["bob"])
    for action in actions:
        scene.buttonless(action, 20)
    settled(scene)


# MARK: sockets come and go

def case_refresh_makes_before_it_breaks(scene):
    for reason in ("warning", "refresh_requested"):
        until(lambda: scene.slack.sockets.open == 1, "one socket", 15)
        since, number = time.time(), scene.slack.sockets.connections[-1].number
        scene.slack.sockets.disconnect(reason, grace=6)
        until(lambda: [c for c in scene.slack.sockets.connections
                       if c.usable and c.number > number], f"a new socket after {reason}", 6)
        answer = scene.slack.people.click(scene.submit()[1], DENY, LINKED["bob"])
        require(answer.acknowledged, "a click meanwhile is not acknowledged")
        until(lambda: not [c for c in scene.slack.sockets.connections if c.number <= number],
              "the old socket is closed", 10)
        require(scene.slack.sockets.least(since) >= 1, f"no socket at all after {reason}")


def case_click_over_the_old_socket_during_a_refresh_counts(scene):
    until(lambda: scene.slack.sockets.open == 1, "one socket", 15)
    action, message = scene.submit()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    scene.slack.fail("apps.connections.open", Fault(500, times=2))
    scene.slack.sockets.disconnect("refresh_requested", grace=5)
    require(scene.slack.people.submit(shown, {}).acknowledged, "not acknowledged")
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")
    settled(scene)


def case_connections_open_fails_and_recovers(scene):
    scene.slack.api_error("apps.connections.open", "internal_error", times=3)
    scene.slack.run(scene.slack._cut_all())
    until(lambda: scene.slack.sockets.open, "a socket again", 40)
    settled(scene)


def case_too_many_websockets_is_not_hammered(scene):
    since = time.time()
    scene.slack.sockets.disconnect("too_many_websockets")
    time.sleep(3)
    found = len(scene.slack.asked("apps.connections.open", since))
    require(found <= 6, f"{found} new connections within 3 s")
    until(lambda: scene.slack.sockets.open, "a socket again", 60)


def case_link_disabled_is_not_hammered(scene):
    since = time.time()
    scene.slack.sockets.disconnect("link_disabled")
    scene.slack.sockets.mode_on = False
    time.sleep(5)
    found = len(scene.slack.asked("apps.connections.open", since))
    scene.slack.sockets.mode_on = True
    require(found <= 4, f"{found} new connections within 5 s")
    text = scene.world.api("GET", "/v1/channels").raw.decode()
    require("link_disabled" in text or "Socket Mode" in text,
            f"GET /v1/channels does not say so: {text[:300]}")
    scene.world.restart()
    settled(scene, 30)


def case_foreign_frames_break_nothing(scene):
    connection = [c for c in scene.slack.sockets.connections if c.usable][-1]
    for text in ("", "{}", "[]", "null", '{"type":"party"}', "{", '{"envelope_id":"x"}',
                 '{"envelope_id":"y","type":"party","payload":{}}',
                 '{"envelope_id":"z","type":"interactive","payload":[]}',
                 '{"envelope_id":1,"type":"interactive","payload":{"type":"block_actions"}}'):
        if connection.usable:
            scene.slack.run(connection.socket.send_str(text))
    time.sleep(0.3)
    settled(scene, 20)


def case_zz_all_acknowledgements_were_valid(scene):
    found = [b for b in scene.slack.sockets.broken if b[0] != "no envelope of ours"]
    equal(found, [], f"acknowledgements that Slack would not take ({brief(found)})")
