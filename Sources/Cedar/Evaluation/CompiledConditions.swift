// SPDX-License-Identifier: Apache-2.0

/// The conditions of a policy in the form that is evaluated, which is the only one kept.
///
/// The links of a template share those of the template.
final class CompiledConditions: Sendable {
    private struct Part: Sendable {
        let kind: Policy.Condition.Kind
        let body: any Node
        let span: SourceSpan
    }

    private let parts: [Part]
    /// The levels of nesting of the deepest one; 0 without conditions.
    let depth: Int

    init(_ conditions: [Policy.Condition]) {
        parts = conditions.map {
            Part(kind: $0.kind, body: Compiler.compile($0.body), span: $0.span)
        }
        depth = conditions.map(\.body.depth).max() ?? 0
    }

    /// The conditions as they were written.
    var written: [Policy.Condition] {
        parts.map { Policy.Condition(kind: $0.kind, body: $0.body.expression, span: $0.span) }
    }

    /// Whether all conditions are met; later ones are not looked at once one is not.
    func hold(
        _ environment: Environment, maximumDepth: Int
    ) throws(EvaluationError) -> Bool {
        guard depth <= maximumDepth else { throw EvaluationError(.recursionLimit) }
        for part in parts where try part.body.holds(environment) == (part.kind == .unless) {
            return false
        }
        return true
    }
}

extension Scope {
    /// Whether the scope matches; this cannot fail and allocates nothing.
    func matches(_ environment: Environment) -> Bool {
        let request = environment.request
        return action.matches(request.action, environment.action)
            && principal.matches(request.principal, environment.principal)
            && resource.matches(request.resource, environment.resource)
    }

    /// The parts that do not match.
    func mismatches(_ environment: Environment) -> Set<PolicyExplanation.ScopePart> {
        let request = environment.request
        var parts: Set<PolicyExplanation.ScopePart> = []
        if !action.matches(request.action, environment.action) { parts.insert(.action) }
        if !principal.matches(request.principal, environment.principal) {
            parts.insert(.principal)
        }
        if !resource.matches(request.resource, environment.resource) { parts.insert(.resource) }
        return parts
    }
}

extension EntityConstraint {
    func matches(_ uid: EntityUID, _ stored: StoredEntity?) -> Bool {
        switch self {
        case .any: true
        case .equal(let other): uid == other
        case .in(let other): uid == other || stored?.ancestors.contains(other) == true
        case .is(let type): Bytes.equal(uid.type, type)
        case .isIn(let type, let other):
            Bytes.equal(uid.type, type)
                && (uid == other || stored?.ancestors.contains(other) == true)
        }
    }
}

extension ActionConstraint {
    func matches(_ uid: EntityUID, _ stored: StoredEntity?) -> Bool {
        switch self {
        case .any: return true
        case .equal(let other): return uid == other
        case .in(let others):
            for other in others
            where uid == other || stored?.ancestors.contains(other) == true { return true }
            return false
        }
    }
}
