// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Testing
import TransparencyLog

@Suite("Episodes: told once, and again when it matters")
struct EpisodeTests {
    private func watch(
        assetClass: AssetClass = .medium, stability: Int64 = 1
    ) throws -> Watch {
        try Watch(
            Fixture.source(assetClass: assetClass, stability: stability),
            baseline: Fixture.snapshot(["port": 80]))
    }

    @Test("the first capture is only proposed, and counts when a person names its root")
    func firstCapture() throws {
        var watch = Watch(try Fixture.source())
        let report = try watch.observe(["port": 80], 0)
        let proposed = try #require(report.proposed)
        #expect(proposed.version.origin == .captured)
        #expect(watch.machine.baseline == nil)
        // What changed before it was approved is told afterwards; nothing is taken on trust.
        #expect(try watch.observe(["port": 81], 60).proposed == nil)
        let wrong = Hash256.sha256([])
        #expect(throws: DriftError.self) {
            try watch.machine.approveBaseline(
                root: wrong, by: Fixture.alice, now: Fixture.at(70))
        }
        try watch.approve(70)
        #expect(watch.machine.baseline?.approvedBy == Fixture.alice)
        #expect(try watch.observe(["port": 81], 120).causes == [.opened])
    }

    @Test("an episode is told once while it lasts, and ends when it is gone")
    func once() throws {
        var watch = try watch()
        let first = try watch.observe(["port": 81], 60)
        #expect(first.causes == [.opened])
        #expect(first.opened.map(\.attribution.verdict) == [.unauthorised])
        for second in stride(from: Int64(120), through: 600, by: 60) {
            let again = try watch.observe(["port": 81], second)
            #expect(again.causes.isEmpty && again.opened.isEmpty && again.changed.isEmpty)
        }
        let last = try watch.observe(["port": 80], 660)
        #expect(last.closed.map(\.ending) == [.vanished])
        #expect(last.causes.isEmpty && watch.machine.episodes.isEmpty)
    }

    @Test("another value, and a worse verdict, are told")
    func changes() throws {
        var watch = try watch()
        try watch.observe(["port": 81], 60)
        let changed = try watch.observe(["port": 82], 120)
        #expect(changed.causes == [.changed] && changed.changed.count == 1)
        let mode: JSON = ["port": 80]
        var roles = try Watch(Fixture.source(), baseline: Fixture.snapshot(mode))
        roles.effects = [
            try Fixture.effect("/port", .value(82), standing: .revoked, began: 90, ended: 90)
        ]
        try roles.observe(["port": 81], 60)
        // Revoked is one step worse than unauthorised.
        #expect(try roles.observe(["port": 82], 120).causes == [.rose])
    }

    @Test("what comes back is told again")
    func reopened() throws {
        var watch = try watch()
        try watch.observe(["port": 81], 60)
        try watch.observe(["port": 80], 120)
        let report = try watch.observe(["port": 81], 180)
        #expect(report.causes == [.reopened])
        #expect(report.opened.first?.firstSeen == Fixture.at(61))
    }

    @Test("what stays is told again after a day, and what was acknowledged after a week")
    func reminders() throws {
        var watch = try watch()
        let opened = try watch.observe(["port": 81], 60)
        #expect(try watch.observe(["port": 81], 86_400).causes.isEmpty)
        #expect(try watch.observe(["port": 81], 86_462).causes == [.reminder])
        let fingerprint = try #require(opened.opened.first?.fingerprint)
        try watch.machine.acknowledge(
            [fingerprint], by: Fixture.alice, now: Fixture.at(86_500))
        #expect(try watch.observe(["port": 81], 3 * 86_400).causes.isEmpty)
        #expect(try watch.observe(["port": 82], 3 * 86_400 + 60).causes == [.changed])
        try watch.machine.acknowledge(
            [fingerprint], by: Fixture.alice, now: Fixture.at(3 * 86_400 + 70))
        #expect(try watch.observe(["port": 82], 10 * 86_400).causes.isEmpty)
        #expect(try watch.observe(["port": 82], 10 * 86_400 + 80).causes == [.reminder])
    }

    @Test("with a stability of three, three observations must agree")
    func stability() throws {
        var watch = try watch(stability: 3)
        #expect(try watch.observe(["port": 81], 60).causes.isEmpty)
        #expect(try watch.observe(["port": 81], 120).causes.isEmpty)
        #expect(watch.machine.episodes.values.map(\.state) == [.pending])
        #expect(try watch.observe(["port": 81], 180).causes == [.opened])
    }

    @Test("what never stays for long enough is told all the same")
    func restless() throws {
        var watch = try watch(stability: 3)
        var told: [DriftAlert.Cause] = []
        for step in 1...12 {
            told += try watch.observe(["port": .int(80 + step % 2)], Int64(step) * 60).causes
        }
        #expect(told == [.opened])
    }

    @Test("flapping is told as such, then once an hour, and never goes quiet")
    func flapping() throws {
        var watch = try watch()
        var told: [DriftAlert.Cause] = []
        for minute in Int64(1)...180 {
            told += try watch.observe(["port": .int(80 + Int(minute % 2))], minute * 60).causes
        }
        #expect(told.prefix(4) == [.opened, .reopened, .reopened, .reopened])
        #expect(told.dropFirst(4).allSatisfy { $0 == .flapping })
        #expect((3...4).contains(told.count - 4))
    }

    @Test("a failed observation is a gap, and no drift nor its end")
    func failed() throws {
        var watch = try watch()
        try watch.observe(["port": 81], 60)
        let report = try watch.fail(120)
        #expect(report.causes == [.gap] && report.gapsOpened.count == 1)
        #expect(report.closed.isEmpty && watch.open.count == 1)
        #expect(try watch.fail(180).causes.isEmpty)
        let back = try watch.observe(["port": 81], 240)
        #expect(back.gapsClosed.count == 1 && back.causes.isEmpty)
    }

    @Test("a subject in a gap is neither removed nor mended")
    func partial() throws {
        let documents: [(String, JSON)] = [
            ("file:/a", ["x": 1]), ("file:/b", ["x": 1]), ("file:/b/c", ["x": 1]),
            ("file:/bc", ["x": 1]),
        ]
        var watch = try Watch(
            Fixture.source(), baseline: Fixture.snapshot(documents))
        let unreadable = [Fixture.gap("file:/b")]
        let report = try watch.observe(
            Fixture.snapshot([documents[0]]), 60, gaps: unreadable)
        #expect(report.opened.map(\.deviation.subject) == ["file:/bc"])
        let changed: [(String, JSON)] = [documents[0], ("file:/b", ["x": 2]), documents[3]]
        try watch.observe(Fixture.snapshot(changed), 120)
        #expect(Set(watch.open.map(\.deviation.subject)) == ["file:/b", "file:/b/c"])
        // Unseen again: both stay open.
        let hidden = try watch.observe(
            Fixture.snapshot([documents[0], documents[3]]), 180, gaps: unreadable)
        #expect(hidden.closed.isEmpty && watch.open.count == 2)
    }

    @Test("silence is a gap, told once, and ends with the next word")
    func silence() throws {
        var watch = try watch()
        #expect(watch.machine.silent(now: Fixture.at(200)).alerts.isEmpty)
        let report = watch.machine.silent(now: Fixture.at(300))
        #expect(report.gapsOpened.map(\.gap.cause) == [.silent])
        #expect(report.causes == [.gap])
        #expect(watch.machine.silent(now: Fixture.at(400)).causes.isEmpty)
        #expect(watch.machine.silent(now: Fixture.at(300 + 86_400)).causes == [.gap])
        #expect(try watch.observe(["port": 80], 87_000).gapsClosed.count == 1)
    }

    @Test("of more gaps than are told apart one stands for the rest")
    func manyGaps() throws {
        var watch = try watch()
        let gaps = (0...DriftLimits.gaps).map { Fixture.gap("file:/x\($0)") }
        let report = try watch.observe(Fixture.snapshot([]), 60, gaps: gaps)
        #expect(watch.machine.gaps.count == DriftLimits.gaps + 1)
        #expect(report.opened.count == 1)
        // The subject that is not in any gap is still told to be gone: the collector named all.
        #expect(report.opened.first?.deviation.operation == .remove)
    }

    @Test("beyond the limit only the number is kept, and the flood is told")
    func flood() throws {
        var watch = try Watch(Fixture.source(), baseline: Fixture.snapshot([]))
        let count = DriftLimits.deviations + 5
        watch.comesBack = false
        let many = try Fixture.snapshot((0..<count).map { ("file:/\($0)", ["x": 1]) })
        let report = try watch.observe(many, 60)
        #expect(report.beyondLimit == 5)
        #expect(watch.machine.flood?.count == 5)
        #expect(report.causes.filter { $0 == .flood }.count == 1)
        #expect(try watch.observe(many, 120).causes.isEmpty)
        let after = try watch.observe(Fixture.snapshot([]), 180)
        #expect(after.closed.count == DriftLimits.deviations && watch.machine.flood == nil)
    }

    @Test("an observation from the past or the future is refused, and changes nothing")
    func order() throws {
        var watch = try watch()
        try watch.observe(["port": 81], 120)
        let before = try watch.machine.digest
        #expect(throws: DriftError.self) { try watch.observe(["port": 80], 60) }
        let future = Observation(
            started: Fixture.at(900), ended: Fixture.at(901),
            snapshot: try Fixture.snapshot(["port": 80]))
        let expected = watch.expected
        #expect(throws: DriftError.self) {
            try watch.machine.observe(
                future, expected: expected, effects: [], rules: [], directions: .standard,
                ledgerIsSound: true, now: Fixture.at(180))
        }
        #expect(throws: DriftError.self) {
            try watch.machine.observe(
                Fixture.observation(Fixture.snapshot(["port": 80]), 180), expected: nil,
                effects: [], rules: [], directions: .standard, ledgerIsSound: true,
                now: Fixture.at(190))
        }
        #expect(try watch.machine.digest == before)
    }
}
