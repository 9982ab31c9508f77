// SPDX-License-Identifier: Apache-2.0

/// One combination that a request may have, for which a policy is checked.
struct RequestEnvironment {
    let action: Schema.Action
    private(set) var principal = CedarType.anyEntity
    let actionType: CedarType
    private(set) var resource = CedarType.anyEntity
    let context: CedarType

    /// The part that all requests with an action share.
    init(_ action: Schema.Action) {
        self.action = action
        actionType = .entity(action.uid.type)
        context = .record(action.context)
    }

    func with(principal: String) -> RequestEnvironment {
        var environment = self
        environment.principal = .entity(principal)
        return environment
    }

    func with(resource: String) -> RequestEnvironment {
        var environment = self
        environment.resource = .entity(resource)
        return environment
    }
}

/// Works out the type of every expression of a policy for one request environment.
///
/// It follows the rules that are proved sound for Cedar: conditions that are surely true or false
/// have types of their own, what can never be evaluated is not checked, and what has been asked
/// for with `has` and `hasTag` is remembered where that is certain. After an error it goes on with
/// the type that was likely meant, so that one run finds more than one.
struct Typechecker {
    /// The result for one expression.
    struct Answer {
        /// The type; after an error the one that was likely meant, if there is one.
        var type: CedarType?
        var isValid: Bool
        /// What is certain once the expression has been true.
        var capabilities: Set<CapabilityID> = []
        var node: TypedNode

        init(_ type: CedarType?, isValid: Bool = true, _ node: TypedNode) {
            self.type = type
            self.isValid = isValid
            self.node = node
        }

        static func failed(_ type: CedarType?, _ node: TypedNode) -> Answer {
            Answer(type, isValid: false, node)
        }

        /// The same type, but not valid.
        var failed: Answer { Answer(type, isValid: false, node) }

        func failing(unless condition: Bool) -> Answer { condition ? self : failed }
    }

    let schema: Schema
    let mode: ValidationMode
    let policyID: String
    var environment: RequestEnvironment
    /// How much more work is done, about one for each expression; none is when it has run out.
    ///
    /// What `has a.b` and `is … in …` are about is looked at for each of the conditions that they
    /// stand for, which doubles the work with each level of nesting.
    private(set) var steps: Int
    var findings: Findings
    private var capabilities = CapabilityTable()
    /// What is certain where the expression stands that is being checked.
    ///
    /// One set for all, from which goes again what has come: a copy for each expression would make
    /// long policies cost the square of their length.
    private var known: Set<CapabilityID> = []

    init(
        _ schema: Schema, _ mode: ValidationMode, policyID: String,
        environment: RequestEnvironment, steps: Int, findings: Findings
    ) {
        self.steps = steps
        self.findings = findings
        self.schema = schema
        self.mode = mode
        self.policyID = policyID
        self.environment = environment
    }

    mutating func note(_ kind: ValidationError.Kind, at span: SourceSpan) {
        findings.add(ValidationError(policyID: policyID, span: span, kind: kind))
    }

    /// Takes steps for work that goes with the size of something.
    mutating func charge(_ cost: Int) {
        steps -= cost
    }

    /// Whether nothing more is looked at.
    var isExhausted: Bool { steps <= 0 || findings.isTruncated }

    // MARK: capabilities

    mutating func capability(_ target: Expression, attribute: String) -> CapabilityID {
        identified(Capability(target, attribute: attribute))
    }

    mutating func capability(_ target: Expression, tag: Expression) -> CapabilityID {
        identified(Capability(target, tag: tag))
    }

    private mutating func identified(_ capability: Capability) -> CapabilityID {
        charge(capability.size / 16)
        return capabilities.id(capability)
    }

    func isKnown(_ capability: CapabilityID) -> Bool { known.contains(capability) }

    /// Adds to what is certain, and to what ``forget(_:)`` takes out again.
    private mutating func assume(
        _ capabilities: Set<CapabilityID>, _ added: inout [CapabilityID]
    ) {
        charge(capabilities.count)
        for capability in capabilities where known.insert(capability).inserted {
            added.append(capability)
        }
    }

    private mutating func forget(_ added: [CapabilityID]) {
        for capability in added { known.remove(capability) }
    }

    /// Checks conditions all of which must hold.
    mutating func check(all conditions: [Expression]) -> Answer {
        junction(conditions, isAnd: true)
    }

    /// Checks an expression that must have one of some types.
    mutating func expect(
        _ expression: Expression, _ expected: [CedarType]
    ) -> Answer {
        var answer = check(expression)
        guard let type = answer.type else { return answer.failed }
        if expected.contains(where: { type.isSubtype(of: $0, .permissive) }) { return answer }
        note(.unexpectedType(expected: expected, actual: type), at: expression.span)
        answer.type = nil
        return answer.failed
    }

    mutating func check(_ expression: Expression) -> Answer {
        guard !isExhausted else { return .failed(nil, .constant) }
        charge(1)
        switch expression.kind {
        case .literal(let value): return literal(value, expression.span)
        case .variable(let variable):
            let type =
                switch variable {
                case .principal: environment.principal
                case .action: environment.actionType
                case .resource: environment.resource
                case .context: environment.context
                }
            return Answer(type, .variable)
        case .conditional(let test, let first, let second):
            return conditional(expression, test, first, second)
        case .and(let operands): return junction(operands, isAnd: true)
        case .or(let operands): return junction(operands, isAnd: false)
        case .not(let operand):
            let answer = expect(operand, [.bool])
            return Answer(
                Self.negated(answer.type), isValid: answer.isValid && answer.type != nil,
                .operands([answer.node]))
        case .negate(let operand):
            let answer = expect(operand, [.long])
            return Answer(.long, isValid: answer.isValid, .operands([answer.node]))
        case .relation(let relation, let left, let right):
            return self.relation(relation, expression, left, right)
        case .arithmetic(let first, let terms):
            var nodes: [TypedNode] = []
            var isValid = true
            for operand in [first] + terms.map(\.operand) {
                let answer = expect(operand, [.long])
                isValid = isValid && answer.isValid
                nodes.append(answer.node)
            }
            return Answer(.long, isValid: isValid, .operands(nodes))
        case .like(let operand, _):
            let answer = expect(operand, [.string])
            return Answer(.bool, isValid: answer.isValid, .operands([answer.node]))
        default: return compound(expression)
        }
    }

    /// The rest of ``check(_:_:)``, which would be one long function otherwise.
    private mutating func compound(
        _ expression: Expression
    ) -> Answer {
        switch expression.kind {
        case .attribute(let target, let name): return attribute(expression, target, name)
        case .has, .isType:
            let operands = expression.conjuncts
            guard operands.count == 1 else { return junction(operands, isAnd: true) }
            if case .has(let target, let path) = expression.kind {
                return has(expression, target, path[0])
            }
            return isType(expression)
        case .method(let method, let receiver, let arguments):
            return self.method(expression, method, receiver, arguments.first)
        case .extensionCall(let function, let arguments):
            return call(expression, function, arguments)
        case .set(let elements): return set(expression, elements)
        case .record(let fields): return record(fields)
        default:
            note(.internalInvariantViolation, at: expression.span)
            return .failed(nil, .constant)
        }
    }

    private func literal(_ value: Value, _ span: SourceSpan) -> Answer {
        switch value {
        case .bool(let value): return Answer(.singleton(value), .constant)
        case .long: return Answer(.long, .constant)
        case .string: return Answer(.string, .constant)
        case .entity(let uid):
            let node = TypedNode.entityLiteral(uid, span)
            // What is not declared is an error that has its own check.
            let isKnown =
                uid.isAction ? schema.actions[uid] != nil : schema.entityType(uid.type) != nil
            return isKnown ? Answer(.entity(uid.type), node) : .failed(nil, node)
        case .set, .record, .extension: return .failed(nil, .constant)
        }
    }

    private static func negated(_ type: CedarType?) -> CedarType {
        switch type {
        case .true: .false
        case .false: .true
        default: .bool
        }
    }

    // MARK: conditions

    /// `&&` or `||`, from left to right.
    private mutating func junction(
        _ operands: [Expression], isAnd: Bool
    ) -> Answer {
        guard let first = operands.first else { return Answer(.singleton(isAnd), .constant) }
        var added: [CapabilityID] = []
        defer { forget(added) }
        var left = expect(first, [.bool])
        var nodes = [left.node]
        for operand in operands.dropFirst() {
            // What comes after a certain answer is never evaluated.
            if left.type == .singleton(!isAnd) {
                if isAnd { left.capabilities = [] }
                break
            }
            if isAnd, nodes.count == 1 { assume(left.capabilities, &added) }
            let right = expect(operand, [.bool])
            nodes.append(right.node)
            if isAnd {
                assume(right.capabilities, &added)
                Self.conjoin(&left, right)
            } else {
                Self.disjoin(&left, right)
            }
        }
        left.node = nodes.count == 1 ? nodes[0] : .operands(nodes)
        return left
    }

    // Both change the left side in place: chains may be as long as the policy.

    private static func conjoin(_ left: inout Answer, _ right: Answer) {
        left.isValid = left.isValid && right.isValid
        switch (left.type, right.type) {
        case (nil, _), (_, nil):
            left.type = .bool
            left.isValid = false
        case (_, .false):
            left.type = .false
            left.capabilities = []
        case (_, .true): left.capabilities.formUnion(right.capabilities)
        case (.true, _):
            // What the left side makes certain is not kept here, as in the reference.
            left.type = right.type
            left.capabilities = right.capabilities
        default:
            left.type = .bool
            left.capabilities.formUnion(right.capabilities)
        }
        if !left.isValid { left.capabilities = [] }
    }

    private static func disjoin(_ left: inout Answer, _ right: Answer) {
        left.isValid = left.isValid && right.isValid
        switch (left.type, right.type) {
        case (nil, _), (_, nil):
            left.type = .bool
            left.isValid = false
        case (_, .true):
            left.type = .true
            left.capabilities = right.capabilities
        case (_, .false): break
        case (.false, _):
            left.type = right.type
            left.capabilities = right.capabilities
        default:
            left.type = .bool
            left.capabilities.formIntersection(right.capabilities)
        }
        if !left.isValid { left.capabilities = [] }
    }

    private mutating func conditional(
        _ expression: Expression, _ test: Expression, _ first: Expression, _ second: Expression
    ) -> Answer {
        let condition = expect(test, [.bool])
        switch condition.type {
        case .true:
            var answer = check(first, assuming: condition.capabilities)
            answer.capabilities.formUnion(condition.capabilities)
            answer.node = .conditional(condition.node, then: answer.node, else: .constant)
            return answer.failing(unless: condition.isValid && answer.isValid)
        case .false:
            var answer = check(second)
            answer.node = .conditional(condition.node, then: answer.node, else: .constant)
            return answer.failing(unless: condition.isValid && answer.isValid)
        default: break
        }
        let then = check(first, assuming: condition.capabilities)
        let other = check(second)
        let node = TypedNode.conditional(condition.node, then: then.node, else: other.node)
        let type = bound([then.type, other.type], .conditional, at: expression.span)
        var answer = Answer(type, isValid: type != nil, node)
        charge(then.capabilities.count + condition.capabilities.count)
        answer.capabilities = other.capabilities.intersection(
            then.capabilities.union(then.isValid ? condition.capabilities : []))
        return answer.failing(unless: type != nil)
            .failing(unless: condition.isValid && then.isValid && other.isValid)
    }

    private mutating func check(
        _ expression: Expression, assuming capabilities: Set<CapabilityID>
    ) -> Answer {
        var added: [CapabilityID] = []
        assume(capabilities, &added)
        defer { forget(added) }
        return check(expression)
    }

    // MARK: types

    /// The least upper bound; `nil` where a type is unknown, or after noting that there is none.
    mutating func bound(
        _ types: [CedarType?], _ context: ValidationError.Context, at span: SourceSpan
    ) -> CedarType? {
        let known = types.compactMap(\.self)
        guard known.count == types.count else { return nil }
        var bound = CedarType.never
        for type in known {
            charge(bound.size + type.size)
            guard !isExhausted else { return nil }
            guard let next = bound.leastUpperBound(type, mode) else {
                note(.incompatibleTypes(known, context), at: span)
                return nil
            }
            bound = next
        }
        return bound
    }
}
