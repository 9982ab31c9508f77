// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite("JSON Patch")
struct JSONPatchTests {
    /// Each case on its own, as one of each file has a member twice, which no JSON of ours has:
    /// there the strict parser is what refuses it.
    private func cases(_ file: String) throws -> [(text: String, json: JSON?)] {
        let bytes = try Corpora.bytes(at: Corpora.path("json-patch/\(file)"))
        var cases: [(text: String, json: JSON?)] = []
        var depth = 0
        var isInString = false
        var isEscaped = false
        var start = 0
        for (index, byte) in bytes.enumerated() {
            if isInString {
                if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                if depth == 1 { start = index }
                depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                guard depth == 1 else { continue }
                let text = Array(bytes[start...index])
                cases.append((String(decoding: text, as: UTF8.self), try? JSON(parsing: text)))
            default: break
            }
        }
        return cases
    }

    @Test(
        "The public test suite passes", .corpus("json-patch"),
        arguments: [("tests.json", 95, 92), ("spec_tests.json", 17, 16)])
    func corpus(file: String, total: Int, enabled: Int) throws {
        let cases = try cases(file)
        #expect(cases.count == total)
        var passed = 0
        var unreadable = 0
        for (text, json) in cases {
            guard let json else {
                unreadable += 1
                #expect(text.contains("two 'op' members"))
                continue
            }
            if json["disabled"]?.boolValue == true { continue }
            let document = try #require(json["doc"])
            let patch = try #require(json["patch"])
            let result = Result { try JSONPatch(patch).applied(to: document) }
            switch (result, json["expected"], json["error"]) {
            case (.success(let patched), let expected?, nil):
                #expect(patched == expected, "\(text)")
                passed += patched == expected ? 1 : 0
            case (.success, nil, nil), (.failure, nil, .some): passed += 1
            default: Issue.record("\(result): \(text)")
            }
        }
        #expect(passed == enabled)
        #expect(unreadable == 1)
        print("JSON Patch, \(file): \(passed) of \(enabled) enabled cases")
    }

    private func apply(_ patch: String, to document: String) throws -> String {
        try JSONPatch(JSON(parsing: patch)).applied(to: JSON(parsing: document)).description
    }

    private func refusal(_ patch: String, _ document: String = "{}") throws -> String {
        do {
            return "no error: \(try apply(patch, to: document))"
        } catch let error as JSONPatchError {
            return error.description
        }
    }

    @Test("A refusal names the operation and the reason")
    func refusals() throws {
        #expect(
            try refusal(#"[{"op":"test","path":"","value":{}},{"op":"remove","path":"/a/b"}]"#)
                == "operation 2: cannot remove `/a/b`: there is nothing")
        #expect(
            try refusal(#"[{"op":"Add","path":"","value":1}]"#)
                == "operation 1: `op`: unknown operation `Add`: use `add`, `remove`, `replace`, "
                + "`move`, `copy` or `test`")
        #expect(
            try refusal(#"[{"op":"add","path":"a","value":1}]"#)
                == "operation 1: `path`: pointer `a`: start it with `/`, or leave it empty")
        #expect(
            try refusal(#"[{"op":"add","path":"/a"}]"#)
                == "operation 1: `value`: missing, add it")
        #expect(try refusal(#"{"op":"add"}"#) == "expected an array of operations, found an object")
        #expect(
            try refusal(#"[{"op":"test","path":"/a","value":[1]}]"#, #"{"a":"b"}"#)
                == "operation 1: cannot test `/a`: expected `an array of 1`, found `\"b\"`")
        #expect(
            try refusal(#"[{"op":"add","path":"/a/3","value":1}]"#, #"{"a":[1,2]}"#)
                == "operation 1: cannot add `/a/3`: the array has 2 elements, so use at most that "
                + "as the index, or `-`")
        #expect(
            try refusal(#"[{"op":"move","from":"/a","path":"/a/b"}]"#, #"{"a":{}}"#)
                == "operation 1: cannot move `/a`: a value cannot be moved into itself")
        #expect(
            try refusal(#"[{"op":"remove","path":""}]"#)
                == "operation 1: cannot remove ``: the whole document cannot be removed, "
                + "replace it")
        #expect(
            try refusal(#"[{"op":"add","path":"/a/b","value":1}]"#, #"{"a":1}"#)
                == "operation 1: cannot add `/a/b`: its parent is a number, which has no members")
    }

    @Test("A value can be moved to where it is, and next to a name that starts like its own")
    func moves() throws {
        #expect(
            try apply(#"[{"op":"move","from":"/a","path":"/a"}]"#, to: #"{"a":1}"#) == #"{"a":1}"#)
        #expect(
            try apply(#"[{"op":"move","from":"/a","path":"/ab"}]"#, to: #"{"a":1}"#)
                == #"{"ab":1}"#)
        #expect(try refusal(#"[{"op":"move","from":"/a","path":"/a"}]"#).contains("nothing"))
    }

    @Test("Names are compared by bytes")
    func bytes() throws {
        #expect(
            try refusal(#"[{"op":"remove","path":"/é"}]"#, #"{"e\u0301":1}"#)
                .contains("there is nothing"))
        #expect(
            try refusal(#"[{"op":"test","path":"/a","value":"é"}]"#, #"{"a":"e\u0301"}"#)
                .contains("expected"))
    }

    /// Thirty copies of the document into itself would make a billion values of one.
    @Test("Copies cannot make a document of any size or depth")
    func growth() throws {
        let copy = JSONPatch.Operation.copy(
            from: JSONPointer(tokens: []), to: JSONPointer(tokens: ["a"]))
        let both = JSONPatch.Operation.copy(
            from: JSONPointer(tokens: ["a"]), to: JSONPointer(tokens: ["b"]))
        #expect(throws: JSONPatchError.self) {
            try JSONPatch((0..<60).map { $0 % 2 == 0 ? copy : both }).applied(to: [:])
        }
        #expect(throws: JSONPatchError.self) {
            try JSONPatch(Array(repeating: copy, count: 600)).applied(to: [:], limits: .files)
        }
        #expect(try JSONPatch(Array(repeating: copy, count: 500)).applied(to: [:]) != [:])
    }

    @Test("More operations than anybody reviews are refused")
    func limit() throws {
        let operation: JSON = ["op": "test", "path": "", "value": nil]
        let most = JSONPatch.maximumOperations
        #expect(
            try JSONPatch(.array(Array(repeating: operation, count: most))).operations.count
                == most)
        #expect(throws: JSONPatchError.self) {
            try JSONPatch(.array(Array(repeating: operation, count: most + 1)))
        }
    }

    @Test("A guarded patch fails where the value has changed meanwhile")
    func guarded() throws {
        let patch = JSONDiff.patch(from: ["a": 1, "b": 2], to: ["a": 3], isGuarded: true)
        #expect(try patch.applied(to: ["a": 1, "b": 2]) == ["a": 3])
        #expect(throws: JSONPatchError.self) { try patch.applied(to: ["a": 1, "b": 4]) }
        #expect(throws: JSONPatchError.self) { try patch.applied(to: ["a": 2, "b": 2]) }
    }

    @Test("Two exchanged elements are not a new list")
    func exchanged() throws {
        let old = JSON.array((0..<100).map { JSON.int($0) })
        var elements = (0..<100).map { JSON.int($0) }
        elements.swapAt(3, 90)
        let patch = JSONDiff.patch(from: old, to: .array(elements))
        #expect(patch.operations.map(\.name).sorted() == ["replace", "replace"])
        #expect(try patch.applied(to: old) == .array(elements))
    }

    /// RFC 7386, appendix A.
    @Test(
        "A merge patch does what its RFC shows",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, #"{}"#),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"a":1,"e":null}"#),
            ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ])
    func merge(document: String, patch: String, result: String) throws {
        let merged = try JSON(parsing: document).merging(patch: JSON(parsing: patch))
        #expect(merged.description == result)
    }
}
