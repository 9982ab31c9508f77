# SPDX-License-Identifier: Apache-2.0
"""Strict JSON and its canonical form (RFC 8785).

What two parsers could understand differently is refused: duplicate members, lone surrogates,
NaN, numbers that a double cannot hold exactly. Nothing changes its value silently.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, Union

from .errors import InputError, JSONError

__all__ = ["JSON", "MAX_BYTES", "MAX_DEPTH", "canonical_bytes", "parse", "parse_canonical"]

#: What JSON values look like in Python. Tuples, sets, dates and subclasses are none.
JSON = Union[None, bool, int, float, str, "list[Any]", "dict[str, Any]"]

#: The most bytes of a document, unless told otherwise: nobody reviews a larger action.
MAX_BYTES = 1_048_576
#: The most arrays and objects inside each other.
MAX_DEPTH = 64
#: The most bytes of one number; 17 digits identify any double.
_MAX_NUMBER = 1_024
_MAX_MEMBERS = 10_000
_MAX_VALUES = 250_000


# MARK: writing


def canonical_bytes(value: JSON, *, max_depth: int = MAX_DEPTH) -> bytes:
    """The canonical form of a value: the bytes to hash, sign or compare.

    Raises :class:`InputError` with the place of the first value that has no such form.
    """
    parts: list[str] = []
    _write(value, parts, "", max_depth)
    return "".join(parts).encode("utf-8")


def _write(value: Any, parts: list[str], where: str, depth: int) -> None:
    kind = type(value)
    if value is None:
        parts.append("null")
    elif kind is bool:
        parts.append("true" if value else "false")
    elif kind is str:
        parts.append(_string(value, where))
    elif kind is int:
        parts.append(_integer(value, where))
    elif kind is float:
        if not math.isfinite(value):
            _refuse(f"`{value!r}` is not a number of JSON", where, "leave it out or write text")
        parts.append(_double(value))
    elif kind is list:
        _check_depth(depth, where)
        parts.append("[")
        for index, element in enumerate(value):
            if index:
                parts.append(",")
            _write(element, parts, f"{where}/{index}", depth - 1)
        parts.append("]")
    elif kind is dict:
        _write_object(value, parts, where, depth)
    else:
        _refuse(f"`{kind.__name__}` is not a type of JSON", where, _advice(value))


def _write_object(value: dict[Any, Any], parts: list[str], where: str, depth: int) -> None:
    _check_depth(depth, where)
    members: list[tuple[bytes, str, str]] = []
    for key in value:
        if type(key) is not str:
            _refuse(f"the member name `{key!r}` is not text", where, "use text for names")
        place = f"{where}/{_escape(key)}"
        # RFC 8785 §3.2.3 sorts by UTF-16 code units.
        text = _string(key, place)
        members.append((key.encode("utf-16-be"), key, text))
    members.sort(key=lambda member: member[0])
    parts.append("{")
    for index, (_, key, text) in enumerate(members):
        if index:
            parts.append(",")
        parts.append(text)
        parts.append(":")
        _write(value[key], parts, f"{where}/{_escape(key)}", depth - 1)
    parts.append("}")


def _string(value: str, where: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        _refuse("text with a lone surrogate has no canonical form", where, "send whole characters")
    # Python escapes exactly what RFC 8785 §3.2.2.2 wants escaped, in the same spelling.
    return json.dumps(value, ensure_ascii=False)


def _integer(value: int, where: str) -> str:
    if -9_007_199_254_740_992 <= value <= 9_007_199_254_740_992:
        return str(value)
    try:
        written = _double(float(value))
    except OverflowError:
        _refuse("the integer is beyond the numbers of JSON", where, "write it as text")
    if Decimal(written) != Decimal(value):
        _refuse(f"the integer `{str(value)[:40]}` would be rounded", where, "write it as text")
    return written


def _double(value: float) -> str:
    """The number as ECMAScript writes it (ECMA-262, Number::toString)."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    count = len(digits)
    if point > 21 or point < -5:
        power = point - 1
        tail = f".{digits[1:]}" if count > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power)}"
    if point >= count:
        return sign + digits + "0" * (point - count)
    if point > 0:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    return f"{sign}0.{'0' * -point}{digits}"


def _check_depth(depth: int, where: str) -> None:
    if depth <= 0:
        _refuse("nested too deeply", where[:120], f"use at most {MAX_DEPTH} levels")


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _advice(value: Any) -> str:
    if isinstance(value, (tuple, set, frozenset)):
        return "pass a list"
    if isinstance(value, (bytes, bytearray)):
        return "pass text, for example base64"
    if isinstance(value, (str, int, float)):
        return "pass the plain value, not a subclass: for an enum its `.value`"
    return "pass only dict, list, str, int, float, bool and None"


def _refuse(what: str, where: str, next_step: str) -> NoReturn:
    raise InputError(what, where=f"`{where}`", next_step=next_step)


# MARK: reading


class _Refusal(Exception):
    def __init__(self, what: str, next_step: str):
        super().__init__(what)
        self.what = what
        self.next_step = next_step


def parse(
    data: bytes, *, max_bytes: int = MAX_BYTES, name: str = "the text", exact: bool = True
) -> JSON:
    """Reads strict JSON: UTF-8, no duplicate members, only numbers that are held exactly.

    With ``exact=False`` numbers are rounded to the nearest double, as RFC 8785 describes; never
    use that for what is reviewed or executed. Raises :class:`JSONError`.
    """
    if len(data) > max_bytes:
        raise JSONError(
            f"{name} has {len(data)} bytes", next_step=f"send at most {max_bytes} bytes"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JSONError(
            f"{name} is not UTF-8", where=f"byte {error.start}", next_step="send UTF-8"
        ) from None
    try:
        value = (_DECODER if exact else _ROUNDING_DECODER).decode(text)
    except _Refusal as refusal:
        raise JSONError(f"{name}: {refusal.what}", next_step=refusal.next_step) from None
    except json.JSONDecodeError as error:
        raise JSONError(
            f"{name} is not JSON: {error.msg.lower()}",
            where=f"line {error.lineno}, column {error.colno}",
            next_step="send one JSON value",
        ) from None
    except RecursionError:
        raise JSONError(
            f"{name} is nested too deeply", next_step=f"use at most {MAX_DEPTH} levels"
        ) from None
    _check_shape(value, name)
    return value  # type: ignore[no-any-return]


def parse_canonical(data: bytes, *, max_bytes: int = MAX_BYTES, name: str = "the text") -> JSON:
    """Reads JSON that must already be in canonical form, byte for byte."""
    value = parse(data, max_bytes=max_bytes, name=name)
    if canonical_bytes(value) != data:
        raise JSONError(f"{name} is not in canonical form", next_step="send the bytes as signed")
    return value


def _check_shape(value: Any, name: str) -> None:
    """Depth, size, and characters that no UTF-8 text can hold; without recursion."""
    left: list[tuple[Any, int]] = [(value, 0)]
    count = 0
    while left:
        found, depth = left.pop()
        count += 1
        if count > _MAX_VALUES:
            raise JSONError(f"{name} has too many values", next_step=f"send {_MAX_VALUES} at most")
        if isinstance(found, str):
            _check_text(found, name)
        elif isinstance(found, (list, dict)):
            if depth >= MAX_DEPTH:
                raise JSONError(
                    f"{name} is nested too deeply", next_step=f"use at most {MAX_DEPTH} levels"
                )
            if isinstance(found, dict):
                for key in found:
                    _check_text(key, name)
                left.extend((inner, depth + 1) for inner in found.values())
            else:
                left.extend((inner, depth + 1) for inner in found)


def _check_text(text: str, name: str) -> None:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise JSONError(
                f"{name} has a lone surrogate", next_step="send whole characters"
            ) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refusal(
            f"the member `{twice[:80]!a}` is there twice", "send each member once"
        )
    if len(found) > _MAX_MEMBERS:
        raise _Refusal("an object has too many members", f"send {_MAX_MEMBERS} at most")
    return found


def _read_integer(text: str) -> int | float:
    return int(text) if len(text) <= 15 else _read_number(text)


def _read_rounded(text: str) -> int | float:
    if len(text) > _MAX_NUMBER:
        raise _Refusal("a number is too long", f"write at most {_MAX_NUMBER} digits")
    value = float(text)
    if not math.isfinite(value):
        raise _Refusal(f"the number `{text[:40]}` is beyond JSON's range", "write it as text")
    if value.is_integer() and abs(value) <= 9_007_199_254_740_992:
        return int(value)
    return value


def _read_number(text: str) -> int | float:
    value = _read_rounded(text)
    written = _double(float(value))
    if written != text:
        try:
            is_exact = Decimal(written) == Decimal(text)
        except InvalidOperation:
            is_exact = False
        if not is_exact:
            raise _Refusal(f"the number `{text[:40]}` would be rounded", "write it as text")
    return value


def _constant(text: str) -> NoReturn:
    raise _Refusal(f"`{text}` is not a number of JSON", "leave it out or write text")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_int=_read_integer,
    parse_float=_read_number,
    parse_constant=_constant,
)
_ROUNDING_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_int=_read_rounded,
    parse_float=_read_rounded,
    parse_constant=_constant,
)
