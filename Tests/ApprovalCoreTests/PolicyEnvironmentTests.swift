// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Policy environment: actions as policies see them")
struct PolicyEnvironmentTests {
    private func action(resource type: String, _ id: String) throws -> Action {
        try Action(
            id: ActionID(now: .start, random: (1, 1)), nonce: .of("n"),
            operation: try Operation(
                action: "command.run", resourceType: type, resourceID: id, input: [:]),
            intent: .none,
            requester: Requester(agent: .bot, owner: .alice, onBehalfOf: nil, credential: "c"),
            gate: GateReference(id: .advisoryGate, enforcing: false), facts: [:])
    }

    @Test("an agent that names itself, its group or its action as the resource keeps its groups")
    func resourceReplacesNothing() throws {
        let environment = try Fixtures.environment(
            """
            permit (principal, action, resource);
            @id("never") forbid (principal in Group::"reviewers", action, resource);
            """)
        for (type, id) in [
            ("Host", "h"), ("Agent", "deploy-bot"), ("Group", "reviewers"), ("Person", "alice"),
            ("Action", "command.run"), ("Action", "command"),
        ] {
            let verdict = environment.evaluate(try action(resource: type, id), at: .start)
            #expect(verdict.decision == .deny, "\(type) \(id)")
            #expect(verdict.reasons.contains { $0.policy == "never" })
        }
    }

    @Test("an agent that is not there, or whose owner is gone, is denied")
    func missingPrincipals() throws {
        let policies = try Fixtures.policies("permit (principal, action, resource);")
        var directory = try Fixtures.directory()
        func decision(_ action: Action) throws -> Verdict.Decision {
            try PolicyEnvironment(policies: policies, directory: directory, singleOperator: false)
                .evaluate(action, at: .start).decision
        }
        let action = try Fixtures.action()
        #expect(try decision(action) == .allow)
        #expect(try decision(try Fixtures.action(onBehalfOf: .bob)) == .allow)
        #expect(try decision(try Fixtures.action(onBehalfOf: Handle(constant: "eve"))) == .deny)
        try directory.apply(.personRemoved(.alice))
        #expect(try decision(action) == .deny)
        directory = try Fixtures.directory()
        try directory.apply(.agentRemoved(.bot))
        #expect(try decision(action) == .deny)
    }

    @Test("a review that nobody outside the chain could satisfy is a denial that says so")
    func unsatisfiable() throws {
        let text = """
            permit (principal, action, resource);
            @id("r") @review("administrators") forbid (principal, action, resource);
            """
        let action = try Fixtures.action()
        let verdict = try Fixtures.environment(text).evaluate(action, at: .start)
        #expect(verdict.decision == .deny)
        #expect(verdict.errors.last?.message.contains("nobody can approve this") == true)
        let alone = try Fixtures.environment(text, singleOperator: true)
        #expect(alone.evaluate(action, at: .start).decision == .review)
    }

    @Test("numbers are never rounded: what Cedar can't hold is listed as omitted")
    func numbersOmitted() throws {
        let environment = try Fixtures.environment(
            """
            permit (principal, action, resource) when {
              context.omitted.contains("/big") && context.omitted.contains("/none") &&
              context.input.exact == 9007199254740993 && context.input.half == decimal("0.5") &&
              !(context.input has big)
            };
            """)
        let input = try JSON(
            parsing: #"{"big":1e300,"exact":9007199254740993,"half":0.5,"none":null}"#)
        var reader = CedarInput()
        let record = reader.record(input.objectValue ?? [:])
        #expect(reader.omitted == ["/big", "/none"])
        #expect(record.count == 3)
        #expect(record["big"] == .record(["omitted": .string("1e300")]))
        // A number without an exact canonical form can't be frozen at all.
        #expect(throws: (any Error).self) {
            try Fixtures.action(
                input: input.objectValue ?? [:], actionName: "mcp.x")
        }
        let exact = try Fixtures.action(
            input: ["big": .number(JSONNumber(5)), "half": try JSON(parsing: "0.5"), "none": nil],
            actionName: "mcp.x")
        #expect(environment.evaluate(exact, at: .start).decision == .deny)
    }

    @Test("invariant8: a number too odd for policies fires the forbid that looks at it")
    func oddNumberFires() throws {
        let environment = try Fixtures.environment(
            """
            permit (principal, action, resource);
            @id("large") @review("reviewers") forbid (principal, action, resource)
            when { context.input has amount && context.input.amount > 1000 };
            """)
        for (number, decision) in [
            ("5", Verdict.Decision.allow), ("5000", .review), ("1e22", .review),
            ("0.00001", .review),
        ] {
            let action = try Fixtures.action(
                input: ["amount": try JSON(parsing: number)], actionName: "mcp.pay")
            #expect(
                environment.evaluate(action, at: .start).decision == decision, "\(number)")
        }
    }

    @Test("a policy sees the time as UTC hour and ISO weekday")
    func time() throws {
        let environment = try Fixtures.environment(
            "permit (principal, action, resource) when { context.hour == 9 && "
                + "context.weekday == 6 };")
        let action = try Fixtures.action()
        #expect(environment.evaluate(action, at: .start).decision == .allow)
        #expect(
            environment.evaluate(action, at: Timestamp.start.adding(seconds: 3600)).decision
                == .deny)
        #expect(
            environment.evaluate(action, at: Timestamp.start.adding(seconds: 86_400)).decision
                == .deny)
    }
}
