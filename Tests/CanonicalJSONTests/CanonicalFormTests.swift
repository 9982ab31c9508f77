// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite struct CanonicalFormTests {
    @Test(
        .corpus("jcs/testdata"),
        arguments: ["arrays", "french", "structures", "unicode", "values", "weird"])
    func officialVectors(_ name: String) throws {
        let folder = Corpora.path("jcs/testdata")
        let input = try Corpora.bytes(at: "\(folder)/input/\(name).json")
        let hex = try Corpora.text(at: "\(folder)/outhex/\(name).txt")
        let expected = try hex.split(whereSeparator: \.isWhitespace)
            .map { try #require(UInt8($0, radix: 16)) }
        let canonical = try JSON(parsing: input).canonicalBytes(numbers: .ecmaScript)
        #expect(canonical == expected)
        #expect(try Corpora.bytes(at: "\(folder)/output/\(name).json") == expected)
        #expect(try JSON(canonical: expected).canonicalBytes() == expected)
    }

    @Test func refusesTheVectorNumberThatWouldChange() throws {
        let value = try JSON(parsing: #"{"numbers":[1,{"a/b":333333333.33333329}]}"#)
        let error = #expect(throws: CanonicalizationError.self) { try value.canonicalBytes() }
        #expect(error?.code == .inexactNumber)
        #expect(error?.pointer == "/numbers/1/a~1b")
        #expect(
            error?.description == "`/numbers/1/a~1b`: number `333333333.33333329` would become "
                + "`333333333.3333333`: send it as a string")
    }

    /// RFC 8785 §3.2.3: the order is that of UTF-16 code units, not of code points.
    @Test func sortsByUTF16CodeUnits() throws {
        // U+10000 is D800 DC00 in UTF-16 and sorts before U+E000, although it is larger.
        let text = "{\"\u{E000}\":1,\"\u{10000}\":2,\"\u{FFFD}\":3,\"\u{10FFFF}\":4,\"\u{D7FF}\":5}"
        let expected =
            "{\"\u{D7FF}\":5,\"\u{10000}\":2,\"\u{10FFFF}\":4,\"\u{E000}\":1,\"\u{FFFD}\":3}"
        #expect(try JSON(parsing: text).canonicalString() == expected)
        #expect(throws: Never.self) { try JSON(canonical: Array(expected.utf8)) }
        #expect(UTF8Bytes.precedesInUTF16("\u{10000}", "\u{E000}"))
        #expect(UTF8Bytes.precedes("\u{E000}", "\u{10000}"))
    }

    /// The order agrees with Swift's own UTF-16 view for every pair of interesting code points.
    @Test func orderAgreesWithUTF16Views() {
        let texts = [
            "", "a", "aa", "ab", "b", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}",
            "\u{E000}", "\u{E000}a", "\u{EFFF}", "\u{F000}", "\u{FFFF}", "\u{10000}", "\u{10000}a",
            "\u{10FFFF}", "a\u{FFFF}", "a\u{10000}", "\u{10000}\u{E000}", "\u{10000}\u{10FFFF}",
            "e\u{301}", "\u{E9}", "A\u{30A}", "\u{C5}", "\u{212B}",
        ]
        for left in texts {
            for right in texts {
                let expected = left.utf16.lexicographicallyPrecedes(right.utf16)
                #expect(
                    UTF8Bytes.precedesInUTF16(left, right) == expected, "\(left) before \(right)")
                #expect(
                    UTF8Bytes.precedes(left, right)
                        == left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars))
            }
        }
    }

    /// Swift's `==` calls these equal; as names and identifiers they are two.
    @Test func canonicallyEquivalentNamesStayApart() throws {
        let composed = "caf\u{E9}"
        let decomposed = "cafe\u{301}"
        #expect(composed == decomposed)
        let value = try JSON(parsing: "{\"\(composed)\":1,\"\(decomposed)\":2}")
        #expect(value.objectValue?.count == 2)
        #expect(value[composed] == 1)
        #expect(value[decomposed] == 2)
        #expect(JSON.string(composed) != JSON.string(decomposed))
        #expect(Set<JSON>([.string(composed), .string(decomposed)]).count == 2)
        #expect(JSON.object([composed: 1]) != JSON.object([decomposed: 1]))
        #expect(JSONPointer(tokens: [composed]) != JSONPointer(tokens: [decomposed]))
        #expect(
            try value.canonicalString()
                == "{\"\(decomposed)\":2,\"\(composed)\":1}")
    }

    @Test(arguments: [
        ("\u{0}\u{1}\u{1F}", #""\u0000\u0001\u001f""#),
        ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
        (#"a"b\c/d"#, #""a\"b\\c/d""#),
        ("\u{7F}\u{80}\u{2028}\u{FEFF}\u{10FFFF}", "\"\u{7F}\u{80}\u{2028}\u{FEFF}\u{10FFFF}\""),
        ("\r\n", #""\r\n""#),
        ("", #""""#),
    ])
    func escapesOnlyWhatMustBe(_ text: String, _ expected: String) throws {
        #expect(try Array(JSON.string(text).canonicalString().utf8) == Array(expected.utf8))
        #expect(try JSON(canonical: Array(expected.utf8)) == .string(text))
    }

    @Test(arguments: [
        (" 1", 0), ("[1, 2]", 3), ("{\"a\" :1}", 4), ("1\n", 1), ("{\"b\":1,\"a\":2}", 7),
        ("\"\\/\"", 1), ("\"\\u0041\"", 1), ("\"x\\u000a\"", 2), ("\"\\u001F\"", 1),
        ("\"\\u0022\"", 1), ("\"\\ud83d\\ude00\"", 1), ("\"\\u007f\"", 1), ("[1.0]", 1),
        ("1e2", 0), ("-0", 0), ("1E+21", 0), ("1e21", 0), ("0.10", 0), ("9007199254740993", 0),
        ("100000000000000000000000", 0), ("1e-6", 0), ("333333333.33333329", 0),
        ("[\"\u{E000}\",{\"\u{E000}\":1,\"\u{10000}\":1}]", 16),
    ])
    func canonicalReadingRefuses(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONParseError.self) { try JSON(canonical: Array(text.utf8)) }
        #expect(error?.code == .notCanonical)
        #expect(error?.offset == offset)
    }

    @Test func refusesValuesThatAreNestedTooDeeply() {
        var value: JSON = 1
        for _ in 0..<JSONLimits.deepestAllowed { value = [value] }
        #expect(throws: Never.self) { try value.canonicalBytes() }
        let deeper: JSON = .array([value])
        let error = #expect(throws: CanonicalizationError.self) { try deeper.canonicalBytes() }
        #expect(error?.code == .tooDeep)
    }
}
