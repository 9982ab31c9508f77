# SPDX-License-Identifier: Apache-2.0
"""Our server's Slack channel over Socket Mode, one property at a time.

Each function takes a Scene.
"""
import json
import time

from common import brief, equal, never, require, until
from slack_scene import APPROVE, DENY, LINKED, OPEN, Scene

make = Scene
SLOW = {"expired_action_loses_its_buttons"}


def direct(person):
    return "D" + LINKED[person][1:]


# MARK: where cards go

def case_card_goes_to_channel_and_to_each_eligible_reviewer(scene):
    action = scene.world.submit()
    for place in ("C0001", "C0002", direct("bob"), direct("carol")):
        scene.card(action, place)
    equal(len(scene.cards(action)), 4, "cards")


def case_card_never_asks_requester_or_strangers_to_the_review(scene):
    action, _ = scene.submit()
    scene.card(action, direct("bob"))
    for person in ("alice", "dave", "erin"):
        never(lambda p=person: scene.slack.posted(direct(p), action["table"]),
              f"a card for {person}", 0.3)


def case_channel_takes_only_its_groups(scene):
    action = scene.world.submit("audit")
    scene.card(action, direct("erin"))
    never(lambda: scene.slack.posted("C0001", action["table"]), "a card for auditors in C0001")


def case_allowed_action_is_not_posted(scene):
    action = scene.world.submit("read")
    never(lambda: scene.cards(action), "a card of an action that nobody is asked about")


def case_channel_without_buttons_has_a_link(scene):
    action = scene.world.submit()
    message = scene.card(action, "C0002")
    require(not {APPROVE, DENY} & set(message.actions()), f"buttons: {message.actions()}")
    require(action["id"] in message.body(), "no link to the action's page")


def case_card_has_fallback_text_and_unfurls_nothing(scene):
    action, message = scene.submit()
    sent = message.versions[0]["sent"]
    require(sent.get("text"), "no text for notifications")
    for name in ("unfurl_links", "unfurl_media"):
        require(str(sent.get(name)).lower() == "false", f"{name}: {sent.get(name)!r}")


def case_card_shows_what_the_reviewer_must_see(scene):
    action, message = scene.submit(why="Board meeting on Friday.")
    shown = message.body()
    for needle in (action["table"], "db.export", "bot", "Board meeting on Friday.",
                   "Rows leave the database.", scene.world.show(action)["digest"][:16]):
        require(needle in shown, f"the card does not show {needle!r}")


def case_button_carries_id_and_rendering_only(scene):
    action, message = scene.submit()
    rendering = scene.world.show(action)["rendering"]["digest"]
    for button in message.buttons():
        if button["action_id"] in (APPROVE, DENY):
            equal(button["value"], f"{action['id']} {rendering}", "value")


# MARK: deciding

def case_approve_by_modal_clears_everywhere_and_tells_the_requester(scene):
    action, since = scene.world.submit(), time.time()
    answer = scene.decide(action, APPROVE, LINKED["bob"], "Fine.")
    require(answer.acknowledged and not answer.payload, f"answer: {brief(answer.payload)}")
    # It was durable before it was answered.
    found = scene.world.show(action)
    equal(found["state"], "cleared", "state")
    equal([(d["person"], d["decision"], d["channel"]) for d in found["decisions"]],
          [("bob", "approve", "slack")], "decisions")
    scene.buttonless(action)
    until(lambda: scene.slack.posted(direct("alice"), action["table"], since)
          or scene.slack.posted(direct("alice"), action["id"], since), "alice is told", 10)


def case_card_says_who_decided_and_why(scene):
    action = scene.world.submit()
    scene.decide(action, DENY, LINKED["bob"], "Not on a Friday.")
    equal(scene.world.state(action), "denied", "state")
    message = scene.card(action)
    until(lambda: "Bob Example" in message.body() and "Not on a Friday." in message.body(),
          "the card says who denied, and why", 10)


def case_decision_is_told_in_the_thread(scene):
    action, message = scene.submit()
    scene.decide(action, APPROVE, LINKED["carol"], "Sure.")
    until(lambda: [m for m in scene.slack.posted("C0001", "Carol", thread=message.ts)],
          "a reply in the thread names Carol", 10)


def case_direct_message_decides_too(scene):
    action = scene.world.submit()
    scene.decide(action, APPROVE, LINKED["bob"], place=direct("bob"))
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")


def case_denial_without_reason_is_refused_in_the_modal(scene):
    action, message = scene.submit()
    shown = scene.open_modal(message, DENY, LINKED["bob"])
    block = [b for b in shown.view["blocks"] if b.get("block_id") == "reason"][0]
    require(not block.get("optional"), "a reason is optional")
    for text in ("", "   "):
        answer = scene.slack.people.submit(shown, {"reason": text}, force=True)
        equal((answer.payload or {}).get("response_action"), "errors", f"answer to {text!r}")
        require((answer.payload.get("errors") or {}).get("reason"), "no error at `reason`")
    scene.world.undecided(action)


def case_modal_holds_no_authority(scene):
    action, message = scene.submit()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    equal(shown.view.get("callback_id"), "exequatur.decide", "callback_id")
    found = json.loads(shown.view["private_metadata"])
    require({"action", "kind", "rendering"} <= set(found) <= {
        "action", "card", "kind", "rendering"}, f"private_metadata: {found}")


def case_modal_of_another_user_does_not_count_for_the_first(scene):
    action, message = scene.submit()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    scene.slack.people.submit(shown, {}, user="U0NOBODY")
    scene.slack.people.submit(shown, {}, user=LINKED["alice"])
    scene.world.undecided(action)


def case_quorum_needs_two_people(scene):
    action, message = scene.submit("move")
    scene.decide(action, APPROVE, LINKED["bob"])
    equal((scene.world.state(action), scene.world.decisions(action)),
          ("pending", [("bob", "approve")]), "after bob")
    until(lambda: "Bob Example" in message.body() and APPROVE in message.actions(),
          "the card in the channel says that bob has, and still asks", 10)
    mine = scene.card(action, direct("bob"))
    until(lambda: APPROVE not in mine.actions(), "bob is not asked again", 10)
    require(APPROVE in scene.card(action, direct("carol")).actions(), "carol is asked no more")
    scene.refused(action, message, APPROVE, LINKED["bob"])
    scene.decide(action, APPROVE, LINKED["carol"])
    equal(scene.world.state(action), "cleared", "after carol")


def case_decision_elsewhere_changes_the_cards(scene):
    action, _ = scene.submit()
    scene.world.decide(action, "carol", "deny", "Said in the terminal.")
    scene.buttonless(action)


def case_cancelled_action_loses_its_buttons(scene):
    action, message = scene.submit()
    scene.world.cancel(action)
    scene.buttonless(action)
    require(len(message.versions) > 1, "the card was not updated")


def case_expired_action_loses_its_buttons(scene):
    action, _ = scene.submit("brief")
    scene.world.became(action, "expired", 15)
    scene.buttonless(action, 10)


# MARK: clicks that do not count

def outsider(user):
    def case(scene):
        action, message = scene.submit()
        for verb in (APPROVE, DENY):
            scene.refused(action, message, verb, user)
    return case


for _name, _user in {"unlinked": "U0NOBODY", "guest": "U0GUEST", "single_channel_guest": "U0ULTRA",
                     "stranger": "U0STRANGER", "other_team": "U0OTHER",
                     "requester": LINKED["alice"], "nonmember": LINKED["dave"],
                     "member_of_another_group": LINKED["erin"]}.items():
    globals()[f"case_click_by_{_name}_does_not_count"] = outsider(_user)


def case_click_with_a_linked_id_of_another_team_does_not_count(scene):
    action, message = scene.submit()
    account = scene.slack.users[LINKED["bob"]]
    account["team_id"] = "T0999"
    try:
        scene.refused_at_last(action, message, APPROVE, LINKED["bob"])
    finally:
        account["team_id"] = "T0001"


def case_click_that_another_workspace_sends_does_not_count(scene):
    """One app in two workspaces has one signing secret; ids are unique within a team only."""
    action, message = scene.submit()
    scene.slack.says[LINKED["bob"]] = {"team": "T0999", "team_id": "T0999"}
    try:
        scene.refused_at_last(action, message, APPROVE, LINKED["bob"])
    finally:
        del scene.slack.says[LINKED["bob"]]


def changed(**flags):
    def case(scene):
        action, message = scene.submit()
        account = scene.slack.users[LINKED["bob"]]
        before = {name: account.get(name, False) for name in flags}
        account.update(flags)
        try:
            scene.refused_at_last(action, message, APPROVE, LINKED["bob"])
        finally:
            account.update(before)
    return case


for _flag in ("is_restricted", "is_ultra_restricted", "is_stranger", "deleted", "is_bot"):
    globals()[f"case_linked_account_that_became_{_flag}_does_not_count"] = changed(**{_flag: True})


def case_stale_rendering_is_refused(scene):
    action, message = scene.submit()
    scene.refused(action, message, APPROVE, LINKED["bob"], value=f"{action['id']} {'0' * 64}")


def case_rendering_of_another_action_is_refused(scene):
    action, message = scene.submit()
    other, _ = scene.submit()
    rendering = scene.world.show(other)["rendering"]["digest"]
    scene.refused(action, message, APPROVE, LINKED["bob"], value=f"{action['id']} {rendering}")
    scene.world.undecided(other)


def case_malformed_values_decide_nothing_and_break_nothing(scene):
    action, message = scene.submit()
    digest = scene.world.show(action)["rendering"]["digest"]
    for value in ("", " ", action["id"], f"{action['id']} ", f"{action['id']} {digest} x",
                  f"{action['id']}\n{digest}", f"act_x {digest}", f"{action['id']} {digest[:16]}",
                  f"{action['id']} {digest.upper()}", "{}", "x" * 2000):
        answer = scene.slack.people.click(message, APPROVE, LINKED["bob"], value=value)
        require(answer.acknowledged, f"a click with {value[:40]!r} is not acknowledged")
    scene.world.undecided(action)
    scene.decide(action, APPROVE, LINKED["bob"])
    equal(scene.world.state(action), "cleared", "afterwards")


def case_high_severity_has_a_link_instead_of_buttons(scene):
    action, message = scene.submit("drop")
    for card in (message, scene.card(action, direct("bob"))):
        require(not {APPROVE, DENY} & set(card.actions()), f"buttons: {card.actions()}")
        urls = [b.get("url", "") for b in card.buttons() if b["action_id"] == OPEN]
        require(urls and action["id"] in urls[0] and urls[0].startswith(scene.world.url),
                f"no button to the page: {card.actions()}")


def case_forged_click_at_high_severity_does_not_count(scene):
    _, other = scene.submit()
    action, _ = scene.submit("drop")
    rendering = scene.world.show(action)["rendering"]["digest"]
    scene.refused(action, other, APPROVE, LINKED["bob"], value=f"{action['id']} {rendering}")


def case_click_after_the_end_is_told_so(scene):
    action, message = scene.submit()
    scene.world.decide(action, "carol")
    scene.buttonless(action)
    scene.refused(action, message, APPROVE, LINKED["bob"], version=scene.old_card(message))
    equal(scene.world.decisions(action), [("carol", "approve")], "decisions")


def case_modal_submitted_after_the_end_says_so(scene):
    action, message = scene.submit()
    shown = scene.open_modal(message, APPROVE, LINKED["bob"])
    scene.world.decide(action, "carol", "deny", "Quicker.")
    answer = scene.slack.people.submit(shown, {})
    equal((answer.payload or {}).get("response_action"), "errors", "answer")
    equal(scene.world.decisions(action), [("carol", "deny")], "decisions")


def case_same_envelope_twice_is_one_decision(scene):
    action, message = scene.submit("move")
    shown = scene.open_modal(message, APPROVE, LINKED["bob"], twice=True)
    answer = scene.slack.people.submit(shown, {}, twice=True)
    require(answer.acknowledged, "not acknowledged")
    until(lambda: len(answer.acks) == 2, "both copies are acknowledged", 5)
    equal(scene.world.decisions(action), [("bob", "approve")], "decisions")
    require(not answer.payload, f"the first answer: {brief(answer.payload)}")


def case_link_button_is_acknowledged_and_nothing_else(scene):
    action, message = scene.submit("drop")
    answer = scene.slack.people.click(message, OPEN, LINKED["bob"])
    require(answer.acknowledged, "not acknowledged")
    scene.world.undecided(action)


def case_checkpoint_and_governance_are_not_decided_here(scene):
    """Nothing in this workspace ever had a button for an `exequatur.*` action."""
    for message in list(scene.slack.messages):
        for version in range(len(message.versions)):
            if APPROVE in message.actions(version):
                require("exequatur." not in message.versions[version]["text"],
                        f"a governance action with buttons: {message.text}")


# MARK: Slack's own rules, over all that came before

def case_zz_no_rule_of_slacks_was_broken(scene):
    # The same click twice tries the same trigger twice, and a late one is late.
    scene.slack.no_rule_broken(allowed=("exchanged_trigger_id", "expired_trigger_id"))
    equal(scene.slack.sockets.broken, [], "acknowledgements that Slack would not take")


def case_zz_every_interaction_was_acknowledged_within_three_seconds(scene):
    late = [d.seconds for d in scene.slack.sockets.deliveries.values()
            if d.sent and (not d.acks or d.seconds > 3)]
    equal(late, [], "late or missing acknowledgements")


def case_zz_pings_are_answered(scene):
    connection = [c for c in scene.slack.sockets.connections if c.usable][-1]
    until(lambda: connection.pongs >= 1, "a pong", 5)
