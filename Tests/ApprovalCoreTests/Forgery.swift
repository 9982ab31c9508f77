// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing
import TransparencyLog

@testable import ApprovalCore

/// One forged ledger: begins honestly, then appends events past the machine.
struct Forgery {
    var ledger: MemoryLedger
    let action: Action
    var machine: ActionMachine
    let rendering: Hash256

    init(effect: String = "write", enforcing: Bool = false) throws {
        try self.init(
            MemoryLedger.started(), Fixtures.action(effect: effect, enforcing: enforcing))
    }

    init(_ ledger: MemoryLedger, _ action: Action) throws {
        self.ledger = ledger
        self.action = action
        machine = try self.ledger.submit(action)
        rendering = try self.ledger.submission(of: action.id).renderingDigest ?? .zero
    }

    mutating func mint(
        _ event: ActionEvent, unsealed: Bool = true, body: JSON = ["audit": [:], "reason": "r"]
    ) throws {
        let header = CoreHeader(action: action.id, digest: action.digest, unsealed: unsealed)
        try ledger.append(event, header, body: body)
    }

    mutating func mintDecision(
        _ person: Handle, _ kind: ReviewDecision.Kind = .approve,
        assurance: Assurance = .console, selfApproved: Bool = false, unsealed: Bool = true,
        rendering: Hash256? = nil, channel: Channel = .console, account: ChatAccount? = nil,
        method: SignInMethod? = .openID
    ) throws {
        let decision = ReviewDecision(
            person: person, kind: kind, channel: channel, assurance: assurance, account: account,
            selfApproved: selfApproved, at: ledger.now, method: method)
        try mint(.decided(decision, rendering: rendering ?? self.rendering), unsealed: unsealed)
    }

    func clearance(
        _ approvals: [Handle: [Handle]], verdict: Verdict.Decision = .review,
        selfApproved: Bool = false, seconds: Int64 = 600, gate: GateReference? = nil,
        policySet: Hash256? = nil, directory: Hash256? = nil
    ) throws -> ActionEvent {
        let environment = try ledger.environment
        return .cleared(
            ActionEvent.Clearance(
                operation: action.operationDigest, gate: gate ?? action.gate,
                verdict: verdict, policySet: policySet ?? environment.policies.digest,
                directory: directory ?? environment.directoryDigest, approvals: approvals,
                selfApproved: selfApproved,
                notAfter: ledger.now.adding(seconds: seconds)))
    }

    func claim(
        seconds: Int64 = 30, verdict: Verdict.Decision = .review, policySet: Hash256? = nil,
        directory: Hash256? = nil
    ) throws -> ActionEvent {
        let environment = try ledger.environment
        return .claimed(
            Claim(
                nonce: .of("n"), gate: action.gate.id, operation: action.operationDigest,
                startBy: ledger.now.adding(seconds: seconds), verdict: verdict,
                policySet: policySet ?? environment.policies.digest,
                directory: directory ?? environment.directoryDigest))
    }

    func expectInvalid(
        _ words: String, _ comment: String = "", location: SourceLocation = #_sourceLocation
    ) throws {
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.status == .invalid, "\(comment)", sourceLocation: location)
        #expect(
            report.problems.contains { $0.what.contains(words) },
            "\(comment): \(report.problems)", sourceLocation: location)
    }

    @discardableResult
    func expectSound(location: SourceLocation = #_sourceLocation) throws -> ReceiptReport {
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems == [], sourceLocation: location)
        return report
    }
}
