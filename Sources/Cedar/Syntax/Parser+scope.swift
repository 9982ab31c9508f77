// SPDX-License-Identifier: Apache-2.0

extension Parser {
    /// One part of a scope as it was written.
    struct ScopeElement {
        let variable: Token
        let type: (name: String, span: SourceSpan)?
        let constraint: (operation: Token, operand: Operand)?
        let span: SourceSpan
    }

    private static let scopeHint =
        "a scope holds `principal`, `action` and `resource`, in that order"

    mutating func scopeElement() throws(Recovery) -> ScopeElement {
        let variable = try expect(.identifier)
        if take(.colon) {
            let name = try typeName()
            note(
                "type constraints with `:` are not supported", at: name.span,
                hint: "use `is` instead")
        }
        var type: (name: String, span: SourceSpan)?
        if isWord(current, "is") {
            advance()
            type = try typeName()
        }
        var constraint: (operation: Token, operand: Operand)?
        if isRelation(current) {
            let operation = advance()
            constraint = (operation, try operand())
        }
        return ScopeElement(
            variable: variable, type: type, constraint: constraint,
            span: variable.span.through(previous.span))
    }

    mutating func checkScope(
        of elements: [ScopeElement], from start: SourceSpan, to end: SourceSpan
    ) {
        for (place, name) in ["principal", "action", "resource"].enumerated() {
            guard elements.indices.contains(place) else {
                note(
                    "this policy is missing `\(name)` in the scope", at: start.through(end),
                    hint: Self.scopeHint)
                continue
            }
            let variable = elements[place].variable
            if !Bytes.equal(text(variable.span), name) {
                note(
                    "found `\(text(variable.span))` in the scope where `\(name)` must be",
                    at: variable.span, hint: Self.scopeHint)
            }
        }
        for extra in elements.dropFirst(3) {
            note(
                "this policy has an extra element in the scope", at: extra.span,
                hint: Self.scopeHint)
        }
    }

    mutating func entityConstraint(
        _ element: ScopeElement, _ slot: Template.Slot
    ) -> Template.Constraint {
        guard let (operation, operand) = element.constraint else {
            return element.type.map { .is($0.name) } ?? .any
        }
        switch operation.kind {
        case .equal:
            if let type = element.type {
                note(
                    "`is` cannot be used together with `==`", at: type.span,
                    hint: "use `is … in …`")
            }
            return reference(operand, slot).map { .equal($0) } ?? .any
        case .identifier:
            guard let other = reference(operand, slot) else { return .any }
            return element.type.map { .isIn($0.name, other) } ?? .in(other)
        default:
            noteScopeOperator(operation, allowed: "`==`, `in`, `is` or `is … in …`")
            return .any
        }
    }

    mutating func actionConstraint(_ element: ScopeElement) -> ActionConstraint {
        if let type = element.type {
            note(
                "`is` cannot appear in the action scope", at: type.span,
                hint: "move `action is …` into a `when` condition")
        }
        guard let (operation, operand) = element.constraint else { return .any }
        switch operation.kind {
        case .equal:
            guard let uid = entity(operand) else { return .any }
            checkAction(uid, at: operand.span)
            return .equal(uid)
        case .identifier:
            let uids = entities(operand)
            for uid in uids { checkAction(uid, at: operand.span) }
            return .in(uids)
        default:
            noteScopeOperator(operation, allowed: "`==` or `in`")
            return .any
        }
    }

    private mutating func noteScopeOperator(_ operation: Token, allowed: String) {
        if operation.kind == .assign {
            noteSingleEquals(at: operation.span)
        } else {
            note(
                "invalid operator in the scope: `\(text(operation.span))`", at: operation.span,
                hint: "use \(allowed)")
        }
    }

    private mutating func checkAction(_ uid: EntityUID, at span: SourceSpan) {
        guard !uid.isAction else { return }
        note(
            "`\(uid)` is not an action", at: span,
            hint: "entities in the action scope have the type `Action`")
    }

    /// The entity or the slot that an operand names.
    private mutating func reference(
        _ operand: Operand, _ allowed: Template.Slot
    ) -> Template.Reference? {
        guard case .slot(let slot, let span) = operand else {
            return entity(operand).map { .entity($0) }
        }
        if slot != allowed {
            note(
                "`\(slot.rawValue)` cannot stand for this part of the scope", at: span,
                hint: "use `\(allowed.rawValue)`")
        }
        return .slot
    }

    /// The one entity that an operand names.
    private mutating func entity(_ operand: Operand) -> EntityUID? {
        switch operand {
        case .invalid: return nil
        case .expression(let expression):
            if case .literal(.entity(let uid)) = expression.kind { return uid }
            if case .isType = expression.kind {
                note(
                    "when `is` and `in` are used together, `is` must come first",
                    at: expression.span, hint: "write `is … in …`")
                return nil
            }
        case .slot(let slot, let span):
            note(
                "`\(slot.rawValue)` cannot stand for an action", at: span,
                hint: "write the action itself")
            return nil
        case .name, .string, .bool, .variable: break
        }
        note(
            "expected an entity, found `\(shown(operand.span))`", at: operand.span,
            hint: "write it like `User::\"alice\"`")
        return nil
    }

    /// The entities that an operand names, one or a list.
    private mutating func entities(_ operand: Operand) -> [EntityUID] {
        guard case .expression(let expression) = operand,
            case .set(let elements) = expression.kind
        else { return entity(operand).map { [$0] } ?? [] }
        var uids: [EntityUID] = []
        for element in elements {
            if let uid = entity(.expression(element)) { uids.append(uid) }
        }
        return uids
    }
}
