// SPDX-License-Identifier: Apache-2.0

/// A policy in the form that is evaluated.
final class CompiledPolicy: Sendable {
    let effect: Policy.Effect
    private let scope: Scope
    private let conditions: [Condition]
    private let depth: Int

    private struct Condition: Sendable {
        let isUnless: Bool
        let body: any Node
    }

    init(_ policy: Policy) {
        effect = policy.effect
        scope = policy.scope
        depth = policy.depth
        conditions = policy.conditions.map {
            Condition(isUnless: $0.kind == .unless, body: Compiler.compile($0.body))
        }
    }

    /// Whether the scope matches; this cannot fail and allocates nothing.
    func isAbout(_ environment: Environment) -> Bool {
        let request = environment.request
        return scope.action.matches(request.action, environment.action)
            && scope.principal.matches(request.principal, environment.principal)
            && scope.resource.matches(request.resource, environment.resource)
    }

    /// The parts of the scope that do not match.
    func partsOutOfScope(_ environment: Environment) -> Set<PolicyExplanation.ScopePart> {
        let request = environment.request
        var parts: Set<PolicyExplanation.ScopePart> = []
        if !scope.action.matches(request.action, environment.action) { parts.insert(.action) }
        if !scope.principal.matches(request.principal, environment.principal) {
            parts.insert(.principal)
        }
        if !scope.resource.matches(request.resource, environment.resource) {
            parts.insert(.resource)
        }
        return parts
    }

    /// Whether all conditions are met; later ones are not looked at once one is not.
    func holds(
        _ environment: Environment, maximumDepth: Int
    ) throws(EvaluationError) -> Bool {
        guard depth <= maximumDepth else { throw EvaluationError(.recursionLimit) }
        for condition in conditions
        where try condition.body.holds(environment) == condition.isUnless {
            return false
        }
        return true
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
