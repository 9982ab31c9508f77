// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@testable import WebAuthn

@Suite("The JSON of answers")
struct FormTests {
    @Test("An assertion is written and read again")
    func roundTrip() throws {
        for handle in [nil, [UInt8](repeating: 3, count: 64)] {
            var soft = SoftAssertion()
            soft.userHandle = handle
            let assertion = try soft.made()
            let text = try assertion.json.canonicalBytes()
            #expect(try PasskeyAssertion(json: JSON(canonical: text)) == assertion)
        }
    }

    @Test("A registration is read")
    func registration() throws {
        let made = SoftRegistration().made
        let json: JSON = [
            "clientDataJSON": .string(Base64URL.encode(made.clientDataJSON)),
            "attestationObject": .string(Base64URL.encode(made.attestationObject)),
        ]
        #expect(try PasskeyRegistration(json: json) == made)
        var more = try #require(json.objectValue)
        more["transports"] = []
        #expect(
            try code { _ = try PasskeyRegistration(json: .object(more)) } == .unknownMember)
        for key in ["clientDataJSON", "attestationObject"] {
            var less = try #require(json.objectValue)
            less[key] = .none
            #expect(
                try code { _ = try PasskeyRegistration(json: .object(less)) } == .malformedJSON)
        }
    }

    static let defects: [(String, JSON?, WebAuthnError.Code)] = [
        ("id", "AA", .unknownMember), ("Signature", "AA", .unknownMember),
        ("signature", Optional.none, .malformedJSON),
        ("credentialId", Optional.none, .malformedJSON),
        ("clientDataJSON", Optional.none, .malformedJSON),
        ("authenticatorData", Optional.none, .malformedJSON),
        ("signature", JSON.null, .malformedJSON), ("signature", 1, .malformedJSON),
        ("userHandle", JSON.null, .malformedJSON), ("signature", "AA==", .malformedJSON),
        ("signature", "AB", .malformedJSON), ("signature", "A", .malformedJSON),
        ("signature", "+A", .malformedJSON), ("signature", "/w", .malformedJSON),
        ("signature", "A A", .malformedJSON), ("signature", "AA\n", .malformedJSON),
        ("signature", .string(String(repeating: "A", count: 684)), .malformedJSON),
        ("userHandle", .string(String(repeating: "A", count: 88)), .malformedJSON),
        ("userHandle", "", .invalidUserHandle), ("credentialId", "AAAA", .invalidCredentialID),
        ("credentialId", .string(String(repeating: "A", count: 1_366)), .malformedJSON),
        ("clientDataJSON", .string(String(repeating: "A", count: 10_926)), .malformedJSON),
        ("authenticatorData", .string(String(repeating: "A", count: 10_926)), .malformedJSON),
    ]

    @Test("Anything else is refused", arguments: defects)
    func refused(_ key: String, _ value: JSON?, _ expected: WebAuthnError.Code) throws {
        var members = try #require(try SoftAssertion().made().json.objectValue)
        members[key] = value
        #expect(try code { _ = try PasskeyAssertion(json: .object(members)) } == expected)
    }

    @Test("What is not an object is refused")
    func kinds() throws {
        for json: JSON in [.null, [], "a", 1, true] {
            #expect(try code { _ = try PasskeyAssertion(json: json) } == .malformedJSON)
            #expect(try code { _ = try PasskeyRegistration(json: json) } == .malformedJSON)
        }
    }

    @Test("Base64url has one spelling")
    func base64() throws {
        var random = SeededRandom.forTest()
        for count in 0..<64 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            let text = Base64URL.encode(bytes)
            #expect(text.utf8.count == Base64URL.length(of: count))
            #expect(Base64URL.decode(text) == bytes)
        }
        // RFC 4648 §10.
        for (text, encoded) in [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64URL.encode(Array(text.utf8)) == encoded)
        }
        for text in ["Zh", "Zm9", "A", "Zg==", "Zm 8", "Zm8\n", "\u{FF21}A"] {
            #expect(Base64URL.decode(text) == nil || text == "Zm9")
        }
        #expect(Base64URL.decode("Zm9") == nil)
    }

    /// The tables of all tests together.
    @Test("Every code is refused by some test")
    func codes() {
        var codes: Set<WebAuthnError.Code> = [.invalidChallenge]
        codes.formUnion(Defect<SoftAssertion>.ofAssertions.map(\.code))
        codes.formUnion(Defect<SoftRegistration>.ofRegistrations.map(\.code))
        codes.formUnion(CBORTests.defects.map(\.1))
        codes.formUnion(PublicKeyTests.defects.map(\.1))
        codes.formUnion(Self.defects.map(\.2))
        #expect(Set(WebAuthnError.Code.allCases).subtracting(codes) == [])
    }

    @Test("Messages are one line, whatever comes from outside")
    func messages() throws {
        var assertion = SoftAssertion()
        assertion.client.origin =
            #"https://a\n`\u202e\ud83d\ude00\#(String(repeating: "a", count: 999))"#
        do {
            _ = try assertion.verify()
            Issue.record("accepted")
        } catch let error as WebAuthnError {
            #expect(error.description.utf8.count < 600)
            #expect(error.description.contains(#"`https://a\x0a\x60\xe2\x80\xae"#))
            #expect(error.description.utf8.allSatisfy { $0 >= 0x20 })
        }
    }
}
