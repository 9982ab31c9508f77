// SPDX-License-Identifier: Apache-2.0

/// What to do with numbers that canonical JSON cannot hold exactly.
public enum NumberRule: Sendable, Hashable {
    /// Refuse a number whose RFC 8785 form has another decimal value, such as 9007199254740993.
    ///
    /// For everything that is reviewed, signed or hashed: nothing changes its value silently.
    case exact
    /// Round to the nearest double, as RFC 8785 describes.
    case ecmaScript
}

/// Why a value has no canonical form.
public struct CanonicalizationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of problem, for programs.
    public enum Code: String, Sendable {
        /// A number would change its value.
        case inexactNumber = "inexact_number"
        /// Arrays and objects are nested more than ``JSONLimits/deepestAllowed`` times.
        case tooDeep = "too_deep"
    }

    /// The kind of problem.
    public let code: Code
    /// Where it is: a JSON Pointer (RFC 6901).
    public let pointer: String
    /// What is wrong and what to do, in one line.
    public let message: String

    /// The place and the message, in one line.
    public var description: String { "\(quoted(pointer, limit: 256)): \(message)" }

    fileprivate func inside(_ token: String) -> CanonicalizationError {
        CanonicalizationError(
            code: code, pointer: "/\(JSONPointer.escape(token))\(pointer)", message: message)
    }
}

extension JSON {
    /// The canonical form of this value: RFC 8785, which is also UTF-8 without white space.
    ///
    /// Equal values have the same bytes, and ``init(canonical:limits:)`` reads them back.
    /// - Parameter numbers: whether a number that a double cannot hold is refused or rounded.
    /// - Returns: the bytes to hash, sign or compare.
    /// - Throws: ``CanonicalizationError`` with the place of the first value without such a form.
    public func canonicalBytes(
        numbers: NumberRule = .exact
    ) throws(CanonicalizationError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        try CanonicalForm.append(self, numbers: numbers, depth: 0, to: &bytes)
        return bytes
    }

    /// The canonical form of this value as a string; see ``canonicalBytes(numbers:)``.
    /// - Parameter numbers: whether a number that a double cannot hold is refused or rounded.
    /// - Returns: the text to store or show.
    /// - Throws: ``CanonicalizationError`` with the place of the first value without such a form.
    public func canonicalString(
        numbers: NumberRule = .exact
    ) throws(CanonicalizationError) -> String {
        String(decoding: try canonicalBytes(numbers: numbers), as: UTF8.self)
    }
}

/// The rules of RFC 8785 §3.2, one function for each kind of value.
enum CanonicalForm {
    static func append(
        _ value: JSON, numbers: NumberRule, depth: Int, to bytes: inout [UInt8]
    ) throws(CanonicalizationError) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .string(let value): append(value, to: &bytes)
        case .number(let value): try append(value, numbers: numbers, to: &bytes)
        case .array(let elements):
            try checkDepth(depth)
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                do {
                    try append(element, numbers: numbers, depth: depth + 1, to: &bytes)
                } catch {
                    throw error.inside(String(index))
                }
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            try checkDepth(depth)
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                do {
                    try append(member.value, numbers: numbers, depth: depth + 1, to: &bytes)
                } catch {
                    throw error.inside(member.key)
                }
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func checkDepth(_ depth: Int) throws(CanonicalizationError) {
        guard depth < JSONLimits.deepestAllowed else {
            throw CanonicalizationError(
                code: .tooDeep, pointer: "",
                message: "nested too deeply: use at most \(JSONLimits.deepestAllowed) levels")
        }
    }

    /// RFC 8785 §3.2.2.3.
    private static func append(
        _ number: JSONNumber, numbers: NumberRule, to bytes: inout [UInt8]
    ) throws(CanonicalizationError) {
        if number.isShortInteger {
            bytes += number.text.utf8
            return
        }
        let start = bytes.count
        ECMAScriptNumber.append(number.double, to: &bytes)
        guard numbers == .exact, !bytes[start...].elementsEqual(number.text.utf8) else { return }
        let written = String(decoding: bytes[start...], as: UTF8.self)
        guard DecimalValue(written) != DecimalValue(number.text) else { return }
        throw CanonicalizationError(
            code: .inexactNumber, pointer: "",
            message: "number \(quoted(number.text)) would become \(quoted(written)): "
                + "send it as a string")
    }

    /// RFC 8785 §3.2.2.2: only quotes, backslashes and control characters are escaped.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        let done: Void? = text.utf8.withContiguousStorageIfAvailable {
            appendEscaped($0, to: &bytes)
        }
        if done == nil {
            Array(text.utf8).withUnsafeBufferPointer { appendEscaped($0, to: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func appendEscaped(
        _ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]
    ) {
        var plainStart = 0
        var index = 0
        while index < text.count {
            // Eight bytes at a time, as long as none of them has to be escaped.
            if index + 8 <= text.count, isPlain(text, at: index) {
                index += 8
                continue
            }
            let byte = text[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[plainStart..<index]))
                appendEscape(byte, to: &bytes)
                plainStart = index + 1
            }
            index += 1
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[plainStart...]))
    }

    /// Whether none of eight bytes is a control character, a quote or a backslash.
    private static func isPlain(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        let word = UnsafeRawBufferPointer(text).loadUnaligned(
            fromByteOffset: index, as: UInt64.self)
        let ones: UInt64 = 0x0101_0101_0101_0101
        // Subtracting borrows into the top bit of a byte exactly if the byte was below. A byte
        // whose top bit is set already only looks as if; it takes the slow way and is fine there.
        let control = word &- ones &* 0x20
        let quote = (word ^ ones &* 0x22) &- ones
        let backslash = (word ^ ones &* 0x5C) &- ones
        return (word | control | quote | backslash) & (ones &* 0x80) == 0
    }

    private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x22, 0x5C: bytes.append(byte)
        default:
            let digits = String(byte, radix: 16)
            bytes += (digits.utf8.count == 1 ? "u000" : "u00").utf8
            bytes += digits.utf8
        }
    }
}
