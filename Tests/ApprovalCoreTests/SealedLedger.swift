// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// A gate that pinned what was sealed, before a server whose operator does what he likes.
///
/// Whoever operates it has the log's key, writes any directory and any policy, and signs receipts
/// that verify. What he has not are the reviewers' passkeys.
struct Sealed {
    static let origin = "log.example/test"
    static let erin = ReviewTests.erin
    static let frank = Handle(constant: "frank")

    var ledger: MemoryLedger
    var trust: PasskeyTrust
    private var number: UInt64 = 100

    static func policy(_ annotations: String) -> String {
        """
        permit (principal, action, resource);
        @id("r") @review("reviewers") \(annotations) forbid (principal, action, resource);
        """
    }

    /// Alice, bob and carol have passkeys; erin and frank review as well and have none yet.
    ///
    /// Bob and erin are administrators.
    init(_ annotations: String = "@assurance(\"passkey\")", shownTo: [Handle] = []) throws {
        ledger = try MemoryLedger.started(policy: Self.policy(annotations))
        for person in [Self.erin, Self.frank] {
            try ledger.change(.personAdded(person))
            try ledger.change(.memberAdded(group: .reviewers, member: person))
        }
        if ledger.directory.groups[.administrators] == nil {
            try ledger.change(.groupAdded(.administrators))
        }
        for person in [Handle.bob, Self.erin] {
            try ledger.change(.memberAdded(group: .administrators, member: person))
        }
        for person in [Handle.alice, .bob, .carol] {
            try ledger.change(.passkeyAdded(try Reviewer(person).passkey()))
        }
        try ledger.change(
            .credentialIssued(
                Credential(
                    id: "cred1", kind: .agent, subject: .bot, secretHash: .of("secret"),
                    notAfter: nil, shownTo: shownTo)))
        let manifest = SealManifest(
            directory: ledger.directory, policySet: try ledger.environment.policies.digest,
            logKey: try MemoryLedger.signer().verifierKey,
            recoveryKey: try #require(MemoryLedger.otherKey).verifierKey)
        trust = try PasskeyTrust(manifest: try SealManifest(manifest.json))
        ledger.unsealed = false
    }

    /// Another action of the agent each time, by an owner of the operator's choice.
    mutating func action(owner: Handle = .alice, shownTo: [Handle] = []) throws -> Action {
        number += 1
        let plain = try Fixtures.action(number: number)
        return try Action(
            id: plain.id, nonce: plain.nonce, operation: plain.operation, intent: .none,
            requester: Requester(
                agent: .bot, owner: owner, onBehalfOf: nil, credential: "cred1", shownTo: shownTo),
            gate: plain.gate, facts: plain.facts)
    }

    mutating func enrolment(
        _ passkeys: [Passkey], name: String = "exequatur.directory.change",
        resource: (type: String, id: String) = ("Installation", origin)
    ) throws -> Action {
        number += 1
        let isOwn = name.hasPrefix("exequatur.")
        return try Action(
            id: ActionID(now: .start, random: (number, 42)), nonce: .of("nonce \(number)"),
            operation: try Operation(
                action: name, resourceType: resource.type, resourceID: resource.id,
                input: [
                    "changes": .array(
                        passkeys.map {
                            ["change": DirectoryChange.passkeyAdded($0).json, "name": nil]
                        })
                ]), intent: .none,
            requester: isOwn
                ? Requester(person: .alice, credential: "session-1")
                : Requester(agent: .bot, owner: .alice, onBehalfOf: nil, credential: "cred1"),
            gate: GateReference(id: Handle(constant: "exequatur"), enforcing: true),
            facts: ["inspectable": true, "kind": "exequatur"])
    }

    func context(
        _ machine: ActionMachine, _ action: Action, _ person: Handle, origin: String = origin
    ) throws -> DecisionContext {
        DecisionContext(
            action: action.id, digest: action.digest, decision: .approve,
            policySet: try ledger.environment.policies.digest,
            rendering: machine.state.rendering(try ledger.submission(of: action.id)),
            reviewer: person, origin: origin, nonce: .of("nonce of \(person)"),
            issuedAt: ledger.now, expires: ledger.now.adding(seconds: 300))
    }

    mutating func approve(
        _ machine: inout ActionMachine, _ action: Action, _ person: Handle,
        _ signature: SignedDecision?
    ) throws {
        let result = try ledger.decide(
            &machine, action, person, assurance: signature == nil ? .console : .passkey,
            method: signature == nil ? .openID : .passkey
        ) {
            $0.signature = signature
            $0.credentialSince = .start
        }
        #expect(result.refusal == nil)
    }

    /// The receipt of an action after these persons signed their approvals of it.
    mutating func receipt(
        _ action: Action, by persons: Handle..., origin: String = origin
    ) throws -> [UInt8] {
        var machine = try ledger.submit(action)
        for person in persons {
            let context = try context(machine, action, person, origin: origin)
            try approve(&machine, action, person, try Reviewer(person).sign(context))
        }
        return try receipt(machine)
    }

    /// The receipt, which is one that verifies: only then it is the trust that refuses.
    func receipt(_ machine: ActionMachine) throws -> [UInt8] {
        #expect(machine.state.clearance != nil)
        let bytes = try ledger.receiptBytes(machine.state.id)
        #expect(try MemoryLedger.verify(bytes).problems == [])
        return bytes
    }

    func approvers(_ receipt: [UInt8], _ action: Action) throws -> [Handle] {
        try trust.approvers(
            receipt: receipt, action: action.digest, operation: action.operationDigest)
    }

    /// What a gate says of it; empty if it would execute.
    func refusal(_ receipt: [UInt8], _ action: Action) -> String {
        do throws(PasskeyTrust.Refusal) {
            _ = try trust.approvers(
                receipt: receipt, action: action.digest, operation: action.operationDigest)
            return ""
        } catch {
            return error.description
        }
    }

    mutating func refusal(learning id: String, _ receipt: [UInt8]) -> String {
        do throws(PasskeyTrust.Refusal) {
            try trust.learn(id, receipt: receipt)
            return ""
        } catch {
            return error.description
        }
    }

    /// A passkey of a device, for anybody and with any id.
    static func passkey(
        _ device: String, of person: Handle, id: String? = nil
    ) throws -> Passkey {
        let own = try Reviewer(try #require(Handle(device))).passkey()
        var object = try #require(own.json.objectValue)
        object["person"] = .string(person.text)
        object["id"] = .string(id ?? own.id)
        return try Passkey(.object(object), path: "passkey")
    }
}
