// SPDX-License-Identifier: Apache-2.0

import Crypto
import Testing
import TransparencyLog

@Suite struct KeyTests {
    /// The example of c2sp.org/signed-note.
    static let exampleKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

    @Test func theSpecificationsKeyIsRead() throws {
        let key = try VerifierKey(vkey: Self.exampleKey)
        #expect(key.name == "example.com/foo")
        #expect(key.keyID == 0x530d_903a)
        #expect(key.type == .ed25519)
        #expect(key.vkey == Self.exampleKey)
        #expect(key.description == Self.exampleKey)
        #expect(key.fingerprint == Hash256.sha256(Array(Self.exampleKey.utf8)))
    }

    @Test func everyOtherSpellingOfAKeyIsRefused() throws {
        let line = Array(Self.exampleKey.utf8)
        for position in line.indices {
            for change: UInt8 in [1, 0x20, 0x80] {
                var changed = line
                changed[position] ^= change
                guard let text = String(validating: changed, as: UTF8.self) else { continue }
                #expect(throws: KeyError.self, "\(text)") { try VerifierKey(vkey: text) }
            }
        }
        for start in line.indices {
            for end in start...line.count where start > 0 || end < line.count {
                #expect(throws: KeyError.self) {
                    try VerifierKey(vkey: String(decoding: line[start..<end], as: UTF8.self))
                }
            }
        }
        for suffix in ["\n", " ", "=", "A", "+"] {
            #expect(throws: KeyError.self) { try VerifierKey(vkey: Self.exampleKey + suffix) }
        }
        #expect(throws: KeyError.malformedVerifierKey) {
            try VerifierKey(vkey: Self.exampleKey.replacing("530d903a", with: "530D903A"))
        }
    }

    @Test(arguments: [
        "", "a b", "a+b", "a\u{A0}b", "a\u{2003}b", "a\u{3000}b", "a\u{85}b", "a\tb", "a\nb",
        "a\u{0}b", String(repeating: "n", count: 256),
    ])
    func badNamesAreRefused(name: String) {
        #expect(throws: KeyError.invalidName(name)) { try key(name) }
    }

    @Test func longestAndUnicodeNamesWork() throws {
        for name in [String(repeating: "n", count: 255), "exämple.com/日誌", "oid/1.2.3", "-"] {
            let signer = try key(name)
            let verifier = try VerifierKey(vkey: signer.verifierKey.vkey)
            #expect(verifier == signer.verifierKey)
            #expect(try SigningKey(privateKeyText: signer.privateKeyText).name == name)
        }
    }

    @Test func namesAreComparedAsBytes() throws {
        // The same letter as one and as two code points: equal for String, not for us.
        let composed = try key("caf\u{E9}").verifierKey
        let decomposed = try VerifierKey(name: "cafe\u{301}", publicKey: composed.publicKey)
        #expect(composed.name == decomposed.name)
        #expect(composed != decomposed)
        #expect(composed.keyID != decomposed.keyID)
    }

    @Test func unknownTypesAreRefused() throws {
        // Type 2 with a key ID that belongs to it.
        let raw = [0x02] + [UInt8](repeating: 9, count: 32)
        let id = Hash256.sha256(concatenating: [Array("x\n".utf8), raw]).hex.prefix(8)
        #expect(throws: KeyError.unknownType(2)) {
            try VerifierKey(vkey: "x+\(id)+\(CanonicalBase64.encode(raw))")
        }
        #expect(throws: KeyError.wrongKeyLength(31)) {
            try VerifierKey(name: "x", publicKey: [UInt8](repeating: 9, count: 31))
        }
    }

    @Test(arguments: [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ])
    func keysOfSmallOrderAreRefused(hex: String) throws {
        let publicKey = try #require(Hash256(hex: hex)).bytes
        #expect(throws: KeyError.weakPublicKey) {
            try VerifierKey(name: "x", publicKey: publicKey)
        }
    }

    @Test func theSecretIsStoredAsGoDoes() throws {
        let signer = try key("example.com/log", seed: 0xA5)
        let text = signer.privateKeyText
        let parts = text.split(separator: "+", maxSplits: 4)
        #expect(parts[0] == "PRIVATE" && parts[1] == "KEY" && parts[2] == "example.com/log")
        #expect(
            CanonicalBase64.decode(String(parts[4]))
                == [1] + [UInt8](repeating: 0xA5, count: 32))
        #expect(signer.verifierKey.vkey.hasPrefix("\(parts[2])+\(parts[3])+"))
        for spelling in [text, text + "\n"] {
            let read = try SigningKey(privateKeyText: spelling)
            #expect(read.verifierKey == signer.verifierKey)
            #expect(read.privateKeyText == text)
        }
    }

    @Test func otherPrivateKeyTextsAreRefused() throws {
        let text = try key().privateKeyText
        let bytes = Array(text.utf8)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            #expect(throws: KeyError.self) {
                try SigningKey(privateKeyText: String(decoding: changed, as: UTF8.self))
            }
        }
        for count in 0..<bytes.count {
            #expect(throws: KeyError.self) {
                try SigningKey(privateKeyText: String(decoding: bytes[..<count], as: UTF8.self))
            }
        }
        for other in [text + "\n\n", text + "\r\n", " " + text, try key().verifierKey.vkey] {
            #expect(throws: KeyError.self) { try SigningKey(privateKeyText: other) }
        }
        #expect(throws: KeyError.wrongKeyLength(31)) {
            try SigningKey(name: "x", seed: [UInt8](repeating: 1, count: 31))
        }
    }

    @Test func theSecretIsNeverShown() throws {
        let signer = try key()
        let secret = try #require(signer.privateKeyText.split(separator: "+").last)
        var dumped = ""
        dump(signer, to: &dumped)
        let shown = [
            "\(signer)", String(reflecting: signer), dumped, "\([signer])",
        ]
        for text in shown {
            #expect(!text.contains(secret))
            #expect(text.contains("example.com/log"))
        }
    }
}
