// SPDX-License-Identifier: Apache-2.0

final class AttributeNode: Node {
    private let operand: any Node
    private let name: String
    let span: SourceSpan

    init(_ operand: any Node, _ name: String, _ span: SourceSpan) {
        self.operand = operand
        self.name = name
        self.span = span
    }

    var expression: Expression { make(.attribute(operand.expression, name)) }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        switch try operand.value(environment) {
        case .record(let record):
            guard let value = record[name] else {
                throw error(.recordAttributeDoesNotExist(attribute: name))
            }
            return value
        case .entity(let uid):
            guard let stored = environment.entity(uid) else {
                throw operand.error(.entityDoesNotExist(uid))
            }
            guard let value = stored.entity.attributes[name] else {
                throw error(.entityAttributeDoesNotExist(entity: uid, attribute: name))
            }
            return value
        case let other: throw operand.mismatch(other, .record, .entity)
        }
    }
}

/// `has a.b.c` asks for `a`, then looks into it for `b`, and so on (RFC 62).
final class HasNode: BooleanNode {
    private let operand: any Node
    private let path: [String]
    let span: SourceSpan

    init(_ operand: any Node, _ path: [String], _ span: SourceSpan) {
        self.operand = operand
        self.path = path
        self.span = span
    }

    var expression: Expression { make(.has(operand.expression, path)) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        var value = try operand.value(environment)
        for (place, name) in path.enumerated() {
            let found: Value?
            switch value {
            case .record(let record): found = record[name]
            case .entity(let uid): found = environment.entity(uid)?.entity.attributes[name]
            default: throw (place == 0 ? operand : self).mismatch(value, .record, .entity)
            }
            guard let found else { return false }
            value = found
        }
        return true
    }
}

final class ContainsNode: BooleanNode {
    private let operand: any Node
    private let argument: any Node
    let span: SourceSpan

    init(_ operand: any Node, _ argument: any Node, _ span: SourceSpan) {
        self.operand = operand
        self.argument = argument
        self.span = span
    }

    var expression: Expression {
        make(.method(.contains, operand.expression, [argument.expression]))
    }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let container = try operand.value(environment)
        let element = try argument.value(environment)
        guard case .set(let elements) = container else { throw operand.mismatch(container, .set) }
        return elements.contains(element)
    }
}

/// `containsAll` and `containsAny`.
final class SetRelationNode: BooleanNode {
    private let operand: any Node
    private let argument: any Node
    private let method: Expression.Method
    let span: SourceSpan

    init(
        _ operand: any Node, _ argument: any Node, _ method: Expression.Method, _ span: SourceSpan
    ) {
        self.operand = operand
        self.argument = argument
        self.method = method
        self.span = span
    }

    var expression: Expression {
        make(.method(method, operand.expression, [argument.expression]))
    }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let first = try operand.value(environment)
        let second = try argument.value(environment)
        guard case .set(let one) = first else { throw operand.mismatch(first, .set) }
        guard case .set(let two) = second else { throw argument.mismatch(second, .set) }
        return method == .containsAll ? two.isSubset(of: one) : !one.isDisjoint(with: two)
    }
}

final class IsEmptyNode: BooleanNode {
    private let operand: any Node
    let span: SourceSpan

    init(_ operand: any Node, _ span: SourceSpan) {
        self.operand = operand
        self.span = span
    }

    var expression: Expression { make(.method(.isEmpty, operand.expression, [])) }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        try operand.set(environment).isEmpty
    }
}

final class GetTagNode: Node {
    private let operand: any Node
    private let argument: any Node
    let span: SourceSpan

    init(_ operand: any Node, _ argument: any Node, _ span: SourceSpan) {
        self.operand = operand
        self.argument = argument
        self.span = span
    }

    var expression: Expression {
        make(.method(.getTag, operand.expression, [argument.expression]))
    }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        let first = try operand.value(environment)
        let second = try argument.value(environment)
        guard case .entity(let uid) = first else { throw operand.mismatch(first, .entity) }
        guard case .string(let tag) = second else { throw argument.mismatch(second, .string) }
        guard let stored = environment.entity(uid) else {
            throw operand.error(.entityDoesNotExist(uid))
        }
        guard let value = stored.entity.tags[tag] else {
            throw error(.entityTagDoesNotExist(entity: uid, tag: tag))
        }
        return value
    }
}

final class HasTagNode: BooleanNode {
    private let operand: any Node
    private let argument: any Node
    let span: SourceSpan

    init(_ operand: any Node, _ argument: any Node, _ span: SourceSpan) {
        self.operand = operand
        self.argument = argument
        self.span = span
    }

    var expression: Expression {
        make(.method(.hasTag, operand.expression, [argument.expression]))
    }

    func holds(_ environment: Environment) throws(EvaluationError) -> Bool {
        let first = try operand.value(environment)
        let second = try argument.value(environment)
        guard case .entity(let uid) = first else { throw operand.mismatch(first, .entity) }
        guard case .string(let tag) = second else { throw argument.mismatch(second, .string) }
        return environment.entity(uid)?.entity.tags.contains(key: tag) == true
    }
}

final class ExtensionCallNode: Node {
    private let function: ExtensionFunction
    private let arguments: [any Node]
    let span: SourceSpan

    init(_ function: ExtensionFunction, _ arguments: [any Node], _ span: SourceSpan) {
        self.function = function
        self.arguments = arguments
        self.span = span
    }

    var expression: Expression { make(.extensionCall(function, arguments.map(\.expression))) }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        var values: [Value] = []
        values.reserveCapacity(arguments.count)
        for argument in arguments { values.append(try argument.value(environment)) }
        do throws(EvaluationError.Kind) {
            return try function.call(values)
        } catch {
            throw self.error(error)
        }
    }
}

final class SetNode: Node {
    private let elements: [any Node]
    let span: SourceSpan

    init(_ elements: [any Node], _ span: SourceSpan) {
        self.elements = elements
        self.span = span
    }

    var expression: Expression { make(.set(elements.map(\.expression))) }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        var values: [Value] = []
        values.reserveCapacity(elements.count)
        for element in elements { values.append(try element.value(environment)) }
        return .set(ValueSet(values))
    }
}

final class RecordNode: Node {
    private struct Field: Sendable {
        let key: String
        let value: any Node
    }

    /// In the order written.
    private let fields: [Field]
    /// Upstream evaluates in the order of the keys, which decides what error comes first.
    private let order: [Int]
    let span: SourceSpan

    init(_ fields: [(String, any Node)], _ span: SourceSpan) {
        self.fields = fields.map { Field(key: $0.0, value: $0.1) }
        order = fields.indices.sorted { Bytes.precedes(fields[$0].0, fields[$1].0) }
        self.span = span
    }

    var expression: Expression {
        make(.record(fields.map { .init(key: $0.key, value: $0.value.expression) }))
    }

    func value(_ environment: Environment) throws(EvaluationError) -> Value {
        var pairs: [(String, Value)] = []
        pairs.reserveCapacity(fields.count)
        for place in order {
            pairs.append((fields[place].key, try fields[place].value.value(environment)))
        }
        return .record(Value.Record(pairs))
    }
}
