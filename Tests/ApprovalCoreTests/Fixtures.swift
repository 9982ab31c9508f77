// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import TransparencyLog

@testable import ApprovalCore

extension Handle {
    static let alice = Handle(constant: "alice")
    static let bob = Handle(constant: "bob")
    static let carol = Handle(constant: "carol")
    static let dave = Handle(constant: "dave")
    static let bot = Handle(constant: "deploy-bot")
    static let security = Handle(constant: "security")
}

extension Timestamp {
    /// The instant 2026-11-21T09:00:00.000Z.
    static let start = Timestamp(milliseconds: 1_795_251_600_000)
}

extension Hash256 {
    init(random: inout SeededRandom) {
        let words = (0..<4).map { _ in random.next() }
        self.init(
            trusted: words.flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
            })
    }

    static func of(_ text: String) -> Hash256 { .sha256(Array(text.utf8)) }
}

/// What most tests start from: alice owns `deploy-bot`; bob and carol review, carol and dave are
/// security; alice administers and reviews too.
enum Fixtures {
    static let policyText = """
        @id("commands")
        permit (principal, action in Action::"command", resource);

        @id("commands.review") @review("reviewers") @severity("medium")
        @reason("The command is not known to be read-only.") @advice("Say what it is for.")
        forbid (principal is Agent, action in Action::"command", resource)
        unless { context.facts has effect && context.facts.effect == "read" };

        @id("commands.export") @review("reviewers, security") @severity("high")
        @expires("30m") @grant("5m") @reason("The command exports data.")
        forbid (principal is Agent, action in Action::"command", resource)
        when { context.facts has effect && context.facts.effect == "export" };

        @id("commands.never") @reason("Keys never leave.")
        forbid (principal is Agent, action in Action::"command", resource)
        when { context.facts has effect && context.facts.effect == "key" };
        """

    /// Actions beside commands that tests submit.
    static let schemaText = """
        action x, "mcp.x", "mcp.pay" in [Action::"mcp"] appliesTo {
          principal: [Agent],
          resource: [Host],
          context: {
            input: { amount?: Long, exact?: Long, half?: decimal, none?: String },
            facts: CommandFacts,
          },
        };
        action "mcp.bare" in [Action::"mcp"] appliesTo { principal: [Agent], resource: [Host] };
        """

    /// A requirement of an hour with nothing special about it.
    static func requirement(
        _ slots: [Slot], severity: Severity = .low, assurance: Assurance = .token
    ) throws -> Requirement {
        struct NoRequirement: Error {}
        guard let hour = Span("1h"),
            let requirement = Requirement(
                slots: slots, expires: hour, grant: hour, severity: severity,
                assurance: assurance)
        else { throw NoRequirement() }
        return requirement
    }

    static func directory() throws -> Directory {
        var directory = Directory()
        for change: DirectoryChange in changes { try directory.apply(change) }
        return directory
    }

    static let changes: [DirectoryChange] = [
        .personAdded(.alice), .personAdded(.bob), .personAdded(.carol), .personAdded(.dave),
        .groupAdded(.reviewers), .groupAdded(.security), .groupAdded(.administrators),
        .agentAdded(.bot, owner: .alice),
        .memberAdded(group: .administrators, member: .alice),
        .memberAdded(group: .reviewers, member: .alice),
        .memberAdded(group: .reviewers, member: .bob),
        .memberAdded(group: .reviewers, member: .carol),
        .memberAdded(group: .security, member: .carol),
        .memberAdded(group: .security, member: .dave),
        // An agent in a group gives policies something to say; it never reviews.
        .memberAdded(group: .reviewers, member: .bot),
    ]

    static func policies(
        _ text: String = policyText, withSchema: Bool = false
    ) throws -> PublishedPolicies {
        // A schema of one's own is read anew for each set, which thousands of sets would feel.
        let own = text.contains("Action::\"mcp") || text.contains("Action::\"x")
        return try PublishedPolicies(
            files: [PolicyFile(name: "10-base.cedar", text: text)]
                + (own || withSchema
                    ? [PolicyFile(name: "test.cedarschema", text: schemaText)] : []))
    }

    static func facts(_ effect: String) -> JSON {
        [
            "effect": .string(effect), "inspectable": true, "kind": "command",
            "program": "sqlite3", "reasons": ["a finding"],
        ]
    }

    static func action(
        argv: [String] = ["sqlite3", "app.db", ".dump"], effect: String = "write",
        input extra: JSONObject = [:], intent: Intent = .none, actionName: String = "command.run",
        facts: JSON? = nil, onBehalfOf: Handle? = nil, enforcing: Bool = false, number: UInt64 = 1
    ) throws -> Action {
        var input = extra
        if actionName == "command.run" {
            input["argv"] = .array(argv.map(JSON.string))
            if !input.keys.contains("cwd") { input["cwd"] = "/srv/app" }
        }
        return try Action(
            id: ActionID(now: .start, random: (number, 42)), nonce: .of("nonce \(number)"),
            operation: try Operation(
                action: actionName, resourceType: "Host", resourceID: "web1", input: input),
            intent: intent,
            requester: Requester(
                agent: .bot, owner: .alice, onBehalfOf: onBehalfOf, credential: "cred1"),
            gate: GateReference(
                id: enforcing ? Handle(constant: "run") : .advisoryGate, enforcing: enforcing),
            facts: facts ?? Self.facts(effect))
    }

    static func environment(
        _ text: String = policyText, singleOperator: Bool = false
    ) throws -> PolicyEnvironment {
        try PolicyEnvironment(
            policies: try policies(text, withSchema: true), directory: try directory(),
            singleOperator: singleOperator, unsealed: true)
    }

    static func rendering(
        _ action: Action, name: (Handle) -> String? = { _ in nil }
    ) throws
        -> Rendering
    {
        let verdict = try environment().evaluate(action, at: .start)
        return Renderer.render(
            action: action, verdict: verdict, deadline: Timestamp.start.adding(seconds: 3600),
            name: name)
    }
}

extension Rendering {
    func section(_ kind: Kind) -> Section {
        sections.first { $0.kind == kind } ?? Section(kind: kind, title: "", rows: [])
    }

    func text(_ kind: Kind, _ label: String) -> String? {
        section(kind).rows.first { $0.label == label }?.text
    }

    var allTexts: [String] {
        warnings + sections.flatMap { [$0.title] + $0.rows.flatMap { [$0.label, $0.text] } }
    }

    var everything: String { allTexts.joined(separator: "\n") }
}
