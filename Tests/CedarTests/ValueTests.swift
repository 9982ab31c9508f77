// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing

@Suite struct ValueTests {
    private let composed = "\u{E9}"
    private let decomposed = "e\u{301}"

    @Test func normalFormsAreDifferentEverywhere() throws {
        // Swift's own comparison takes these two for the same text.
        #expect(composed == decomposed)
        #expect(Value.string(composed) != .string(decomposed))
        #expect(EntityUID(type: "T", id: composed) != EntityUID(type: "T", id: decomposed))
        #expect(ValueSet([.string(composed), .string(decomposed)]).count == 2)
        let record = Value.Record([(composed, 1), (decomposed, 2)])
        #expect(record.count == 2)
        #expect(record[composed] == 1 && record[decomposed] == 2)
        #expect(Set([Value.string(composed), .string(decomposed)]).count == 2)
        // The Kelvin sign is canonically the letter K.
        #expect(Value.string("\u{212A}") != "K")
        let text = """
            @id("\(composed)") permit(principal, action, resource);
            @id("\(decomposed)") forbid(principal, action, resource);
            """
        let set = try PolicySet(parsing: text, idsFromAnnotation: true)
        #expect(set[composed]?.effect == .permit && set[decomposed]?.effect == .forbid)
    }

    @Test func partsOfNamesDoNotRunTogether() {
        #expect(EntityUID(type: "A", id: "Bc") != EntityUID(type: "AB", id: "c"))
        #expect(
            EntityUID(type: "A", id: "Bc").hashValue != EntityUID(type: "AB", id: "c").hashValue)
    }

    @Test func setsForgetOrderAndDuplicates() {
        #expect(ValueSet([1, 2, 2, 1]).count == 2)
        let many = (0..<100).map { Value.long($0) }
        let one = ValueSet(many + many)
        let two = ValueSet(many.reversed())
        #expect(one == two && one.count == 100 && one.hashValue == two.hashValue)
        #expect(one != ValueSet(many.dropLast()) && !one.isSubset(of: ValueSet(many.dropLast())))
        #expect(ValueSet(many.dropLast()).isSubset(of: one))
        #expect(ValueSet([.set([1, 2])]) == ValueSet([.set([2, 1])]))
        // A set that shrinks below the limit of scanning equals one that was small at once.
        #expect(ValueSet(Array(repeating: Value.long(1), count: 20)) == ValueSet([1]))
        #expect(ValueSet().isDisjoint(with: one) && ValueSet().isSubset(of: ValueSet()))
    }

    @Test func equalValuesHashTheSame() throws {
        var generator = PolicyGenerator(random: .forTest())
        for _ in 0..<300 {
            let json = generator.members(3)
            let one = try Value(json: json)
            let two = try Value(json: try one.json)
            #expect(one == two && one.hashValue == two.hashValue)
            #expect(try two.json == one.json)
        }
    }

    @Test func recordsKeepTheLastOfEqualKeys() {
        var record = Value.Record([("b", 1), ("a", 2), ("b", 3)])
        #expect(record.keys == ["a", "b"] && record["b"] == 3)
        record["a"] = nil
        record["c"] = 4
        #expect(record == ["b": 3, "c": 4])
        #expect(record["missing"] == nil)
    }

    @Test func dataFromOutsideNamesNoEntities() throws {
        let json = try JSON(parsing: #"{"a": {"__entity": {"type": "User", "id": "root"}}}"#)
        let trusted = try Value(json: json)
        let outside = try Value(data: json)
        #expect(trusted == .record(["a": .entity(EntityUID(type: "User", id: "root"))]))
        #expect(
            outside
                == .record(["a": .record(["__entity": .record(["type": "User", "id": "root"])])]))
        // It could not be written without becoming an entity.
        #expect(throws: JSONShapeError.self) { try outside.json }
    }

    @Test func dataWithoutCedarValueIsRefusedOrDecided() throws {
        let json = try JSON(parsing: #"{"a": null, "b": [1.5, 2], "c": 1.0}"#)
        #expect(throws: JSONShapeError.self) { try Value(data: json) }
        let value = try Value(data: json) { json, path throws(JSONShapeError) in
            json.isNull ? nil : .string("\(path)=\(json)")
        }
        #expect(value == .record(["b": .set(["b[0]=1.5", 2]), "c": 1]))
    }

    @Test func deepJSONIsRefused() throws {
        var json: JSON = 1
        for _ in 0..<(Value.maximumJSONDepth - 1) { json = [json] }
        #expect(throws: Never.self) { try Value(json: json) }
        #expect(throws: JSONShapeError.self) { try Value(json: [json]) }
        #expect(throws: JSONShapeError.self) { try Value(data: ["a": json]) }
    }

    @Test(arguments: [
        #"User::"alice""#, #"A::B::C::"""#, #"T::"\"\\\n\u{1F600}\x41\*""#, #"T::"é""#,
    ])
    func namesInCedarSyntax(_ text: String) {
        let uid = EntityUID(parsing: text)
        #expect((uid == nil) == text.contains("\\*"))
        if let uid { #expect(EntityUID(parsing: uid.description) == uid) }
    }

    @Test(arguments: [
        "", "User", "User::", "User::alice", "::\"a\"", "User:\"a\"", "User:: \"a\"",
        "User ::\"a\"",
        " User::\"a\"", "User::\"a\" ", "User::\"a", "User::\"a\"b\"", "User::\"a\\\"",
        "1User::\"a\"",
        "if::\"a\"", "__cedar::\"a\"", "User::\"\\q\"", "A:::B::\"a\"", "é::\"a\"", "User::\"",
        "\"a\"",
    ])
    func badNames(_ text: String) {
        #expect(EntityUID(parsing: text) == nil)
    }

    @Test func whatDoesNotShowIsEscaped() {
        let uid = EntityUID(type: "T", id: "a\u{202E}b\u{200B}\u{7}\n\"\\\u{301}é")
        #expect(uid.description == #"T::"a\u{202e}b\u{200b}\u{7}\n\"\\\u{301}é""#)
    }

    @Test(arguments: [
        (#""User::\"a\"""#, #""Action::\"v\"""#, #""R::\"r\"""#),
        (
            #"{"type": "User", "id": "a"}"#, #"{"__entity": {"type": "Action", "id": "v"}}"#,
            #"{"type": "R", "id": "r"}"#
        ),
    ])
    func requestsAreRead(_ principal: String, _ action: String, _ resource: String) throws {
        let json = try JSON(
            parsing: """
                {"principal": \(principal), "action": \(action), "resource": \(resource),
                 "context": {"x": 1}}
                """)
        #expect(
            try Request(json: json)
                == Request(
                    principal: EntityUID(type: "User", id: "a"),
                    action: EntityUID(type: "Action", id: "v"),
                    resource: EntityUID(type: "R", id: "r"), context: ["x": 1]))
    }

    @Test(
        arguments: [
            ("principal", "a" as JSON), ("principal", nil), ("context", []), ("more", 1),
            ("resource", 1), ("action", ["type": "Action"]), ("context", ["a": nil]),
        ] as [(String, JSON?)])
    func badRequests(_ key: String, _ value: JSON?) throws {
        var object: JSONObject = [
            "principal": "A::\"a\"", "action": "Action::\"v\"", "resource": "R::\"r\"",
        ]
        #expect(throws: Never.self) { try Request(json: .object(object)) }
        object[key] = value
        let json = JSON.object(object)
        #expect(throws: JSONShapeError.self) { try Request(json: json) }
    }
}
