# SPDX-License-Identifier: Apache-2.0
"""Slack's own SDKs against the Slack emulator: slack_bolt and slack_sdk prove the emulator.

Each function takes a Proof, an emulator with an app made with Bolt behind it.
"""
import json
import logging
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier

from common import corpora, equal, raises, require, until
from service import Fault
from slack_emulator import SlackEmulator

logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)
logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", category=UserWarning, module="slack_sdk")

TEXT = {"type": "plain_text", "text": "Approve"}
CARD = [{"type": "section", "block_id": "what", "text": {"type": "plain_text", "text": "What?"}},
        {"type": "actions", "block_id": "decide", "elements": [
            {"type": "button", "action_id": "approve", "text": TEXT, "value": "act_1 0a",
             "style": "primary"},
            {"type": "button", "action_id": "open", "text": TEXT, "url": "https://example.org/",
             "value": "act_1"}]}]
MODAL = {"type": "modal", "callback_id": "decide", "private_metadata": '{"action":"act_1"}',
         "title": TEXT, "submit": TEXT, "blocks": [
             {"type": "input", "block_id": "reason", "optional": True, "label": TEXT, "element": {
                 "type": "plain_text_input", "action_id": "reason", "multiline": True,
                 "max_length": 3000}}]}


class Proof:
    """An emulator and a Bolt app that opens a modal and takes its submission."""

    def __init__(self):
        self.slack = SlackEmulator(ping_seconds=0.5)
        self.slack.add_user("U0BOB")
        self.client = WebClient(token=self.slack.bot_token, base_url=self.slack.api_url)
        self.app = App(client=self.client, signing_secret=self.slack.signing_secret,
                       raise_error_for_unhandled_request=False)
        self.seen = []
        self.app.action("approve")(self._clicked)
        self.app.action("open")(lambda ack, body: (ack(), self.seen.append(("open", body))))
        self.app.view("decide")(self._submitted)
        self.app.event("app_home_opened")(self._home)
        self.handler = SocketModeHandler(self.app, self.slack.app_token, web_client=self.client,
                                         ping_interval=1, concurrency=4)

    def _clicked(self, ack, body, client):
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        ack()
        self.seen.append(("click", body))

    def _submitted(self, ack, body, view):
        reason = view["state"]["values"]["reason"]["reason"]["value"]
        if reason is None:
            ack(response_action="errors", errors={"reason": "Why?"})
        else:
            ack()
        self.seen.append(("submit", reason))

    def _home(self, client, event, ack):
        ack()
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": CARD})

    def connect(self):
        if self.slack.sockets.open == 0:
            self.handler.connect()
            until(lambda: self.slack.sockets.open == 1, "Bolt is connected", 5)

    def post(self):
        found = self.client.chat_postMessage(channel="C0001", text="What?", blocks=CARD)
        return self.slack.find("C0001", found["ts"])

    def close(self):
        self.handler.close()
        self.slack.stop()


# MARK: Web API

def proof_auth_test(proof):
    equal(proof.client.auth_test()["user_id"], "U0BOT", "user_id")


def proof_post_update_and_delete(proof):
    message = proof.post()
    equal(message.actions(), ["approve", "open"], "buttons")
    proof.client.chat_update(channel="C0001", ts=message.ts, text="Over", blocks=CARD[:1])
    equal(message.actions(), [], "buttons afterwards")
    equal(len(message.versions), 2, "versions")
    proof.client.chat_delete(channel="C0001", ts=message.ts)
    require(message.deleted, "the message is deleted")


def proof_thread_reply_and_ephemeral(proof):
    message = proof.post()
    proof.client.chat_postMessage(channel="C0001", text="Bob did", thread_ts=message.ts)
    require(proof.slack.posted("C0001", "Bob did", thread=message.ts), "no reply in the thread")
    proof.client.chat_postEphemeral(channel="C0001", user="U0BOB", text="Not you")
    equal([e["text"] for e in proof.slack.whispers("U0BOB")][-1], "Not you", "ephemeral")


def proof_direct_message(proof):
    channel = proof.client.conversations_open(users=["U0BOB"])["channel"]["id"]
    found = proof.client.chat_postMessage(channel=channel, text="Hello")
    require(proof.slack.find(channel, found["ts"]), "no direct message")


def proof_users_info_flags(proof):
    proof.slack.add_user("U0GUEST", is_restricted=True)
    require(proof.client.users_info(user="U0GUEST")["user"]["is_restricted"], "not a guest")


def error_of(function, **given):
    return raises(SlackApiError, function, **given).response["error"]


def proof_errors_are_slacks(proof):
    post, client = proof.client.chat_postMessage, proof.client
    wrong = WebClient(token="xoxb-wrong", base_url=proof.slack.api_url)
    equal(error_of(wrong.auth_test), "invalid_auth", "a wrong token")
    equal(error_of(post, channel="C0999", text="x"), "channel_not_found", "no channel")
    equal(error_of(post, channel="C0001", text=""), "no_text", "no text")
    equal(error_of(client.chat_update, channel="C0001", ts="1.2", text="x"),
          "message_not_found", "no message")
    equal(error_of(client.views_open, trigger_id="1.2", view=MODAL), "invalid_trigger_id",
          "no trigger")
    equal(error_of(client.users_info, user="U9"), "user_not_found", "no user")
    equal(error_of(client.users_lookupByEmail, email="a@example.org"), "missing_scope", "scope")
    proof.slack.add_channel("C0NOT", member=False)
    equal(error_of(post, channel="C0NOT", text="x"), "not_in_channel", "not invited")


def proof_block_limits(proof):
    def refused(blocks, what):
        equal(error_of(proof.client.chat_postMessage, channel="C0001", text="x", blocks=blocks),
              "invalid_blocks", what)
    plain = {"type": "section", "text": {"type": "plain_text", "text": "x"}}
    refused([plain] * 51, "51 blocks")
    refused([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}], "3001")
    refused([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "empty")
    refused([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}], "field")
    refused([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "header")
    refused([{**plain, "colour": "red"}], "an unknown member")
    refused([{**plain, "block_id": "a"}] * 2, "a block_id twice")
    button = CARD[1]["elements"][0]
    for change in ({"value": "x" * 2001}, {"style": "blue"}, {"action_id": "x" * 256},
                   {"text": {"type": "plain_text", "text": "x" * 76}},
                   {"text": {"type": "mrkdwn", "text": "x"}}):
        refused([{"type": "actions", "elements": [{**button, **change}]}], str(change)[:40])


def proof_429_is_retried_after_its_time(proof):
    client = WebClient(token=proof.slack.bot_token, base_url=proof.slack.api_url)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    proof.slack.limit("chat.postMessage", 1)
    began = time.time()
    client.chat_postMessage(channel="C0001", text="Later")
    asked = proof.slack.asked("chat.postMessage", began)
    equal([r.status for r in asked], [429, 200], "answers")
    require(asked[1].at - asked[0].at >= 1, "it did not wait")


def proof_500_and_cut_connections_are_seen(proof):
    proof.slack.fail("auth.test", Fault(500, body=b"oops"))
    raises(SlackApiError, proof.client.auth_test)
    proof.slack.go_down()
    try:
        raises(Exception, proof.client.auth_test)
    finally:
        proof.slack.come_up()
    proof.client.auth_test()


# MARK: Socket Mode

def proof_click_modal_and_submission(proof):
    proof.connect()
    message, since = proof.post(), time.time()
    answer = proof.slack.people.click(message, "approve", "U0BOB")
    require(answer.acknowledged, f"the click: {answer.error}")
    shown = proof.slack.modal("U0BOB", since)
    refused = proof.slack.people.submit(shown, {})
    equal(refused.payload, {"response_action": "errors", "errors": {"reason": "Why?"}}, "errors")
    require(shown.open, "the modal stays open")
    answer = proof.slack.people.submit(shown, {"reason": "Because"})
    require(answer.acknowledged and not shown.open, "the modal is closed")
    equal(proof.slack.sockets.broken, [], "acknowledgements that Slack would not take")


def proof_url_button_is_acknowledged(proof):
    proof.connect()
    require(proof.slack.people.click(proof.post(), "open", "U0BOB").acknowledged, "no ack")


def proof_home_tab_is_published(proof):
    proof.connect()
    require(proof.slack.people.open_home("U0BOB").acknowledged, "no ack")
    until(lambda: "U0BOB" in proof.slack.homes, "a Home tab", 3)
    answer = proof.slack.people.click_home("U0BOB", "approve")
    require(answer.acknowledged, "a click in the Home tab")


def proof_trigger_counts_once_and_three_seconds(proof):
    proof.connect()
    proof.slack.people.click(proof.post(), "approve", "U0BOB")
    body = [b for kind, b in proof.seen if kind == "click"][-1]
    equal(error_of(proof.client.views_open, trigger_id=body["trigger_id"], view=MODAL),
          "exchanged_trigger_id", "the same trigger again")
    late = proof.slack.people._trigger("U0BOB")
    proof.slack.triggers[late]["at"] -= 3.1
    equal(error_of(proof.client.views_open, trigger_id=late, view=MODAL),
          "expired_trigger_id", "a late trigger")


def proof_refresh_makes_before_it_breaks(proof):
    proof.connect()
    before, since = proof.slack.asked("apps.connections.open"), time.time()
    proof.slack.sockets.disconnect("refresh_requested", grace=3)
    until(lambda: len(proof.slack.asked("apps.connections.open")) > len(before), "a new ticket")
    until(lambda: len(proof.slack.sockets.history) and proof.slack.sockets.history[-1][1] == 1
          and proof.slack.sockets.history[-1][0] > since, "one socket again", 6)
    require(proof.slack.sockets.least(since) >= 1, "there was a moment without a socket")
    require(proof.slack.people.click(proof.post(), "open", "U0BOB").acknowledged, "no ack")


def proof_lost_socket_is_opened_again(proof):
    proof.connect()
    lost = proof.slack.people.click(proof.post(), "open", "U0BOB", drop="after_send")
    require(not lost.acknowledged, "acknowledged over a lost socket")
    until(lambda: proof.slack.sockets.open == 1, "Bolt connects again", 15)
    answer = proof.slack.people.click(proof.post(), "open", "U0BOB", twice=True)
    until(lambda: len(answer.acks) == 2, "both copies are acknowledged", 3)


def proof_pings_are_answered(proof):
    proof.connect()
    connection = [c for c in proof.slack.sockets.connections if c.usable][-1]
    until(lambda: connection.pongs >= 2, "pongs", 5)


# MARK: HTTP

def dispatch(proof, **forged):
    """What Bolt says of a signed request, without a web server of its own."""
    body = "payload=" + json.dumps(proof.slack.people.block_actions(
        "U0BOB", CARD[1], CARD[1]["elements"][1], None))
    at = str(forged.get("at", int(time.time())))
    signature = SignatureVerifier(forged.get("secret", proof.slack.signing_secret))
    headers = {"X-Slack-Request-Timestamp": [at], "Content-Type":
               ["application/x-www-form-urlencoded"],
               "X-Slack-Signature": [signature.generate_signature(timestamp=at, body=body)]}
    request = BoltRequest(body=body + forged.get("added", ""), headers=headers)
    return proof.app.dispatch(request).status


def proof_http_signatures(proof):
    equal(dispatch(proof), 200, "a good request")
    equal(dispatch(proof, at=int(time.time()) - 301), 401, "an old one")
    equal(dispatch(proof, secret="x"), 401, "another secret")


def bolt_server(app):
    """A web server that hands every POST to Bolt."""
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name: [value] for name, value in self.headers.items()}
            found = app.dispatch(BoltRequest(body=body, headers=headers))
            data = (found.body or "").encode()
            self.send_response(found.status)
            for name, values in found.headers.items():
                self.send_header(name, values[0])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def proof_http_mode_end_to_end(proof):
    server = bolt_server(proof.app)
    url = f"http://127.0.0.1:{server.server_port}/slack/events"
    proof.slack.interactivity_url = proof.slack.events_url = url
    try:
        since = time.time()
        message = proof.post()
        require(proof.slack.people.click(message, "approve", "U0BOB").acknowledged, "the click")
        shown = proof.slack.modal("U0BOB", since)
        equal(proof.slack.people.submit(shown, {}).payload["response_action"], "errors", "errors")
        require(proof.slack.people.submit(shown, {"reason": "So"}).acknowledged, "submission")
        forged = proof.slack.people.post(url, b"payload={}", secret="x")
        equal(forged.status, 401, "a forged signature")
        require(proof.slack.people.open_home("U0BOB").acknowledged, "an event")
    finally:
        proof.slack.interactivity_url = proof.slack.events_url = None
        server.shutdown()


# MARK: the vendor's recorded samples

def subset(found, sample, where):
    """Members that the samples do not know of."""
    if isinstance(found, dict) and isinstance(sample, dict):
        unknown = [f"{where}.{k}" for k in found if sample and k not in sample]
        return unknown + [u for k, v in found.items() if k in sample and k not in ("values",)
                          for u in subset(v, sample[k], f"{where}.{k}")]
    if isinstance(found, list) and isinstance(sample, list) and sample and where == "$.actions":
        return [u for part in found for u in subset(part, sample[0], where)]
    return []


def proof_shapes_are_those_of_the_samples(proof):
    folder = ("slack", "json-logs", "samples", "app-backend")
    with open(corpora(*folder, "interactive-components", "BlockActionPayload.json")) as file:
        click = json.load(file)
    with open(corpora(*folder, "views", "ViewSubmissionPayload.json")) as file:
        submission = json.load(file)
    proof.connect()
    since = time.time()
    proof.slack.people.click(proof.post(), "approve", "U0BOB")
    shown = proof.slack.modal("U0BOB", since)
    proof.slack.people.submit(shown, {"reason": "x"})
    payloads = [d.envelope["payload"] for d in proof.slack.sockets.deliveries.values()]
    newest = {p["type"]: p for p in payloads}
    equal(subset(newest["block_actions"], click, "$"), [], "unknown members of a click")
    found = subset(newest["view_submission"], submission, "$")
    # The recorded sample was cut here; the SDKs' own models have both.
    known = {"$.response_urls", "$.view.blocks"}
    equal(set(found) - known, set(), "unknown members of a submission")
