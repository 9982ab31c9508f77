// SPDX-License-Identifier: Apache-2.0

/// Writes expressions in Cedar syntax, with the parentheses they need and no others.
struct ExpressionPrinter {
    /// How tightly operators bind, loosest first.
    private enum Level: Int {
        case conditional, or, and, relation, sum, product, unary, member
    }

    static func text(_ expression: Expression) -> String {
        var printer = ExpressionPrinter()
        printer.write(expression, atLeast: .conditional)
        return printer.text
    }

    private var text = ""

    private mutating func write(_ expression: Expression, atLeast level: Level) {
        guard Self.level(of: expression).rawValue < level.rawValue else {
            write(expression)
            return
        }
        text += "("
        write(expression)
        text += ")"
    }

    private static func level(of expression: Expression) -> Level {
        switch expression.kind {
        case .conditional: .conditional
        case .or: .or
        case .and: .and
        case .relation, .has, .like, .isType: .relation
        case .arithmetic(_, let terms): terms.first?.operation == .multiply ? .product : .sum
        case .not, .negate: .unary
        case .literal(.long(let value)): value < 0 ? .unary : .member
        default: .member
        }
    }

    private mutating func write(_ expression: Expression) {
        switch expression.kind {
        case .literal(let value): text += value.description
        case .variable(let variable): text += variable.rawValue
        case .conditional(let test, let first, let second):
            text += "if "
            write(test, atLeast: .conditional)
            text += " then "
            write(first, atLeast: .conditional)
            text += " else "
            write(second, atLeast: .conditional)
        case .or(let operands): list(operands, " || ", atLeast: .and)
        case .and(let operands): list(operands, " && ", atLeast: .relation)
        case .not(let operand): unary("!", operand)
        case .negate(let operand): unary("-", operand)
        case .relation(let relation, let left, let right):
            write(left, atLeast: .sum)
            text += " \(relation.rawValue) "
            write(right, atLeast: .sum)
        case .arithmetic(let first, let terms):
            let inner: Level = terms.first?.operation == .multiply ? .unary : .product
            write(first, atLeast: inner)
            for term in terms {
                text += " \(term.operation.rawValue) "
                write(term.operand, atLeast: inner)
            }
        default: writeMember(expression)
        }
    }

    private mutating func writeMember(_ expression: Expression) {
        switch expression.kind {
        case .attribute(let target, let name):
            write(target, atLeast: .member)
            text += TypeName.isPlainIdentifier(name) ? ".\(name)" : "[\(name.cedarLiteral)]"
        case .has(let target, let path):
            write(target, atLeast: .sum)
            let plain = path.allSatisfy(TypeName.isPlainIdentifier)
            text += " has " + (plain ? path.joined(separator: ".") : path[0].cedarLiteral)
        case .like(let target, let pattern):
            write(target, atLeast: .sum)
            text += " like \(pattern)"
        case .isType(let target, let type, let container):
            write(target, atLeast: .sum)
            text += " is \(type)"
            if let container {
                text += " in "
                write(container, atLeast: .sum)
            }
        case .method(let method, let receiver, let arguments):
            call(method.rawValue, receiver, arguments)
        case .extensionCall(let function, let arguments):
            if function.isFunction {
                call(function.rawValue, nil, arguments)
            } else if let receiver = arguments.first {
                call(function.rawValue, receiver, Array(arguments.dropFirst()))
            }
        case .set(let elements):
            text += "["
            list(elements, ", ", atLeast: .conditional)
            text += "]"
        case .record(let fields):
            text += "{"
            for (place, field) in fields.enumerated() {
                text += place == 0 ? "" : ", "
                text +=
                    TypeName.isPlainIdentifier(field.key) ? field.key : field.key.cedarLiteral
                text += ": "
                write(field.value, atLeast: .conditional)
            }
            text += "}"
        default: break
        }
    }

    private mutating func list(
        _ expressions: [Expression], _ separator: String, atLeast level: Level
    ) {
        for (place, expression) in expressions.enumerated() {
            text += place == 0 ? "" : separator
            write(expression, atLeast: level)
        }
    }

    /// Signs are kept apart: `--1` and `-(1)` are not the same as the literal `-1`.
    private mutating func unary(_ sign: String, _ operand: Expression) {
        text += sign
        var needsParentheses = Self.level(of: operand).rawValue < Level.member.rawValue
        if case .literal(.long) = operand.kind { needsParentheses = true }
        text += needsParentheses ? "(" : ""
        write(operand)
        text += needsParentheses ? ")" : ""
    }

    private mutating func call(
        _ name: String, _ receiver: Expression?, _ arguments: [Expression]
    ) {
        if let receiver {
            write(receiver, atLeast: .member)
            text += "."
        }
        text += "\(name)("
        list(arguments, ", ", atLeast: .conditional)
        text += ")"
    }
}

extension Expression: CustomStringConvertible {
    /// The expression in Cedar syntax, on one line and without comments.
    public var description: String { ExpressionPrinter.text(self) }
}
