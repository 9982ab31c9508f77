// SPDX-License-Identifier: Apache-2.0

internal import Cedar
internal import ToolSchemas

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
        if files.count > Limits.policyFiles {
            problems.append("\(files.count) files; the limit is \(Limits.policyFiles)")
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
        let combinations = schema.actions.values.reduce(0) {
            $0 + $1.principals.count * $1.resources.count
        }
        guard set.policies.count * combinations <= Limits.policyCombinations else {
            return (
                [
                    "\(set.policies.count) policies for \(combinations) combinations of action, "
                        + "principal and resource are more than can be checked: at most "
                        + "\(Limits.policyCombinations) in all"
                ], []
            )
        }
        var validator = Validator(schema)
        validator.maximumErrors = Limits.policyErrors
        // All policies together may take as much work as one of them could by itself.
        validator.maximumSteps = max(
            Limits.leastPolicySteps, Limits.policySteps / max(set.policies.count, 1))
        let result = validator.validate(set, mode: .strict)
        var problems = result.errors.map { text($0, set) }
        var warnings = result.warnings.map { place($0.policyID, $0.span, set) + $0.message }
        if result.isTruncated {
            problems.append("some policies have more mistakes than are listed")
        }
        problems += unsupplied(schema)
        warnings += unreachable(schema)
        for policy in set.policies {
            if let line = tooBroad(policy) { warnings.append(line) }
            warnings += mayFail(policy, set)
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

    /// Types whose entities would lack what they require, or have what agents write.
    ///
    /// Entities are names only, but for agents and for what objects of the input become: an
    /// attribute that another type requires would never be there, and every policy that reads it
    /// would fail. And what the input becomes must not be a resource, or agents would describe it.
    private static func unsupplied(_ schema: Schema) -> [String] {
        let resources = Set(schema.actions.values.flatMap(\.resources))
        let types = schema.entityTypes.values
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            .filter { $0.name != PolicyEnvironment.agentType }
        return types.flatMap { type -> [String] in
            if type.isMadeOfInput() {
                return resources.contains(type.name)
                    ? [
                        "entity type `\(type.name)` has tags, which only input has, and is the "
                            + "type of a resource: take the tags away, or use another type"
                    ] : []
            }
            return type.attributes.attributes.filter(\.isRequired).map {
                "entity type `\(type.name)` requires the attribute "
                    + "`\(VisibleText.escape($0.name))`, and nothing supplies it in this "
                    + "version: make it optional, or put it into the input"
            }
        }
    }

    /// Actions that no request can be about: the server asks for `Action::"…"`, for agents and for
    /// persons.
    private static func unreachable(_ schema: Schema) -> [String] {
        schema.actions.values.filter { action in
            !action.principals.isEmpty
                && (!action.uid.type.utf8.elementsEqual("Action".utf8)
                    || !action.principals.contains { $0 == "Agent" || $0 == "Person" })
        }.map {
            "action `\($0.uid)` is never asked for: actions are declared outside of namespaces, "
                + "for agents"
        }.sorted()
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
    private static func mayFail(_ policy: Policy, _ set: PolicySet) -> [String] {
        guard policy.effect == .forbid else { return [] }
        var lines: [String] = []
        policy.walk { expression in
            guard let cause = expression.failure else { return }
            lines.append(
                place(policy.id, expression.span, set)
                    + "`\(VisibleText.escape("\(expression)"))` \(cause); the `forbid` then counts "
                    + "as fired")
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
