// SPDX-License-Identifier: Apache-2.0

/// Reads a schema in Cedar syntax (RFC 24) from words.
///
/// An error ends the declaration that it is in; reading goes on after the next `;`, so that one
/// run finds every error.
struct SchemaParser {
    /// Thrown after an error has been noted, to leave the declaration that cannot be read.
    struct Recovery: Error {}

    /// The name of the text, where it has one.
    let source: String?
    let limits: SchemaLimits
    private let bytes: [UInt8]
    private let tokens: [Token]
    private(set) var index = 0
    private(set) var errors: [SchemaError] = []
    private var depth = 0
    private var declarations = 0
    private var repeatedWords = 0

    init(_ text: String, named source: String?, limits: SchemaLimits) {
        self.source = source
        self.limits = limits
        bytes = Array(text.utf8)
        var lexer = Lexer(bytes, isSchema: true)
        lexer.run()
        tokens = lexer.tokens
        for problem in lexer.problems {
            note(.syntax, problem.message, at: problem.span, hint: problem.hint)
        }
    }

    // MARK: words

    var current: Token { tokens[index] }
    var next: Token { tokens[min(index + 1, tokens.count - 1)] }
    var previous: Token { tokens[max(index - 1, 0)] }

    var isFull: Bool { errors.count >= limits.maximumErrors }

    func text(_ token: Token) -> String {
        String(decoding: bytes[token.span.bytes], as: UTF8.self)
    }

    func isWord(_ word: StaticString) -> Bool {
        guard current.kind == .identifier, current.span.bytes.count == word.utf8CodeUnitCount
        else { return false }
        return word.withUTF8Buffer { bytes[current.span.bytes].elementsEqual($0) }
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

    mutating func takeWord(_ word: StaticString) -> Bool {
        guard isWord(word) else { return false }
        advance()
        return true
    }

    @discardableResult
    mutating func expect(_ kind: Token.Kind, or others: String? = nil) throws(Recovery) -> Token {
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

    func location(from start: Token) -> SchemaLocation {
        .text(start.span.through(previous.span), in: source)
    }

    // MARK: errors

    mutating func note(
        _ kind: SchemaError.Kind, _ message: String, at span: SourceSpan, hint: String? = nil
    ) {
        errors.append(SchemaError(kind, at: .text(span, in: source), message, hint: hint))
    }

    mutating func unexpected(_ expected: String, hint: String? = nil) -> Recovery {
        switch current.kind {
        case .invalid: break
        case .end:
            note(
                .syntax, "unexpected end of input: expected \(expected)", at: current.span,
                hint: hint)
        default:
            let word = String(text(current).prefix(64)).cedarEscaped
            note(
                .syntax, "unexpected `\(word)`: expected \(expected)", at: current.span,
                hint: hint)
        }
        return Recovery()
    }

    mutating func enter() throws(Recovery) {
        guard depth < limits.maximumDepth else {
            note(
                .limit, "type is nested more than \(limits.maximumDepth) levels deep",
                at: current.span, hint: "name its parts, or raise the limit")
            throw Recovery()
        }
        depth += 1
    }

    mutating func leave() {
        depth -= 1
    }

    /// Goes on after the next `;`, which nothing within a declaration can hold.
    mutating func skipDeclaration() {
        depth = 0
        while current.kind != .end, current.kind != .semicolon { advance() }
        advance()
    }

    /// Counts one more declaration.
    mutating func count() throws(Recovery) {
        declarations += 1
        guard declarations <= limits.maximumDeclarations else {
            if declarations == limits.maximumDeclarations + 1 {
                note(
                    .limit, "more than \(limits.maximumDeclarations) declarations",
                    at: current.span)
            }
            throw Recovery()
        }
    }

    /// Whether a declaration may be repeated for each of its names, behind which it goes on.
    mutating func mayRepeat(_ names: Int, from start: Int) -> Bool {
        guard names > 1 else { return true }
        let isWithin = repeatedWords <= limits.maximumRepeatedWords
        repeatedWords += (names - 1) * (index - start)
        guard repeatedWords > limits.maximumRepeatedWords else { return true }
        if isWithin {
            note(
                .limit,
                "declarations of several names repeat more than \(limits.maximumRepeatedWords) "
                    + "words",
                at: tokens[start].span, hint: "give their types names, or raise the limit")
        }
        return false
    }

    // MARK: names and literals

    /// An identifier that is not reserved; any word of the schema syntax is fine.
    mutating func identifier(_ what: String = "an identifier") throws(Recovery) -> String {
        guard current.kind == .identifier else { throw unexpected(what) }
        let token = advance()
        let name = text(token)
        if TypeName.reserved.contains(name) {
            note(
                .reservedName, "this identifier is reserved and cannot be used: `\(name)`",
                at: token.span, hint: "choose another one, or quote it where text is allowed")
        }
        return name
    }

    /// The text of a string literal.
    mutating func string() throws(Recovery) -> String {
        let token = try expect(.string)
        let range = token.span.bytes
        let raw = range.count < 2 ? [] : bytes[(range.lowerBound + 1)..<(range.upperBound - 1)]
        switch StringEscapes.unescape(raw) {
        case .success(let text): return text
        case .failure(let failure):
            for escape in failure.invalid {
                note(
                    .syntax, "`\(escape.cedarEscaped)` is not a valid escape", at: token.span,
                    hint: #"valid ones are \n \r \t \0 \\ \' \" \x41 \u{1F600}"#)
            }
            return ""
        }
    }

    /// An identifier or a string literal.
    mutating func name(_ what: String) throws(Recovery) -> String {
        try current.kind == .string ? string() : identifier(what)
    }

    /// `A::B::C`, up to something after `::` that is not an identifier.
    mutating func path(_ what: String = "a type") throws(Recovery) -> SchemaFragment.Reference {
        let start = current
        var name = try identifier(what)
        while current.kind == .doubleColon, next.kind == .identifier {
            advance()
            name += "::\(try identifier())"
        }
        return .init(name: name, location: location(from: start))
    }

    /// One or more, separated by commas; none may stand at the end.
    mutating func separated<Element>(
        _ element: (inout SchemaParser) throws(Recovery) -> Element
    ) throws(Recovery) -> [Element] {
        var elements = [try element(&self)]
        while take(.comma) { elements.append(try element(&self)) }
        return elements
    }

    /// `A::B`, or `[A, B]` with any number of them.
    mutating func entityTypes() throws(Recovery) -> [SchemaFragment.Reference] {
        guard take(.openBracket) else { return [try path("an entity type or `[`")] }
        if take(.closeBracket) { return [] }
        let paths = try separated { parser throws(Recovery) in try parser.path() }
        try expect(.closeBracket, or: "`,`")
        return paths
    }

    mutating func annotations() throws(Recovery) -> [SchemaFragment.Annotation] {
        var annotations: [SchemaFragment.Annotation] = []
        var names: Set<ByteKey> = []
        while current.kind == .at {
            let start = advance()
            let name = text(try expect(.identifier))
            var value: String?
            if take(.openParenthesis) {
                value = try string()
                try expect(.closeParenthesis)
            }
            if !names.insert(ByteKey(name)).inserted {
                note(
                    .duplicate, "duplicate annotation: `@\(name)`",
                    at: start.span.through(previous.span),
                    hint: "a declaration has each annotation at most once")
                continue
            }
            annotations.append(.init(name: name, value: value))
        }
        return annotations
    }
}
