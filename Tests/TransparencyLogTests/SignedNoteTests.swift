// SPDX-License-Identifier: Apache-2.0

import Testing
import TransparencyLog

@Suite struct SignedNoteTests {
    static let exampleNote = """
        This is an example message.

        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mF\
        XmRKuwHjG1Yu72IneyaQM=

        """

    private let text = "a text\n\nwith an empty line\n"

    @Test func theSpecificationsNoteVerifies() throws {
        let key = try VerifierKey(vkey: KeyTests.exampleKey)
        let note = try SignedNote(parsing: Self.exampleNote)
        #expect(note.text == "This is an example message.\n")
        #expect(note.signatures.map(\.name) == ["example.com/foo"])
        #expect(note.signatures.map(\.keyID) == [0x530d_903a])
        #expect(try note.verified(by: [key]) == [key])
        #expect(note.encoded == Self.exampleNote)
        #expect(try SignedNote(parsing: Array(Self.exampleNote.utf8)) == note)
    }

    @Test func everyChangedByteOfTheExampleIsRefused() throws {
        let key = try VerifierKey(vkey: KeyTests.exampleKey)
        try expectNoChangeVerifies(Self.exampleNote) {
            _ = try SignedNote(parsing: $0).verified(by: [key])
        }
    }

    @Test func weSignWhatWeVerify() throws {
        let signer = try key()
        let note = try SignedNote(parsing: signer.sign(noteText: text))
        #expect(note.text == text)
        #expect(try note.verified(by: [signer.verifierKey]) == [signer.verifierKey])
        #expect(throws: NoteError.noKnownSignature) {
            try note.verified(by: [key("example.com/log", seed: 8).verifierKey])
        }
        #expect(throws: NoteError.noKnownSignature) { try note.verified(by: []) }
        // The same key under another name is another key.
        #expect(throws: NoteError.noKnownSignature) {
            try note.verified(by: [key("example.com/other").verifierKey])
        }
    }

    @Test func severalKeysSignARotation() throws {
        let old = try key(seed: 1)
        let new = try key(seed: 2)
        let witness = try key("witness.example", seed: 3)
        let note = try SignedNote(
            text: text, signatures: [old, new, witness].map { $0.noteSignature(for: text) })
        let (first, second) = (old.verifierKey, new.verifierKey)
        #expect(try note.verified(by: [second]) == [second])
        #expect(try note.verified(by: [second, first]) == [first, second])
        #expect(try note.verified(by: [first, first]) == [first])
        let again = try note.adding([old.noteSignature(for: text)])
        #expect(again.signatures.count == 4)
        #expect(try again.verified(by: [first]) == [first])
    }

    @Test func oneWrongSignatureOfAKnownKeySpoilsTheNote() throws {
        let signer = try key()
        let other = try key("other.example", seed: 9)
        let forged = NoteSignature(
            name: signer.name, keyID: signer.verifierKey.keyID,
            bytes: [UInt8](repeating: 3, count: 64))
        let note = try SignedNote(
            text: text, signatures: [signer.noteSignature(for: text), forged])
        let failure = NoteError.invalidSignature(
            name: signer.name, keyID: signer.verifierKey.keyID)
        #expect(throws: failure) { try note.verified(by: [signer.verifierKey]) }
        // Whoever does not know that key ignores both, even beside one it knows.
        let mixed = try note.adding([other.noteSignature(for: text)])
        #expect(try mixed.verified(by: [other.verifierKey]) == [other.verifierKey])
        // Same name or same ID, but not both, is unknown.
        let halves = [
            NoteSignature(name: signer.name, keyID: 1, bytes: [0]),
            NoteSignature(name: "x", keyID: signer.verifierKey.keyID, bytes: [0]),
        ]
        let partly = try SignedNote(
            text: text, signatures: halves + [signer.noteSignature(for: text)])
        #expect(try partly.verified(by: [signer.verifierKey]) == [signer.verifierKey])
        // Truncated and empty signatures of a known key are wrong, not unknown.
        for count in [1, 63, 65] {
            let short = try SignedNote(
                text: text,
                signatures: [
                    NoteSignature(
                        name: signer.name, keyID: signer.verifierKey.keyID,
                        bytes: [UInt8](repeating: 0, count: count))
                ])
            #expect(throws: failure) { try short.verified(by: [signer.verifierKey]) }
        }
    }

    @Test func theLastEmptyLineSeparates() throws {
        let signer = try key()
        for text in [
            "\n", "\n\n", "a\n\n", "\n\na\n", "— example.com/log QUJDREU=\n", "a\n\n\n\nb\n",
        ] {
            let note = try SignedNote(parsing: signer.sign(noteText: text))
            #expect(note.text == text)
            #expect(try note.verified(by: [signer.verifierKey]) == [signer.verifierKey])
        }
    }

    @Test func malformedNotesAreRefused() throws {
        let signer = try key()
        let line = String(signer.sign(noteText: "a\n").dropFirst(3))
        #expect(throws: Never.self) { try SignedNote(parsing: "a\n\n" + line) }
        func edited(_ old: String, _ new: String) -> String { line.replacing(old, with: new) }
        let short = String(line.dropLast())
        let bodies: [String] = [
            "", short, "\(line)\n", "\(line)more\n", "\(line)\n\(short)",
            edited("— ", "—"), edited("—", "-"), edited("example.com", "exam ple"),
            edited("example.com", "exam+ple"), edited("example.com", "exam\u{A0}ple"),
            "—  QUJDREU=\n", "— x \n", "— x\n", "— x QUJDRA==\n", "— x QUJDREU\n",
            "— x QUJDREV=\n", "— x QUJDREU= \n", "— x  QUJDREU=\n", "— x QUJD REU=\n",
            " x QUJDREU=\n",
        ]
        let others: [String] = [
            "", "\n", "\n\n", "a\n", "a\n\(line)", line, "\n\(line)", "a\r\n\r\n\(line)",
            "a\u{1}\n\n\(line)", "a\tb\n\n\(line)", "a\u{0}\n\n\(line)",
        ]
        let bad: [String] = others + bodies.map { "a\n\n\($0)" }
        for note in bad {
            #expect(throws: NoteError.self, "\(note.debugDescription)") {
                try SignedNote(parsing: note)
            }
        }
        #expect(throws: NoteError.invalidText) {
            try SignedNote(parsing: [0xFF] as [UInt8] + Array("a\n\n\(line)".utf8))
        }
        for text in ["", "a", "a\r\n", "a\u{7}\n"] {
            #expect(throws: NoteError.invalidText) {
                try SignedNote(text: text, signatures: [signer.noteSignature(for: text)])
            }
        }
        #expect(throws: NoteError.noSignatures) { try SignedNote(text: "a\n", signatures: []) }
    }

    @Test func everythingHasALimit() throws {
        let unknown = NoteSignature(name: "w", keyID: 1, bytes: [1])
        let signer = try key()
        let known = signer.noteSignature(for: text)
        let most = [NoteSignature](repeating: unknown, count: 63) + [known]
        let note = try SignedNote(text: text, signatures: most)
        #expect(try SignedNote(parsing: note.encoded).verified(by: [signer.verifierKey]).count == 1)
        #expect(throws: NoteError.tooManySignatures) { try note.adding([unknown]) }
        #expect(throws: NoteError.tooManySignatures) {
            try SignedNote(parsing: note.encoded + "— w AAAAAQE=\n")
        }
        let long = String(repeating: "x", count: SignedNote.maximumBytes) + "\n"
        #expect(throws: NoteError.self) { try SignedNote(text: long, signatures: [unknown]) }
        #expect(throws: NoteError.self) { try SignedNote(parsing: long + "\n— w AAAAAQE=\n") }
        // Sixteen signatures of the largest post-quantum scheme in use must fit.
        let large = NoteSignature(name: "w", keyID: 1, bytes: [UInt8](repeating: 1, count: 4_900))
        let sixteen = [NoteSignature](repeating: large, count: 16)
        let heavy = try SignedNote(text: text, signatures: sixteen + [known])
        #expect(try SignedNote(parsing: heavy.encoded) == heavy)
    }
}

/// Replaces each byte of a text by several others and expects that none of the results passes.
func expectNoChangeVerifies(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ verify: (String) throws -> Void
) throws {
    let bytes = Array(text.utf8)
    #expect(throws: Never.self, sourceLocation: sourceLocation) { try verify(text) }
    for position in bytes.indices {
        for change: UInt8 in [0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80, 0x2A] {
            var changed = bytes
            changed[position] ^= change
            guard let other = String(validating: changed, as: UTF8.self) else { continue }
            #expect(
                throws: (any Error).self, "byte \(position) ^ \(change)",
                sourceLocation: sourceLocation
            ) { try verify(other) }
        }
        for (what, other) in [
            ("removed", bytes[..<position] + bytes[(position + 1)...]),
            ("doubled", bytes[...position] + bytes[position...]),
            ("cut", bytes[..<position]),
        ] {
            guard let other = String(validating: other, as: UTF8.self) else { continue }
            #expect(
                throws: (any Error).self, "byte \(position) \(what)",
                sourceLocation: sourceLocation
            ) { try verify(other) }
        }
    }
}
