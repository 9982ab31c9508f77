// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing
import ToolSchemas

@Suite struct HostileInputTests {
    private func nested(_ levels: Int, _ key: String = "a") -> JSON {
        (0..<levels).reduce([:]) { inner, _ in .object(JSONObject([(key, inner)])) }
    }

    @Test func deepNestingIsRefused() throws {
        let inputs = try Inputs("Tree")
        #expect(try inputs.convert(nested(99)).entities.count == 100)
        let error = try #require(throws: TypedInputError.self) { try inputs.convert(nested(100)) }
        #expect(error.kind == .limit)
        let opaque = try Inputs("Opaque")
        let deep = try #require(throws: TypedInputError.self) { try opaque.convert(nested(512)) }
        #expect(deep.kind == .limit)
    }

    @Test func manyMembersAreTaken() throws {
        let members = (0..<10_000).map { ("k\($0)", JSON.int($0)) }
        let inputs = try Inputs("Bag")
        let input = try inputs.convert(.object(JSONObject(members)))
        #expect(input.entities[0].tags.count == 10_000)
        let record = try Inputs("{ k1?: Long }")
        let error = try #require(throws: TypedInputError.self) {
            try record.convert(.object(JSONObject(members)))
        }
        #expect(error.kind == .undeclaredMember)
    }

    @Test func manyEntitiesAreRefused() throws {
        var inputs = try Inputs("Set<Bag>")
        inputs.options.maximumEntities = 3
        #expect(try inputs.convert([[:], [:], [:]]).entities.count == 3)
        let error = try #require(throws: TypedInputError.self) {
            try inputs.convert([[:], [:], [:], [:]])
        }
        #expect(error.kind == .limit)
    }

    @Test func longNamesOfPlacesAreRefused() throws {
        let inputs = try Inputs("Tree")
        let key = String(repeating: "k", count: 4_095)
        #expect(try inputs.convert(nested(1, key)).entities.count == 2)
        let error = try #require(throws: TypedInputError.self) {
            try inputs.convert(nested(1, key + "k"))
        }
        #expect(error.kind == .limit)
        #expect(error.description.utf8.count < 600)
    }

    @Test func largeOpaqueValuesAreRefused() throws {
        let inputs = try Inputs("Opaque")
        _ = try inputs.convert(.string(String(repeating: "x", count: 65_534)))
        let error = try #require(throws: TypedInputError.self) {
            try inputs.convert(.string(String(repeating: "x", count: 65_535)))
        }
        #expect(error.kind == .limit)
    }

    /// Each level doubles the work, unless something ends it.
    @Test func unionsInUnionsEnd() throws {
        var type = "{ typeChoice0?: Long, typeChoice1?: Bool }"
        for _ in 0..<12 { type = "{ typeChoice0?: \(type), typeChoice1?: \(type) }" }
        var inputs = try Inputs(type)
        let array = JSON.array(Array(repeating: "x", count: 5))
        let error = try #require(throws: TypedInputError.self) { try inputs.convert(array) }
        #expect(error.kind == .noChoiceFits)
        inputs.options.maximumSteps = 1_000
        let limit = try #require(throws: TypedInputError.self) { try inputs.convert(array) }
        #expect(limit.kind == .limit)
    }

    @Test func stepsAreCounted() throws {
        var inputs = try Inputs("Set<Long>")
        inputs.options.maximumSteps = 100
        _ = try inputs.convert(.array(Array(repeating: 1, count: 99)))
        let error = try #require(throws: TypedInputError.self) {
            try inputs.convert(.array(Array(repeating: 1, count: 100)))
        }
        #expect(error.kind == .limit)
    }

    /// A limit is no reason to try the next choice.
    @Test func limitsAreNotHiddenByChoices() throws {
        var inputs = try Inputs("{ typeChoice0?: Opaque, typeChoice1?: String }")
        inputs.options.maximumOpaqueBytes = 4
        let error = try #require(throws: TypedInputError.self) { try inputs.convert("long text") }
        #expect(error.kind == .limit)
    }

    @Test func equivalentKeysAreDifferent() throws {
        let inputs = try Inputs("{ \"\u{E9}\"?: Long, \"e\\u{301}\"?: String }")
        let input = try inputs.convert(
            .object(JSONObject([("\u{E9}", 1), ("e\u{301}", "x")])))
        guard case .record(let record) = input.value else {
            Issue.record("no record")
            return
        }
        #expect(record.count == 2)
        #expect(record["\u{E9}"] == 1)
        #expect(record["e\u{301}"] == "x")
        try inputs.validate(input)
    }

    @Test func longTextIsCutInMessages() throws {
        for type in ["Long", "decimal", "ipaddr", "datetime", "duration", "Color", "Bag"] {
            let inputs = try Inputs(type)
            let error = try #require(throws: TypedInputError.self) {
                try inputs.convert(.string(String(repeating: "x", count: 100_000)))
            }
            #expect(error.description.utf8.count < 400)
            #expect(!error.description.contains("\n"))
        }
    }
}
