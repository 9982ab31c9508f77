// SPDX-License-Identifier: Apache-2.0

/// One node of a policy's condition, as it was written.
///
/// Chains of `&&`, `||`, `+`, `-` and `*` are one node however long they are, so that only real
/// nesting makes an expression deep.
public struct Expression: Sendable {
    /// What kind of expression it is, with its parts.
    public indirect enum Kind: Sendable {
        /// A boolean, integer, text or entity.
        case literal(Value)
        /// `principal`, `action`, `resource` or `context`.
        case variable(Variable)
        /// `if … then … else …`.
        case conditional(Expression, then: Expression, else: Expression)
        /// Two or more operands joined by `&&`, from left to right.
        case and([Expression])
        /// Two or more operands joined by `||`, from left to right.
        case or([Expression])
        /// `!…`.
        case not(Expression)
        /// `-…`.
        case negate(Expression)
        /// Two operands of `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`.
        case relation(Relation, Expression, Expression)
        /// A first operand and one or more others, from left to right.
        case arithmetic(Expression, [ArithmeticTerm])
        /// `….name` or `…["name"]`.
        case attribute(Expression, String)
        /// `… has a.b.c` or `… has "name"`; at least one name.
        case has(Expression, [String])
        /// `… like "…"`.
        case like(Expression, Pattern)
        /// `… is Type`, or `… is Type in …`.
        case isType(Expression, String, in: Expression?)
        /// A method that is part of the language.
        case method(Method, Expression, [Expression])
        /// A call of an extension function or method; a method's receiver comes first.
        case extensionCall(ExtensionFunction, [Expression])
        /// `[…]`.
        case set([Expression])
        /// `{…}`, in the order written; each key once.
        case record([RecordField])
    }

    /// The four variables.
    public enum Variable: String, Sendable, Hashable, CaseIterable {
        /// The parts of a request.
        case principal, action, resource, context
    }

    /// Operators that take two operands and do not chain.
    public enum Relation: String, Sendable, Hashable {
        /// Same type and content.
        case equal = "=="
        /// Not the same.
        case notEqual = "!="
        /// Smaller, of integers, instants and spans of time.
        case less = "<"
        /// Smaller or the same.
        case lessOrEqual = "<="
        /// Greater.
        case greater = ">"
        /// Greater or the same.
        case greaterOrEqual = ">="
        /// The same entity, or a descendant of it.
        case `in` = "in"
    }

    /// Operators of integers.
    public enum Arithmetic: String, Sendable, Hashable {
        /// Addition.
        case add = "+"
        /// Subtraction.
        case subtract = "-"
        /// Multiplication.
        case multiply = "*"
    }

    /// An operator with its right operand.
    public struct ArithmeticTerm: Sendable {
        /// The operator.
        public let operation: Arithmetic
        /// The right operand.
        public let operand: Expression
    }

    /// Methods that are part of the language.
    public enum Method: String, Sendable, Hashable, CaseIterable {
        /// Questions on sets.
        case contains, containsAll, containsAny, isEmpty
        /// Tags of entities (RFC 82).
        case getTag, hasTag

        /// The number of arguments beside the receiver.
        public var arity: Int { self == .isEmpty ? 0 : 1 }
    }

    /// One key with its expression.
    public struct RecordField: Sendable {
        /// The key.
        public let key: String
        /// What its value is.
        public let value: Expression
    }

    /// What kind of expression it is, with its parts.
    public let kind: Kind
    /// Where it was written.
    public let span: SourceSpan
    /// The levels of nesting, 1 for a literal.
    public let depth: Int

    init(_ kind: Kind, at span: SourceSpan) {
        self.kind = kind
        self.span = span
        var levels = 1
        // `has a.b.c` looks into an attribute of an attribute.
        if case .has(_, let path) = kind { levels = max(path.count, 1) }
        depth = levels + (kind.children.map(\.depth).max() ?? 0)
    }

    /// The expressions directly within this one, in the order written.
    public var children: [Expression] { kind.children }

    /// Visits this expression and all within it, each before its parts.
    public func walk(_ visit: (Expression) -> Void) {
        visit(self)
        for child in children { child.walk(visit) }
    }
}

extension Expression.Kind {
    fileprivate var children: [Expression] {
        switch self {
        case .literal, .variable: []
        case .conditional(let test, let first, let second): [test, first, second]
        case .and(let operands), .or(let operands), .set(let operands),
            .extensionCall(_, let operands):
            operands
        case .not(let operand), .negate(let operand), .attribute(let operand, _),
            .has(let operand, _), .like(let operand, _):
            [operand]
        case .relation(_, let left, let right): [left, right]
        case .arithmetic(let first, let rest): [first] + rest.map(\.operand)
        case .isType(let operand, _, let container): [operand] + (container.map { [$0] } ?? [])
        case .method(_, let receiver, let arguments): [receiver] + arguments
        case .record(let fields): fields.map(\.value)
        }
    }
}
