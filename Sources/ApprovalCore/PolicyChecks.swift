// SPDX-License-Identifier: Apache-2.0

internal import Cedar

/// What is looked at before a policy set is published, beside its syntax.
enum PolicyChecks {
    /// Names of files, which stand in entries and on pages.
    static func names(_ files: [PolicyFile]) -> [String] {
        var problems: [String] = []
        if files.isEmpty { problems.append("a policy set needs at least one file") }
        if Set(files.map(\.name)).count != files.count {
            problems.append("two files have the same name")
        }
        for file in files where !isFileName(file.name) {
            problems.append(
                "`\(VisibleText.escape(file.name))`: not a file name of at most "
                    + "128 letters, digits and `. _ -`")
        }
        for file in files where !file.isPolicy && !file.isSchema {
            problems.append(
                "`\(VisibleText.escape(file.name))`: neither policies (`.cedar`) nor a schema "
                    + "(`.cedarschema`)")
        }
        return problems
    }

    /// Ids of policies; ASCII, so that equal means equal bytes wherever they are keys.
    static func ids(_ set: PolicySet) -> [String] {
        var problems: [String] = []
        if set.policies.isEmpty {
            problems.append("a policy set needs at least one policy: without one, nothing runs")
        }
        for policy in set.policies where !isPolicyID(policy.id) {
            problems.append(
                "`\(VisibleText.escape(policy.id))`: not a policy id of at most 128 printable "
                    + "ASCII characters")
        }
        return problems
    }

    /// What strict validation and our own rules say of a set.
    static func findings(
        _ set: PolicySet, _ schema: Schema
    ) -> (problems: [String], warnings: [String]) {
        let result = Validator(schema).validate(set, mode: .strict)
        var problems = result.errors.map { text($0, set) }
        var warnings = result.warnings.map { place($0.policyID, $0.span, set) + $0.message }
        if result.isTruncated {
            problems.append("some policies have more mistakes than are listed")
        }
        problems += unsupplied(schema)
        for policy in set.policies {
            if let line = tooBroad(policy) { warnings.append(line) }
            warnings += mayFail(policy)
        }
        return (problems, warnings)
    }

    private static func place(_ id: String, _ span: SourceSpan?, _ set: PolicySet) -> String {
        let file = set[id]?.source.map { "\($0):" } ?? ""
        return "\(file)\(span.map { "\($0): " } ?? "")policy `\(VisibleText.escape(id))`: "
    }

    private static func text(_ error: ValidationError, _ set: PolicySet) -> String {
        var hint = error.hint
        if hint == nil, error.isMembershipOfText(set) {
            hint = "`in` asks what an entity is in; write `[\"…\"].contains(…)` for text"
        }
        return place(error.policyID, error.span, set) + error.message
            + (hint.map { "; \($0)" } ?? "")
    }

    /// Resources are names only: an attribute that a type requires would never be there, and
    /// every policy that reads it would fail.
    private static func unsupplied(_ schema: Schema) -> [String] {
        schema.entityTypes.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            .filter { $0.name != PolicyEnvironment.agentType }
            .flatMap { type in
                type.attributes.attributes.filter(\.isRequired).map {
                    "entity type `\(type.name)` requires the attribute "
                        + "`\(VisibleText.escape($0.name))`, and nothing supplies it in this "
                        + "version: make it optional, or put it into the input"
                }
            }
    }

    /// A `permit` for whatever action, that nothing but a `forbid` holds.
    private static func tooBroad(_ policy: Policy) -> String? {
        guard policy.effect == .permit, case .any = policy.scope.action,
            !policy.mentions(.action)
        else { return nil }
        return "policy `\(VisibleText.escape(policy.id))` permits every action: whatever no "
            + "`forbid` names runs without a review; name the action or its group"
    }

    /// Parts of a `forbid` that can fail although it is valid; it then counts as fired.
    private static func mayFail(_ policy: Policy) -> [String] {
        guard policy.effect == .forbid else { return [] }
        var lines: [String] = []
        policy.walk { expression in
            guard let cause = expression.failure else { return }
            lines.append(
                "\(policy.source.map { "\($0):" } ?? "")\(expression.span): policy "
                    + "`\(VisibleText.escape(policy.id))`: `\(VisibleText.escape("\(expression)"))`"
                    + " \(cause); the `forbid` then counts as fired")
        }
        return lines
    }

    private static func isPolicyID(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 128 && id.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    private static func isFileName(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && bytes.count <= 128 && bytes.first != 0x2E
            && bytes.allSatisfy { byte in
                let lower = byte | 0x20
                return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                    || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }
}

extension Policy {
    /// Whether a condition reads the variable.
    fileprivate func mentions(_ variable: Expression.Variable) -> Bool {
        var found = false
        walk { if case .variable(let other) = $0.kind, other == variable { found = true } }
        return found
    }
}

extension Expression {
    /// Why a valid expression may still fail, apart from its parts.
    fileprivate var failure: String? {
        switch kind {
        case .arithmetic(_, let terms) where !isConstant(terms): "can overflow"
        case .negate(let operand) where !operand.isLiteral: "can overflow"
        case .extensionCall(let function, _)
        where [.offset, .durationSince, .toDate].contains(function):
            "can overflow"
        default: nil
        }
    }

    private func isConstant(_ terms: [ArithmeticTerm]) -> Bool {
        guard case .arithmetic(let first, _) = kind else { return false }
        return first.isLiteral && terms.allSatisfy(\.operand.isLiteral)
    }

    private var isLiteral: Bool {
        if case .literal = kind { return true }
        return false
    }
}

extension ValidationError {
    /// Whether somebody asked whether text is `in` something, which Cedar has for entities only.
    fileprivate func isMembershipOfText(_ set: PolicySet) -> Bool {
        guard case .unexpectedType(_, .string) = kind, let span else { return false }
        var found = false
        set[policyID]?.walk { expression in
            if case .relation(.in, let left, _) = expression.kind, left.span == span {
                found = true
            }
        }
        return found
    }
}
