// SPDX-License-Identifier: Apache-2.0

/// Why a text was refused as JSON, and where.
public struct JSONParseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of problem, for programs; the raw values are stable.
    public enum Code: String, Sendable, CaseIterable {
        /// The document has more bytes than allowed.
        case tooLarge = "too_large"
        /// More arrays and objects are inside each other than allowed.
        case tooDeep = "too_deep"
        /// An object has more members than allowed.
        case tooManyMembers = "too_many_members"
        /// The document has more values than allowed.
        case tooManyValues = "too_many_values"
        /// A number has more characters than allowed.
        case numberTooLong = "number_too_long"
        /// The text ends too early, or is empty.
        case unexpectedEnd = "unexpected_end"
        /// A character stands where RFC 8259 does not allow it.
        case unexpectedCharacter = "unexpected_character"
        /// Something follows the document.
        case trailingContent = "trailing_content"
        /// The text starts with a byte order mark.
        case byteOrderMark = "byte_order_mark"
        /// The bytes are not UTF-8.
        case invalidUTF8 = "invalid_utf8"
        /// A control character stands unescaped in a string.
        case controlCharacter = "control_character"
        /// An escape in a string is unknown or incomplete.
        case invalidEscape = "invalid_escape"
        /// A `\u` escape is half of a surrogate pair.
        case loneSurrogate = "lone_surrogate"
        /// A number is not written as RFC 8259 wants it.
        case invalidNumber = "invalid_number"
        /// A number is too large for a double, or so small that it would become zero.
        case numberOutOfRange = "number_out_of_range"
        /// An object has the same member twice.
        case duplicateMember = "duplicate_member"
        /// The text is JSON but not in the form of RFC 8785.
        case notCanonical = "not_canonical"
    }

    /// The kind of problem.
    public let code: Code
    /// Where it is: the number of bytes before it.
    public let offset: Int
    /// The line, from 1; lines end with a line feed.
    public let line: Int
    /// The column, from 1, counted in code points.
    public let column: Int
    /// What is wrong and what to do, in one line.
    public let message: String

    /// The place and the message, in one line.
    public var description: String {
        "line \(line), column \(column) (byte \(offset)): \(message)"
    }
}

/// What the parser throws while it does not yet know line and column.
struct Fault: Error {
    let code: JSONParseError.Code
    let offset: Int
    let message: String

    /// Counts lines and columns, which only a failure has to pay for.
    func located(in bytes: UnsafeBufferPointer<UInt8>) -> JSONParseError {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return JSONParseError(
            code: code, offset: offset, line: line, column: column, message: message)
    }
}

/// Text from outside, in backticks, made safe to print in one line of a message.
///
/// Code points that are invisible or steer the display are written as `\u{…}`; long text is cut.
func quoted(_ text: String, limit: Int = 64) -> String {
    var result = "`"
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == limit { return result + "…`" }
        if isPrintable(scalar) {
            result.unicodeScalars.append(scalar)
        } else {
            result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
        }
    }
    return result + "`"
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7F && scalar != "`" }
    let properties = scalar.properties
    if properties.isDefaultIgnorableCodePoint { return false }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        .decimalNumber, .letterNumber, .otherNumber, .connectorPunctuation, .dashPunctuation,
        .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
        .otherPunctuation, .mathSymbol, .currencySymbol, .otherSymbol:
        return true
    default:
        return false
    }
}
