// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import TransparencyLog

@Suite struct TLogProofTests {
    private func log(_ size: Int) -> SampleLog {
        var log = SampleLog()
        log.append(sampleEntries(size))
        return log
    }

    @Test(arguments: [1, 2, 3, 7, 8, 300, 1_000])
    func proofsVerify(size: Int) throws {
        let log = log(size)
        let signer = try key()
        for index in [0, size / 3, size - 1] {
            let proof = try log.proof(UInt64(index), key: signer)
            let read = try TLogProof(parsing: proof.text)
            #expect(read == proof)
            #expect(read.text == proof.text)
            #expect(read.extra == nil)
            let checkpoint = try read.verify(
                leaf: log.leafHashes[index], key: signer.verifierKey)
            #expect(checkpoint.size == UInt64(size))
            #expect(checkpoint.root == log.frontier.root())
            #expect(throws: ProofError.self) {
                try read.verify(leaf: MerkleHash.leaf([9]), key: signer.verifierKey)
            }
            #expect(throws: NoteError.self) {
                try read.verify(
                    leaf: log.leafHashes[index], key: key(seed: 200).verifierKey)
            }
        }
    }

    @Test func theTextIsTheSpecifications() throws {
        let log = log(3)
        let signer = try key()
        let proof = try log.proof(2, key: signer)
        let lines = proof.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "c2sp.org/tlog-proof@v1")
        #expect(lines[1] == "index 2")
        #expect(String(lines[2]) == (try log.frontier.inclusionProof(index: 2)[0].base64))
        #expect(lines[3] == "")
        #expect(lines[4] == "example.com/log")
        #expect(lines[5] == "3")
        let extra = try TLogProof(
            index: 2, hashes: proof.hashes, checkpoint: proof.checkpoint, extra: [1, 2, 3])
        #expect(extra.text.hasPrefix("c2sp.org/tlog-proof@v1\nextra AQID\nindex 2\n"))
        #expect(try TLogProof(parsing: extra.text).extra == [1, 2, 3])
        _ = try extra.verify(leaf: log.leafHashes[2], key: signer.verifierKey)
    }

    @Test(arguments: [(1, 0), (2, 1), (13, 6), (300, 256)])
    func everyChangedByteIsRefused(size: Int, index: Int) throws {
        let log = log(size)
        let signer = try key()
        try expectNoChangeVerifies(try log.proof(UInt64(index), key: signer).text) {
            _ = try TLogProof(parsing: $0).verify(
                leaf: log.leafHashes[index], key: signer.verifierKey)
        }
    }

    /// The net above flips chosen bits; this one draws values, other ones with another SEED.
    @Test func randomlyChangedBytesAreRefused() throws {
        let log = log(5)
        let signer = try key()
        let text = Array(try log.proof(3, key: signer).text.utf8)
        var random = SeededRandom.forTest()
        for position in text.indices {
            for _ in 0..<8 {
                var changed = text
                // Bytes above 0x7F would not be UTF-8 and fail for that reason only.
                changed[position] = UInt8(random.next() % 128)
                guard changed != text, let other = String(validating: changed, as: UTF8.self)
                else { continue }
                #expect(throws: (any Error).self, "byte \(position) = \(changed[position])") {
                    _ = try TLogProof(parsing: other).verify(
                        leaf: log.leafHashes[3], key: signer.verifierKey)
                }
            }
        }
    }

    @Test func otherTextsAreRefused() throws {
        let proof = try log(5).proof(3, key: key())
        let text = proof.text
        let hash = proof.hashes[0].base64
        let note = proof.checkpoint
        let head = "c2sp.org/tlog-proof@v1\n"
        let indexes: [String] = [
            "index 03", "index +3", "index  3", "index 3 ", "Index 3", "index -1", "index ",
            "index 9223372036854775808", "index 3\nextra AQID", "index 3\nindex 3",
            "extra\nindex 3", "extra \nindex 3", "extra AQI\nindex 3", "extra AQJ=\nindex 3",
            "extra AQID\nextra AQID\nindex 3",
        ]
        let hashes: [String] = ["\(hash)=", "AAAA", " \(hash)", "\(hash) "]
        let tooMany = String(repeating: "\(hash)\n", count: 64)
        let others: [String] = [
            "", "\n", head, "\(head)\n\(note)", "\n\(text)", " \(text)", "\(text)\n", "\(text) ",
            "\u{FEFF}\(text)", text.replacing("\n", with: "\r\n"),
            text.replacing("@v1", with: "@v2"), "\(head)index 3\n\(hash)\n\n",
            "\(head)index 3\n\(hash)\n", "\(head)index 3\n\(hash)\n\nnot a note\n",
            "\(head)index 3\n\(tooMany)\n\(note)",
        ]
        let bad: [String] =
            others + indexes.map { text.replacing("index 3", with: $0) }
            + hashes.map { text.replacing(hash, with: $0) }
        for other in bad {
            #expect(throws: TLogProofError.self, "\(other.debugDescription)") {
                try TLogProof(parsing: other)
            }
        }
        let most = head + "index 3\n" + String(repeating: hash + "\n", count: 63) + "\n" + note
        #expect(try TLogProof(parsing: most).hashes.count == 63)
        #expect(throws: TLogProofError.invalidExtra) {
            try TLogProof(index: 3, hashes: [], checkpoint: note, extra: [])
        }
        let long = [UInt8](repeating: 0, count: TLogProof.maximumBytes)
        #expect(throws: TLogProofError.self) {
            try TLogProof(index: 3, hashes: [], checkpoint: note, extra: long)
        }
        #expect(throws: TLogProofError.self) {
            try TLogProof(parsing: text + String(repeating: "x", count: 1_100_000))
        }
    }
}
