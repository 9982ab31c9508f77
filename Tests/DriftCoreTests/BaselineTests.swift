// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import TestSupport
import Testing
import TransparencyLog

@Suite("Baselines move by approval only, place by place")
struct BaselineTests {
    private let before: JSON = ["a": 1, "b": ["x": 1, "y": 2], "l": ["p", "q"]]
    private let after: JSON = ["a": 2, "b": ["x": 3, "y": 4], "l": ["p", "r", "q"]]

    private func watch(lists: ListSemantics = ListSemantics()) throws -> Watch {
        var watch = try Watch(
            Fixture.source(lists: lists), baseline: Fixture.snapshot(before))
        try watch.observe(after, 60)
        return watch
    }

    private func fingerprint(_ watch: Watch, _ path: String) throws -> Hash256 {
        try #require(
            watch.machine.episodes.values.first { $0.deviation.path.description == path }
        ).fingerprint
    }

    @Test("accepting one deviation leaves the others")
    func selective() throws {
        var watch = try watch()
        #expect(watch.machine.episodes.count == 4)
        let accepted = try watch.accept([fingerprint(watch, "/b/x")], 70)
        let version = try #require(accepted.baseline?.version)
        #expect(version.origin == .promoted && version.approvedBy == Fixture.alice)
        #expect(accepted.closed.map(\.ending) == [.rebaselined])
        let leaf = try #require(watch.expected?[Fixture.file])
        #expect(
            try JSON(parsing: leaf.document) == ["a": 1, "b": ["x": 3, "y": 2], "l": ["p", "q"]])
        let report = try watch.observe(after, 120)
        #expect(report.opened.isEmpty && report.closed.isEmpty && report.causes.isEmpty)
        #expect(watch.machine.episodes.count == 3)
    }

    @Test("a deviation in a list can be accepted where it is the only one")
    func lists() throws {
        var watch = try watch()
        let path = try #require(
            watch.machine.episodes.values.first { $0.deviation.path.steps.first == .member("l") })
        _ = try watch.accept([path.fingerprint], 70)
        let leaf = try #require(watch.expected?[Fixture.file])
        #expect(
            try JSON(parsing: leaf.document)
                == ["a": 1, "b": ["x": 1, "y": 2], "l": ["p", "r", "q"]])
    }

    @Test("what has changed since the person looked is not accepted")
    func stale() throws {
        var watch = try watch()
        let chosen = try fingerprint(watch, "/a")
        let old = try #require(watch.live)
        try watch.observe(["a": 5, "b": ["x": 3, "y": 4], "l": ["p", "r", "q"]], 120)
        watch.live = old
        #expect(throws: DriftError.self) { try watch.accept([chosen], 130) }
        #expect(throws: DriftError.self) { try watch.accept([.sha256([])], 130) }
    }

    @Test("whole subjects are accepted one by one, and folders count along")
    func subjects() throws {
        func folder(_ links: Int) -> JSON { ["links": .int(links), "type": "directory"] }
        var watch = try Watch(
            Fixture.source(kind: .files), baseline: Fixture.snapshot([("file:/e", folder(2))]))
        let live: [(String, JSON)] = [
            ("file:/e", folder(4)), ("file:/e/a", folder(2)), ("file:/e/b", folder(2)),
        ]
        #expect(try watch.observe(Fixture.snapshot(live), 60).opened.count == 2)
        let first = try #require(
            watch.machine.episodes.values.first { $0.deviation.subject == "file:/e/a" })
        _ = try watch.accept([first.fingerprint], 70)
        let leaf = try #require(watch.expected?["file:/e"])
        #expect(try JSON(parsing: leaf.document) == folder(3))
        #expect(try watch.observe(Fixture.snapshot(live), 120).opened.isEmpty)
        #expect(watch.machine.episodes.count == 1)
    }

    @Test("a new baseline ends what it contains, and nothing else")
    func recapture() throws {
        var watch = try watch()
        watch.machine.repropose()
        #expect(try watch.observe(after, 120).proposed != nil)
        try watch.approve(130)
        let report = try watch.observe(
            ["a": 9, "b": ["x": 3, "y": 4], "l": ["p", "r", "q"]], 180)
        #expect(report.closed.allSatisfy { $0.ending == .rebaselined })
        #expect(report.closed.count == 3 && watch.machine.episodes.count == 1)
        #expect(watch.machine.baseline?.parent != nil)
    }

    @Test("what a look did not see is in the next proposal as it was")
    func recaptureUnseen() throws {
        var watch = try Watch(
            Fixture.source(),
            baseline: Fixture.snapshot([("file:/a", ["x": 1]), ("file:/deny", ["x": 1])]))
        watch.machine.repropose()
        let seen = try Fixture.snapshot([("file:/a", ["x": 2])])
        let proposed = try #require(
            try watch.observe(seen, 60, gaps: [Fixture.gap("file:/deny")]).proposed)
        #expect(proposed.snapshot.leaves.map(\.subject) == ["file:/a", "file:/deny"])
        try watch.approve(70)
        // Gone behind the gap: that is told.
        let report = try watch.observe(seen, 120)
        #expect(report.opened.map(\.deviation.subject) == ["file:/deny"])
    }

    @Test("a declared baseline is proposed like any other")
    func declared() throws {
        var watch = Watch(try Fixture.source())
        let snapshot = try Fixture.snapshot(before)
        watch.proposal = watch.machine.propose(snapshot, now: Fixture.at(0))
        #expect(try watch.observe(after, 10).proposed == nil)
        try watch.approve(20)
        #expect(watch.machine.baseline?.origin == .declared)
        #expect(try watch.observe(after, 60).opened.count == 4)
    }

    @Test("what is taken over of random documents is what was chosen, or nothing")
    func randomly() throws {
        let random = SeededRandom.forTest()
        var taken = 0
        for number in 0..<1_500 {
            var world = try DriftWorld(random.child("\(number)"))
            let before = world.document(3)
            let after = world.changed(before, 1 + world.below(4))
            var watch = try Watch(
                Fixture.source(lists: world.lists), baseline: Fixture.snapshot(before))
            watch.comesBack = number % 20 == 0
            let report = try watch.observe(after, 60)
            guard let episode = report.opened.randomElement(using: &world.random) else { continue }
            guard (try? watch.accept([episode.fingerprint], 70)) != nil else { continue }
            taken += 1
            let again = try watch.observe(after, 120)
            let left = report.opened.filter { $0.fingerprint != episode.fingerprint }
            #expect(again.closed.isEmpty && again.opened.isEmpty, "case \(number)")
            #expect(
                Set(watch.machine.episodes.keys) == Set(left.map(\.fingerprint)),
                "case \(number)")
        }
        #expect(taken > 500)
    }
}
