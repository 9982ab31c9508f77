# SPDX-License-Identifier: Apache-2.0
"""Verification of webhooks, by the scheme of Standard Webhooks (HMAC-SHA256, ``v1``)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence

from . import canonical
from .errors import ConfigurationError, JSONError, WebhookError

__all__ = ["Webhook"]

_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_MAX_SIGNATURES = 16
_MAX_HEADER = 4_096


class Webhook:
    """Verifies deliveries with one or more secrets, so that a secret can be rotated.

    :param secrets: ``whsec_…`` texts; a delivery signed with any of them is good.
    :param tolerance: how many seconds a delivery may be older or newer than now.
    """

    def __init__(
        self,
        *secrets: str,
        tolerance: float = 300.0,
        clock: Callable[[], float] = time.time,
    ):
        if not secrets:
            raise ConfigurationError("a webhook needs at least one secret", where="`secrets`")
        if not 0 < tolerance <= 86_400:
            raise ConfigurationError(
                "the tolerance is not between 0 and 86,400 seconds", where="`tolerance`"
            )
        self._keys = [_key(secret, index) for index, secret in enumerate(secrets)]
        self._tolerance = tolerance
        self._clock = clock

    def verify(self, body: bytes, headers: Mapping[str, str]) -> canonical.JSON:
        """The payload of a delivery that is proven to be from the server.

        Pass the body as it came, before any decoding. The same delivery may come again; its
        ``webhook-id`` stays the same, so remember the ids of those that were handled. Raises
        :class:`WebhookError`.
        """
        if not isinstance(body, (bytes, bytearray)):
            raise ConfigurationError("the body is not bytes", next_step="pass it as it came")
        if len(body) > canonical.MAX_BYTES:
            raise WebhookError(f"the body has more than {canonical.MAX_BYTES} bytes")
        identifier = _header(headers, "webhook-id")
        stamp = _header(headers, "webhook-timestamp")
        signatures = _header(headers, "webhook-signature").split(" ")
        if not _ID.fullmatch(identifier):
            raise WebhookError("the id is malformed", where="`webhook-id`")
        if not _SECONDS.fullmatch(stamp):
            raise WebhookError("the instant is malformed", where="`webhook-timestamp`")
        age = self._clock() - int(stamp)
        if abs(age) > self._tolerance:
            word = "old" if age > 0 else "far in the future"
            raise WebhookError(
                f"the delivery is too {word}",
                where="`webhook-timestamp`",
                next_step="check this machine's clock; do not accept it",
            )
        signed = f"{identifier}.{stamp}.".encode("ascii") + bytes(body)
        if not self._is_signed(signed, signatures):
            raise WebhookError(
                "no signature is by a known secret",
                where="`webhook-signature`",
                next_step="check the secret; do not accept the delivery",
            )
        try:
            return canonical.parse(bytes(body), name="the body")
        except JSONError as error:
            raise WebhookError(str(error)) from None

    def _is_signed(self, signed: bytes, signatures: Sequence[str]) -> bool:
        if len(signatures) > _MAX_SIGNATURES:
            raise WebhookError("there are too many signatures", where="`webhook-signature`")
        expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys]
        is_good = False
        for signature in signatures:
            version, _, encoded = signature.partition(",")
            if version != "v1":
                continue  # Of another scheme, such as the asymmetric one.
            try:
                found = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue
            for digest in expected:
                # All are compared, so that the time tells nothing.
                is_good |= hmac.compare_digest(found, digest)
        return is_good


def _header(headers: Mapping[str, str], name: str) -> str:
    found = [value for key, value in headers.items() if key.lower() == name]
    if len(found) != 1 or not found[0] or len(found[0]) > _MAX_HEADER:
        raise WebhookError("the header is missing or not there once", where=f"`{name}`")
    return found[0]


def _key(secret: str, index: int) -> bytes:
    where = f"`secrets[{index}]`"
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ConfigurationError(
            "this is not a webhook secret",
            where=where,
            next_step="use the text `whsec_…` as it was printed, 24 to 64 bytes in base64",
        )
    return key
