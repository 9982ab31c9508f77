// SPDX-License-Identifier: Apache-2.0

extension Parser {
    /// Reads everything; what could not be read is in `errors`.
    mutating func policies() -> [ParsedPolicy] {
        var policies: [ParsedPolicy] = []
        while current.kind != .end, !tooManyErrors {
            guard policies.count < limits.maximumPolicies else {
                note("more than \(limits.maximumPolicies) policies", at: current.span)
                break
            }
            let first = index
            do throws(Recovery) {
                policies.append(try policy())
            } catch {
                skipPolicy()
            }
            precondition(index > first, "each round reads at least one word")
        }
        return policies
    }

    private mutating func policy() throws(Recovery) -> ParsedPolicy {
        let start = current.span
        let annotations = try annotations()
        let effect = try effect()
        try expect(.openParenthesis)
        let elements = try list(until: .closeParenthesis) { parser throws(Recovery) in
            try parser.scopeElement()
        }
        checkScope(of: elements, from: start, to: previous.span)
        var conditions: [Policy.Condition] = []
        while current.kind == .identifier, !startsPolicy {
            if let condition = try condition() { conditions.append(condition) }
        }
        if startsPolicy {
            // Almost certainly a forgotten semicolon; the next policy is worth reading.
            note(
                "policy is not closed: expected `;`, `when` or `unless`", at: current.span)
        } else {
            try expect(.semicolon, or: "`when`, `unless`")
        }
        return ParsedPolicy(
            effect: effect, annotations: annotations,
            principal: elements.count > 0 ? entityConstraint(elements[0], .principal) : .any,
            action: elements.count > 1 ? actionConstraint(elements[1]) : .any,
            resource: elements.count > 2 ? entityConstraint(elements[2], .resource) : .any,
            scopeSpans: ScopeSpans(elements.map(\.span), else: start), conditions: conditions,
            span: start.through(previous.span))
    }

    private var startsPolicy: Bool {
        if current.kind == .at { return true }
        let isEffect = isWord(current, "permit") || isWord(current, "forbid")
        return isEffect && next.kind == .openParenthesis
    }

    // MARK: annotations

    private mutating func annotations() throws(Recovery) -> [Policy.Annotation] {
        var annotations: [Policy.Annotation] = []
        var names: Set<ByteKey> = []
        while current.kind == .at {
            let start = advance().span
            let name = text(try expect(.identifier).span)
            var value: String?
            if take(.openParenthesis) {
                value = unescaped(try expect(.string))
                try expect(.closeParenthesis)
            }
            let span = start.through(previous.span)
            if !names.insert(ByteKey(name)).inserted {
                note(
                    "duplicate annotation: `@\(name)`", at: span,
                    hint: "a policy has each annotation at most once")
                continue
            }
            annotations.append(
                Policy.Annotation(
                    name: name, value: value ?? "", hasValue: value != nil, span: span))
        }
        return annotations
    }

    private mutating func effect() throws(Recovery) -> Policy.Effect {
        guard current.kind == .identifier else {
            throw unexpected("`permit` or `forbid`")
        }
        let word = advance()
        if isWord(word, "permit") { return .permit }
        if !isWord(word, "forbid") {
            note(
                "invalid policy effect: `\(text(word.span))`", at: word.span,
                hint: "the effect must be `permit` or `forbid`")
        }
        return .forbid
    }

    // MARK: conditions

    private mutating func condition() throws(Recovery) -> Policy.Condition? {
        let word = advance()
        let isUnless = isWord(word, "unless")
        if !isUnless, !isWord(word, "when") {
            note(
                "invalid policy condition: `\(text(word.span))`", at: word.span,
                hint: "a condition starts with `when` or `unless`")
        }
        let open = index
        try expect(.openBrace)
        if current.kind == .closeBrace {
            note(
                "`\(text(word.span))` condition cannot be empty", at: word.span,
                hint: "leave it out, or write `true`")
            advance()
            return nil
        }
        do throws(Recovery) {
            let body = try value()
            try expect(.closeBrace, or: "an operator")
            return Policy.Condition(
                kind: isUnless ? .unless : .when, body: body,
                span: word.span.through(previous.span))
        } catch {
            try skipBraces(from: open)
            return nil
        }
    }

    // MARK: literals

    /// The text of a string literal; escapes that are not valid are noted.
    mutating func unescaped(_ token: Token) -> String {
        switch StringEscapes.unescape(literal(token)) {
        case .success(let text): return text
        case .failure(let failure):
            noteEscapes(failure, at: token.span)
            return ""
        }
    }

    mutating func noteEscapes(_ failure: StringEscapes.Failure, at span: SourceSpan) {
        for escape in failure.invalid {
            note(
                "`\(escape.cedarEscaped)` is not a valid escape", at: span,
                hint: #"valid ones are \n \r \t \0 \\ \' \" \x41 \u{1F600}, and \* after `like`"#)
        }
    }
}

/// A policy as read, before it has an id.
struct ParsedPolicy {
    let effect: Policy.Effect
    let annotations: [Policy.Annotation]
    let principal: Template.Constraint
    let action: ActionConstraint
    let resource: Template.Constraint
    /// Where the parts of the scope were written.
    let scopeSpans: ScopeSpans
    let conditions: [Policy.Condition]
    let span: SourceSpan

    var isTemplate: Bool { principal.hasSlot || resource.hasSlot }
}
