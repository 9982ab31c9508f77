// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import WebAuthn

@Suite("CBOR")
struct CBORTests {
    /// RFC 8949 appendix A, as far as it is needed.
    @Test(
        "Items are read",
        arguments: [
            ("00", .unsigned(0)), ("17", .unsigned(23)), ("1818", .unsigned(24)),
            ("1903e8", .unsigned(1_000)), ("1a000f4240", .unsigned(1_000_000)),
            ("1bffffffffffffffff", .unsigned(.max)), ("20", .negative(0)),
            ("3863", .negative(99)), ("3bffffffffffffffff", .negative(.max)),
            ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")),
            ("62c3bc", .text("\u{FC}")), ("80", .array([])),
            ("820102", .array([.unsigned(1), .unsigned(2)])), ("a0", .map([])),
            ("f4", .bool(false)),
            ("f5", .bool(true)), ("f6", .null),
            (
                "a26161016162820203",
                .map([
                    CBOR.Member(key: .text("a"), value: .unsigned(1)),
                    CBOR.Member(key: .text("b"), value: .array([.unsigned(2), .unsigned(3)])),
                ])
            ),
        ] as [(String, CBOR)])
    func read(_ hex: String, _ expected: CBOR) throws {
        #expect(try CBORReader.item(bytes(hex), isOrdered: true) == expected)
    }

    static let defects: [(String, WebAuthnError.Code)] = [
        ("", .cborTruncated), ("18", .cborTruncated), ("1900", .cborTruncated),
        ("41", .cborTruncated), ("4201", .cborTruncated), ("81", .cborTruncated),
        ("a1", .cborTruncated), ("a101", .cborTruncated), ("0000", .cborTrailingBytes),
        // Not the shortest form.
        ("1817", .cborNotCanonical), ("1900ff", .cborNotCanonical),
        ("1a0000ffff", .cborNotCanonical), ("1b00000000ffffffff", .cborNotCanonical),
        ("3817", .cborNotCanonical), ("580101", .cborNotCanonical), ("780161", .cborNotCanonical),
        ("980100", .cborNotCanonical), ("b8010000", .cborNotCanonical),
        // Huge lengths, which must not be believed.
        ("5bffffffffffffffff", .cborTruncated), ("5b7fffffffffffffff", .cborTruncated),
        ("7bffffffffffffffff", .cborTruncated), ("9bffffffffffffffff", .cborTruncated),
        ("9b7fffffffffffffff", .cborTruncated), ("bbffffffffffffffff", .cborTruncated),
        ("bb7fffffffffffffff", .cborTruncated), ("9affffffff", .cborTruncated),
        // Indefinite lengths.
        ("5f4101ff", .cborIndefiniteLength), ("7f6161ff", .cborIndefiniteLength),
        ("9fff", .cborIndefiniteLength), ("bfff", .cborIndefiniteLength),
        ("ff", .cborIndefiniteLength), ("1f", .cborIndefiniteLength),
        // Maps.
        ("a201000100", .cborDuplicateKey), ("a2616100616100", .cborDuplicateKey),
        ("a3010002000100", .cborDuplicateKey), ("a2410000410000", .cborDuplicateKey),
        ("a1a000", .cborUnsupported), ("a1f500", .cborUnsupported), ("a18000", .cborUnsupported),
        // What is not needed.
        ("c000", .cborUnsupported), ("d9d9f700", .cborUnsupported), ("f7", .cborUnsupported),
        ("f0", .cborUnsupported), ("f820", .cborUnsupported), ("f90000", .cborUnsupported),
        ("fa00000000", .cborUnsupported), ("fb0000000000000000", .cborUnsupported),
        ("1c", .cborUnsupported), ("1d", .cborUnsupported), ("1e", .cborUnsupported),
        ("fc", .cborUnsupported),
        ("61ff", .cborInvalidText), ("62c328", .cborInvalidText), ("63eda080", .cborInvalidText),
        (String(repeating: "81", count: 9) + "00", .cborTooDeep),
        (String(repeating: "a100", count: 9) + "00", .cborTooDeep),
        (String(repeating: "81", count: 60_000) + "00", .cborTooDeep),
        (String(repeating: "00", count: 65_537), .cborTooLarge),
    ]

    @Test("Everything else is refused with its code", arguments: defects)
    func refused(_ hex: String, _ expected: WebAuthnError.Code) throws {
        #expect(
            try code { _ = try CBORReader.item(bytes(hex), isOrdered: false) } == expected)
    }

    @Test("Eight levels are read")
    func depth() throws {
        let levels = bytes(String(repeating: "81", count: 8) + "00")
        #expect(throws: Never.self) { try CBORReader.item(levels, isOrdered: false) }
    }

    @Test("Keys have to be in order where that is asked")
    func order() throws {
        for (hex, isOrdered) in [
            ("a201002000", true), ("a220000100", false), ("a22000210a", true),
            ("a221002000", false), ("a2616200626161" + "00", true), ("a262616100616200", false),
            ("a2181800" + "1700", false), ("a217001818" + "00", true),
            ("a2410000" + "616100", true),
        ] {
            let bytes = bytes(hex)
            #expect(
                try code { _ = try CBORReader.item(bytes, isOrdered: true) }
                    == (isOrdered ? nil : .cborNotCanonical), "\(hex)")
            #expect(throws: Never.self) { try CBORReader.item(bytes, isOrdered: false) }
        }
    }

    /// Whatever the reader takes in order has one spelling: it is what would be written for it.
    @Test("What is accepted is what would be written")
    func canonical() throws {
        var random = SeededRandom.forTest()
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Self.write(Self.someItem(&random, depth: 0))
            if Bool.random(using: &random) {
                let place = Int.random(in: bytes.indices, using: &random)
                bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            }
            guard let item = try? CBORReader.item(bytes, isOrdered: true) else { continue }
            accepted += 1
            #expect(Self.write(item) == bytes)
        }
        #expect(accepted > 8_000)
    }

    private static func someItem(_ random: inout SeededRandom, depth: Int) -> CBOR {
        switch Int.random(in: 0..<(depth < 3 ? 8 : 6), using: &random) {
        case 0: .unsigned(random.next() >> UInt64.random(in: 0..<64, using: &random))
        case 1: .negative(random.next() >> UInt64.random(in: 0..<64, using: &random))
        case 2: .bytes([UInt8](repeating: 7, count: Int.random(in: 0..<30, using: &random)))
        case 3: .text(String(repeating: "\u{FC}", count: Int.random(in: 0..<20, using: &random)))
        case 4: .bool(Bool.random(using: &random))
        case 5: .null
        case 6:
            .array(
                (0..<Int.random(in: 0..<4, using: &random)).map { _ in
                    Self.someItem(&random, depth: depth + 1)
                })
        default:
            .map(
                (0..<Int.random(in: 0..<4, using: &random)).map {
                    CBOR.Member(
                        key: .unsigned(UInt64($0 * 20)),
                        value: Self.someItem(&random, depth: depth + 1))
                })
        }
    }

    private static func write(_ item: CBOR) -> [UInt8] {
        switch item {
        case .unsigned(let value): Encoded.head(0, value)
        case .negative(let value): Encoded.head(1, value)
        case .bytes(let bytes): Encoded.bytes(bytes)
        case .text(let text): Encoded.text(text)
        case .array(let items):
            items.reduce(into: Encoded.head(4, UInt64(items.count))) { $0 += write($1) }
        case .map(let members): Encoded.map(members.map { (write($0.key), write($0.value)) })
        case .bool(let value): [value ? 0xF5 : 0xF4]
        case .null: [0xF6]
        }
    }
}

/// The bytes of hexadecimal digits, of which there must be an even number.
func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.utf8)
    precondition(digits.count.isMultiple(of: 2), "half a byte in `\(hex)`")
    func value(_ digit: UInt8) -> UInt8 { digit < 0x3A ? digit - 0x30 : digit - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map {
        value(digits[$0]) << 4 | value(digits[$0 + 1])
    }
}
