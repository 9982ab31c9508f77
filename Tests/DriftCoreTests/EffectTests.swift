// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Testing
import TransparencyLog

@Suite("Effects of approved actions, observation by observation")
struct EffectTests {
    private func watch(
        _ document: JSON = ["host": "a", "port": 80], assetClass: AssetClass = .medium,
        kind: DriftSource.Kind = .http, lists: ListSemantics = ListSemantics()
    ) throws -> Watch {
        try Watch(
            Fixture.source(kind: kind, assetClass: assetClass, lists: lists),
            baseline: Fixture.snapshot(document))
    }

    @Test("a declared change is explained, and moves the baseline without a word")
    func applied() throws {
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(8080))]
        let report = try watch.observe(["host": "a", "port": 8080], 60)
        #expect(report.explained.map(\.attribution.verdict) == [.explained])
        #expect(report.causes.isEmpty && report.opened.isEmpty)
        #expect(report.seen == watch.effects.map(\.key))
        let version = try #require(report.newBaseline?.version)
        #expect(version.origin == .effectApplied && version.version == 2)
        #expect(version.derivedFrom == [Fixture.action(1)])
        #expect(try watch.observe(["host": "a", "port": 8080], 120).verdicts.isEmpty)
    }

    @Test("only the effect goes into the baseline, not what else changed in the file")
    func promotion() throws {
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(8080))]
        let report = try watch.observe(["host": "evil", "port": 8080], 60)
        #expect(report.opened.map(\.deviation.pointer.description) == ["/host"])
        let leaf = try #require(report.newBaseline?.snapshot[Fixture.file])
        #expect(try JSON(parsing: leaf.document) == ["host": "a", "port": 8080])
    }

    @Test("only the element goes into the baseline, not what else changed in the list")
    func promotionInLists() throws {
        let lists = try Fixture.lists(["as": "map", "path": "/c", "keys": ["name"]])
        func document(_ first: Int64, _ second: Int64) -> JSON {
            [
                "c": [
                    ["image": .int(first), "name": "app"],
                    ["image": .int(second), "name": "side"],
                ]
            ]
        }
        var watch = try watch(document(1, 1), lists: lists)
        watch.effects = [try Fixture.effect("/c/0/image", .value(2))]
        let report = try watch.observe(document(2, 6), 60)
        #expect(report.opened.count == 1)
        let leaf = try #require(report.newBaseline?.snapshot[Fixture.file])
        #expect(try JSON(parsing: leaf.document) == document(2, 1))
    }

    @Test("there, back and there again: one effect explains one change")
    func backAndForth() throws {
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(8080), within: 3_000)]
        try watch.observe(["host": "a", "port": 8080], 60)
        // Back to what it was: not a missing effect, it was there.
        let back = try watch.observe(["host": "a", "port": 80], 120)
        #expect(back.verdicts == [.unauthorised] && back.missing.isEmpty)
        #expect(try watch.observe(["host": "a", "port": 80], 4_000).missing.isEmpty)
        let third = try Watch(Fixture.source(), baseline: Fixture.snapshot(["port": 80]))
        var other = third
        other.effects = [
            try Fixture.effect("/port", .value(8080), action: 1, within: 3_000),
            try Fixture.effect(
                "/port", .value(9090), action: 2, began: 70, ended: 80, within: 3_000),
        ]
        try other.observe(["port": 8080], 60)
        #expect(try other.observe(["port": 9090], 120).verdicts == [.explained])
        #expect(try other.observe(["port": 8080], 180).verdicts == [.replayed])
    }

    @Test("an approved change that never comes is missed exactly once")
    func missing() throws {
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(8080), within: 100)]
        #expect(try watch.observe(["host": "a", "port": 80], 60).missing.isEmpty)
        #expect(try watch.observe(["host": "a", "port": 80], 120).missing.isEmpty)
        let report = try watch.observe(["host": "a", "port": 80], 121)
        #expect(report.missing.map(\.attribution.verdict) == [.missingEffect])
        #expect(report.causes == [.missingEffect])
        for second in stride(from: Int64(180), through: 900, by: 60) {
            let again = try watch.observe(["host": "a", "port": 80], second)
            #expect(again.missing.isEmpty && again.causes.isEmpty)
        }
        let fingerprint = try #require(report.missing.first?.fingerprint)
        let given = try watch.accept([fingerprint], 950)
        #expect(given.baseline == nil && given.closed.count == 1)
        #expect(try watch.observe(["host": "a", "port": 80], 960).causes.isEmpty)
        // Now it may not come any more.
        #expect(try watch.observe(["host": "a", "port": 8080], 1_020).verdicts == [.outOfWindow])
    }

    @Test("an action that failed or is unknown is not missed, nor what can't be seen")
    func notMissing() throws {
        for standing in [ApprovedEffect.Standing.failed, .unknown, .revoked, .running] {
            var watch = try watch()
            watch.effects = [
                try Fixture.effect("/port", .value(8080), standing: standing)
            ]
            #expect(try watch.observe(["host": "a", "port": 80], 900).missing.isEmpty)
        }
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(8080))]
        let hidden = try watch.observe(Fixture.snapshot([]), 900, gaps: [Fixture.gap()])
        #expect(hidden.missing.isEmpty && hidden.opened.isEmpty)
    }

    @Test("a missing effect that comes too late ends as such, and its change is told")
    func late() throws {
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(8080))]
        #expect(try watch.observe(["host": "a", "port": 80], 600).missing.count == 1)
        let report = try watch.observe(["host": "a", "port": 8080], 660)
        #expect(report.closed.map(\.ending) == [.superseded])
        #expect(report.verdicts == [.outOfWindow])
    }

    @Test("what was there before anybody asked for it needs no change, and is not missed")
    func alreadyThere() throws {
        var watch = try watch()
        watch.effects = [try Fixture.effect("/port", .value(80))]
        let report = try watch.observe(["host": "a", "port": 80], 900)
        #expect(report.missing.isEmpty && report.seen.count == 1)
    }

    @Test("two actions on one place, in the order of the ledger")
    func inOrder() throws {
        var watch = try watch()
        watch.effects = [
            try Fixture.effect(
                "/port", .value(1), action: 1, standing: .running, began: 10, ended: nil),
            try Fixture.effect(
                "/port", .value(2), action: 2, standing: .running, began: 11, ended: nil),
        ]
        #expect(try watch.observe(["host": "a", "port": 1], 60).verdicts == [.explained])
        #expect(try watch.observe(["host": "a", "port": 2], 120).verdicts == [.explained])
        #expect(watch.machine.settlements.values.allSatisfy { $0.kind == .seen })
    }

    @Test("two actions on one place, one back to what it was")
    func backByApproval() throws {
        var watch = try watch()
        watch.effects = [
            try Fixture.effect(
                "/port", .value(1), action: 1, standing: .running, began: 10, ended: nil),
            try Fixture.effect(
                "/port", .value(80), action: 2, standing: .running, began: 11, ended: nil),
        ]
        // The second one has its value already, but it has not run yet.
        #expect(try watch.observe(["host": "a", "port": 80], 30).seen.isEmpty)
        #expect(try watch.observe(["host": "a", "port": 1], 60).verdicts == [.explained])
        #expect(try watch.observe(["host": "a", "port": 80], 120).verdicts == [.explained])
    }

    @Test("an earlier action that shows after a later one is not explained")
    func outOfOrder() throws {
        var watch = try watch()
        watch.effects = [
            try Fixture.effect("/port", .value(1), action: 1, began: 10, ended: 20),
            try Fixture.effect("/port", .value(2), action: 2, began: 11, ended: 20),
        ]
        #expect(try watch.observe(["host": "a", "port": 2], 60).verdicts == [.explained])
        #expect(try watch.observe(["host": "a", "port": 1], 120).verdicts == [.outOfWindow])
        #expect(try watch.observe(["host": "a", "port": 1], 900).missing.isEmpty)
    }

    @Test("only the last of two is expected, when both are over")
    func superseded() throws {
        var watch = try watch()
        watch.effects = [
            try Fixture.effect("/port", .value(1), action: 1, began: 10, ended: 20),
            try Fixture.effect("/port", .value(2), action: 2, began: 21, ended: 30),
        ]
        let report = try watch.observe(["host": "a", "port": 2], 900)
        #expect(report.verdicts == [.explained] && report.missing.isEmpty)
    }

    @Test("an action that declares what has been wrong for a while explains that it stays")
    func approvedLater() throws {
        var watch = try watch()
        #expect(try watch.observe(["host": "a", "port": 81], 60).verdicts == [.unauthorised])
        watch.effects = [try Fixture.effect("/port", .value(81), began: 100, ended: 110)]
        let report = try watch.observe(["host": "a", "port": 81], 120)
        #expect(report.closed.map(\.ending) == [.explained])
        #expect(report.newBaseline != nil && watch.machine.episodes.isEmpty)
    }

    @Test("what a failed observation hid may have happened at any time since")
    func throughGap() throws {
        var watch = try watch()
        try watch.fail(60)
        try watch.fail(1_000)
        watch.effects = [try Fixture.effect("/port", .value(8080), within: 0)]
        #expect(try watch.observe(["host": "a", "port": 8080], 2_000).verdicts == [.explained])
    }

    @Test("what a subject's own gap hid may have happened at any time since")
    func throughSubjectGap() throws {
        var watch = try watch()
        try watch.observe(Fixture.snapshot([]), 60, gaps: [Fixture.gap()])
        try watch.observe(Fixture.snapshot([]), 1_000, gaps: [Fixture.gap()])
        watch.effects = [try Fixture.effect("/port", .value(8080), within: 0)]
        #expect(try watch.observe(["host": "a", "port": 8080], 2_000).verdicts == [.explained])
        var seen = try self.watch()
        try seen.observe(["host": "a", "port": 80], 60)
        seen.effects = watch.effects
        #expect(try seen.observe(["host": "a", "port": 8080], 120).verdicts == [.outOfWindow])
    }

    @Test("what was only observed is labelled, and never moves a critical baseline")
    func observed() throws {
        let effect = try Fixture.effect(
            "/port", .value(8080), began: -10, ended: 100, isObserved: true)
        for assetClass in [AssetClass.medium, .critical] {
            var watch = try watch(assetClass: assetClass)
            watch.effects = [effect]
            let report = try watch.observe(["host": "a", "port": 8080], 60)
            #expect(report.explained.map(\.attribution.isObserved) == [true])
            #expect((report.newBaseline == nil) == (assetClass == .critical))
            // It stays explained, and is told once for somebody to take over.
            let again = try watch.observe(["host": "a", "port": 8080], 120)
            #expect(again.causes.isEmpty)
            guard assetClass == .critical else { continue }
            #expect(report.causes == [.opened] && report.alerts.first?.severity == .low)
            #expect(again.explained.count == 1)
            let accepted = try watch.accept(Set(watch.machine.episodes.keys), 200)
            #expect(accepted.baseline?.version.origin == .promoted)
            #expect(try watch.observe(["host": "a", "port": 8080], 240).explained.isEmpty)
        }
    }

    @Test("an unsound ledger leaves all undetermined, moves nothing and misses nothing")
    func unsound() throws {
        var watch = try watch()
        watch.effects = [
            try Fixture.effect("/port", .value(8080)),
            try Fixture.effect("/name", .value("x"), action: 2),
        ]
        watch.rules = [try Fixture.rule()]
        watch.ledgerIsSound = false
        let report = try watch.observe(["host": "b", "port": 8080], 900)
        #expect(report.verdicts == [.undetermined, .undetermined])
        #expect(report.newBaseline == nil && report.missing.isEmpty && report.ignored.isEmpty)
        #expect(report.causes == [.opened, .opened])
        watch.ledgerIsSound = true
        watch.rules = []
        let sound = try watch.observe(["host": "b", "port": 8080], 960)
        #expect(sound.explained.count == 1 && sound.missing.count == 1)
    }

    @Test("a doubt about the ledger does not turn what was explained into a replay")
    func doubt() throws {
        var watch = try watch(assetClass: .critical)
        watch.effects = [
            try Fixture.effect("/port", .value(8080), began: -10, ended: 100, isObserved: true)
        ]
        try watch.observe(["host": "a", "port": 8080], 60)
        watch.ledgerIsSound = false
        #expect(try watch.observe(["host": "a", "port": 8080], 120).verdicts == [.undetermined])
        watch.ledgerIsSound = true
        let report = try watch.observe(["host": "a", "port": 8080], 180)
        #expect(report.explained.map(\.attribution.verdict) == [.explained])
    }
}
