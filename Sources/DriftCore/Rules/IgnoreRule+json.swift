// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON

extension IgnoreRule {
    /// Before its end by so much, a rule is told to be expiring: two weeks.
    package static let noticeSeconds: Int64 = 14 * 86_400
    /// A rule that has hidden nothing for so long is an orphan: 30 days.
    package static let orphanSeconds: Int64 = 30 * 86_400
    /// The most values of a `oneOf`.
    package static let maximumValues = 64

    /// Reads one; unknown members are refused.
    package init(_ json: JSON, path: String = "rule") throws {
        var reader = try JSONReader(json, path: path)
        let selector: Selector
        switch (try reader.optionalString("pointer"), try reader.optionalString("jsonpath")) {
        case (let text?, nil): selector = .pointer(try JSONPointer(parsing: text))
        case (nil, let text?): selector = .path(try JSONPath(text))
        default: throw DriftError("`\(path)`: give exactly one of `pointer` and `jsonpath`")
        }
        var valueGuard: Guard?
        if var value = try reader.optionalObject("guard") {
            valueGuard = try Guard(&value)
            try value.finish()
        }
        try self.init(
            id: try reader.handle("id"), source: try reader.optionalHandle("source"),
            subject: try reader.string("subject"), selector: selector, valueGuard: valueGuard,
            reason: try reader.string("reason"), owner: try reader.handle("owner"),
            approvedBy: try reader.handle("approvedBy"),
            approvedAt: try reader.timestamp("approvedAt"),
            expires: try reader.timestamp("expires"))
        try reader.finish()
    }

    package var json: JSON {
        var object: JSONObject = [
            "approvedAt": .string(approvedAt.description),
            "approvedBy": .string(approvedBy.text), "expires": .string(expires.description),
            "id": .string(id.text), "owner": .string(owner.text), "reason": .string(reason),
            "source": .optional(source), "subject": .string(subject),
        ]
        switch selector {
        case .pointer(let pointer): object["pointer"] = .string(pointer.description)
        case .path(let path): object["jsonpath"] = .string(path.text)
        }
        if let valueGuard { object["guard"] = valueGuard.json }
        return .object(object)
    }
}

extension IgnoreRule.Guard {
    fileprivate init(_ reader: inout JSONReader) throws {
        var found: [Self] = []
        if let value = reader.optionalValue("equals") { found.append(.equals(value)) }
        if let values = try reader.optionalArray("oneOf") { found.append(.oneOf(values)) }
        if var range = try reader.optionalObject("range") {
            found.append(
                .range(
                    minimum: try range.optionalNumber("minimum"),
                    maximum: try range.optionalNumber("maximum")))
            try range.finish()
        }
        if let text = try reader.optionalString("matches") { found.append(.matches(text)) }
        guard let first = found.first, found.count == 1 else {
            throw DriftError(
                "`\(reader.path)`: give exactly one of `equals`, `oneOf`, `range`, `matches`")
        }
        self = first
    }

    fileprivate var json: JSON {
        switch self {
        case .equals(let value): return ["equals": value]
        case .oneOf(let values): return ["oneOf": .array(values)]
        case .matches(let text): return ["matches": .string(text)]
        case .range(let minimum, let maximum):
            var range = JSONObject()
            if let minimum { range["minimum"] = .number(minimum) }
            if let maximum { range["maximum"] = .number(maximum) }
            return ["range": .object(range)]
        }
    }

    /// Whether a found value is one that may be hidden; nothing found is none.
    func admits(_ value: JSON?) -> Bool {
        guard let value else { return false }
        switch self {
        case .equals(let expected): return value == expected
        case .oneOf(let values): return values.contains(value)
        case .range(let minimum, let maximum):
            guard let number = value.numberValue else { return false }
            return (minimum.map { $0 <= number } ?? true) && (maximum.map { number <= $0 } ?? true)
        case .matches(let pattern):
            guard let text = value.stringValue else { return false }
            return ValuePattern.matches(pattern, text)
        }
    }
}

extension JSONReader {
    fileprivate mutating func optionalNumber(_ key: String) throws -> JSONNumber? {
        guard let value = optionalValue(key) else { return nil }
        guard let number = value.numberValue else { throw error(key, "expected a number") }
        return number
    }
}

/// Matching of whole strings against an I-Regexp (RFC 9485).
enum ValuePattern {
    /// States visited at most; a value that takes more is not one to hide without a look.
    private static let budget = 1_000_000

    private struct Spent: Error {}

    /// Whether all of `text` matches; not where that takes too long.
    static func matches(_ pattern: String, _ text: String) -> Bool {
        guard let expression = try? IRegexp(pattern) else { return false }
        var steps = 0
        let answer = try? expression.matches(text, isSearch: false) { (more: Int) throws(Spent) in
            steps += more
            if steps > budget { throw Spent() }
        }
        return answer ?? false
    }
}
