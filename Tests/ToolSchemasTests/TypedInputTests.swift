// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing
import ToolSchemas

@Suite struct TypedInputTests {
    @Test(arguments: scalars + extensions + containers + entities)
    func tablesHold(_ row: Row) throws {
        let inputs = try Inputs(row.type)
        #expect(try inputs.outcome(row.json) == row.outcome)
        if let input = try? inputs.convert(JSON(parsing: row.json)) { try inputs.validate(input) }
    }

    static let scalars = [
        Row("Long", "7", "7"), Row("Long", "1.0", "1"), Row("Long", "1e3", "1000"),
        Row("Long", "-0", "0"), Row("Long", "120e-1", "12"),
        Row("Long", "9223372036854775807", "9223372036854775807"),
        Row("Long", "-9223372036854775808", "-9223372036854775808"),
        Row("Long", "9223372036854775808", "not_exact at "), Row("Long", "1.5", "not_exact at "),
        Row("Long", "1e300", "not_exact at "), Row("Long", "\"7\"", "wrong_type at "),
        Row("Long", "true", "wrong_type at "), Row("Long", "null", "wrong_type at "),
        Row("Bool", "true", "true"), Row("Bool", "1", "wrong_type at "),
        Row("Bool", "\"true\"", "wrong_type at "), Row("Bool", "null", "wrong_type at "),
        Row("String", "\"a\"", "\"a\""), Row("String", "1", "wrong_type at "),
        Row("String", "[]", "wrong_type at "),
    ]

    static let extensions = [
        Row("decimal", "2", "decimal(\"2.0000\")"), Row("decimal", "2.5", "decimal(\"2.5000\")"),
        Row("decimal", "2.0000000", "decimal(\"2.0000\")"),
        Row("decimal", "25e-1", "decimal(\"2.5000\")"),
        Row("decimal", "-0.0", "decimal(\"0.0000\")"),
        Row("decimal", "0e99", "decimal(\"0.0000\")"),
        Row("decimal", "1E2", "decimal(\"100.0000\")"),
        Row("decimal", "2.00004", "not_exact at "), Row("decimal", "1e-5", "not_exact at "),
        Row("decimal", "922337203685477.5807", "decimal(\"922337203685477.5807\")"),
        Row("decimal", "922337203685477.5808", "not_exact at "),
        Row("decimal", "-922337203685477.5808", "decimal(\"-922337203685477.5808\")"),
        Row("decimal", "-922337203685477.5809", "not_exact at "),
        Row("decimal", "1e15", "not_exact at "), Row("decimal", "1e300", "not_exact at "),
        Row("decimal", "\"2.5\"", "decimal(\"2.5000\")"), Row("decimal", "\"2\"", "bad_text at "),
        Row("decimal", "\"2.00004\"", "bad_text at "), Row("decimal", "true", "wrong_type at "),
        Row("decimal", #"{"__extn":{"fn":"decimal","arg":"1.0"}}"#, "decimal(\"1.0000\")"),
        Row("decimal", #"{"__extn":{"fn":"ip","arg":"::1"}}"#, "wrong_type at "),
        Row("decimal", #"{"__extn":{"fn":"decimal","arg":"x"}}"#, "bad_text at "),
        Row("decimal", #"{"fn":"decimal","arg":"1.0"}"#, "wrong_type at "),
        Row("ipaddr", "\"10.0.0.1\"", "ip(\"10.0.0.1/32\")"),
        Row("ipaddr", "\"::1\"", "ip(\"::1/128\")"),
        Row("ipaddr", "\"10.0.0.256\"", "bad_text at "),
        Row("ipaddr", "1", "wrong_type at "),
        Row("duration", "\"1h30m\"", "duration(\"5400000ms\")"),
        Row("duration", "\"PT1H\"", "bad_text at "), Row("duration", "5", "wrong_type at "),
        instant("1970-01-01", 0), instant("1970-01-01T00:00:01Z", 1_000),
        instant("1970-01-01T00:00:01.005Z", 1_005), instant("1970-01-01T01:00:00+0100", 0),
        instant("1970-01-01T01:00:00+01:00", 0), instant("1970-01-01t00:00:00z", 0),
        instant("1970-01-01T00:00:00.5Z", 500), instant("1970-01-01T00:00:00.250000Z", 250),
        instant("1970-01-01T00:00:00-00:00", 0), instant("1969-12-31T22:00:00-02:00", 0),
        Row("datetime", "\"1970-01-01T00:00:00.0001Z\"", "not_exact at "),
        Row("datetime", "\"1970-01-01T00:00:60Z\"", "bad_text at "),
        Row("datetime", "\"1970-02-30T00:00:00Z\"", "bad_text at "),
        Row("datetime", "\"1970-01-01T00:00:00+24:00\"", "bad_text at "),
        Row("datetime", "\"1970-01-01 00:00:00Z\"", "bad_text at "),
        Row("datetime", "\"1970-01-01T00:00:00\"", "bad_text at "),
        Row("datetime", "\"1970-01-01T00:00:00.Z\"", "bad_text at "),
        Row("datetime", "\"1970-01-01T00:00:00.5\"", "bad_text at "),
        Row("datetime", "0", "wrong_type at "),
        Row(
            "datetime",
            #"{"__extn":{"fn":"offset","args":[{"__extn":{"fn":"datetime","arg":"1970-01-01"}},"#
                + #"{"__extn":{"fn":"duration","arg":"7ms"}}]}}"#, shown(7)),
    ]

    static func shown(_ epoch: Int) -> String {
        "datetime(\"1970-01-01\").offset(duration(\"\(epoch)ms\"))"
    }

    static func instant(_ text: String, _ epoch: Int) -> Row {
        Row("datetime", "\"\(text)\"", shown(epoch))
    }

    static let containers = [
        Row("Set<Long>", "[1,2,1.0]", "[1, 2]"), Row("Set<Long>", "[]", "[]"),
        Row("Set<Long>", "[1,\"2\"]", "wrong_type at /1"), Row("Set<Long>", "1", "wrong_type at "),
        Row("Set<Long>", "[null]", "wrong_type at /0"),
        Row("{ a: Long, b?: String }", #"{"a":1}"#, #"{"a": 1}"#),
        Row("{ a: Long, b?: String }", #"{"b":"x","a":1}"#, #"{"a": 1, "b": "x"}"#),
        Row("{ a: Long, b?: String }", #"{"a":1,"b":null}"#, #"{"a": 1}"#),
        Row("{ a: Long, b?: String }", #"{"a":null}"#, "missing_member at "),
        Row("{ a: Long, b?: String }", #"{"b":"x"}"#, "missing_member at "),
        Row("{ a: Long, b?: String }", #"{"a":1,"c":1}"#, "undeclared_member at "),
        Row("{ a: Long, b?: String }", #"{"a":1,"b":2}"#, "wrong_type at /b"),
        Row("{ a: { \"x/y~\": Long } }", #"{"a":{"x/y~":""}}"#, "wrong_type at /a/x~1y~0"),
        Row("{ a: Long }", "[1]", "wrong_type at "), Row("{}", "{}", "{}"),
        Row("{ \"\u{E9}\": Long }", #"{"e\#u{301}":1}"#, "undeclared_member at "),
        Row("{ \"\u{E9}\": Long }", #"{"\#u{E9}":1}"#, #"{"é": 1}"#),
        Row("{ proj0: Long, proj1: String }", #"[1,"x"]"#, #"{"proj0": 1, "proj1": "x"}"#),
        Row(
            "{ proj0: Long, proj1: String }", #"{"proj0":1,"proj1":"x"}"#,
            #"{"proj0": 1, "proj1": "x"}"#),
        Row("{ proj0: Long, proj1: String }", "[1]", "wrong_type at "),
        Row("{ proj0: Long, proj1: String }", "[1,2]", "wrong_type at /1"),
        Row("{ proj0: Long, proj2: Long }", "[1,2]", "wrong_type at "),
        Row("{ proj0: Long, proj1?: Long }", "[1,2]", "wrong_type at "),
        Row(
            "{ typeChoice0?: Long, typeChoice1?: String }", "1", #"{"typeChoice0": 1}"#),
        Row(
            "{ typeChoice0?: Long, typeChoice1?: String }", "\"x\"", #"{"typeChoice1": "x"}"#),
        Row(
            "{ typeChoice0?: Long, typeChoice1?: String }", #"{"typeChoice0":1}"#,
            "no_choice_fits at "),
        Row("{ typeChoice0?: Long, typeChoice1?: String }", "null", "no_choice_fits at "),
        Row(
            "{ x?: { typeChoice0?: Long, typeChoice1?: String } }", #"{"x":null}"#, "{}"),
        Row(
            "{ typeChoice0?: { typeChoice0?: Long }, typeChoice1?: { a?: Long } }",
            #"{"a":1}"#, #"{"typeChoice1": {"a": 1}}"#),
        Row(
            "{ typeChoice0?: Set<Long>, typeChoice1?: Set<decimal> }", "[1,1.5]",
            #"{"typeChoice1": [decimal("1.0000"), decimal("1.5000")]}"#),
        Row("{ typeChoice0: Long }", "1", "wrong_type at "),
    ]

    static let entities = [
        Row("Color", "\"red\"", "Color::\"red\""), Row("Color", "\"blue\"", "not_a_choice at "),
        Row("Color", "\"\u{E9}\"", "Color::\"é\""),
        Row("Color", "\"e\u{301}\"", "not_a_choice at "),
        Row("Color", #"{"type":"Color","id":"red"}"#, "wrong_type at "),
        Row(
            "Opaque", #"{"b":1,"a":[true,null,1e2]}"#,
            #"Opaque::"{\"a\":[true,null,100],\"b\":1}""#),
        Row("Opaque", "\"x\"", #"Opaque::"\"x\"""#), Row("Opaque", "null", "Opaque::\"null\""),
        Row("Opaque", "9007199254740993", "not_exact at "),
        Row("{ a?: Opaque }", #"{"a":null}"#, #"{"a": Opaque::"null"}"#),
        Row("{ a: Opaque }", #"{"a":null}"#, #"{"a": Opaque::"null"}"#),
        Row("{ a: Opaque }", "{}", "missing_member at "),
        Row("Agent", #"{"type":"Agent","id":"x"}"#, "Agent::\"x\""),
        Row("Agent", #"{"__entity":{"type":"Agent","id":"x"}}"#, "Agent::\"x\""),
        Row("Agent", #"{"type":"Group","id":"x"}"#, "wrong_type at "),
        Row("Agent", #"{"type":"Agent","id":"x","more":1}"#, "wrong_type at "),
        Row("Agent", #"{"type":"Agent","id":1}"#, "wrong_type at "),
        Row("Agent", "\"x\"", "Agent::\"x\""), Row("Agent", "1", "wrong_type at "),
        Row("McpServer", "\"x\"", "McpServer::\"x\""), Row("McpServer", "{}", "wrong_type at "),
        Row("McpServer", #"{"type":"McpServer","id":"x"}"#, "McpServer::\"x\""),
        Row("{ a?: McpServer }", #"{"a":null}"#, "{}"),
        Row("Doc", #"{"type":"Doc","id":"d"}"#, "Doc::\"d\""),
        Row("Doc", #"{"owner":{"type":"Agent","id":"x"}}"#, "wrong_type at "),
        Row("Bag", #"{"x":1,"y":2}"#, "Bag::\"\""),
        Row("{ b: Bag }", #"{"b":{}}"#, #"{"b": Bag::"/b"}"#),
        Row("Bag", #"{"x":"1"}"#, "wrong_type at /x"),
        Row("Bag", #"{"x":null}"#, "wrong_type at /x"),
        Row("Set<Bag>", "[{},{}]", #"[Bag::"/0", Bag::"/1"]"#), Row("Bag", "[]", "wrong_type at "),
        Row("Tree", #"{"a":{"b":{}}}"#, "Tree::\"\""),
        Row("Both", #"{"a":1,"x":"y"}"#, "Both::\"\""),
        Row("Both", #"{"x":"y"}"#, "missing_member at "),
        Row("Both", #"{"a":1,"x":2}"#, "wrong_type at /x"),
    ]

    @Test func objectsBecomeEntities() throws {
        let inputs = try Inputs("{ t: Tree }")
        let input = try inputs.convert(["t": ["a/b": [:], "c": ["d": [:]]]])
        func uid(_ id: String) -> EntityUID { EntityUID(type: "Tree", id: id) }
        #expect(input.value == .record(["t": .entity(uid("/t"))]))
        #expect(
            input.entities == [
                Entity(uid: uid("/t/a~1b")), Entity(uid: uid("/t/c/d")),
                Entity(uid: uid("/t/c"), tags: ["d": .entity(uid("/t/c/d"))]),
                Entity(
                    uid: uid("/t"),
                    tags: ["a/b": .entity(uid("/t/a~1b")), "c": .entity(uid("/t/c"))]),
            ])
        try inputs.validate(input)
    }

    @Test func objectsWithAttributesBecomeEntitiesOnRequest() throws {
        var inputs = try Inputs("{ d: Doc, b: Both, a: Agent }")
        inputs.options.buildsEntities = true
        let agent: JSON = ["type": "Agent", "id": "x"]
        let input = try inputs.convert([
            "d": ["owner": agent, "pages": nil], "b": ["a": 1, "other": "x"], "a": agent,
        ])
        #expect(input.entities.map(\.uid.id) == ["/b", "/d"])
        #expect(input.entities[0].attributes == ["a": 1])
        #expect(input.entities[0].tags == ["other": "x"])
        #expect(input.omitted.map(\.description) == ["/d/pages"])
        try inputs.validate(input)
        #expect(throws: TypedInputError.self) {
            try inputs.convert(["d": ["type": "Doc", "id": "d"], "b": ["a": 1], "a": agent])
        }
    }

    /// Places count as numbers, 10 after 9.
    @Test func manyPlacesKeepTheirOrder() throws {
        let kinds = (0..<12).map { $0 == 10 ? "String" : "Long" }
        let tuple = try Inputs(
            "{ \(kinds.enumerated().map { "proj\($0): \($1)" }.joined(separator: ", ")) }")
        let elements = kinds.map { $0 == "String" ? "x" : 1 as JSON }
        guard case .record(let record) = try tuple.convert(.array(elements)).value else {
            Issue.record("no record")
            return
        }
        #expect(record["proj10"] == "x")
        #expect(record["proj2"] == 1)
        let union = try Inputs(
            "{ \(kinds.enumerated().map { "typeChoice\($0)?: \($1)" }.joined(separator: ", ")) }")
        #expect(try union.convert("x").value == .record(["typeChoice10": "x"]))
        #expect(try union.convert(1).value == .record(["typeChoice0": 1]))
    }

    @Test func choicesThatFailLeaveNothingBehind() throws {
        let inputs = try Inputs(
            """
            { typeChoice0?: { b: Bag, n?: Long, z: Long },
              typeChoice1?: { b: Bag, n: Opaque, z: String } }
            """)
        let input = try inputs.convert(["b": ["x": 1], "n": nil, "z": "z"])
        #expect(input.entities.map(\.uid.id) == ["/b"])
        #expect(input.omitted == [])
        try inputs.validate(input)
    }

    @Test func nullsLeftOutAreListed() throws {
        let inputs = try Inputs("{ a?: Long, b: { c?: String, d?: Set<Long> }, e?: Opaque }")
        let input = try inputs.convert(["a": nil, "b": ["c": nil, "d": []], "e": nil])
        #expect(input.omitted.map(\.description) == ["/a", "/b/c"])
    }

    @Test(arguments: [
        (
            "{ amount: Long }", #"{"amuont":1}"#,
            "``: member `amuont` is not declared: did you mean `amount`?"
        ),
        ("{ amount: Long }", "{}", "``: member `amount` is missing: add a 64-bit integer"),
        (
            "{ amount: Long }", #"{"amount":null}"#,
            "``: member `amount` is null but required: use a 64-bit integer"
        ),
        (
            "{ amount: decimal }", #"{"amount":2.00004}"#,
            "`/amount`: `2.00004` has more than 4 digits after the point: "
                + "send fewer, nothing is rounded"
        ),
        (
            "{ a: Color }", #"{"a":"b\u202e"}"#,
            #"`/a`: `b\u{202e}` is not a choice: use one of `red`, `green`, `é`"#
        ),
        (
            "{ typeChoice0?: Long, typeChoice1?: String }", "true",
            "``: a boolean is none of a 64-bit integer, a string: send one of them"
        ),
    ])
    func messagesSayWhatToDo(_ type: String, _ json: String, _ message: String) throws {
        let inputs = try Inputs(type)
        let error = try #require(throws: TypedInputError.self) {
            try inputs.convert(JSON(parsing: json))
        }
        #expect(error.description == message)
    }

    @Test func actionsWithoutInputHaveNoType() throws {
        let schema = try Schema(
            parsing: "entity A; action a appliesTo { principal: A, resource: A, context: {} };")
        #expect(schema.inputType(of: EntityUID(type: "Action", id: "a")) == nil)
        #expect(schema.inputType(of: EntityUID(type: "Action", id: "b")) == nil)
    }

    @Test func typesOfAnotherSchemaAreRefused() throws {
        let inputs = try Inputs("Long")
        #expect(throws: TypedInputError.self) {
            try TypedInput.convert(
                ["type": "Nowhere", "id": "x"], to: .entity("Nowhere"), in: inputs.schema)
        }
        for type in [CedarType.never, .true, .false, .anyEntity, .anySet] {
            let error = try #require(throws: TypedInputError.self) {
                try TypedInput.convert(true, to: type, in: inputs.schema)
            }
            #expect(error.kind == .unknownType)
        }
    }
}
