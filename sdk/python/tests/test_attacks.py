# SPDX-License-Identifier: Apache-2.0
"""What a server, or somebody in the middle, could send; in no case does anything run."""

from __future__ import annotations

import base64
import copy
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from service import Service
from stub import Middle

from exequatur import (
    Denied,
    Gate,
    NonceUsed,
    NotExecuted,
    Refused,
    StateError,
    TooLate,
    Unavailable,
    UnknownState,
    VerificationFailed,
)

CRM = ("Database", "crm")
INPUT = {"table": "orders"}


@pytest.fixture
def middle(service: Service) -> Iterator[Middle]:
    found = Middle(service.port)
    yield found
    found.close()


@pytest.fixture
def gate(middle: Middle, service: Service, tmp_path: Path) -> Iterator[Gate]:
    found = Gate(
        url=middle.url,
        token=service.agent,
        gate_token=service.gate,
        state_dir=tmp_path / "state",
        wait="20s",
    )
    yield found
    found.close()


def attempt(gate: Gate, **options: Any) -> None:
    with gate.action("db.read", resource=CRM, input=INPUT, **options):
        raise AssertionError("it ran")


def legitimate(gate: Gate) -> str:
    with gate.action("db.read", resource=CRM, input=INPUT) as execution:
        return execution.action.id


def test_passed_on_unchanged_it_works(gate: Gate) -> None:
    assert legitimate(gate).startswith("act_")


# MARK: forged claims


def entry_text(member: str, edit: Callable[[dict[str, Any]], None]) -> Callable[[Any], Any]:
    """Changes the canonical text of the entry's leaf or core."""

    def change(answer: Any) -> Any:
        entry = answer["claim"]["entry"]
        inner = json.loads(entry[member])
        edit(inner)
        entry[member] = json.dumps(
            inner, separators=(",", ":"), sort_keys=True, ensure_ascii=False
        )
        return answer

    return change


def put(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda json: json.__setitem__(name, value)


def flip_base64(text: str, place: int) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[place] ^= 1
    return base64.b64encode(raw).decode()


def proof_lines(edit: Callable[[list[str]], None]) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        lines = answer["claim"]["entry"]["proof"].split("\n")
        edit(lines)
        answer["claim"]["entry"]["proof"] = "\n".join(lines)
        return answer

    return change


def flip_line(index: int) -> Callable[[list[str]], None]:
    def edit(lines: list[str]) -> None:
        lines[index] = flip_base64(lines[index], 5)

    return edit


def edit_line(index: int, old: str, new: str) -> Callable[[list[str]], None]:
    def edit(lines: list[str]) -> None:
        assert old in lines[index], lines
        lines[index] = lines[index].replace(old, new)

    return edit


def raise_index(lines: list[str]) -> None:
    lines[1] = f"index {int(lines[1][6:]) - 1}"


def raise_size(lines: list[str]) -> None:
    blank = lines.index("")
    lines[blank + 2] = str(int(lines[blank + 2]) + 1)


def flip_root(lines: list[str]) -> None:
    blank = lines.index("")
    lines[blank + 3] = flip_base64(lines[blank + 3], 0)


def flip_signature(lines: list[str]) -> None:
    last = len(lines) - 2
    dash, name, encoded = lines[last].split(" ")
    lines[last] = f"{dash} {name} {flip_base64(encoded, 30)}"


def other_signer(lines: list[str]) -> None:
    last = len(lines) - 2
    dash, name, encoded = lines[last].split(" ")
    lines[last] = f"{dash} {name}x {encoded}"


def set_entry(name: str, value: Any) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        answer["claim"]["entry"][name] = value
        return answer

    return change


def drop_entry(name: str) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        del answer["claim"]["entry"][name]
        return answer

    return change


def with_space(answer: Any) -> Any:
    entry = answer["claim"]["entry"]
    entry["leaf"] = entry["leaf"].replace('":', '": ', 1)
    return answer


def twice(answer: Any) -> Any:
    entry = answer["claim"]["entry"]
    entry["core"] = entry["core"].replace('{"action":', '{"action":"act_x","action":', 1)
    return answer


HEX = "00" * 32
FORGERIES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "no entry": ("malformed", lambda a: {**a, "claim": {**a["claim"], "entry": None}}),
    "no leaf": ("malformed", drop_entry("leaf")),
    "no core": ("malformed", drop_entry("core")),
    "no salt": ("malformed", drop_entry("coreSalt")),
    "no proof": ("malformed", drop_entry("proof")),
    "leaf not canonical": ("malformed", with_space),
    "core with a duplicate member": ("malformed", twice),
    "leaf not JSON": ("malformed", set_entry("leaf", "{")),
    "core not an object": ("malformed", set_entry("core", "[]")),
    "salt not hexadecimal": ("malformed", set_entry("coreSalt", "zz" * 32)),
    "salt": ("notCommitted", set_entry("coreSalt", HEX)),
    "core nonce": ("wrongNonce", entry_text("core", put("nonce", HEX))),
    "core gate": ("wrongGate", entry_text("core", put("gate", "other"))),
    "core action": ("wrongAction", entry_text("core", put("action", "act_" + "0" * 26))),
    "core digest": ("wrongDigest", entry_text("core", put("digest", HEX))),
    "core operation": ("wrongOperation", entry_text("core", put("operation", HEX))),
    "core kind": ("wrongKind", entry_text("core", put("kind", "action.cleared"))),
    "core version": ("wrongKind", entry_text("core", put("v", 2))),
    "core version of another type": ("wrongKind", entry_text("core", put("v", True))),
    "core startBy late": (
        "wrongWindow",
        entry_text("core", put("startBy", "2999-01-01T00:00:00.000Z")),
    ),
    "core startBy early": (
        "wrongWindow",
        entry_text("core", put("startBy", "2000-01-01T00:00:00.000Z")),
    ),
    "core startBy unreadable": ("malformed", entry_text("core", put("startBy", "soon"))),
    "core one member more": ("notCommitted", entry_text("core", put("zzz", 1))),
    "core verdict": ("notCommitted", entry_text("core", put("verdict", "review"))),
    "core policy set": ("notCommitted", entry_text("core", put("policySet", HEX))),
    "leaf core": ("notCommitted", entry_text("leaf", put("core", f"sha256:{HEX}"))),
    "leaf kind": ("wrongKind", entry_text("leaf", put("kind", "action.cleared"))),
    "leaf version": ("wrongKind", entry_text("leaf", put("v", 2))),
    "leaf ref": ("wrongAction", entry_text("leaf", put("ref", "act_" + "0" * 26))),
    "leaf at": ("wrongWindow", entry_text("leaf", put("at", "2000-01-01T00:00:00.000Z"))),
    "leaf body": ("notInLog", entry_text("leaf", put("body", f"sha256:{HEX}"))),
    "leaf prev": ("notInLog", entry_text("leaf", put("prev", f"sha256:{HEX}"))),
    "leaf seq": ("notInLog", entry_text("leaf", put("seq", 77))),
    "leaf one member more": ("notInLog", entry_text("leaf", put("zzz", 1))),
    "entry index": ("notInLog", set_entry("index", 1)),
    "entry index of another type": ("notInLog", set_entry("index", "1")),
    "proof of another form": ("notInLog", proof_lines(edit_line(0, "@v1", "@v2"))),
    "proof index": ("notInLog", proof_lines(raise_index)),
    "proof first hash": ("notInLog", proof_lines(flip_line(2))),
    "proof hash left out": ("notInLog", proof_lines(lambda lines: lines.pop(2) and None)),
    "proof hash too many": ("notInLog", proof_lines(lambda lines: lines.insert(2, lines[2]))),
    "proof hash in another spelling": (
        "notInLog",
        proof_lines(lambda lines: lines.__setitem__(2, lines[2].rstrip("="))),
    ),
    "checkpoint size": ("notInLog", proof_lines(raise_size)),
    "checkpoint root": ("notInLog", proof_lines(flip_root)),
    "checkpoint signature": ("notInLog", proof_lines(flip_signature)),
    "checkpoint of another signer": ("notInLog", proof_lines(other_signer)),
    "checkpoint without signatures": (
        "notInLog",
        proof_lines(lambda lines: lines.__delitem__(slice(len(lines) - 2, len(lines) - 1))),
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_claim_is_an_alarm(
    name: str, middle: Middle, gate: Gate, service: Service
) -> None:
    code, change = FORGERIES[name]
    middle.change_json("/v1/actions", change)
    with pytest.raises(VerificationFailed) as caught:
        attempt(gate)
    assert caught.value.code == code, caught.value
    assert caught.value.is_alarm
    # What was claimed and not run is reported so.
    middle.change = lambda method, path, status, body: (status, body)
    assert service.actions()[0]["state"] == "not_started"


def test_a_replayed_claim_of_another_call_is_refused(middle: Middle, gate: Gate) -> None:
    kept: list[Any] = []

    def keep(answer: Any) -> Any:
        kept.append(copy.deepcopy(answer))
        return answer

    middle.change_json("/v1/actions", keep)
    legitimate(gate)
    # The same operation again: the old answer, with a claim that is true and used.
    middle.change_json("/v1/actions", lambda answer: kept[0])
    with pytest.raises(NotExecuted) as caught:
        attempt(gate)
    assert "claimed by another call" in str(caught.value)


def test_a_used_nonce_never_executes_again(
    middle: Middle, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that makes the same nonce twice: the server's true answer is replayed to it."""
    monkeypatch.setattr("exequatur.protocol.token_hex", lambda count: "5a" * count)
    kept: list[Any] = []

    def keep(answer: Any) -> Any:
        kept.append(copy.deepcopy(answer))
        return answer

    middle.change_json("/v1/actions", keep)
    legitimate(gate)
    middle.change_json("/v1/actions", lambda answer: kept[0])
    with pytest.raises(NonceUsed) as caught:
        attempt(gate)
    assert caught.value.is_alarm


# MARK: answers about something else


def test_another_operation_in_the_answer_is_an_alarm(middle: Middle, gate: Gate) -> None:
    middle.change_json("/v1/actions", lambda a: {**a, "operationDigest": HEX})
    with pytest.raises(VerificationFailed, match="another operation"):
        attempt(gate)


@pytest.mark.parametrize("member", ["id", "digest", "gate", "operationDigest"])
def test_another_action_while_waiting_is_an_alarm(
    member: str, middle: Middle, gate: Gate, service: Service
) -> None:
    asked = gate.ask("db.export", resource=CRM, input=INPUT)
    other = {"id": "act_" + "0" * 26, "gate": {"id": "other", "enforcing": True}}.get(member, HEX)
    middle.change_json(asked.id, lambda a: {**a, member: other})
    with pytest.raises(VerificationFailed, match="another action"):
        with gate.action("db.export", resource=CRM, input=INPUT, wait=1):
            raise AssertionError("it ran")


def test_an_unheard_state_executes_nothing(middle: Middle, gate: Gate) -> None:
    middle.change_json("/v1/actions", lambda a: {**a, "state": "blessed"})
    with pytest.raises(UnknownState, match="update this package"):
        attempt(gate)


def test_a_pending_action_is_not_cleared_by_words(
    middle: Middle, gate: Gate, service: Service
) -> None:
    """A server that says `cleared` for what is pending: the claim itself is refused."""
    middle.change_json("/v1/actions", lambda a: {**a, "state": "cleared"})
    with pytest.raises(Refused) as caught:
        with gate.action("db.export", resource=CRM, input={"table": "words"}):
            raise AssertionError("it ran")
    assert caught.value.code == "not_cleared"


def test_an_action_is_not_claimed_by_words(middle: Middle, gate: Gate) -> None:
    def change(answer: Any) -> Any:
        return {**answer, "state": "claimed"}

    middle.change_json("/v1/actions", change)
    with pytest.raises(NotExecuted, match="claimed by another call"):
        with gate.action("db.export", resource=CRM, input={"table": "words2"}):
            raise AssertionError("it ran")


# MARK: the log


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


# MARK: time


def test_a_claim_that_comes_too_late_is_not_started_on(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    from exequatur import protocol

    real = protocol.now
    late = [0.0]
    verify = protocol.verify_claim

    def slow(*arguments: Any) -> Any:
        late[0] += 31
        return verify(*arguments)

    monkeypatch.setattr(protocol, "now", lambda: real() + late[0])
    monkeypatch.setattr(protocol, "verify_claim", slow)
    with pytest.raises(TooLate):
        attempt(gate)
    assert service.actions()[0]["state"] == "not_started"


def test_the_wall_clock_of_the_gate_does_not_matter(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 0.0)
    legitimate(gate)


def test_a_clock_that_goes_back_does_not_prolong_a_claim(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exequatur import protocol

    real = protocol.now
    back = [0.0]
    verify = protocol.verify_claim

    def earlier(*arguments: Any) -> Any:
        back[0] -= 100
        return verify(*arguments)

    monkeypatch.setattr(protocol, "now", lambda: real() + back[0])
    monkeypatch.setattr(protocol, "verify_claim", earlier)
    with pytest.raises(TooLate):
        attempt(gate)


# MARK: malformed answers


def whole_answer(data: bytes) -> Callable[[str, str, int, bytes], tuple[int, bytes]]:
    return lambda method, path, status, body: (
        (status, data) if path == "/v1/actions" else (status, body)
    )


MALFORMED = {
    "empty": b"",
    "not JSON": b"<html></html>",
    "cut off": b'{"id":"act_1"',
    "not UTF-8": b'{"id":"\xff"}',
    "a list": b"[]",
    "NaN": b'{"id":NaN}',
    "a lone surrogate": b'{"id":"\\ud800"}',
    "too deep": b"[" * 100_000,
    "an endless number": b'{"id":' + b"9" * 5_000 + b"}",
    "no members": b"{}",
    "members of other types": b'{"id":1,"digest":2,"operationDigest":3,"state":4,"version":"5"}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_answers_execute_nothing(name: str, middle: Middle, gate: Gate) -> None:
    legitimate(gate)
    middle.change = whole_answer(MALFORMED[name])
    with pytest.raises(Unavailable, match="answer"):
        attempt(gate)


def test_duplicate_keys_in_an_answer_are_refused(middle: Middle, gate: Gate) -> None:
    def change(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path == "/v1/actions":
            return status, body.replace(b'{"action":', b'{"state":"claimed","action":', 1)
        return status, body

    middle.change = change
    with pytest.raises(Unavailable, match="`'state'` is there twice"):
        attempt(gate)


def test_an_id_that_would_lead_elsewhere_is_refused(middle: Middle, gate: Gate) -> None:
    middle.change_json("/v1/actions", lambda a: {**a, "id": "../../log/vkey"})
    with pytest.raises(Unavailable, match="not an action"):
        attempt(gate)


def test_a_huge_answer_is_refused(
    middle: Middle, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exequatur.protocol.PATIENCE", 0.2)
    middle.change = whole_answer(b'{"x":"' + b"a" * 5_000_000 + b'"}')
    with pytest.raises(Unavailable, match="more than 4194304"):
        attempt(gate)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int, middle: Middle, gate: Gate) -> None:
    legitimate(gate)
    middle.requests.clear()
    middle.change = lambda method, path, found, body: (status, b"")
    with pytest.raises(Refused, match=str(status)):
        attempt(gate)
    assert len(middle.requests) == 1


def test_problems_name_their_code(middle: Middle, gate: Gate, service: Service) -> None:
    with pytest.raises(Refused) as caught:
        with gate.action("db.read", resource=CRM, input=INPUT, reason="x"):
            middle.change = lambda method, path, status, body: (
                403,
                b'{"code":"not_allowed","detail":"no","status":403,"title":"Forbidden"}',
            )
            raise Refused("inside", code="inside")
    assert caught.value.code == "inside"
    with pytest.raises(Refused) as refused:
        attempt(gate)
    assert refused.value.code == "not_allowed" and "no (not_allowed)" in str(refused.value)


class Raw:
    """A listener that answers each connection with some bytes, slowly or never."""

    def __init__(self, serve: Callable[[socket.socket], None]):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._serve(connection)
            except OSError:
                pass

    def close(self) -> None:
        self._listener.close()


def drip(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        time.sleep(0.1)
        connection.sendall(b"x")


def endless_body(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"a" * 65_536 + b"\r\n")


def cut_short(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}")


def no_http(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize("serve", [drip, endless_body, cut_short, no_http])
def test_no_answer_holds_the_gate_up(
    serve: Callable[[socket.socket], None], service: Service, tmp_path: Path
) -> None:
    from exequatur.transport import HTTPTransport, Request, TransportFailure
    from exequatur.tokens import Token

    raw = Raw(serve)
    token = Token.parse(service.agent, kind="a", where="test")
    transport = HTTPTransport(raw.url, token, None)
    start = time.monotonic()
    with pytest.raises(TransportFailure, match="does not answer"):
        transport.send(Request("GET", "/", seconds=1.5))
    assert time.monotonic() - start < 4
    raw.close()


def test_a_policy_denial_is_not_softened_by_the_middle(middle: Middle, gate: Gate) -> None:
    def change(answer: Any) -> Any:
        answer["state"] = "cleared"
        return answer

    middle.change_json("/v1/actions", change)
    with pytest.raises((Refused, Denied)):
        with gate.action("db.read", resource=("Database", "secrets"), input=INPUT):
            raise AssertionError("it ran")
