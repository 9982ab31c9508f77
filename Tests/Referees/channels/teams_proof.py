# SPDX-License-Identifier: Apache-2.0
"""Microsoft's own SDKs against the Teams emulator: connector client, token validation, MSAL."""
import asyncio
import copy
import logging
import os
import tempfile
import warnings

import msal
import requests
from botbuilder.schema import Activity, Attachment, ChannelAccount, ConversationParameters
from botframework.connector import ConnectorClient
from botframework.connector.auth import (
    ChannelValidation, JwtTokenValidation, MicrosoftAppCredentials, SimpleCredentialProvider)
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor
from botframework.connector.models import ErrorResponseException
from msrest.exceptions import HttpOperationError

from common import Failure, equal, free_port, raises, require
from teams_cards import CARD, has_schema
from teams_emulator import APP_ID, SCOPE, TENANT, TeamsEmulator
from teams_tokens import ROWS

warnings.filterwarnings("ignore", category=DeprecationWarning)
logging.getLogger("msrest").setLevel(logging.CRITICAL)
CHANNEL = "19:reviews@thread.tacv2"


def card(text, *actions):
    return {"type": "AdaptiveCard", "version": "1.5", "fallbackText": text,
            "body": [{"type": "TextBlock", "text": text, "wrap": True},
                     {"type": "Input.Text", "id": "reason", "maxLength": 3000}],
            "actions": [{"type": "Action.Execute", "verb": verb, "title": verb,
                         "data": {"action": "act_1"}} for verb in actions]}


class Proof:
    """An emulator with TLS for the login, and the connector client in front of it."""

    def __init__(self):
        self.teams = TeamsEmulator(tls_port=free_port())
        self.teams.add_user("bob")
        self.teams.add_channel(CHANNEL)
        ChannelValidation.open_id_metadata_endpoint = self.teams.metadata_url
        handle, self.authority_file = tempfile.mkstemp(suffix=".pem")
        os.write(handle, self.teams.tls_authority.cert_pem.bytes())
        os.close(handle)
        credentials = MicrosoftAppCredentials(APP_ID, self.teams.client_secret, TENANT)
        credentials.app = self.login()
        self.client = ConnectorClient(credentials, base_url=self.teams.service_url)
        self.client.config.retry_policy.retries = 0

    def login(self, secret=None):
        session = requests.Session()
        session.trust_env, session.verify = False, self.authority_file
        return msal.ConfidentialClientApplication(
            APP_ID, client_credential=secret or self.teams.client_secret,
            oidc_authority=f"https://localhost:{self.teams.tls_port}/{TENANT}/v2.0",
            http_client=session)

    def message(self, *actions, text="What?"):
        return Activity(type="message", summary=text, attachments=[
            Attachment(content_type=CARD, content=card(text, *actions))])

    def close(self):
        self.teams.stop()
        os.unlink(self.authority_file)


def proof_msal_gets_a_token(proof):
    found = proof.login().acquire_token_for_client([SCOPE])
    require(found.get("access_token") in proof.teams.tokens, f"no token: {found}")


def proof_msal_sees_a_wrong_secret(proof):
    found = proof.login("wrong").acquire_token_for_client([SCOPE])
    equal(found.get("error"), "invalid_client", "error")
    found = proof.login().acquire_token_for_client(["https://graph.microsoft.com/.default"])
    equal(found.get("error"), "invalid_scope", "error")


def proof_connector_sends_and_updates(proof):
    made = proof.client.conversations.send_to_conversation(
        CHANNEL, proof.message("approve", "deny"))
    found = proof.teams.wait_card(CHANNEL, "What?")
    equal((found.id, found.verbs()), (made.id, ["approve", "deny"]), "card")
    proof.client.conversations.update_activity(CHANNEL, made.id, proof.message(text="Over"))
    equal(found.verbs(), [], "buttons afterwards")
    proof.client.conversations.reply_to_activity(CHANNEL, made.id, proof.message(text="Bob did"))
    equal(proof.teams.activities[-1].reply_to, made.id, "reply to")
    proof.client.conversations.delete_activity(CHANNEL, made.id)
    require(found.deleted, "the card is deleted")


def proof_connector_creates_a_conversation(proof):
    user = proof.teams.users["bob"]
    made = proof.client.conversations.create_conversation(ConversationParameters(
        bot=ChannelAccount(id=f"28:{APP_ID}"), members=[ChannelAccount(id=user["id"])],
        tenant_id=TENANT, channel_data={"tenant": {"id": TENANT}}, is_group=False))
    equal(made.id, proof.teams.personal("bob"), "conversation")
    proof.client.conversations.send_to_conversation(made.id, proof.message("approve"))
    require(proof.teams.posted(made.id), "no direct message")


def refusal(function, *arguments):
    """The code of an error, whichever exception the SDK makes of it."""
    error = raises((HttpOperationError, ErrorResponseException), function, *arguments)
    return error.response.json()["error"]["code"]


def proof_connector_errors(proof):
    send = proof.client.conversations.send_to_conversation
    equal(refusal(send, "19:nowhere", proof.message()), "ConversationNotFound", "nowhere")
    equal(refusal(proof.client.conversations.update_activity, CHANNEL, "1", proof.message()),
          "ActivityNotFoundInConversation", "no activity")
    equal(refusal(send, CHANNEL, proof.message(text="x" * 30_000)), "MessageSizeTooBig", "size")
    broken = proof.message("approve")
    broken.attachments[0].content["body"][0]["colour"] = "red"
    if has_schema():
        equal(refusal(send, CHANNEL, broken), "BadSyntax", "a member that no card has")
    for status in (429, 412, 502):
        proof.teams.throttle("send", status)
        equal(refusal(send, CHANNEL, proof.message()), "Throttled", f"status {status}")


def proof_a_press_is_what_the_models_expect(proof):
    made = proof.client.conversations.send_to_conversation(CHANNEL, proof.message("approve"))
    message = [a for a in proof.teams.activities if a.id == made.id][0]
    found = proof.teams.people.pressed(message, "approve", "bob", {"reason": "So"})
    read = Activity().deserialize(copy.deepcopy(found))
    equal((read.type, read.name, read.reply_to_id), ("invoke", "adaptiveCard/action", made.id),
          "activity")
    equal(read.value["action"]["data"], {"action": "act_1", "reason": "So"}, "data")
    equal(read.channel_data["tenant"]["id"], TENANT, "tenant")
    equal(read.from_property.aad_object_id, proof.teams.users["bob"]["aadObjectId"], "user")


def judged(teams, activity, header):
    """Whether Microsoft's validator takes a request."""
    async def validate():
        await ChannelValidation.authenticate_channel_token_with_service_url(
            header or "", SimpleCredentialProvider(APP_ID, ""), activity["serviceUrl"],
            activity["channelId"])
    try:
        asyncio.run(validate())
        return True
    except Exception:
        return False


def proof_whole_request_is_validated(proof):
    activity = proof.teams.people.activity("message", "bob", text="hello")
    read, credentials = Activity().deserialize(copy.deepcopy(activity)), SimpleCredentialProvider(
        APP_ID, "secret")
    found = asyncio.run(JwtTokenValidation.authenticate_request(
        read, "Bearer " + proof.teams.sign(), credentials))
    require(found.is_authenticated, "a good token")
    raises(PermissionError, asyncio.run, JwtTokenValidation.authenticate_request(
        read, "", credentials))


def token_rows():
    """One test for each row of the table that the official validator has an opinion on."""
    def make(row):
        def test(proof):
            activity = proof.teams.people.activity("message", "bob", text="hello")
            header = row.make(proof.teams, activity)
            JwtTokenExtractor.metadataCache.clear()
            if judged(proof.teams, activity, header) != row.official:
                verb = "take" if row.official else "refuse"
                raise Failure(f"the official validator does not {verb} it")
        return test
    return [(f"token {row.name}", make(row)) for row in ROWS if row.official is not None]
