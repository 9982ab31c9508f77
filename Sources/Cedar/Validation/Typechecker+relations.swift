// SPDX-License-Identifier: Apache-2.0

extension Typechecker {
    mutating func relation(
        _ relation: Expression.Relation, _ expression: Expression, _ left: Expression,
        _ right: Expression
    ) -> Answer {
        switch relation {
        case .equal: return equality(expression, left, right)
        case .notEqual:
            var answer = equality(expression, left, right)
            switch answer.type {
            case .true: answer.type = .false
            case .false: answer.type = .true
            default: answer.type = .bool
            }
            return answer
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            return comparison(left, right)
        case .in: return membership(expression, left, right)
        }
    }

    // MARK: equality

    private mutating func equality(
        _ expression: Expression, _ left: Expression, _ right: Expression
    ) -> Answer {
        let one = check(left)
        let two = check(right)
        charge(Self.unionCost(one.type) + Self.unionCost(two.type))
        let type = equalityType(left, one.type, right, two.type)
        let answer = Answer(
            type, isValid: one.isValid && two.isValid, .operands([one.node, two.node]))
        guard mode == .strict, type == .bool else { return answer }
        let isCompatible = areCompatible(one.type, two.type, .equality, at: expression.span)
        return isCompatible ? answer : answer.failed
    }

    /// What it takes to go through the entity types of a union.
    private static func unionCost(_ type: CedarType?) -> Int {
        guard case .entity(let union) = type, union.single == nil else { return 0 }
        return union.names.count
    }

    private func equalityType(
        _ left: Expression, _ leftType: CedarType?, _ right: Expression, _ rightType: CedarType?
    ) -> CedarType {
        if let leftType, let rightType, leftType.isDisjoint(with: rightType) { return .false }
        guard let one = literal(left), let two = literal(right) else { return .bool }
        return .singleton(one == two)
    }

    /// The value of a literal; `action` is one, because the request environment fixes it.
    private func literal(_ expression: Expression) -> Value? {
        switch expression.kind {
        case .literal(let value): return value
        case .variable(.action): return .entity(environment.action.uid)
        // The reference implementation works out literal conditions while it reads.
        case .and(let operands): return literal(operands, isAnd: true)
        case .or(let operands): return literal(operands, isAnd: false)
        default: return nil
        }
    }

    private func literal(_ operands: [Expression], isAnd: Bool) -> Value? {
        var result = isAnd
        for operand in operands {
            guard case .bool(let value) = literal(operand) else { return nil }
            result = isAnd ? result && value : result || value
        }
        return .bool(result)
    }

    // MARK: order

    private static func isOrdered(_ type: CedarType) -> Bool {
        switch type {
        case .long: true
        case .extension(let type): type.isOrdered
        default: false
        }
    }

    private static let ordered: [CedarType] = [.extension(.datetime), .extension(.duration), .long]

    private mutating func comparison(
        _ left: Expression, _ right: Expression
    ) -> Answer {
        let one = check(left)
        let two = check(right)
        let answer = Answer(
            .bool, isValid: one.isValid && two.isValid, .operands([one.node, two.node]))
        guard let leftType = one.type, let rightType = two.type else {
            return answer.failed
        }
        let isFine =
            (Self.isOrdered(leftType) && leftType == rightType)
            || (leftType == .never && Self.isOrdered(rightType))
            || (rightType == .never && Self.isOrdered(leftType))
        if isFine { return answer }
        if leftType == .long || (rightType != .long && Self.isOrdered(leftType)) {
            note(.unexpectedType(expected: [leftType], actual: rightType), at: right.span)
        } else if Self.isOrdered(rightType) {
            note(.unexpectedType(expected: [rightType], actual: leftType), at: left.span)
        } else {
            note(.unexpectedType(expected: Self.ordered, actual: leftType), at: left.span)
            note(.unexpectedType(expected: Self.ordered, actual: rightType), at: right.span)
        }
        return answer.failed
    }

    // MARK: in

    private mutating func membership(
        _ expression: Expression, _ left: Expression, _ right: Expression
    ) -> Answer {
        let one = expect(left, [.anyEntity])
        let two = expect(right, [.set(.anyEntity), .anyEntity])
        let node = TypedNode.lookup(one.node, two.node, expression.span)
        guard one.isValid, two.isValid else { return .failed(.bool, node) }
        if let uid = entity(left), uid.isAction, let others = entities(right) {
            return Answer(actionMembership(uid, others), node)
        }
        guard case .entity(let leftTypes) = one.type, let rightTypes = Self.entityTypes(two.type)
        else { return Answer(.bool, node) }
        charge(leftTypes.names.count * rightTypes.names.count)
        guard !isExhausted else { return .failed(.bool, node) }
        return Answer(schema.canBe(leftTypes, in: rightTypes) ? .bool : .false, node)
    }

    private static func entityTypes(_ type: CedarType?) -> EntityTypeUnion? {
        switch type {
        case .entity(let union), .set(.entity(let union)): union
        default: nil
        }
    }

    private func entity(_ expression: Expression) -> EntityUID? {
        guard case .entity(let uid) = literal(expression) else { return nil }
        return uid
    }

    private func entities(_ expression: Expression) -> [EntityUID]? {
        if let uid = entity(expression) { return [uid] }
        guard case .set(let elements) = expression.kind else { return nil }
        let uids = elements.compactMap(entity)
        return uids.count == elements.count ? uids : nil
    }

    /// The hierarchy of actions is in the schema, so the answer is certain.
    private func actionMembership(_ uid: EntityUID, _ others: [EntityUID]) -> CedarType {
        let groups = others.filter(\.isAction)
        return .singleton(groups.contains { schema.membersOfAction[$0]?.contains(uid) == true })
    }
}
