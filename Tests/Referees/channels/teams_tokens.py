# SPDX-License-Identifier: Apache-2.0
"""The table of forged tokens: each row is data for Microsoft's validator and for our server.

`official` is what botframework-connector 4.17.1 does, `ours` what our server must do: True takes
the activity, False refuses it, None is not judged. Where the two differ, `why` says why.
"""
import base64
import collections
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from jwt.algorithms import RSAAlgorithm

from common import b64
from teams_emulator import OTHER_TENANT

Row = collections.namedtuple("Row", "name official ours why make")
ROWS = []


def row(name, official, ours, why=""):
    """Adds a row: a function of (emulator, activity) that returns the Authorization header."""
    def add(function):
        ROWS.append(Row(name, official, ours, why, function))
        return function
    return add


def claim_row(name, official, ours, change, why=""):
    """A token that is well signed and says something else; `change` may be a function of now."""
    def make(teams, activity):
        found = change(int(time.time())) if callable(change) else change
        return "Bearer " + teams.sign(teams.claims(**found))
    ROWS.append(Row(name, official, ours, why, make))


def raw(header, claims, sign):
    """A token of any parts: `sign` makes the signature from what is signed."""
    signed = f"{b64(header)}.{b64(claims)}"
    return f"Bearer {signed}.{b64(sign(signed.encode()))}"


def public_pem(teams):
    return teams.keys["key-teams"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


claim_row("good", True, True, {})
claim_row("expired two minutes ago", True, True, lambda now: {"exp": now - 120})
claim_row("valid in two minutes", True, True, lambda now: {"nbf": now + 120})
claim_row("expired ten minutes ago", False, False, lambda now: {"exp": now - 600})
claim_row("valid in ten minutes", False, False, lambda now: {"nbf": now + 600})
claim_row("no expiry", True, False, {"exp": None}, "a token without an end is none of theirs")
claim_row("an expiry that is a text", False, False, {"exp": "tomorrow"})
claim_row("another audience", False, False, {"aud": "0f3c0f0e-0000-4000-8000-00000000ffff"})
claim_row("no audience", False, False, {"aud": None})
claim_row("our audience in other letters", False, None,
          {"aud": "0F3C0F0E-0000-4000-8000-00000000A001"})
claim_row("another issuer", False, False, {"iss": "https://evil.example"})
claim_row("our issuer with a slash", False, False, {"iss": "https://api.botframework.com/"})
claim_row("issuer of another cloud", False, False, {"iss": "https://api.botframework.us"})
claim_row("issuer of the login service", False, False, {
    "iss": "https://login.microsoftonline.com/0f3c0f0e-0000-4000-8000-000000000001/v2.0"})
claim_row("no issuer", False, False, {"iss": None})
claim_row("serviceurl of another", False, False, {"serviceurl": "https://evil.example/"})
claim_row("no serviceurl", False, False, {"serviceurl": None})


@row("serviceurl without its slash", False, None, "slashes are normalised where docs ask for it")
def slash(teams, activity):
    return "Bearer " + teams.sign(teams.claims(serviceurl=teams.service_url.rstrip("/")))


@row("a service that is not configured, in both places", True, False,
     "our answers, with our token, would go there")
def service(teams, activity):
    activity["serviceUrl"] = "https://evil.example/"
    return "Bearer " + teams.sign(teams.claims(serviceurl="https://evil.example/"))


@row("signature changed", False, False)
def changed_signature(teams, activity):
    token = teams.sign()
    head, _, last = token.rpartition(".")
    return f"Bearer {head}.{('A' if last[5] != 'A' else 'B').join((last[:5], last[6:]))}"


@row("claims changed after signing", False, False)
def changed_claims(teams, activity):
    head, _, last = teams.sign(teams.claims(aud="somebody-else")).split(".")
    return f"Bearer {head}.{b64(teams.claims())}.{last}"


@row("no signature", False, False)
def stripped(teams, activity):
    return "Bearer " + teams.sign().rpartition(".")[0] + "."


@row("a key of nobody with a known kid", False, False)
def stranger(teams, activity):
    return "Bearer " + teams.sign(key=teams.stranger)


@row("an unknown kid", False, False)
def unknown(teams, activity):
    return "Bearer " + teams.sign(key=teams.stranger, headers={"kid": "key-unknown"})


@row("a known key under another kid", False, False)
def swapped(teams, activity):
    return "Bearer " + teams.sign(key=teams.keys["key-web"])


@row("no kid", False, False)
def no_kid(teams, activity):
    def sign(data):
        return teams.keys["key-teams"].sign(data, padding.PKCS1v15(), hashes.SHA256())
    return raw({"alg": "RS256", "typ": "JWT"}, teams.claims(), sign)


@row("alg none", False, False)
def none(teams, activity):
    return raw({"alg": "none", "typ": "JWT", "kid": "key-teams"}, teams.claims(), lambda _: b"")


@row("alg None in other letters", False, False)
def none_letters(teams, activity):
    return raw({"alg": "nOnE", "typ": "JWT", "kid": "key-teams"}, teams.claims(), lambda _: b"")


@row("HS256 with the public key as its secret", False, False)
def confused(teams, activity):
    return raw({"alg": "HS256", "typ": "JWT", "kid": "key-teams"}, teams.claims(),
               lambda data: hmac.digest(public_pem(teams), data, hashlib.sha256))


@row("HS256 with the modulus as its secret", False, False)
def confused_modulus(teams, activity):
    part = json.loads(RSAAlgorithm.to_jwk(teams.keys["key-teams"].public_key()))
    secret = base64.urlsafe_b64decode(part["n"] + "==")
    return raw({"alg": "HS256", "typ": "JWT", "kid": "key-teams"}, teams.claims(),
               lambda data: hmac.digest(secret, data, hashlib.sha256))


@row("RS384", False, False)
def longer(teams, activity):
    return "Bearer " + teams.sign(algorithm="RS384")


@row("PS256", False, False)
def other_padding(teams, activity):
    return "Bearer " + teams.sign(algorithm="PS256")


@row("a key of its own in the header", False, False)
def own_key(teams, activity):
    key = json.loads(RSAAlgorithm.to_jwk(teams.stranger.public_key()))
    return "Bearer " + teams.sign(key=teams.stranger, headers={"jwk": key})


@row("keys of its own at an address", False, False)
def own_address(teams, activity):
    return "Bearer " + teams.sign(key=teams.stranger, headers={
        "jku": "https://evil.example/keys", "x5u": "https://evil.example/cert"})


@row("a critical extension that nobody knows", None, False)
def critical(teams, activity):
    return "Bearer " + teams.sign(headers={"crit": ["moon"], "moon": "full"})


@row("a key endorsed for another channel", False, False)
def not_endorsed(teams, activity):
    return "Bearer " + teams.sign(kid="key-web")


@row("a key endorsed for no channel", True, False, "an empty list endorses nothing")
def endorsed_for_none(teams, activity):
    return "Bearer " + teams.sign(kid="key-none")


@row("an activity of another channel with its key", True, False, "this is a Teams channel")
def other_channel(teams, activity):
    activity["channelId"] = "webchat"
    return "Bearer " + teams.sign(kid="key-web")


@row("another tenant", True, False, "the tenant is configured")
def other_tenant(teams, activity):
    activity["conversation"]["tenantId"] = OTHER_TENANT
    activity["channelData"]["tenant"]["id"] = OTHER_TENANT
    return "Bearer " + teams.sign()


@row("another tenant in the conversation only", True, False, "both must be ours")
def other_tenant_conversation(teams, activity):
    activity["conversation"]["tenantId"] = OTHER_TENANT
    return "Bearer " + teams.sign()


@row("another tenant in the channel's data only", True, False, "both must be ours")
def other_tenant_data(teams, activity):
    activity["channelData"]["tenant"]["id"] = OTHER_TENANT
    return "Bearer " + teams.sign()


@row("no tenant", True, False, "the tenant is configured")
def no_tenant(teams, activity):
    activity["conversation"].pop("tenantId", None)
    activity["channelData"].pop("tenant", None)
    return "Bearer " + teams.sign()


@row("no token", False, False)
def nothing(teams, activity):
    return None


@row("an empty token", False, False)
def empty(teams, activity):
    return "Bearer "


@row("another scheme", False, False)
def basic(teams, activity):
    return "Basic " + base64.b64encode(b"a:b").decode()


@row("no scheme", False, False)
def bare(teams, activity):
    return teams.sign()


@row("not a token", False, False)
def garbage(teams, activity):
    return "Bearer aaa.bbb.ccc"


@row("five parts", False, False)
def encrypted(teams, activity):
    return f"Bearer {teams.sign()}.e30.e30"


@row("a header that is not an object", False, False)
def no_object(teams, activity):
    _, claims, last = teams.sign().split(".")
    return f"Bearer {b64(b'[]')}.{claims}.{last}"


@row("a token of the bot's own", False, False)
def own_token(teams, activity):
    found = next(iter(teams.tokens), None)
    return f"Bearer {found or 'eyJ0eXAi.x'}"
