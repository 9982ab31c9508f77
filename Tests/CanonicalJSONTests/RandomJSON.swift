// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport

/// Random values that try to be difficult: names that only differ in normalisation, numbers at
/// the ends of their ranges, strings full of what has to be escaped.
struct RandomJSON {
    var random: SeededRandom

    mutating func value(depth: Int = 4) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2:
            return .int(
                Int64.random(in: -9_007_199_254_740_991...9_007_199_254_740_991, using: &random))
        case 3: return double()
        case 4: return .string(text())
        case 5:
            let count = Int.random(in: 0..<6, using: &random)
            return .array((0..<count).map { _ in value(depth: depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<12, using: &random) {
                object[text()] = value(depth: depth - 1)
            }
            return .object(object)
        }
    }

    mutating func double() -> JSON {
        let bits = random.next()
        let value = Double(bitPattern: bits)
        guard let number = JSONNumber(value) else { return 0 }
        return .number(number)
    }

    mutating func text() -> String {
        let pieces = [
            "a", "b", "é", "e\u{301}", "\u{212B}", "Å", "A\u{30A}", "\u{E000}", "\u{FFFD}",
            "\u{10000}", "😀", "\"", "\\", "/", "~", "\n", "\r\n", "\u{0}", "\u{1F}", "\u{7F}",
            "\u{2028}", "\u{FEFF}",
            "plain text that is longer than fifteen bytes",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0..<5, using: &random) {
            text += pieces[Int.random(in: pieces.indices, using: &random)]
        }
        return text
    }

    /// The value as JSON in some other than its canonical way: members in any order, white space
    /// anywhere, needless escapes, numbers written differently.
    mutating func messyText(of value: JSON) -> String {
        let blank = [" ", "", "\n", "\t\r\n ", "", ""][Int.random(in: 0..<6, using: &random)]
        switch value {
        case .null, .bool: return blank + value.description + blank
        case .number(let number): return blank + messyText(of: number) + blank
        case .string(let text): return blank + messyText(of: text) + blank
        case .array(let elements):
            return blank + "[\(blank)" + elements.map { messyText(of: $0) }.joined(separator: ",")
                + "]"
        case .object(let object):
            let members = object.shuffled(using: &random).map {
                blank + messyText(of: $0.key) + blank + ":" + messyText(of: $0.value)
            }
            return "{\(blank)" + members.joined(separator: ",") + blank + "}" + blank
        }
    }

    private mutating func messyText(of number: JSONNumber) -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0
        where number.text.utf8.allSatisfy { $0 <= UInt8(ascii: "9") && $0 != UInt8(ascii: ".") }:
            return number.text + ".000"
        case 1 where !number.text.utf8.contains(UInt8(ascii: "e")): return number.text + "E-0"
        case 2 where !number.text.utf8.contains(UInt8(ascii: "e")): return number.text + "e+00"
        default: return number.text
        }
    }

    private mutating func messyText(of text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            guard mustEscape || Int.random(in: 0..<4, using: &random) == 0 else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16, uppercase: Bool.random(using: &random))
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result + "\""
    }
}
