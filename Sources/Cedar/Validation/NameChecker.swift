// SPDX-License-Identifier: Apache-2.0

/// Checks that what a policy names is declared, and that its scope can match at all.
struct NameChecker {
    private let schema: Schema
    private let policy: PolicyUnderValidation

    init(_ schema: Schema, _ policy: PolicyUnderValidation) {
        self.schema = schema
        self.policy = policy
    }

    /// Adds what is wrong, as far as there is room for it.
    func check(_ findings: inout Findings) {
        for (place, constraint) in [(0, policy.principal), (2, policy.resource)] {
            let span = policy.scopeSpan(place)
            if let uid = constraint.entity { check(uid, at: span, &findings) }
            if let type = constraint.type { check(type: type, at: span, &findings) }
        }
        for uid in policy.action.entities { check(uid, at: policy.scopeSpan(1), &findings) }
        for body in policy.bodies {
            body.walk { expression in
                switch expression.kind {
                case .literal(.entity(let uid)): check(uid, at: expression.span, &findings)
                case .isType(_, let type, _): check(type: type, at: expression.span, &findings)
                default: break
                }
            }
        }
        if let kind = scopeError() {
            findings.add(ValidationError(policyID: policy.id, span: policy.span, kind: kind))
        }
    }

    private func check(_ uid: EntityUID, at span: SourceSpan, _ findings: inout Findings) {
        check(type: uid.type, at: span, &findings)
        let kind: ValidationError.Kind
        if uid.isAction {
            guard schema.actions[uid] == nil else { return }
            kind = .unrecognizedActionID(uid, suggestion: nil)
        } else {
            guard let type = schema.entityType(uid.type), let choices = type.enumeration,
                !type.allows(id: uid.id)
            else { return }
            kind = .invalidEnumEntity(uid, choices: choices)
        }
        findings.add(ValidationError(policyID: policy.id, span: span, kind: kind))
    }

    private func check(type: String, at span: SourceSpan, _ findings: inout Findings) {
        guard !schema.isKnownEntityType(type) else { return }
        findings.add(
            ValidationError(
                policyID: policy.id, span: span,
                kind: .unrecognizedEntityType(type, suggestion: nil)))
    }

    // MARK: scope

    /// Why no action applies to what the scope asks for.
    func scopeError() -> ValidationError.Kind? {
        let actions = applicableActions()
        let principals = types(policy.principal)
        let resources = types(policy.resource)
        let isApplicable = actions.contains { action in
            action.principals.contains(where: principals.contains)
                && action.resources.contains(where: resources.contains)
        }
        guard !isApplicable else { return nil }
        return .invalidActionApplication(
            wouldInFixPrincipal: wouldInFix(policy.principal, actions.map(\.principals)),
            wouldInFixResource: wouldInFix(policy.resource, actions.map(\.resources)))
    }

    private func applicableActions() -> [Schema.Action] {
        switch policy.action {
        case .any: return schema.sortedActions
        case .equal(let uid): return schema.actions[uid].map { [$0] } ?? []
        case .in(let uids):
            // One that is not declared makes the whole list meaningless.
            guard uids.allSatisfy({ schema.actions[$0] != nil }) else { return [] }
            let members = uids.reduce(into: Set<EntityUID>()) { members, uid in
                members.formUnion(schema.membersOfAction[uid] ?? [])
            }
            return schema.sortedActions.filter { members.contains($0.uid) }
        }
    }

    /// The entity types that a part of the scope may match.
    private func types(_ constraint: Template.Constraint) -> Set<String> {
        switch constraint {
        case .any, .equal(.slot), .in(.slot): return Set(schema.entityTypes.keys)
        case .equal(.entity(let uid)): return [uid.type]
        case .in(.entity(let uid)): return types(in: uid.type)
        case .is(let type), .isIn(let type, .slot):
            return schema.isKnownEntityType(type) ? [type] : []
        case .isIn(let type, .entity(let uid)):
            return types(in: uid.type).intersection([type])
        }
    }

    private func types(in name: String) -> Set<String> {
        var types: Set<String> = [name]
        for type in schema.entityTypes.values where type.ancestors.contains(name) {
            types.insert(type.name)
        }
        return types
    }

    private func wouldInFix(_ constraint: Template.Constraint, _ applicable: [[String]]) -> Bool {
        guard case .equal(.entity(let uid)) = constraint else { return false }
        let members = types(in: uid.type)
        return !applicable.contains { $0.contains(uid.type) }
            && applicable.contains { $0.contains(where: members.contains) }
    }
}
