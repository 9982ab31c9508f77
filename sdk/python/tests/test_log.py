# SPDX-License-Identifier: Apache-2.0
"""Signatures, notes, proofs and tiles, against other implementations where they are at hand."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

from exequatur import log
from exequatur.ed25519 import PublicKey

CORPORA = Path(os.environ.get("EXEQUATUR_CORPORA", "/nonexistent"))
MERKLE = CORPORA / "merkle.tar.xz"

# RFC 8032 §7.1: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
L = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032(key: str, message: str, signature: str) -> None:
    public, text, good = PublicKey(bytes.fromhex(key)), bytes.fromhex(message), signature
    raw = bytes.fromhex(good)
    assert public.verify(raw, text)
    assert not public.verify(raw, text + b"x")
    for bit in range(0, 512, 7):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not public.verify(bytes(flipped), text)
    assert not public.verify(raw[:-1], text) and not public.verify(raw + b"\0", text)
    # The same signature with S + L would be a second spelling of it.
    s = int.from_bytes(raw[32:], "little") + L
    if s < 2**256:
        assert not public.verify(raw[:32] + s.to_bytes(32, "little"), text)


WEAK = [
    "00" * 32,
    "01" + "00" * 31,
    "01" + "00" * 30 + "80",
    "ec" + "ff" * 30 + "7f",
    "ec" + "ff" * 30 + "ff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
    "ff" * 32,
    "02" + "00" * 31,
]


@pytest.mark.parametrize("key", WEAK)
def test_keys_that_prove_nothing_are_refused(key: str) -> None:
    with pytest.raises(ValueError):
        PublicKey(bytes.fromhex(key))


def test_it_agrees_with_another_implementation() -> None:
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    exceptions = pytest.importorskip("cryptography.exceptions")
    source = random.Random(8032)
    for _ in range(60):
        private = ed25519.Ed25519PrivateKey.from_private_bytes(source.randbytes(32))
        theirs = private.public_key()
        ours = PublicKey(theirs.public_bytes_raw())
        for _ in range(4):
            message = source.randbytes(source.randrange(200))
            signature = bytearray(private.sign(message))
            assert ours.verify(bytes(signature), message)
            signature[source.randrange(64)] ^= 1 << source.randrange(8)
            try:
                theirs.verify(bytes(signature), message)
                expected = True
            except exceptions.InvalidSignature:
                expected = False
            assert ours.verify(bytes(signature), message) is expected


# MARK: trees


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, to the letter."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(root(leaves[:split]), root(leaves[split:]))


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path(index, leaves[:split]), root(leaves[split:])]
    return [*path(index - split, leaves[split:]), root(leaves[:split])]


LEAVES = [log.leaf_hash(b"%d" % n) for n in range(70)]


def test_inclusion_in_all_small_trees() -> None:
    for size in range(1, 40):
        leaves = LEAVES[:size]
        top = root(leaves)
        for index in range(size):
            proof = path(index, leaves)
            log.verify_inclusion(leaves[index], index, size, proof, top)
            for bad in (proof[:-1], [*proof, top], [top, *proof], [*proof[1:], top]):
                if bad != proof:
                    with pytest.raises(log.LogError):
                        log.verify_inclusion(leaves[index], index, size, bad, top)
            with pytest.raises(log.LogError):
                log.verify_inclusion(leaves[index - 1], index, size + 64, proof, top)
            if size > 1:
                with pytest.raises(log.LogError):
                    log.verify_inclusion(leaves[index], (index + 1) % size, size, proof, top)
    for index in (-1, 1):
        with pytest.raises(log.LogError):
            log.verify_inclusion(LEAVES[0], index, 1, [], LEAVES[0])


def tiles_of(leaves: list[bytes]) -> dict[tuple[int, int], list[bytes]]:
    found: dict[tuple[int, int], list[bytes]] = {}
    level, row = 0, leaves
    while row:
        for start in range(0, len(row), 256):
            found[level, start // 256] = row[start : start + 256]
        row = [root(row[i : i + 256]) for i in range(0, len(row) // 256 * 256, 256)]
        level += 1
    return found


def proof_by_fetching(old: int, new: int, leaves: list[bytes]) -> list[bytes]:
    served = tiles_of(leaves)
    fetched: dict[tuple[int, int], list[bytes]] = {}
    while True:
        try:
            return log.consistency_from_tiles(old, new, fetched)
        except log.MissingTile as need:
            tile = served[need.level, need.index]
            assert need.width <= len(tile) and (need.level, need.index) not in fetched
            fetched[need.level, need.index] = tile[: need.width]


def test_consistency_of_all_small_trees_from_tiles() -> None:
    roots = [root(LEAVES[:size]) for size in range(41)]
    for new in range(1, 41):
        for old in range(0, new + 1):
            proof = proof_by_fetching(old, new, LEAVES[:new])
            log.verify_consistency(old, roots[old], new, roots[new], proof)
            for bad in (proof[:-1], [*proof, roots[1]], [roots[0], *proof]):
                if bad != proof:
                    with pytest.raises(log.LogError):
                        log.verify_consistency(old, roots[old], new, roots[new], bad)
            with pytest.raises(log.LogError):
                log.verify_consistency(old, roots[old], new, b"\0" * 32, proof)
                assert old == 0
                raise log.LogError  # From the empty tree, anything follows.
            with pytest.raises(log.LogError):
                log.verify_consistency(old, b"\0" * 32, new, roots[new], proof)
    with pytest.raises(log.LogError):
        log.verify_consistency(3, roots[3], 2, roots[2], [])


@pytest.mark.parametrize(("old", "new"), [(255, 256), (256, 257), (300, 70_000), (65_536, 66_049)])
def test_consistency_across_tiles(old: int, new: int) -> None:
    leaves = [log.leaf_hash(b"%d" % n) for n in range(new)]
    proof = proof_by_fetching(old, new, leaves)
    log.verify_consistency(old, root(leaves[:old]), new, root(leaves), proof)


def test_tile_paths() -> None:
    assert log.tile_path(0, 0, 256) == "tile/0/000"
    assert log.tile_path(0, 273, 112) == "tile/0/273.p/112"
    assert log.tile_path(2, 1_234_067, 256) == "tile/2/x001/x234/067"


@pytest.mark.skipif(not MERKLE.is_file(), reason="EXEQUATUR_CORPORA has no merkle.tar.xz")
@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_vectors_of_transparency_dev(kind: str) -> None:
    count = 0
    with tarfile.open(fileobj=io.BytesIO(MERKLE.read_bytes()), mode="r:xz") as archive:
        for member in archive:
            if f"/testdata/{kind}/" not in member.name or not member.name.endswith(".json"):
                continue
            file = archive.extractfile(member)
            assert file is not None
            case = json.load(file)
            try:
                check(kind, case)
                accepted = True
            except log.LogError:
                accepted = False
            # A proof from the empty tree is refused there and says nothing here.
            if kind == "consistency" and case["size1"] == 0 and case["wantErr"]:
                continue
            assert accepted is not case["wantErr"], (member.name, case)
            count += 1
    assert count > 50


def check(kind: str, case: dict[str, Any]) -> None:
    def raw(text: str | None) -> bytes:
        found = base64.b64decode(text or "")
        # Where equal roots are all that counts, the vectors have words instead of hashes.
        return found.ljust(32, b"\0") if kind == "consistency" and found else found

    proof = [raw(text) for text in case["proof"] or []]
    if kind == "inclusion":
        log.verify_inclusion(
            raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, raw(case["root"])
        )
    else:
        log.verify_consistency(
            case["size1"], raw(case["root1"]), case["size2"], raw(case["root2"]), proof
        )


# MARK: notes


def signed(private: Any, name: str, text: str) -> tuple[bytes, log.VerifierKey]:
    material = b"\x01" + private.public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    line = f"{name}+{key_id.hex()}+{base64.b64encode(material).decode()}"
    signature = base64.b64encode(key_id + private.sign(text.encode())).decode()
    return f"{text}\n— {name} {signature}\n".encode(), log.VerifierKey.parse(line)


@pytest.fixture
def private() -> Any:
    module = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    return module.Ed25519PrivateKey.from_private_bytes(b"\7" * 32)


TREE = base64.b64encode(b"\1" * 32).decode()


def test_checkpoints_are_read_in_one_spelling_only(private: Any) -> None:
    note, key = signed(private, "example.org/log", f"example.org/log\n7\n{TREE}\n")
    assert log.verified_checkpoint(note, key).size == 7
    other, _ = signed(private, "example.org/other", f"example.org/log\n7\n{TREE}\n")
    with pytest.raises(log.LogError, match="not signed by the pinned"):
        log.verified_checkpoint(other, key)
    for text in (
        f"example.org/other\n7\n{TREE}\n",
        f"example.org/log\n07\n{TREE}\n",
        f"example.org/log\n-7\n{TREE}\n",
        f"example.org/log\n{2**63}\n{TREE}\n",
        f"example.org/log\n0\n{TREE}\n",
        f"example.org/log\n7\n{TREE[:-1]}\n",
        "example.org/log\n7\n",
        f"example.org/log\n\n7\n{TREE}\n",
    ):
        with pytest.raises(log.LogError):
            log.verified_checkpoint(signed(private, "example.org/log", text)[0], key)
    for bad in (
        note[:-1],
        note + b"\n",
        note.replace(b"\n\n", b"\n"),
        note.replace(b"\xe2\x80\x94", b"-"),
        note.replace(b"7\n", b"7\r\n"),
        note.replace(b"= \n", b"=\n").replace(b"example.org/log ", b"example.org/log  "),
        note + b"x" * 600_000,
        b"\xff" + note,
        b"",
    ):
        with pytest.raises(log.LogError):
            log.verified_checkpoint(bad, key)


def test_verifier_keys_are_read_in_one_spelling_only(private: Any) -> None:
    _, key = signed(private, "example.org/log", "x\n")
    name, identifier, material = key.vkey.split("+", 2)
    assert log.VerifierKey.trusted(key.vkey.encode() + b"\n", key.fingerprint[:32]) == key
    for line in (
        f"{name}+{identifier.upper()}+{material}",
        f"{name}+00000000+{material}",
        f"{name}x+{identifier}+{material}",
        f"{name}+{identifier}+{material} ",
        f"{name}+{identifier}",
        f"{name}+{identifier}+{base64.b64encode(b'4' * 33).decode()}",
        "",
    ):
        with pytest.raises(log.LogError):
            log.VerifierKey.parse(line)
    with pytest.raises(log.LogError, match="not the one that the token names"):
        log.VerifierKey.trusted(key.vkey.encode(), "0" * 32)
    with pytest.raises(log.LogError):
        log.VerifierKey.trusted(key.vkey.encode() + b"\n\n", key.fingerprint[:32])
