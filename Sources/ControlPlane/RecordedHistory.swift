// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage

/// The actions of a data directory, as they were submitted, and what is in force there.
///
/// It is for asking what other policies would have said. Nothing in it is proven: what only
/// `fsck` can tell is not looked at.
package struct RecordedHistory: Sendable {
    /// One action with what policy said when it came.
    package struct Entry: Sendable {
        package let action: Action
        package let at: Timestamp
        package let decision: Verdict.Decision
        package let requirement: Requirement?
    }

    package private(set) var entries: [Entry] = []
    /// Actions whose content is no longer there.
    package private(set) var erased = 0
    package private(set) var directory = Directory()
    package private(set) var policies: PublishedPolicies?
    package private(set) var singleOperator = false
    /// Whether the installation is sealed by now.
    package private(set) var isSealed = false

    /// Entries that are read at once.
    private static let page = 1_000

    /// Reads a data directory, also while a server uses it.
    ///
    /// - Parameters:
    ///   - data: the folder.
    ///   - since: leaves out what came before; nil for everything.
    /// - Throws: what is wrong with an entry, or that there is no database.
    package init(_ data: DataDirectory, since: Timestamp?) throws {
        guard data.databaseExists else {
            throw StorageError("there is no database in `\(data.path)`: give --data DIR")
        }
        self = try SQLiteReader.read(path: data.database) { reader in
            try RecordedHistory(reader, since: since)
        }
    }

    private init(_ reader: any LedgerReading, since: Timestamp?) throws {
        var governance = Governance(singleOperator: false)
        var next: UInt64 = 0
        while true {
            let page = try reader.entries(from: next, limit: Self.page, bodies: true)
            for recorded in page {
                try governance.recover(recorded) {
                    try recorded.body.map { try JSON(canonical: $0, limits: Limits.storedJSON) }
                }
                try take(recorded, since: since)
            }
            guard page.count == Self.page, let last = page.last else { break }
            next = last.index + 1
        }
        directory = governance.directory
        policies = governance.policies
        isSealed = !governance.unsealed
    }

    private mutating func take(_ recorded: RecordedEntry, since: Timestamp?) throws {
        if recorded.entry.kind.hasPrefix("installation.") {
            let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
            singleOperator = core["singleOperator"]?.boolValue ?? singleOperator
        }
        guard recorded.entry.kind == "action.submitted",
            since.map({ recorded.entry.at >= $0 }) ?? true
        else { return }
        let core = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        guard case .submitted(let submission) = try ActionEvent.read(core).event else { return }
        guard let body = recorded.body else {
            erased += 1
            return
        }
        let json = try JSON(canonical: body, limits: Limits.storedJSON)
        entries.append(
            Entry(
                action: try SubmissionBody(json).action, at: recorded.entry.at,
                decision: submission.decision, requirement: submission.requirement))
    }

    /// A policy set with today's directory.
    package func environment(_ policies: PublishedPolicies) throws -> PolicyEnvironment {
        try PolicyEnvironment(
            policies: policies, directory: directory, singleOperator: singleOperator,
            unsealed: !isSealed)
    }

    /// What a policy set would have said of each action, had it and today's directory been in
    /// force when the action came.
    package func verdicts(_ policies: PublishedPolicies) throws -> [Verdict] {
        let environment = try environment(policies)
        return entries.map { environment.evaluate($0.action, at: $0.at) }
    }
}
