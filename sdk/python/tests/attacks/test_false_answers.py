# SPDX-License-Identifier: Apache-2.0
"""Answers about something else, malformed ones and none; in no case does anything run."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from attempts import CRM, HEX, INPUT, attempt, legitimate
from service import Service
from stub import Middle

from exequatur import (
    Denied,
    Gate,
    NotExecuted,
    Refused,
    Unavailable,
    UnknownState,
    VerificationFailed,
)


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


def test_a_policy_denial_is_not_softened_by_the_middle(middle: Middle, gate: Gate) -> None:
    def change(answer: Any) -> Any:
        answer["state"] = "cleared"
        return answer

    middle.change_json("/v1/actions", change)
    with pytest.raises((Refused, Denied)):
        with gate.action("db.read", resource=("Database", "secrets"), input=INPUT):
            raise AssertionError("it ran")


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
    monkeypatch.setattr("exequatur.retry.PATIENCE", 0.2)
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


# MARK: no answer


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
    serve: Callable[[socket.socket], None], service: Service
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
