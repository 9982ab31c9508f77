// SPDX-License-Identifier: Apache-2.0

/// Reads policies from words.
///
/// What the grammar refuses ends the policy, or the condition, that it is in; reading goes on
/// after it. What the grammar takes but the language does not (reserved words, unknown functions,
/// chained relations, …) is noted and reading goes on at once. So one run finds every error.
struct Parser {
    /// Thrown after an error has been noted, to leave the construct that cannot be read.
    struct Recovery: Error {}

    let source: PolicySource
    let limits: PolicyLimits
    let allowsTemplates: Bool
    private let bytes: [UInt8]
    private let tokens: [Token]
    private(set) var index = 0
    private(set) var errors: [PolicySyntaxError] = []
    private var depth = 0
    /// Policies name the same entities again and again; one copy of each is kept.
    private var named: Set<EntityUID> = []

    init(_ source: PolicySource, limits: PolicyLimits, allowsTemplates: Bool) {
        self.source = source
        self.limits = limits
        self.allowsTemplates = allowsTemplates
        bytes = Array(source.text.utf8)
        var lexer = Lexer(bytes)
        lexer.run()
        tokens = lexer.tokens
        for problem in lexer.problems {
            note(problem.message, at: problem.span, hint: problem.hint)
        }
    }

    mutating func shared(_ uid: EntityUID) -> EntityUID { named.insert(uid).memberAfterInsert }

    // MARK: words

    var current: Token { tokens[index] }

    var next: Token { tokens[min(index + 1, tokens.count - 1)] }

    var previous: Token { tokens[max(index - 1, 0)] }

    var tooManyErrors: Bool { errors.count >= limits.maximumErrors }

    func text(_ span: SourceSpan) -> String {
        String(decoding: bytes[span.bytes], as: UTF8.self)
    }

    /// The inside of a string literal as it was written.
    func literal(_ token: Token) -> ArraySlice<UInt8> {
        let range = token.span.bytes
        return range.count < 2 ? [] : bytes[(range.lowerBound + 1)..<(range.upperBound - 1)]
    }

    func isWord(_ token: Token, _ word: StaticString) -> Bool {
        guard token.kind == .identifier, token.span.bytes.count == word.utf8CodeUnitCount else {
            return false
        }
        return word.withUTF8Buffer { bytes[token.span.bytes].elementsEqual($0) }
    }

    @discardableResult
    mutating func advance() -> Token {
        let token = current
        if token.kind != .end { index += 1 }
        return token
    }

    mutating func take(_ kind: Token.Kind) -> Bool {
        guard current.kind == kind else { return false }
        advance()
        return true
    }

    @discardableResult
    mutating func expect(
        _ kind: Token.Kind, or others: String? = nil
    ) throws(Recovery) -> Token {
        guard current.kind == kind else {
            let name =
                switch kind {
                case .identifier: "an identifier"
                case .string: "a string literal"
                default: "`\(kind.rawValue)`"
                }
            throw unexpected(others.map { "\($0) or \(name)" } ?? name)
        }
        return advance()
    }

    // MARK: errors

    mutating func note(_ message: String, at span: SourceSpan, hint: String? = nil) {
        guard !tooManyErrors else { return }
        errors.append(
            PolicySyntaxError(source: source.name, span: span, message: message, hint: hint))
    }

    /// Notes that the current word is not one of those expected.
    mutating func unexpected(_ expected: String, hint: String? = nil) -> Recovery {
        switch current.kind {
        case .invalid: break
        case .end:
            note("unexpected end of input: expected \(expected)", at: current.span, hint: hint)
        default:
            let word = String(text(current.span).prefix(64)).cedarEscaped
            note("unexpected `\(word)`: expected \(expected)", at: current.span, hint: hint)
        }
        return Recovery()
    }

    /// Makes a node, unless that would nest too deeply.
    mutating func make(
        _ kind: Expression.Kind, at span: SourceSpan
    ) throws(Recovery) -> Expression {
        let expression = Expression(kind, at: span)
        guard expression.depth <= limits.maximumDepth else { throw tooDeep(span) }
        return expression
    }

    /// Goes one level deeper, unless that would nest too deeply; `leave()` comes back.
    mutating func enter() throws(Recovery) {
        guard depth < limits.maximumDepth else { throw tooDeep(current.span) }
        depth += 1
    }

    mutating func leave() {
        depth -= 1
    }

    private mutating func tooDeep(_ span: SourceSpan) -> Recovery {
        note(
            "expression is nested more than \(limits.maximumDepth) levels deep", at: span,
            hint: "split the policy, or raise the limit")
        return Recovery()
    }

    /// Elements separated by commas, a trailing one allowed, up to the closing word.
    mutating func list<Element>(
        until close: Token.Kind, _ element: (inout Parser) throws(Recovery) -> Element
    ) throws(Recovery) -> [Element] {
        var elements: [Element] = []
        while current.kind != close {
            elements.append(try element(&self))
            guard take(.comma) else { break }
        }
        try expect(close, or: "`,`")
        return elements
    }

    // MARK: recovery

    /// Goes on after the next `;`, which no expression can hold.
    mutating func skipPolicy() {
        while current.kind != .end, current.kind != .semicolon { advance() }
        advance()
    }

    /// Goes on after the brace that closes the one at `open`, if that comes before any `;`.
    mutating func skipBraces(from open: Int) throws(Recovery) {
        var level = 0
        var place = open
        while true {
            switch tokens[place].kind {
            case .openBrace: level += 1
            case .closeBrace: level -= 1
            case .end, .semicolon: throw Recovery()
            default: break
            }
            place += 1
            if level == 0 { break }
        }
        // Never backwards: the error may lie beyond the brace.
        guard place >= index else { throw Recovery() }
        index = place
    }
}
