// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import Testing
import TransparencyLog

@Suite("What explains a deviation")
struct AttributionTests {
    /// The verdicts on all deviations between two documents; the change came between 5 and 30.
    private func verdicts(
        _ before: JSON, _ after: JSON, _ effects: [ApprovedEffect],
        settlements: [EffectKey: EffectSettlement] = [:],
        system: SystemChanges = .none, lists: ListSemantics = ListSemantics(),
        from: Int64 = 5, to: Int64 = 30, isSound: Bool = true
    ) throws -> [DriftVerdict] {
        let source = try Fixture.source(lists: lists)
        let (expected, live) = (try Fixture.snapshot(before), try Fixture.snapshot(after))
        var attributor = Attributor(
            source: source, effects: effects, settlements: settlements, system: system,
            expected: expected, live: live, unseen: .none, ledgerIsSound: isSound,
            now: Fixture.at(to))
        return try SnapshotDiff.deviations(
            source: source, expected: expected, live: live, unseen: .none
        ).map {
            try attributor.attribute(
                $0, interval: ChangeInterval(from: Fixture.at(from), to: Fixture.at(to)),
                until: Fixture.at(to)
            ).verdict
        }
    }

    /// The verdict on a port that went from 80 to 8080.
    private func verdicts(
        _ effects: [ApprovedEffect], settlements: [EffectKey: EffectSettlement] = [:],
        system: SystemChanges = .none, from: Int64 = 5, to: Int64 = 30, isSound: Bool = true
    ) throws -> [DriftVerdict] {
        try verdicts(
            ["port": 80], ["port": 8080], effects, settlements: settlements, system: system,
            from: from, to: to, isSound: isSound)
    }

    @Test("the declared value, in its time, is explained")
    func explained() throws {
        #expect(try verdicts([Fixture.effect("/port", .value(8080))]) == [.explained])
    }

    @Test("without any effect it is unauthorised")
    func unauthorised() throws {
        #expect(try verdicts([]) == [.unauthorised])
    }

    @Test("one number in two spellings is one value")
    func spelling() throws {
        let number = try JSON(parsing: "8080.0")
        #expect(try verdicts([Fixture.effect("/port", .value(number))]) == [.explained])
    }

    @Test("another value on the approved path is partial")
    func partial() throws {
        #expect(try verdicts([Fixture.effect("/port", .value(9090))]) == [.partial])
        #expect(try verdicts([Fixture.effect("/port", .value("8080"))]) == [.partial])
        #expect(try verdicts([Fixture.effect("/port", .absent)]) == [.partial])
        let other = Hash256.sha256(Array("9090".utf8))
        #expect(try verdicts([Fixture.effect("/port", .digest(other))]) == [.partial])
    }

    @Test("the digest of the canonical bytes explains")
    func digest() throws {
        let hash = Hash256.sha256(Array("8080".utf8))
        #expect(try verdicts([Fixture.effect("/port", .digest(hash))]) == [.explained])
    }

    @Test("another subject, scope or path explains nothing")
    func elsewhere() throws {
        #expect(
            try verdicts([
                Fixture.effect("/port", .value(8080), subject: "file:/etc/app.con"),
                Fixture.effect("/port", .value(8080), scope: "host-b"),
                Fixture.effect("/por", .value(8080)),
                Fixture.effect("/port2", .value(8080)),
                Fixture.effect("/Port", .value(8080)),
            ]) == [.unauthorised])
    }

    @Test("subjects are told apart by bytes")
    func bytes() throws {
        let source = try Fixture.source()
        let one = "file:/etc/caf\u{e9}"
        let two = "file:/etc/cafe\u{301}"
        let (before, after): (JSON, JSON) = (["port": 80], ["port": 8080])
        let expected = try Fixture.snapshot([(one, before)])
        let live = try Fixture.snapshot([(one, after)])
        var attributor = Attributor(
            source: source, effects: [try Fixture.effect("/port", .value(8080), subject: two)],
            expected: expected, live: live, unseen: .none, ledgerIsSound: true,
            now: Fixture.at(30))
        let deviation = try #require(
            try SnapshotDiff.deviations(
                source: source, expected: expected, live: live, unseen: .none
            ).first)
        let found = try attributor.attribute(
            deviation, interval: ChangeInterval(from: Fixture.at(5), to: Fixture.at(30)),
            until: Fixture.at(30))
        #expect(found.verdict == .unauthorised)
    }

    @Test("a wider path explains only if all of it is as declared")
    func wider() throws {
        let before: JSON = ["a": ["x": 1, "y": 2]]
        let after: JSON = ["a": ["x": 3, "y": 4]]
        #expect(
            try verdicts(before, after, [Fixture.effect("/a", .value(["x": 3, "y": 4]))])
                == [.explained, .explained])
        #expect(
            try verdicts(before, after, [Fixture.effect("/a", .value(["x": 3, "y": 2]))])
                == [.partial, .partial])
        #expect(
            try verdicts(before, after, [Fixture.effect("", .value(after))])
                == [.explained, .explained])
    }

    @Test("a deeper path explains nothing above it")
    func deeper() throws {
        #expect(
            try verdicts(
                ["a": 1], ["a": 1, "b": ["c": 2, "d": 3]],
                [Fixture.effect("/b/c", .value(2))]) == [.unauthorised])
    }

    @Test("escapes are not slashes")
    func escapes() throws {
        #expect(
            try verdicts(["a/b": 1], ["a/b": 2], [Fixture.effect("/a/b", .value(2))])
                == [.unauthorised])
        #expect(
            try verdicts(["a/b": 1], ["a/b": 2], [Fixture.effect("/a~1b", .value(2))])
                == [.explained])
    }

    @Test("before it began, and after its time, an action explains nothing")
    func window() throws {
        let effect = try Fixture.effect("/port", .value(8080), within: 30)
        #expect(try verdicts([effect], from: 0, to: 9) == [.outOfWindow])
        #expect(try verdicts([effect], from: 0, to: 10) == [.explained])
        #expect(try verdicts([effect], from: 50, to: 60) == [.explained])
        #expect(try verdicts([effect], from: 51, to: 60) == [.outOfWindow])
    }

    @Test("an action that runs explains now, one that was revoked never")
    func standing() throws {
        for standing in [ApprovedEffect.Standing.running, .failed, .unknown] {
            let effect = try Fixture.effect(
                "/port", .value(8080), standing: standing,
                ended: standing == .running ? nil : 20)
            #expect(try verdicts([effect]) == [.explained])
        }
        #expect(
            try verdicts([Fixture.effect("/port", .value(8080), standing: .revoked)])
                == [.revoked])
        #expect(
            try verdicts([Fixture.effect("/port", .value(1), standing: .revoked)])
                == [.unauthorised])
    }

    @Test("an effect that was seen before is replayed")
    func replayed() throws {
        let effect = try Fixture.effect("/port", .value(8080))
        let seen = EffectSettlement(kind: .seen, at: Fixture.at(1))
        #expect(try verdicts([effect], settlements: [effect.key: seen]) == [.replayed])
    }

    @Test("declared side effects are derived, if the action did its work")
    func derived() throws {
        let place = DeclaredEffect.Place(
            subject: Fixture.file, path: try Fixture.pointer("/hash"))
        let before: JSON = ["hash": "a", "port": 80]
        let effect = try Fixture.effect("/port", .value(8080), derived: [place])
        #expect(
            try verdicts(before, ["hash": "b", "port": 8080], [effect])
                == [.derived, .explained])
        #expect(try verdicts(before, ["hash": "b", "port": 80], [effect]) == [.unauthorised])
        #expect(
            try verdicts(before, ["hash": "b", "port": 8080], [effect], from: 5, to: 9)
                == [.unauthorised, .outOfWindow])
    }

    @Test("a controller is believed only with a rule and authenticated evidence")
    func system() throws {
        let rule = SystemRule(
            scope: "host-a", subject: "file:/etc/*",
            selector: .pointer(try Fixture.pointer("/port")), principal: "scaler")
        func evidence(
            _ principal: String = "scaler", isAuthenticated: Bool = true, at: Int64 = 20,
            path: String = "/port"
        ) throws -> SystemChanges {
            SystemChanges(
                rules: [rule],
                evidence: [
                    DriftEvidence(
                        scope: "host-a", subject: Fixture.file, path: try Fixture.pointer(path),
                        principal: principal, isAuthenticated: isAuthenticated,
                        at: Fixture.at(at))
                ])
        }
        #expect(try verdicts([], system: evidence()) == [.system])
        for forged in [
            try evidence("scaler2"), try evidence(isAuthenticated: false),
            try evidence(at: 31), try evidence(path: "/host"),
            SystemChanges(rules: [rule], evidence: []),
            SystemChanges(rules: [], evidence: try evidence().evidence),
        ] {
            #expect(try verdicts([], system: forged) == [.unauthorised])
        }
    }

    @Test("what was observed explains only between the gate's two looks")
    func observed() throws {
        let effect = try Fixture.effect("/port", .value(8080), isObserved: true)
        #expect(try verdicts([effect], from: 10, to: 20) == [.explained])
        #expect(try verdicts([effect], from: 9, to: 20) == [.outOfWindow])
        #expect(try verdicts([effect], from: 10, to: 21) == [.outOfWindow])
        #expect(
            try verdicts([Fixture.effect("/port", .observed)], from: 10, to: 20) == [.partial])
    }

    @Test("an unsound ledger leaves all undetermined")
    func unsound() throws {
        #expect(
            try verdicts([Fixture.effect("/port", .value(8080))], isSound: false)
                == [.undetermined])
    }

    @Test("a later action further down changes what an earlier one declared")
    func composed() throws {
        let before: JSON = ["a": ["x": 1, "y": 2]]
        let whole = try Fixture.effect("/a", .value(["x": 3, "y": 4]), action: 1)
        let deeper = try Fixture.effect("/a/x", .value(5), action: 2)
        #expect(
            try verdicts(before, ["a": ["x": 5, "y": 4]], [whole, deeper])
                == [.explained, .explained])
        // The other way round the whole value came last.
        let last = try Fixture.effect("/a", .value(["x": 3, "y": 4]), action: 3)
        #expect(
            try verdicts(before, ["a": ["x": 5, "y": 4]], [deeper, last])
                == [.explained, .partial])
    }

    @Test("sets and keyed lists compare as they are, not by order")
    func sets() throws {
        let lists = try Fixture.lists(["as": "set", "path": "/members"])
        let before: JSON = ["members": ["ann", "bob"]]
        let effect = try Fixture.effect("/members", .value(["ann", "bob", "eve"]))
        #expect(
            try verdicts(before, ["members": ["eve", "bob", "ann"]], [effect], lists: lists)
                == [.explained])
        let ordered = try verdicts(before, ["members": ["eve", "bob", "ann"]], [effect])
        #expect(Set(ordered) == [.partial])
    }

    @Test("an element is not another one because it has its number")
    func numbers() throws {
        let lists = try Fixture.lists(["as": "map", "path": "/c", "keys": ["name"]])
        func element(_ name: String, _ image: Int64) -> JSON {
            ["image": .int(image), "name": .string(name)]
        }
        let before: JSON = ["c": [element("app", 1), element("side", 1)]]
        let effect = try Fixture.effect("/c/0/image", .value(2))
        #expect(
            try verdicts(
                before, ["c": [element("app", 2), element("side", 1)]], [effect], lists: lists)
                == [.explained])
        #expect(
            try verdicts(
                before, ["c": [element("side", 2), element("app", 1)]], [effect], lists: lists)
                == [.partial])
    }
}
