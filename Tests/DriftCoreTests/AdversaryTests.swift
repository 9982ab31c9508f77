// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import TestSupport
import Testing
import TransparencyLog

/// Documents, changes and effects drawn from a seed.
struct DriftWorld {
    var random: SeededRandom
    let lists: ListSemantics
    /// Names that are easily taken for each other.
    static let names = [
        "a", "ab", "A", "a/b", "a~1b", "a~b", "0", "1", "01", "-", "", "é", "e\u{301}", "K",
        "\u{212a}", "list", "set", "map",
    ]
    static let subjects = [
        "file:/etc/app", "file:/etc/app.conf", "file:/etc/App", "file:/etc/app/",
        "file:/etc/caf\u{e9}", "file:/etc/cafe\u{301}", "file:/etc/\u{430}pp",
    ]

    init(_ random: SeededRandom) throws {
        self.random = random
        lists = try ListSemantics([
            ["as": "set", "path": "/set"], ["as": "map", "keys": ["name"], "path": "/map"],
        ])
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    mutating func value(_ depth: Int) -> JSON {
        switch below(depth > 0 ? 9 : 6) {
        case 0: return .null
        case 1: return .bool(below(2) == 0)
        case 2, 3: return .int(below(4))
        case 4: return .string(pick(Self.names))
        case 5: return .string("1")
        case 6: return .array((0..<below(4)).map { _ in value(depth - 1) })
        default: return document(depth - 1)
        }
    }

    mutating func document(_ depth: Int) -> JSON {
        var object = JSONObject()
        for _ in 0..<below(6) {
            let name = pick(Self.names)
            switch name {
            case "set": object[name] = .array((0..<below(4)).map { .string("m\($0)") })
            case "map":
                object[name] = .array(
                    (0..<below(4)).map { ["name": .string("n\($0)"), "v": .int(below(3))] })
            default: object[name] = value(depth)
            }
        }
        return .object(object)
    }

    /// The document with a few changes anywhere.
    mutating func changed(_ document: JSON, _ count: Int) -> JSON {
        (0..<count).reduce(document) { document, _ in change(document, 3) }
    }

    private mutating func change(_ value: JSON, _ depth: Int) -> JSON {
        switch value {
        case .object(var object) where depth > 0 && below(5) > 0:
            if object.isEmpty || below(4) == 0 {
                object[pick(Self.names)] = self.value(1)
            } else {
                let member = object[below(object.count)]
                object[member.key] = below(5) == 0 ? Optional.none : change(member.value, depth - 1)
            }
            return .object(object)
        case .array(var elements) where depth > 0 && !elements.isEmpty:
            let index = below(elements.count)
            switch below(4) {
            case 0: elements.remove(at: index)
            case 1: elements.insert(self.value(1), at: index)
            case 2: elements.swapAt(0, index)
            default: elements[index] = change(elements[index], depth - 1)
            }
            return .array(elements)
        default:
            return self.value(1)
        }
    }
}

@Suite("Attribution under attack")
struct AdversaryTests {
    private static let cases = 3_000

    private struct Setting {
        var world: DriftWorld
        let source: DriftSource
        let expected: Snapshot
        let live: Snapshot
        let deviations: [Deviation]
        let subject: String
        let liveDocument: JSON

        init?(_ random: SeededRandom) throws {
            world = try DriftWorld(random)
            source = try Fixture.source(lists: world.lists)
            subject = world.pick(DriftWorld.subjects)
            let before = world.document(3)
            liveDocument = world.changed(before, 1 + world.below(4))
            expected = try Fixture.snapshot([(subject, before)])
            live = try Fixture.snapshot([(subject, liveDocument)])
            deviations = try SnapshotDiff.deviations(
                source: source, expected: expected, live: live, unseen: .none)
            if deviations.isEmpty { return nil }
        }

        func verdict(
            _ deviation: Deviation, _ effects: [ApprovedEffect],
            settlements: [EffectKey: EffectSettlement] = [:], system: SystemChanges = .none
        ) throws -> DriftVerdict {
            var attributor = Attributor(
                source: source, effects: effects, settlements: settlements, system: system,
                expected: expected, live: live, unseen: .none, ledgerIsSound: true,
                now: Fixture.at(30))
            return try attributor.attribute(
                deviation, interval: ChangeInterval(from: Fixture.at(5), to: Fixture.at(30)),
                until: Fixture.at(30)
            ).verdict
        }
    }

    /// An effect that truly says what is at a place now.
    private static func truth(
        _ setting: inout Setting, _ pointer: JSONPointer, subject: String? = nil,
        scope: String = "host-a", standing: ApprovedEffect.Standing = .succeeded,
        began: Int64 = 10
    ) throws -> ApprovedEffect {
        let post: DeclaredEffect.Post
        if let found = setting.liveDocument[pointer] {
            post =
                setting.world.below(2) == 0
                ? .value(found) : .digest(.sha256(try found.canonicalBytes()))
        } else {
            post = .absent
        }
        return try Fixture.effect(
            pointer.description, post, subject: subject ?? setting.subject, scope: scope,
            standing: standing, began: began, ended: began + 10, within: 5)
    }

    /// The lists above a place: those may be declared, elements by number are not.
    private static func declarable(_ deviation: Deviation) -> JSONPointer {
        var tokens: [String] = []
        for step in deviation.path.steps {
            guard case .member(let name) = step else { break }
            tokens.append(name)
        }
        return JSONPointer(tokens: tokens)
    }

    @Test("every truthfully declared effect is explained, at its place or any place above")
    func completeness() throws {
        let random = SeededRandom.forTest()
        var count = 0
        for number in 0..<Self.cases {
            guard var setting = try Setting(random.child("\(number)")) else { continue }
            for deviation in setting.deviations {
                let full = Self.declarable(deviation)
                let depth = setting.world.below(full.tokens.count + 1)
                let pointer = JSONPointer(tokens: Array(full.tokens.prefix(depth)))
                let effect = try Self.truth(&setting, pointer)
                let verdict = try setting.verdict(deviation, [effect])
                #expect(
                    verdict == .explained, "case \(number): \(deviation.path) by \(pointer)")
                count += 1
            }
        }
        #expect(count > Self.cases)
    }

    /// What an attacker tries: each must explain nothing.
    private enum Attack: CaseIterable {
        case wrongValue, wrongSubject, wrongScope, wrongPath, deeper, wider, replay, superseded
        case tooEarly, tooLate, revoked, digestOfOthers, escapes, evidence, looseObservation
        case unrecorded
    }

    private func effects(
        _ attack: Attack, _ setting: inout Setting, _ deviation: Deviation
    ) throws -> [ApprovedEffect] {
        let place = deviation.pointer
        let current = setting.liveDocument[place]
        switch attack {
        case .wrongValue:
            var other = setting.world.value(2)
            while other == current { other = setting.world.value(2) }
            return [try Fixture.effect(place.description, .value(other), subject: setting.subject)]
        case .wrongSubject:
            return try DriftWorld.subjects.filter {
                !$0.utf8.elementsEqual(setting.subject.utf8)
            }.map { try Self.truth(&setting, place, subject: $0) }
        case .wrongScope:
            return try ["host-b", "host-", "host-a ", "Host-a", "host-\u{430}"].map {
                try Self.truth(&setting, place, scope: $0)
            }
        case .wrongPath:
            // Beside the place, or a name that begins the same.
            guard let last = place.tokens.last else { return [] }
            let above = place.tokens.dropLast()
            let found = current.map(DeclaredEffect.Post.value) ?? .absent
            return try (DriftWorld.names + [last + "b", last + "/", last + "~1"])
                .filter { !$0.utf8.elementsEqual(last.utf8) }
                .map {
                    try Fixture.effect(
                        JSONPointer(tokens: above + [$0]).description, found,
                        subject: setting.subject)
                }
        case .deeper:
            let found = current.map(DeclaredEffect.Post.value) ?? .absent
            return try DriftWorld.names.map {
                try Fixture.effect(
                    place.appending($0).description, found, subject: setting.subject)
            }
        case .wider: return try wider(&setting, place)
        case .tooEarly: return [try Self.truth(&setting, place, began: -30)]
        case .tooLate: return [try Self.truth(&setting, place, began: 31)]
        case .revoked: return [try Self.truth(&setting, place, standing: .revoked)]
        case .digestOfOthers:
            let bytes = (try current?.canonicalBytes() ?? []) + [0x20]
            return [
                try Fixture.effect(
                    place.description, .digest(.sha256(bytes)), subject: setting.subject)
            ]
        case .escapes: return try unescaped(setting, place)
        case .looseObservation:
            let found = try Self.truth(&setting, place)
            return [
                ApprovedEffect(
                    action: found.action, number: 0, effect: found.effect,
                    standing: .succeeded, index: 1, began: Fixture.at(6), ended: Fixture.at(30),
                    isObserved: true)
            ]
        case .unrecorded:
            return [try Fixture.effect(place.description, .observed, subject: setting.subject)]
        case .replay, .superseded: return [try Self.truth(&setting, place)]
        case .evidence: return []
        }
    }

    private func wider(
        _ setting: inout Setting, _ place: JSONPointer
    ) throws -> [ApprovedEffect] {
        // A place above with the declared value of the place itself only.
        guard !place.tokens.isEmpty else { return [] }
        let above = JSONPointer(tokens: Array(place.tokens.dropLast()))
        let real = setting.liveDocument[above]
        let wrong = setting.world.changed(real ?? .null, 1)
        let whole = try JSONPatch([.replace(above, wrong)])
        guard real != nil,
            try !JSONDiff.areEqual(
                whole.applied(to: setting.liveDocument), setting.liveDocument,
                lists: setting.world.lists)
        else { return [] }
        return [try Fixture.effect(above.description, .value(wrong), subject: setting.subject)]
    }

    private func unescaped(
        _ setting: Setting, _ place: JSONPointer
    ) throws -> [ApprovedEffect] {
        let text = place.description.replacing("~1", with: "/")
        guard text != place.description, let other = try? JSONPointer(parsing: text) else {
            return []
        }
        return [
            try Fixture.effect(
                other.description,
                setting.liveDocument[place].map(DeclaredEffect.Post.value) ?? .absent,
                subject: setting.subject)
        ]
    }

    @Test("no attack is explained", arguments: Array(Attack.allCases.indices))
    private func soundness(_ attackNumber: Int) throws {
        let attack = Attack.allCases[attackNumber]
        let random = SeededRandom.forTest("soundness of \(attack)")
        var count = 0
        for number in 0..<Self.cases / 3 {
            guard var setting = try Setting(random.child("\(number)")) else { continue }
            for deviation in setting.deviations {
                let effects = try effects(attack, &setting, deviation)
                var settlements: [EffectKey: EffectSettlement] = [:]
                var system = SystemChanges.none
                switch attack {
                case .replay, .superseded:
                    settlements[effects[0].key] = EffectSettlement(
                        kind: attack == .replay ? .seen : .superseded, at: Fixture.at(1))
                case .evidence: system = forged(deviation)
                default: break
                }
                let verdict = try setting.verdict(
                    deviation, effects, settlements: settlements, system: system)
                #expect(
                    !verdict.explains, "case \(number): \(deviation.path) \(deviation.operation)")
                count += 1
            }
        }
        #expect(count > 100)
    }

    /// Evidence that names the approved principal, but is not authenticated, and the reverse.
    private func forged(_ deviation: Deviation) -> SystemChanges {
        func evidence(_ principal: String, _ isAuthenticated: Bool, _ at: Int64) -> DriftEvidence {
            DriftEvidence(
                scope: "host-a", subject: deviation.subject, path: deviation.pointer,
                principal: principal, isAuthenticated: isAuthenticated, at: Fixture.at(at))
        }
        let rule = SystemRule(
            scope: "host-a", subject: "*", selector: .pointer(JSONPointer(tokens: [])),
            principal: "approve:\(Fixture.action(1))")
        return SystemChanges(
            rules: [rule],
            evidence: [
                evidence(rule.principal, false, 20), evidence(rule.principal + " ", true, 20),
                evidence(rule.principal, true, 4), evidence(rule.principal, true, 31),
            ])
    }
}
