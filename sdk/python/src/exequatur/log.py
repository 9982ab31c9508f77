# SPDX-License-Identifier: Apache-2.0
"""The transparency log's formats: verifier keys, signed notes, checkpoints, proofs, tiles.

C2SP signed-note, tlog-checkpoint, tlog-proof and tlog-tiles over the tree of RFC 6962. Each text
has one spelling; another one of the same content is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .ed25519 import PublicKey

__all__ = [
    "Checkpoint",
    "LogError",
    "MissingTile",
    "Proof",
    "VerifierKey",
    "consistency_from_tiles",
    "leaf_hash",
    "tile_path",
    "verified_checkpoint",
    "verify_consistency",
    "verify_inclusion",
]

MAX_NOTE = 524_288
MAX_PROOF = 1_048_576
_MAX_SIGNATURES = 64
_MAX_HASHES = 63
_LARGEST = 2**63 - 1
_ED25519 = 0x01
_TILE = 256


class LogError(Exception):
    """A text of the log is malformed, or proves something else than it should."""


# MARK: codecs


def decode_base64(text: bytes | str) -> bytes:
    """Reads padded base64 in its one canonical spelling."""
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    try:
        found = base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise LogError("not base64") from None
    if base64.b64encode(found) != raw:
        raise LogError("base64 in another spelling than the canonical one")
    return found


def _decimal(text: bytes) -> int:
    if not text or len(text) > 19 or not text.isdigit() or (text[0] == 0x30 and len(text) > 1):
        raise LogError("not a decimal number without leading zeroes")
    value = int(text)
    if value > _LARGEST:
        raise LogError("a number beyond 63 bits")
    return value


def _hash(text: bytes) -> bytes:
    if len(text) != 44:
        raise LogError("not the base64 of a 32-byte hash")
    found = decode_base64(text)
    if len(found) != 32:
        raise LogError("not the base64 of a 32-byte hash")
    return found


# MARK: keys


def _is_key_name(name: str) -> bool:
    return bool(name) and not any(c < " " or c == "+" or c.isspace() for c in name)


@dataclass(frozen=True)
class VerifierKey:
    """The log's public key, ``name+hex(key id)+base64(type ‖ key)``."""

    name: str
    key_id: bytes
    public_key: PublicKey
    vkey: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the ``vkey`` line in hexadecimal; tokens carry its first 32 digits."""
        return hashlib.sha256(self.vkey.encode("utf-8")).hexdigest()

    @staticmethod
    def parse(line: str) -> VerifierKey:
        """Reads a line without its line break; raises :class:`LogError`."""
        return _parse_key(line)

    @staticmethod
    def trusted(line: bytes, fingerprint: str) -> VerifierKey:
        """The key of a line that has the fingerprint that a token carries.

        Whoever answers under the server's address can send any key, but only the right one has
        that fingerprint.
        """
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise LogError("the verifier key is not UTF-8") from None
        key = VerifierKey.parse(text[:-1] if text.endswith("\n") else text)
        if len(fingerprint) != 32 or key.fingerprint[:32] != fingerprint:
            raise LogError("the key is not the one that the token names")
        return key


@lru_cache(maxsize=16)
def _parse_key(line: str) -> VerifierKey:
    """Keys are kept, because each brings a table that makes its verifications quick."""
    parts = line.split("+", 2)
    if len(parts) != 3 or len(parts[2]) > 64:
        raise LogError("not a verifier key: expected `name+8 hex digits+base64`")
    name, identifier, encoded = parts
    if not _is_key_name(name) or len(name.encode("utf-8")) > 255:
        raise LogError("the name of the verifier key is not valid")
    material = decode_base64(encoded)
    if len(material) != 33 or material[0] != _ED25519:
        raise LogError("the verifier key is not an Ed25519 log key")
    key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + material).digest()[:4]
    if key_id.hex() != identifier:
        raise LogError("the key id does not belong to the verifier key")
    try:
        key = PublicKey(material[1:])
    except ValueError as error:
        raise LogError(f"the verifier key is not usable: {error}") from None
    return VerifierKey(name, key_id, key, line)


# MARK: notes and checkpoints


@dataclass(frozen=True)
class Checkpoint:
    """Size and root of a log's tree, as the log signed it."""

    origin: bytes
    size: int
    root: bytes


def _split_note(note: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The signed text, and (name, key id ‖ signature) of each signature line."""
    if len(note) > MAX_NOTE:
        raise LogError(f"a signed note of {len(note)} bytes is too long")
    if any(byte < 0x20 and byte != 0x0A for byte in note):
        raise LogError("a signed note has no control characters")
    try:
        note.decode("utf-8")
    except UnicodeDecodeError:
        raise LogError("a signed note is UTF-8") from None
    split = note.rfind(b"\n\n")
    if split < 0 or not note.endswith(b"\n") or split + 2 >= len(note):
        raise LogError("not a signed note: expected a blank line and signatures")
    lines = note[split + 2 : -1].split(b"\n")
    if len(lines) > _MAX_SIGNATURES:
        raise LogError("the note has too many signatures")
    signatures = []
    for line in lines:
        if not line.startswith("— ".encode()):
            raise LogError("a signature line is malformed")
        name, space, encoded = line[len("— ".encode()) :].partition(b" ")
        if not space or not _is_key_name(name.decode("utf-8")):
            raise LogError("a signature line is malformed")
        raw = decode_base64(encoded)
        if len(raw) < 5:
            raise LogError("a signature line is malformed")
        signatures.append((name, raw))
    return note[: split + 1], signatures


@lru_cache(maxsize=32)
def verified_checkpoint(note: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a note, after verifying the log's signature over it.

    What was verified is remembered: many claims share a note, and the pin is read several times.
    """
    text, signatures = _split_note(note)
    is_signed = False
    for name, raw in signatures:
        # Signatures of others, such as witnesses, are none of ours to judge.
        if name != key.name.encode("utf-8") or raw[:4] != key.key_id:
            continue
        if not key.public_key.verify(raw[4:], text):
            raise LogError("the log's signature of the checkpoint is wrong")
        is_signed = True
    if not is_signed:
        raise LogError("the checkpoint is not signed by the pinned log key")
    lines = text[:-1].split(b"\n")
    if len(lines) < 3 or not all(lines):
        raise LogError("the checkpoint is malformed")
    checkpoint = Checkpoint(lines[0], _decimal(lines[1]), _hash(lines[2]))
    if checkpoint.size == 0 and checkpoint.root != hashlib.sha256(b"").digest():
        raise LogError("the checkpoint of an empty tree has another root")
    if checkpoint.origin != key.name.encode("utf-8"):
        raise LogError("the checkpoint is of another log")
    return checkpoint


# MARK: proofs


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _check_hashes(*hashes: bytes) -> None:
    if any(len(found) != 32 for found in hashes):
        raise LogError("a hash has another length than 32 bytes")


def _shape(index: int, size: int) -> tuple[int, int]:
    """How many hashes lie below and above where the paths of leaf and last leaf meet."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, bin(index >> inner).count("1")


def _chain(seed: bytes, proof: list[bytes], index: int, *, right_only: bool = False) -> bytes:
    for level, sibling in enumerate(proof):
        if index >> level & 1:
            seed = _node(sibling, seed)
        elif not right_only:
            seed = _node(seed, sibling)
    return seed


def _border(seed: bytes, proof: list[bytes]) -> bytes:
    for sibling in proof:
        seed = _node(sibling, seed)
    return seed


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes
) -> None:
    """Verifies that a leaf hash is at an index of the tree with that size and root."""
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise LogError("the index is outside the tree")
    inner, border = _shape(index, size)
    if len(proof) != inner + border:
        raise LogError(f"the proof has {len(proof)} hashes where {inner + border} are needed")
    if _border(_chain(leaf, proof[:inner], index), proof[inner:]) != root:
        raise LogError("the proof leads to another root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: list[bytes]
) -> None:
    """Verifies that the tree of the new size begins with the whole tree of the old size."""
    _check_hashes(old_root, new_root, *proof)
    if not 0 <= old_size <= new_size:
        raise LogError("the old tree is larger than the new one")
    if old_size == new_size or old_size == 0:
        empty = hashlib.sha256(b"").digest()
        if proof:
            raise LogError("the proof should be empty")
        if old_size == new_size and old_root != new_root:
            raise LogError("two trees of one size have different roots")
        if old_size == 0 and (old_root != empty or (new_size == 0 and new_root != empty)):
            raise LogError("the empty tree has another root")
        return
    inner, border = _shape(old_size - 1, new_size)
    shift = (old_size & -old_size).bit_length() - 1
    inner -= shift
    is_complete = old_size == 1 << shift
    expected = (0 if is_complete else 1) + inner + border
    if len(proof) != expected:
        raise LogError(f"the proof has {len(proof)} hashes where {expected} are needed")
    seed = old_root if is_complete else proof[0]
    path = proof if is_complete else proof[1:]
    mask = (old_size - 1) >> shift
    before = _border(_chain(seed, path[:inner], mask, right_only=True), path[inner:])
    if before != old_root:
        raise LogError("the proof leads to another old root")
    if _border(_chain(seed, path[:inner], mask), path[inner:]) != new_root:
        raise LogError("the proof leads to another new root")


@dataclass(frozen=True)
class Proof:
    """An entry's proof of being in a log (c2sp.org/tlog-proof@v1)."""

    index: int
    hashes: list[bytes]
    note: bytes

    @staticmethod
    def parse(text: bytes) -> Proof:
        """Reads the one spelling of a proof; its parts are not verified yet."""
        if len(text) > MAX_PROOF:
            raise LogError("the proof is too long")
        head, blank, note = text.partition(b"\n\n")
        lines = head.split(b"\n")
        if not blank or lines[0] != b"c2sp.org/tlog-proof@v1":
            raise LogError("not a log proof")
        lines = lines[1:]
        if lines and lines[0].startswith(b"extra "):
            if not decode_base64(lines[0][len(b"extra ") :]):
                raise LogError("the log proof has an empty extra line")
            lines = lines[1:]
        if not lines or not lines[0].startswith(b"index "):
            raise LogError("the log proof has no index")
        if len(lines) - 1 > _MAX_HASHES:
            raise LogError("the log proof has too many hashes")
        index = _decimal(lines[0][len(b"index ") :])
        return Proof(index, [_hash(line) for line in lines[1:]], note)


# MARK: tiles


class MissingTile(Exception):
    """A tile that is needed to build a proof; fetch it and try again."""

    def __init__(self, level: int, index: int, width: int):
        super().__init__(f"tile {level}/{index} of width {width}")
        self.level, self.index, self.width = level, index, width


def tile_path(level: int, index: int, width: int) -> str:
    """The path of a tile below ``/log/`` (c2sp.org/tlog-tiles)."""
    text = f"{index % 1000:03}"
    rest = index // 1000
    while rest:
        text = f"x{rest % 1000:03}/{text}"
        rest //= 1000
    return f"tile/{level}/{text}" + ("" if width == _TILE else f".p/{width}")


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """The hashes of a tile, which must have exactly that many."""
    if len(data) != 32 * width:
        raise LogError(f"the tile has {len(data)} bytes where {32 * width} are needed")
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def consistency_from_tiles(
    old: int, new: int, tiles: Mapping[tuple[int, int], list[bytes]]
) -> list[bytes]:
    """Builds a consistency proof (RFC 6962 §2.1.2), to be verified against both roots.

    The tiles are not trusted, so a wrong one only leads to a proof that does not verify. Raises
    :class:`MissingTile` for the next one that is needed.
    """

    def complete(height: int, index: int) -> bytes:
        level, shift = divmod(height, 8)
        first = index << shift
        tile, offset = divmod(first, _TILE)
        width = min(_TILE, (new >> 8 * level) - tile * _TILE)
        found = tiles.get((level, tile))
        if found is None or len(found) < offset + (1 << shift):
            raise MissingTile(level, tile, width)
        row = found[offset : offset + (1 << shift)]
        while len(row) > 1:
            row = [_node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        return row[0]

    def subtree(start: int, end: int) -> bytes:
        width = end - start
        if width & (width - 1) == 0 and start % width == 0:
            height = width.bit_length() - 1
            return complete(height, start >> height)
        split = 1 << (width - 1).bit_length() - 1
        return _node(subtree(start, start + split), subtree(start + split, end))

    def proof(size: int, start: int, end: int, is_whole: bool) -> list[bytes]:
        if size == end - start:
            return [] if is_whole else [subtree(start, end)]
        split = 1 << (end - start - 1).bit_length() - 1
        if size <= split:
            return [*proof(size, start, start + split, is_whole), subtree(start + split, end)]
        return [
            *proof(size - split, start + split, end, False),
            subtree(start, start + split),
        ]

    if not 0 < old < new:
        return []
    return proof(old, 0, new, True)
