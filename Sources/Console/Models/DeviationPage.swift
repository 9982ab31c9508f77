// SPDX-License-Identifier: Apache-2.0

/// The page of one deviation.
package struct DeviationPage: Sendable, Hashable {
    /// Surroundings.
    package var shell: ConsoleShell
    /// What the lists say of it; its values are in full here as far as they can be shown.
    package var row: DeviationRow
    /// Where the source is.
    package var scope: String
    /// What happened to the place, a word: `replace`, `add` and so on.
    package var operation: String
    /// Why it ended, one sentence, once it is over.
    package var ending: String?
    /// The action that explains it, or comes nearest.
    package var action: String?
    /// True if the effect was observed while the action ran rather than declared before.
    package var isObserved: Bool
    /// When it was last seen.
    package var lastSeen: ConsoleInstant
    /// When it came about: between these two.
    package var after: ConsoleInstant
    package var before: ConsoleInstant
    /// Observations that showed it.
    package var hits: Int
    /// Who acknowledged it, and which rule hides it.
    package var acknowledgedBy: String?
    package var ignoredBy: String?
    /// The action of a plan that is putting it back now.
    package var fixedBy: String?
    /// The ids that a plan has to name to put this back: a file's content comes back as a whole.
    package var fixes: [String]
    /// The document in the baseline, and the one that was found; `nil` where there is none.
    package var expectedDocument: [DocumentLine]?
    package var foundDocument: [DocumentLine]?
    /// What accepting it would come to, or why it can't be accepted here.
    package var acceptance: Acceptance
    /// What the viewer may do.
    package var permission: DriftPermission

    /// What the baseline would hold at this place after accepting.
    package enum Acceptance: Sendable, Hashable {
        /// Just this, in full.
        case value(DriftValue, version: Int, root: String)
        /// The baseline stays; an effect that did not come is given up.
        case givenUp(root: String)
        /// Not possible, one sentence.
        case impossible(String)
    }

    /// Creates the value from all of its members; none has a default, so nothing is left out.
    package init(
        shell: ConsoleShell, row: DeviationRow, scope: String, operation: String,
        ending: String?, action: String?, isObserved: Bool, lastSeen: ConsoleInstant,
        after: ConsoleInstant, before: ConsoleInstant, hits: Int, acknowledgedBy: String?,
        ignoredBy: String?, fixedBy: String?, fixes: [String], expectedDocument: [DocumentLine]?,
        foundDocument: [DocumentLine]?, acceptance: Acceptance, permission: DriftPermission
    ) {
        self.shell = shell
        self.row = row
        self.scope = scope
        self.operation = operation
        self.ending = ending
        self.action = action
        self.isObserved = isObserved
        self.lastSeen = lastSeen
        self.after = after
        self.before = before
        self.hits = hits
        self.acknowledgedBy = acknowledgedBy
        self.ignoredBy = ignoredBy
        self.fixedBy = fixedBy
        self.fixes = fixes
        self.expectedDocument = expectedDocument
        self.foundDocument = foundDocument
        self.acceptance = acceptance
        self.permission = permission
    }
}
