// SPDX-License-Identifier: Apache-2.0

/// What is watched, what deviates, what was not seen, and what is ignored.
package struct DriftPage: Sendable, Hashable {
    /// Surroundings.
    package var shell: ConsoleShell
    /// The sources, in order of id.
    package var sources: [DriftSourceRow]
    /// Open deviations, the worst first.
    package var deviations: [DeviationRow]
    /// How many are open; more than `deviations` means that the list was cut.
    package var openCount: Int
    /// What was not seen.
    package var gaps: [DriftGapRow]
    /// How many gaps there are; more than `gaps` means that the list was cut.
    package var gapCount: Int
    /// Ignore rules, in order of id.
    package var rules: [IgnoreRuleRow]

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        shell: ConsoleShell, sources: [DriftSourceRow], deviations: [DeviationRow],
        openCount: Int, gaps: [DriftGapRow], gapCount: Int, rules: [IgnoreRuleRow]
    ) {
        self.shell = shell
        self.sources = sources
        self.deviations = deviations
        self.openCount = openCount
        self.gaps = gaps
        self.gapCount = gapCount
        self.rules = rules
    }
}

/// One source in the list.
package struct DriftSourceRow: Sendable, Hashable {
    /// Source id.
    package var id: String
    /// What kind of source, a word.
    package var kind: String
    /// Where it is.
    package var scope: String
    /// How it stands.
    package var status: ConsoleDriftStatus
    /// Open deviations.
    package var open: Int
    /// Deviations beyond those that are told apart.
    package var flood: Int
    /// The worst of the open ones.
    package var worst: ConsoleSeverity?
    /// Version of the approved baseline, if there is one.
    package var version: Int?
    /// True if a baseline awaits approval.
    package var isProposed: Bool
    /// When it was last looked at.
    package var observedAt: ConsoleInstant?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        id: String, kind: String, scope: String, status: ConsoleDriftStatus, open: Int,
        flood: Int, worst: ConsoleSeverity?, version: Int?, isProposed: Bool,
        observedAt: ConsoleInstant?
    ) {
        self.id = id
        self.kind = kind
        self.scope = scope
        self.status = status
        self.open = open
        self.flood = flood
        self.worst = worst
        self.version = version
        self.isProposed = isProposed
        self.observedAt = observedAt
    }
}

/// One ignore rule.
package struct IgnoreRuleRow: Sendable, Hashable {
    /// What people should know of a rule.
    package enum Mark: String, Sendable, Hashable, CaseIterable { case expired, expiring, orphan }

    /// Rule id.
    package var id: String
    /// The source it is for, or `nil` for all.
    package var source: String?
    /// Which subjects.
    package var subject: String
    /// Which places, a JSON Pointer or a JSONPath.
    package var place: String
    /// What the value must be, canonical JSON, if that is limited.
    package var condition: String?
    /// Why.
    package var reason: String
    /// Who wants it.
    package var owner: String
    /// Deviations that it hid, counted once per observation.
    package var hits: Int
    /// When it last hid something.
    package var lastHit: ConsoleInstant?
    /// From when on it hides nothing.
    package var expires: ConsoleInstant
    /// What people should know of it.
    package var mark: Mark?

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        id: String, source: String?, subject: String, place: String, condition: String?,
        reason: String, owner: String, hits: Int, lastHit: ConsoleInstant?,
        expires: ConsoleInstant, mark: Mark?
    ) {
        self.id = id
        self.source = source
        self.subject = subject
        self.place = place
        self.condition = condition
        self.reason = reason
        self.owner = owner
        self.hits = hits
        self.lastHit = lastHit
        self.expires = expires
        self.mark = mark
    }
}
