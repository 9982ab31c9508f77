// SPDX-License-Identifier: Apache-2.0

/// How each construct is laid out. The text is valid, so each function knows what comes.
extension CommentedTokens {
    mutating func policy() -> Layout {
        var parts: [Layout] = []
        while kind == .at {
            parts.append(word())
            parts.append(word())
            if kind == .openParenthesis { parts += [word(), word(), word()] }
            parts.append(.hardLine)
        }
        parts += [word(), .text(" "), scope()]
        while kind == .identifier {
            parts += [.hardLine, word(), .text(" "), condition()]
        }
        parts.append(word())
        return .sequence(parts)
    }

    /// On one line only if it says nothing.
    private mutating func scope() -> Layout {
        let open = word()
        var elements: [Layout] = []
        var isPlain = true
        while kind != .closeParenthesis {
            var element = [word()]
            while kind != .comma, kind != .closeParenthesis {
                isPlain = false
                element += [.text(" "), scopePart()]
            }
            elements.append(.sequence(element + comma(before: .closeParenthesis)))
        }
        let separator: Layout = isPlain ? .softLine : .hardLine
        var inner: [Layout] = [separator]
        for (place, element) in elements.enumerated() {
            if place > 0 { inner.append(isPlain ? .line : .hardLine) }
            inner.append(element)
        }
        return .group([open, .nested(inner), separator, word()])
    }

    /// An operator, or what stands behind one.
    private mutating func scopePart() -> Layout {
        switch kind {
        case .equal: word()
        case .identifier where isWord("in") || isWord("is"): word()
        default: member()
        }
    }

    private mutating func condition() -> Layout {
        let open = word()
        let body = expression()
        return .group([open, .nested([.line, body]), .line, word()])
    }

    /// The comma behind an element, unless nothing follows it.
    private mutating func comma(before close: Token.Kind) -> [Layout] {
        guard kind == .comma else { return [] }
        return nextKind == close ? lastComma() : [word()]
    }

    // MARK: operators

    mutating func expression() -> Layout {
        guard isWord("if"), nextKind != .doubleColon else { return disjunction() }
        let test: [Layout] = [word(), .text(" "), expression()]
        let first: [Layout] = [.line, word(), .text(" "), expression()]
        let second: [Layout] = [.line, word(), .text(" "), expression()]
        return .group(test + [.nested(first + second)])
    }

    private mutating func disjunction() -> Layout {
        chain({ $0.kind == .or }, { $0.conjunction() })
    }

    private mutating func conjunction() -> Layout {
        chain({ $0.kind == .and }, { $0.relation() })
    }

    /// Operands with an operator before each but the first, one to a line if they do not fit.
    private mutating func chain(
        _ isOperator: (CommentedTokens) -> Bool, _ operand: (inout CommentedTokens) -> Layout
    ) -> Layout {
        let first = operand(&self)
        guard isOperator(self) else { return first }
        var parts = [first]
        while isOperator(self) { parts += [.line, word(), .text(" "), operand(&self)] }
        return .group(parts)
    }

    private mutating func relation() -> Layout {
        let left = sum()
        switch kind {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
            return .sequence([left, .text(" "), word(), .text(" "), sum()])
        case .identifier: return named(left)
        default: return left
        }
    }

    /// `in`, `has`, `like` or `is`, if one of them comes.
    private mutating func named(_ left: Layout) -> Layout {
        if isWord("in") || isWord("like") {
            return .sequence([left, .text(" "), word(), .text(" "), sum()])
        }
        if isWord("has") {
            var parts = [left, .text(" "), word(), .text(" "), word()]
            while kind == .dot { parts += [word(), word()] }
            return .sequence(parts)
        }
        guard isWord("is") else { return left }
        var parts = [left, .text(" "), word(), .text(" "), path()]
        if isWord("in") { parts += [.text(" "), word(), .text(" "), sum()] }
        return .sequence(parts)
    }

    private mutating func sum() -> Layout {
        chain({ $0.kind == .plus || $0.kind == .minus }, { $0.product() })
    }

    private mutating func product() -> Layout {
        chain({ $0.kind == .times }, { $0.unary() })
    }

    private mutating func unary() -> Layout {
        guard kind == .not || kind == .minus else { return member() }
        var parts: [Layout] = []
        while kind == .not || kind == .minus { parts.append(word()) }
        return .sequence(parts + [member()])
    }

    // MARK: operands

    private mutating func member() -> Layout {
        var parts = [primary()]
        while true {
            switch kind {
            case .dot: parts += [word(), word()]
            case .openBracket: parts += [word(), word(), word()]
            case .openParenthesis: parts.append(list(.closeParenthesis) { $0.expression() })
            default: return parts.count == 1 ? parts[0] : .sequence(parts)
            }
        }
    }

    private mutating func primary() -> Layout {
        switch kind {
        case .openParenthesis:
            let open = word()
            let inner = expression()
            return .group([open, .nested([.softLine, inner]), .softLine, word()])
        case .openBracket: return list(.closeBracket) { $0.expression() }
        case .openBrace:
            return list(.closeBrace) { tokens in
                .sequence([tokens.word(), tokens.word(), .text(" "), tokens.expression()])
            }
        case .identifier: return path()
        default: return word()
        }
    }

    /// `A::B::"c"` without blanks, as RFC 9 asks for.
    private mutating func path() -> Layout {
        var parts = [word()]
        while kind == .doubleColon { parts += [word(), word()] }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func list(
        _ close: Token.Kind, _ element: (inout CommentedTokens) -> Layout
    ) -> Layout {
        let open = word()
        var inner: [Layout] = [.softLine]
        while kind != close {
            if inner.count > 1 { inner.append(.line) }
            inner.append(element(&self))
            inner += comma(before: close)
        }
        return .group([open, .nested(inner), .softLine, word()])
    }
}
