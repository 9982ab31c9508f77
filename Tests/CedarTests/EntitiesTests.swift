// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing

@Suite struct EntitiesTests {
    private func uid(_ id: Int) -> EntityUID { EntityUID(type: "N", id: String(id)) }

    @Test func ancestorsAreWorkedOut() throws {
        let entities = try Entities([
            Entity(uid: uid(1), parents: [uid(2), uid(3)]), Entity(uid: uid(2), parents: [uid(4)]),
            Entity(uid: uid(3), parents: [uid(4), uid(9)]), Entity(uid: uid(4), parents: [uid(5)]),
        ])
        #expect(entities.ancestors(of: uid(1)) == [uid(2), uid(3), uid(4), uid(5), uid(9)])
        #expect(entities.ancestors(of: uid(5)) == [])
        #expect(entities.isEntity(uid(1), in: uid(5)))
        #expect(entities.isEntity(uid(7), in: uid(7)))
        #expect(!entities.isEntity(uid(5), in: uid(1)))
        #expect(entities.count == 4)
    }

    @Test func circlesAndDuplicatesAreRefused() {
        let own = [Entity(uid: uid(1), parents: [uid(1)])]
        let circle = (0..<5).map { Entity(uid: uid($0), parents: [uid(($0 + 1) % 5)]) }
        #expect(throws: EntitiesError.self) { try Entities(own) }
        #expect(throws: EntitiesError.self) { try Entities(circle) }
        #expect(throws: EntitiesError.self) { try Entities([own[0], Entity(uid: uid(1))]) }
        // Not duplicates, though they look the same.
        #expect(throws: Never.self) {
            try Entities(["\u{E9}", "e\u{301}"].map { Entity(uid: EntityUID(type: "N", id: $0)) })
        }
    }

    @Test func longChainsNeitherCrashNorPass() throws {
        let chain = (0..<Entities.maximumAncestors).map {
            Entity(uid: uid($0), parents: [uid($0 + 1)])
        }
        // Memory goes with the square of the length, so a shorter one is worked out in full.
        let short = try Entities(Array(chain.prefix(500)))
        #expect(short.ancestors(of: uid(0)).count == 500)
        let tooLong = chain + [Entity(uid: uid(Entities.maximumAncestors), parents: [uid(-1)])]
        #expect(throws: EntitiesError.self) { try Entities(tooLong) }
    }

    /// Whatever is put on top, the result is that of starting anew.
    @Test func overlayEqualsRebuilding() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<400 {
            let below = graph(0..<12, of: 14, &random)
            var entities = try Entities(below)
            var all = Dictionary(uniqueKeysWithValues: below.map { ($0.uid, $0) })
            for _ in 0..<3 {
                let low = Int.random(in: 0..<12, using: &random)
                let few = graph(low..<min(low + 3, 14), of: 14, &random)
                entities = entities.adding(few)
                for entity in few { all[entity.uid] = entity }
                let anew = try Entities(Array(all.values))
                #expect(entities.count == anew.count)
                for id in 0..<14 {
                    #expect(entities.ancestors(of: uid(id)) == anew.ancestors(of: uid(id)))
                    #expect(entities[uid(id)] == anew[uid(id)])
                }
            }
        }
    }

    /// Entities whose parents have higher numbers, so that there are no circles.
    private func graph(
        _ ids: Range<Int>, of count: Int, _ random: inout SeededRandom
    ) -> [Entity] {
        ids.map { id in
            let parents = ((id + 1)..<max(count, id + 1)).filter { _ in
                Int.random(in: 0..<6, using: &random) == 0
            }
            return Entity(
                uid: uid(id),
                attributes: ["n": .long(Int64.random(in: 0..<9, using: &random))],
                parents: parents.map(uid))
        }
    }

    @Test func overlayLeavesTheBaseAlone() throws {
        let base = try Entities([Entity(uid: uid(1), parents: [uid(2)])])
        let more = base.adding([Entity(uid: uid(2), parents: [uid(3)])])
        #expect(base.ancestors(of: uid(1)) == [uid(2)])
        #expect(more.ancestors(of: uid(1)) == [uid(2), uid(3)])
        #expect(base.count == 1 && more.count == 2)
    }

    @Test func circlesOnTopAreHarmless() {
        let entities = Entities().adding([
            Entity(uid: uid(1), parents: [uid(2)]), Entity(uid: uid(2), parents: [uid(1)]),
        ])
        #expect(entities.isEntity(uid(1), in: uid(2)) && entities.isEntity(uid(2), in: uid(1)))
        #expect(!entities.isEntity(uid(1), in: uid(3)))
    }

    @Test func jsonIsRead() throws {
        let json = try JSON(
            parsing: """
                [{"uid": {"type": "User", "id": "a"},
                  "parents": [{"__entity": {"type": "G", "id": "g"}}],
                  "attrs": {"n": 1, "ip": {"__extn": {"fn": "ip", "arg": "::1"}},
                            "r": {"x": [true, {"__entity": {"type": "A::B", "id": ""}}]}},
                  "tags": {"t": "v"}}]
                """)
        let entities = try Entities(json: json)
        let entity = try #require(entities[EntityUID(type: "User", id: "a")])
        #expect(entity.parents == [EntityUID(type: "G", id: "g")])
        #expect(entity.attributes["n"] == 1)
        #expect(entity.attributes["ip"] == .extension(.ip(try IPAddressValue(parsing: "::1"))))
        #expect(
            entity.attributes["r"]
                == .record(["x": .set([true, .entity(EntityUID(type: "A::B", id: ""))])]))
        #expect(entity.tags["t"] == "v")
        #expect(try Entities(json: .array([try entity.json]))[entity.uid] == entity)
    }

    @Test(arguments: [
        ("{}", "array of objects"), ("[1]", "expected an object"),
        (entity(parents: nil), "parents"), (entity(attributes: nil), "attrs"),
        (entity(uid: #""A::\"x\"""#), "uid"), (entity(uid: #"{"type": "A", "id": 1}"#), "id"),
        (entity(uid: #"{"type": "A B", "id": "x"}"#), "not an entity type"),
        (entity(uid: #"{"type": "__cedar::A", "id": "x"}"#), "not an entity type"),
        (entity(more: #", "tag": {}"#), "unknown"), (entity(a: "null"), "null"),
        (entity(a: "1.5"), "integer"), (entity(a: "9223372036854775808"), "integer"),
        (entity(a: #"{"__expr": "1"}"#), "reserved"),
        (entity(a: #"{"__entity": {"type": "A", "id": "x"}, "b": 1}"#), "reserved"),
        (entity(a: #"{"__entity": {"type": "A"}}"#), "id"),
        (entity(a: #"{"__extn": {"fn": "no", "arg": 1}}"#), "does not exist"),
        (entity(a: #"{"__extn": {"fn": "ip", "arg": "x"}}"#), "not an IP address"),
        (entity(a: #"{"__extn": {"fn": "ip"}}"#), "requires exactly 1 argument"),
        (
            entity(uid: #"{"type": "Action", "id": "x"}"#, parents: #"[{"type": "A", "id": "x"}]"#),
            "cannot be in"
        ),
    ])
    func badJSONIsRefused(_ text: String, _ message: String) throws {
        let json = try JSON(parsing: text)
        let error = #expect(throws: EntitiesError.self) { try Entities(json: json) }
        #expect(error?.message.contains(message) == true, "\(String(describing: error))")
    }

    /// An array of one entity, good unless an argument says otherwise.
    private static func entity(
        uid: String = #"{"type": "A", "id": "x"}"#, parents: String? = "[]",
        attributes: String? = "{}", a: String? = nil, more: String = ""
    ) -> String {
        let attributes = a.map { "{\"a\": \($0)}" } ?? attributes
        let parts = [
            "\"uid\": \(uid)", parents.map { "\"parents\": \($0)" },
            attributes.map { "\"attrs\": \($0)" },
        ]
        return "[{" + parts.compactMap(\.self).joined(separator: ", ") + more + "}]"
    }
}
