// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension JSONPathParser {
    /// `logical-or-expr`; `&&` binds more tightly.
    mutating func parseFilter() throws(Failure) -> JSONPathFilter {
        var alternatives = [try parseConjunction()]
        while takeAfterSpace("||") { alternatives.append(try parseConjunction()) }
        return alternatives.count == 1 ? alternatives[0] : .any(alternatives)
    }

    private mutating func parseConjunction() throws(Failure) -> JSONPathFilter {
        var conditions = [try parseCondition()]
        while takeAfterSpace("&&") { conditions.append(try parseCondition()) }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    /// Takes an operator and the space around it, or nothing.
    private mutating func takeAfterSpace(_ text: StaticString) -> Bool {
        let start = at
        skipSpace()
        guard take(text) else {
            at = start
            return false
        }
        skipSpace()
        return true
    }

    private mutating func parseCondition() throws(Failure) -> JSONPathFilter {
        if peek == UInt8(ascii: "!"), !isNext("!=") {
            at += 1
            skipSpace()
            if let inner = try parseParentheses() { return .not(inner) }
            return .not(try parseTest(try parseTerm()))
        }
        if let inner = try parseParentheses() { return inner }
        let start = at
        let left = try parseTerm()
        guard let comparison = parseOperator() else { return try parseTest(left) }
        let leftOperand = try operand(left, at: start)
        let middle = at
        let right = try parseTerm()
        return .comparison(leftOperand, comparison, try operand(right, at: middle))
    }

    private mutating func parseParentheses() throws(Failure) -> JSONPathFilter? {
        guard take("(") else { return nil }
        return try nested { parser throws(Failure) in
            parser.skipSpace()
            let inner = try parser.parseFilter()
            parser.skipSpace()
            guard parser.take(")") else { throw parser.failure("expected `)`") }
            return inner
        }
    }

    private mutating func parseOperator() -> JSONPathFilter.Operator? {
        let operators: [(StaticString, JSONPathFilter.Operator)] = [
            ("==", .equal), ("!=", .notEqual), ("<=", .lessOrEqual), (">=", .greaterOrEqual),
            ("<", .less), (">", .greater),
        ]
        for (text, comparison) in operators where takeAfterSpace(text) { return comparison }
        return nil
    }

    // MARK: Terms and their types (§2.4.3)

    /// Anything that can stand on one side of a comparison, in a test or as an argument.
    private enum Term {
        case literal(JSON)
        case query(JSONPathQuery)
        /// A function that gives a value.
        case value(JSONPathOperand)
        /// A function that gives true or false.
        case logical(JSONPathFilter)
    }

    private func parseTest(_ term: Term) throws(Failure) -> JSONPathFilter {
        switch term {
        case .query(let query): return .exists(query)
        case .logical(let filter): return filter
        case .literal: throw failure("a literal alone is no condition, compare it")
        case .value: throw failure("the function gives a value, compare it")
        }
    }

    private func operand(_ term: Term, at start: Int) throws(Failure) -> JSONPathOperand {
        switch term {
        case .literal(let value): return .literal(value)
        case .value(let operand): return operand
        case .query(let query):
            guard query.isSingular else {
                throw Failure(
                    offset: start,
                    message:
                        "the query can select several values: use only names and indices, "
                        + "without space in the brackets"
                )
            }
            return .value(query)
        case .logical:
            throw Failure(
                offset: start, message: "the function gives true or false, and is not compared")
        }
    }

    private func query(_ term: Term, at start: Int) throws(Failure) -> JSONPathQuery {
        guard case .query(let query) = term else {
            throw Failure(offset: start, message: "the function takes a query")
        }
        return query
    }

    private mutating func parseTerm() throws(Failure) -> Term {
        switch peek {
        case UInt8(ascii: "@"), UInt8(ascii: "$"):
            let isRelative = peek == UInt8(ascii: "@")
            at += 1
            return .query(
                JSONPathQuery(isRelative: isRelative, segments: try parseSegments()))
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .literal(.string(try parseString()))
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
            return .literal(.number(try parseNumber()))
        case .some(UInt8(ascii: "a")...UInt8(ascii: "z")): return try parseWord()
        default:
            throw failure("expected `@`, `$`, a literal, a function, `!` or `(`")
        }
    }

    private mutating func parseWord() throws(Failure) -> Term {
        let start = at
        while let byte = peek,
            Self.isDigit(byte) || byte == UInt8(ascii: "_")
                || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z"))
        {
            at += 1
        }
        let word = String(decoding: bytes[start..<at], as: UTF8.self)
        if take("(") {
            return try nested { parser throws(Failure) in
                try parser.parseFunction(word, at: start)
            }
        }
        switch word {
        case "true": return .literal(true)
        case "false": return .literal(false)
        case "null": return .literal(.null)
        default:
            at = start
            throw failure("expected `true`, `false`, `null` or a function")
        }
    }

    private mutating func parseFunction(_ name: String, at start: Int) throws(Failure) -> Term {
        skipSpace()
        var arguments: [(term: Term, at: Int)] = []
        if peek != UInt8(ascii: ")") {
            repeat {
                skipSpace()
                let place = at
                arguments.append((try parseTerm(), place))
                skipSpace()
            } while take(",")
        }
        guard take(")") else { throw failure("expected `,` or `)`") }
        let counts = ["length": 1, "count": 1, "value": 1, "match": 2, "search": 2]
        guard let count = counts[name] else {
            throw Failure(
                offset: start,
                message: "unknown function: use `length`, `count`, `match`, `search` or `value`")
        }
        guard arguments.count == count else {
            throw Failure(
                offset: start,
                message: "the function takes \(count == 1 ? "one argument" : "two arguments")")
        }
        let first = arguments[0]
        switch name {
        case "length": return .value(.length(try operand(first.term, at: first.at)))
        case "count": return .value(.count(try query(first.term, at: first.at)))
        case "value": return .value(.single(try query(first.term, at: first.at)))
        default:
            return .logical(
                .matches(
                    JSONPathMatch(
                        subject: try operand(first.term, at: first.at),
                        pattern: try pattern(arguments[1].term, at: arguments[1].at),
                        isSearch: name == "search")))
        }
    }

    private func pattern(_ term: Term, at start: Int) throws(Failure) -> JSONPathMatch.Pattern {
        let operand = try operand(term, at: start)
        guard case .literal(.string(let text)) = operand else { return .computed(operand) }
        do {
            return .literal(try IRegexp(text))
        } catch {
            throw Failure(offset: start, message: error.description)
        }
    }
}
