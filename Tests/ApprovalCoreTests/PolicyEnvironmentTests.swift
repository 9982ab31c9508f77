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
                action: "command.run", resourceType: type, resourceID: id,
                input: ["argv": ["ls"]]),
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
            if type == "Host" {
                #expect(verdict.reasons.contains { $0.policy == "never" })
            } else {
                #expect(verdict.errors.map(\.policy) == ["request"])
            }
        }
    }

    @Test("an agent that is not there, or whose owner is gone, is denied")
    func missingPrincipals() throws {
        let policies = try Fixtures.policies("permit (principal, action, resource);")
        var directory = try Fixtures.directory()
        func decision(_ action: Action) throws -> Verdict.Decision {
            try PolicyEnvironment(
                policies: policies, directory: directory, singleOperator: false, unsealed: true
            )
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

    /// What policies that permit everything say of an operation.
    private func permitted(
        _ name: String, of type: String = "Host", input: JSONObject, facts: JSONObject = [:],
        effects: [DeclaredEffect] = []
    ) throws -> Verdict {
        let action = try Action(
            id: ActionID(now: .start, random: (1, 1)), nonce: .of("n"),
            operation: try Operation(
                action: name, resourceType: type, resourceID: "h", input: input,
                effects: effects),
            intent: .none,
            requester: Requester(agent: .bot, owner: .alice, onBehalfOf: nil, credential: "c"),
            gate: GateReference(id: .advisoryGate, enforcing: false), facts: .object(facts))
        return try Fixtures.environment("permit (principal, action, resource);")
            .evaluate(action, at: .start)
    }

    @Test("an action that declares effects is never let pass without a review")
    func effectsFloor() throws {
        let effect = DeclaredEffect(
            scope: "h", subject: "file:/etc/app.conf", path: JSONPointer(tokens: []),
            post: .observed)
        let input: JSONObject = ["argv": ["ls"]]
        #expect(try permitted("command.run", input: input).decision == .allow)
        let verdict = try permitted("command.run", input: input, effects: [effect])
        #expect(verdict.decision == .deny)
        #expect(verdict.errors.last?.message.contains("declares effects") == true)
        let reviewed = """
            permit (principal, action, resource);
            @id("r") @review("reviewers") forbid (principal, action, resource);
            """
        let action = try Action(
            id: ActionID(now: .start, random: (1, 1)), nonce: .of("n"),
            operation: try Operation(
                action: "command.run", resourceType: "Host", resourceID: "h", input: input,
                effects: [effect]),
            intent: .none,
            requester: Requester(agent: .bot, owner: .alice, onBehalfOf: nil, credential: "c"),
            gate: GateReference(id: .advisoryGate, enforcing: false), facts: [:])
        #expect(try Fixtures.environment(reviewed).evaluate(action, at: .start).decision == .review)
    }

    @Test(
        "a repair passes without a review only as a plan of this server that says it may",
        arguments: [
            (JSON.bool(true), JSON.bool(false), Verdict.Decision.allow),
            (true, true, .deny), (false, false, .deny), (.null, false, .deny),
            (true, .null, .deny), ("true", false, .deny), (true, "false", .deny),
        ])
    func repairFloor(inspectable: JSON, needsReview: JSON, expected: Verdict.Decision) throws {
        let plan: JSONObject = [
            "baseline": "sha256:0", "broadening": false, "changes": [], "fields": 1,
            "needsReview": needsReview, "observed": "sha256:1", "refused": [], "scope": "web1",
            "source": "h", "subjects": 1,
        ]
        let verdict = try permitted(
            "drift.remediate", of: "DriftSource", input: plan,
            facts: ["inspectable": inspectable])
        #expect(verdict.decision == expected)
    }

    @Test("numbers are never rounded: they have the declared type exactly, or are refused")
    func numbers() throws {
        let environment = try Fixtures.environment(
            """
            permit (principal, action == Action::"mcp.x", resource) when {
              context.input has exact && context.input.exact == 9007199254740993 &&
              context.input has half && context.input.half.lessThan(decimal("0.5001"))
            };
            """)
        func verdict(_ input: String) throws -> Verdict {
            let object = try JSON(parsing: input).objectValue ?? [:]
            return environment.evaluate(
                try Fixtures.action(input: object, actionName: "mcp.x"), at: .start)
        }
        let allowed = #"{"exact":9007199254740993,"half":0.5}"#
        // A number without an exact canonical form can't be frozen at all.
        #expect(throws: (any Error).self) { try verdict(allowed) }
        let plain = allowed.replacing("9007199254740993", with: "9007199254740992")
        #expect(try verdict(plain).decision == .deny)
        #expect(try verdict(plain).errors.isEmpty)
        for (input, place) in [
            (#"{"amount":0.5}"#, "/input/amount"), (#"{"amount":1e300}"#, "/input/amount"),
            (#"{"half":0.50001}"#, "/input/half"), (#"{"more":1}"#, "more"),
            (#"{"amount":"5"}"#, "/input/amount"),
        ] {
            let refused = try verdict(input)
            #expect(refused.decision == .deny)
            #expect(refused.errors.first?.policy == "request", "\(input)")
            #expect(refused.errors.first?.message.contains(place) == true, "\(refused.errors)")
        }
    }

    @Test("what is `null` is absent, and `context.omitted` says so")
    func omitted() throws {
        let environment = try Fixtures.environment(
            """
            permit (principal, action == Action::"mcp.x", resource) when {
              context.omitted == ["/input/none"] && !(context.input has none)
            };
            """)
        let action = try Fixtures.action(input: ["none": nil], actionName: "mcp.x")
        #expect(environment.evaluate(action, at: .start).decision == .allow)
        let absent = try Fixtures.action(actionName: "mcp.x")
        #expect(environment.evaluate(absent, at: .start).decision == .deny)
    }

    @Test("invariant8: an action that no schema declares is denied, whatever is permitted")
    func undeclared() throws {
        let environment = try Fixtures.environment("permit (principal, action, resource);")
        for name in ["mcp.y", "command", "mcp", "db.export"] {
            let verdict = environment.evaluate(
                try Fixtures.action(actionName: name), at: .start)
            #expect(verdict.decision == .deny, "\(name)")
            #expect(verdict.errors.first?.policy == "request")
        }
    }

    @Test("invariant8: input of an action that declares none is denied, because nobody sees it")
    func undeclaredInput() throws {
        let environment = try Fixtures.environment("permit (principal, action, resource);")
        func decision(_ input: JSONObject) throws -> Verdict.Decision {
            environment.evaluate(
                try Fixtures.action(input: input, actionName: "mcp.bare"), at: .start
            ).decision
        }
        #expect(try decision([:]) == .allow)
        #expect(try decision(["force": true]) == .deny)
    }

    @Test("hole: a resource named like a part of the input does not get what the agent wrote there")
    func resourceNamedLikeInput() throws {
        // Such a set is refused at publish; stored by other software it must not be a way in.
        let json: JSON = [
            "files": [
                [
                    "name": "a.cedar",
                    "text": """
                    permit (principal, action, resource);
                    @id("hold") forbid (principal, action, resource)
                    unless { resource has kind && resource.kind == "public" };
                    """,
                ],
                ["name": "exequatur.cedarschema", "text": .string(ProductSchema.file.text)],
                [
                    "name": "own.cedarschema",
                    "text": """
                    entity Box = { kind?: String } tags String;
                    action "box.use" appliesTo { principal: [Agent], resource: [Box],
                      context: { input: { labels: Box } } };
                    """,
                ],
            ], "v": 2,
        ]
        let environment = try PolicyEnvironment(
            policies: try PublishedPolicies(json), directory: try Fixtures.directory(),
            singleOperator: false, unsealed: true)
        for resource in ["prod", "/input/labels"] {
            let action = try Action(
                id: ActionID(now: .start, random: (1, 1)), nonce: .of("n"),
                operation: try Operation(
                    action: "box.use", resourceType: "Box", resourceID: resource,
                    input: ["labels": ["kind": "public"]]),
                intent: .none,
                requester: Requester(
                    agent: .bot, owner: .alice, onBehalfOf: nil, credential: "c"),
                gate: GateReference(id: .advisoryGate, enforcing: false), facts: [:])
            #expect(environment.evaluate(action, at: .start).decision == .deny, "\(resource)")
        }
    }

    @Test("facts of newer software are left out; facts of older software are absent")
    func factsOfOtherVersions() throws {
        let environment = try Fixtures.environment(
            """
            permit (principal, action in Action::"command", resource)
            when { context.facts has effect && context.facts.effect == "read" };
            """)
        let newer: JSON = ["effect": "read", "moonPhase": ["waxing": true]]
        #expect(
            environment.evaluate(try Fixtures.action(facts: newer), at: .start).decision
                == .allow)
        let older = try Fixtures.action(facts: [:])
        #expect(environment.evaluate(older, at: .start).errors.isEmpty)
        // A fact of another type than declared is a mistake of ours; nothing runs on it.
        let wrong = try Fixtures.action(facts: ["effect": 1])
        #expect(environment.evaluate(wrong, at: .start).decision == .deny)
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
