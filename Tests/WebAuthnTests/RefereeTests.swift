// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Crypto
import TestSupport
import Testing

@testable import WebAuthn

/// Another implementation of §7.1 and §7.2: py_webauthn, which shares no code with ours.
let referee = PythonReferee(
    name: "webauthn referee", script: "Tests/Referees/webauthn/referee.py", modules: ["webauthn"],
    batch: 250)

/// Answers of our software authenticator, right and wrong, judged by us and by the referee.
///
/// It applies fewer rules. Each defect says whether the referee has the rule it breaks
/// (`Elsewhere`): it ignores frames, eligibility for backup and data of a registration in an
/// assertion, reads JSON, base64url and CBOR leniently, has no limits, and looks at keys only when
/// they are used. It also verifies attestation, which we do not; so all here have none.
@Suite(
    .serialized,
    .enabled(if: referee.isHere, "no reference for Python: pip install webauthn==3.0.1"))
struct RefereeTests {
    @Test("Each defect of an assertion is refused there too, or known not to be")
    func assertionDefects() throws {
        try judge(Defect<SoftAssertion>.ofAssertions, "assertions") { defect in
            var soft = SoftAssertion()
            defect.change(&soft)
            return Self.question(soft, try soft.made())
        }
    }

    @Test("Each defect of a registration is refused there too, or known not to be")
    func registrationDefects() throws {
        try judge(Defect<SoftRegistration>.ofRegistrations, "registrations") { defect in
            var soft = SoftRegistration()
            defect.change(&soft)
            return Self.question(soft.made, soft.credentialID)
        }
    }

    private func judge<Answer>(
        _ defects: [Defect<Answer>], _ kind: String,
        _ make: (Defect<Answer>) throws -> JSON
    ) throws {
        let asked = defects.filter {
            if case .notAsked = $0.elsewhere { false } else { true }
        }
        let answers = try referee.ask([kind: .array(asked.map { try make($0) })])
        let list = try #require(answers[kind]?.arrayValue)
        #expect(list.count == asked.count)
        for (defect, answer) in zip(asked, list) {
            let isAccepted = defect.elsewhere != .refused
            #expect(answer.isNull == isAccepted, "\(kind), \(defect.name): \(answer)")
        }
        referee.report("\(kind): \(asked.count) defects")
    }

    /// Whatever was changed in them, or nothing: the verdict is the same.
    @Test("Random assertions are judged alike")
    func assertions() throws {
        var random = SeededRandom.forTest()
        var tally = [0, 0]
        try referee.compare("assertions", count: PythonReferee.cases) {
            var soft = SoftAssertion(SoftKey.all[Self.pick(&random)])
            Self.vary(&soft.data, &random)
            soft.isBackupEligible = soft.data.flags & SoftData.be != 0
            soft.credentialID = Self.bytes(16...64, &random)
            var made = try soft.made()
            if Int.random(in: 0..<2, using: &random) == 0 {
                switch Int.random(in: 0..<3, using: &random) {
                case 0: made = made.with(data: Self.changed(made.authenticatorData, &random))
                case 1: made = made.with(client: Self.changed(made.clientDataJSON, &random))
                default: made = made.with(signature: Self.changed(made.signature, &random))
                }
            }
            return Self.question(soft, made)
        } answer: { question, answer in
            let ours = try Self.verdict(assertion: question)
            tally[ours == nil ? 0 : 1] += 1
            if (ours == nil) == answer.isNull { return [] }
            return ["\(question): we say \(ours?.description ?? "yes"), the referee \(answer)"]
        }
        referee.report("random assertions: \(tally[0]) accepted, \(tally[1]) refused")
        #expect(tally[0] > 0 && tally[1] > 0)
    }

    /// An authenticator or a browser may be faulty and sign what it sends: that may break a rule
    /// that only we have, but what we accept, the referee does too.
    @Test("Random assertions that are signed as they are and that we accept are accepted")
    func faulty() throws {
        var random = SeededRandom.forTest()
        var tally = [0, 0]
        try referee.compare("assertions", count: PythonReferee.cases) {
            var soft = SoftAssertion(SoftKey.all[Int.random(in: 0..<2, using: &random)])
            Self.vary(&soft.data, &random)
            soft.isBackupEligible = soft.data.flags & SoftData.be != 0
            var (data, client) = (soft.data.bytes, soft.client.bytes)
            // What is changed in the hash or the challenge is always refused.
            if Bool.random(using: &random) {
                data = data[..<32] + Self.changed(Array(data[32...]), &random)
            } else {
                let end = soft.client.rest.utf8.count + 32
                client = client.dropLast(end) + Self.changed(client.suffix(end), &random)
            }
            let signature = try soft.key.sign(data + SHA256.hash(data: client))
            return Self.question(
                soft, try soft.made().with(data: data, client: client, signature: signature))
        } answer: { question, answer in
            let ours = try Self.verdict(assertion: question)
            tally[ours == nil ? 0 : 1] += 1
            if ours != nil || answer.isNull { return [] }
            return ["only we accept \(question): \(answer)"]
        }
        referee.report("faulty assertions: \(tally[0]) accepted, \(tally[1]) refused")
        #expect(tally[0] > 0 && tally[1] > 0)
    }

    /// The same with registrations, which nothing signs.
    @Test("Random registrations that we accept are accepted")
    func registrations() throws {
        var random = SeededRandom.forTest()
        var tally = [0, 0]
        try referee.compare("registrations", count: PythonReferee.cases) {
            var soft = SoftRegistration(SoftKey.all[Self.pick(&random)])
            Self.vary(&soft.data, &random)
            soft.extensions = soft.data.rest
            soft.data.rest = []
            soft.credentialID = Self.bytes(16...64, &random)
            let made = soft.made
            guard Int.random(in: 0..<2, using: &random) == 0 else {
                return Self.question(made, soft.credentialID)
            }
            var data = soft.authenticatorData
            data = Self.changed(data, &random)
            soft.object = SoftRegistration.object(data)
            return Self.question(soft.made, soft.credentialID)
        } answer: { question, answer in
            let ours = try Self.verdict(registration: question)
            tally[ours == nil ? 0 : 1] += 1
            if ours != nil || answer.isNull { return [] }
            return ["only we accept \(question): \(answer)"]
        }
        referee.report("random registrations: \(tally[0]) accepted, \(tally[1]) refused")
        #expect(tally[0] > 0 && tally[1] > 0)
    }

    // MARK: questions

    private static func question(_ soft: SoftAssertion, _ made: PasskeyAssertion) -> JSON {
        [
            "answer": made.json, "key": .string(Base64URL.encode(soft.registered.cose)),
            "isBackupEligible": .bool(soft.isBackupEligible),
            "challenge": .string(Base64URL.encode(Soft.challenge)),
            "id": .string(Soft.party.id), "origins": .array(Soft.party.origins.map { .string($0) }),
        ]
    }

    private static func question(_ made: PasskeyRegistration, _ credentialID: [UInt8]) -> JSON {
        [
            "answer": [
                "clientDataJSON": .string(Base64URL.encode(made.clientDataJSON)),
                "attestationObject": .string(Base64URL.encode(made.attestationObject)),
            ],
            "credentialId": .string(Base64URL.encode(credentialID)),
            "challenge": .string(Base64URL.encode(Soft.challenge)),
            "id": .string(Soft.party.id), "origins": .array(Soft.party.origins.map { .string($0) }),
        ]
    }

    private static func verdict(assertion question: JSON) throws -> WebAuthnError? {
        let answer = try #require(question["answer"])
        let key = try #require(Base64URL.decode(question["key"]?.stringValue ?? ""))
        do {
            _ = try PasskeyAssertion(json: answer).verify(
                publicKey: PasskeyPublicKey(cose: key),
                isBackupEligible: question["isBackupEligible"] == true,
                challenge: Soft.challenge, relyingParty: Soft.party)
            return nil
        } catch {
            return error
        }
    }

    private static func verdict(registration question: JSON) throws -> WebAuthnError? {
        let answer = try #require(question["answer"])
        do {
            _ = try PasskeyRegistration(json: answer)
                .verify(challenge: Soft.challenge, relyingParty: Soft.party)
            return nil
        } catch {
            return error
        }
    }

    // MARK: randomness

    /// Mostly those that are quick.
    private static func pick(_ random: inout SeededRandom) -> Int {
        let number = Int.random(in: 0..<9, using: &random)
        return number == 0 ? 2 : number % 2
    }

    private static func vary(_ data: inout SoftData, _ random: inout SeededRandom) {
        let choices: [UInt8] = [0, SoftData.be, SoftData.be | SoftData.bs, 0x02, 0x20]
        data.flags |= choices[Int.random(in: choices.indices, using: &random)]
        data.signCount = UInt32.random(in: 1 ... .max, using: &random)
        guard Bool.random(using: &random) else { return }
        data.flags |= SoftData.ed
        data.rest = Encoded.map([(Encoded.text("credProtect"), [2])])
    }

    private static func bytes(
        _ counts: ClosedRange<Int>, _ random: inout SeededRandom
    ) -> [UInt8] {
        (0..<Int.random(in: counts, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
        }
    }

    private static func changed(
        _ bytes: some Collection<UInt8>, _ random: inout SeededRandom
    ) -> [UInt8] {
        var changed = Array(bytes)
        let place = Int.random(in: changed.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: changed.remove(at: place)
        case 1: changed.insert(UInt8.random(in: 0...255, using: &random), at: place)
        default: changed[place] ^= UInt8.random(in: 1...255, using: &random)
        }
        return changed
    }
}
