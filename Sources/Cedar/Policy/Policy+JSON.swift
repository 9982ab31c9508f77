// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

extension Policy {
    /// The policy in the JSON format of Cedar, as the reference implementation writes it.
    ///
    /// - Throws: `JSONShapeError` where that would nest more deeply than JSON is read: chains of
    ///   operators nest there, one level for each operator.
    public var json: JSON {
        get throws(JSONShapeError) {
            try PolicyJSON.render(
                effect, Template.Constraint(scope.principal).json("principal"), scope.action,
                Template.Constraint(scope.resource).json("resource"), conditions, annotations)
        }
    }
}

extension Template {
    /// The template in the JSON format of Cedar, as the reference implementation writes it.
    ///
    /// - Throws: `JSONShapeError` where that would nest more deeply than JSON is read.
    public var json: JSON {
        get throws(JSONShapeError) {
            try PolicyJSON.render(
                effect, principal.json("principal"), action, resource.json("resource"),
                conditions, annotations)
        }
    }
}

private enum PolicyJSON {
    static func render(
        _ effect: Policy.Effect, _ principal: JSON, _ action: ActionConstraint, _ resource: JSON,
        _ conditions: [Policy.Condition], _ annotations: [Policy.Annotation]
    ) throws(JSONShapeError) -> JSON {
        var written: [JSON] = []
        for condition in conditions {
            guard ExpressionJSON.size(of: condition.body) <= ExpressionJSON.maximumSize else {
                throw JSONShapeError(
                    path: "conditions", message: "too large for JSON, split the policy")
            }
            let body = try ExpressionJSON(depth: 0).render(condition.body)
            written.append(["kind": .string(condition.kind.rawValue), "body": body])
        }
        var members: [(String, JSON)] = [
            ("effect", .string(effect.rawValue)), ("principal", principal),
            ("action", action.json), ("resource", resource), ("conditions", .array(written)),
        ]
        if !annotations.isEmpty {
            let pairs = annotations.map { annotation in
                (annotation.name, annotation.hasValue ? JSON.string(annotation.value) : .null)
            }
            members.append(("annotations", .object(JSONObject(pairs))))
        }
        return .object(JSONObject(members))
    }
}

extension Template.Constraint {
    fileprivate func json(_ part: String) -> JSON {
        func member(_ reference: Template.Reference) -> (String, JSON) {
            switch reference {
            case .entity(let uid): ("entity", uid.json)
            case .slot: ("slot", .string("?\(part)"))
            }
        }
        switch self {
        case .any: return ["op": "All"]
        case .equal(let other): return .object(JSONObject([("op", "=="), member(other)]))
        case .in(let other): return .object(JSONObject([("op", "in"), member(other)]))
        case .is(let type): return ["op": "is", "entity_type": .string(type)]
        case .isIn(let type, let other):
            return [
                "op": "is", "entity_type": .string(type),
                "in": .object(JSONObject([member(other)])),
            ]
        }
    }
}

extension ActionConstraint {
    fileprivate var json: JSON {
        switch self {
        case .any: ["op": "All"]
        case .equal(let uid): ["op": "==", "entity": uid.json]
        case .in(let uids):
            uids.count == 1
                ? ["op": "in", "entity": uids[0].json]
                : ["op": "in", "entities": .array(uids.map(\.json))]
        }
    }
}

/// Renders expressions, counting how deep the result nests.
private struct ExpressionJSON {
    /// Each level is up to three levels of JSON, of which 512 can be read.
    private static let maximumDepth = 160
    /// Expressions in one condition.
    static let maximumSize = 1_000_000

    /// The number of expressions that are written; never less than it, and at most twice the limit.
    ///
    /// `has a.b` writes what it is about once for each name, so that this may double with each
    /// level of nesting.
    static func size(of expression: Expression) -> Int {
        var size = 1
        for child in expression.children {
            size = min(size + self.size(of: child), maximumSize * 2)
        }
        guard case .has(_, let path) = expression.kind else { return size }
        let (product, isOverflow) = size.multipliedReportingOverflow(by: path.count)
        return isOverflow ? maximumSize * 2 : min(product, maximumSize * 2)
    }

    let depth: Int

    private func deeper(_ levels: Int = 1) throws(JSONShapeError) -> ExpressionJSON {
        guard depth + levels <= Self.maximumDepth else {
            throw JSONShapeError(
                path: "conditions", message: "too deep for JSON, split the policy")
        }
        return ExpressionJSON(depth: depth + levels)
    }

    func render(_ expression: Expression) throws(JSONShapeError) -> JSON {
        let inner = try deeper()
        switch expression.kind {
        case .literal(let value): return ["Value": try value.json]
        case .variable(let variable): return ["Var": .string(variable.rawValue)]
        case .conditional(let test, let first, let second):
            return [
                "if-then-else": [
                    "if": try inner.render(test), "then": try inner.render(first),
                    "else": try inner.render(second),
                ]
            ]
        case .and(let operands):
            return try chain(operands, Array(repeating: "&&", count: operands.count - 1))
        case .or(let operands):
            return try chain(operands, Array(repeating: "||", count: operands.count - 1))
        case .not(let operand): return ["!": ["arg": try inner.render(operand)]]
        case .negate(let operand): return ["neg": ["arg": try inner.render(operand)]]
        case .relation(let relation, let left, let right):
            return Self.binary(
                relation.rawValue, try inner.render(left), try inner.render(right))
        case .arithmetic(let first, let terms):
            return try chain([first] + terms.map(\.operand), terms.map(\.operation.rawValue))
        case .attribute(let operand, let name):
            return [".": ["left": try inner.render(operand), "attr": .string(name)]]
        case .has(let operand, let path): return try has(operand, path)
        case .like(let operand, let pattern):
            return ["like": ["left": try inner.render(operand), "pattern": pattern.json]]
        case .isType(let operand, let type, let container):
            var members: [(String, JSON)] = [
                ("left", try inner.render(operand)), ("entity_type", .string(type)),
            ]
            if let container { members.append(("in", try inner.render(container))) }
            return ["is": .object(JSONObject(members))]
        case .method, .extensionCall, .set, .record: return try inner.compound(expression)
        }
    }

    /// The parts are one level deeper than the expression already.
    private func compound(_ expression: Expression) throws(JSONShapeError) -> JSON {
        switch expression.kind {
        case .method(let method, let receiver, let arguments):
            let left = try render(receiver)
            guard let argument = arguments.first else {
                return .object(JSONObject([(method.rawValue, JSON.object(["arg": left]))]))
            }
            return Self.binary(method.rawValue, left, try render(argument))
        case .extensionCall(let function, let arguments):
            return .object(JSONObject([(function.rawValue, try array(arguments))]))
        case .set(let elements): return ["Set": try array(elements)]
        case .record(let fields):
            var pairs: [(String, JSON)] = []
            for field in fields { pairs.append((field.key, try render(field.value))) }
            return ["Record": .object(JSONObject(pairs))]
        default: return try render(expression)
        }
    }

    private func array(_ expressions: [Expression]) throws(JSONShapeError) -> JSON {
        var rendered: [JSON] = []
        for expression in expressions { rendered.append(try render(expression)) }
        return .array(rendered)
    }

    private static func binary(_ operation: String, _ left: JSON, _ right: JSON) -> JSON {
        .object(JSONObject([(operation, JSON.object(["left": left, "right": right]))]))
    }

    /// Operators associate to the left.
    private func chain(
        _ operands: [Expression], _ operations: [String]
    ) throws(JSONShapeError) -> JSON {
        let inner = try deeper(operations.count)
        var result = try inner.render(operands[0])
        for (operation, operand) in zip(operations, operands.dropFirst()) {
            result = Self.binary(operation, result, try inner.render(operand))
        }
        return result
    }

    private func has(_ operand: Expression, _ path: [String]) throws(JSONShapeError) -> JSON {
        let inner = try deeper(path.count)
        var target = try inner.render(operand)
        var result: JSON?
        for name in path {
            let one: JSON = ["has": ["left": target, "attr": .string(name)]]
            result = result.map { Self.binary("&&", $0, one) } ?? one
            target = [".": ["left": target, "attr": .string(name)]]
        }
        return result ?? .null
    }
}

extension Pattern {
    fileprivate var json: JSON {
        .array(
            elements.map { element in
                switch element {
                case .wildcard: JSON.string("Wildcard")
                case .scalar(let scalar):
                    JSON.object(["Literal": .string(String(Character(scalar)))])
                }
            })
    }
}
