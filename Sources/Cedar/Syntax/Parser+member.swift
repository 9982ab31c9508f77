// SPDX-License-Identifier: Apache-2.0

extension Parser {
    // MARK: attributes, indexes and calls

    mutating func member() throws(Recovery) -> Operand {
        var result = try primary()
        while true {
            switch current.kind {
            case .dot: result = try field(of: result)
            case .openBracket: result = try element(of: result)
            case .openParenthesis: result = try call(of: result)
            default: return result
            }
        }
    }

    private mutating func field(of target: Operand) throws(Recovery) -> Operand {
        advance()
        let word = try expect(.identifier)
        let name = attributeName(word)
        guard current.kind == .openParenthesis else {
            if refuseName(target, "has no attributes") { return .invalid(target.span) }
            let base = try expression(target)
            return .expression(
                try make(.attribute(base, name), at: target.span.through(word.span)))
        }
        let arguments = try arguments()
        if refuseName(target, "has no methods") { return .invalid(target.span) }
        return try method(name, word, of: try expression(target), arguments)
    }

    /// Notes that a bare name is no value; says whether it was one.
    private mutating func refuseName(_ target: Operand, _ why: String) -> Bool {
        guard case .name(let name, let span) = target else { return false }
        note(
            "invalid access: `\(name)` is not a value and \(why)", at: span,
            hint: "entities are written like `User::\"alice\"`")
        return true
    }

    private mutating func element(of target: Operand) throws(Recovery) -> Operand {
        advance()
        let key: String
        if current.kind == .string, next.kind == .closeBracket {
            key = unescaped(advance())
        } else {
            let index = try operand()
            note(
                "an index must be a string literal, found `\(shown(index.span))`", at: index.span,
                hint: "write it like `[\"name\"]`")
            key = ""
        }
        try expect(.closeBracket)
        if refuseName(target, "has no attributes") { return .invalid(target.span) }
        let base = try expression(target)
        return .expression(
            try make(.attribute(base, key), at: target.span.through(previous.span)))
    }

    private mutating func arguments() throws(Recovery) -> [Expression] {
        try expect(.openParenthesis)
        return try list(until: .closeParenthesis) { parser throws(Recovery) in
            try parser.value()
        }
    }

    private mutating func call(of target: Operand) throws(Recovery) -> Operand {
        let arguments = try arguments()
        let span = target.span.through(previous.span)
        switch target {
        case .invalid: return target
        case .name(let name, _):
            if let function = ExtensionFunction(rawValue: name), function.isFunction {
                return .expression(try make(.extensionCall(function, arguments), at: span))
            }
            let isMethod =
                ExtensionFunction(rawValue: name) != nil
                || Expression.Method(rawValue: name) != nil
            if isMethod {
                note(
                    "`\(name)` is a method, not a function", at: target.span,
                    hint: "call it as `value.\(name)(…)`")
            } else {
                let known = ExtensionFunction.allCases.filter(\.isFunction).map { "`\($0)`" }
                note(
                    "`\(name)` is not a function", at: target.span,
                    hint: "the functions are \(known.joined(separator: ", "))")
            }
        case .variable(let variable, _):
            note(
                "`\(variable.rawValue)` is a variable and cannot be called", at: span)
        case .expression, .string, .bool, .slot:
            note(
                "only functions and methods can be called", at: span,
                hint: "write `name(…)` or `value.name(…)`")
        }
        return .invalid(span)
    }

    private mutating func method(
        _ name: String, _ word: Token, of receiver: Expression, _ arguments: [Expression]
    ) throws(Recovery) -> Operand {
        let span = receiver.span.through(previous.span)
        if let method = Expression.Method(rawValue: name) {
            guard arguments.count == method.arity else {
                let noun = method.arity == 1 ? "argument" : "arguments"
                note(
                    "call to `\(name)` requires exactly \(method.arity) \(noun), "
                        + "but got \(arguments.count)", at: span)
                return .invalid(span)
            }
            return .expression(try make(.method(method, receiver, arguments), at: span))
        }
        guard let function = ExtensionFunction(rawValue: name) else {
            note("`\(name)` is not a method", at: word.span)
            return .invalid(span)
        }
        guard !function.isFunction else {
            note(
                "`\(name)` is a function, not a method", at: word.span,
                hint: "call it as `\(name)(…)`")
            return .invalid(span)
        }
        return .expression(try make(.extensionCall(function, [receiver] + arguments), at: span))
    }

    // MARK: names

    /// The name of an attribute; reserved words are noted.
    mutating func attributeName(_ token: Token) -> String {
        let name = text(token.span)
        noteReserved(name, at: token.span, hint: "write it as `[\"\(name)\"]`, or quote it")
        return name
    }

    private mutating func noteReserved(
        _ name: String, at span: SourceSpan, hint: String? = nil
    ) {
        guard TypeName.reserved.contains(name) || name == TypeName.reservedNamespace else { return }
        note("this identifier is reserved and cannot be used: `\(name)`", at: span, hint: hint)
    }

    /// `A::B::C`, up to something after `::` that is not an identifier.
    private mutating func path() throws(Recovery) -> (name: String, span: SourceSpan) {
        let first = try expect(.identifier)
        var name = text(first.span)
        noteReserved(name, at: first.span)
        while current.kind == .doubleColon, next.kind == .identifier {
            advance()
            let part = text(current.span)
            noteReserved(part, at: current.span)
            name += "::\(part)"
            advance()
        }
        return (name, first.span.through(previous.span))
    }

    mutating func typeName() throws(Recovery) -> (name: String, span: SourceSpan) {
        guard current.kind == .identifier else {
            throw unexpected(
                "an entity type", hint: "types are written without quotes, like `Photos::User`")
        }
        let path = try path()
        if current.kind == .doubleColon {
            throw unexpected(
                "an entity type", hint: "use `==` or `in` to compare with an entity")
        }
        return path
    }

    // MARK: primaries

    private mutating func primary() throws(Recovery) -> Operand {
        switch current.kind {
        case .number: try .expression(number())
        case .string: .string(advance())
        case .slot: slot()
        case .identifier: try nameOrEntity()
        case .openParenthesis: try .expression(parenthesized())
        case .openBracket: try .expression(set())
        case .openBrace: try record(advance().span)
        default: throw noExpression()
        }
    }

    private mutating func noExpression() -> Recovery {
        let isSign = current.kind == .not || current.kind == .minus
        return unexpected(
            "an expression", hint: isSign ? "put `!…` or `-…` in parentheses here" : nil)
    }

    private mutating func parenthesized() throws(Recovery) -> Expression {
        advance()
        let inner = try value()
        try expect(.closeParenthesis, or: "an operator")
        return inner
    }

    private mutating func set() throws(Recovery) -> Expression {
        let start = advance().span
        let elements = try list(until: .closeBracket) { parser throws(Recovery) in
            try parser.value()
        }
        return try make(.set(elements), at: start.through(previous.span))
    }

    private mutating func number() throws(Recovery) -> Expression {
        let token = advance()
        let value: Int64? = Digits.value(text(token.span).utf8)
        if value == nil { noteTooLarge(token) }
        return try make(.literal(.long(value ?? 0)), at: token.span)
    }

    private mutating func slot() -> Operand {
        let token = advance()
        let name = text(token.span)
        guard let slot = Template.Slot(rawValue: name) else {
            note(
                "`\(name)` is not a valid template slot", at: token.span,
                hint: "the slots are `?principal` and `?resource`")
            return .invalid(token.span)
        }
        guard allowsTemplates else {
            note(
                "templates are not allowed here: found the slot `\(name)`", at: token.span,
                hint: "write the entity itself")
            return .invalid(token.span)
        }
        return .slot(slot, token.span)
    }

    private mutating func nameOrEntity() throws(Recovery) -> Operand {
        if next.kind != .doubleColon {
            if isWord(current, "true") { return .bool(true, advance().span) }
            if isWord(current, "false") { return .bool(false, advance().span) }
            if isWord(current, "if") {
                throw unexpected("an expression", hint: "put `if … then … else …` in parentheses")
            }
            if TypeName.reserved.contains(text(current.span)) {
                throw unexpected("an expression")
            }
            if let variable = Expression.Variable(rawValue: text(current.span)) {
                return .variable(variable, advance().span)
            }
        }
        let name = try path()
        guard current.kind == .doubleColon else { return .name(name.name, name.span) }
        advance()
        guard current.kind == .string else {
            throw unexpected(
                "a string literal after `::`", hint: "entities are written like `User::\"alice\"`")
        }
        let id = unescaped(advance())
        return .expression(
            try make(
                .literal(.entity(shared(EntityUID(type: name.name, id: id)))),
                at: name.span.through(previous.span)))
    }

    private mutating func record(_ start: SourceSpan) throws(Recovery) -> Operand {
        var keys: Set<ByteKey> = []
        let fields = try list(until: .closeBrace) {
            parser throws(Recovery) -> Expression.RecordField in
            let word = parser.current
            let key: String
            switch word.kind {
            case .string: key = parser.unescaped(parser.advance())
            case .identifier: key = parser.attributeName(parser.advance())
            default: throw parser.unexpected("a key", hint: "write `{name: …}` or `{\"name\": …}`")
            }
            if !keys.insert(ByteKey(key)).inserted {
                parser.note("duplicate key `\(key.cedarEscaped)` in record", at: word.span)
            }
            try parser.expect(.colon)
            return .init(key: key, value: try parser.value())
        }
        return .expression(try make(.record(fields), at: start.through(previous.span)))
    }
}
