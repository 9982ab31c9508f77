// SPDX-License-Identifier: Apache-2.0

import Crypto
import Testing
import TransparencyLog

@Suite struct CheckpointTests {
    private let example = """
        example.com/behind-the-sofa
        20852163
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

        """

    @Test func theSpecificationsCheckpointIsRead() throws {
        let checkpoint = try Checkpoint(parsing: example)
        #expect(checkpoint.origin == "example.com/behind-the-sofa")
        #expect(checkpoint.size == 20_852_163)
        #expect(checkpoint.root.base64 == "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
        #expect(checkpoint.extensions == [])
        #expect(checkpoint.text == example)
        let extended = try Checkpoint(parsing: example + "one more\nand another\n")
        #expect(extended.extensions == ["one more", "and another"])
        #expect(extended.text == example + "one more\nand another\n")
        #expect(extended != checkpoint)
    }

    @Test func malformedCheckpointsAreRefused() throws {
        let root = MerkleHash.leaf([1]).base64
        let bad: [String] = [
            "", "\n", "\n\n\n", "a\n1\n", "a\n1\n\(root)", "\n1\n\(root)\n", "a\n\n\(root)\n",
            "a\n01\n\(root)\n", "a\n+1\n\(root)\n", "a\n-1\n\(root)\n", "a\n1 \n\(root)\n",
            "a\n 1\n\(root)\n", "a\n1.0\n\(root)\n", "a\n0x1\n\(root)\n", "a\n1e3\n\(root)\n",
            "a\n\u{0661}\n\(root)\n", "a\n9223372036854775808\n\(root)\n",
            "a\n18446744073709551616\n\(root)\n", "a\n1\n\(root.dropLast())\n",
            "a\n1\n\(root)=\n", "a\n1\nAAAA\n", "a\n1\n \(root)\n", "a\n1\n\(root) \n",
            "a\n1\n\(root)\n\n", "a\n1\n\(root)\nx\n\n", "a\n1\n\(root)\n\nx\n",
            "a\r\n1\r\n\(root)\r\n",
            "a\n1\n\(root)\nx\u{7}\n", "a\u{7}\n1\n\(root)\n", "1\na\n\(root)\n",
            "\(String(repeating: "o", count: 256))\n1\n\(root)\n",
            // The empty tree has one root only.
            "a\n0\n\(root)\n",
        ]
        for text in bad {
            #expect(throws: CheckpointError.self, "\(text.debugDescription)") {
                try Checkpoint(parsing: text)
            }
        }
        let empty = try Checkpoint(parsing: "a\n0\n\(MerkleHash.emptyRoot.base64)\n")
        #expect(empty.size == 0)
        let largest = try Checkpoint(parsing: "a\n9223372036854775807\n\(root)\n")
        #expect(largest.size == UInt64(Int64.max))
    }

    @Test func invalidCheckpointsCannotBeMade() throws {
        let root = MerkleHash.leaf([1])
        for origin in ["", "a\nb", "a\u{0}", String(repeating: "é", count: 128)] {
            #expect(throws: CheckpointError.invalidOrigin(origin)) {
                try Checkpoint(origin: origin, size: 1, root: root)
            }
        }
        #expect(throws: CheckpointError.self) { try Checkpoint(origin: "a", size: 0, root: root) }
        #expect(throws: CheckpointError.self) {
            try Checkpoint(origin: "a", size: 1 << 63, root: root)
        }
        for line in ["", "a\nb", "\t"] {
            #expect(throws: CheckpointError.invalidExtension) {
                try Checkpoint(origin: "a", size: 1, root: root, extensions: [line])
            }
        }
    }

    @Test func onlyTheLogsOwnSignatureCounts() throws {
        let log = try key("example.com/log")
        let checkpoint = try Checkpoint(
            origin: "example.com/log", size: 1, root: MerkleHash.leaf([1]))
        let note = checkpoint.signed(by: log)
        #expect(try Checkpoint.verified(note, key: log.verifierKey) == checkpoint)
        // A key of another log must not vouch for this one's origin.
        let other = try key("example.com/other", seed: 9)
        #expect(
            throws: CheckpointError.wrongOrigin(
                found: "example.com/log", expected: "example.com/other")
        ) { try Checkpoint.verified(checkpoint.signed(by: other), key: other.verifierKey) }
        #expect(throws: NoteError.noKnownSignature) {
            try Checkpoint.verified(note, key: other.verifierKey)
        }
        // A signed text that is not a checkpoint.
        #expect(throws: CheckpointError.malformed) {
            try Checkpoint.verified(log.sign(noteText: "hello\n"), key: log.verifierKey)
        }
        let rotated = try checkpoint.signed(by: [log, key("example.com/log", seed: 3)])
        #expect(try Checkpoint.verified(rotated, key: log.verifierKey) == checkpoint)
        #expect(
            try Checkpoint.verified(
                rotated, key: key("example.com/log", seed: 3).verifierKey) == checkpoint)
        try expectNoChangeVerifies(note) {
            _ = try Checkpoint.verified($0, key: log.verifierKey)
        }
    }

    // MARK: cosignatures

    private struct Witness {
        let secret: Curve25519.Signing.PrivateKey
        let key: VerifierKey

        init() throws {
            secret = try .init(rawRepresentation: [UInt8](repeating: 0x33, count: 32))
            key = try VerifierKey(
                name: "witness.example.com/w1",
                publicKey: Array(secret.publicKey.rawRepresentation), type: .cosignatureV1)
        }

        func cosign(_ text: String, time: UInt64, claimed: UInt64? = nil) throws -> NoteSignature {
            let message = Array("cosignature/v1\ntime \(time)\n\(text)".utf8)
            let stamp = withUnsafeBytes(of: (claimed ?? time).bigEndian) { Array($0) }
            return NoteSignature(
                name: key.name, keyID: key.keyID,
                bytes: stamp + Array(try secret.signature(for: message)))
        }
    }

    @Test func witnessesCosign() throws {
        let witness = try Witness()
        let log = try key("example.com/log")
        let checkpoint = try Checkpoint(
            origin: "example.com/log", size: 1, root: MerkleHash.leaf([1]))
        let signed = try SignedNote(parsing: checkpoint.signed(by: log))
        let cosignature = try witness.cosign(checkpoint.text, time: 1_679_315_147)
        let note = try signed.adding([cosignature])
        #expect(
            try note.verified(by: [witness.key, log.verifierKey])
                == [log.verifierKey, witness.key])
        #expect(
            witness.key.cosignatureTime(
                signature: cosignature.bytes, text: Array(checkpoint.text.utf8))
                == 1_679_315_147)
        #expect(try VerifierKey(vkey: witness.key.vkey) == witness.key)
        // The key ID depends on the type, so the same public key as a log key is another key.
        let asLog = try VerifierKey(name: witness.key.name, publicKey: witness.key.publicKey)
        #expect(asLog.keyID != witness.key.keyID)
        #expect(throws: NoteError.noKnownSignature) { try note.verified(by: [asLog]) }
        #expect(throws: CheckpointError.notALogKey(name: witness.key.name)) {
            try Checkpoint.verified(note, key: witness.key)
        }
    }

    @Test func wrongCosignaturesAreRefused() throws {
        let witness = try Witness()
        let text = try Checkpoint(origin: "a", size: 1, root: MerkleHash.leaf([1])).text
        func isValid(_ signature: NoteSignature, _ text: String) -> Bool {
            witness.key.verify(signature: signature.bytes, text: Array(text.utf8))
        }
        let good = try witness.cosign(text, time: 5)
        #expect(isValid(good, text))
        #expect(!isValid(good, text + "extension\n"))
        #expect(!isValid(try witness.cosign(text, time: 5, claimed: 6), text))
        #expect(!isValid(try witness.cosign(text, time: 1 << 63), text))
        #expect(isValid(try witness.cosign(text, time: UInt64(Int64.max)), text))
        // Only checkpoints can be cosigned, whatever the witness's key has signed.
        #expect(!isValid(try witness.cosign("not a checkpoint\n", time: 5), "not a checkpoint\n"))
        for count in [0, 64, 71, 73] {
            let bytes = Array((good.bytes + [0]).prefix(count))
            #expect(!witness.key.verify(signature: bytes, text: Array(text.utf8)))
        }
        // A plain signature over the checkpoint is not a cosignature.
        let plain = Array(try witness.secret.signature(for: Array(text.utf8)))
        #expect(!witness.key.verify(signature: plain, text: Array(text.utf8)))
    }

    /// A checkpoint signed and cosigned by another implementation (aics-tlog 0.2.1 of PyPI).
    @Test func aForeignCosignatureVerifies() throws {
        let text = """
            example.com/x
            7
            RUNJ5CLwUpcZHq0T4h09tSDlq+9SBV5JZLgvshP1k6E=

            — example.com/x H4XBdhCGbpdv+8sAHkxM24TgYOiuL7T8tlpcFZOoLhlsCzhAfgV9Ff8Sn/UMrrqrF2\
            w8tb2Y/lgrfczxDShS1ISqxgA=
            — wit.example WhX4ngAAAABlU/EAUM3kvvXk1Zj1Tpv0ujg+dF6/pzucveuH31NXMgTG+o3wsIrEJkec\
            X0SEWzlUgz0rU4YKWPc7leb2TSWg8cNbAQ==

            """
        let log = try VerifierKey(
            vkey: "example.com/x+1f85c176+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c")
        let witness = try VerifierKey(
            vkey: "wit.example+5a15f89e+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU")
        let note = try SignedNote(parsing: text)
        #expect(try note.verified(by: [log, witness]) == [log, witness])
        #expect(
            witness.cosignatureTime(
                signature: note.signatures[1].bytes, text: Array(note.text.utf8))
                == 1_700_000_000)
        // Ed25519 is deterministic: the same key and text give the very same line.
        let signer = try key("example.com/x", seed: 1)
        #expect(signer.verifierKey == log)
        #expect(signer.noteSignature(for: note.text) == note.signatures[0])
        try expectNoChangeVerifies(text) {
            guard try SignedNote(parsing: $0).verified(by: [log, witness]).count == 2 else {
                throw NoteError.noKnownSignature
            }
        }
    }
}
