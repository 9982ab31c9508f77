// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// Subjects of which an observation says nothing.
package struct UnseenSubjects: Sendable {
    /// Those of the gaps, and everything below them.
    ///
    /// A gap without subject stands for all, save
    /// where only events were lost, for which the sweep makes up.
    package init(_ gaps: [CoverageGap]) {}

    package static let none = UnseenSubjects([])

    package func contains(_ subject: String) -> Bool { false }
}

/// Comparison of two snapshots.
package enum SnapshotDiff {
    /// What differs, in the order of subjects and then of the documents.
    ///
    /// Only subjects whose documents differ by a byte are read. A subject that is `unseen` is not
    /// removed. The number of links of a folder says nothing where it only counts subfolders that
    /// are in the result themselves: then it is left out.
    /// - Throws: a `JSONParseError` for a document that is not canonical JSON.
    package static func deviations(
        source: DriftSource, expected: Snapshot, live: Snapshot, unseen: UnseenSubjects
    ) throws -> [Deviation] {
        []
    }
}
