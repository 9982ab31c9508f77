// SPDX-License-Identifier: Apache-2.0

extension Parser {
    /// What an expression reads as, before it is known what it may stand for.
    ///
    /// A name may be a function or a type, a string may be a pattern; only where neither is
    /// possible does it become an ordinary expression.
    ///
    /// Reading recurses through a dozen functions for each level of nesting. To keep their stack
    /// frames small this is one word, and each function that mostly passes an operand on leaves
    /// the rest of its work to another one.
    indirect enum Operand {
        case expression(Expression)
        case variable(Expression.Variable, SourceSpan)
        case name(String, SourceSpan)
        case string(Token)
        case bool(Bool, SourceSpan)
        case slot(Template.Slot, SourceSpan)
        /// Something that has been noted as an error already.
        case invalid(SourceSpan)

        var span: SourceSpan {
            switch self {
            case .expression(let expression): expression.span
            case .variable(_, let span), .name(_, let span), .bool(_, let span), .slot(_, let span),
                .invalid(let span):
                span
            case .string(let token): token.span
            }
        }
    }

    func shown(_ span: SourceSpan) -> String {
        let text = text(span)
        return (text.count > 64 ? String(text.prefix(64)) + "…" : text).cedarEscaped
    }

    /// Turns what was read into an expression of its own.
    mutating func expression(_ operand: Operand) throws(Recovery) -> Expression {
        switch operand {
        case .expression(let expression): return expression
        case .variable(let variable, let span): return try make(.variable(variable), at: span)
        case .bool(let value, let span): return try make(.literal(.bool(value)), at: span)
        case .string(let token):
            return try make(.literal(.string(unescaped(token))), at: token.span)
        case .slot(let slot, let span):
            note(
                "found the template slot `\(slot.rawValue)` in a condition", at: span,
                hint: "slots stand in the scope, as in `principal == ?principal`")
            return try make(.literal(.bool(false)), at: span)
        case .invalid(let span): return try make(.literal(.bool(false)), at: span)
        case .name(let name, let span):
            note(
                "invalid variable: `\(name)`", at: span,
                hint: "the variables are `principal`, `action`, `resource` and `context`; "
                    + "put text in quotes")
            return try make(.literal(.bool(false)), at: span)
        }
    }

    // MARK: operators

    /// Any expression.
    mutating func operand() throws(Recovery) -> Operand {
        try enter()
        defer { leave() }
        return try atConditional ? .expression(conditional()) : disjunction()
    }

    /// Any expression, where only a value will do.
    mutating func value() throws(Recovery) -> Expression {
        try expression(operand())
    }

    private var atConditional: Bool { isWord(current, "if") && next.kind != .doubleColon }

    private mutating func conditional() throws(Recovery) -> Expression {
        let start = advance().span
        let test = try value()
        try expectWord("then", isWord(current, "then"))
        let first = try value()
        try expectWord("else", isWord(current, "else"))
        let second = try value()
        return try make(
            .conditional(test, then: first, else: second), at: start.through(previous.span))
    }

    private mutating func expectWord(_ word: String, _ found: Bool) throws(Recovery) {
        guard found else { throw unexpected("`\(word)`") }
        advance()
    }

    private mutating func disjunction() throws(Recovery) -> Operand {
        let first = try conjunction()
        return try current.kind == .or ? disjunction(after: first) : first
    }

    private mutating func disjunction(after first: Operand) throws(Recovery) -> Operand {
        var operands = [try expression(first)]
        while take(.or) { operands.append(try expression(try conjunction())) }
        return .expression(
            try make(.or(operands), at: first.span.through(previous.span)))
    }

    private mutating func conjunction() throws(Recovery) -> Operand {
        let first = try relation()
        return try current.kind == .and ? conjunction(after: first) : first
    }

    private mutating func conjunction(after first: Operand) throws(Recovery) -> Operand {
        var operands = [try expression(first)]
        while take(.and) { operands.append(try expression(try relation())) }
        return .expression(
            try make(.and(operands), at: first.span.through(previous.span)))
    }

    func isRelation(_ token: Token) -> Bool {
        switch token.kind {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .assign: true
        case .identifier: isWord(token, "in")
        default: false
        }
    }

    private var atRelation: Bool {
        isRelation(current) || isWord(current, "has") || isWord(current, "like")
            || isWord(current, "is")
    }

    private mutating func relation() throws(Recovery) -> Operand {
        let left = try sum()
        return try atRelation ? relation(after: left) : left
    }

    private mutating func relation(after left: Operand) throws(Recovery) -> Operand {
        let result = try relation(of: left)
        while atRelation {
            note(
                "relational operators (`==`, `<`, `in`, `has`, `like`, `is`, …) do not chain",
                at: current.span, hint: "put parentheses around one of them")
            _ = try relation(of: .expression(result))
        }
        return .expression(result)
    }

    private mutating func relation(of left: Operand) throws(Recovery) -> Expression {
        let target = try expression(left)
        let word = advance()
        let kind: Expression.Kind
        if isWord(word, "has") {
            kind = .has(target, try hasPath())
        } else if isWord(word, "like") {
            kind = .like(target, try pattern())
        } else if isWord(word, "is") {
            let type = try typeName()
            let container = isWord(current, "in")
            if container { advance() }
            kind = .isType(
                target, type.name, in: container ? try expression(try sum()) : nil)
        } else {
            if word.kind == .assign { noteSingleEquals(at: word.span) }
            let relation = Expression.Relation(rawValue: text(word.span)) ?? .equal
            kind = .relation(relation, target, try expression(try sum()))
        }
        return try make(kind, at: left.span.through(previous.span))
    }

    mutating func noteSingleEquals(at span: SourceSpan) {
        note("`=` is not an operator", at: span, hint: "use `==`")
    }

    private mutating func hasPath() throws(Recovery) -> [String] {
        if current.kind == .string { return [unescaped(advance())] }
        guard current.kind == .identifier else {
            throw unexpected("an attribute after `has`", hint: "write `has a.b` or `has \"a\"`")
        }
        var path = [attributeName(advance())]
        while take(.dot) { path.append(attributeName(try expect(.identifier))) }
        return path
    }

    private mutating func pattern() throws(Recovery) -> Pattern {
        guard current.kind == .string else {
            throw unexpected(
                "a pattern literal after `like`", hint: "write it like `\"*.example\"`")
        }
        let token = advance()
        switch StringEscapes.pattern(literal(token)) {
        case .success(let pattern): return pattern
        case .failure(let failure):
            noteEscapes(failure, at: token.span)
            return Pattern([])
        }
    }

    private mutating func sum() throws(Recovery) -> Operand {
        let first = try product()
        return try atSum ? sum(after: first) : first
    }

    private var atSum: Bool { current.kind == .plus || current.kind == .minus }

    private mutating func sum(after first: Operand) throws(Recovery) -> Operand {
        let start = try expression(first)
        var terms: [Expression.ArithmeticTerm] = []
        while atSum {
            let operation: Expression.Arithmetic = advance().kind == .plus ? .add : .subtract
            terms.append(
                .init(operation: operation, operand: try expression(try product())))
        }
        return .expression(
            try make(.arithmetic(start, terms), at: first.span.through(previous.span)))
    }

    private var atProduct: Bool {
        current.kind == .times || current.kind == .divide || current.kind == .modulo
    }

    private mutating func product() throws(Recovery) -> Operand {
        let first = try unary()
        return try atProduct ? product(after: first) : first
    }

    private mutating func product(after first: Operand) throws(Recovery) -> Operand {
        let start = try expression(first)
        var terms: [Expression.ArithmeticTerm] = []
        while atProduct {
            let word = advance()
            if word.kind != .times {
                let name = word.kind == .divide ? "division" : "remainder"
                note("\(name) is not supported: `\(text(word.span))`", at: word.span)
            }
            terms.append(.init(operation: .multiply, operand: try expression(try unary())))
        }
        return .expression(
            try make(.arithmetic(start, terms), at: first.span.through(previous.span)))
    }

    private static let unaryLimit = 4

    private mutating func unary() throws(Recovery) -> Operand {
        try current.kind == .not || current.kind == .minus ? signed() : member()
    }

    private mutating func signed() throws(Recovery) -> Operand {
        let sign = current
        var count = 0
        while take(sign.kind) { count += 1 }
        if count > Self.unaryLimit {
            note(
                "too many occurrences of `\(sign.kind.rawValue)`", at: sign.span,
                hint: "at most \(Self.unaryLimit) in a row")
            count = Self.unaryLimit
        }
        var result: Expression
        if sign.kind == .minus, current.kind == .number,
            ![.dot, .openParenthesis, .openBracket].contains(next.kind)
        {
            // The smallest integer exists only with its sign.
            result = try negativeNumber(advance(), sign: sign)
            count -= 1
        } else {
            result = try expression(try member())
        }
        for _ in 0..<count {
            result = try make(
                sign.kind == .not ? .not(result) : .negate(result),
                at: sign.span.through(previous.span))
        }
        return .expression(result)
    }

    private mutating func negativeNumber(
        _ token: Token, sign: Token
    ) throws(Recovery) -> Expression {
        let span = sign.span.through(token.span)
        let magnitude: UInt64? = Digits.value(text(token.span).utf8)
        if let magnitude, magnitude <= Int64.min.magnitude {
            return try make(
                .literal(.long(Int64(truncatingIfNeeded: 0 &- magnitude))), at: span)
        }
        noteTooLarge(token)
        return try make(.literal(.long(0)), at: span)
    }

    mutating func noteTooLarge(_ token: Token) {
        note(
            "integer literal `\(shown(token.span))` is too large", at: token.span,
            hint: "the largest is \(Int64.max)")
    }
}
