// SPDX-License-Identifier: Apache-2.0

/// The page of one watched source.
package struct DriftSourcePage: Sendable, Hashable {
    /// Surroundings.
    package var shell: ConsoleShell
    /// What the list says of it.
    package var row: DriftSourceRow
    /// Seconds between two observations.
    package var every: Int
    /// How bad it is when something deviates, a word.
    package var assetClass: String
    /// The gate that observes it, or `nil` where this server does.
    package var observer: String?
    /// The settings, as JSON in lines.
    package var settings: [DocumentLine]
    /// The approved baseline.
    package var baseline: BaselineCard?
    /// What awaits approval.
    package var proposal: BaselineProposal?
    /// Open deviations, the worst first, and how many there are.
    package var deviations: [DeviationRow]
    /// The root of what was found last; `nil` until the next observation after a start.
    package var observedRoot: String?
    /// What was not seen.
    package var gaps: [DriftGapRow]
    /// What the viewer may do.
    package var permission: DriftPermission

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        shell: ConsoleShell, row: DriftSourceRow, every: Int, assetClass: String,
        observer: String?, settings: [DocumentLine], baseline: BaselineCard?,
        proposal: BaselineProposal?, deviations: [DeviationRow], observedRoot: String?,
        gaps: [DriftGapRow], permission: DriftPermission
    ) {
        self.shell = shell
        self.row = row
        self.every = every
        self.assetClass = assetClass
        self.observer = observer
        self.settings = settings
        self.baseline = baseline
        self.proposal = proposal
        self.deviations = deviations
        self.observedRoot = observedRoot
        self.gaps = gaps
        self.permission = permission
    }
}

/// A baseline that awaits approval, with one page of its leaves.
package struct BaselineProposal: Sendable, Hashable {
    /// The most leaves of one page.
    package static let pageSize = 100

    /// The version that it would be.
    package var card: BaselineCard
    /// The leaves of this page, in order.
    package var leaves: [BaselineLeaf]
    /// Leaves before this page.
    package var offset: Int
    /// All leaves.
    package var count: Int

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(card: BaselineCard, leaves: [BaselineLeaf], offset: Int, count: Int) {
        self.card = card
        self.leaves = leaves
        self.offset = offset
        self.count = count
    }
}

/// One leaf of a proposed baseline.
package struct BaselineLeaf: Sendable, Hashable {
    /// What it is of.
    package var subject: String
    /// What was found.
    package var document: DriftValue

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(subject: String, document: DriftValue) {
        self.subject = subject
        self.document = document
    }
}
