// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

extension TestInstallation {
    /// The refused attempts on an action: who, what, why.
    func refusals(_ action: ActionResult) throws -> [String] {
        let entries = try control.detail(action.state.id)?.entries ?? []
        return try entries.filter { $0.entry.kind == "action.attempt-refused" }
            .map { Self.attempt(try JSON(canonical: $0.core)) }
    }

    /// The same of agents that tried something with the action of another one.
    func strangersAttempts() throws -> [String] {
        try cores(kind: "attempt.refused").map(Self.attempt)
    }

    private static func attempt(_ core: JSON) -> String {
        ["principal", "attempt", "code"].map { core[$0]?.stringValue ?? "?" }
            .joined(separator: " ")
    }

    /// What an entry's core says of a member, as text.
    func cores(kind: String) throws -> [JSON] {
        try entries().filter { $0.entry.kind == kind }.map { try JSON(canonical: $0.core) }
    }

    /// A database administrator: another connection to the same file.
    func tamper(_ sql: String, _ arguments: StatementArguments = []) throws {
        let queue = try DatabaseQueue(path: data.database)
        try queue.write { try $0.execute(sql: sql, arguments: arguments) }
        try queue.close()
    }

    /// The files of the database, while the server is stopped.
    func copyDatabase() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for suffix in ["", "-wal"] {
            files[suffix] = FileManager.default.contents(atPath: data.database + suffix)
        }
        return files
    }

    /// Puts an older copy in the place of what is there.
    func restoreDatabase(_ files: [String: Data]) throws {
        for suffix in ["", "-wal", "-shm"] {
            try? removeFile(data.database + suffix)
            try files[suffix]?.write(to: URL(fileURLWithPath: data.database + suffix))
        }
    }

    /// Every row of every table, in order, as text; what a restart must leave as it was.
    func dump() throws -> [String] {
        let queue = try DatabaseQueue(path: data.database)
        defer { try? queue.close() }
        return try queue.read { db in
            try ["entry", "body", "tile", "checkpoint", "action", "operational"].flatMap { table in
                // A snapshot says nothing new; it only makes the next start shorter.
                let filter = table == "operational" ? "WHERE space <> 'snapshot'" : ""
                return try Row.fetchAll(
                    db, sql: "SELECT * FROM \(table) \(filter) ORDER BY 1, 2"
                ).map {
                    "\(table): \($0.map { "\($0.0)=\($0.1)" }.joined(separator: " "))"
                }
            }
        }
    }

    /// Replays the whole ledger, as `fsck` does, and compares it with the state rows.
    func expectRowsFollowFromLedger(
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var states: [ActionID: ActionState] = [:]
        try control.backend.read { reader in
            var walk = LedgerWalk(reader, bodies: true)
            try walk.run { _, state in
                if let state { states[state.id] = state }
            }
            let expected = states.values.sorted { $0.id.text < $1.id.text }
                .map { ActionRow($0) }
            let stored = try reader.actions(after: nil, limit: .max)
            #expect(stored == expected, sourceLocation: sourceLocation)
        }
    }
}

extension TestInstallation {
    /// The standard policies, but with what was held for review now forbidden.
    static let closedPolicies = policies[0].text.replacing(
        #"@id("one") @review("reviewers") @grant("10m") @expires("1h")"#, with: #"@id("one")"#)

    /// Publishes one file as the first administrator.
    func publish(_ text: String) async throws {
        let policies = try PublishedPolicies(files: [PolicyFile(name: "10.cedar", text: text)])
        try await control.publish(policies, by: Self.admin)
    }

    /// What the scheduler does several times a second, once.
    func round() async throws { try await Scheduler(control).round() }
}

extension Timestamp {
    static let distantFuture = Timestamp(milliseconds: .max)
}

/// Removes one file; throws if it is not there.
func removeFile(_ path: String) throws {
    guard unlink(path) == 0 else { throw StorageError("`\(path)` can't be removed") }
}
