// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Foundation

/// What became of a plan.
package enum PostgreSQLOutcome: Sendable, Hashable {
    /// All of it happened: each statement with what the server says it did.
    case done([String])
    /// Nothing happened: the subject was not as it was observed, or has not become what it should.
    case changed(String)
    /// Nothing happened: a statement failed, or the server could not be reached.
    case failed(String)
    /// The connection failed while the end was confirmed: look whether it happened.
    case unknown(String)
}

/// Runs plans in one transaction each, under the action's name.
package struct PostgreSQLExecutor: Sendable {
    private let settings: PostgreSQLSettings
    private let library: String
    private let queue = DispatchQueue(label: "exequatur.postgresql.execute")

    /// SQLSTATE of a guard that does not hold: a class of our own.
    static let changedState = "EXQ01"

    /// - Parameter settings: of a role that may make the changes, not of the observing one.
    package init(_ settings: PostgreSQLSettings) {
        self.init(settings, library: PostgreSQLConnection.library)
    }

    init(_ settings: PostgreSQLSettings, library: String) {
        self.settings = settings
        self.library = library
    }

    /// Runs a plan; the server's logs and views show `exequatur ` and the action's id.
    package func run(_ plan: PostgreSQLRemediation, action: ActionID) async -> PostgreSQLOutcome {
        await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: execute(plan, "exequatur \(action)"))
            }
        }
    }

    private func execute(_ plan: PostgreSQLRemediation, _ application: String) -> PostgreSQLOutcome
    {
        var tags: [String] = []
        do throws(PostgreSQLError) {
            let connection = try PostgreSQLConnection(
                settings, database: plan.database ?? settings.database, application: application,
                library: library)
            let milliseconds = settings.statementSeconds * 1000
            try connection.run("BEGIN")
            for setting in ["statement_timeout", "lock_timeout"] {
                try connection.run("SET LOCAL \(setting) = \(milliseconds)")
            }
            try connection.run("SET LOCAL search_path = ''")
            for statement in plan.statements { tags.append(try connection.run(statement).tag) }
            return commit(connection, tags)
        } catch {
            // The server takes back what is not committed when the connection closes.
            guard case .refused(Self.changedState) = error.kind else {
                return .failed(error.description)
            }
            return .changed(error.description)
        }
    }

    private func commit(_ connection: PostgreSQLConnection, _ tags: [String]) -> PostgreSQLOutcome {
        do throws(PostgreSQLError) {
            let tag = try connection.run("COMMIT").tag
            return tag == "COMMIT" ? .done(tags) : .failed("the server rolled it back")
        } catch {
            guard error.endsConnection else { return .failed(error.description) }
            return .unknown(error.description)
        }
    }
}
