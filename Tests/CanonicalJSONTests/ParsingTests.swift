// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite struct ParsingTests {
    @Test func readsEveryKindOfValue() throws {
        let text = """
            { "null" : null, "yes":true,\t"no":false, "n": -12.50,
              "s": "a\\u00e9\\ud83d\\ude00\\n", "a": [1, [], {}], "o": {"z": 1, "a": 2} }
            """
        let value = try JSON(parsing: text)
        #expect(
            value == [
                "null": nil, "yes": true, "no": false,
                "n": .number(try #require(JSONNumber(-12.5))),
                "s": "aé😀\n", "a": [1, [], [:]], "o": ["a": 2, "z": 1],
            ])
        #expect(value["n"]?.numberValue?.text == "-12.50")
        #expect(value["o"]?.objectValue?.keys == ["a", "z"])
        #expect(value["a"]?[1]?.arrayValue?.isEmpty == true)
        #expect(value["a"]?[3] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["null"]?.isNull == true)
        #expect(value["absent"] == nil)
        #expect((value["null"] == nil) == false)
    }

    /// The place and the words of every kind of refusal.
    @Test(arguments: [
        ("", "line 1, column 1 (byte 0): expected a value: the text is empty"),
        (" \n", "line 2, column 1 (byte 2): expected a value: the text ends here, send all of it"),
        (
            "[1,\n 2,]",
            "line 2, column 4 (byte 7): expected a value: found `]`, is there a comma too many?"
        ),
        (
            "{\"a\":1,}",
            "line 1, column 8 (byte 7): expected a member name in quotes: found `}`, "
                + "is there a comma too many?"
        ),
        (
            "{'a':1}",
            "line 1, column 2 (byte 1): expected a member name in quotes: found `'`, "
                + "use double quotes"
        ),
        (
            "[1 // one\n]",
            "line 1, column 4 (byte 3): expected `,` or `]` after an element: found `/`, "
                + "remove comments"
        ),
        ("{\"a\" 1}", "line 1, column 6 (byte 5): expected `:` after a member name: found `1`"),
        (
            "{\"a\":1 \"b\"}",
            "line 1, column 8 (byte 7): expected `,` or `}` after a member: found `\"`"
        ),
        (
            "[1]]",
            "line 1, column 4 (byte 3): `]` after the end of the document: "
                + "remove what follows it"
        ),
        ("nul", "line 1, column 4 (byte 3): expected `null`: the text ends here, send all of it"),
        ("True", "line 1, column 1 (byte 0): expected a value: found `T`"),
        ("[tru]", "line 1, column 2 (byte 1): expected a value: did you mean `true`?"),
        ("[01]", "line 1, column 2 (byte 1): number starts with a zero: remove the leading zeros"),
        ("[1.]", "line 1, column 4 (byte 3): expected a digit after the decimal point: found `]`"),
        (
            "1e400",
            "line 1, column 1 (byte 0): number `1e400` is out of the range of doubles: "
                + "send it as a string"
        ),
        (
            "\"a",
            "line 1, column 3 (byte 2): expected `\"` at the end of a string: "
                + "the text ends here, send all of it"
        ),
        (
            "\"\t\"",
            "line 1, column 2 (byte 1): control character (byte 0x09) in a string: escape it"
        ),
        (
            "\"\\x\"",
            "line 1, column 2 (byte 1): unknown escape (`\\` and `x`): "
                + "write `\\\\` for a backslash"
        ),
        (
            "\"\\u12G4\"",
            "line 1, column 2 (byte 1): incomplete escape: "
                + "write `\\u` and four hexadecimal digits"
        ),
        (
            "\"é\\ud800\"",
            "line 1, column 3 (byte 3): half of a surrogate pair: "
                + "write both halves, or the character itself"
        ),
        (
            "{\"é\":1,\n\"é\":2}",
            "line 2, column 1 (byte 9): duplicate member `é`: keep one of them"
        ),
        ("\u{FEFF}1", "line 1, column 1 (byte 0): byte order mark: remove the first three bytes"),
    ])
    func refusalsSayWhereAndWhat(_ text: String, _ expected: String) {
        let error = #expect(throws: JSONParseError.self) { try JSON(parsing: text) }
        #expect(error?.description == expected)
    }

    /// Names are compared as bytes after undoing escapes, wherever the second one stands.
    @Test(arguments: [
        ("{\"a\":1,\"a\":1}", 7), ("{\"a\":1,\"\\u0061\":2}", 7), ("{\"b\":1,\"a\":2,\"b\":3}", 13),
        ("{\"c\":{\"b\":1,\"a\":2},\"b\":0,\"a\":0,\"c\":1}", 31), ("{\"\":1,\"\":2}", 6),
        ("[{\"z\":[{\"x\":1,\"y\":2,\"x\":3}]}]", 20),
        ("{\"é\":1,\"\\u00e9\":2}", 8), ("{\"\\ud83d\\ude00\":1,\"😀\":2}", 18),
    ])
    func refusesDuplicateMembers(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONParseError.self) { try JSON(parsing: text) }
        #expect(error?.code == .duplicateMember)
        #expect(error?.offset == offset)
    }

    /// Text from outside cannot break the line of a message or steer a terminal.
    @Test func messagesAreSafeToPrint() {
        let name = "a\\u001b[2J\\u202e\\u200b`" + String(repeating: "x", count: 100)
        let error = #expect(throws: JSONParseError.self) {
            try JSON(parsing: "{\"\(name)\":1,\"\(name)\":2}")
        }
        #expect(
            error?.message == "duplicate member `a\\u{1B}[2J\\u{202E}\\u{200B}\\u{60}"
                + String(repeating: "x", count: 56) + "…`: keep one of them")
    }

    @Test(
        arguments: [
            ([0x22, 0x80, 0x22], 1), ([0x22, 0xC0, 0x80, 0x22], 1), ([0x22, 0xC1, 0xBF, 0x22], 1),
            ([0x22, 0xE0, 0x9F, 0xBF, 0x22], 1), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
            ([0x22, 0xF0, 0x8F, 0xBF, 0xBF, 0x22], 1), ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
            ([0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], 1), ([0x22, 0x61, 0xE2, 0x82], 2),
            ([0x22, 0xE2, 0x82, 0x22], 1), ([0x22, 0xF0, 0x9F, 0x98, 0x22], 1), ([0x22, 0xC3], 1),
            ([0x22, 0xC3, 0x22], 1), ([0x22, 0xFF, 0x22], 1), ([0x22, 0x5C, 0x6E, 0xBF, 0x22], 3),
        ] as [([UInt8], Int)])
    func refusesWhatIsNotUTF8(_ bytes: [UInt8], _ offset: Int) {
        let error = #expect(throws: JSONParseError.self) { try JSON(parsing: bytes) }
        #expect(error?.code == .invalidUTF8)
        #expect(error?.offset == offset)
    }

    /// Code points of every length survive as themselves and as escapes.
    @Test func readsCodePointsOfAllPlanes() throws {
        let ends: [UInt32] = [0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]
        for value in ends + (0..<0x400) + stride(from: 0x400, to: 0x10FFFF, by: 61) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(scalar)
            let bytes = try JSON.string(text).canonicalBytes()
            guard try JSON(canonical: bytes) == .string(text) else {
                Issue.record("U+\(String(value, radix: 16)) does not survive")
                return
            }
            let escaped = text.utf16
                .map {
                    "\\u" + String(repeating: "0", count: 4 - String($0, radix: 16).count)
                        + String($0, radix: 16)
                }
                .joined()
            #expect(try JSON(parsing: "\"\(escaped)\"") == .string(text))
        }
    }

    /// A special byte is found at every distance from the start and end of a word of eight bytes.
    @Test(
        arguments: [0x00, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x7F, 0x80, 0xFF]
            as [UInt8])
    func findsSpecialBytesAnywhere(_ special: UInt8) {
        for before in 0..<20 {
            for after in 0..<20 {
                let bytes: [UInt8] =
                    [0x22] + Array(repeating: 0x61, count: before) + [special]
                    + Array(repeating: 0x7A, count: after) + [0x22]
                let value = try? JSON(parsing: bytes)
                let isPlain = (0x20..<0x80).contains(special) && special != 0x22 && special != 0x5C
                #expect((value?.stringValue?.utf8.count == before + after + 1) == isPlain)
                #expect(isPlain || value == nil)
            }
        }
    }

    @Test func refusesDeepNestingWithoutCrashing() {
        for limits in [JSONLimits.default, .files] {
            for opening in ["[", "{\"a\":", "[{\"a\":"] {
                let text = String(repeating: opening, count: 100_000)
                let error = #expect(throws: JSONParseError.self) {
                    try JSON(parsing: text, limits: limits)
                }
                #expect(error?.code == .tooDeep)
            }
        }
    }

    @Test func depthLimitIsExact() {
        let limits = JSONLimits(maximumDepth: 3)
        #expect(throws: Never.self) { try JSON(parsing: "[{\"a\":[1,2]}]", limits: limits) }
        let error = #expect(throws: JSONParseError.self) {
            try JSON(parsing: "[{\"a\":[[]]}]", limits: limits)
        }
        #expect(error?.code == .tooDeep)
        #expect(error?.offset == 7)
    }

    @Test func otherLimitsAreExact() {
        func code(_ text: String, _ limits: JSONLimits) -> JSONParseError.Code? {
            do throws(JSONParseError) {
                _ = try JSON(parsing: text, limits: limits)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code("[1,2]", JSONLimits(maximumBytes: 5)) == nil)
        #expect(code("[1,2] ", JSONLimits(maximumBytes: 5)) == .tooLarge)
        #expect(code("{\"a\":1,\"b\":2}", JSONLimits(maximumMembers: 2)) == nil)
        #expect(code("{\"a\":1,\"b\":2,\"c\":3}", JSONLimits(maximumMembers: 2)) == .tooManyMembers)
        #expect(code("[1,[2]]", JSONLimits(maximumValues: 4)) == nil)
        #expect(code("[1,[2],3]", JSONLimits(maximumValues: 4)) == .tooManyValues)
        #expect(code("123", JSONLimits(maximumNumberBytes: 3)) == nil)
        #expect(code("1234", JSONLimits(maximumNumberBytes: 3)) == .numberTooLong)
    }

    /// Every prefix and every document with one byte changed is refused or read, never a crash.
    @Test func damagedDocumentsNeverCrash() throws {
        let text =
            #"{"a":[1,-2.5e+3,"x\u00e9\n",null],"b":{"é":true,"z":false},"😀":"\ud83d\ude00"}"#
        let bytes = Array(text.utf8)
        for end in bytes.indices {
            #expect(throws: JSONParseError.self) { try JSON(parsing: Array(bytes[..<end])) }
        }
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var damaged = bytes
                damaged[index] = byte
                guard let value = try? JSON(parsing: damaged) else { continue }
                #expect(
                    try JSON(canonical: value.canonicalBytes(numbers: .ecmaScript)).isNull == false)
            }
        }
    }
}
