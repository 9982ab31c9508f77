# SPDX-License-Identifier: Apache-2.0
"""The log that a gate trusts: its key as the token names it, its past as it was seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import clock, log, retry
from .answers import problem, unavailable
from .claim import VerifiedClaim
from .errors import VerificationFailed
from .exchange import NotNow, exchange
from .state import GateState
from .steps import Call, Rest, Steps
from .transport import HTTPTransport, Request, Response

__all__ = ["PinnedLog"]

_MOST_TILES = 64


@dataclass(frozen=True)
class PinnedLog:
    """The server's log under a key with this fingerprint, and the tree head pinned of it."""

    transport: HTTPTransport
    state: GateState
    fingerprint: str

    def key(self) -> Steps[log.VerifierKey]:
        """The log key, which anybody may send, checked against the fingerprint in the token."""
        known: log.VerifierKey | None = yield Call(lambda: self.state.log_key(self.fingerprint))
        if known is not None:
            return known
        give_up = clock.now() + retry.PATIENCE
        backoff = retry.Backoff()
        request = Request("GET", "/log/vkey", is_authenticated=False)
        while True:
            answer = yield from exchange(self.transport, request)
            if isinstance(answer, Response):
                if answer.status != 200:
                    raise unavailable(problem(answer)[0])
                try:
                    key = log.VerifierKey.trusted(answer.body, self.fingerprint)
                except log.LogError as error:
                    raise VerificationFailed(
                        f"the log's key is not the one that the token names: {error}",
                        code="wrongKey",
                        next_step="check that address and token belong to one server",
                    ) from None
                found = key
                yield Call(lambda: self.state.keep_log_key(found, self.fingerprint))
                return key
            pause = answer.pause if answer.pause is not None else backoff.next()
            if clock.now() + pause >= give_up:
                raise unavailable(answer.why)
            yield Rest(pause)

    def check_consistency(
        self, claim: VerifiedClaim, offered: Any, key: log.VerifierKey
    ) -> Steps[None]:
        """Demands that the tree continues the one that was seen last, or is an earlier part."""
        kept: tuple[bytes, log.Checkpoint] | None = yield Call(
            lambda: self.state.pin(key, self.fingerprint)
        )
        if kept is None:
            return
        pin, found = kept[1], claim.checkpoint
        old, new = (pin, found) if pin.size <= found.size else (found, pin)
        proof: list[bytes] | None = None
        if old.size == new.size or old.size == 0:
            proof = []
        elif old is pin:
            proof = _offered_proof(offered, pin, claim)
        if proof is None:
            proof = yield from self._proof_from_tiles(old.size, new.size)
        try:
            log.verify_consistency(old.size, old.root, new.size, new.root, proof)
        except log.LogError as error:
            raise VerificationFailed(
                f"the log contradicts the one seen before (sizes {pin.size} and {found.size}),"
                f" its past was changed: {error}",
                code="inconsistent",
            ) from None

    def _proof_from_tiles(self, old: int, new: int) -> Steps[list[bytes]]:
        tiles: dict[tuple[int, int], list[bytes]] = {}
        for _ in range(_MOST_TILES):
            try:
                return log.consistency_from_tiles(old, new, tiles)
            except log.MissingTile as missing:
                need = missing
            path = log.tile_path(need.level, need.index, need.width)
            answer = yield from exchange(
                self.transport, Request("GET", f"/log/{path}", is_authenticated=False)
            )
            if isinstance(answer, NotNow):
                raise unavailable(answer.why)
            try:
                if answer.status != 200:
                    raise log.LogError(f"status {answer.status}")
                tiles[need.level, need.index] = log.decode_tile(answer.body, need.width)
            except log.LogError as error:
                raise VerificationFailed(
                    f"the log does not have a tile of a tree that it signed: {error}",
                    code="inconsistent",
                    where=f"`{path}`",
                ) from None
        raise unavailable("the log needs more tiles for a proof than it should")


def _offered_proof(
    offered: Any, pin: log.Checkpoint, claim: VerifiedClaim
) -> list[bytes] | None:
    """The proof that came with the claim, where it is about these very two trees."""
    if not isinstance(offered, dict) or offered.get("from") != pin.size:
        return None
    note, proof = offered.get("checkpoint"), offered.get("proof")
    if not isinstance(note, str) or note.encode("utf-8") != claim.note:
        return None
    if not isinstance(proof, list) or not all(isinstance(text, str) for text in proof):
        return None
    try:
        hashes = [log.decode_base64(text) for text in proof]
    except log.LogError:
        return None
    return hashes if all(len(found) == 32 for found in hashes) else None
