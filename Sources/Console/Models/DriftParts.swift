// SPDX-License-Identifier: Apache-2.0

/// A value of a document as a page shows it: canonical JSON, made visible, perhaps cut.
package struct DriftValue: Sendable, Hashable {
    /// The text, or `nil` where there is nothing, which is not `null`.
    package var text: String?
    /// What is missing of the text, in words; `nil` where all of it is shown.
    package var cut: String?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(text: String?, cut: String?) {
        self.text = text
        self.cut = cut
    }
}

/// One line of a document.
package struct DocumentLine: Sendable, Hashable {
    /// What kind of line it is.
    package enum Kind: Sendable, Hashable { case plain, changed, omission }

    /// The text, made visible.
    package var text: String
    /// Whether it is of the changed place, or says that lines are not shown.
    package var kind: Kind

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(text: String, kind: Kind) {
        self.text = text
        self.kind = kind
    }
}

/// One deviation in a list.
package struct DeviationRow: Sendable, Hashable {
    /// Its fingerprint, 64 hex digits.
    package var id: String
    /// The source.
    package var source: String
    /// What it is about.
    package var subject: String
    /// Where in the document; empty for the whole subject.
    package var path: String
    /// Severity.
    package var severity: ConsoleSeverity
    /// Verdict.
    package var verdict: ConsoleDriftVerdict
    /// Why, one line.
    package var reason: String
    /// Which way it moves.
    package var direction: ConsoleDriftDirection
    /// State.
    package var state: ConsoleDriftState
    /// What was expected.
    package var was: DriftValue
    /// What was found.
    package var found: DriftValue
    /// When it was first seen.
    package var since: ConsoleInstant

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        id: String, source: String, subject: String, path: String, severity: ConsoleSeverity,
        verdict: ConsoleDriftVerdict, reason: String, direction: ConsoleDriftDirection,
        state: ConsoleDriftState, was: DriftValue, found: DriftValue, since: ConsoleInstant
    ) {
        self.id = id
        self.source = source
        self.subject = subject
        self.path = path
        self.severity = severity
        self.verdict = verdict
        self.reason = reason
        self.direction = direction
        self.state = state
        self.was = was
        self.found = found
        self.since = since
    }
}

/// One thing that was not seen.
package struct DriftGapRow: Sendable, Hashable {
    /// The source.
    package var source: String
    /// The subject, or `nil` where it is the whole source.
    package var subject: String?
    /// Why, in a word or two.
    package var cause: String
    /// Why, one line.
    package var detail: String
    /// Since when.
    package var since: ConsoleInstant
    /// When it was last seen, if ever.
    package var lastSeen: ConsoleInstant?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        source: String, subject: String?, cause: String, detail: String, since: ConsoleInstant,
        lastSeen: ConsoleInstant?
    ) {
        self.source = source
        self.subject = subject
        self.cause = cause
        self.detail = detail
        self.since = since
        self.lastSeen = lastSeen
    }
}

/// One version of a baseline.
package struct BaselineCard: Sendable, Hashable {
    /// From 1.
    package var version: Int
    /// The root of its leaves, 64 hex digits.
    package var root: String
    /// The root of the version before, if there was one.
    package var parent: String?
    /// Where it comes from, in words.
    package var origin: String
    /// Who approved it; `nil` while it is proposed, and where actions did.
    package var approvedBy: String?
    /// When it became what it is.
    package var at: ConsoleInstant
    /// Since when all of it is so.
    package var capturedAt: ConsoleInstant
    /// The actions whose effects are new in it.
    package var actions: [String]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        version: Int, root: String, parent: String?, origin: String, approvedBy: String?,
        at: ConsoleInstant, capturedAt: ConsoleInstant, actions: [String]
    ) {
        self.version = version
        self.root = root
        self.parent = parent
        self.origin = origin
        self.approvedBy = approvedBy
        self.at = at
        self.capturedAt = capturedAt
        self.actions = actions
    }
}

/// What the viewer may do about drift.
package struct DriftPermission: Sendable, Hashable {
    /// True for administrators: others are offered nothing.
    package var mayDecide: Bool
    /// True if the sign-in is recent enough to change a baseline.
    package var isFresh: Bool

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(mayDecide: Bool, isFresh: Bool) {
        self.mayDecide = mayDecide
        self.isFresh = isFresh
    }
}
