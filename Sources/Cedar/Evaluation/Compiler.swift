// SPDX-License-Identifier: Apache-2.0

/// Turns expressions into nodes that evaluate.
enum Compiler {
    static func compile(_ expression: Expression) -> any Node {
        let span = expression.span
        switch expression.kind {
        case .literal(let value): return ConstantNode(value, span)
        case .variable(let variable): return VariableNode(variable, span)
        case .conditional(let test, let first, let second):
            return ConditionalNode(compile(test), compile(first), compile(second), span)
        case .and(let operands):
            return JunctionNode(operands.map(compile), stopsAt: false, span)
        case .or(let operands):
            return JunctionNode(operands.map(compile), stopsAt: true, span)
        case .not(let operand): return NotNode(compile(operand), span)
        case .negate(let operand): return NegateNode(compile(operand), span)
        case .relation(let relation, let left, let right):
            return self.relation(relation, compile(left), compile(right), span)
        case .arithmetic(let first, let terms):
            return ArithmeticNode(
                compile(first), terms.map { ($0.operation, compile($0.operand)) }, span)
        case .attribute(let operand, let name):
            return AttributeNode(compile(operand), name, span)
        case .has(let operand, let path): return HasNode(compile(operand), path, span)
        case .like(let operand, let pattern): return LikeNode(compile(operand), pattern, span)
        case .isType(let operand, let type, let container):
            return IsNode(compile(operand), type, container.map(compile), span)
        case .method(let method, let receiver, let arguments):
            return self.method(method, compile(receiver), arguments.map(compile), span)
        case .extensionCall(let function, let arguments):
            return call(function, arguments.map(compile), expression)
        case .set(let elements): return set(elements.map(compile), expression)
        case .record(let fields):
            return record(fields.map { ($0.key, compile($0.value)) }, expression)
        }
    }

    private static func relation(
        _ relation: Expression.Relation, _ left: any Node, _ right: any Node, _ span: SourceSpan
    ) -> any Node {
        switch relation {
        case .equal: EqualNode(left, right, isNegated: false, span)
        case .notEqual: EqualNode(left, right, isNegated: true, span)
        case .less: OrderNode(left, right, .less, span)
        case .lessOrEqual: OrderNode(left, right, .lessOrEqual, span)
        case .greater: OrderNode(left, right, .greater, span)
        case .greaterOrEqual: OrderNode(left, right, .greaterOrEqual, span)
        case .in: InNode(left, right, span)
        }
    }

    private static func method(
        _ method: Expression.Method, _ receiver: any Node, _ arguments: [any Node],
        _ span: SourceSpan
    ) -> any Node {
        guard let argument = arguments.first else { return IsEmptyNode(receiver, span) }
        switch method {
        case .contains: return ContainsNode(receiver, argument, span)
        case .containsAll: return SetRelationNode(receiver, argument, .containsAll, span)
        case .containsAny: return SetRelationNode(receiver, argument, .containsAny, span)
        case .isEmpty: return IsEmptyNode(receiver, span)
        case .getTag: return GetTagNode(receiver, argument, span)
        case .hasTag: return HasTagNode(receiver, argument, span)
        }
    }

    // Literals that cannot fail are worked out now; what would fail keeps failing when evaluated.

    private static func constants(_ nodes: [any Node]) -> [Value]? {
        var values: [Value] = []
        values.reserveCapacity(nodes.count)
        for node in nodes {
            guard let value = node.constant else { return nil }
            values.append(value)
        }
        return values
    }

    private static func call(
        _ function: ExtensionFunction, _ arguments: [any Node], _ expression: Expression
    ) -> any Node {
        if let values = constants(arguments), let value = try? function.call(values) {
            return FoldedNode(value, expression)
        }
        return ExtensionCallNode(function, arguments, expression.span)
    }

    private static func set(_ elements: [any Node], _ expression: Expression) -> any Node {
        if let values = constants(elements) {
            return FoldedNode(.set(ValueSet(values)), expression)
        }
        return SetNode(elements, expression.span)
    }

    private static func record(
        _ fields: [(String, any Node)], _ expression: Expression
    ) -> any Node {
        if let values = constants(fields.map(\.1)) {
            let pairs = zip(fields, values).map { ($0.0, $1) }
            return FoldedNode(.record(Value.Record(pairs)), expression)
        }
        return RecordNode(fields, expression.span)
    }
}
