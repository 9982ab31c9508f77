// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite struct NumberTests {
    /// RFC 8785, appendix B.
    @Test(arguments: [
        (0x0000_0000_0000_0000 as UInt64, "0"), (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
        (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
        (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xC340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"),
        (0x44B5_2D02_C7E1_4AF6, "1e+23"),
        (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"),
        (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
        (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"),
        (0x444B_1AE4_D6E2_EF50, "1e+21"),
        (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"),
        (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
        (0x41B3_DE43_5555_5553, "333333333.3333332"),
        (0x41B3_DE43_5555_5554, "333333333.33333325"),
        (0x41B3_DE43_5555_5555, "333333333.3333333"),
        (0x41B3_DE43_5555_5556, "333333333.3333334"),
        (0x41B3_DE43_5555_5557, "333333333.33333343"),
        (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
        (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
    ])
    func ecmaScriptForm(_ bits: UInt64, _ expected: String) throws {
        let double = Double(bitPattern: bits)
        let number = try #require(JSONNumber(double))
        #expect(number.text == expected)
        #expect(try JSON.number(number).canonicalString(numbers: .ecmaScript) == expected)
        #expect(number.double == double)
    }

    @Test func thereIsNoNumberForInfinityAndNotANumber() {
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(-Double.infinity) == nil)
        #expect(JSONNumber(Double.nan) == nil)
    }

    @Test(arguments: [
        ("1e21", "1e+21"), ("1E400e", nil), ("1e20", "100000000000000000000"), ("1e-7", "1e-7"),
        ("0.0000001", "1e-7"), ("0.000001", "0.000001"), ("1e-6", "0.000001"), ("-0", "0"),
        ("-0.0e5", "0"), ("0e999999999999999999999", "0"), ("5e-324", "5e-324"), ("100", "100"),
        ("1.50", "1.5"), ("123.456e2", "12345.6"), ("1e2", "100"), ("12e-1", "1.2"),
        ("0.1", "0.1"), ("9007199254740992", "9007199254740992"),
        ("9007199254740994", "9007199254740994"), ("999999999999999", "999999999999999"),
        ("-999999999999999", "-999999999999999"),
        ("123456789012345680000", "123456789012345680000"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("123456789012345.6", "123456789012345.6"),
        // Other values than any double has: refused rather than rounded.
        ("9007199254740993", nil), ("-9007199254740993", nil), ("0.1000000000000000055", nil),
        ("333333333.33333329", nil), ("9223372036854775807", nil), ("4.9e-324", nil),
        ("1000000000000000000001", nil), ("3.141592653589793238", nil),
        ("1.7976931348623158e308", nil),
    ])
    func exactForm(_ text: String, _ expected: String?) throws {
        guard let number = JSONNumber(text: text) else {
            #expect(expected == nil)
            return
        }
        #expect((try? JSON.number(number).canonicalString()) == expected)
        guard let expected else {
            let rounded = try JSON.number(number).canonicalString(numbers: .ecmaScript)
            #expect(Double(rounded) == Double(text))
            return
        }
        #expect(JSONNumber(text: expected) == number)
    }

    @Test(arguments: [
        ("0", 0 as Int64?), ("-0", 0), ("1", 1), ("-1", -1), ("1.0", 1), ("1e2", 100),
        ("120e-1", 12),
        ("0.5e1", 5), ("0.0", 0), ("0e5", 0), ("9223372036854775807", .max),
        ("-9223372036854775808", .min), ("9223372036854775808", nil),
        ("-9223372036854775809", nil), ("1e18", 1_000_000_000_000_000_000), ("1e19", nil),
        ("9223372036854775807.0", .max), ("99999999999999999999", nil), ("1.5", nil),
        ("1e-1", nil), ("18446744073709551616", nil), ("1e300", nil), ("-9.5", nil),
        ("9223372036854775808e0", nil), ("-9223372036854775808.0", .min),
    ])
    func integers(_ text: String, _ expected: Int64?) throws {
        #expect(try #require(JSONNumber(text: text)).int64 == expected)
    }

    @Test(arguments: [
        "", "-", "+1", "01", "-01", "00", ".5", "1.", "1.e2", "1e", "1e+", "0x10", "NaN", "inf",
        "Infinity", "-Infinity", " 1", "1 ", "1_000", "1,5", "1e400", "-1e400", "1e-400",
        "1.8e308", "2e-324", "\u{FF11}",
    ])
    func refusedTexts(_ text: String) {
        #expect(JSONNumber(text: text) == nil)
        if text != " 1", text != "1 " {
            #expect(throws: JSONParseError.self) { try JSON(parsing: text) }
        }
    }

    @Test func longNumbersAreRefused() throws {
        let longest = String(repeating: "1", count: 300) + "." + String(repeating: "0", count: 723)
        #expect(JSONNumber(text: longest)?.double == Double(longest))
        let error = #expect(throws: JSONParseError.self) { try JSON(parsing: longest + "0") }
        #expect(error?.code == .numberTooLong)
    }

    @Test func equalityIsByDecimalValue() throws {
        let groups: [[String]] = [
            ["1", "1.0", "10e-1", "0.1e1", "1E0", "1e+0"],
            ["0", "-0", "0.0", "-0e7", "0e-99999999"],
            ["9007199254740993", "9007199254740993.0"], ["9007199254740992"], ["-1", "-1.00"],
            ["100", "1e2"], ["10"], ["0.1"], ["0.10000000000000001"],
        ]
        for (index, group) in groups.enumerated() {
            for left in group {
                for (other, others) in groups.enumerated() {
                    for right in others {
                        let left = try #require(JSONNumber(text: left))
                        let right = try #require(JSONNumber(text: right))
                        #expect((left == right) == (index == other), "\(left) and \(right)")
                        if index == other { #expect(left.hashValue == right.hashValue) }
                    }
                }
            }
        }
    }

    /// Random doubles, by their bits: the text reads back as the same double, has the shape that
    /// ECMAScript prescribes, and is canonical.
    @Test func randomDoublesRoundTrip() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<5_000 {
            let double = Double(bitPattern: random.next())
            guard let number = JSONNumber(double) else {
                #expect(!double.isFinite)
                continue
            }
            #expect(Double(number.text) == double)
            #expect(try JSON.number(number).canonicalString() == number.text)
            #expect(try JSON(canonical: Array(number.text.utf8)) == .number(number))
            let magnitude = double.magnitude
            let isPlain = magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21)
            #expect(number.text.utf8.contains(UInt8(ascii: "e")) != isPlain)
            #expect(number.text.utf8.count <= 25)
        }
    }

    @Test func randomIntegersRoundTrip() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<5_000 {
            let value = Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random)
            #expect(JSONNumber(value).int64 == value)
            #expect(JSONNumber(text: "\(value).0")?.int64 == value)
            let canonical = try? JSON.int(value).canonicalString()
            // Beyond 2^53 some integers are refused, but none comes out as another one.
            if canonical != nil || value.magnitude <= 1 << 53 {
                #expect(canonical == String(value))
            }
        }
    }
}
