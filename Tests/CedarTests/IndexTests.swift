// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Cedar

@Suite("Index: the same answer as looking at every policy, for less")
struct IndexTests {
    /// Decision, reasons and errors, for sets of every size up to some that fill all stages.
    @Test func indexNeverChangesTheAnswer() throws {
        var generator = PolicyGenerator(random: .forTest())
        var answers: Set<Evaluation.Decision> = []
        var failures = 0
        for round in 0..<160 {
            let count = [1, 8, 9, 12, 40, 150][round % 6]
            let set = try PolicySet(parsing: generator.policySet(count))
            let entities = try Entities(json: generator.entities())
            for _ in 0..<8 {
                let request = try Request(json: generator.request())
                let indexed = set.evaluate(request, entities: entities)
                #expect(indexed == set.evaluateWithoutIndex(request, entities: entities))
                #expect(indexed == set.evaluate(request, entities: entities))
                answers.insert(indexed.decision)
                failures += indexed.errors.count
            }
        }
        #expect(answers == [.allow, .deny])
        #expect(failures > 0)
    }

    private static let user = EntityUID(type: "User", id: "u7")
    private static let action = EntityUID(type: "Action", id: "a3")
    private static let document = EntityUID(type: "Document", id: "d7")

    private static func candidates(_ set: PolicySet, _ entities: Entities) -> [Int32] {
        let request = Request(principal: user, action: action, resource: document)
        var found: [Int32] = []
        set.index.forEachCandidate(Environment(request, entities: entities)) { found.append($0) }
        return found.sorted()
    }

    /// Of many policies only those are looked at that name what the request names.
    @Test func onlyCandidatesAreLookedAt() throws {
        var text = ""
        for place in 0..<4_000 {
            text += """
                permit(principal == User::"u\(place % 100)", action == Action::"a\(place % 20)",
                    resource == Document::"d\(place)");

                """
        }
        text += """
            forbid(principal in Group::"g", action, resource is Document);
            forbid(principal in Group::"other", action, resource is Document);
            forbid(principal, action in [Action::"all", Action::"a3"], resource in Folder::"f");
            permit(principal is User, action, resource);
            permit(principal is Robot, action, resource);
            permit(principal, action in [], resource);
            """
        let set = try PolicySet(parsing: text)
        let entities = try Entities([
            Entity(uid: Self.user, parents: [EntityUID(type: "Group", id: "g")]),
            Entity(uid: Self.action, parents: [EntityUID(type: "Action", id: "all")]),
            Entity(uid: Self.document, parents: [EntityUID(type: "Folder", id: "f")]),
        ])
        // The last five lie in one leaf, which is looked at whole.
        let found = Self.candidates(set, entities)
        #expect(Set(found).isSuperset(of: [4_000, 4_002, 4_003]))
        #expect(found.count <= 2 * PolicyIndex.leafSize, "\(found)")
        let request = Request(principal: Self.user, action: Self.action, resource: Self.document)
        #expect(
            set.evaluate(request, entities: entities)
                == set.evaluateWithoutIndex(request, entities: entities))
    }

    /// A request with thousands of ancestors costs no more than the keys there are.
    @Test func manyAncestorsAreNoMoreWorkThanKeys() throws {
        let groups = (0..<5_000).map { EntityUID(type: "Group", id: "g\($0)") }
        let entities = try Entities(
            groups.map { Entity(uid: $0) } + [
                Entity(uid: Self.user, parents: groups), Entity(uid: Self.action),
                Entity(uid: Self.document, parents: groups),
            ])
        let text = (0..<60).map { place in
            """
            permit(principal in Group::"g\(place * 200)", action,
                resource in Group::"g\(place)");
            """
        }.joined(separator: "\n")
        let set = try PolicySet(parsing: text)
        #expect(Self.candidates(set, entities) == (0..<25).map { Int32($0) })
        let request = Request(principal: Self.user, action: Self.action, resource: Self.document)
        let answer = set.evaluate(request, entities: entities)
        #expect(answer == set.evaluateWithoutIndex(request, entities: entities))
        #expect(answer.satisfiedPermits.count == 25)
    }

    /// A policy that is in two branches fires once.
    @Test func aPolicyOfSeveralGroupsFiresOnce() throws {
        let named = (0..<30).map { "Action::\"x\($0)\"" }.joined(separator: ", ")
        let lines = (0..<30).map { "permit(principal, action == Action::\"x\($0)\", resource);" }
        let set = try PolicySet(
            parsing: lines.joined(separator: "\n")
                + "forbid(principal, action in [\(named), Action::\"x0\"], resource);")
        let request = Request(
            principal: Self.user, action: EntityUID(type: "Action", id: "y"),
            resource: Self.document)
        let entities = try Entities([
            Entity(
                uid: request.action,
                parents: (0..<30).map { EntityUID(type: "Action", id: "x\($0)") })
        ])
        #expect(set.evaluate(request, entities: entities).satisfiedForbids == ["policy30"])
    }
}
