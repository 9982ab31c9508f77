// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

/// A controller that may set a field by itself, such as what scales replicas.
///
/// A rule alone explains nothing: it takes evidence that this principal did it.
package struct SystemRule: Sendable, Hashable {
    package let scope: String
    /// Subjects, with `*` for any bytes.
    package let subject: String
    package let selector: IgnoreRule.Selector
    /// Who, exactly as the evidence names it.
    package let principal: String

    package init(
        scope: String, subject: String, selector: IgnoreRule.Selector, principal: String
    ) {
        self.scope = scope
        self.subject = subject
        self.selector = selector
        self.principal = principal
    }
}

/// What a stream of events says of who changed a place.
package struct DriftEvidence: Sendable, Hashable {
    package let scope: String
    package let subject: String
    package let path: JSONPointer
    package let principal: String
    /// Whether the stream authenticates whom it names.
    ///
    /// What somebody says of himself, such as a field manager or an application name, is not.
    package let isAuthenticated: Bool
    package let at: Timestamp

    package init(
        scope: String, subject: String, path: JSONPointer, principal: String,
        isAuthenticated: Bool, at: Timestamp
    ) {
        self.scope = scope
        self.subject = subject
        self.path = path
        self.principal = principal
        self.isAuthenticated = isAuthenticated
        self.at = at
    }
}

/// Controllers and what is known of their doings; none unless told otherwise.
package struct SystemChanges: Sendable, Hashable {
    package let rules: [SystemRule]
    package let evidence: [DriftEvidence]

    package init(rules: [SystemRule], evidence: [DriftEvidence]) {
        self.rules = rules
        self.evidence = evidence
    }

    package static let none = SystemChanges(rules: [], evidence: [])
}
