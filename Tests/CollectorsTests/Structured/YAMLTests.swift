// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import Foundation
import TestSupport
import Testing

/// The canonical form of what a text of that format holds.
func document(_ text: String, _ format: StructuredFiles.Format) throws -> String {
    try StructuredFiles.parse(Array(text.utf8), format: format).canonicalString()
}

/// Why a text is refused; an empty text where it is not.
func refusal(_ text: String, _ format: StructuredFiles.Format) -> String {
    do {
        _ = try StructuredFiles.parse(Array(text.utf8), format: format)
        return ""
    } catch {
        return "\(error)"
    }
}

@Suite("YAML files")
struct YAMLTests {
    @Test(
        "words are what YAML 1.2 says, not what YAML 1.1 said",
        arguments: [
            ("no", #""no""#), ("on", #""on""#), ("yes", #""yes""#), ("Off", #""Off""#),
            ("1e3", "1000"), ("0o7", "7"), ("007", "7"), ("0x1F", "31"), ("~", "null"),
            ("null", "null"), ("''", #""""#), ("True", "true"), ("tRue", #""tRue""#),
            ("2001-12-14", #""2001-12-14""#), ("2001-12-14t21:59:43.10-05:00", nil),
            ("12:30:45", #""12:30:45""#), ("1_000", #""1_000""#), ("0b101", #""0b101""#),
            ("+1", "1"), ("-0", "0"), (".5", "0.5"), ("5.", "5"), ("1.0", "1"), ("1e", #""1e""#),
            ("0x", #""0x""#), ("-0x1", #""-0x1""#), (".inf", #"{"$number":"inf"}"#),
            ("-.INF", #"{"$number":"-inf"}"#), (".nan", #"{"$number":"nan"}"#), ("'5'", #""5""#),
            (#""no""#, #""no""#), ("!!str 5", #""5""#), ("!!int '5'", "5"), ("!!float 5", "5"),
            ("! 5", #""5""#), ("!Ref 5", #"{"$tag":"!Ref","$value":"5"}"#),
            ("!!binary aGk=", #"{"$tag":"!!binary","$value":"aGk="}"#),
            ("!GetAtt [a, b]", #"{"$tag":"!GetAtt","$value":["a","b"]}"#),
            ("!!seq [a]", #"["a"]"#), ("!!set {a}", #"{"$tag":"!!set","$value":{"a":null}}"#),
        ] as [(String, String?)])
    func words(_ text: String, _ expected: String?) throws {
        let expected = expected ?? "\"\(text)\""
        #expect(try document(text, .yaml) == expected)
        #expect(try document("a: \(text)", .yaml) == #"{"a":\#(expected)}"#)
        #expect(try document("- \(text)", .yaml) == "[\(expected)]")
    }

    @Test("a number is exact or marked, never rounded")
    func numbers() throws {
        #expect(try document("9007199254740993", .yaml) == #"{"$number":"9007199254740993"}"#)
        #expect(try document("9007199254740992", .yaml) == "9007199254740992")
        #expect(
            try document("0x20000000000001", .yaml) == #"{"$number":"0x20000000000001"}"#)
        #expect(try document("0.1", .yaml) == "0.1")
        #expect(
            try document("0.10000000000000000001", .yaml)
                == #"{"$number":"0.10000000000000000001"}"#)
        #expect(try document("1e400", .yaml) == #"{"$number":"1e400"}"#)
        let digits = String(repeating: "7", count: 2_000)
        #expect(try document(digits, .yaml) == #"{"$number":"\#(digits)"}"#)
    }

    @Test("comments, order, anchors, quotes of texts and styles give no drift")
    func noise() throws {
        let plain = try document("{a: {x: 1, y: text}, b: {x: 1, y: text}}", .yaml)
        let same = """
            # who wrote this
            b: &one   # an anchor
              y: "text"
              x: 1.0
            a: *one
            """
        #expect(try document(same, .yaml) == plain)
        #expect(try document("a: |-\n  one\n  two\n", .yaml) == #"{"a":"one\ntwo"}"#)
        #expect(try document("a: \"one\\ntwo\"", .yaml) == #"{"a":"one\ntwo"}"#)
    }

    @Test("what an anchor holds does not depend on having been a key")
    func anchorsAsKeys() throws {
        // The parser writes into keys what it takes them for.
        #expect(
            try document("- &five 5\n- {*five : *five}", .yaml) == #"[5,{"!!int 5":5}]"#)
    }

    @Test("keys that are no texts say what they are")
    func keys() throws {
        let text = "{8080: a, '8081': b, no: c, true: d, ~: e, 1.5: f, 0x10: g}"
        #expect(
            try document(text, .yaml)
                == #"{"!!bool true":"d","!!float 1.5":"f","!!int 16":"g","!!int 8080":"a","#
                + #""!!null":"e","8081":"b","no":"c"}"#)
        #expect(refusal("{[a]: b}", .yaml).contains("only texts are read"))
        #expect(refusal("{!Ref a: b}", .yaml).contains("tag of its own"))
    }

    @Test("a key that is there twice is refused, whatever it looks like")
    func duplicates() throws {
        #expect(refusal("a: 1\nb: 2\na: 3", .yaml).contains("twice"))
        #expect(refusal("a: 1\n'a': 3", .yaml).contains("twice"))
        #expect(refusal("1: a\n0x1: b", .yaml).contains("twice"))
        #expect(refusal("<<: {a: 1}\n<<: {b: 1}", .yaml).contains("twice"))
        #expect(try document("<<: {a: 1}\na: 2", .yaml) == #"{"<<":{"a":1},"a":2}"#)
    }

    @Test("documents of one file are a list, and no document is null")
    func documents() throws {
        #expect(try document("a: 1\n---\nb: 2\n", .yaml) == #"[{"a":1},{"b":2}]"#)
        #expect(try document("---\na: 1\n...\n", .yaml) == #"{"a":1}"#)
        #expect(try document("", .yaml) == "null")
        #expect(try document("# nothing\n", .yaml) == "null")
    }

    @Test("a billion laughs are refused before anybody laughs")
    func billionLaughs() {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...9 {
            let aliases = repeatElement("*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(refusal(text, .yaml).contains("aliases written out"))
        // As a key they would cost the parser itself the time.
        for key in ["? *a9\n: x\n", "{*a9 : x}\n", "[*a9]: x\n", "b: {[*a9] : x}\n", "- ? *a9\n"] {
            #expect(refusal(text + key, .yaml).contains("write the keys out"), "\(key)")
        }
        var chain = "- &a0 [x]\n"
        for level in 1...100_000 { chain += "- &a\(level) [*a\(level - 1)]\n" }
        #expect(refusal(chain, .yaml).contains("more than 1000 aliases"))
        #expect(refusal("&a [*a]", .yaml).contains("alias"))
    }

    @Test("aliases in the amounts that people use are read")
    func manyAliases() throws {
        var text = "base: &base {image: x, retries: 2}\n"
        for job in 0..<300 {
            text += "job\(job):\n  <<: *base\n  script: 'echo \"${NAME}: a ? b : c\" # ? *x'\n"
        }
        let read = try StructuredFiles.parse(Array(text.utf8), format: .yaml)
        #expect(read["job299"]?["<<"]?["retries"] == 2)
    }

    @Test("depth and size have limits, and a deep file does not end the process")
    func limits() {
        let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(refusal(deep, .yaml).contains("deeper than 64 levels"))
        let deeper = String(repeating: "[", count: 100_000)
        #expect(refusal(deeper, .yaml).contains("not YAML"))
        let block = (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(refusal(block, .yaml).contains("deeper than 64 levels"))
        #expect(refusal(String(repeating: "a", count: 4_194_305), .yaml).contains("at most"))
    }

    @Test(
        "what is no YAML is refused with its line, and without its text",
        arguments: [
            "a: [1, 2", "a: 'x", "\ta: 1", "a: b: c", "%YAML 3.0\n--- a", "a: *nobody", "- \u{1}",
            "a: !!int x", "a: !!bool yes", "&a &b c",
        ])
    func malformed(_ text: String) {
        let message = refusal("secret: hunter2\n" + text, .yaml)
        #expect(message != "")
        #expect(!message.contains("hunter2"))
        #expect(!message.contains("\n"))
    }

    @Test("an object that looks like a mark of ours is refused")
    func marks() {
        #expect(refusal("{$number: '1'}", .yaml).contains("$number"))
        #expect(refusal("{$tag: '!Ref', $value: a}", .yaml).contains("$tag"))
        #expect(refusal("{$number: '1', b: 2}", .yaml) == "")
    }

    @Test(
        "the test suite of YAML: what has a meaning in JSON has that meaning here",
        .corpus("yaml-test-suite.tar.xz"))
    func testSuite() throws {
        let folder = try Corpora.unpacked("yaml-test-suite.tar.xz") + "/yaml-test-suite"
        var (right, refused, accepted) = (0, 0, 0)
        var different: [String] = []
        let files = try #require(FileManager.default.enumerator(atPath: folder))
        for case let name as String in files where name.hasSuffix("/in.yaml") {
            let id = String(name.dropLast("/in.yaml".count))
            let bytes = try Corpora.bytes(at: "\(folder)/\(name)")
            let found = try? StructuredFiles.parse(bytes, format: .yaml)
            if FileManager.default.fileExists(atPath: "\(folder)/\(id)/error") {
                if found != nil { accepted += 1 }
                continue
            }
            guard let text = try? Corpora.bytes(at: "\(folder)/\(id)/in.json"),
                let expected = try? JSON(parsing: text)
            else { continue }
            switch found.map(untagged) {
            case nil: refused += 1
            case expected?: right += 1
            default: different.append(id)
            }
        }
        let summary =
            "YAML: \(right) as in JSON, \(refused) refused, \(accepted) accepted that are wrong\n"
        FileHandle.standardError.write(Data(summary.utf8))
        #expect(Set(different) == Self.known)
        #expect(right >= 215)
    }

    /// What libyaml, which knows YAML 1.1, reads otherwise: `?` and `:` next to other letters, and
    /// spaces at the end of a file.
    private static let known: Set<String> = ["652Z", "HM87/01", "JEF9/02", "L24T/01", "Y2GN"]

    /// The value without tags, which the suite's JSON does not have.
    private func untagged(_ json: JSON) -> JSON {
        switch json {
        case .array(let elements): return .array(elements.map(untagged))
        case .object(let object):
            if object.count == 2, object["$tag"] != nil, let value = object["$value"] {
                return untagged(value)
            }
            return .object(JSONObject(object.map { ($0.key, untagged($0.value)) }))
        default: return json
        }
    }
}
