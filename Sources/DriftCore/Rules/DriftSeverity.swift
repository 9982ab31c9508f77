// SPDX-License-Identifier: Apache-2.0

/// How urgent a deviation is.
package enum DriftSeverity: Int, Sendable, Hashable, CaseIterable, Comparable {
    case low, medium, high, critical

    package var text: String {
        switch self {
        case .low: "low"
        case .medium: "medium"
        case .high: "high"
        case .critical: "critical"
        }
    }

    package init?(_ text: String) {
        guard let severity = Self.allCases.first(where: { $0.text == text }) else { return nil }
        self = severity
    }

    package static func < (a: DriftSeverity, b: DriftSeverity) -> Bool {
        a.rawValue < b.rawValue
    }

    /// The standing table: what is watched, which way it moved, and what explains it.
    ///
    /// It starts at the class of the source. What an approved action or a controller explains is
    /// `low`. A change that broadens what somebody may do is one step worse, one that narrows it
    /// one step better; so is an approved effect that did not come. What was revoked, or is done
    /// a second time, is one step worse, for somebody acts on approvals that do not hold. Of
    /// what can't be judged nothing is known that could lower it. This server's own rules are
    /// always `critical`, unless explained.
    package static func of(
        _ verdict: DriftVerdict, direction: DriftDirection, assetClass: AssetClass,
        kind: DriftSource.Kind
    ) -> DriftSeverity {
        if verdict.explains { return .low }
        if kind == .exequatur { return .critical }
        var level = AssetClass.allCases.firstIndex(of: assetClass) ?? 0
        switch (verdict, direction) {
        case (.undetermined, .broadening), (_, .broadening): level += 1
        case (.undetermined, _), (_, .neutral): break
        case (_, .narrowing): level -= 1
        }
        switch verdict {
        case .revoked, .replayed: level += 1
        case .missingEffect: level -= 1
        default: break
        }
        return allCases[min(max(level, 0), allCases.count - 1)]
    }
}

/// Which way a change moves what somebody may do.
package enum DriftDirection: String, Sendable, Hashable, CaseIterable {
    /// More is allowed than before: a wider mode, a further member, a rule that denied is gone.
    case broadening
    case narrowing
    /// Neither, or nobody knows.
    case neutral
}

/// Tells the direction of deviations of one kind of source.
///
/// A closure rather than a protocol: what it knows is a table, and it has no state.
package struct DirectionComparator: Sendable {
    /// What it is called in messages and tests.
    package let name: String
    /// The direction, or nil where it does not know this place.
    package let direction: @Sendable (Deviation) -> DriftDirection?

    package init(
        _ name: String, direction: @escaping @Sendable (Deviation) -> DriftDirection?
    ) {
        self.name = name
        self.direction = direction
    }
}

/// The comparators of all kinds of sources.
package struct DirectionRules: Sendable {
    private var comparators: [DriftSource.Kind: [DirectionComparator]]

    package init(_ comparators: [DriftSource.Kind: [DirectionComparator]] = [:]) {
        self.comparators = comparators
    }

    /// With one more comparator, which is asked before those that are there.
    package func adding(_ comparator: DirectionComparator, for kind: DriftSource.Kind) -> Self {
        var copy = self
        copy.comparators[kind, default: []].insert(comparator, at: 0)
        return copy
    }

    /// What the first comparator says that knows the place; neutral where none does.
    package func direction(of deviation: Deviation, kind: DriftSource.Kind) -> DriftDirection {
        for comparator in comparators[kind] ?? [] {
            if let direction = comparator.direction(deviation) { return direction }
        }
        return .neutral
    }
}
