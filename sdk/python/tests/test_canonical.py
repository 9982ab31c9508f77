# SPDX-License-Identifier: Apache-2.0
"""Strict JSON and RFC 8785, against the RFC's own vectors where they are at hand."""

from __future__ import annotations

import enum
import math
import os
import random
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from exequatur import InputError, JSONError, Operation
from exequatur.canonical import MAX_DEPTH, canonical_bytes, parse, parse_canonical

CORPORA = Path(os.environ.get("EXEQUATUR_CORPORA", "/nonexistent"))
JCS = CORPORA / "jcs" / "testdata"
NAMES = ("arrays", "french", "structures", "unicode", "values", "weird")


@pytest.mark.skipif(not JCS.is_dir(), reason="EXEQUATUR_CORPORA has no jcs/testdata")
@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_of_rfc_8785(name: str) -> None:
    value = parse((JCS / "input" / f"{name}.json").read_bytes(), exact=False)
    found = canonical_bytes(value)
    assert found == (JCS / "output" / f"{name}.json").read_bytes()
    digits = (JCS / "outhex" / f"{name}.txt").read_text().split()
    assert found == bytes(int(pair, 16) for pair in digits)
    assert parse_canonical(found) == value


# RFC 8785, appendix B: IEEE 754 in hexadecimal and the text.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_the_numbers_of_rfc_8785(bits: str, text: str) -> None:
    [value] = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(value) == text.encode()


def test_random_doubles_come_back() -> None:
    source = random.Random(8785)
    for _ in range(20_000):
        [value] = struct.unpack(">d", source.randbytes(8))
        if math.isfinite(value):
            text = canonical_bytes(value)
            assert float(text) == value
            assert canonical_bytes(parse(text)) == text


def test_members_are_sorted_by_utf16() -> None:
    value = {"\U0001f600": 1, "\ufb33": 2, "a": 3, "": 4, "\r": 5}
    text = '{"":4,"\\r":5,"a":3,"\U0001f600":1,"\ufb33":2}'
    assert canonical_bytes(value) == text.encode()


class Color(str, enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


BAD_VALUES: list[Any] = [
    (1, 2),
    {1, 2},
    b"x",
    Color.RED,
    Number.ONE,
    OrderedDict(a=1),
    {1: 2},
    {"a": {None: 1}},
    object(),
    float("nan"),
    float("inf"),
    "\ud800",
    {"\udc00": 1},
    2**53 + 1,
    2**64,
    -(2**63) - 1,
    10**400,
]


@pytest.mark.parametrize("value", BAD_VALUES, ids=repr)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        canonical_bytes({"x": value})
    with pytest.raises(InputError, match="/input/x"):
        Operation.freeze("a.b", ("T", "i"), {"x": value})


def test_integers_that_doubles_hold_are_exact() -> None:
    for value in (0, -1, 2**53, -(2**53), 10**21, 10**22):
        assert float(canonical_bytes(value)) == value
    assert canonical_bytes([True, False, None, 1.0, -0.0]) == b"[true,false,null,1,0]"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_has_a_limit() -> None:
    assert parse(canonical_bytes(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(InputError, match="too deeply"):
        canonical_bytes(nested(MAX_DEPTH + 1))
    with pytest.raises(JSONError, match="too deeply"):
        parse(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    with pytest.raises(JSONError, match="too deeply"):
        parse(b"[" * 200_000 + b"]" * 200_000)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InputError, match="too deeply"):
        canonical_bytes(endless)


BAD_TEXTS = {
    "empty": b"",
    "two values": b"1 2",
    "a trailing comma": b"[1,]",
    "a comment": b"[1] // x",
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "a duplicate member": b'{"a":1,"a":1}',
    "a duplicate member, escaped": b'{"a":1,"\\u0061":1}',
    "a duplicate member inside": b'[{"b":{"a":1,"a":2}}]',
    "a lone surrogate": b'"\\ud800"',
    "a lone surrogate in a name": b'{"\\udfff":1}',
    "a raw surrogate": b'"\xed\xa0\x80"',
    "invalid UTF-8": b'"\xc3"',
    "an overlong form": b'"\xc0\xaf"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "a control character": b'"\x01"',
    "a tab in a string": b'"\t"',
    "an unknown escape": b'"\\x"',
    "a leading zero": b"01",
    "a plus": b"+1",
    "a bare point": b"1.",
    "hexadecimal": b"0x10",
    "single quotes": b"'a'",
    "beyond doubles": b"1e999",
    "rounded": b"9007199254740993",
    "rounded fraction": b"0.1000000000000000055511151231257827",
    "rounded to zero": b"1e-400",
    "a very long number": b"1" + b"0" * 2_000,
    "an odd space": b"\xc2\xa01",
    "True": b"True",
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_what_parsers_could_differ_on_is_refused(name: str) -> None:
    with pytest.raises(JSONError):
        parse(BAD_TEXTS[name])


def test_numbers_in_another_spelling_have_the_same_value() -> None:
    assert parse(b"[1e2, 1.0, 10E-1, -0, 1.5e0, 1e22]") == [100, 1, 1, 0, 1.5, 1e22]


def test_sizes_have_limits() -> None:
    with pytest.raises(JSONError, match="send at most"):
        parse(b'"' + b"a" * 2_000_000 + b'"')
    with pytest.raises(JSONError, match="too many values"):
        parse(b"[" + b"1," * 300_000 + b"1]")
    with pytest.raises(JSONError, match="too many members"):
        parse(b"{" + b",".join(b'"%d":1' % n for n in range(10_001)) + b"}")
    with pytest.raises(InputError, match="send less"):
        Operation.freeze("a.b", ("T", "i"), {"x": "a" * 1_100_000})


def test_only_the_canonical_spelling_is_canonical() -> None:
    for text in (b'{"b":1,"a":2}', b'{"a": 1}', b'"\\u0041"', b"1.0", b"1E2", b'"\\/"'):
        parse(text)
        with pytest.raises(JSONError, match="canonical form"):
            parse_canonical(text)


@pytest.mark.parametrize(
    ("action", "resource", "input"),
    [
        ("", ("T", "i"), {}),
        ("1a", ("T", "i"), {}),
        ("a b", ("T", "i"), {}),
        ("a" * 257, ("T", "i"), {}),
        ("é", ("T", "i"), {}),
        ("a", ("", "i"), {}),
        ("a", ("T-T", "i"), {}),
        ("a", ("T", ""), {}),
        ("a", ("T", "i" * 1_025), {}),
        ("a", ("T", 1), {}),
        ("a", ("T", "i", "j"), {}),
        ("a", "T::i", {}),
        ("a", {"type": "T"}, {}),
        ("a", {"type": "T", "id": "i", "more": "x"}, {}),
        ("a", ("T", "i"), []),
        ("a", ("T", "i"), None),
        ("a", ("T", "i"), {"x": "exq1_a_" + "0" * 32 + "_x"}),
        ("a", ("T", "exq1_a_" + "0" * 32 + "_x"), {}),
    ],
)
def test_malformed_operations_are_refused(action: Any, resource: Any, input: Any) -> None:
    with pytest.raises(InputError):
        Operation.freeze(action, resource, input)


def test_an_operation_is_frozen() -> None:
    input = {"b": [1], "a": "x"}
    found = Operation.freeze("a.b", {"type": "T", "id": "i"}, input)
    input["b"] = []
    resource = b'"resource":{"id":"i","type":"T"}'
    assert found.data == b'{"action":"a.b","input":{"a":"x","b":[1]},' + resource + b"}"
    found.input["a"] = "y"
    assert found.input == {"a": "x", "b": [1]}
