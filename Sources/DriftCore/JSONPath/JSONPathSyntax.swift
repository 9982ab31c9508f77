// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// A query of segments (RFC 9535 §2.1), from the root or, in filters, from the current value.
struct JSONPathQuery: Sendable {
    let isRelative: Bool
    let segments: [Segment]

    /// One step of the query.
    struct Segment: Sendable {
        /// Whether it is applied to the value and everything below (§2.5.2).
        let isDescendant: Bool
        let selectors: [Selector]
        /// Whether there is space within the brackets, which singular queries must not have.
        let hasSpace: Bool
    }

    /// What is selected from the children of one value (§2.3).
    enum Selector: Sendable {
        case name(String)
        case wildcard
        /// From 0, or negative from the end.
        case index(Int)
        case slice(start: Int?, end: Int?, step: Int)
        case filter(JSONPathFilter)
    }

    /// Whether it selects one value at most (§2.3.5.1).
    var isSingular: Bool {
        segments.allSatisfy { segment in
            guard !segment.isDescendant, !segment.hasSpace, segment.selectors.count == 1 else {
                return false
            }
            switch segment.selectors[0] {
            case .name, .index: return true
            case .wildcard, .slice, .filter: return false
            }
        }
    }
}

/// A logical expression (§2.3.5).
indirect enum JSONPathFilter: Sendable {
    case any([JSONPathFilter])
    case all([JSONPathFilter])
    case not(JSONPathFilter)
    case comparison(JSONPathOperand, Operator, JSONPathOperand)
    /// Whether the query selects anything.
    case exists(JSONPathQuery)
    case matches(JSONPathMatch)

    enum Operator: Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }
}

/// What is compared: a value, or the absence of one (§2.3.5.2.2).
indirect enum JSONPathOperand: Sendable {
    case literal(JSON)
    /// Of a singular query.
    case value(JSONPathQuery)
    /// The function `length`.
    case length(JSONPathOperand)
    /// The function `count`.
    case count(JSONPathQuery)
    /// The function `value`, of any query: its value if it selects exactly one.
    case single(JSONPathQuery)
}

/// The functions `match` and `search` (§2.4.6, §2.4.7).
struct JSONPathMatch: Sendable {
    let subject: JSONPathOperand
    let pattern: Pattern
    /// Whether a part of the text is enough.
    let isSearch: Bool

    enum Pattern: Sendable {
        case literal(IRegexp)
        /// Compiled when it is known.
        case computed(JSONPathOperand)
    }
}
