// SPDX-License-Identifier: Apache-2.0

/// Splits the text of policies or of a schema into words; white space and comments are left out.
///
/// The words are those of Cedar's grammar: identifiers are ASCII, white space is what Unicode
/// calls so, a string may span lines but a backslash must not end one.
struct Lexer {
    private let bytes: [UInt8]
    /// In a schema `?` stands alone, behind the name of an attribute that may be absent.
    private let isSchema: Bool
    private var offset = 0
    private var line = 1
    private var column = 1
    private(set) var tokens: [Token] = []
    /// The comments in the order of the text, if anybody wants them.
    private(set) var comments: [SourceSpan] = []
    private let keepsComments: Bool
    private(set) var problems: [(span: SourceSpan, message: String, hint: String?)] = []

    init(_ bytes: [UInt8], isSchema: Bool = false, keepsComments: Bool = false) {
        self.bytes = bytes
        self.isSchema = isSchema
        self.keepsComments = keepsComments
    }

    mutating func run() {
        while true {
            skipBlanks()
            let start = position
            guard offset < bytes.count else {
                tokens.append(Token(kind: .end, span: SourceSpan(start, start)))
                return
            }
            let kind = next()
            tokens.append(Token(kind: kind, span: SourceSpan(start, position)))
            if kind == .invalid { reportInvalid(from: start) }
        }
    }

    private var position: SourcePosition {
        SourcePosition(offset: offset, line: line, column: column)
    }

    /// Moves on by whole code points, so that columns stay right.
    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if offset == bytes.count || bytes[offset] & 0xC0 != 0x80 {
                column += 1
            }
        }
    }

    private mutating func advance(while condition: (UInt8) -> Bool) {
        while offset < bytes.count, condition(bytes[offset]) { advance() }
    }

    private mutating func skipBlanks() {
        while offset < bytes.count {
            if let length = blankLength() {
                advance(length)
            } else if atComment {
                let start = position
                advance { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
                if keepsComments { comments.append(SourceSpan(start, position)) }
            } else {
                return
            }
        }
    }

    private var atComment: Bool {
        offset + 1 < bytes.count && bytes[offset] == UInt8(ascii: "/")
            && bytes[offset + 1] == UInt8(ascii: "/")
    }

    /// The length of the white-space code point here, if there is one.
    private func blankLength() -> Int? {
        let byte = bytes[offset]
        if byte == 0x20 || (0x09...0x0D).contains(byte) { return 1 }
        guard byte >= 0x80 else { return nil }
        let (scalar, length) = scalarHere()
        return scalar.properties.isWhitespace ? length : nil
    }

    private func scalarHere() -> (Unicode.Scalar, Int) {
        let length =
            switch bytes[offset] {
            case 0xC0...0xDF: 2
            case 0xE0...0xEF: 3
            case 0xF0...0xFF: 4
            default: 1
            }
        let text = String(
            decoding: bytes[offset..<min(offset + length, bytes.count)], as: UTF8.self)
        return (text.unicodeScalars.first ?? "\u{FFFD}", length)
    }

    private mutating func next() -> Token.Kind {
        let byte = bytes[offset]
        if TypeName.isIdentifierStart(byte) {
            skipIdentifier()
            return .identifier
        }
        if TypeName.isDigit(byte) {
            advance(while: TypeName.isDigit)
            return .number
        }
        if byte == UInt8(ascii: "\"") { return string() }
        if byte == UInt8(ascii: "?") {
            advance()
            if isSchema { return .question }
            guard offset < bytes.count, TypeName.isIdentifierStart(bytes[offset]) else {
                return .invalid
            }
            skipIdentifier()
            return .slot
        }
        let following = offset + 1 < bytes.count ? bytes[offset + 1] : 0
        if let kind = Self.double(Unicode.Scalar(byte), Unicode.Scalar(following)) {
            advance(2)
            return kind
        }
        if let kind = Self.single(Unicode.Scalar(byte)) {
            advance()
            return kind
        }
        advance(scalarHere().1)
        return .invalid
    }

    /// The signs of two characters, which go before those of one.
    private static func double(_ one: Unicode.Scalar, _ two: Unicode.Scalar) -> Token.Kind? {
        switch (one, two) {
        case (":", ":"): .doubleColon
        case ("=", "="): .equal
        case ("!", "="): .notEqual
        case ("<", "="): .lessOrEqual
        case (">", "="): .greaterOrEqual
        case ("|", "|"): .or
        case ("&", "&"): .and
        default: nil
        }
    }

    private static func single(_ one: Unicode.Scalar) -> Token.Kind? {
        switch one {
        case "@": .at
        case ".": .dot
        case ",": .comma
        case ";": .semicolon
        case ":": .colon
        case "(": .openParenthesis
        case ")": .closeParenthesis
        case "{": .openBrace
        case "}": .closeBrace
        case "[": .openBracket
        case "]": .closeBracket
        case "<": .less
        case ">": .greater
        case "+": .plus
        case "-": .minus
        case "*": .times
        case "/": .divide
        case "%": .modulo
        case "!": .not
        case "=": .assign
        default: nil
        }
    }

    private mutating func skipIdentifier() {
        advance { TypeName.isIdentifierStart($0) || TypeName.isDigit($0) }
    }

    private mutating func string() -> Token.Kind {
        let saved = (offset, line, column)
        advance()
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                advance()
                return .string
            case UInt8(ascii: "\\"):
                advance()
                // The escaped code point may have several bytes; the rest follow as plain ones.
                guard offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") else {
                    return unterminated(saved)
                }
                advance()
            default:
                advance()
            }
        }
        return unterminated(saved)
    }

    /// Takes the rest of the line as the string, so that what follows is still checked.
    private mutating func unterminated(_ saved: (Int, Int, Int)) -> Token.Kind {
        (offset, line, column) = saved
        let start = position
        advance { $0 != UInt8(ascii: "\n") }
        problems.append(
            (
                SourceSpan(start, position), "string literal is not closed",
                "end it with `\"`; a backslash must not end a line"
            ))
        return .string
    }

    private mutating func reportInvalid(from start: SourcePosition) {
        let text = String(decoding: bytes[start.offset..<offset], as: UTF8.self).cedarEscaped
        problems.append((SourceSpan(start, position), "unexpected character `\(text)`", nil))
    }
}
