# SPDX-License-Identifier: Apache-2.0
"""Microsoft Teams on loopback: token endpoint, key documents, connector REST, signed activities.

Not run against the vendor: teams_proof.py shows that Microsoft's own SDKs work with it.
"""
import base64
import itertools
import json
import secrets
import ssl
import time

import jwt
import trustme
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

import teams_cards
from common import Failure, until
from service import Fault, Service, answer_json, parameters
from teams_people import TeamsPeople

ISSUER, SCOPE = "https://api.botframework.com", "https://api.botframework.com/.default"
TENANT = "0f3c0f0e-0000-4000-8000-000000000001"
OTHER_TENANT = "0f3c0f0e-0000-4000-8000-000000000002"
APP_ID = "0f3c0f0e-0000-4000-8000-00000000a001"
MOST_BYTES = 28 * 1024
# Signing keys by kid, and the channels that may use them.
ENDORSED = {"key-teams": ["msteams", "msteamsv2"], "key-web": ["webchat"], "key-none": []}


class Activity:
    """One message of the bot, with every version of it."""

    def __init__(self, conversation, number, sent, reply_to=None):
        self.conversation, self.id, self.reply_to = conversation, number, reply_to
        self.versions, self.deleted = [], False
        self.add(sent)

    def add(self, sent):
        self.versions.append((time.time(), sent))

    @property
    def at(self):
        return self.versions[0][0]

    @property
    def sent(self):
        return self.versions[-1][1]

    @property
    def card(self):
        return teams_cards.card(self.sent)

    def verbs(self, version=-1):
        return [a.get("verb") for a in teams_cards.executes(
            teams_cards.card(self.versions[version][1]))]

    def body(self):
        return json.dumps(self.sent, ensure_ascii=False)


class Refusal(Exception):
    """An error of the connector."""

    def __init__(self, status, code, message=""):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class TeamsEmulator(Service):
    """One tenant, one bot; the service address ends in a region, as the real one does."""

    def __init__(self, port=None, tls_port=None):
        self.client_secret = secrets.token_urlsafe(24)
        self.keys = {kid: rsa.generate_private_key(65537, 2048) for kid in ENDORSED}
        self.stranger = rsa.generate_private_key(65537, 2048)
        self.tokens, self.token_seconds = {}, 3599
        self.conversations, self.activities = {}, []
        self.users, self.refused = {}, []
        self.numbers = itertools.count(1)
        self.messages_url = None
        self.tls_port, self.tls_authority = tls_port, trustme.CA() if tls_port else None
        self.people = TeamsPeople(self)
        super().__init__(port)

    def routes(self, application):
        add = application.router
        add.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        add.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._login_metadata)
        add.add_get("/v1/.well-known/openidconfiguration", self._bot_metadata)
        add.add_get("/v1/.well-known/keys", self._keys)
        base = "/{region}/v3/conversations"
        add.add_post(base, self._connected(self.create))
        add.add_post(base + "/{conversation}/activities", self._connected(self.send))
        add.add_post(base + "/{conversation}/activities/{activity}", self._connected(self.send))
        add.add_put(base + "/{conversation}/activities/{activity}", self._connected(self.update))
        add.add_delete(base + "/{conversation}/activities/{activity}",
                       self._connected(self.delete))
        add.add_get(base + "/{conversation}/members/{user}", self._connected(self.member))

    async def _listen(self):
        await super()._listen()
        if self.tls_port:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls_authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
            await web.TCPSite(self.runner, "127.0.0.1", self.tls_port,
                              ssl_context=context).start()

    def name_of(self, request):
        """`token`, `metadata`, `keys`, `create`, `send`, `update`, `delete` or `member`."""
        path = request.path
        for part, name in (("/token", "token"), ("configuration", "metadata"), ("/keys", "keys"),
                           ("/v3/conversations", "create")):
            if path.endswith(part):
                return name
        return {"POST": "send", "PUT": "update", "DELETE": "delete"}.get(
            request.method, "member")

    @property
    def service_url(self):
        return f"{self.url}/emea/"

    @property
    def metadata_url(self):
        return f"{self.url}/v1/.well-known/openidconfiguration"

    # MARK: who and where

    def add_user(self, name, tenant=TENANT, installed=True, **more):
        """A user; the id by which the bot knows him is his account name with `29:` before it."""
        self.users[name] = {"id": f"29:{name}", "name": name.title(), "tenant": tenant,
                            "aadObjectId": more.get("oid", f"0f3c0f0e-1111-4000-8000-"
                                                    f"{sum(map(ord, name)):012x}"),
                            "installed": installed}
        return name

    def add_channel(self, conversation, installed=True):
        self.conversations[conversation] = {
            "kind": "channel", "tenant": TENANT, "installed": installed, "user": None}
        return conversation

    def personal(self, name):
        """The conversation between the bot and a user."""
        identifier = f"a:1{name}"
        self.conversations.setdefault(identifier, {
            "kind": "personal", "tenant": self.users[name]["tenant"], "user": name,
            "installed": self.users[name]["installed"]})
        return identifier

    def throttle(self, name, status=429, seconds=1, times=1):
        """429 with Retry-After, or 412 or 502, some times."""
        headers = {"Retry-After": str(seconds)} if status == 429 else {}
        self.fail(name, Fault(status, {**headers, "Content-Type": "application/json"},
                              b'{"error":{"code":"Throttled","message":"too many"}}', times))

    # MARK: tokens and keys

    async def _token(self, request):
        given = parameters(request.headers.get("Content-Type", ""), await request.read()) or {}
        tenant = request.match_info["tenant"]

        def refuse(status, error, code):
            self.refused.append((time.time(), "token", code))
            return answer_json({"error": error, "error_description": f"{code}: no."}, status)
        if tenant != TENANT:
            return refuse(400, "invalid_request", "AADSTS90002")
        if given.get("grant_type") != "client_credentials":
            return refuse(400, "unsupported_grant_type", "AADSTS70003")
        if given.get("client_id") != APP_ID:
            return refuse(400, "unauthorized_client", "AADSTS700016")
        if not secrets.compare_digest(given.get("client_secret", ""), self.client_secret):
            return refuse(401, "invalid_client", "AADSTS7000215")
        if given.get("scope") != SCOPE:
            return refuse(400, "invalid_scope", "AADSTS70011")
        token = "eyJ0eXAi." + secrets.token_urlsafe(32)
        self.tokens[token] = time.time() + self.token_seconds
        return answer_json({"token_type": "Bearer", "expires_in": self.token_seconds,
                            "ext_expires_in": self.token_seconds, "access_token": token})

    async def _login_metadata(self, request):
        base = f"{request.scheme}://{request.host}/{request.match_info['tenant']}"
        return answer_json({"issuer": f"{base}/v2.0", "token_endpoint": f"{base}/oauth2/v2.0/token",
                            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                            "jwks_uri": f"{base}/discovery/v2.0/keys"})

    async def _bot_metadata(self, request):
        return answer_json({"issuer": ISSUER,
                            "authorization_endpoint": "https://invalid.botframework.com",
                            "jwks_uri": f"{self.url}/v1/.well-known/keys",
                            "id_token_signing_alg_values_supported": ["RS256"],
                            "token_endpoint_auth_methods_supported": ["private_key_jwt"]})

    async def _keys(self, request):
        found = []
        for kid, key in self.keys.items():
            part = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
            found.append({"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "n": part["n"],
                          "e": part["e"], "endorsements": ENDORSED.get(kid, ["msteams"])})
        return answer_json({"keys": found})

    def claims(self, **change):
        """What a good token says; None in `change` removes a claim."""
        now = int(time.time())
        found = {"iss": ISSUER, "aud": APP_ID, "serviceurl": self.service_url,
                 "nbf": now - 5, "exp": now + 3600, **change}
        return {name: value for name, value in found.items() if value is not None}

    def sign(self, claims=None, kid="key-teams", key=None, algorithm="RS256", headers=None):
        return jwt.encode(claims or self.claims(), key or self.keys[kid], algorithm,
                          headers={"kid": kid, **(headers or {})})

    # MARK: the connector

    def _connected(self, handler):
        async def handle(request):
            body = await request.read()
            try:
                scheme, _, token = request.headers.get("Authorization", "").partition(" ")
                if scheme != "Bearer" or self.tokens.get(token, 0) < time.time():
                    raise Refusal(401, "Unauthorized", "Authorization has been denied")
                if len(body) > MOST_BYTES:
                    raise Refusal(413, "MessageSizeTooBig", f"{len(body)} bytes")
                given = json.loads(body) if body else {}
                with self.lock:
                    status, found = handler(request.match_info, given)
                return answer_json(found, status)
            except Refusal as error:
                return self._refuse(error)
            except (ValueError, teams_cards.Invalid) as error:
                return self._refuse(Refusal(400, "BadSyntax", str(error)[:500]))
        return handle

    def _refuse(self, error):
        with self.lock:
            self.refused.append((time.time(), error.code, error.message))
        return answer_json({"error": {"code": error.code, "message": error.message}},
                           error.status)

    def create(self, match, given):
        tenant = given.get("tenantId") or (given.get("channelData") or {}).get(
            "tenant", {}).get("id")
        channel = (given.get("channelData") or {}).get("channel", {}).get("id")
        if given.get("isGroup") and channel:
            self._conversation(channel)
            identifier = f"{channel};messageid={next(self.numbers)}"
            self.conversations[identifier] = dict(self.conversations[channel])
        else:
            members = given.get("members") or []
            if len(members) != 1:
                raise Refusal(400, "BadSyntax", "one member is expected")
            if tenant != TENANT:
                raise Refusal(403, "BotNotInConversationRoster", "tenantId")
            identifier = self._direct(members[0].get("id"))
        found = {"id": identifier}
        if given.get("activity"):
            found["activityId"] = self._keep(identifier, given["activity"]).id
        return 201, found

    def _direct(self, member):
        names = [n for n, u in self.users.items() if member in (u["id"], u["aadObjectId"])]
        if not names:
            raise Refusal(400, "BadArgument", "unknown member")
        if not self.users[names[0]]["installed"]:
            raise Refusal(403, "ForbiddenOperationException", "the app is not installed")
        return self.personal(names[0])

    def _conversation(self, identifier):
        found = self.conversations.get(identifier)
        if found is None:
            raise Refusal(404, "ConversationNotFound", identifier)
        if not found["installed"]:
            raise Refusal(403, "BotNotInConversationRoster", identifier)
        return found

    def _keep(self, conversation, given, reply_to=None):
        if given.get("type") != "message":
            raise Refusal(400, "BadSyntax", "type")
        teams_cards.check(given)
        made = Activity(conversation, f"{int(time.time() * 1000)}{next(self.numbers):04}", given,
                        reply_to)
        self.activities.append(made)
        return made

    def send(self, match, given):
        self._conversation(match["conversation"])
        return 201, {"id": self._keep(match["conversation"], given, match.get("activity")).id}

    def update(self, match, given):
        self._conversation(match["conversation"])
        found = self._find(match)
        teams_cards.check(given)
        found.add(given)
        return 200, {"id": found.id}

    def delete(self, match, given):
        self._conversation(match["conversation"])
        self._find(match).deleted = True
        return 200, {}

    def member(self, match, given):
        self._conversation(match["conversation"])
        for user in self.users.values():
            if match["user"] in (user["id"], user["aadObjectId"]):
                return 200, {"id": user["id"], "name": user["name"], "tenantId": user["tenant"],
                             "aadObjectId": user["aadObjectId"], "userRole": "user"}
        raise Refusal(404, "MemberNotFoundInConversation")

    def _find(self, match):
        for found in self.activities:
            if found.id == match["activity"] and not found.deleted:
                return found
        raise Refusal(404, "ActivityNotFoundInConversation", match["activity"])

    # MARK: looking

    def posted(self, conversation=None, needle="", since=0.0):
        """Messages of the bot with a text in any version, threads of a channel included."""
        with self.lock:
            return [a for a in self.activities if a.at >= since and (
                conversation is None or a.conversation.split(";")[0] == conversation)
                and any(needle in json.dumps(v, ensure_ascii=False) for _, v in a.versions)]

    def wait_card(self, conversation, needle, seconds=10, since=0.0):
        return until(lambda: [a for a in self.posted(conversation, needle, since) if a.card],
                     f"a card in {conversation} with {needle!r}", seconds)[0]

    def no_rule_broken(self, allowed=()):
        with self.lock:
            found = [r for r in self.refused if r[1] not in allowed and r[2] not in allowed]
        if found:
            raise Failure(f"Teams would have refused: {found[:3]}")


def decode_part(token, index):
    """A part of a token, read without checking anything."""
    part = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
