// SPDX-License-Identifier: Apache-2.0

final class NegateNode: Node {
    private let operand: any Node
    let span: SourceSpan

    init(_ operand: any Node, _ span: SourceSpan) {
        self.operand = operand
        self.span = span
    }

    var expression: Expression { make(.negate(operand.expression)) }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        let number = try operand.long(environment)
        let (result, overflow) = Int64(0).subtractingReportingOverflow(number)
        guard !overflow else { throw error(.integerOverflow(operation: "-(\(number))")) }
        return .long(result)
    }
}

final class EqualNode: BooleanNode {
    private let left: any Node
    private let right: any Node
    private let isNegated: Bool
    let span: SourceSpan

    init(_ left: any Node, _ right: any Node, isNegated: Bool, _ span: SourceSpan) {
        self.left = left
        self.right = right
        self.isNegated = isNegated
        self.span = span
    }

    var expression: Expression {
        make(.relation(isNegated ? .notEqual : .equal, left.expression, right.expression))
    }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let first = try left.value(environment)
        let second = try right.value(environment)
        return (first == second) != isNegated
    }
}

/// `<`, `<=`, `>` and `>=`, of integers, instants and spans of time.
final class OrderNode: BooleanNode {
    private let left: any Node
    private let right: any Node
    private let relation: Expression.Relation
    let span: SourceSpan

    init(
        _ left: any Node, _ right: any Node, _ relation: Expression.Relation, _ span: SourceSpan
    ) {
        self.left = left
        self.right = right
        self.relation = relation
        self.span = span
    }

    var expression: Expression { make(.relation(relation, left.expression, right.expression)) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let first = try left.value(environment)
        let second = try right.value(environment)
        switch (first, second) {
        case (.long(let one), .long(let two)): return compare(one, two)
        case (.extension(.datetime(let one)), .extension(.datetime(let two))):
            return compare(one.epoch, two.epoch)
        case (.extension(.duration(let one)), .extension(.duration(let two))):
            return compare(one.milliseconds, two.milliseconds)
        default: break
        }
        if let type = Self.ordered(first) { throw right.mismatch(second, type) }
        if let type = Self.ordered(second) { throw left.mismatch(first, type) }
        throw left.mismatch(first, .long, .datetime, .duration)
    }

    /// The type of a value, if it is one that has an order.
    private static func ordered(_ value: Value) -> ValueType? {
        switch value.type {
        case .long, .datetime, .duration: value.type
        default: nil
        }
    }

    private func compare(_ one: Int64, _ two: Int64) -> Bool {
        switch relation {
        case .less: one < two
        case .lessOrEqual: one <= two
        case .greater: one > two
        default: one >= two
        }
    }
}

/// `in`, with an entity or a set of entities on the right.
final class InNode: BooleanNode {
    private let left: any Node
    private let right: any Node
    let span: SourceSpan

    init(_ left: any Node, _ right: any Node, _ span: SourceSpan) {
        self.left = left
        self.right = right
        self.span = span
    }

    var expression: Expression { make(.relation(.in, left.expression, right.expression)) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let first = try left.value(environment)
        let second = try right.value(environment)
        guard case .entity(let uid) = first else { throw left.mismatch(first, .entity) }
        return try right.contains(second, uid, environment)
    }
}

extension Node {
    /// Whether an entity is in the container that is this node's value.
    func contains(
        _ container: Value, _ uid: EntityUID, _ environment: Environment
    ) throws(EvaluationError) -> Bool {
        switch container {
        case .entity(let other): return environment.isEntity(uid, in: other)
        case .set(let elements):
            // Every element must be an entity, also those after the one that matches.
            var found = false
            let ancestors = environment.entity(uid)?.ancestors
            for element in elements {
                guard case .entity(let other) = element else { throw mismatch(element, .entity) }
                found = found || uid == other || ancestors?.contains(other) == true
            }
            return found
        default: throw mismatch(container, .set, .entity)
        }
    }
}

final class ArithmeticNode: Node {
    private struct Term: Sendable {
        let operation: Expression.Arithmetic
        let operand: any Node
    }

    private let first: any Node
    private let terms: [Term]
    let span: SourceSpan

    init(
        _ first: any Node, _ terms: [(Expression.Arithmetic, any Node)], _ span: SourceSpan
    ) {
        self.first = first
        self.terms = terms.map { Term(operation: $0.0, operand: $0.1) }
        self.span = span
    }

    var expression: Expression {
        make(
            .arithmetic(
                first.expression,
                terms.map { .init(operation: $0.operation, operand: $0.operand.expression) }))
    }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        let start = try first.value(environment)
        // The right operand is evaluated before the left one's type is looked at.
        var pending: Value = start
        for (place, term) in terms.enumerated() {
            let right = try term.operand.value(environment)
            guard case .long(let one) = pending else {
                throw (place == 0 ? first : self).mismatch(pending, .long)
            }
            guard case .long(let two) = right else { throw term.operand.mismatch(right, .long) }
            pending = .long(try apply(term.operation, one, two))
        }
        return pending
    }

    private func apply(
        _ operation: Expression.Arithmetic, _ one: Int64, _ two: Int64
    ) throws(EvaluationError) -> Int64 {
        let (result, overflow) =
            switch operation {
            case .add: one.addingReportingOverflow(two)
            case .subtract: one.subtractingReportingOverflow(two)
            case .multiply: one.multipliedReportingOverflow(by: two)
            }
        guard !overflow else {
            throw error(.integerOverflow(operation: "\(one) \(operation.rawValue) \(two)"))
        }
        return result
    }
}

final class LikeNode: BooleanNode {
    private let operand: any Node
    private let pattern: Pattern
    let span: SourceSpan

    init(_ operand: any Node, _ pattern: Pattern, _ span: SourceSpan) {
        self.operand = operand
        self.pattern = pattern
        self.span = span
    }

    var expression: Expression { make(.like(operand.expression, pattern)) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        pattern.matches(try operand.string(environment))
    }
}

/// `is`, and `is … in`, whose container is evaluated only if the type is right.
final class IsNode: BooleanNode {
    private let operand: any Node
    private let type: String
    private let container: (any Node)?
    let span: SourceSpan

    init(_ operand: any Node, _ type: String, _ container: (any Node)?, _ span: SourceSpan) {
        self.operand = operand
        self.type = type
        self.container = container
        self.span = span
    }

    var expression: Expression {
        make(.isType(operand.expression, type, in: container?.expression))
    }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let uid = try operand.entity(environment)
        guard Bytes.equal(uid.type, type) else { return false }
        guard let container else { return true }
        return try container.contains(try container.value(environment), uid, environment)
    }
}
