// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension JSONPathEvaluation {
    mutating func isTrue(_ filter: JSONPathFilter, _ current: JSON) throws(Failure) -> Bool {
        try charge(1)
        switch filter {
        case .any(let filters):
            for filter in filters where try isTrue(filter, current) { return true }
            return false
        case .all(let filters):
            for filter in filters where try !isTrue(filter, current) { return false }
            return true
        case .not(let filter): return try !isTrue(filter, current)
        case .exists(let query): return try exists(query, current)
        case .comparison(let left, let comparison, let right):
            return try compare(try value(left, current), comparison, try value(right, current))
        case .matches(let match): return try isTrue(match, current)
        }
    }

    /// What an operand stands for; `nil` is the Nothing of the RFC.
    private mutating func value(
        _ operand: JSONPathOperand, _ current: JSON
    ) throws(Failure) -> JSON? {
        switch operand {
        case .literal(let value): return value
        case .value(let query), .single(let query): return try single(query, current)
        case .count(let query): return .int(try count(query, current))
        case .length(let operand):
            switch try value(operand, current) {
            case .string(let text)?:
                try charge(text.utf8.count / 16)
                return .int(text.unicodeScalars.count)
            case .array(let elements)?: return .int(elements.count)
            case .object(let members)?: return .int(members.count)
            case .null?, .bool?, .number?, nil: return Optional.none
            }
        }
    }

    private mutating func isTrue(
        _ match: JSONPathMatch, _ current: JSON
    ) throws(Failure) -> Bool {
        let pattern: IRegexp
        switch match.pattern {
        case .literal(let compiled): pattern = compiled
        case .computed(let operand):
            guard case .string(let text)? = try value(operand, current),
                let compiled = try compiled(text)
            else { return false }
            pattern = compiled
        }
        guard case .string(let text)? = try value(match.subject, current) else { return false }
        try charge(pattern.states.count / 16)
        return try pattern.matches(text, isSearch: match.isSearch) { work throws(Failure) in
            try charge(work)
        }
    }

    // MARK: Comparison (§2.3.5.2.2)

    private mutating func compare(
        _ left: JSON?, _ comparison: JSONPathFilter.Operator, _ right: JSON?
    ) throws(Failure) -> Bool {
        switch comparison {
        case .equal: try areEqual(left, right)
        case .notEqual: try !areEqual(left, right)
        case .less: try precedes(left, right)
        case .greater: try precedes(right, left)
        case .lessOrEqual:
            if try precedes(left, right) { true } else { try areEqual(left, right) }
        case .greaterOrEqual:
            if try precedes(right, left) { true } else { try areEqual(left, right) }
        }
    }

    private mutating func areEqual(_ left: JSON?, _ right: JSON?) throws(Failure) -> Bool {
        guard let left, let right else {
            return left == Optional.none && right == Optional.none
        }
        return try areSame(left, right)
    }

    /// Equality as ``CanonicalJSON/JSON`` has it, with every value charged: two large values can
    /// be compared for every element of a list.
    private mutating func areSame(_ left: JSON, _ right: JSON) throws(Failure) -> Bool {
        try charge(1)
        switch (left, right) {
        case (.array(let left), .array(let right)):
            guard left.count == right.count else { return false }
            for (left, right) in zip(left, right) where try !areSame(left, right) {
                return false
            }
            return true
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            for (left, right) in zip(left, right) {
                guard UTF8Bytes.areEqual(left.key, right.key) else { return false }
                guard try areSame(left.value, right.value) else { return false }
            }
            return true
        case (.string(let text), .string(let other)):
            guard text.utf8.count == other.utf8.count else { return false }
            try charge(text.utf8.count / 64)
            return UTF8Bytes.areEqual(text, other)
        default: return left == right
        }
    }

    /// Only numbers and strings have an order; strings that of their code points.
    private mutating func precedes(_ left: JSON?, _ right: JSON?) throws(Failure) -> Bool {
        switch (left, right) {
        case (.number(let left)?, .number(let right)?): return left < right
        case (.string(let left)?, .string(let right)?):
            try charge(min(left.utf8.count, right.utf8.count) / 64)
            return UTF8Bytes.precedes(left, right)
        default: return false
        }
    }
}
