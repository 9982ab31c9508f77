// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Testing

@Suite("Ignore rules")
struct IgnoreRuleTests {
    private func watch(_ rules: [IgnoreRule], kind: DriftSource.Kind = .http) throws -> Watch {
        var watch = try Watch(
            Fixture.source(kind: kind), baseline: Fixture.snapshot(["host": "a", "port": 80]))
        watch.rules = rules
        return watch
    }

    @Test("hidden from alerts, never from reports, and counted")
    func hides() throws {
        var watch = try watch([Fixture.rule(pointer: "/port")])
        let report = try watch.observe(["host": "b", "port": 81], 60)
        #expect(report.ignored.map(\.deviation.pointer.description) == ["/port"])
        #expect(report.alerts.count == 1)
        try watch.observe(["host": "b", "port": 82], 120)
        let tally = try #require(watch.machine.tallies.first)
        #expect(tally.hits == 2 && tally.lastHit == Fixture.at(122))
        #expect(watch.machine.episodes.count == 2)
    }

    @Test("a field is not the resource: what is beside and above stays told")
    func places() throws {
        var watch = try watch([
            Fixture.rule(pointer: "/port"), Fixture.rule("other", pointer: "/host/x"),
        ])
        let report = try watch.observe(Fixture.snapshot([]), 60)
        #expect(report.ignored.isEmpty && report.causes == [.opened])
        var longer = try self.watch([try Fixture.rule(pointer: "/por")])
        #expect(try longer.observe(["host": "a", "port": 81], 60).ignored.isEmpty)
    }

    @Test("a query selects by what is there, a removal by what was")
    func queries() throws {
        let rule = try IgnoreRule([
            "approvedAt": .string(Fixture.at(0).description), "approvedBy": "alice",
            "expires": .string(Fixture.at(9_000).description), "id": "rule",
            "jsonpath": "$.c[?@.name == 'app'].image", "owner": "alice", "reason": "rolled out",
            "subject": "*",
        ])
        #expect(try IgnoreRule(rule.json) == rule)
        func document(_ app: JSON, _ side: JSON) -> JSON {
            ["c": [["image": app, "name": "app"], ["image": side, "name": "side"]]]
        }
        var watch = try Watch(
            Fixture.source(), baseline: Fixture.snapshot(document(1, ["x": 1])))
        watch.rules = [rule]
        let report = try watch.observe(document(["y": 2], ["x": 2]), 60)
        #expect(report.ignored.map(\.deviation.pointer.description) == ["/c/0/image"])
        let gone: JSON = ["c": [["name": "app"], ["image": ["x": 1], "name": "side"]]]
        #expect(try watch.observe(gone, 120).ignored.count == 1)
    }

    @Test("a rule is for its source and its subjects")
    func scope() throws {
        let elsewhere = [
            try Fixture.rule(source: Handle(constant: "other")),
            try Fixture.rule("subject", subject: "file:/etc/app"),
        ]
        var watch = try watch(elsewhere)
        #expect(try watch.observe(["host": "a", "port": 81], 60).ignored.isEmpty)
        watch.rules = [
            try Fixture.rule(source: Handle(constant: "host"), subject: "file:/etc/*.conf")
        ]
        #expect(try watch.observe(["host": "a", "port": 81], 120).ignored.count == 1)
    }

    @Test("this server's own rules can't be ignored, nor gaps, nor missing effects")
    func never() throws {
        var own = try watch([Fixture.rule(source: Handle(constant: "host"))], kind: .exequatur)
        let report = try own.observe(["host": "a", "port": 81], 60)
        #expect(report.ignored.isEmpty && report.alerts.map(\.severity) == [.critical])
        var watch = try watch([Fixture.rule()])
        #expect(try watch.fail(60).causes == [.gap])
        watch.effects = [try Fixture.effect("/port", .value(8080))]
        #expect(try watch.observe(["host": "a", "port": 80], 900).causes == [.missingEffect])
    }

    @Test("when a rule ends, what it hid is told")
    func ends() throws {
        var watch = try watch([Fixture.rule(pointer: "/port", expires: 100)])
        #expect(try watch.observe(["host": "a", "port": 81], 60).causes.isEmpty)
        // The rule holds until the very instant at which it ends.
        #expect(try watch.observe(["host": "a", "port": 81], 97).causes.isEmpty)
        #expect(try watch.observe(["host": "a", "port": 81], 98).causes == [.opened])
    }

    @Test("what is explained is taken over though a rule would hide it")
    func explained() throws {
        var watch = try watch([Fixture.rule()])
        watch.effects = [try Fixture.effect("/port", .value(81))]
        let report = try watch.observe(["host": "a", "port": 81], 60)
        #expect(report.ignored.isEmpty && report.newBaseline != nil)
    }

    @Test("a guard lets only the values through that were meant")
    func guards() throws {
        func hides(_ valueGuard: IgnoreRule.Guard, _ value: JSON) throws -> Bool {
            var watch = try watch([Fixture.rule(pointer: "/port", valueGuard: valueGuard)])
            return try !watch.observe(["host": "a", "port": value], 60).ignored.isEmpty
        }
        let range = IgnoreRule.Guard.range(minimum: 81, maximum: 90)
        #expect(try hides(range, 81) && hides(range, 90) && hides(range, JSON(parsing: "90.0")))
        #expect(try !hides(range, 91) && !hides(range, 79) && !hides(range, "85"))
        #expect(try hides(.equals(81), 81) && !hides(.equals(81), "81"))
        #expect(try hides(.oneOf([81, 82]), 82) && !hides(.oneOf([81, 82]), 83))
        #expect(try hides(.matches("8[0-9]|x"), "81") && !hides(.matches("8[0-9]|x"), "812"))
        #expect(try !hides(.matches("8[0-9]"), 81))
        var gone = try watch([Fixture.rule(pointer: "/port", valueGuard: .equals(81))])
        #expect(try gone.observe(["host": "a"], 60).ignored.isEmpty)
    }

    @Test("a rule must end, and at the latest after 366 days")
    func limits() throws {
        #expect(throws: DriftError.self) { try Fixture.rule(expires: 0) }
        #expect(throws: DriftError.self) { try Fixture.rule(expires: 366 * 86_400 + 1) }
        let rule = try Fixture.rule(
            pointer: "/a~1b", valueGuard: .range(minimum: 1, maximum: nil),
            expires: 366 * 86_400)
        #expect(try IgnoreRule(rule.json) == rule)
        for (member, value) in [
            ("expires", JSON.null), ("pointer", .null), ("jsonpath", "$.x"), ("extra", 1),
            ("guard", ["equals": 1, "matches": "x"]), ("guard", ["range": [:]]), ("owner", .null),
        ] {
            guard case .object(var object) = rule.json else { return }
            object[member] = value
            #expect(throws: (any Error).self) { try IgnoreRule(.object(object)) }
        }
    }

    @Test("rules that ended, end soon or hide nothing are told of")
    func findings() throws {
        let rules = [
            try Fixture.rule("ended", expires: 100),
            try Fixture.rule("orphan", expires: 300 * 86_400),
            try Fixture.rule("used", expires: 300 * 86_400),
            try Fixture.rule("soon", expires: 50 * 86_400),
        ]
        let now = Fixture.at(40 * 86_400)
        var watch = try watch([rules[2], rules[3]])
        watch.comesBack = false
        try watch.observe(["host": "a", "port": 81], 39 * 86_400)
        watch.rules = [rules[3]]
        let used = watch.machine.tallies
        try watch.observe(["host": "a", "port": 81], 39 * 86_400 + 60)
        let found = IgnoreRule.findings(
            rules, tallies: used + watch.machine.tallies, now: now)
        #expect(found.map(\.rule.text) == ["ended", "orphan", "soon"])
        #expect(found.map(\.kind) == [.expired, .orphan, .expiring])
    }

    @Test("a preview shows what a rule would hide")
    func preview() throws {
        let (before, after): (JSON, JSON) = (["host": "a", "port": 80], ["host": "b", "port": 81])
        let hidden = try Fixture.rule(pointer: "/port").preview(
            source: Fixture.source(), expected: Fixture.snapshot(before),
            live: Fixture.snapshot(after), unseen: .none)
        #expect(hidden.map(\.path.description) == ["/port"])
    }
}
