// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@testable import Cedar

@Suite("Explanations: why a policy applies or what stopped it")
struct ExplanationTests {
    private func explain(_ condition: String, kind: String = "when") throws -> PolicyExplanation {
        let set = try PolicySet(
            parsing: "permit(principal, action, resource) \(kind) { \(condition) };")
        let explanations = set.explain(World.request, entities: try World.entities())
        return try #require(explanations.first)
    }

    private enum World {
        static let request = Request(
            principal: EntityUID(type: "User", id: "alice"),
            action: EntityUID(type: "Action", id: "view"),
            resource: EntityUID(type: "File", id: "f"),
            context: ["amount": 750, "mfa": false, "name": "x"])

        static func entities() throws -> Entities {
            try Entities([
                Entity(uid: request.principal, parents: [EntityUID(type: "Group", id: "staff")])
            ])
        }
    }

    @Test("the smallest part that alone was enough is named, with what it compares")
    func blame() throws {
        for (kind, condition, clause, value, operands) in [
            (
                "when", "context.mfa && context.amount <= 500", "context.mfa", false, []
            ),
            (
                "when", "context has amount && context.amount <= 500", "context.amount <= 500",
                false, ["context.amount is 750"]
            ),
            (
                "when", "!(context.amount > 500)", "context.amount > 500", true,
                ["context.amount is 750"]
            ),
            (
                "when", "context.mfa || context.name == \"y\"",
                "context.mfa || context.name == \"y\"", false, ["context.name is \"x\""]
            ),
            (
                "when", "if context.mfa then true else context.name like \"y*\"",
                "context.name like \"y*\"", false, ["context.name is \"x\""]
            ),
            (
                "unless", "context.mfa || context.amount > 500", "context.amount > 500", true,
                ["context.amount is 750"]
            ),
            (
                "when", "principal in Group::\"other\"", "principal in Group::\"other\"", false,
                ["principal is User::\"alice\""]
            ),
        ] as [(String, String, String, Bool, [String])] {
            guard case .stopped(let found) = try explain(condition, kind: kind).outcome else {
                Issue.record("\(condition) did not stop")
                continue
            }
            #expect("\(found.expression)" == clause)
            #expect(found.value == value && found.kind.rawValue == kind)
            #expect(found.operands.map { "\($0.expression) is \($0.value)" } == operands)
        }
    }

    @Test("scope, satisfaction and errors are told apart")
    func outcomes() throws {
        let set = try PolicySet(
            parsing: """
                permit(principal in Group::"staff", action, resource);
                permit(principal == User::"bob", action == Action::"edit", resource);
                permit(principal, action, resource is Folder);
                forbid(principal, action, resource) when { context.missing };
                """)
        let found = set.explain(World.request, entities: try World.entities())
        guard case .satisfied = found[0].outcome, case .outOfScope(let two) = found[1].outcome,
            case .outOfScope(let one) = found[2].outcome, case .failed(let error) = found[3].outcome
        else {
            Issue.record("\(found)")
            return
        }
        #expect(two == [.principal, .action] && one == [.resource])
        #expect(error.kind == .recordAttributeDoesNotExist(attribute: "missing"))
        #expect(found.map(\.isNear) == [false, false, true, false])
    }

    @Test("explanations agree with the answer, for any policies")
    func agreement() throws {
        var generator = PolicyGenerator(random: .forTest())
        for _ in 0..<200 {
            let set = try PolicySet(parsing: generator.policySet(10))
            let entities = try Entities(json: generator.entities())
            let request = try Request(json: generator.request())
            let answer = set.evaluate(request, entities: entities)
            var satisfied: [String] = []
            var failed: [String] = []
            for explanation in set.explain(request, entities: entities) {
                switch explanation.outcome {
                case .satisfied: satisfied.append(explanation.id)
                case .failed: failed.append(explanation.id)
                case .outOfScope(let parts): #expect(!parts.isEmpty)
                case .stopped(let clause):
                    let node = Compiler.compile(clause.expression)
                    let environment = Environment(request, entities: entities)
                    #expect(try node.holds(environment) == clause.value)
                }
            }
            #expect(Set(satisfied) == Set(answer.satisfiedPermits + answer.satisfiedForbids))
            #expect(failed == answer.errors.map(\.id))
        }
    }
}
