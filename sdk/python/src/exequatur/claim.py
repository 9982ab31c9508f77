# SPDX-License-Identifier: Apache-2.0
"""Verification of a claim's entry, without any input or output.

The rules are those of the server's other gates: the core says what was asked for, the leaf
commits to that very core, and the leaf is in the tree of a checkpoint that the pinned key signed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from . import canonical, log
from .errors import InputError, JSONError, VerificationFailed

__all__ = ["ClaimExpectation", "VerifiedClaim", "verify_claim"]

#: The longest that a claim may allow between sending it and starting, in seconds.
LONGEST_WINDOW = 30.0

_HEX_64 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class ClaimExpectation:
    """What a claim must say for a gate to execute on it."""

    #: The nonce that the gate made for this claim, 64 hexadecimal digits.
    nonce: str
    #: The gate that the action was submitted through.
    gate: str
    #: The action's id.
    action: str
    #: The action's digest, as it was when it was submitted.
    action_digest: str
    #: The digest of the operation that the gate froze itself.
    operation_digest: str
    #: The log key that the gate pinned.
    log_key: log.VerifierKey


@dataclass(frozen=True)
class VerifiedClaim:
    """A claim that was proven to be in the log under the pinned key.

    Nothing may be executed on it before its checkpoint was found consistent with the one seen
    before, its nonce was recorded durably, and the time since the claim was sent, measured
    monotonically, was found below :attr:`window`.
    """

    #: How many seconds after the claim was *sent* execution may start, at most 30.
    window: float
    #: The tree head that covers the claim's entry.
    checkpoint: log.Checkpoint
    #: The signed note of that tree head.
    note: bytes
    #: Index of the claim's entry in the log.
    index: int


def verify_claim(claim: Mapping[str, Any] | None, expected: ClaimExpectation) -> VerifiedClaim:
    """Verifies the ``claim`` member of an action; raises :class:`VerificationFailed`."""
    entry = claim.get("entry") if claim is not None else None
    texts: list[str] = []
    if isinstance(entry, dict):
        members = ("leaf", "core", "coreSalt", "proof")
        texts = [text for name in members if isinstance(text := entry.get(name), str)]
    if not isinstance(entry, dict) or len(texts) != 4 or not _HEX_64.fullmatch(texts[2]):
        raise _failure("malformed", "the claim has no entry with leaf, core and proof")
    leaf_bytes, core_bytes = _bytes(texts[0], "leaf"), _bytes(texts[1], "core")
    leaf, core = _canonical(leaf_bytes, "leaf"), _canonical(core_bytes, "core")
    window = _check(core, leaf, expected)
    commitment = hashlib.sha256(
        b"exequatur/v1/core\n" + bytes.fromhex(texts[2]) + core_bytes
    ).hexdigest()
    if leaf.get("core") != f"sha256:{commitment}":
        raise _failure("notCommitted", "the leaf does not commit to the core shown")
    try:
        proof = log.Proof.parse(_bytes(texts[3], "proof"))
        checkpoint = log.verified_checkpoint(proof.note, expected.log_key)
        log.verify_inclusion(
            log.leaf_hash(leaf_bytes), proof.index, checkpoint.size, proof.hashes, checkpoint.root
        )
    except log.LogError as error:
        raise _failure("notInLog", f"the entry is not proven to be in the log: {error}") from None
    index = entry.get("index")
    if index is not None and (type(index) is not int or index != proof.index):
        raise _failure("notInLog", "the proof is for another entry than the one named")
    return VerifiedClaim(window, checkpoint, proof.note, proof.index)


def _check(core: dict[str, Any], leaf: dict[str, Any], expected: ClaimExpectation) -> float:
    for json in (core, leaf):
        # `True == 1` in Python, so the type counts too.
        if type(json.get("v")) is not int or json["v"] != 1:
            raise _failure("wrongKind", "the entry is not a claim of version 1")
        if json.get("kind") != "action.claimed":
            raise _failure("wrongKind", "the entry is not a claim of version 1")
    _match(core.get("nonce"), expected.nonce, "wrongNonce", "nonce")
    _match(core.get("gate"), expected.gate, "wrongGate", "gate")
    _match(core.get("action"), expected.action, "wrongAction", "action")
    _match(leaf.get("ref"), expected.action, "wrongAction", "action of the leaf")
    _match(core.get("digest"), expected.action_digest, "wrongDigest", "action digest")
    _match(core.get("operation"), expected.operation_digest, "wrongOperation", "operation digest")
    at, start_by = _instant(leaf.get("at")), _instant(core.get("startBy"))
    if at is None or start_by is None:
        raise _failure("malformed", "the claim's instants cannot be read")
    window = (start_by - at) / 1_000
    if not 0 < window <= LONGEST_WINDOW:
        raise _failure("wrongWindow", f"the claim allows {window:g} s until the start")
    return window


def _match(found: Any, expected: str, code: str, name: str) -> None:
    if type(found) is not str or found != expected:
        raise _failure(code, f"the claim names another {name}")


def _instant(text: Any) -> int | None:
    """Milliseconds since 1970 of the one form with milliseconds and `Z`."""
    if type(text) is not str or not _INSTANT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text[:-1])
    except ValueError:
        return None
    return (found.replace(tzinfo=timezone.utc) - _EPOCH) // timedelta(milliseconds=1)


def _bytes(text: str, name: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise _failure("malformed", f"the claim's {name} is not text") from None


def _canonical(data: bytes, name: str) -> dict[str, Any]:
    try:
        found = canonical.parse_canonical(data, name=f"the claim's {name}")
    except (JSONError, InputError) as error:
        raise _failure("malformed", f"the claim's {name} is not canonical JSON: {error}") from None
    if not isinstance(found, dict):
        raise _failure("malformed", f"the claim's {name} is not an object")
    return found


def _failure(code: str, what: str) -> VerificationFailed:
    return VerificationFailed(what, code=code, where="`claim.entry`")
