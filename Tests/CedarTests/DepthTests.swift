// SPDX-License-Identifier: Apache-2.0

import Cedar
import Testing

/// Nesting ends in an error and never in a crash, also on threads with little stack.
@Suite struct DepthTests {
    /// Ways to nest: what comes before and after each level, and the innermost part.
    static let ways: [(String, String, String)] = [
        ("(", "true", ")"), ("!(", "true", ")"), ("-(", "1", ")"), ("[", "1", "]"),
        ("{a: ", "1", "}"), ("ip(", "1", ")"), ("[1].contains(", "1", ")"),
        ("(if true then ", "true", " else false)"), ("if ", "true", " then true else false"),
        ("(true && ", "true", ")"), ("(1 + ", "1", ")"), ("(1 == ", "1", ")"),
        ("(principal in ", "principal", ")"), ("", "context", ".a"), ("", "context", "[\"a\"]"),
        ("", "[1]", ".isEmpty()"), ("!!!!(", "true", ")"), ("((", "true", ") like \"a\")"),
        ("", "true", "(1)"),
    ]

    static func policy(_ way: (String, String, String), _ levels: Int) -> String {
        let before = String(repeating: way.0, count: levels)
        let after = String(repeating: way.2, count: levels)
        return "permit(principal, action, resource) when { \(before)\(way.1)\(after) };"
    }

    @Test(arguments: ways.indices)
    func nestingTooDeepIsRefused(_ way: Int) throws {
        for levels in [150, 20_000] {
            let text = Self.policy(Self.ways[way], levels)
            let errors = try #require(onSmallStack { syntaxErrors(text) })
            #expect(!errors.isEmpty)
            #expect(errors.allSatisfy { !$0.message.contains("\n") })
        }
    }

    @Test(arguments: ways.indices.dropLast())
    func nestingUpToTheLimitIsEvaluated(_ way: Int) throws {
        let limit = PolicyLimits().maximumDepth
        let deepest = (1...limit).last { syntaxErrors(Self.policy(Self.ways[way], $0)) == [] }
        let levels = try #require(deepest)
        #expect(levels >= limit / 6)
        let text = Self.policy(Self.ways[way], levels)
        let entities = try World.entities()
        let failures = onSmallStack {
            (try? PolicySet(parsing: text))?.evaluate(World.request, entities: entities)
        }
        // Most of these are type errors; what counts is that there is an answer.
        #expect(failures != nil && failures?.flatMap { $0 } != nil)
    }

    @Test func longChainsAreNotDeep() throws {
        let count = 50_000
        for (operation, operand, expected) in [
            (" && ", "true", Outcome.satisfied), (" || ", "false", .unsatisfied),
            (" + ", "0", .failed(.typeError)), (" * ", "1", .failed(.typeError)),
            (" - ", "1", .failed(.typeError)),
        ] {
            let chain = Array(repeating: operand, count: count).joined(separator: operation)
            #expect(try World.outcome(of: chain) == expected)
        }
        let list = "[" + Array(repeating: "1", count: count).joined(separator: ",") + "]"
        #expect(try World.outcome(of: "\(list) == [1]") == .satisfied)
        let chain = Array(repeating: "true", count: 500).joined(separator: " && ")
        let set = try PolicySet(parsing: "permit(principal,action,resource) when { \(chain) };")
        #expect(throws: (any Error).self) { try set.policies[0].json }
    }

    @Test func pathsAreAsDeepAsTheyLook() throws {
        func policy(_ count: Int) -> String {
            let path = Array(repeating: "a", count: count).joined(separator: ".")
            return "permit(principal, action, resource) when { context has \(path) };"
        }
        #expect(syntaxErrors(policy(90)) == [])
        #expect(syntaxErrors(policy(5_000)).count == 1)
        let schema = try Schema(
            parsing:
                "entity U; action a appliesTo { principal: U, resource: U, context: { a: Long } };")
        let set = try PolicySet(parsing: policy(90))
        #expect(onSmallStack { Validator(schema).validate(set, mode: .strict).errors.count } == 1)
    }

    @Test func evaluationHasItsOwnLimit() throws {
        var limits = PolicyLimits()
        limits.maximumDepth = 300
        let text = Self.policy(("!(", "true", ")"), 250)
        let set = try PolicySet(parsing: text, limits: limits)
        let answer = set.evaluate(World.request, entities: Entities())
        #expect(answer.decision == .deny)
        #expect(answer.errors.map(\.error.category) == [.recursionLimit])
        let deeper = set.evaluate(World.request, entities: Entities(), maximumDepth: 300)
        #expect(deeper.errors.isEmpty && deeper.decision == .allow)
        let shallow = try PolicySet(parsing: "permit(principal, action, resource) when { true };")
        #expect(
            shallow.evaluate(World.request, entities: Entities(), maximumDepth: 0).errors.count == 1
        )
    }

    @Test func limitIsNamedWithItsPlace() throws {
        var limits = PolicyLimits()
        limits.maximumDepth = 3
        let text = "permit(principal, action, resource) when { [[[1]]] == [] };"
        let error = try #require(syntaxErrors(text, limits: limits).first)
        #expect(error.message == "expression is nested more than 3 levels deep")
    }
}
