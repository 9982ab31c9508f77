// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Where the parts of a JSON text stand in its bytes, so that a part can be taken out or changed
/// while every other byte stays as it was.
///
/// It looks only for brackets and strings. On a text that a strict parser accepts it is exact; on
/// any other it finds nothing or something, and nothing is decided by it alone.
struct JSONSpans {
    /// One member of an object, without the comma.
    struct Member {
        let key: String
        let value: Range<Int>
    }

    private let bytes: [UInt8]
    private var at: Int
    private let end: Int

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        at = range.lowerBound
        end = range.upperBound
    }

    /// The members of the object in `range`; nil where there is none.
    static func members(of bytes: [UInt8], in range: Range<Int>? = nil) -> [Member]? {
        var scan = JSONSpans(bytes, range ?? bytes.indices)
        guard scan.take(UInt8(ascii: "{")) else { return nil }
        if scan.take(UInt8(ascii: "}")) { return [] }
        var result: [Member] = []
        repeat {
            scan.skipSpace()
            guard let name = scan.string(), scan.take(UInt8(ascii: ":")),
                let value = scan.value()
            else { return nil }
            guard let key = scan.text(name) else { return nil }
            result.append(Member(key: key, value: value))
        } while scan.take(UInt8(ascii: ","))
        return scan.take(UInt8(ascii: "}")) ? result : nil
    }

    /// The elements of the array in `range`; nil where there is none.
    static func elements(of bytes: [UInt8], in range: Range<Int>) -> [Range<Int>]? {
        var scan = JSONSpans(bytes, range)
        guard scan.take(UInt8(ascii: "[")) else { return nil }
        if scan.take(UInt8(ascii: "]")) { return [] }
        var result: [Range<Int>] = []
        repeat {
            guard let value = scan.value() else { return nil }
            result.append(value)
        } while scan.take(UInt8(ascii: ","))
        return scan.take(UInt8(ascii: "]")) ? result : nil
    }

    private mutating func skipSpace() {
        while at < end, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) { at += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard at < end, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    /// A string with its quotation marks.
    private mutating func string() -> Range<Int>? {
        guard at < end, bytes[at] == UInt8(ascii: "\"") else { return nil }
        let start = at
        at += 1
        while at < end {
            switch bytes[at] {
            case UInt8(ascii: "\\"): at += 2
            case UInt8(ascii: "\""):
                at += 1
                return start..<at
            default: at += 1
            }
        }
        return nil
    }

    private func text(_ range: Range<Int>) -> String? {
        let inner = bytes[(range.lowerBound + 1)..<(range.upperBound - 1)]
        guard inner.contains(UInt8(ascii: "\\")) else {
            return String(validating: inner, as: UTF8.self)
        }
        return (try? JSON(parsing: Array(bytes[range])))?.stringValue
    }

    private mutating func value() -> Range<Int>? {
        skipSpace()
        let start = at
        guard at < end else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            var depth = 0
            while at < end {
                switch bytes[at] {
                case UInt8(ascii: "\""):
                    guard string() != nil else { return nil }
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
                at += 1
                if depth == 0 { return start..<at }
            }
            return nil
        default:
            // A number or a literal: up to what can only follow it.
            while at < end, ![0x2C, 0x5D, 0x7D, 0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) {
                at += 1
            }
            return at > start ? start..<at : nil
        }
    }
}
