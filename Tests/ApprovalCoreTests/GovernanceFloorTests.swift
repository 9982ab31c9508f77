// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Changes of this server's own rules, once it is sealed (DESIGN §4.13).
@Suite("The floor under changes of the server's own rules")
struct GovernanceFloorTests {
    static let everything = "permit (principal, action, resource);"

    static func action(
        by person: Handle, name: String = "exequatur.directory.change", shownTo: [Handle] = [],
        number: UInt64 = 7
    ) throws -> Action {
        try Action(
            id: ActionID(now: .start, random: (number, 42)), nonce: .of("nonce of a change"),
            operation: try Operation(
                action: name, resourceType: "Installation", resourceID: "log.example/test",
                input: ["changes": []]), intent: .none,
            requester: Requester(
                agent: person, owner: person, onBehalfOf: nil, credential: "session-1",
                shownTo: shownTo),
            gate: GateReference(id: Handle(constant: "exequatur"), enforcing: true),
            facts: ["inspectable": true, "kind": "exequatur"])
    }

    /// Sealed, with dave and alice as administrators.
    private func ledger(_ policy: String = everything) throws -> MemoryLedger {
        var ledger = try MemoryLedger.started(policy: policy)
        try ledger.change(.memberAdded(group: .administrators, member: .dave))
        ledger.unsealed = false
        return ledger
    }

    private func decide(
        _ ledger: inout MemoryLedger, _ machine: inout ActionMachine, _ action: Action,
        _ person: Handle, since: Timestamp? = .start, assurance: Assurance = .console,
        method: SignInMethod = .openID, shown: Bool = false
    ) throws -> Refusal.Code? {
        try ledger.decide(
            &machine, action, person, assurance: assurance, method: method
        ) {
            $0.credentialSince = since
            $0.isCredentialShown = shown
        }.refusal?.code
    }

    @Test("policy that allows everything still does not let a change pass alone")
    func floor() throws {
        var ledger = try ledger()
        let action = try Self.action(by: .alice)
        var machine = try ledger.submit(action)
        #expect(machine.state.status == .pending)
        let requirement = try #require(machine.state.requirement)
        #expect(requirement.slots.map(\.group) == [.administrators])
        #expect(requirement.assurance == .console && requirement.severity == .high)
        #expect(try decide(&ledger, &machine, action, .alice) == .selfApproval)
        #expect(try decide(&ledger, &machine, action, .bob) == .notEligible)
        #expect(try decide(&ledger, &machine, action, .dave) == nil)
        #expect(machine.state.status == .cleared)
        let report = try MemoryLedger.verify(try ledger.receiptBytes(action.id))
        #expect(report.problems.isEmpty)
    }

    @Test("while unsealed the same policy lets it pass")
    func unsealed() throws {
        var ledger = try ledger()
        ledger.unsealed = true
        #expect(try ledger.submit(try Self.action(by: .alice)).state.status == .cleared)
    }

    @Test("agents never, sealed or not, whatever policy permits")
    func agents() throws {
        for unsealed in [true, false] {
            var ledger = try ledger()
            ledger.unsealed = unsealed
            let plain = try Self.action(by: .alice)
            let action = try Action(
                id: plain.id, nonce: plain.nonce, operation: plain.operation, intent: .none,
                requester: Requester(
                    agent: .bot, owner: .alice, onBehalfOf: nil, credential: "cred1"),
                gate: plain.gate, facts: plain.facts)
            #expect(try ledger.submit(action).state.status == .denied)
        }
    }

    @Test("what policy denies is denied, and no review is a way past it")
    func denied() throws {
        let never = "forbid (principal, action in Action::\"exequatur\", resource);"
        var ledger = try ledger("\(Self.everything) \(never)")
        #expect(try ledger.submit(try Self.action(by: .alice)).state.status == .denied)
    }

    @Test("policy can ask for more, and never for less")
    func more() throws {
        let text = """
            \(Self.everything)
            @id("r") @review("security") @assurance("token") @severity("low") @breakglass("security")
            forbid (principal, action in Action::"exequatur", resource);
            """
        var ledger = try ledger(text)
        let machine = try ledger.submit(try Self.action(by: .alice))
        let requirement = try #require(machine.state.requirement)
        #expect(requirement.slots.map(\.group) == [.security])
        #expect(requirement.assurance == .console && requirement.breakGlass.isEmpty)
    }

    @Test("who became a reviewer, or got his credential, after the question does not decide it")
    func eligibleBefore() throws {
        var ledger = try ledger()
        let action = try Self.action(by: .alice)
        var machine = try ledger.submit(action)
        try ledger.change(.memberAdded(group: .administrators, member: .carol))
        #expect(try decide(&ledger, &machine, action, .carol) == .notEligible)
        let late = ledger.now.adding(seconds: 1)
        ledger.now = late.adding(seconds: 1)
        #expect(try decide(&ledger, &machine, action, .dave, since: late) == .credentialTooNew)
        #expect(try decide(&ledger, &machine, action, .dave, since: nil) == .credentialTooNew)
        #expect(try decide(&ledger, &machine, action, .dave) == nil)
    }

    @Test("what somebody else has seen decides nothing once sealed")
    func shown() throws {
        var ledger = try ledger()
        let action = try Self.action(by: .alice)
        var machine = try ledger.submit(action)
        #expect(
            try decide(&ledger, &machine, action, .dave, method: .link) == .credentialShown)
        #expect(
            try decide(&ledger, &machine, action, .dave, shown: true) == .credentialShown)
        // The same for any action, not only for changes.
        let other = try Fixtures.action()
        ledger.unsealed = true
        try ledger.publish(Fixtures.policyText)
        ledger.unsealed = false
        var second = try ledger.submit(other)
        #expect(
            try ledger.decide(&second, other, .bob, method: .link).refusal?.code
                == .credentialShown)
    }

    @Test("whoever has seen the credential that asks does not decide")
    func shownToRequester() throws {
        var ledger = try ledger()
        let action = try Self.action(by: .alice, shownTo: [.dave])
        // Nobody else is left, so it is denied at once.
        #expect(try ledger.submit(action).state.status == .denied)
        try ledger.change(.memberAdded(group: .administrators, member: .carol))
        let again = try Self.action(by: .alice, shownTo: [.dave], number: 8)
        var machine = try ledger.submit(again)
        #expect(try decide(&ledger, &machine, again, .dave) == .selfApproval)
        #expect(try decide(&ledger, &machine, again, .carol) == nil)
    }

    @Test("never in a chat, and never with less than a fresh sign-in")
    func assurance() throws {
        var ledger = try ledger()
        let action = try Self.action(by: .alice)
        var machine = try ledger.submit(action)
        #expect(
            try decide(&ledger, &machine, action, .dave, assurance: .token, method: .token)
                == .assuranceTooLow)
        let account = try #require(
            ChatAccount(channel: Handle(constant: "slack"), workspace: "T1", user: "U1"))
        try ledger.change(.accountLinked(account, to: .dave))
        let body = try ledger.submission(of: action.id)
        let command = DecisionCommand(
            principal: .person(.dave), kind: .approve, channel: .slack, assurance: .chat,
            expectedDigest: action.digest.hex, hasReason: true, account: account, method: .chat
        ).onRecordedRendering(body, machine.state)
        let result = try machine.decide(command, try ledger.surroundings(action))
        #expect(result.refusal?.code == .notInChat)
    }
}
