// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ExequaturClient
import TransparencyLog

/// Measures what a gate checks before it executes, on one thread.
func benchClaims() {
    do {
        try ClaimBench().run()
    } catch {
        print("claim: failed: \(error)")
    }
}

/// A claim in a log of some hundred thousand entries, as the service answers it.
private struct ClaimBench {
    private let claim: JSON
    private let expectation: ClaimExpectation
    private let checkpoint: Checkpoint
    private let note: String

    init() throws {
        let key = try SigningKey(
            name: "bench.example/log", seed: [UInt8](repeating: 42, count: 32))
        let digest = Hash256.sha256([1])
        let operation = Hash256.sha256([2])
        let nonce = String(repeating: "ab", count: 32)
        let core: JSON = [
            "action": "act_01jd8k3v9q2m", "digest": .string(digest.hex), "gate": "github",
            "kind": "action.claimed", "nonce": .string(nonce),
            "operation": .string(operation.hex), "startBy": "2026-11-21T09:00:30.000Z", "v": 1,
        ]
        let coreBytes = try core.canonicalBytes()
        let salt = Hash256.sha256([3])
        let commitment = Hash256.sha256(
            Array("exequatur/v1/core\n".utf8) + salt.bytes + coreBytes)
        let leaf: JSON = [
            "at": "2026-11-21T09:00:00.000Z", "body": .string("sha256:" + salt.hex),
            "core": .string("sha256:" + commitment.hex), "kind": "action.claimed",
            "prev": .string("sha256:" + digest.hex), "ref": "act_01jd8k3v9q2m", "seq": 3, "v": 1,
        ]
        let leafBytes = try leaf.canonicalBytes()
        let (index, size) = (UInt64(262_000), 262_143)
        var frontier = MerkleFrontier()
        var tiles = TileDictionary()
        for number in 0..<size {
            frontier.append(
                number == Int(index) ? MerkleHash.leaf(leafBytes) : MerkleHash.leaf([7]))
            for tile in frontier.takeCompletedTiles() {
                tiles.insert(level: tile.level, index: tile.index, hashes: tile.hashes)
            }
        }
        checkpoint = try Checkpoint(
            origin: key.name, size: frontier.size, root: frontier.root())
        note = checkpoint.signed(by: key)
        let proof = try TLogProof(
            index: index, hashes: frontier.inclusionProof(index: index, tiles: tiles),
            checkpoint: note)
        claim = [
            "entry": [
                "core": .string(String(decoding: coreBytes, as: UTF8.self)),
                "coreSalt": .string(salt.hex), "index": .int(Int64(index)),
                "leaf": .string(String(decoding: leafBytes, as: UTF8.self)),
                "proof": .string(proof.text),
            ]
        ]
        expectation = ClaimExpectation(
            nonce: nonce, gate: "github", action: "act_01jd8k3v9q2m", actionDigest: digest,
            operationDigest: operation, logKey: key.verifierKey)
    }

    func run() throws {
        try measure("claim: verified, checkpoint not seen before") {
            _ = try ClaimVerifier.verify(claim: claim, expectation: expectation)
        }
        try measure("claim: verified, checkpoint seen before") {
            _ = try ClaimVerifier.verify(
                claim: claim, expectation: expectation, seen: (note, checkpoint))
        }
    }

    private func measure(_ name: String, _ body: () throws -> Void) rethrows {
        let clock = ContinuousClock()
        for _ in 0..<500 { try body() }
        let count = 20_000
        var times: [Duration] = []
        times.reserveCapacity(count)
        for _ in 0..<count { times.append(try clock.measure { try body() }) }
        times.sort()
        let (middle, late) = (times[count / 2] / .microseconds(1), times[count * 99 / 100])
        let text = [middle, late / .microseconds(1)].map { "\(($0 * 10).rounded() / 10)" }
        print("\(name): p50 \(text[0]) µs, p99 \(text[1]) µs")
    }
}
