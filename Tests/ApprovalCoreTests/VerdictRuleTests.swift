// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// The verdict rule of DESIGN §7 against its own formula and its promised properties.
@Suite("Verdict rule")
struct VerdictRuleTests {
    /// A policy whose outcome is known: it holds, does not hold, or can't be evaluated.
    private struct Toy: Hashable {
        let id: Int
        let permits: Bool
        let marked: Bool
        let outcome: Int

        var text: String {
            let condition = ["", "when { false }", "when { 9223372036854775807 + 1 == 0 }"][outcome]
            let marker = marked ? "@review(\"g\(id % 3)\") @quorum(\"\(id % 2 + 1)\")" : ""
            return "@id(\"p\(id)\") \(marker) \(permits ? "permit" : "forbid") "
                + "(principal, action, resource) \(condition);"
        }

        var fires: Bool { outcome == 0 }
        var fails: Bool { outcome == 2 }
    }

    private func toys(_ random: inout SeededRandom) -> [Toy] {
        (0..<Int.random(in: 1...6, using: &random)).map { id in
            let permits = Bool.random(using: &random)
            return Toy(
                id: id, permits: permits, marked: !permits && Bool.random(using: &random),
                outcome: Int.random(in: 0...2, using: &random))
        }
    }

    private func judge(_ toys: [Toy]) throws -> (verdict: Verdict, cedar: Evaluation) {
        let policies = try Fixtures.policies(toys.map(\.text).joined(separator: "\n"))
        let uid = EntityUID(type: "T", id: "x")
        let evaluation = policies.policySet.evaluate(
            Request(principal: uid, action: uid, resource: uid, context: [:]),
            entities: try Entities([]))
        let verdict = VerdictRule.verdict(
            evaluation, policies: policies, directory: .zero, at: .start)
        return (verdict, evaluation)
    }

    private func formula(_ toys: [Toy]) -> Verdict.Decision {
        let forbids = toys.filter { !$0.permits }
        if forbids.contains(where: { $0.fires && !$0.marked }) { return .deny }
        if !toys.contains(where: { $0.permits && $0.fires }) { return .deny }
        if forbids.contains(where: { $0.fails && !$0.marked }) { return .deny }
        return forbids.contains { $0.marked && ($0.fires || $0.fails) } ? .review : .allow
    }

    private func rank(_ decision: Verdict.Decision) -> Int {
        switch decision {
        case .allow: 0
        case .review: 1
        case .deny: 2
        }
    }

    @Test("follows the formula, with all reasons and errors")
    func formula() throws {
        var random = SeededRandom.forTest()
        var seen: Set<Verdict.Decision> = []
        for _ in 0..<600 {
            let toys = toys(&random)
            let (verdict, _) = try judge(toys)
            #expect(verdict.decision == formula(toys), "\(toys)")
            seen.insert(verdict.decision)
            #expect(
                Set(verdict.reasons.map(\.policy)) == Set(toys.filter(\.fires).map { "p\($0.id)" }))
            #expect(
                Set(verdict.errors.map(\.policy)) == Set(toys.filter(\.fails).map { "p\($0.id)" }))
            #expect((verdict.requirement != nil) == (verdict.decision == .review))
        }
        #expect(seen.count == 3)
    }

    @Test("allow means that plain Cedar allows")
    func allowMeansCedarAllows() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<400 {
            let (verdict, cedar) = try judge(toys(&random))
            if verdict.decision == .allow { #expect(cedar.decision == .allow) }
        }
    }

    @Test("not denied means that Cedar allows once the marked forbids are taken away")
    func reviewMeansCedarAllowsWithoutMarked() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<400 {
            let toys = toys(&random)
            let unmarked = toys.filter { !$0.marked }
            guard try judge(toys).verdict.decision != .deny, !unmarked.isEmpty else { continue }
            #expect(try judge(unmarked).cedar.decision == .allow)
        }
    }

    @Test("one more marked forbid can only tighten; so can one more unmarked")
    func addingTightens() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<300 {
            let toys = toys(&random)
            let before = try judge(toys).verdict
            for outcome in 0...2 {
                for marked in [true, false] {
                    let more = Toy(id: 9, permits: false, marked: marked, outcome: outcome)
                    let after = try judge(toys + [more]).verdict
                    #expect(rank(after.decision) >= rank(before.decision))
                    if let demanded = before.requirement, let now = after.requirement {
                        #expect(now.merged(with: demanded) == now)
                    }
                }
            }
        }
    }

    @Test("the order of policies changes neither decision nor requirement")
    func orderIndependent() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<200 {
            let toys = toys(&random)
            let one = try judge(toys).verdict
            let two = try judge(toys.shuffled(using: &random)).verdict
            #expect(one.decision == two.decision)
            #expect(one.requirement == two.requirement)
            #expect(Set(one.reasons) == Set(two.reasons))
            #expect(Set(one.errors.map(\.policy)) == Set(two.errors.map(\.policy)))
        }
    }

    @Test("an erroring forbid never opens a door: unmarked denies, marked asks")
    func erroringForbids() throws {
        let permit = Toy(id: 0, permits: true, marked: false, outcome: 0)
        func decision(_ more: [Toy]) throws -> Verdict.Decision {
            try judge([permit] + more).verdict.decision
        }
        #expect(try decision([]) == .allow)
        #expect(try decision([Toy(id: 1, permits: false, marked: false, outcome: 2)]) == .deny)
        #expect(try decision([Toy(id: 1, permits: false, marked: true, outcome: 2)]) == .review)
        #expect(try decision([Toy(id: 1, permits: true, marked: false, outcome: 2)]) == .allow)
        // An erroring permit permits nothing.
        #expect(
            try judge([Toy(id: 1, permits: true, marked: false, outcome: 2)]).verdict.decision
                == .deny)
    }

    @Test("requirements that can't be merged within the limits deny")
    func tooManyGroups() throws {
        let texts = (0...Limits.slotGroups).map { index in
            "@id(\"m\(index)\") @review(\"group\(index)\") forbid (principal, action, resource);"
        }
        let policies = try Fixtures.policies(
            "@id(\"p\") permit (principal, action, resource);\n" + texts.joined(separator: "\n"))
        let uid = EntityUID(type: "T", id: "x")
        let evaluation = policies.policySet.evaluate(
            Request(principal: uid, action: uid, resource: uid, context: [:]),
            entities: try Entities([]))
        let verdict = VerdictRule.verdict(
            evaluation, policies: policies, directory: .zero, at: .start)
        #expect(verdict.decision == .deny)
    }
}
