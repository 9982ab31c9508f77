// SPDX-License-Identifier: Apache-2.0

import ServiceTestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Each check of the simulation finds what it is for, in a history that somebody doctored.
@Suite("Checks of the simulation")
struct SimulationCheckTests {
    typealias People = TestInstallation

    private func expectFound(
        _ invariant: Int, sourceLocation: SourceLocation = #_sourceLocation,
        _ doctor: (inout SimulatedStory) throws -> Void
    ) throws {
        var story = try SimulatedStory()
        try doctor(&story)
        let found = SimulationChecks.violations(story.history)
        #expect(
            found.contains { $0.invariant == invariant }, "found only \(found)",
            sourceLocation: sourceLocation)
    }

    @Test("where nothing is wrong nothing is found")
    func clean() throws {
        var story = try SimulatedStory()
        story.edit = { [story] history in
            history.answers = [
                story.answer(1, .pending), story.answer(3, .cleared), story.answer(5, .succeeded),
            ]
            history.answers[1].expected = story.action.digest.hex
            history.offers = [
                SimulatedOffer(
                    action: story.action.id, what: "as it came", isGenuine: true, isTaken: true),
                SimulatedOffer(
                    action: story.action.id, what: "forged", isGenuine: false, isTaken: false),
            ]
            history.sweeps = [SimulatedSweep(at: SimulatedStory.start, open: [:], denied: [])]
        }
        #expect(SimulationChecks.violations(story.history) == [])
    }

    @Test("invariant1: an execution or an answer without a durable entry is found")
    func invariant1_doctored() throws {
        try expectFound(1) { $0.events.removeLast(2) }
        try expectFound(1) { $0.executions[0].durable = 3 }
        try expectFound(1) { story in
            story.events.removeLast(3)
            story.executions = []
            story.edit = { [story] in $0.answers = [story.answer(2, .cleared)] }
        }
    }

    @Test("invariant2: a forged claim that a gate takes, or a grant without a proof, is found")
    func invariant2_doctored() throws {
        try expectFound(2) { story in
            story.edit = { [story] in
                $0.offers = [
                    SimulatedOffer(
                        action: story.action.id, what: "forged", isGenuine: false, isTaken: true)
                ]
            }
        }
        try expectFound(2) { story in
            story.edit = { [story] in
                $0.answers = [story.answer(3, .cleared)]
                $0.answers[0].isProven = false
            }
        }
    }

    @Test("invariant3: other bytes than those approved are found")
    func invariant3_doctored() throws {
        try expectFound(3) { $0.executions[0].operation = .zero }
        try expectFound(3) {
            $0.events[2].event = $0.cleared([.reviewers: [People.bob]], operation: .zero)
        }
    }

    @Test("invariant4: a second claim or a second execution is found")
    func invariant4_doctored() throws {
        try expectFound(4) { story in
            story.events.insert(
                SimulatedStory.Event(event: story.claimed(.zero), seconds: 25), at: 4)
        }
        try expectFound(4) { $0.executions.append($0.executions[0]) }
    }

    @Test("invariant5: a self-approval is found, and a glass broken as it must not be")
    func invariant5_doctored() throws {
        try expectFound(5) { $0.events[1].event = $0.decided(People.alice, 10) }
        try expectFound(5) { $0.events[2].event = $0.cleared([.reviewers: [People.alice]]) }
        // Bob breaks the glass as he may; then each condition is taken away.
        func broken(_ change: (inout SimulatedStory) throws -> Void) throws -> SimulatedStory {
            var story = try SimulatedStory()
            story.requirement = try SimulatedStory.requirement(
                [Slot(group: .reviewers, quorum: 1)], breakGlass: [People.leads])
            story.tellAgain()
            story.events[1].event = story.broken(People.bob)
            story.events[2].event = story.cleared([:], breakGlass: People.bob)
            try change(&story)
            return story
        }
        #expect(SimulationChecks.violations(try broken { _ in }.history) == [])
        let doctored: [(inout SimulatedStory) throws -> Void] = [
            { $0.events[1].hasReason = false },
            { $0.events[1].event = $0.broken(People.bob, assurance: .token) },
            { $0.events.remove(at: 1) },
            { $0.events[2].verdict = $0.verdict(.deny) },
            {
                try $0.world.directory.apply(
                    .memberRemoved(group: People.leads, member: People.bob))
            },
            {
                $0.events.append(
                    SimulatedStory.Event(
                        event: .debtSettled(accepted: true, by: People.bob), seconds: 40))
            },
            {
                $0.events.append(
                    SimulatedStory.Event(
                        event: .debtSettled(accepted: true, by: People.alice), seconds: 40))
            },
        ]
        for change in doctored {
            let found = SimulationChecks.violations(try broken(change).history)
            #expect(found.contains { $0.invariant == 5 }, "\(found)")
        }
    }

    @Test("invariant6: an approval that fills two slots, or that nobody gave, is found")
    func invariant6_doctored() throws {
        try expectFound(6) { story in
            story.requirement = try SimulatedStory.requirement([
                Slot(group: .reviewers, quorum: 1), Slot(group: People.leads, quorum: 1),
            ])
            story.tellAgain()
            story.events[2].event = story.cleared([
                .reviewers: [People.bob], People.leads: [People.bob],
            ])
        }
        try expectFound(6) { $0.events[2].event = $0.cleared([.reviewers: [People.carol]]) }
        try expectFound(6) { $0.events[2].event = $0.cleared([.reviewers: []]) }
        try expectFound(6) { story in
            story.events.insert(
                SimulatedStory.Event(event: story.decided(People.bob, 10), seconds: 10), at: 2)
        }
        try expectFound(6) { $0.events[1].event = $0.decided(People.bob, 10, .deny) }
    }

    @Test("invariant7: an agent as approver is found")
    func invariant7_doctored() throws {
        try expectFound(7) { $0.events[1].event = $0.decided(People.bot, 10) }
        try expectFound(7) { $0.events[2].event = $0.cleared([.reviewers: [People.gate]]) }
    }

    @Test("invariant8: what passes empty groups, failing rules or policy is found")
    func invariant8_doctored() throws {
        try expectFound(8) { story in
            try story.world.directory.apply(.groupAdded(Handle(constant: "empty")))
            story.requirement = try SimulatedStory.requirement([
                Slot(group: Handle(constant: "empty"), quorum: 1)
            ])
            story.tellAgain()
        }
        try expectFound(8) { $0.events[2].event = $0.cleared([:]) }
        try expectFound(8) { $0.events[0].verdict = $0.verdict(.deny) }
        try expectFound(8) { story in
            story.world.hardForbids = ["broken"]
            story.events[2].verdict = Verdict(
                decision: .review, reasons: [],
                errors: [Verdict.PolicyError(policy: "broken", message: "it fails")],
                requirement: story.requirement, policySet: SimulatedStory.rules,
                directory: SimulatedStory.people, evaluatedAt: SimulatedStory.start)
        }
    }

    @Test("invariant9: what comes late, or is cleared by silence, is found")
    func invariant9_doctored() throws {
        try expectFound(9) { story in
            story.events[1] = SimulatedStory.Event(
                event: story.decided(People.bob, 3600), seconds: 3600)
        }
        try expectFound(9) { $0.events.remove(at: 1) }
        try expectFound(9) { $0.events[3].seconds = 3000 }
        try expectFound(9) { story in
            story.events[1] = SimulatedStory.Event(event: .expired, seconds: 3599)
        }
        try expectFound(9) { story in
            story.edit = { [story] in
                $0.sweeps = [
                    SimulatedSweep(
                        at: SimulatedStory.start, open: [story.action.id: SimulatedStory.start],
                        denied: [])
                ]
            }
        }
    }

    @Test("invariant10: an end by somebody who may not, or told as another one, is found")
    func invariant10_doctored() throws {
        let stranger = ActionEvent.cancelled(by: Principal.person(People.bob).description)
        try expectFound(10) { $0.events[1] = SimulatedStory.Event(event: stranger, seconds: 10) }
        try expectFound(10) { $0.events[1].event = $0.decided(People.erin, 10, .deny) }
        try expectFound(10) { story in
            story.events[3] = SimulatedStory.Event(
                event: .revoked(by: People.erin), seconds: 20)
        }
        try expectFound(10) { story in
            story.events[1] = SimulatedStory.Event(
                event: .invalidated(
                    cause: "policy_denies", policySet: SimulatedStory.rules,
                    directory: SimulatedStory.people), seconds: 10, verdict: story.verdict())
        }
        try expectFound(10) { story in
            story.edit = { [story] in $0.answers = [story.answer(1, .expired)] }
        }
    }

    @Test("invariant11: what follows an end, or decides on something stale, is found")
    func invariant11_doctored() throws {
        let own = ActionEvent.cancelled(by: Principal.agent(People.bot).description)
        try expectFound(11) { story in
            story.events.insert(SimulatedStory.Event(event: own, seconds: 10), at: 1)
        }
        try expectFound(11) {
            $0.events[1].event = $0.decided(People.bob, 10, rendering: .zero)
        }
        try expectFound(11) { story in
            story.edit = { [story] in
                $0.answers = [story.answer(2, .pending)]
                $0.answers[0].expected = "0000000000000000"
            }
        }
    }

    @Test("invariant12: a clearance or claim that policy of now would not let pass is found")
    func invariant12_doctored() throws {
        try expectFound(12) { $0.events[3].verdict = $0.verdict(.deny) }
        try expectFound(12) {
            $0.events[2].event = $0.cleared([.reviewers: [People.bob]], directory: .zero)
        }
        try expectFound(12) { story in
            let two = try SimulatedStory.requirement([Slot(group: .reviewers, quorum: 2)])
            story.events[3].verdict = Verdict(
                decision: .review, reasons: [], errors: [], requirement: two,
                policySet: SimulatedStory.rules, directory: SimulatedStory.people,
                evaluatedAt: SimulatedStory.start)
        }
        try expectFound(12) { story in
            story.edit = { [story] in
                $0.sweeps = [
                    SimulatedSweep(
                        at: SimulatedStory.start, open: [:], denied: [story.action.id])
                ]
            }
        }
    }

    @Test("invariant13: a change of the rules that nobody else approved is found")
    func invariant13_doctored() throws {
        let change = DirectoryChange.memberAdded(group: .reviewers, member: People.erin)
        func changed(_ by: String) -> SimulatedEntry.Event {
            .directory(
                DirectoryEntry(
                    change: change, by: by, directory: SimulatedStory.people, unsealed: true))
        }
        for (by, unsealed) in [
            ("agent:deploy-bot", true), ("gate:run", true), ("person:bob", true),
            ("person:carol", false), ("administrator:admin", false), ("nobody", true),
        ] {
            try expectFound(13) { story in
                story.world.unsealed = unsealed
                story.others = [("directory.changed", "directory", changed(by))]
            }
        }
        try expectFound(13) { story in
            story.others = [
                ("directory.changed", "directory", changed("action:\(story.action.id)"))
            ]
        }
        try expectFound(13) { story in
            story.others = [
                (
                    "installation.sealed", "seal",
                    .seal(
                        .sealed(
                            manifest: .zero,
                            recoveryKey: try TestInstallation.recoveryKey().verifierKey,
                            by: [People.carol]))
                )
            ]
        }
        try expectFound(13) { $0.stamp = false }
        try expectFound(13) { story in
            story.world.unsealed = false
            story.events[1].event = story.decided(People.bob, 10, method: .link)
        }
        try expectFound(13) { story in
            story.edit = { history in
                history.edit(0) { entry in
                    entry.next.directory = Directory()
                    entry.event = changed("administrator:admin")
                }
            }
        }
    }

    @Test("invariant14: gaps, time that goes back and attempts without entries are found")
    func invariant14_doctored() throws {
        try expectFound(14) { story in
            story.edit = { $0.edit(4) { $0.index = 5 } }
        }
        try expectFound(14) { $0.events[3].seconds = 5 }
        try expectFound(14) { story in
            story.edit = { $0.edit(2) { $0.previous = .zero } }
        }
        try expectFound(14) { story in
            story.edit = { [story] in
                $0.refusals = [
                    SimulatedRefusal(
                        action: story.action.id, principal: "person:alice", attempt: "approve",
                        code: "self_approval", from: 0, to: 5)
                ]
            }
        }
        try expectFound(14) { story in
            story.edit = { [story] in
                $0.answers = [story.answer(1, .pending)]
                $0.answers[0].tip = .zero
            }
        }
    }

    @Test("invariant15: rows, trees and directories that do not follow are found")
    func invariant15_doctored() throws {
        let facts: [(ActionID) -> SimulatedStored.Fact] = [
            { .row($0, .cleared, replayed: .pending, isSame: false) },
            { .row($0, .succeeded, replayed: .succeeded, isSame: false) },
            { _ in .head(size: 5, root: .zero, counted: 5, computed: .sha256([1])) },
            { _ in .head(size: 5, root: .zero, counted: 4, computed: .zero) },
            { .edited($0, letPass: true) },
            { _ in .directory(.zero, computed: .sha256([1])) },
        ]
        for fact in facts {
            try expectFound(15) { story in
                story.edit = { [story] in
                    $0.stored = [SimulatedStored(fact: fact(story.action.id))]
                }
            }
        }
    }

    @Test("invariant16: an approval of what was not shown in full is found")
    func invariant16_doctored() throws {
        try expectFound(16) { $0.isShownInFull = false }
        try expectFound(16) {
            $0.events[0].redrawn = ShownRendering(
                Rendering(sections: [], warnings: ["other"], isComplete: true))
        }
        try expectFound(16) { story in
            story.isShownInFull = false
            story.events[1].event = story.broken(People.bob)
        }
    }
}
