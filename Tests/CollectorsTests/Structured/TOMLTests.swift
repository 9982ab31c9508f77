// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import TestSupport
import Testing

@Suite("TOML files")
struct TOMLTests {
    @Test(
        "values keep what they are",
        arguments: [
            ("1979-05-27T07:32:00Z", #"{"$date":"1979-05-27T07:32:00Z"}"#),
            ("1979-05-27 07:32:00z", #"{"$date":"1979-05-27T07:32:00Z"}"#),
            ("1979-05-27t00:32:00.999-07:00", #"{"$date":"1979-05-27T00:32:00.999-07:00"}"#),
            ("1979-05-27T07:32:00", #"{"$date":"1979-05-27T07:32:00"}"#),
            ("1979-05-27", #"{"$date":"1979-05-27"}"#), ("07:32:00", #"{"$date":"07:32:00"}"#),
            (#""1979-05-27""#, #""1979-05-27""#),
            ("9223372036854775807", #"{"$number":"9223372036854775807"}"#),
            ("9_007_199_254_740_992", "9007199254740992"), ("0xDEAD_beef", "3735928559"),
            ("0o755", "493"), ("0b1010", "10"), ("1e3", "1000"), ("-0.0", "0"), ("6.626e-34", nil),
            ("0.1000000000000000055", #"{"$number":"0.1000000000000000055"}"#),
            ("inf", #"{"$number":"inf"}"#), ("-inf", #"{"$number":"-inf"}"#),
            ("+nan", #"{"$number":"nan"}"#), ("true", "true"),
            (#""a\u0000b""#, #""a\u0000b""#), (#""\U0001F600""#, #""😀""#),
            ("'C:\\x'", #""C:\\x""#), ("\"\"\"\na\\\n   b\"\"\"", #""ab""#),
            (#"""""two"" quotes""""""#, #""\"two\"\" quotes\"\"""#),
            ("[1, 2, # three\n 3,]", "[1,2,3]"), ("{a.b = 1, a.c = 2}", #"{"a":{"b":1,"c":2}}"#),
        ] as [(String, String?)])
    func values(_ text: String, _ expected: String?) throws {
        #expect(try document("v = \(text)\n", .toml) == #"{"v":\#(expected ?? text)}"#)
    }

    @Test("nothing hides behind a NUL, in a string, in a key or in the file")
    func nul() throws {
        let one = try document(#"a = "x\u0000y""#, .toml)
        let other = try document(#"a = "x\u0000z""#, .toml)
        #expect(one != other)
        #expect(try document(#""a\u0000b" = 1"#, .toml) == #"{"a\u0000b":1}"#)
        #expect(refusal("a = 1\n\u{0}\nb = 2", .toml).contains("line 2"))
    }

    @Test("order, comments and the ways to write a table give no drift")
    func noise() throws {
        let plain = try document("[a]\nx = 1\ny = 2\n[a.b]\nz = 3\n", .toml)
        #expect(try document("a.y = 2 # two\na.x = 0x1\na.b.z = 3.0\n", .toml) == plain)
        #expect(try document("a = { y = 2, b = {z = 3}, x = 1 }", .toml) == plain)
        #expect(try document("[a.b]\r\nz = 3\r\n[a]\r\ny = 2\r\nx = 1\r\n", .toml) == plain)
    }

    @Test(
        "a key twice, a table twice, a closed table: refused",
        arguments: [
            "a = 1\na = 2", "[a]\n[a]", "a.b = 1\n[a]", "a = {b = 1}\na.c = 2",
            "[a.b]\n[a]\nb.c = 1",
            "a = 1\n[a.b]", "[[a]]\n[a]", "a = []\n[[a]]", "a = {b = 1, b.c = 2}", "é = 1",
            "a = 1 b = 2", "a = 01", "a = 1.", "a = .5", "a = 1__0", "a = 0x", "a = 2023-02-29",
            "a = 24:00:00", "a = {b = 1,}", "a = \"\n\"", "a = \"\\x41\"", "= 1", "[a", "[[a]",
            "a = \"\\ud800\"", "a", "a =", "[]", "a = [1 2]", "$number = '1'", "a = 'x' # \u{1}",
        ])
    func refused(_ text: String) {
        #expect(refusal(text, .toml).hasPrefix("line ") || refusal(text, .toml).contains("$number"))
    }

    @Test("depth has a limit, however it is written")
    func depth() {
        #expect(
            refusal("a = " + String(repeating: "[", count: 100_000), .toml).contains("deeper"))
        #expect(
            refusal("a = " + String(repeating: "{a = ", count: 100_000), .toml).contains("deeper"))
        let key = repeatElement("a", count: 100_000).joined(separator: ".")
        #expect(refusal("\(key) = 1", .toml).contains("parts"))
        #expect(refusal("[\(key)]", .toml).contains("parts"))
        let part = repeatElement("a", count: 60).joined(separator: ".")
        #expect(refusal("[\(part)]\n\(part) = 1", .toml).contains("deeper"))
    }

    @Test("the test suite of TOML: all of it", .corpus("toml-test.tar.xz"))
    func testSuite() throws {
        let folder = try Corpora.unpacked("toml-test.tar.xz") + "/toml-test/tests"
        var differences: [String] = []
        var count = 0
        let list = try Corpora.text(at: "\(folder)/files-toml-1.0.0")
        for name in list.split(separator: "\n") where name.hasSuffix(".toml") {
            count += 1
            let found = try? StructuredFiles.parse(
                Corpora.bytes(at: "\(folder)/\(name)"), format: .toml)
            if name.hasPrefix("invalid/") {
                if found != nil { differences.append("accepted: \(name)") }
                continue
            }
            let expected = try JSON(
                parsing: Corpora.bytes(at: "\(folder)/\(name.dropLast(5)).json"))
            if found.map(shortened) != shortened(plain(expected)) {
                differences.append("\(name): \(found?.description ?? "refused")")
            }
        }
        #expect(differences == [])
        #expect(count > 600)
    }

    /// The value with the seconds of its dates as short as they can be: the suite writes three
    /// digits of them, here they stay as they were written.
    private func shortened(_ json: JSON) -> JSON {
        if case .array(let elements) = json { return .array(elements.map(shortened)) }
        guard case .object(let object) = json else { return json }
        guard object.count == 1, let date = object["$date"]?.stringValue else {
            return .object(JSONObject(object.map { ($0.key, shortened($0.value)) }))
        }
        return ["$date": .string(date.replacing(/(\.\d*?)0+(?!\d)/, with: { $0.output.1 }))]
    }

    /// A value of the suite, which gives types by name, as it should be read here.
    private func plain(_ json: JSON) -> JSON {
        if case .array(let elements) = json { return .array(elements.map(plain)) }
        guard case .object(let object) = json else { return json }
        guard object.count == 2, let type = object["type"]?.stringValue,
            let value = object["value"]?.stringValue
        else { return .object(JSONObject(object.map { ($0.key, plain($0.value)) })) }
        switch type {
        case "string": return .string(value)
        case "bool": return .bool(value == "true")
        case "integer", "float":
            guard let number = JSONNumber(text: value.replacing("+", with: "")) else {
                return ["$number": .string(value.hasSuffix("nan") ? "nan" : value)]
            }
            let isExact = (try? JSON.number(number).canonicalBytes()) != nil
            return isExact ? .number(number) : ["$number": .string(value)]
        default: return ["$date": .string(value)]
        }
    }
}
