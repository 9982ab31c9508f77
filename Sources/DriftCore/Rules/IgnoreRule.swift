// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// A deviation that people agreed to live with for a while.
///
/// An approved object: it names who wants it and who approved it, and it ends. What it hides is
/// counted and stays in every report; it never hides anything of kind `exequatur`, and no gap.
package struct IgnoreRule: Sendable, Hashable {
    /// Which places of a document.
    package enum Selector: Sendable, Hashable {
        /// This place and everything below it.
        case pointer(JSONPointer)
        /// Every place that the expression selects, and everything below.
        case path(JSONPath)
    }

    /// What the found value must be, so that the rule does not hide more than was meant.
    package enum Guard: Sendable, Hashable {
        case equals(JSON)
        case oneOf([JSON])
        /// A number between the two, both included; nil for no bound.
        case range(minimum: JSONNumber?, maximum: JSONNumber?)
        /// A string that matches all of an I-Regexp (RFC 9485).
        case matches(String)
    }

    package let id: Handle
    /// The source it is for, or nil for all but those of kind `exequatur`.
    package let source: Handle?
    /// Subjects, with `*` for any bytes.
    package let subject: String
    package let selector: Selector
    package let valueGuard: Guard?
    package let reason: String
    package let owner: Handle
    package let approvedBy: Handle
    package let approvedAt: Timestamp
    /// From this instant on it hides nothing; at most 366 days after ``approvedAt``.
    package let expires: Timestamp

    /// Makes one.
    ///
    /// - Throws: ``DriftError`` where it would last too long, lacks a reason or can't match.
    package init(
        id: Handle, source: Handle?, subject: String, selector: Selector, valueGuard: Guard?,
        reason: String, owner: Handle, approvedBy: Handle, approvedAt: Timestamp,
        expires: Timestamp
    ) throws(DriftError) {
        guard (1...Subject.maximumBytes).contains(subject.utf8.count) else {
            throw DriftError("rule `\(id)`: `subject` must have 1 to 8,192 bytes")
        }
        guard (1...1024).contains(reason.utf8.count) else {
            throw DriftError("rule `\(id)`: `reason` must have 1 to 1,024 bytes")
        }
        guard approvedAt < expires,
            expires <= approvedAt.adding(seconds: DriftLimits.longestIgnoreSeconds)
        else {
            throw DriftError(
                "rule `\(id)`: `expires` must be at most 366 days after its approval")
        }
        switch valueGuard {
        case .range(minimum: nil, maximum: nil):
            throw DriftError("rule `\(id)`: a `range` needs a `minimum` or a `maximum`")
        case .oneOf(let values) where !(1...Self.maximumValues).contains(values.count):
            throw DriftError("rule `\(id)`: `oneOf` takes 1 to \(Self.maximumValues) values")
        case .matches(let pattern):
            do {
                _ = try IRegexp(pattern)
            } catch {
                throw DriftError("rule `\(id)`: `matches`: \(error)")
            }
        default: break
        }
        self.id = id
        self.source = source
        self.subject = subject
        self.selector = selector
        self.valueGuard = valueGuard
        self.reason = reason
        self.owner = owner
        self.approvedBy = approvedBy
        self.approvedAt = approvedAt
        self.expires = expires
    }
}

/// How often a rule hid something of one source.
package struct IgnoreTally: Sendable, Hashable {
    package let rule: Handle
    /// Deviations hidden, counted once per observation.
    package var hits: Int64
    /// When the rule was first applied to this source.
    package let since: Timestamp
    package var lastHit: Timestamp?
}

/// Something about a rule that people should know.
package struct IgnoreFinding: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// It ended, and hides nothing any more.
        case expired
        /// It ends within ``IgnoreRule/noticeSeconds``.
        case expiring
        /// It has hidden nothing for ``IgnoreRule/orphanSeconds``.
        case orphan
    }

    package let rule: Handle
    package let kind: Kind
    package let detail: String
}

/// A deviation that a rule hides from alerts, never from reports.
package struct IgnoredDeviation: Sendable, Hashable {
    package let deviation: Deviation
    package let rule: Handle
}
