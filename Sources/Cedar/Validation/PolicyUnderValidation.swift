// SPDX-License-Identifier: Apache-2.0

/// A policy or a template as the validator sees it.
struct PolicyUnderValidation {
    let id: String
    let span: SourceSpan
    let principal: Template.Constraint
    let action: ActionConstraint
    let resource: Template.Constraint
    let scopeSpans: ScopeSpans
    /// The conditions, those of `unless` negated.
    let bodies: [Expression]
    let depth: Int

    var hasSlots: Bool { principal.hasSlot || resource.hasSlot }

    /// What it takes to put the conditions together for one request environment.
    var partCount: Int { bodies.count + action.entities.count }

    func error(_ kind: ValidationError.Kind) -> ValidationError {
        ValidationError(policyID: id, span: span, kind: kind)
    }

    init(_ policy: Policy) {
        id = policy.id
        span = policy.span
        principal = Template.Constraint(policy.scope.principal)
        action = policy.scope.action
        resource = Template.Constraint(policy.scope.resource)
        scopeSpans = policy.scopeSpans
        bodies = Self.bodies(policy.conditions)
        depth = policy.depth
    }

    init(_ template: Template) {
        id = template.id
        span = template.span
        principal = template.principal
        action = template.action
        resource = template.resource
        scopeSpans = template.scopeSpans
        bodies = Self.bodies(template.conditions)
        depth = template.depth
    }

    private static func bodies(_ conditions: [Policy.Condition]) -> [Expression] {
        conditions.map { condition in
            condition.kind == .when
                ? condition.body : Expression(.not(condition.body), at: condition.span)
        }
    }

    /// Where a part of the scope was written; 0 is the principal.
    func scopeSpan(_ part: Int) -> SourceSpan { scopeSpans[part] }

    // MARK: conditions

    /// The scope and the conditions as expressions that must all hold; each slot is filled with
    /// an entity of the type that it is taken to have.
    func conditions(_ slots: [Template.Slot: EntityUID]) -> [Expression] {
        var all: [Expression] = []
        add(principal, .principal, slots[.principal], at: scopeSpan(0), to: &all)
        addAction(to: &all)
        add(resource, .resource, slots[.resource], at: scopeSpan(2), to: &all)
        return all + bodies
    }

    private func add(
        _ constraint: Template.Constraint, _ variable: Expression.Variable, _ slot: EntityUID?,
        at span: SourceSpan, to all: inout [Expression]
    ) {
        let subject = Expression(.variable(variable), at: span)
        func literal(_ reference: Template.Reference) -> Expression {
            let uid =
                switch reference {
                case .entity(let uid): uid
                case .slot: slot ?? EntityUID(type: "", id: "")
                }
            return Expression(.literal(.entity(uid)), at: span)
        }
        switch constraint {
        case .any: break
        case .equal(let other):
            all.append(Expression(.relation(.equal, subject, literal(other)), at: span))
        case .in(let other):
            all.append(Expression(.relation(.in, subject, literal(other)), at: span))
        case .is(let type): all.append(Expression(.isType(subject, type, in: nil), at: span))
        case .isIn(let type, let other):
            all.append(Expression(.isType(subject, type, in: literal(other)), at: span))
        }
    }

    private func addAction(to all: inout [Expression]) {
        let span = scopeSpan(1)
        let subject = Expression(.variable(.action), at: span)
        switch action {
        case .any: break
        case .equal(let uid):
            let literal = Expression(.literal(.entity(uid)), at: span)
            all.append(Expression(.relation(.equal, subject, literal), at: span))
        case .in(let uids):
            let literals = uids.map { Expression(.literal(.entity($0)), at: span) }
            let set = Expression(.set(literals), at: span)
            all.append(Expression(.relation(.in, subject, set), at: span))
        }
    }

    // MARK: slots

    /// What the slots may be filled with in a request environment, one choice after the other:
    /// of two slots there may be far more than fit into memory.
    func slotChoices(
        _ environment: RequestEnvironment, _ schema: Schema
    ) -> some Sequence<[Template.Slot: EntityUID]> {
        let principals = Self.choices(.principal, principal, environment.principal, schema)
        let resources = Self.choices(.resource, resource, environment.resource, schema)
        return principals.lazy.flatMap { one in
            resources.lazy.map { two in one.merging(two) { _, new in new } }
        }
    }

    private static func choices(
        _ slot: Template.Slot, _ constraint: Template.Constraint, _ type: CedarType,
        _ schema: Schema
    ) -> [[Template.Slot: EntityUID]] {
        guard constraint.hasSlot else { return [[:]] }
        return types(constraint, type, schema).map { name in
            [slot: EntityUID(type: name, id: slot.rawValue)]
        }
    }

    private static func types(
        _ constraint: Template.Constraint, _ type: CedarType, _ schema: Schema
    ) -> [String] {
        guard case .entity(let union) = type, let name = union.single else { return [] }
        if case .equal = constraint { return [name] }
        return [name] + (schema.entityTypes[name]?.ancestors.filter { $0 != name }.sorted() ?? [])
    }
}
