// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Testing

/// What bounds the work of reading schemas, and how errors name where they come from.
@Suite struct SchemaLimitTests {
    private func kinds(
        _ text: String, limits: SchemaLimits = .init()
    ) -> Set<SchemaError.Kind> {
        do throws(SchemaErrors) {
            _ = try Schema(parsing: text, limits: limits)
            return []
        } catch {
            return Set(error.errors.map(\.kind))
        }
    }

    private func names(_ prefix: String, _ count: Int) -> String {
        (0..<count).map { "\(prefix)\($0)" }.joined(separator: ", ")
    }

    // MARK: sources

    @Test func errorsNameTheirSource() throws {
        let syntax = try #require(throws: SchemaErrors.self) {
            try SchemaFragment(parsing: "entity A;\nentity if;", named: "a.cedarschema")
        }
        #expect(syntax.errors.map(\.source) == ["a.cedarschema"])
        #expect(
            syntax.description == "a.cedarschema:2:8: this identifier is reserved and cannot be "
                + "used: `if`; choose another one, or quote it where text is allowed")
        let json = try JSON(parsing: #"{"N": {"entityTypes": {"A": {"x": 1}}, "actions": {}}}"#)
        let shape = try #require(throws: SchemaErrors.self) {
            try SchemaFragment(json: json, named: "b.json")
        }
        #expect(shape.description.hasPrefix("b.json:/N/entityTypes/A/x: unknown member `x`"))
        #expect(shape.errors[0].location.pointer == "/N/entityTypes/A/x")
        #expect(shape.errors[0].location.span == nil)
    }

    /// Of several fragments each error names the one that it is in.
    @Test func namesAreResolvedAcrossSources() throws {
        let one = try SchemaFragment(parsing: "entity A in B;\nentity Bool;", named: "one")
        let two = try SchemaFragment(parsing: "entity B in C;", named: "two")
        let three = try SchemaFragment(parsing: "entity D { x: Nope };")
        let errors = try #require(throws: SchemaErrors.self) { try Schema([one, two, three]) }
        #expect(errors.errors.map(\.source) == ["two", nil])
        #expect(errors.errors.map(\.location.description) == ["two:1:13", "1:15"])
        let schema = try Schema([one, SchemaFragment(parsing: "entity B;", named: "four")])
        #expect(schema.warnings.map(\.description.place) == ["one:2:8"])
    }

    @Test func tooLongTextsNameTheirSource() throws {
        var limits = SchemaLimits()
        limits.maximumBytes = 3
        let error = try #require(throws: SchemaErrors.self) {
            try SchemaFragment(parsing: "entity A;", named: "long", limits: limits)
        }
        #expect(error.description == "long:1:1: schema is longer than 3 bytes")
    }

    // MARK: work

    /// A declaration of many names stands for as many declarations.
    @Test(.timeLimit(.minutes(1))) func declarationsOfManyNames() throws {
        let attributes = (0..<2_000).map { "a\($0): Long" }.joined(separator: ", ")
        #expect(kinds("entity \(names("E", 2_000)) { \(attributes) };") == [.limit])
        #expect(
            kinds(
                "entity G, \(names("G", 2_000)); entity \(names("E", 2_000)) in [G, "
                    + "\(names("G", 2_000))];") == [.limit])
        #expect(kinds("action \(names("a", 2_000)) in [\(names("b", 2_000))];") == [.limit])
        #expect(kinds("entity \(names("E", 2_000)) { a: Long };") == [])
        var limits = SchemaLimits()
        limits.maximumRepeatedWords = 3
        #expect(kinds("entity A, B in A;", limits: limits) == [])
        #expect(kinds("entity A, B, C in A;", limits: limits) == [.limit])
    }

    /// What each is in grows with the square of a chain.
    @Test(.timeLimit(.minutes(1))) func longChainsOfGroups() throws {
        var limits = SchemaLimits()
        limits.maximumMemberships = 200_000
        let types = (0..<2_000).map { "entity E\($0) in E\($0 + 1);" }.joined()
        #expect(kinds("\(types) entity E2000;", limits: limits) == [.limit])
        let actions = (0..<2_000).map { "action a\($0) in a\($0 + 1);" }.joined()
        #expect(kinds("\(actions) action a2000;", limits: limits) == [.limit])
        limits.maximumMemberships = 3
        let three = "entity A in B; entity B in C; entity C;"
        #expect(kinds(three, limits: limits) == [])
        limits.maximumMemberships = 2
        #expect(kinds(three, limits: limits) == [.limit])
    }

    @Test(.timeLimit(.minutes(1))) func manyAnnotations() throws {
        let annotations = (0..<30_000).map { "@a\($0)" }.joined(separator: " ")
        #expect(kinds("\(annotations) entity A;") == [])
        #expect(kinds("\(annotations) @a7 entity A;") == [.duplicate])
    }

    @Test(.timeLimit(.minutes(1))) func manyUndeclaredNames() throws {
        let declared = names("SomeType", 500)
        let uses = (0..<3_000).map { "a\($0): SameType\($0)" }.joined(separator: ", ")
        let errors = try #require(throws: SchemaErrors.self) {
            try Schema(parsing: "entity \(declared); entity A { \(uses) };")
        }
        #expect(errors.errors.count == 1_000 && errors.isTruncated)
        #expect(errors.errors.count { $0.hint != nil } == 100)
    }

    /// Places are kept as chains of names: one long name around many values costs nothing more.
    @Test(.timeLimit(.minutes(1))) func longNamesAroundManyValues() throws {
        let long = String(repeating: "n", count: 400_000)
        let entity = EntityUID(type: "A", id: "a").json
        let many = Array(repeating: JSON.object(["x": 1]), count: 30_000)
        let value = try Value(json: [long: JSON.array(many)] as JSON)
        #expect(try value.json.objectValue?.count == 1)
        _ = try Value(data: [long: .array(many)] as JSON)
        let attributes = (0..<10_000).map { ("a\($0)", ["type": "Long"] as JSON) }
        let record: JSON = ["type": "Record", "attributes": .object(JSONObject(attributes))]
        let shape: JSON = ["type": "Record", "attributes": [long: record]]
        let schema: JSON = ["": ["entityTypes": ["A": ["shape": shape]], "actions": [:]]]
        #expect(try Schema(json: schema).entityTypes.count == 1)
        let typed = try Schema(
            parsing: "entity A { \"\(long)\": Set<A> };")
        let members: JSON = [long: .array(Array(repeating: entity, count: 30_000))]
        let read = try Entity(
            json: ["uid": entity, "attrs": members, "parents": []], schema: typed)
        #expect(read.attributes.count == 1)
    }

    @Test(.timeLimit(.minutes(1))) func longNamesAroundManyExpressions() throws {
        let long = String(repeating: "n", count: 400_000)
        let one: JSON = ["Value": 1]
        let set: JSON = ["Set": .array(Array(repeating: one, count: 10_000))]
        let numbers = JSON.array(Array(repeating: 1, count: 10_000))
        for body in [["Record": [long: set]], ["Value": [long: numbers]]] as [JSON] {
            let policy: JSON = [
                "effect": "permit", "principal": ["op": "All"], "action": ["op": "All"],
                "resource": ["op": "All"], "conditions": [["kind": "when", "body": body]],
            ]
            #expect(try Policy(json: policy, id: "a").text.utf8.count > 400_000)
        }
    }

    @Test func placesInPoliciesStayTheSame() throws {
        for (body, path) in [
            (#"{"Value":null}"#, "Value"), ("1", ""), (#"{"!":{"arg":{"Var":"x"}}}"#, "!.arg.Var"),
            (#"{"&&":{"left":{"Value":true}}}"#, "&&.right"),
            (#"{"Set":[{"Value":1},{"Value":[1,null]}]}"#, "Set[1].Value[1]"),
            (#"{"Record":{"a":{"Value":{"b":1.5}}}}"#, "Record.a.Value.b"),
            (#"{"ip":[{"Value":{"__extn":{"fn":"f","arg":1}}}]}"#, "ip[0].Value.fn"),
        ] {
            let text = PolicyJSONTests.policy(body)
            let error = try #require(throws: JSONShapeError.self, "\(body)") {
                try Policy(json: JSON(parsing: text), id: "a")
            }
            let whole = "conditions[0].body" + (path.isEmpty ? "" : ".\(path)")
            #expect(error.path == whole, "\(body): \(error)")
        }
    }

    @Test func placesInJSONStayTheSame() throws {
        for (text, path) in [
            (#"{"a":{"b":[1,null]}}"#, "a.b[1]"), (#"[[null]]"#, "[0][0]"), ("null", ""),
            (#"{"a":{"__entity":{"type":"if","id":""}}}"#, "a.__entity.type"),
            (#"{"a":{"__entity":1}}"#, "a.__entity"), (#"{"__extn":{"fn":"f"}}"#, "__extn"),
            (#"{"__extn":{"fn":1}}"#, "__extn.fn"),
            (#"[{"__extn":{"x":1,"fn":"ip"}}]"#, "[0].__extn.x"),
            (#"{"__extn":{"fn":"ip","args":[null]}}"#, "__extn.args[0]"),
            (#"[{"a":1,"__entity":1}]"#, "[0]"),
        ] {
            let error = try #require(throws: JSONShapeError.self, "\(text)") {
                try Value(json: JSON(parsing: text))
            }
            #expect(error.path == path, "\(text): \(error)")
        }
    }
}

extension String {
    /// The place at the start of a message.
    fileprivate var place: String {
        split(separator: ":").prefix(3).joined(separator: ":")
    }
}
