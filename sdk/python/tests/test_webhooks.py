# SPDX-License-Identifier: Apache-2.0
"""Webhook verification, against the library of Standard Webhooks where it is at hand."""

from __future__ import annotations

import base64
import os
from datetime import datetime, timezone

import pytest

from exequatur import ConfigurationError, Webhook, WebhookError

# The example of the specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
STAMP = 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(**changes: str) -> dict[str, str]:
    found = {
        "Webhook-Id": ID,
        "Webhook-Timestamp": str(STAMP),
        "Webhook-Signature": SIGNATURE,
    }
    return {**found, **{name.replace("_", "-").title(): text for name, text in changes.items()}}


def webhook(*secrets: str, now: float = STAMP, tolerance: float = 300) -> Webhook:
    return Webhook(*(secrets or (SECRET,)), tolerance=tolerance, clock=lambda: now)


def test_the_example_of_the_specification() -> None:
    assert webhook().verify(BODY, headers()) == {"test": 2432232314}
    assert webhook(SECRET.removeprefix("whsec_")).verify(BODY, headers())


def test_secrets_are_rotated() -> None:
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    assert webhook(other, SECRET).verify(BODY, headers())
    more = f"v1a,xxxx v1,AAAA v1,not/base64 {SIGNATURE}"
    assert webhook(other, SECRET).verify(BODY, headers(webhook_signature=more))
    with pytest.raises(WebhookError, match="no signature"):
        webhook(other).verify(BODY, headers())


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_within_the_tolerance(seconds: int) -> None:
    assert webhook(now=STAMP + seconds).verify(BODY, headers())


@pytest.mark.parametrize(("seconds", "word"), [(301, "old"), (-301, "future"), (1e9, "old")])
def test_beyond_the_tolerance(seconds: float, word: str) -> None:
    with pytest.raises(WebhookError, match=word):
        webhook(now=STAMP + seconds).verify(BODY, headers())


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_id": "msg_other"},
        {"webhook_id": ""},
        {"webhook_id": "a.b"},
        {"webhook_id": "x" * 300},
        {"webhook_timestamp": str(STAMP + 1)},
        {"webhook_timestamp": f"0{STAMP}"},
        {"webhook_timestamp": f"{STAMP}.0"},
        {"webhook_timestamp": "٣"},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,"},
        {"webhook_signature": SIGNATURE[3:]},
        {"webhook_signature": "v2" + SIGNATURE[2:]},
        {"webhook_signature": "v1," + base64.b64encode(b"\0" * 32).decode()},
        {"webhook_signature": "v1,é"},
        {"webhook_signature": " ".join([SIGNATURE] * 17)},
        {"webhook_signature": "x" * 5_000},
    ],
)
def test_changed_headers_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(WebhookError):
        webhook().verify(BODY, headers(**changes))


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_each_header_is_there_once(name: str) -> None:
    found = headers()
    found[name.upper()] = found[name]
    with pytest.raises(WebhookError, match="there once"):
        webhook().verify(BODY, found)
    del found[name], found[name.upper()]
    with pytest.raises(WebhookError, match="there once"):
        webhook().verify(BODY, found)


def test_a_changed_body_is_refused() -> None:
    for body in (BODY[:-1], BODY + b" ", BODY.replace(b"2", b"3"), b""):
        with pytest.raises(WebhookError, match="no signature"):
            webhook().verify(body, headers())
    with pytest.raises(WebhookError, match="more than"):
        webhook().verify(b" " * 2_000_000, headers())
    with pytest.raises(ConfigurationError, match="bytes"):
        webhook().verify("{}", headers())  # type: ignore[arg-type]


def test_settings_are_checked() -> None:
    for secrets in ((), ("",), ("whsec_",), ("whsec_%",), ("whsec_" + "QUJD",)):
        with pytest.raises(ConfigurationError):
            Webhook(*secrets)
    for tolerance in (0, -1, 1e6):
        with pytest.raises(ConfigurationError):
            Webhook(SECRET, tolerance=tolerance)


def test_it_agrees_with_the_library_of_standard_webhooks() -> None:
    theirs = pytest.importorskip("standardwebhooks")
    for _ in range(50):
        secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        now = datetime.now(timezone.utc)
        body = b'{"a":"%s"}' % os.urandom(20).hex().encode()
        signer = theirs.Webhook(secret)
        found = {
            "webhook-id": "msg_" + os.urandom(8).hex(),
            "webhook-timestamp": str(int(now.timestamp())),
        }
        found["webhook-signature"] = signer.sign(found["webhook-id"], now, body.decode())
        assert Webhook(secret).verify(body, found) == signer.verify(body, found)
        found["webhook-id"] += "x"
        with pytest.raises(WebhookError):
            Webhook(secret).verify(body, found)
        with pytest.raises(theirs.WebhookVerificationError):
            signer.verify(body, found)


def test_a_signed_body_must_still_be_strict_json() -> None:
    theirs = pytest.importorskip("standardwebhooks")
    now = datetime.now(timezone.utc)
    body = b'{"a":1,"a":2}'
    found = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": theirs.Webhook(SECRET).sign("msg_1", now, body.decode()),
    }
    with pytest.raises(WebhookError, match="twice"):
        Webhook(SECRET).verify(body, found)
