// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import WebAuthn

/// Whatever is changed in an assertion after it was signed, it is refused.
@Suite("Changed assertions")
struct MutationTests {
    @Test("Any byte of the client data", arguments: SoftKey.all)
    func clientData(_ key: SoftKey) throws {
        let soft = SoftAssertion(key)
        let whole = try soft.made()
        try eachChange(of: whole.clientDataJSON, "clientData") { changed in
            #expect(throws: WebAuthnError.self) { try soft.verify(whole.with(client: changed)) }
        }
    }

    @Test("Any byte of the authenticator data", arguments: SoftKey.all)
    func authenticatorData(_ key: SoftKey) throws {
        var soft = SoftAssertion(key)
        soft.data.flags |= SoftData.ed
        soft.data.rest = Encoded.map([(Encoded.text("a"), [0xF5])])
        let whole = try soft.made()
        try eachChange(of: whole.authenticatorData, "authenticatorData") { changed in
            #expect(throws: WebAuthnError.self) { try soft.verify(whole.with(data: changed)) }
        }
    }

    /// Calls a closure with the bytes after each of: another byte at each place, each length that
    /// is shorter, one byte more at each place.
    private func eachChange(
        of whole: [UInt8], _ label: String, _ body: ([UInt8]) throws -> Void
    ) throws {
        var random = SeededRandom.forTest(label)
        for place in whole.indices {
            var changed = whole
            changed[place] ^= UInt8.random(in: 1...255, using: &random)
            try body(changed)
            try body(Array(whole[..<place]))
            var longer = whole
            longer.insert(UInt8.random(in: 0...255, using: &random), at: place)
            if longer != whole { try body(longer) }
        }
        try body(whole + [0x20])
    }

    /// The readers see bytes that nobody has signed: they must end, and with an error of theirs.
    @Test("Registrations with any bytes changed end without a crash")
    func registrations() throws {
        var random = SeededRandom.forTest()
        var soft = SoftRegistration(.ed25519)
        soft.data.flags |= SoftData.ed
        soft.extensions = Encoded.map([(Encoded.text("credProtect"), [2])])
        let whole = soft.made
        var accepted = 0
        for _ in 0..<20_000 {
            var object = whole.attestationObject
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: object.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: object[place] = UInt8.random(in: 0...255, using: &random)
                case 1: object.remove(at: place)
                default: object.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            let changed = PasskeyRegistration(
                clientDataJSON: whole.clientDataJSON, attestationObject: object)
            let found = try code {
                _ = try changed.verify(challenge: Soft.challenge, relyingParty: Soft.party)
            }
            if found == nil { accepted += 1 }
        }
        // Nothing signs them, so that some changes make another right registration.
        #expect(accepted > 0)
        #expect(accepted < 15_000)
    }
}
