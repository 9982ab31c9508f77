# SPDX-License-Identifier: Apache-2.0
"""Verification of Ed25519 signatures (RFC 8032 §5.1.7), in Python alone.

Only verification, and only of public data: nothing here takes the same time whatever the input,
so it must never be used to sign. A key that would verify forged texts (of small order, or with a
coordinate that is not reduced) is refused, as the server and its other gates do.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

__all__ = ["PublicKey"]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_D2 = 2 * _D % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)

# Points are extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
_Point = tuple[int, int, int, int]
# Points of tables have Z = 1 and are kept as (y + x, y - x, 2dxy), which saves multiplications.
_Entry = tuple[int, int, int]
_Table = list[list[_Entry]]

_NEUTRAL: _Point = (0, 1, 1, 0)
_WINDOWS = 64


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = p[3] * q[3] * _D2 % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _is_neutral(p: _Point) -> bool:
    return p[0] % _P == 0 and (p[1] - p[2]) % _P == 0


def _recover_x(y: int, sign: int) -> int | None:
    """The x of a point with that y, or None where there is none (RFC 8032 §5.1.3)."""
    u = (y * y - 1) % _P
    v = (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P != 0:
        if (v * x * x + u) % _P != 0:
            return None
        x = x * _SQRT_M1 % _P
    if x == 0 and sign:
        return None
    return _P - x if x & 1 != sign else x


def _encode(p: _Point) -> bytes:
    inverse = pow(p[2], -1, _P)
    x, y = p[0] * inverse % _P, p[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _table(point: _Point) -> _Table:
    """Entry j - 1 of row i is j · 16^i · point, for j from 1 to 15."""
    points: list[_Point] = []
    base = point
    for _ in range(_WINDOWS):
        multiple = base
        for _ in range(15):
            points.append(multiple)
            multiple = _add(multiple, base)
        base = multiple
    entries = _normalised(points)
    return [entries[row * 15 : row * 15 + 15] for row in range(_WINDOWS)]


def _normalised(points: list[_Point]) -> list[_Entry]:
    """Brings all points to Z = 1 with one inversion (Montgomery's trick)."""
    products = [1]
    for point in points:
        products.append(products[-1] * point[2] % _P)
    inverse = pow(products[-1], -1, _P)
    entries: list[_Entry] = [(0, 0, 0)] * len(points)
    for index in range(len(points) - 1, -1, -1):
        x, y, z, _ = points[index]
        own = inverse * products[index] % _P
        inverse = inverse * z % _P
        x, y = x * own % _P, y * own % _P
        entries[index] = ((y + x) % _P, (y - x) % _P, x * y * _D2 % _P)
    return entries


def _accumulate(total: _Point, table: _Table, scalar: int) -> _Point:
    """total + scalar · (the table's point)."""
    x, y, z, t = total
    for row in table:
        digit = scalar & 15
        scalar >>= 4
        if digit == 0:
            if scalar == 0:
                break
            continue
        plus, minus, product = row[digit - 1]
        a = (y - x) * minus % _P
        b = (y + x) * plus % _P
        c = t * product % _P
        d = 2 * z
        e, f, g, h = b - a, d - c, d + c, b + a
        x, y, z, t = e * f % _P, g * h % _P, f * g % _P, e * h % _P
    return (x, y, z, t)


@lru_cache(maxsize=1)
def _base_table() -> _Table:
    y = 4 * pow(5, -1, _P) % _P
    x = _recover_x(y, 0)
    assert x is not None
    return _table((x, y, 1, x * y % _P))


class PublicKey:
    """A public key. Making one checks it; the first verification prepares a table for it."""

    def __init__(self, data: bytes):
        """Takes the 32 bytes of a key; raises ``ValueError`` for one that proves nothing."""
        if len(data) != 32:
            raise ValueError(f"an Ed25519 key has 32 bytes, not {len(data)}")
        number = int.from_bytes(data, "little")
        y, sign = number & (1 << 255) - 1, number >> 255
        x = _recover_x(y, sign) if y < _P else None
        if x is None:
            raise ValueError("these 32 bytes are no point of the curve in canonical form")
        point: _Point = (x, y, 1, x * y % _P)
        double = _add(point, point)
        quadruple = _add(double, double)
        if _is_neutral(_add(quadruple, quadruple)):
            raise ValueError("the key is of small order: one signature would be valid for any text")
        self.data = bytes(data)
        # Verification subtracts, so the table is that of the negated point.
        self._negated: _Point = (-x % _P, y, 1, -x * y % _P)
        self._rows: _Table | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tells whether the signature was made by the holder of this key over the message."""
        if len(signature) != 64:
            return False
        encoded_r = signature[:32]
        s = int.from_bytes(signature[32:], "little")
        if s >= _L:
            return False
        digest = hashlib.sha512(encoded_r + self.data + message).digest()
        h = int.from_bytes(digest, "little") % _L
        if self._rows is None:
            self._rows = _table(self._negated)
        point = _accumulate(_NEUTRAL, _base_table(), s)
        return _encode(_accumulate(point, self._rows, h)) == encoded_r
