// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import TestSupport
import Testing
import TransparencyLog

@Suite("Plans that put deviations back")
struct RemediationTests {
    private func plan(
        _ watch: Watch, _ fingerprints: Set<Hash256>? = nil, allowsBroadening: Bool = false
    ) throws -> RemediationPlan {
        let (expected, live) = (try #require(watch.expected), try #require(watch.live))
        return try watch.machine.plan(
            reverting: fingerprints ?? Set(watch.machine.episodes.keys), expected: expected,
            live: live, directions: .standard, allowsBroadening: allowsBroadening)
    }

    private func drifted(
        _ before: JSON = ["host": "a", "port": 80], _ after: JSON = ["host": "a", "port": 81],
        kind: DriftSource.Kind = .http
    ) throws -> Watch {
        var watch = try Watch(Fixture.source(kind: kind), baseline: Fixture.snapshot(before))
        try watch.observe(after, 60)
        return watch
    }

    @Test("a plan tests what was observed before it changes anything")
    func tests() throws {
        let watch = try drifted()
        let plan = try plan(watch)
        let change = try #require(plan.changes.first)
        #expect(
            change.patch == [
                ["op": "test", "path": "/port", "value": 81],
                ["op": "replace", "path": "/port", "value": 80],
            ])
        #expect(plan.fields == 1 && plan.refused.isEmpty)
        // Nobody knows what a port allows.
        #expect(plan.needsReview && !plan.isBroadening)
        #expect(try RemediationPlan(plan.json) == plan)
        #expect(plan.effects.map(\.post) == [.value(80)])
        let patch = try JSONPatch(change.patch)
        #expect(throws: JSONPatchError.self) {
            try patch.applied(to: ["host": "a", "port": 82])
        }
    }

    @Test("applied to what was observed, a plan gives what was expected")
    func applies() throws {
        let random = SeededRandom.forTest()
        var count = 0
        for number in 0..<1_500 {
            var world = try DriftWorld(random.child("\(number)"))
            let before = world.document(3)
            let after = world.changed(before, 1 + world.below(4))
            var watch = try Watch(
                Fixture.source(lists: world.lists), baseline: Fixture.snapshot(before))
            watch.comesBack = false
            try watch.observe(after, 60)
            if watch.machine.episodes.isEmpty { continue }
            let plan = try plan(watch, allowsBroadening: true)
            let change = try #require(plan.changes.first, "case \(number)")
            let put = try JSONPatch(change.patch).applied(to: after)
            #expect(JSONDiff.areEqual(before, put, lists: world.lists), "case \(number)")
            count += 1
        }
        #expect(count > 1_000)
    }

    @Test("subjects that came are deleted, those that went are created")
    func subjects() throws {
        var watch = try Watch(
            Fixture.source(), baseline: Fixture.snapshot([("file:/a", ["x": 1])]))
        try watch.observe(Fixture.snapshot([("file:/b", ["x": 2])]), 60)
        let plan = try plan(watch)
        #expect(plan.changes.map(\.kind) == [.create, .delete])
        #expect(plan.changes.map(\.document) == [["x": 1], Optional.none])
        #expect(plan.effects.map(\.post) == [.value(["x": 1]), .absent])
    }

    @Test("what gives rights back is refused unless said so, and then needs a person")
    func broadening() throws {
        let watch = try drifted(["mode": "0664"], ["mode": "0600"], kind: .files)
        #expect(try plan(watch).refused.count == 1)
        #expect(try plan(watch).changes.isEmpty)
        let allowed = try plan(watch, allowsBroadening: true)
        #expect(allowed.isBroadening && allowed.needsReview && allowed.refused.isEmpty)
        let own = try plan(try drifted(kind: .exequatur), allowsBroadening: true)
        #expect(own.needsReview)
        // Only what is known to take rights away may pass without one.
        let back = try plan(try drifted(["mode": "0600"], ["mode": "0666"], kind: .files))
        #expect(!back.needsReview && back.fields == 1)
    }

    @Test("the text of a file that says who may do what gives rights back, whatever it says")
    func sensitiveContent() throws {
        func snapshot(_ digest: JSON) throws -> Snapshot {
            let document: JSON = ["sha256": digest, "size": 1]
            return try Fixture.snapshot([("file:/etc/sudoers", document)])
        }
        var watch = try Watch(
            Fixture.source(kind: .files),
            baseline: snapshot("x"))
        try watch.observe(snapshot("y"), 60)
        #expect(watch.machine.episodes.values.allSatisfy { $0.direction == .broadening })
        #expect(try plan(watch).changes.isEmpty)
        #expect(try plan(watch, allowsBroadening: true).needsReview)
    }

    @Test("a secret can't be put back by whoever does not know it")
    func secrets() throws {
        func secret(_ text: String) -> JSON { ["$secret": .string("hmac-sha256:\(text)")] }
        let watch = try drifted(
            ["password": secret("a"), "port": 80], ["password": secret("b"), "port": 81])
        let plan = try plan(watch)
        #expect(plan.refused.count == 1 && plan.fields == 1)
    }

    @Test("with secrets beside it, the document of a plan is just what its patch gives")
    func besideSecrets() throws {
        func secret(_ text: String) -> JSON { ["$secret": .string("hmac-sha256:\(text)")] }
        let before: JSON = ["keys": ["a", secret("b"), "c"], "port": 80]
        let after: JSON = ["keys": ["a", secret("b"), "d"], "port": 81]
        let watch = try drifted(before, after)
        let plan = try plan(watch)
        #expect(plan.refused.count == 1 && plan.fields == 1)
        let change = try #require(plan.changes.first)
        let put = try JSONPatch(change.patch).applied(to: after)
        #expect(put == change.document)
        #expect(put["keys"] == after["keys"])
    }

    @Test("a file's content is put back as a whole, or not at all")
    func wholeContent() throws {
        let watch = try drifted(
            ["content": ["host": "a", "port": 80], "mode": "0644", "sha256": "x"],
            ["content": ["host": "b", "port": 81], "mode": "0600", "sha256": "y"],
            kind: .files)
        func ids(_ names: String...) -> Set<Hash256> {
            Set(
                watch.machine.episodes.values.filter { episode in
                    names.contains { episode.deviation.pointer.tokens.last == $0 }
                }.map(\.fingerprint))
        }
        for some in [ids("port"), ids("sha256"), ids("host", "sha256")] {
            let plan = try plan(watch, some, allowsBroadening: true)
            #expect(plan.changes.isEmpty && plan.refused.count == some.count)
        }
        let mode = try plan(watch, ids("mode", "port"), allowsBroadening: true)
        #expect(mode.fields == 1 && mode.refused.count == 1)
        let whole = try plan(watch, ids("host", "port", "sha256"), allowsBroadening: true)
        #expect(whole.fields == 3 && whole.refused.isEmpty)
    }

    @Test("a plan ends no deviation but those of its own subjects and places")
    func endsItsOwn() throws {
        var watch = try Watch(
            Fixture.source(),
            baseline: Fixture.snapshot([("file:/a", ["x": 1, "y": 1]), ("file:/b", ["x": 1])]))
        try watch.observe(
            Fixture.snapshot([("file:/a", ["x": 2, "y": 2]), ("file:/b", ["x": 2])]), 60)
        func episode(_ subject: String, _ pointer: String) throws -> Hash256 {
            let place = try Fixture.pointer(pointer)
            let found = watch.machine.episodes.values.first(where: {
                $0.deviation.subject == subject && $0.deviation.pointer == place
            })
            return try #require(found).fingerprint
        }
        let own = try episode("file:/a", "/x")
        let honest = try plan(watch, [own])
        let others = [try episode("file:/a", "/y"), try episode("file:/b", "/x")]
        for other in others {
            // The same plan, which names another deviation as what it puts back.
            let text = String(decoding: try honest.json.canonicalBytes(), as: UTF8.self)
            let forged = try RemediationPlan(
                try JSON(parsing: text.replacing(own.hex, with: other.hex)))
            var machine = watch.machine
            try machine.begin(
                forged, action: Fixture.action(1), expected: watch.expected, now: Fixture.at(70))
            let fresh = try Fixture.snapshot([
                ("file:/a", ["x": 1, "y": 2]), ("file:/b", ["x": 2]),
            ])
            let outcome = try machine.verify(
                forged, observation: Fixture.observation(fresh, 90))
            #expect(outcome.closed.isEmpty)
            #expect(machine.episodes[other] != nil)
        }
    }

    @Test("one plan at a time is at a subject, and only for the state it was made for")
    func oneAtATime() throws {
        var watch = try drifted(["a": 1, "b": 1], ["a": 2, "b": 2])
        let episodes = watch.machine.episodes.keys.sorted { $0.hex < $1.hex }
        let first = try plan(watch, [episodes[0]])
        let second = try plan(watch, [episodes[1]])
        try watch.machine.begin(
            first, action: Fixture.action(1), expected: watch.expected, now: Fixture.at(70))
        #expect(throws: DriftError.self) {
            try watch.machine.begin(
                second, action: Fixture.action(2), expected: watch.expected, now: Fixture.at(70))
        }
        #expect(try plan(watch, [episodes[1]]).refused.count == 1)
        try watch.machine.abandon(first)
        try watch.machine.begin(
            second, action: Fixture.action(2), expected: watch.expected, now: Fixture.at(70))
        try watch.machine.abandon(second)
        // What else changed is no obstacle; another baseline is.
        try watch.observe(["a": 2, "b": 3], 120)
        try watch.machine.begin(
            first, action: Fixture.action(1), expected: watch.expected, now: Fixture.at(130))
        try watch.machine.abandon(first)
        let other = try Watch(Fixture.source(), baseline: Fixture.snapshot(["a": 5, "b": 5]))
        var machine = other.machine
        #expect(throws: DriftError.self) {
            try machine.begin(
                first, action: Fixture.action(1), expected: other.expected, now: Fixture.at(130))
        }
    }

    @Test("a fresh observation says whether it worked; what it did not see is open")
    func verifies() throws {
        var watch = try drifted()
        let plan = try plan(watch)
        try watch.machine.begin(
            plan, action: Fixture.action(1), expected: watch.expected, now: Fixture.at(70))
        let old = Fixture.observation(try Fixture.snapshot(["host": "a", "port": 80]), 65)
        #expect(throws: DriftError.self) {
            try watch.machine.verify(plan, observation: old)
        }
        let hidden = Fixture.observation(
            try Fixture.snapshot([]), 80, gaps: [Fixture.gap()])
        #expect(try watch.machine.verify(plan, observation: hidden).unseen.count == 1)
        let fresh = Fixture.observation(try Fixture.snapshot(["host": "a", "port": 80]), 90)
        let outcome = try watch.machine.verify(plan, observation: fresh)
        #expect(outcome.isComplete && outcome.closed.map(\.ending) == [.reverted])
        #expect(watch.machine.remediations.isEmpty && watch.machine.episodes.isEmpty)
        #expect(throws: DriftError.self) {
            try watch.machine.verify(plan, observation: fresh)
        }
        #expect(try watch.observe(fresh).causes.isEmpty)
    }

    @Test("a plan that did not work says so")
    func fails() throws {
        var watch = try drifted()
        let plan = try plan(watch)
        try watch.machine.begin(
            plan, action: Fixture.action(1), expected: watch.expected, now: Fixture.at(70))
        let fresh = Fixture.observation(try Fixture.snapshot(["host": "a", "port": 81]), 90)
        let outcome = try watch.machine.verify(plan, observation: fresh)
        #expect(outcome.failed.count == 1 && outcome.closed.isEmpty)
        #expect(watch.machine.episodes.count == 1)
    }

    @Test("what was put back twice and came again is for people to settle")
    func loopBreaker() throws {
        var watch = try drifted()
        var second: Int64 = 70
        for _ in 0..<2 {
            let plan = try plan(watch)
            #expect(plan.refused.isEmpty)
            try watch.machine.begin(
                plan, action: Fixture.action(1), expected: watch.expected, now: Fixture.at(second))
            let fresh = Fixture.observation(
                try Fixture.snapshot(["host": "a", "port": 80]), second + 10)
            #expect(try watch.machine.verify(plan, observation: fresh).isComplete)
            try watch.observe(fresh)
            #expect(
                try watch.observe(["host": "a", "port": 81], second + 60).causes == [.reopened])
            second += 120
        }
        let plan = try plan(watch)
        #expect(plan.changes.isEmpty && plan.refused.count == 1)
    }

    @Test("a plan's own effects are explained like any others")
    func effects() throws {
        var watch = try drifted()
        let plan = try plan(watch)
        watch.effects = plan.effects.enumerated().map { number, effect in
            ApprovedEffect(
                action: Fixture.action(7), number: number, effect: effect, standing: .succeeded,
                index: 7, began: Fixture.at(70), ended: Fixture.at(80), isObserved: false)
        }
        let report = try watch.observe(["host": "a", "port": 80], 900)
        #expect(report.seen.count == 1 && report.missing.isEmpty)
        #expect(report.closed.map(\.ending) == [.vanished])
    }
}
