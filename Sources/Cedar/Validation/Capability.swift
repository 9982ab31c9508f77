// SPDX-License-Identifier: Apache-2.0

/// That an attribute or a tag is known to be there, because something has asked for it.
///
/// It is about an expression as it stands: `context.a` and `context["a"]` are the same one, and so
/// are operators and what the language defines them as.
struct Capability: Hashable {
    /// The expression, what is asked for, and whether that is an attribute or a tag.
    private let key: [UInt8]

    /// The length of the key; about as long as the expression.
    var size: Int { key.count }

    init(_ target: Expression, attribute: String) {
        var writer = ShapeWriter()
        writer.write(target)
        writer.write("a", attribute)
        key = writer.bytes
    }

    init(_ target: Expression, tag: Expression) {
        var writer = ShapeWriter()
        writer.write(target)
        writer.write("t", "")
        writer.write(tag)
        key = writer.bytes
    }
}

/// Stands for a capability; sets of these are cheap to compare and join.
struct CapabilityID: Hashable {
    fileprivate let number: Int
}

/// The capabilities that have come up in one policy.
struct CapabilityTable {
    private var ids: [Capability: CapabilityID] = [:]

    mutating func id(_ capability: Capability) -> CapabilityID {
        if let known = ids[capability] { return known }
        let id = CapabilityID(number: ids.count)
        ids[capability] = id
        return id
    }
}

/// Writes expressions in prefix notation, so that equal bytes mean equal expressions.
private struct ShapeWriter {
    private(set) var bytes: [UInt8] = []

    /// Text that cannot run into what follows: UTF-8 never holds the byte at its end.
    mutating func write(_ tag: StaticString, _ text: String) {
        tag.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: text.utf8)
        bytes.append(0xFF)
    }

    private mutating func chain(_ operations: [String], _ operands: [Expression]) {
        // To the left, as operators associate: the last one comes first.
        for operation in operations.reversed() { write("o", operation) }
        for operand in operands { write(operand) }
    }

    private mutating func count(_ tag: StaticString, _ operands: [Expression]) {
        write(tag, String(operands.count))
        for operand in operands { write(operand) }
    }

    mutating func write(_ expression: Expression) {
        switch expression.kind {
        case .literal(let value): write("l", "\(value)")
        case .variable(let variable): write("v", variable.rawValue)
        case .conditional(let test, let first, let second): count("i", [test, first, second])
        case .and(let operands):
            chain(Array(repeating: "&&", count: operands.count - 1), operands)
        case .or(let operands):
            chain(Array(repeating: "||", count: operands.count - 1), operands)
        case .not(let operand): count("!", [operand])
        case .negate(let operand): count("-", [operand])
        case .relation(let relation, let left, let right): self.relation(relation, left, right)
        case .arithmetic(let first, let terms):
            chain(terms.map(\.operation.rawValue), [first] + terms.map(\.operand))
        case .attribute(let target, let name):
            write(".", name)
            write(target)
        case .has(let target, let path):
            // Not spelled out, which would double with each level of nesting.
            write("h", String(path.count))
            for name in path { write("n", name) }
            write(target)
        case .isType(let target, let type, let container):
            write("s", type)
            count("(", [target] + (container.map { [$0] } ?? []))
        case .like(let target, let pattern):
            write("k", pattern.description)
            write(target)
        case .method(let method, let receiver, let arguments):
            write("m", method.rawValue)
            count("(", [receiver] + arguments)
        case .extensionCall(let function, let arguments):
            write("x", function.rawValue)
            count("(", arguments)
        case .set(let elements): count("[", elements)
        case .record(let fields):
            write("{", String(fields.count))
            for field in fields.sorted(by: { Bytes.precedes($0.key, $1.key) }) {
                write(":", field.key)
                write(field.value)
            }
        }
    }

    private mutating func relation(
        _ relation: Expression.Relation, _ left: Expression, _ right: Expression
    ) {
        switch relation {
        case .equal, .less, .lessOrEqual, .in: chain([relation.rawValue], [left, right])
        case .notEqual:
            write("!", "1")
            chain(["=="], [left, right])
        case .greater:
            write("!", "1")
            chain(["<="], [left, right])
        case .greaterOrEqual:
            write("!", "1")
            chain(["<"], [left, right])
        }
    }
}

extension Expression {
    /// What `has a.b.c` and `is … in …` stand for: all of these, from left to right (RFC 62).
    var conjuncts: [Expression] {
        switch kind {
        case .has(let target, let path):
            var operands: [Expression] = []
            var inner = target
            for name in path {
                operands.append(Expression(.has(inner, [name]), at: span))
                inner = Expression(.attribute(inner, name), at: span)
            }
            return operands
        case .isType(let target, let type, in: let container?):
            return [
                Expression(.isType(target, type, in: nil), at: span),
                Expression(.relation(.in, target, container), at: span),
            ]
        default: return [self]
        }
    }
}
