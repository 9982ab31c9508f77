# SPDX-License-Identifier: Apache-2.0
"""Claims that are forged, replayed or used before; on none of them does anything run."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from attempts import HEX, attempt, legitimate
from service import Service
from stub import Middle

from exequatur import Gate, NonceUsed, NotExecuted, VerificationFailed


def test_passed_on_unchanged_it_works(gate: Gate) -> None:
    assert legitimate(gate).startswith("act_")


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


def replay(middle: Middle, gate: Gate) -> None:
    """Has an action cleared and used; from then on its answer is given to every submission."""
    kept: list[Any] = []

    def keep(answer: Any) -> Any:
        kept.append(copy.deepcopy(answer))
        return answer

    middle.change_json("/v1/actions", keep)
    legitimate(gate)
    middle.change_json("/v1/actions", lambda answer: kept[0])


def test_a_replayed_claim_of_another_call_is_refused(middle: Middle, gate: Gate) -> None:
    # The same operation again: the old answer, with a claim that is true and used.
    replay(middle, gate)
    with pytest.raises(NotExecuted) as caught:
        attempt(gate)
    assert "claimed by another call" in str(caught.value)


def test_a_used_nonce_never_executes_again(
    middle: Middle, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that makes the same nonce twice: the server's true answer is replayed to it."""
    monkeypatch.setattr("exequatur.protocol.token_hex", lambda count: "5a" * count)
    replay(middle, gate)
    with pytest.raises(NonceUsed) as caught:
        attempt(gate)
    assert caught.value.is_alarm
