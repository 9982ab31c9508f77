// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

extension GateClient {
    /// The log key, which anybody may send, checked against the fingerprint in the token.
    func logKey() async throws(GateFailure) -> VerifierKey {
        if let known = try state.logKey(fingerprint: fingerprint) { return known }
        let giveUp = effects.now() + .seconds(5)
        var backoff = Backoff()
        while true {
            switch await exchange(GateRequest(.get, "/log/vkey", isAuthenticated: false)) {
            case .answer(let answer) where answer.status == 200:
                guard let text = String(validating: answer.body, as: UTF8.self),
                    let key = LogTrust.key(text, fingerprint: fingerprint)
                else {
                    throw .alarm(
                        "the log's key is not the one the token names: wrong server or token")
                }
                try state.keep(key, fingerprint: fingerprint)
                return key
            case .answer(let answer): throw .unavailable(Self.problem(answer))
            case .notNow(let why, let asked):
                let pause = asked ?? backoff.next(effects.entropy(1))
                guard effects.now() + pause < giveUp else { throw .unavailable(why) }
                try await rest(pause)
            }
        }
    }

    /// Verifies a claim, finds the log consistent with what was seen, and uses up the nonce.
    ///
    /// The nonce comes last: only what could be executed on uses it up.
    func verify(
        _ attempt: Attempt, nonce: String, operation: FrozenOperation, key: VerifierKey
    ) async throws(GateFailure) -> Grant {
        let action = attempt.action
        let pin = try state.pin(of: key, fingerprint: fingerprint)
        let verified: VerifiedClaim
        do throws(ClaimRefusal) {
            verified = try ClaimVerifier.verify(
                claim: action.claim ?? .null,
                expectation: ClaimExpectation(
                    nonce: nonce, gate: action.gate, action: action.id,
                    actionDigest: action.digest, operationDigest: operation.digest,
                    logKey: key), seen: pin)
        } catch {
            throw .alarm("the claim of \(action.id) does not verify: \(error)")
        }
        try await checkConsistency(verified, with: pin?.checkpoint, attempt.consistency)
        try state.pin(
            verified.note, verified.checkpoint, of: key, fingerprint: fingerprint)
        let grant = Grant(action: action, nonce: nonce, claim: verified, sent: attempt.sent)
        guard grant.mayStart(now: effects.now()) else {
            throw .refused("the claim of \(action.id) came too late to start: run it again")
        }
        if floor != nil { try state.useOnce(action.digest, action: action.id) }
        try await state.use(nonce: nonce, action: action.id)
        return grant
    }

    /// Demands that the tree continues the one that was seen last, or is an earlier part of it.
    private func checkConsistency(
        _ claim: VerifiedClaim, with pin: Checkpoint?, _ offered: JSON?
    ) async throws(GateFailure) {
        guard let pin else { return }
        let now = claim.checkpoint
        // Proofs between equal sizes are empty: the roots must be the same.
        if pin.size == now.size || pin.size == 0 || now.size == 0 {
            return try settle(pin, now, proof: [])
        }
        if let proof = Self.proof(offered, from: pin, to: claim) {
            return try settle(pin, now, proof: proof)
        }
        let proof = try await proofFromTiles(
            from: min(pin.size, now.size), to: max(pin.size, now.size))
        try settle(pin, now, proof: proof)
    }

    private func settle(
        _ pin: Checkpoint, _ now: Checkpoint, proof: [Hash256]
    ) throws(GateFailure) {
        do {
            try TreeConsistency.verify(pin, now, proof: proof)
        } catch {
            throw .alarm(
                "the log contradicts the one seen before (sizes \(pin.size) and \(now.size)):"
                    + " its past was changed: \(error)")
        }
    }

    /// The proof that came with the claim, where it is about these very two trees.
    private static func proof(
        _ offered: JSON?, from pin: Checkpoint, to claim: VerifiedClaim
    ) -> [Hash256]? {
        guard pin.size < claim.checkpoint.size,
            offered?["from"]?.intValue.flatMap({ UInt64(exactly: $0) }) == pin.size,
            let note = offered?["checkpoint"]?.stringValue,
            note.utf8.elementsEqual(claim.note.utf8), let list = offered?["proof"]?.arrayValue
        else { return nil }
        let hashes = list.compactMap { $0.stringValue.flatMap(Hash256.init(base64:)) }
        return hashes.count == list.count ? hashes : nil
    }

    /// Builds the proof from the log's tiles; no more of them than two trees' edges can have.
    private func proofFromTiles(
        from old: UInt64, to new: UInt64
    ) async throws(GateFailure)
        -> [Hash256]
    {
        var tiles = FetchedTiles()
        for _ in 0..<64 {
            let step: TreeConsistency.Step
            do {
                step = try TreeConsistency.step(from: old, to: new, tiles: tiles)
            } catch {
                throw .alarm("the log's tiles do not fit together: \(error)")
            }
            switch step {
            case .proof(let proof): return proof
            case .needs(let level, let index, let width):
                let path = TilePath.tile(level: level, index: index, width: width).path
                tiles.insert(level: level, index: index, hashes: try await tile(path))
            }
        }
        throw .unavailable("the log needs more tiles for a proof than it should")
    }

    private func tile(_ path: String) async throws(GateFailure) -> [Hash256] {
        switch await exchange(GateRequest(.get, "/log/" + path, isAuthenticated: false)) {
        case .notNow(let why, _): throw .unavailable(why)
        case .answer(let answer):
            guard answer.status == 200, let hashes = try? Tile.decode(answer.body) else {
                throw .alarm("the log does not have the tile `\(path)` of a tree that it signed")
            }
            return hashes
        }
    }
}
