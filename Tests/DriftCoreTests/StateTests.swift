// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import TestSupport
import Testing
import TransparencyLog

@Suite("The state of a source, through anything that happens to it")
struct StateTests {
    /// A machine that anything happens to; ``Watch`` writes and reads its state back each time.
    private struct Story {
        var world: DriftWorld
        var watch: Watch
        var document: JSON
        var second: Int64 = 60
        var action: UInt64 = 0
        /// What an honest reading of the ledger says the baseline must be.
        var approved: JSON

        init(_ random: SeededRandom) throws {
            world = try DriftWorld(random)
            document = world.document(3)
            approved = document
            watch = try Watch(
                Fixture.source(lists: world.lists, stability: Int64(1 + world.below(3))),
                baseline: Fixture.snapshot(document))
        }

        /// A change of a member of the root that an action declares and does.
        mutating func declare(_ standing: ApprovedEffect.Standing, does: Bool) throws {
            action += 1
            let name = world.pick(DriftWorld.names)
            let value = world.value(2)
            let path = JSONPointer(tokens: [name])
            watch.effects.append(
                try Fixture.effect(
                    path.description, .value(value), action: action, standing: standing,
                    began: second - 30, ended: second - 20))
            guard does, case .object(var object) = document else { return }
            object[name] = value
            document = .object(object)
        }

        mutating func step() throws -> DriftReport? {
            second += 60
            switch world.below(10) {
            case 0, 1: document = world.changed(document, 1)
            case 2, 3: try declare(.succeeded, does: true)
            case 4: try declare(.succeeded, does: false)
            case 5: try declare(.revoked, does: world.below(2) == 0)
            case 6: return try watch.fail(second)
            case 7:
                return try watch.observe(
                    Fixture.snapshot([]), second, gaps: [Fixture.gap()])
            case 8:
                let open = watch.machine.episodes.values.map(\.fingerprint)
                    .sorted { $0.hex < $1.hex }
                guard !open.isEmpty, watch.machine.last?.root == watch.live?.root else { break }
                _ = try? watch.accept([world.pick(open)], second - 1)
            default: watch.ledgerIsSound.toggle()
            }
            return try watch.observe(document, second)
        }
    }

    @Test("whatever happens, it comes back as it was, twice the same, and nothing is lost")
    func randomly() throws {
        let random = SeededRandom.forTest()
        var (explained, missing, opened) = (0, 0, 0)
        for number in 0..<40 {
            var (one, two) = (
                try Story(random.child("\(number)")), try Story(random.child("\(number)"))
            )
            two.watch.comesBack = false
            for step in 0..<20 {
                let report = try one.step()
                _ = try two.step()
                #expect(try one.watch.machine.digest == two.watch.machine.digest)
                guard let report else { continue }
                explained += report.explained.count
                missing += report.missing.count
                opened += report.opened.count
                try check(one, report, "case \(number), step \(step)")
            }
        }
        #expect(explained > 50 && missing > 50 && opened > 50)
    }

    private func check(_ story: Story, _ report: DriftReport, _ place: Comment) throws {
        let machine = story.watch.machine
        let expected = try #require(story.watch.expected)
        #expect(machine.baseline?.root == expected.root, place)
        guard report.observed == .ok, let live = story.watch.live else { return }
        // Every place that is not as expected has an episode, and every episode such a place.
        let deviations = try SnapshotDiff.deviations(
            source: machine.source, expected: expected, live: live, unseen: .none)
        let episodes = machine.episodes.values.filter { $0.missing == nil }
        #expect(
            Set(deviations.map(\.fingerprint)) == Set(episodes.map(\.fingerprint)), place)
        for episode in episodes where episode.attribution.verdict.explains {
            #expect(episode.state == .explained, place)
        }
        // What moves the baseline is what actions declared, and is there.
        if report.newBaseline != nil {
            #expect(report.explained.contains { $0.attribution.verdict == .explained }, place)
        }
    }

    @Test("a state with anything unknown, missing or out of order is refused")
    func strict() throws {
        var watch = try Watch(Fixture.source(), baseline: Fixture.snapshot(["a": 1, "b": 1]))
        try watch.observe(["a": 2, "b": 2], 60)
        guard case .object(let object) = watch.machine.json else { return }
        for member in object {
            var other = object
            other[member.key] = nil
            #expect(throws: (any Error).self) { try DriftMachine(.object(other)) }
        }
        var more = object
        more["extra"] = 1
        #expect(throws: (any Error).self) { try DriftMachine(.object(more)) }
        var version = object
        version["v"] = 2
        #expect(throws: (any Error).self) { try DriftMachine(.object(version)) }
        var order = object
        order["episodes"] = .array((object["episodes"]?.arrayValue ?? []).reversed())
        #expect(throws: DriftError.self) { try DriftMachine(.object(order)) }
    }

    @Test("large values are kept as digests, and found again all the same")
    func large() throws {
        let long = JSON.string(String(repeating: "x", count: 10_000))
        var watch = try Watch(Fixture.source(), baseline: Fixture.snapshot(["a": 1]))
        try watch.observe(["a": long], 60)
        let episode = try #require(watch.machine.episodes.values.first)
        #expect(episode.deviation.after?["$digest"] != nil)
        #expect(try watch.machine.json.canonicalBytes().count < 5_000)
        #expect(try watch.observe(["a": long], 120).changed.isEmpty)
        _ = try watch.accept([episode.fingerprint], 130)
        #expect(try watch.observe(["a": long], 180).opened.isEmpty)
    }

    @Test("what is settled is forgotten only when it can't come up any more")
    func forgetting() throws {
        var watch = try Watch(Fixture.source(), baseline: Fixture.snapshot(["a": 1]))
        watch.effects = [try Fixture.effect("/a", .value(2))]
        try watch.observe(["a": 2], 60)
        let later = DriftLimits.settledSeconds + 120
        try watch.observe(["a": 2], later)
        #expect(watch.machine.settlements.count == 1)
        watch.effects = []
        try watch.observe(["a": 2], later + 60)
        #expect(watch.machine.settlements.isEmpty)
    }

    @Test("the names of a source's members are those that it writes")
    func members() throws {
        let json = try Fixture.source().json
        #expect(Set(DriftSource.members) == Set(json.objectValue?.keys ?? []))
    }
}
