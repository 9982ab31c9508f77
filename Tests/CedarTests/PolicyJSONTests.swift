// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing

/// The JSON format of policies, read and written.
@Suite struct PolicyJSONTests {
    static func policy(_ body: String) -> String {
        #"{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},"#
            + #""resource":{"op":"All"},"conditions":[{"kind":"when","body":\#(body)}]}"#
    }

    @Test(arguments: [
        (#"{"Value":-5}"#, "-5"), (#"{"neg":{"arg":{"Value":5}}}"#, "-(5)"),
        (#"{"neg":{"arg":{"Value":-5}}}"#, "-(-5)"),
        (#"{".":{"left":{"Value":-5},"attr":"x y"}}"#, #"(-5)["x y"]"#),
        (#"{"has":{"left":{"Var":"principal"},"attr":["a","b"]}}"#, "principal has a.b"),
        (
            #"{"has":{"left":{"Var":"principal"},"attr":["a","b c"]}}"#,
            #"principal has a && principal.a has "b c""#
        ),
        (#"{"has":{"left":{"Var":"principal"},"attr":"if"}}"#, #"principal has "if""#),
        (#"{"decimal":[{"Value":"1"},{"Value":"2"}]}"#, #"decimal("1", "2")"#),
        (#"{"ip":[]}"#, "ip()"),
        (#"{"isEmpty":{"arg":{"Set":[]}}}"#, "[].isEmpty()"),
        (#"{"Value":{"a":[1,{"b":"c"}]}}"#, #"{a: [1, {b: "c"}]}"#),
        (
            #"{"like":{"left":{"Value":"a"},"pattern":["Wildcard",{"Literal":"ab*"}]}}"#,
            #""a" like "*ab\*""#
        ),
        (
            #"{"is":{"left":{"Var":"principal"},"entity_type":"A::B","in":{"Var":"resource"}}}"#,
            "principal is A::B in resource"
        ),
        (#"{"!":{"arg":{"!":{"arg":{"!":{"arg":{"Value":true}}}}}}}"#, "!(!(!true))"),
        (
            #"{"&&":{"left":{"Value":true},"right":{"&&":{"left":{"Value":true},"#
                + #""right":{"Value":false}}}}}"#, "true && (true && false)"
        ),
        (
            #"{"&&":{"right":{"Value":true},"left":{"&&":{"left":{"Value":true},"#
                + #""right":{"Value":false}}}}}"#, "true && false && true"
        ),
        (
            #"{"-":{"left":{"Value":1},"right":{"-":{"left":{"Value":1},"right":{"Value":-1}}}}}"#,
            "1 - (1 - -1)"
        ),
        (
            #"{"*":{"right":{"Value":1},"left":{"+":{"left":{"Value":1},"right":{"Value":2}}}}}"#,
            "(1 + 2) * 1"
        ),
        (
            #"{"Value":{"__extn":{"fn":"offset","args":"#
                + #"[{"__extn":{"fn":"datetime","arg":"x"}},1]}}}"#,
            #"datetime("x").offset(1)"#
        ),
        (#"{"lessThan":[{"Value":1},{"Value":2},{"Value":3}]}"#, "1.lessThan(2, 3)"),
        (#"{"Value":{"__entity":{"type":"A::B","id":"\u200b"}}}"#, #"A::B::"\u{200b}""#),
        (#"{"Record":{"if":{"Value":1},"a":{"Value":2}}}"#, #"{a: 2, "if": 1}"#),
    ]) func read(_ body: String, _ text: String) throws {
        let json = try JSON(parsing: Self.policy(body))
        let policy = try Policy(json: json, id: "a")
        #expect(policy.text == "permit(principal, action, resource) when { \(text) };")
        #expect(policy.conditions.first?.body.description == text)
        // What was read is written as something that means the same.
        let again = try Policy(json: policy.json, id: "a")
        #expect(try again.json == policy.json)
    }

    @Test(arguments: [
        #"{"has":{"left":{"Var":"principal"},"attr":[]}}"#, #"{"isIpv4":[]}"#, #"{"foo":[]}"#,
        #"{"Value":null}"#, #"{"Value":1.5}"#, #"{"Value":{"__expr":"1"}}"#, "{}", "1",
        #"{"Slot":"?principal"}"#, #"{"is":{"left":{"Var":"principal"},"entity_type":"A B"}}"#,
        #"{"==":{"left":{"Value":1},"right":{"Value":1},"x":1}}"#, #"{"==":{"left":{"Value":1}}}"#,
        #"{"Var":"foo"}"#, #"{"Value":1,"Var":"principal"}"#, #"{"Unknown":{"name":"x"}}"#,
        #"{"like":{"left":{"Value":"a"},"pattern":["wildcard"]}}"#, #"{"Set":{}}"#,
        #"{"Value":{"__extn":{"fn":"foo","arg":"x"}}}"#,
    ]) func refuse(_ body: String) throws {
        let json = try JSON(parsing: Self.policy(body))
        let error = #expect(throws: JSONShapeError.self) { try Policy(json: json, id: "a") }
        #expect(error?.path.hasPrefix("conditions[0].body") == true)
    }

    @Test func scopesAndTheRest() throws {
        let text = """
            @a @b("c\\"d")
            forbid(principal is A::T in G::"g", action in [Action::"x", Action::"y"],
              resource == R::"r") unless { true } when { false };
            """
        let policy = try PolicySet(parsing: text).policies[0]
        let again = try Policy(json: policy.json, id: "policy0")
        #expect(again.scope == policy.scope && again.effect == .forbid)
        #expect(again.annotations.map(\.hasValue) == [false, true])
        #expect(again.conditions.map(\.kind) == [.unless, .when])
        #expect(try again.json == policy.json)
        for change in [
            ("effect", #""allow""#), ("principal", #"{"op":"=="}"#), ("foo", "1"),
            ("principal", #"{"op":"==","slot":"?principal"}"#), ("conditions", "null"),
            ("action", #"{"op":"is","entity_type":"T"}"#), ("annotations", #"{"a b":"c"}"#),
            ("action", #"{"op":"==","entity":{"type":"U","id":"x"}}"#),
            ("conditions", #"[{"kind":"if","body":{"Value":true}}]"#),
        ] {
            var object = try #require(try policy.json.objectValue)
            object[change.0] = try JSON(parsing: change.1)
            #expect(throws: JSONShapeError.self, "\(change)") {
                try Policy(json: .object(object), id: "a")
            }
        }
    }

    @Test func depthEndsInAnError() throws {
        var json: JSON = ["Value": true]
        for _ in 0..<3_000 { json = ["!": ["arg": json]] }
        let policy: JSON = [
            "effect": "permit", "principal": ["op": "All"], "action": ["op": "All"],
            "resource": ["op": "All"], "conditions": [["kind": "when", "body": json]],
        ]
        #expect(throws: JSONShapeError.self) { try Policy(json: policy, id: "a") }
    }

    @Test func sizeEndsInAnError() throws {
        let levels = 24
        let text =
            "permit(principal, action, resource) when { "
            + String(repeating: "(if (", count: levels) + "principal"
            + String(repeating: " has a.b.c) then principal else principal)", count: levels)
            + " == principal };"
        let policy = try PolicySet(parsing: text).policies[0]
        let error = #expect(throws: JSONShapeError.self) { try policy.json }
        #expect(error?.message.hasPrefix("too large") == true)
    }

    /// Every policy of the corpus comes back from JSON and from its printed text.
    @Test(.corpus("cedar/corpus.tar.xz")) func corpusComesBack() throws {
        let corpus = try CorpusFolder("cedar/corpus.tar.xz")
        var failures: [String] = []
        for name in try corpus.sampledTests() {
            let set = try PolicySet(parsing: corpus.text("corpus-tests/\(name).cedar"))
            let json = try set.json
            let again = try PolicySet(json: json)
            if try again.json != json { failures.append(name) }
            for policy in again.policies {
                let printed = try PolicySet(parsing: policy.text).policies[0]
                if try printed.json != policy.json { failures.append("\(name): \(policy.text)") }
            }
        }
        corpus.report("policies through JSON", "\(failures.count) failed")
        #expect(failures.prefix(10) == [])
    }
}
