// SPDX-License-Identifier: Apache-2.0

/// One word of policy text.
struct Token: Sendable, Hashable {
    enum Kind: String, Sendable, Hashable {
        case identifier, number, string, slot
        case at = "@"
        case dot = "."
        case comma = ","
        case semicolon = ";"
        case colon = ":"
        case doubleColon = "::"
        case openParenthesis = "("
        case closeParenthesis = ")"
        case openBrace = "{"
        case closeBrace = "}"
        case openBracket = "["
        case closeBracket = "]"
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case or = "||"
        case and = "&&"
        case plus = "+"
        case minus = "-"
        case times = "*"
        case divide = "/"
        case modulo = "%"
        case not = "!"
        case assign = "="
        case question = "?"
        /// Something the lexer has reported already.
        case invalid
        case end
    }

    let kind: Kind
    let span: SourceSpan
}
