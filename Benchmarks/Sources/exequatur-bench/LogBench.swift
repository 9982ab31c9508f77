// SPDX-License-Identifier: Apache-2.0

import TransparencyLog

/// Measures the transparency log and prints operations per second, on one thread.
func benchLog() {
    do {
        try LogBench().run()
    } catch {
        print("log: failed: \(error)")
    }
}

/// A log of some hundred thousand entries in memory, grown in batches as the server grows it.
private struct LogBench {
    private let batch = 64
    private let total = 262_144
    private let entry = [UInt8](repeating: 0x61, count: 400)
    private let key: SigningKey

    init() throws {
        key = try SigningKey(
            name: "bench.example/log", seed: [UInt8](repeating: 42, count: 32))
    }

    func run() throws {
        let node = MerkleHash.leaf([1])
        measure("log: node hashes", count: 500_000) { _ in _ = MerkleHash.node(node, node) }
        measure("log: leaf hashes of \(entry.count) bytes", count: 200_000) { _ in
            _ = MerkleHash.leaf(entry)
        }
        let (frontier, tiles) = try grow()
        try proofs(frontier, tiles)
        try checkpoints(frontier, tiles)
    }

    /// Appends as a writer does: a snapshot per batch, tiles taken, root computed.
    private func grow() throws -> (MerkleFrontier, TileDictionary) {
        var plain = MerkleFrontier()
        let leaf = MerkleHash.leaf(entry)
        measure("log: appends", count: total) { _ in plain.append(leaf) }

        var frontier = MerkleFrontier()
        var tiles = TileDictionary()
        measure("log: appends in batches of \(batch) with leaf hash, tiles, root", count: total) {
            guard $0 % batch == 0 else { return }
            var next = frontier
            for _ in 0..<batch { next.append(MerkleHash.leaf(entry)) }
            for tile in next.takeCompletedTiles() {
                tiles.insert(level: tile.level, index: tile.index, hashes: tile.hashes)
            }
            _ = next.root()
            frontier = next
        }
        let size = frontier.size
        let stored = tiles
        try measure("log: rebuilds from tiles at size \(size - 1)", count: 20) { _ in
            _ = try MerkleFrontier(size: size - 1, fullTiles: stored) { _ in leaf }
        }
        return (frontier, tiles)
    }

    private func proofs(_ frontier: MerkleFrontier, _ tiles: TileDictionary) throws {
        let size = frontier.size
        let root = frontier.root()
        let leaf = MerkleHash.leaf(entry)
        try measure("log: inclusion proofs of recent entries", count: 100_000) {
            _ = try frontier.inclusionProof(index: size - 1 - UInt64($0 % batch), tiles: tiles)
        }
        try measure("log: inclusion proofs of old entries", count: 4_000) {
            _ = try frontier.inclusionProof(index: UInt64($0) * 7_919 % size, tiles: tiles)
        }
        try measure("log: consistency proofs from old sizes", count: 4_000) {
            _ = try frontier.consistencyProof(from: 1 + UInt64($0) * 7_919 % size, tiles: tiles)
        }
        let proof = try frontier.inclusionProof(index: 1_234, tiles: tiles)
        try measure("log: inclusion verifications", count: 50_000) { _ in
            try MerkleProof.verifyInclusion(
                leaf: leaf, index: 1_234, size: size, proof: proof, root: root)
        }
        let old: UInt64 = 100_001
        let consistency = try frontier.consistencyProof(from: old, tiles: tiles)
        let shorter = try MerkleFrontier(size: old, fullTiles: tiles) { _ in leaf }
        let oldRoot = shorter.root()
        try measure("log: consistency verifications", count: 20_000) { _ in
            try MerkleProof.verifyConsistency(
                oldSize: old, oldRoot: oldRoot, newSize: size, newRoot: root, proof: consistency)
        }
    }

    private func checkpoints(_ frontier: MerkleFrontier, _ tiles: TileDictionary) throws {
        let checkpoint = try Checkpoint(
            origin: key.name, size: frontier.size, root: frontier.root())
        measure("log: checkpoint signatures", count: 10_000) { _ in _ = checkpoint.signed(by: key) }
        let note = checkpoint.signed(by: key)
        let verifier = key.verifierKey
        try measure("log: checkpoint verifications", count: 10_000) { _ in
            _ = try Checkpoint.verified(note, key: verifier)
        }
        let proof = try TLogProof(
            index: 1_234, hashes: frontier.inclusionProof(index: 1_234, tiles: tiles),
            checkpoint: note)
        let text = proof.text
        try measure("log: offline evidence checks (parse, signature, inclusion)", count: 10_000) {
            _ in
            _ = try TLogProof(parsing: text)
                .verify(leaf: MerkleHash.leaf(entry), key: verifier)
        }
    }

    private func measure<Failure: Error>(
        _ name: String, count: Int, _ body: (Int) throws(Failure) -> Void
    ) throws(Failure) {
        let clock = ContinuousClock()
        let start = clock.now
        for number in 0..<count { try body(number) }
        let elapsed = start.duration(to: clock.now)
        let seconds =
            Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        print("\(name): \(Int(Double(count) / seconds))/s")
    }
}
