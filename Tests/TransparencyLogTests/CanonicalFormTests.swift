// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TransparencyLog

/// Whatever is read is written back byte for byte: no text has a second spelling.
@Suite struct CanonicalFormTests {
    /// Splices, deletes, doubles and replaces pieces of valid texts, with a bias to the characters
    /// that the formats are made of.
    private func mutated(_ texts: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
        func pick(_ count: Int) -> Int { Int(random.next() % UInt64(max(1, count))) }
        let alphabet = Array("\n\n\n  +=/—x0129aAf.p\r\t-".utf8)
        var bytes = texts[pick(texts.count)]
        for _ in 0..<1 + pick(4) {
            let start = pick(bytes.count)
            let end = min(bytes.count, start + pick(6))
            switch pick(4) {
            case 0: bytes.removeSubrange(start..<end)
            case 1: bytes.insert(alphabet[pick(alphabet.count)], at: start)
            case 2: bytes.insert(contentsOf: bytes[start..<end], at: start)
            default:
                let other = texts[pick(texts.count)]
                let from = pick(other.count)
                bytes.replaceSubrange(
                    start..<end, with: other[from..<min(other.count, from + pick(20))])
            }
        }
        return bytes
    }

    private func run(
        _ texts: [String], _ label: String, rewrite: (String) throws -> String
    ) throws {
        var random = SeededRandom.forTest(label)
        var accepted = 0
        let sources = texts.map { Array($0.utf8) }
        for text in texts { #expect(try rewrite(text) == text) }
        for _ in 0..<6_000 {
            let bytes = mutated(sources, &random)
            guard let text = String(validating: bytes, as: UTF8.self),
                let written = try? rewrite(text)
            else { continue }
            accepted += 1
            #expect(Array(written.utf8) == bytes, "\(text.debugDescription)")
        }
        // Otherwise the mutations are too wild to say anything.
        #expect(accepted > 20, "\(label): \(accepted) accepted")
    }

    @Test func signedNotes() throws {
        let note = try key().sign(noteText: "text\n\nmore\n")
        let two = try SignedNote(parsing: note).adding([
            NoteSignature(name: "w", keyID: 7, bytes: [1, 2])
        ])
        try run([note, two.encoded], "notes") { try SignedNote(parsing: $0).encoded }
    }

    @Test func checkpoints() throws {
        let root = MerkleHash.leaf([1])
        try run(
            [
                try Checkpoint(origin: "example.com/log", size: 1_234, root: root).text,
                try Checkpoint(origin: "x", size: 1, root: root, extensions: ["a", "b c"]).text,
            ], "checkpoints"
        ) { try Checkpoint(parsing: $0).text }
    }

    @Test func logProofs() throws {
        var log = SampleLog()
        log.append(sampleEntries(11))
        let proof = try log.proof(4, key: key())
        let extra = try TLogProof(
            index: 10, hashes: proof.hashes, checkpoint: proof.checkpoint, extra: [1, 2, 3, 4])
        try run([proof.text, extra.text], "proofs") { try TLogProof(parsing: $0).text }
    }

    @Test func tilePaths() throws {
        struct NoSuchPath: Error {}
        try run(
            [
                "checkpoint", "tile/0/000", "tile/1/x001/x234/067.p/112", "tile/entries/007.p/9",
                "tile/63/x010/000",
            ], "paths"
        ) {
            guard let path = TilePath.parse($0) else { throw NoSuchPath() }
            return path.path
        }
    }

    @Test func bundles() throws {
        var random = SeededRandom.forTest()
        let bundle = try EntryBundle.encode([
            [], [0], [1, 2, 3], [UInt8](repeating: 0, count: 300),
        ])
        for _ in 0..<6_000 {
            let bytes = mutated([bundle, [0, 0, 0, 1, 9]], &random)
            guard let entries = try? EntryBundle.decode(bytes) else { continue }
            #expect(try EntryBundle.encode(entries) == bytes)
        }
    }
}
