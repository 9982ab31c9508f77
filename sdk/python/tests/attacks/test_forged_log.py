# SPDX-License-Identifier: Apache-2.0
"""A log of another key, and one that contradicts what the gate saw before."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from attempts import CRM, attempt, legitimate
from service import Service
from stub import Middle

from exequatur import Gate, NotExecuted, Refused, StateError, VerificationFailed


def test_a_log_key_that_the_token_does_not_name_is_refused(
    middle: Middle, gate: Gate, service: Service
) -> None:
    def change(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path == "/log/vkey":
            name = body.split(b"+")[0].decode()
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            return status, vkey(name, Ed25519PrivateKey.generate()).encode() + b"\n"
        return status, body

    pytest.importorskip("cryptography")
    middle.change = change
    with pytest.raises(VerificationFailed) as caught:
        attempt(gate)
    assert caught.value.code == "wrongKey"


def vkey(name: str, key: Any) -> str:
    import hashlib

    material = b"\x01" + key.public_key().public_bytes_raw()
    identifier = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex()
    return f"{name}+{identifier}+{base64.b64encode(material).decode()}"


def test_a_rolled_back_log_is_an_alarm(own_service: Service, tmp_path: Path) -> None:
    """The server is set back to a copy of its database, and goes on from there."""
    import shutil

    service = own_service
    options: dict[str, Any] = {
        "url": service.url,
        "token": service.agent,
        "gate_token": service.gate,
        "state_dir": tmp_path / "state",
    }
    gate = Gate(**options)
    legitimate(gate)
    service.stop()
    shutil.copytree(service.data, tmp_path / "copy")
    service.start()
    for _ in range(3):
        legitimate(gate)
    service.stop()
    shutil.rmtree(service.data)
    shutil.copytree(tmp_path / "copy", service.data)
    service.start()
    with pytest.raises(NotExecuted) as caught:
        attempt(Gate(**options))
    assert isinstance(caught.value, (VerificationFailed, Refused)), caught.value
    if isinstance(caught.value, VerificationFailed):
        assert caught.value.code == "inconsistent"
    # A second log under the same key that grew beyond the pinned size.
    fresh = Gate(**{**options, "state_dir": tmp_path / "fresh"})
    for _ in range(6):
        try:
            legitimate(fresh)
        except NotExecuted:
            pass
    with pytest.raises(VerificationFailed, match="contradicts the one seen before"):
        attempt(Gate(**options))


def test_consistency_is_proven_from_tiles_when_no_proof_came(
    middle: Middle, gate: Gate, service: Service
) -> None:
    legitimate(gate)
    for _ in range(3):
        gate.ask("db.read", resource=CRM, input={"table": "more"})
    middle.requests.clear()
    legitimate(gate)
    assert any(path.startswith("/log/tile/") for _, path, _ in middle.requests)


@pytest.mark.parametrize("how", ["missing", "changed", "short"])
def test_false_tiles_are_an_alarm(how: str, middle: Middle, gate: Gate) -> None:
    legitimate(gate)

    def change(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/log/tile/"):
            if how == "missing":
                return 404, b"{}"
            if how == "short":
                return status, body[:-32]
            return status, bytes([body[0] ^ 1]) + body[1:]
        return status, body

    middle.change = change
    with pytest.raises(VerificationFailed) as caught:
        attempt(gate)
    assert caught.value.code == "inconsistent"


def test_a_tampered_pin_is_not_taken_for_none(gate: Gate, tmp_path: Path) -> None:
    legitimate(gate)
    [pin] = (tmp_path / "state" / "pins").glob("[0-9a-f]*")
    whole = pin.read_text()
    size = whole.split("\n")[1]
    for text in (whole.replace(size, "1", 1), "", "junk"):
        pin.write_text(text)
        with pytest.raises(StateError, match="find out who changed it"):
            attempt(gate)
    pin.write_text(whole)
    legitimate(gate)
