// SPDX-License-Identifier: Apache-2.0

/// One compiled expression.
protocol Node: AnyObject, Sendable {
    /// Where the expression was written, for errors about its value.
    var span: SourceSpan { get }
    /// The expression as it was written, made anew: only this form of it is kept.
    var expression: Expression { get }
    /// The value, where it does not depend on the request.
    var constant: Value? { get }
    func value(_ environment: Environment) throws(EvaluationError) -> Value
    /// The value where only a boolean will do.
    func holds(_ environment: Environment) throws(EvaluationError) -> Bool
}

extension Node {
    var constant: Value? { nil }

    func make(_ kind: Expression.Kind) -> Expression { Expression(kind, at: span) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let value = try value(environment)
        guard case .bool(let result) = value else { throw mismatch(value, .bool) }
        return result
    }

    func error(_ kind: EvaluationError.Kind) -> EvaluationError {
        EvaluationError(kind, at: span)
    }

    /// The error that this node's value has the wrong type.
    func mismatch(_ value: Value, _ expected: ValueType...) -> EvaluationError {
        error(.typeError(expected: expected, actual: value.type))
    }

    func long(_ environment: Environment) throws(EvaluationError) -> Int64 {
        let value = try value(environment)
        guard case .long(let result) = value else { throw mismatch(value, .long) }
        return result
    }

    func string(_ environment: Environment) throws(EvaluationError) -> String {
        let value = try value(environment)
        guard case .string(let result) = value else { throw mismatch(value, .string) }
        return result
    }

    func entity(_ environment: Environment) throws(EvaluationError) -> EntityUID {
        let value = try value(environment)
        guard case .entity(let result) = value else { throw mismatch(value, .entity) }
        return result
    }

    func set(_ environment: Environment) throws(EvaluationError) -> ValueSet {
        let value = try value(environment)
        guard case .set(let result) = value else { throw mismatch(value, .set) }
        return result
    }
}

/// A node whose value always is a boolean.
protocol BooleanNode: Node {}

extension BooleanNode {
    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        .bool(try holds(environment))
    }
}

final class ConstantNode: Node {
    private let value: Value
    let span: SourceSpan

    init(_ value: Value, _ span: SourceSpan) {
        self.value = value
        self.span = span
    }

    var expression: Expression { make(.literal(value)) }
    var constant: Value? { value }
    func value(_ environment: Environment) throws(EvaluationError) -> Value { value }
}

/// Something whose value was worked out beforehand, such as a set of literals.
final class FoldedNode: Node {
    private let value: Value
    let expression: Expression
    var span: SourceSpan { expression.span }

    init(_ value: Value, _ expression: Expression) {
        self.value = value
        self.expression = expression
    }

    var constant: Value? { value }
    func value(_ environment: Environment) throws(EvaluationError) -> Value { value }
}

final class VariableNode: Node {
    private let variable: Expression.Variable
    let span: SourceSpan

    init(_ variable: Expression.Variable, _ span: SourceSpan) {
        self.variable = variable
        self.span = span
    }

    var expression: Expression { make(.variable(variable)) }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        switch variable {
        case .principal: .entity(environment.request.principal)
        case .action: .entity(environment.request.action)
        case .resource: .entity(environment.request.resource)
        case .context: .record(environment.request.context)
        }
    }
}

final class ConditionalNode: Node {
    private let test: any Node
    private let first: any Node
    private let second: any Node
    let span: SourceSpan

    init(_ test: any Node, _ first: any Node, _ second: any Node, _ span: SourceSpan) {
        self.test = test
        self.first = first
        self.second = second
        self.span = span
    }

    var expression: Expression {
        make(.conditional(test.expression, then: first.expression, else: second.expression))
    }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        try test.holds(environment)
            ? try first.value(environment) : try second.value(environment)
    }
}

/// `&&` stops at the first operand that is false, `||` at the first that is true.
final class JunctionNode: BooleanNode {
    private let operands: [any Node]
    private let stop: Bool
    let span: SourceSpan

    init(_ operands: [any Node], stopsAt stop: Bool, _ span: SourceSpan) {
        self.operands = operands
        self.stop = stop
        self.span = span
    }

    var expression: Expression {
        let parts = operands.map(\.expression)
        return make(stop ? .or(parts) : .and(parts))
    }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        for operand in operands where try operand.holds(environment) == stop { return stop }
        return !stop
    }
}

final class NotNode: BooleanNode {
    private let operand: any Node
    let span: SourceSpan

    init(_ operand: any Node, _ span: SourceSpan) {
        self.operand = operand
        self.span = span
    }

    var expression: Expression { make(.not(operand.expression)) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        try !operand.holds(environment)
    }
}
