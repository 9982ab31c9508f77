// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing
import TransparencyLog

@testable import ExequaturClient

@Suite struct ClaimVerifierTests {
    private func expectation(_ log: StubLog, _ text: ClaimText = ClaimText()) -> ClaimExpectation {
        ClaimExpectation(
            nonce: text.nonce, gate: text.gate, action: text.action, actionDigest: text.digest,
            operationDigest: text.operation, logKey: log.key.verifierKey)
    }

    private func refusal(_ claim: JSON, _ log: StubLog) -> ClaimRefusal.Code? {
        do throws(ClaimRefusal) {
            _ = try ClaimVerifier.verify(claim: claim, expectation: expectation(log))
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: [(0, 0), (1, 0), (7, 5), (255, 0), (256, 1), (300, 700)])
    func trueClaimVerifies(before: Int, after: Int) throws {
        var log = try StubLog()
        log.grow(before)
        let claim = try log.claim(ClaimText(), growing: after)
        let verified = try ClaimVerifier.verify(claim: claim, expectation: expectation(log))
        #expect(verified.window == .seconds(30))
        #expect(verified.index == UInt64(before))
        #expect(verified.checkpoint.size == UInt64(before + after + 1))
    }

    @Test(arguments: [
        ("nonce", ClaimRefusal.Code.wrongNonce), ("gate", .wrongGate), ("action", .wrongAction),
        ("ref", .wrongAction), ("digest", .wrongDigest), ("operation", .wrongOperation),
        ("kind", .wrongKind), ("coreKind", .wrongKind), ("late", .wrongWindow),
        ("backwards", .wrongWindow), ("instant", .wrongWindow), ("time", .malformed),
    ])
    func lieIsRefused(what: String, code: ClaimRefusal.Code) throws {
        var log = try StubLog()
        log.grow(3)
        var text = ClaimText()
        switch what {
        case "nonce": text.nonce = String(repeating: "cd", count: 32)
        case "gate": text.gate = "other"
        case "action": text.action = "act_other"
        case "ref": text.ref = "act_other"
        case "digest": text.digest = .sha256([9])
        case "operation": text.operation = .sha256([9])
        case "kind": text.kind = "action.cleared"
        case "coreKind": text.coreKind = "action.cleared"
        case "late": text.startBy = "2026-11-21T09:00:30.001Z"
        case "backwards": text.startBy = "2026-11-21T08:59:59.999Z"
        case "instant": text.startBy = text.at
        default: text.startBy = "2026-11-21 09:00:30Z"
        }
        #expect(refusal(try log.claim(text), log) == code)
    }

    @Test func otherKeyIsRefused() throws {
        var log = try StubLog(seed: 2)
        let claim = try log.claim(ClaimText())
        #expect(refusal(claim, try StubLog(seed: 1)) == .notInLog)
    }

    @Test func otherOriginIsRefused() throws {
        var log = try StubLog(origin: "other.example/log")
        let claim = try log.claim(ClaimText())
        #expect(refusal(claim, try StubLog()) == .notInLog)
    }

    @Test func coreThatIsNotCommittedToIsRefused() throws {
        var log = try StubLog()
        var other = ClaimText()
        other.startBy = "2026-11-21T09:00:20.000Z"
        let claim = try log.claim(ClaimText())
        var entry = try #require(claim["entry"]?.objectValue)
        entry["core"] = .string(try other.core.canonicalString())
        #expect(refusal(["entry": .object(entry)], log) == .notCommitted)
        entry["core"] = claim["entry"]?["core"]
        entry["coreSalt"] = .string(Hash256.sha256([]).hex)
        #expect(refusal(["entry": .object(entry)], log) == .notCommitted)
    }

    @Test func leafThatIsNotInTheTreeIsRefused() throws {
        var log = try StubLog()
        log.grow(5)
        let claim = try log.claim(ClaimText())
        var entry = try #require(claim["entry"]?.objectValue)
        let leaf = try #require(entry["leaf"]?.stringValue)
        entry["leaf"] = .string(leaf.replacing("\"seq\":3", with: "\"seq\":4"))
        #expect(refusal(["entry": .object(entry)], log) == .notInLog)
        entry["leaf"] = .string(leaf)
        entry["index"] = 2
        #expect(refusal(["entry": .object(entry)], log) == .notInLog)
    }

    @Test func textThatIsNotCanonicalIsRefused() throws {
        var log = try StubLog()
        let claim = try log.claim(ClaimText())
        for name in ["leaf", "core"] {
            var entry = try #require(claim["entry"]?.objectValue)
            let text = try #require(entry[name]?.stringValue)
            entry[name] = .string(text + " ")
            #expect(refusal(["entry": .object(entry)], log) == .malformed)
            entry[name] = .string("{\"v\":1,\"v\":1}")
            #expect(refusal(["entry": .object(entry)], log) == .malformed)
        }
    }

    /// Every bit of the entry matters: none can be changed without a refusal.
    @Test func noByteOfTheEntryCanBeChanged() throws {
        var log = try StubLog()
        log.grow(4)
        let claim = try log.claim(ClaimText(), growing: 3)
        let entry = try #require(claim["entry"]?.objectValue)
        var refused = 0
        for name in ["leaf", "core", "coreSalt", "proof"] {
            let text = try #require(entry[name]?.stringValue)
            for index in text.utf8.indices {
                var bytes = Array(text.utf8)
                let position = text.utf8.distance(from: text.utf8.startIndex, to: index)
                bytes[position] ^= 1
                var changed = entry
                changed[name] = .string(String(decoding: bytes, as: UTF8.self))
                #expect(
                    refusal(["entry": .object(changed)], log) != nil, "\(name) at \(position)")
                refused += 1
            }
        }
        #expect(refused > 500)
    }

    @Test(arguments: [JSON.null, [:], ["entry": [:]], ["entry": ["leaf": 1]], "claim"])
    func shapelessClaimIsRefused(claim: JSON) throws {
        #expect(refusal(claim, try StubLog()) == .malformed)
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0), ("1970-01-01T00:00:00.001Z", 1),
            ("2000-03-01T00:00:00.000Z", 951_868_800_000),
            ("2026-11-21T09:00:30.000Z", 1_795_251_630_000),
            ("2024-02-29T23:59:59.999Z", 1_709_251_199_999), ("1969-12-31T23:59:59.000Z", -1_000),
            ("2023-02-29T00:00:00.000Z", nil), ("2026-11-21T09:00:60.000Z", nil),
            ("2026-11-21T24:00:00.000Z", nil), ("2026-13-21T09:00:00.000Z", nil),
            ("2026-11-21T09:00:00Z", nil), ("2026-11-21T09:00:00.000+00:00", nil), ("", nil),
        ] as [(String, Int64?)])
    func instantIsRead(text: String, milliseconds: Int64?) {
        #expect(Instant(text)?.milliseconds == milliseconds)
    }
}
