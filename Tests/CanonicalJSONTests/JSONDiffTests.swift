// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Testing

@Suite("JSON differences")
struct JSONDiffTests {
    private func differences(
        _ expected: String, _ live: String, _ rules: [ListSemantics.Rule] = []
    ) throws -> [String] {
        let (expected, live) = (try JSON(parsing: expected), try JSON(parsing: live))
        return JSONDiff.differences(from: expected, to: live, lists: ListSemantics(rules)).map {
            let values = [$0.before, $0.after].map { $0?.description ?? "" }
            return "\($0.operation.rawValue) \($0.path) \($0.pointer) "
                + values.joined(separator: " -> ")
        }
    }

    private func rule(_ path: String, _ kind: ListSemantics.Kind) throws -> ListSemantics.Rule {
        ListSemantics.Rule(path: try JSONPointer(parsing: path).tokens, kind: kind)
    }

    @Test("Members are added, removed, replaced and retyped, in canonical order")
    func members() throws {
        #expect(
            try differences(
                #"{"a":1,"b":"x","c":true,"d":{"e":null},"same":[1,{"x":2}]}"#,
                #"{"b":"y","c":"true","d":{"e":null,"f":1},"g":[],"same":[1.0,{"x":2e0}]}"#) == [
                    "remove /a /a 1 -> ", #"replace /b /b "x" -> "y""#,
                    #"retype /c /c true -> "true""#, "add /d/f /d/f  -> 1", "add /g /g  -> []",
                ])
        #expect(try differences("1", "2") == ["replace   1 -> 2"])
        #expect(try differences("[]", "{}") == ["retype   [] -> {}"])
        #expect(try differences("null", "null") == [])
    }

    @Test("Names and strings that only look the same are told apart")
    func bytes() throws {
        #expect(
            try differences(#"{"é":"é"}"#, #"{"e\u0301":"é"}"#).count == 2)
        #expect(try differences(#"["é"]"#, #"["e\u0301"]"#).count == 1)
        let set = [try rule("", .set)]
        #expect(try differences(#"["é","a"]"#, #"["a","e\u0301"]"#, set).count == 2)
        let keyed = [try rule("", .map(keys: ["k"]))]
        #expect(try differences(#"[{"k":"é"}]"#, #"[{"k":"e\u0301"}]"#, keyed).count == 2)
    }

    @Test("An insertion into an ordered list is one difference, not one for each shifted element")
    func insertion() throws {
        #expect(
            try differences("[1,2,3,4]", "[0,1,2,3,4]") == ["add [+0] /0  -> 0"])
        #expect(try differences("[1,2,3,4]", "[1,2,4]") == ["remove [2] /2 3 -> "])
        #expect(
            try differences(#"[{"a":1},{"b":1},5]"#, #"[0,{"a":1},{"b":2},5]"#) == [
                "add [+0] /0  -> 0", "replace [1]/b /2/b 1 -> 2",
            ])
    }

    @Test("Two lists that number their elements differently do not share a path")
    func paths() throws {
        #expect(
            try differences(#"["a","x","y"]"#, #"["p","q","a"]"#) == [
                #"add [+0] /0  -> "p""#, #"add [+1] /1  -> "q""#, #"remove [1] /1 "x" -> "#,
                #"remove [2] /2 "y" -> "#,
            ])
    }

    @Test("Another order of an ordered list is one difference; of a set or keyed list none")
    func reordering() throws {
        #expect(
            try differences(#"{"a":[1,2,2,3]}"#, #"{"a":[3,2,1,2]}"#) == [
                "reorder /a /a [1,2,2,3] -> [3,2,1,2]"
            ])
        #expect(
            try differences(
                #"{"a":[1,2,2,3]}"#, #"{"a":[3,2,1,2]}"#, [try rule("/a", .set)]) == [])
        #expect(
            try differences(
                #"[{"n":1,"v":[1]},{"n":2}]"#, #"[{"n":2},{"n":1,"v":[1]}]"#,
                [try rule("", .map(keys: ["n"]))]) == [])
    }

    @Test("A set tells how many copies came or went")
    func multiset() throws {
        #expect(
            try differences("[1,1,2,3]", "[3,1,2,2,2]", [try rule("", .set)]) == [
                "remove [=1] /0 1 -> ", "add [=2] /3  -> 2", "add [=2] /4  -> 2",
            ])
    }

    @Test("A keyed list is compared by keys, however deep, with rules below its elements")
    func keyed() throws {
        let rules = [
            try rule("/c", .map(keys: ["name", "port"])), try rule("/c/*/env", .set),
        ]
        #expect(
            try differences(
                #"{"c":[{"name":"a","port":1,"env":[1,2]},{"name":"a","port":2,"image":"x"}]}"#,
                """
                {"c":[{"name":"new","port":1},{"name":"a","port":2,"image":"y"},
                {"port":1,"name":"a","env":[2,1,3]}]}
                """, rules) == [
                    #"add /c[name="a",port=1]/env[=3] /c/2/env/2  -> 3"#,
                    #"replace /c[name="a",port=2]/image /c/1/image "x" -> "y""#,
                    #"add /c[name="new",port=1] /c/0  -> {"name":"new","port":1}"#,
                ])
    }

    @Test("Elements without keys, or with keys that occur twice, are compared as a set")
    func unkeyed() throws {
        let rules = [try rule("", .map(keys: ["n"]))]
        #expect(
            try differences(
                #"[{"n":1,"v":1},{"n":2,"v":1},{"m":1},5]"#,
                #"[5,{"n":2,"v":1},{"n":1,"v":2},{"n":2,"v":2},{"m":2}]"#, rules) == [
                    #"replace [n=1]/v /2/v 1 -> 2"#, #"remove [={"m":1}] /2 {"m":1} -> "#,
                    #"add [={"n":2,"v":2}] /3  -> {"n":2,"v":2}"#,
                    #"add [={"m":2}] /4  -> {"m":2}"#,
                ])
    }

    @Test("The first rule that matches a list counts; a rule says nothing about lists elsewhere")
    func rules() throws {
        let rules = [
            try rule("/a/exact", .atomic), try rule("/a/*", .set), try rule("/*/*/x", .set),
        ]
        #expect(try differences(#"{"a":{"exact":[1,2]}}"#, #"{"a":{"exact":[2,1]}}"#, rules) != [])
        #expect(try differences(#"{"a":{"other":[1,2]}}"#, #"{"a":{"other":[2,1]}}"#, rules) == [])
        #expect(try differences(#"{"b":{"other":[1,2]}}"#, #"{"b":{"other":[2,1]}}"#, rules) != [])
        #expect(
            try differences(#"{"b":[{"x":[1,2]}]}"#, #"{"b":[{"x":[2,1]}]}"#, rules) == [])
    }

    @Test("A pointer of something removed leads into the expected document, all the way")
    func pointers() throws {
        #expect(
            try differences(
                #"[{"n":1},{"n":2,"a":1}]"#, #"[{"n":2,"b":1},{"n":1}]"#,
                [try rule("", .map(keys: ["n"]))]) == [
                    "remove [n=2]/a /1/a 1 -> ", "add [n=2]/b /0/b  -> 1",
                ])
    }

    @Test("A list whose elements moved too far is one difference")
    func cap() throws {
        let numbers = (0..<1_000).map { JSON.int($0) }
        let turned = JSON.array(numbers.reversed() + [-1])
        let found = JSONDiff.differences(from: .array(numbers), to: turned)
        #expect(found.map(\.operation) == [.replace])
        #expect(found.first?.path == KeyPath())
    }

    /// Nothing of this moves, however much changed: it stays far below the cap.
    @Test("A thousand changed elements of an ordered list are a thousand differences")
    func manyChanges() throws {
        let before = (0..<3_000).map { JSON.int($0) }
        let after = (0..<3_000).flatMap { number -> [JSON] in
            number % 3 == 0 ? [.int(-number - 1)] : number == 100 ? [100, -5] : [.int(number)]
        }
        let found = JSONDiff.differences(from: .array(before), to: .array(after))
        #expect(found.count { $0.operation == .replace } == 1_000)
        #expect(found.filter { $0.operation != .replace }.map(\.path.description) == ["[+101]"])
    }
}
