// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON

/// Reads expressions in the JSON format of Cedar.
///
/// They have no places; the text that is made of them has.
struct ExpressionReader {
    /// How deeply expressions may nest in JSON, where chains of operators nest too.
    static let maximumDepth = 200

    private static let nowhere: SourceSpan = {
        let start = SourcePosition(offset: 0, line: 1, column: 1)
        return SourceSpan(start, start)
    }()

    private static func make(_ kind: Expression.Kind) -> Expression {
        Expression(kind, at: nowhere)
    }

    /// Reads an object with one member, which names the operator.
    static func read(_ json: JSON, path: String) throws(JSONShapeError) -> Expression {
        try within(.root(path), json, depth: 0)
    }

    /// Reads an expression at a place.
    ///
    /// Paths in errors get longer on the way out: spelled out on the way in, one long name around
    /// many expressions would cost the square of its length.
    private static func within(
        _ place: JSONPlace, _ json: JSON, depth: Int
    ) throws(JSONShapeError) -> Expression {
        do throws(JSONShapeError) {
            return try read(json, depth: depth)
        } catch {
            throw place.containing(error)
        }
    }

    private static func read(_ json: JSON, depth: Int) throws(JSONShapeError) -> Expression {
        guard depth < maximumDepth else {
            throw JSONShapeError(
                path: "", message: "expression is nested more than \(maximumDepth) levels deep")
        }
        guard let object = json.objectValue, object.count == 1, let member = object.first else {
            throw JSONShapeError(
                path: "", message: "expected an expression: an object with one member")
        }
        let reader = Operation(name: member.key, json: member.value, depth: depth + 1)
        do throws(JSONShapeError) {
            return make(try reader.kind())
        } catch {
            throw JSONPlace.member(.root(""), member.key).containing(error)
        }
    }

    /// One operator with what belongs to it.
    private struct Operation {
        let name: String
        let json: JSON
        let depth: Int

        func error(_ message: String) -> JSONShapeError {
            JSONShapeError(path: "", message: message)
        }

        private func read(_ json: JSON, _ key: String) throws(JSONShapeError) -> Expression {
            try ExpressionReader.within(.member(.root(""), key), json, depth: depth)
        }

        private func read(all elements: [JSON]) throws(JSONShapeError) -> [Expression] {
            var expressions: [Expression] = []
            for (index, element) in elements.enumerated() {
                expressions.append(
                    try ExpressionReader.within(
                        .element(.root(""), index), element, depth: depth))
            }
            return expressions
        }

        func kind() throws(JSONShapeError) -> Expression.Kind {
            switch name {
            case "Value": return try value(json, .root(""), depth).kind
            case "Var":
                guard let name = json.stringValue,
                    let variable = Expression.Variable(rawValue: name)
                else { throw error("expected `principal`, `action`, `resource` or `context`") }
                return .variable(variable)
            case "Slot": throw error("slots stand in the scope, not in conditions")
            case "!": return .not(try argument())
            case "neg": return .negate(try argument())
            case "&&", "||", "+", "-", "*": return try chain()
            case ".": return try attribute()
            case "has": return try has()
            case "like": return try like()
            case "is": return try isType()
            case "if-then-else": return try conditional()
            case "Set":
                guard let elements = json.arrayValue else { throw error("expected an array") }
                return .set(try read(all: elements))
            case "Record": return try record()
            default: return try relationOrCall()
            }
        }

        private func argument() throws(JSONShapeError) -> Expression {
            var reader = try JSONReader(json)
            let argument = try reader.value("arg")
            try reader.finish()
            return try read(argument, "arg")
        }

        private func operands() throws(JSONShapeError) -> (Expression, Expression) {
            var reader = try JSONReader(json)
            let left = try reader.value("left")
            let right = try reader.value("right")
            try reader.finish()
            return (try read(left, "left"), try read(right, "right"))
        }

        /// Operators that associate to the left make one chain, as in text.
        private func chain() throws(JSONShapeError) -> Expression.Kind {
            let (left, right) = try operands()
            switch (name, left.kind) {
            case ("&&", .and(let operands)): return .and(operands + [right])
            case ("&&", _): return .and([left, right])
            case ("||", .or(let operands)): return .or(operands + [right])
            case ("||", _): return .or([left, right])
            default: break
            }
            let operation = Expression.Arithmetic(rawValue: name) ?? .add
            let term = Expression.ArithmeticTerm(operation: operation, operand: right)
            if case .arithmetic(let first, let terms) = left.kind,
                (terms.first?.operation == .multiply) == (operation == .multiply)
            {
                return .arithmetic(first, terms + [term])
            }
            return .arithmetic(left, [term])
        }

        private func relationOrCall() throws(JSONShapeError) -> Expression.Kind {
            if let relation = Expression.Relation(rawValue: name) {
                let (left, right) = try operands()
                return .relation(relation, left, right)
            }
            if let method = Expression.Method(rawValue: name) {
                if method.arity == 0 { return .method(method, try argument(), []) }
                let (left, right) = try operands()
                return .method(method, left, [right])
            }
            guard let function = ExtensionFunction(rawValue: name) else {
                throw error("`\(name.cedarEscaped)` is not an operator or a function")
            }
            guard let elements = json.arrayValue else { throw error("expected an array") }
            guard function.isFunction || !elements.isEmpty else {
                throw error("`\(name)` is a method and needs a receiver")
            }
            return .extensionCall(function, try read(all: elements))
        }

        private func conditional() throws(JSONShapeError) -> Expression.Kind {
            var reader = try JSONReader(json)
            let test = try reader.value("if")
            let first = try reader.value("then")
            let second = try reader.value("else")
            try reader.finish()
            return .conditional(
                try read(test, "if"), then: try read(first, "then"),
                else: try read(second, "else"))
        }

        private func attribute() throws(JSONShapeError) -> Expression.Kind {
            var reader = try JSONReader(json)
            let left = try reader.value("left")
            let name = try reader.string("attr")
            try reader.finish()
            return .attribute(try read(left, "left"), name)
        }

        private func has() throws(JSONShapeError) -> Expression.Kind {
            var reader = try JSONReader(json)
            let left = try reader.value("left")
            let attribute = try reader.value("attr")
            let names =
                attribute.stringValue == nil
                ? try reader.strings("attr") : [try reader.string("attr")]
            try reader.finish()
            let target = try read(left, "left")
            guard !names.isEmpty else { throw reader.error("attr", "name an attribute") }
            let kind = Expression.Kind.has(target, names)
            guard names.count > 1, !names.allSatisfy(TypeName.isPlainIdentifier) else {
                return kind
            }
            // Text has no extended form for names that need quotes.
            return .and(ExpressionReader.make(kind).conjuncts)
        }

        private func like() throws(JSONShapeError) -> Expression.Kind {
            var reader = try JSONReader(json)
            let left = try reader.value("left")
            let parts = try reader.array("pattern")
            try reader.finish()
            var elements: [Pattern.Element] = []
            for part in parts {
                if let word = part.stringValue, Bytes.equal(word, "Wildcard") {
                    elements.append(.wildcard)
                } else if let object = part.objectValue, object.count == 1,
                    let text = object["Literal"]?.stringValue
                {
                    elements += text.unicodeScalars.map { .scalar($0) }
                } else {
                    throw reader.error("pattern", "expected `\"Wildcard\"` or `{\"Literal\": …}`")
                }
            }
            return .like(try read(left, "left"), Pattern(elements))
        }

        private func isType() throws(JSONShapeError) -> Expression.Kind {
            var reader = try JSONReader(json)
            let left = try reader.value("left")
            let type = try reader.string("entity_type")
            let container = reader.optionalValue("in")
            try reader.finish()
            guard TypeName.isValid(type) else {
                throw reader.error("entity_type", "`\(type.cedarEscaped)` is not an entity type")
            }
            let target = try read(left, "left")
            return .isType(
                target, type,
                in: try container.map { json throws(JSONShapeError) in try read(json, "in") })
        }

        private func record() throws(JSONShapeError) -> Expression.Kind {
            guard let object = json.objectValue else { throw error("expected an object") }
            var fields: [Expression.RecordField] = []
            for (key, value) in object {
                fields.append(.init(key: key, value: try read(value, key)))
            }
            return .record(fields)
        }

        /// A literal, which may hold sets, records and calls of literals.
        private func value(
            _ json: JSON, _ place: JSONPlace, _ depth: Int
        ) throws(JSONShapeError) -> Expression {
            guard depth < ExpressionReader.maximumDepth else { throw error("value is too deep") }
            switch json {
            case .array(let elements):
                var values: [Expression] = []
                for (index, element) in elements.enumerated() {
                    values.append(try value(element, .element(place, index), depth + 1))
                }
                return ExpressionReader.make(.set(values))
            case .object(let object):
                if let call = object["__extn"], object.count == 1 {
                    return try self.call(call, place, depth)
                }
                let isReserved = object.contains { $0.key.hasPrefix("__e") }
                if isReserved {
                    return ExpressionReader.make(.literal(try Value(json: json, place: place)))
                }
                var fields: [Expression.RecordField] = []
                for (key, inner) in object {
                    fields.append(
                        .init(key: key, value: try value(inner, .member(place, key), depth + 1)))
                }
                return ExpressionReader.make(.record(fields))
            case .null, .bool, .number, .string:
                return ExpressionReader.make(.literal(try Value(json: json, place: place)))
            }
        }

        private func call(
            _ json: JSON, _ place: JSONPlace, _ depth: Int
        ) throws(JSONShapeError) -> Expression {
            let (function, arguments) = try place.reading { () throws(JSONShapeError) in
                try Self.parts(json)
            }
            var values: [Expression] = []
            for argument in arguments { values.append(try value(argument, place, depth + 1)) }
            return ExpressionReader.make(.extensionCall(function, values))
        }

        /// The function and the arguments of a call.
        private static func parts(
            _ json: JSON
        ) throws(JSONShapeError) -> (ExtensionFunction, [JSON]) {
            var reader = try JSONReader(json)
            let name = try reader.string("fn")
            let single = reader.optionalValue("arg").map { [$0] }
            let several = try reader.optionalArray("args")
            try reader.finish()
            guard let arguments = several ?? single, single == nil || several == nil else {
                throw reader.error("arg", "give `arg` or `args`")
            }
            guard let function = ExtensionFunction(rawValue: name),
                function.isFunction || !arguments.isEmpty
            else {
                throw reader.error("fn", "`\(name.cedarEscaped)` is not an extension function")
            }
            return (function, arguments)
        }
    }
}
