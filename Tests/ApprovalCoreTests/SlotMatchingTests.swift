// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ApprovalCore

@Suite("Slot matching: distinct persons fill all slots")
struct SlotMatchingTests {
    private struct Problem {
        let requirement: Requirement
        let directory: Directory
        let approvers: Set<Handle>
    }

    private func problem(_ random: inout SeededRandom) throws -> Problem {
        var directory = Directory()
        let persons = try (0..<Int.random(in: 1...6, using: &random)).map {
            try #require(Handle("p\($0)"))
        }
        for person in persons { try directory.apply(.personAdded(person)) }
        let agent = Handle.bot
        try directory.apply(.agentAdded(agent, owner: persons[0]))
        var slots: [Slot] = []
        for index in 0..<Int.random(in: 1...3, using: &random) {
            let group = try #require(Handle("g\(index)"))
            try directory.apply(.groupAdded(group))
            for person in persons where Int.random(in: 0..<3, using: &random) > 0 {
                try directory.apply(.memberAdded(group: group, member: person))
            }
            if Bool.random(using: &random) {
                try directory.apply(.memberAdded(group: group, member: agent))
            }
            slots.append(Slot(group: group, quorum: Int.random(in: 1...2, using: &random)))
        }
        let requirement = try Fixtures.requirement(slots)
        var approvers = Set(persons.filter { _ in Int.random(in: 0..<4, using: &random) > 0 })
        approvers.insert(agent)
        approvers.insert(Handle(constant: "stranger"))
        return Problem(requirement: requirement, directory: directory, approvers: approvers)
    }

    /// Tries every assignment.
    private func bruteForce(_ problem: Problem) -> Bool {
        let seats = problem.requirement.slots.flatMap { slot in
            Array(repeating: slot.group, count: slot.quorum)
        }
        func fill(_ index: Int, _ used: Set<Handle>) -> Bool {
            guard index < seats.count else { return true }
            return problem.directory.persons(in: seats[index]).contains { person in
                problem.approvers.contains(person) && !used.contains(person)
                    && fill(index + 1, used.union([person]))
            }
        }
        return fill(0, [])
    }

    @Test("agrees with brute force, fills with members only, nobody twice")
    func againstBruteForce() throws {
        var random = SeededRandom.forTest()
        var met = 0
        for _ in 0..<3000 {
            let problem = try problem(&random)
            let isMet = SlotMatching.isMet(
                problem.requirement, approvers: problem.approvers, in: problem.directory, after: 0)
            #expect(isMet == bruteForce(problem), "\(problem)")
            if isMet { met += 1 }
            let filled = SlotMatching.match(
                problem.requirement, approvers: problem.approvers, in: problem.directory, after: 0)
            let all = filled.values.flatMap { $0 }
            #expect(Set(all).count == all.count)
            for (group, persons) in filled {
                let slot = try #require(problem.requirement.slots.first { $0.group == group })
                #expect(persons.count <= slot.quorum)
                #expect(persons == persons.sorted())
                for person in persons {
                    #expect(problem.approvers.contains(person))
                    #expect(problem.directory.persons(in: group).contains(person))
                }
            }
        }
        // Both answers occur often enough for the comparison to mean something.
        #expect(met > 300 && met < 2700)
    }

    @Test("one more approver never unmeets a requirement")
    func monotonic() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<500 {
            let problem = try problem(&random)
            guard
                SlotMatching.isMet(
                    problem.requirement, approvers: problem.approvers, in: problem.directory,
                    after: 0)
            else { continue }
            for person in problem.directory.persons {
                #expect(
                    SlotMatching.isMet(
                        problem.requirement, approvers: problem.approvers.union([person]),
                        in: problem.directory, after: 0))
            }
        }
    }

    @Test("the greedy choice is undone when it would block a slot (augmenting path)")
    func augmenting() throws {
        let directory = try Fixtures.directory()
        let requirement = try Fixtures.requirement([
            Slot(group: .reviewers, quorum: 1), Slot(group: .security, quorum: 1),
        ])
        // Carol could fill either; dave only security; bob only reviewers.
        #expect(
            SlotMatching.isMet(requirement, approvers: [.carol, .dave], in: directory, after: 0))
        #expect(
            SlotMatching.isMet(requirement, approvers: [.bob, .carol], in: directory, after: 0))
        #expect(!SlotMatching.isMet(requirement, approvers: [.carol], in: directory, after: 0))
        #expect(!SlotMatching.isMet(requirement, approvers: [.dave], in: directory, after: 0))
    }
}
