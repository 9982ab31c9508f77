// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import DriftCore
internal import Storage
internal import TransparencyLog

/// An alert that waits to be told in channels.
package struct DriftNotice: Sendable, Hashable {
    /// Its place in the outbox; later ones come later.
    package let key: String
    package let source: Handle
    package let severity: Severity
    /// One line, safe to show.
    package let text: String
    package let at: Timestamp
}

/// Alerts of drift, durable with the entries that they tell of.
///
/// Crash order: an alert is in the transaction of its entry. It goes once every channel has it; a
/// crash between tells it twice, and never not at all. Keys begin with the index of the entry, so
/// no two alerts share one and later ones come later, whatever the clock does.
enum DriftOutbox {
    static let space = "drift-alert"
    /// Alerts of one observation that are told apart; of more only the number is.
    private static let apart = 20
    /// Nobody is served by an alert of a month ago.
    private static let lifeSeconds: Int64 = 30 * 86_400

    static func rows(
        _ alerts: [DriftAlert], _ source: DriftSource, entry: UInt64, at now: Timestamp,
        isWanted: Bool, seal: RowAuthenticator
    ) -> [OperationalRow] {
        guard isWanted, !alerts.isEmpty else { return [] }
        let worst = alerts.sorted { $0.severity > $1.severity }
        var told = worst.prefix(apart).map { ($0.severity, $0.text) }
        if alerts.count > apart {
            told.append(
                (
                    worst[apart].severity,
                    "and \(alerts.count - apart) more of `\(source.id)`: see the console"
                ))
        }
        return told.enumerated().map { number, alert in
            let value: JSON = [
                "at": .string(now.description), "severity": .string(alert.0.text),
                "source": .string(source.id.text), "text": .string(alert.1),
            ]
            return seal.seal(
                space: space, key: key(entry, number),
                value: Array(value.description.utf8), expires: now.adding(seconds: lifeSeconds))
        }
    }

    /// Fixed in width, because keys are compared as bytes.
    private static func key(_ entry: UInt64, _ number: Int) -> String {
        let digits = "\(entry)"
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits
            + "-\(100 + number)"
    }

    static func notice(_ key: String, _ value: [UInt8]) -> DriftNotice? {
        guard let json = try? JSON(parsing: value),
            let source = json["source"]?.stringValue.flatMap(Handle.init),
            let severity = json["severity"]?.stringValue.flatMap(Severity.init(rawValue:)),
            let text = json["text"]?.stringValue,
            let at = json["at"]?.stringValue.flatMap(Timestamp.init)
        else { return nil }
        return DriftNotice(key: key, source: source, severity: severity, text: text, at: at)
    }
}

extension ControlPlane {
    /// Alerts that are still to be told, oldest first; rows that nobody wrote are passed over.
    package func driftNotices(after key: String? = nil, limit: Int) throws -> [DriftNotice] {
        try backend.read { reader in
            var found: [DriftNotice] = []
            var last = key
            while found.count < limit {
                let rows = try reader.operational(
                    space: DriftOutbox.space, prefix: "", after: last, limit: limit)
                found += rows.compactMap(opened)
                guard rows.count == limit, let key = rows.last?.key else { break }
                last = key
            }
            return Array(found.prefix(limit))
        }
    }

    /// One alert, if it is still to be told.
    package func driftNotice(_ key: String) throws -> DriftNotice? {
        try backend.read { try $0.operational(space: DriftOutbox.space, key: key) }
            .flatMap(opened)
    }

    private func opened(_ row: OperationalRow) -> DriftNotice? {
        guard row.expires > now, let value = rows.open(row) else { return nil }
        return DriftOutbox.notice(row.key, value)
    }

    /// Takes alerts away that every channel has.
    package func forgetDriftNotices(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        let removed = keys.map { OperationalKey(space: DriftOutbox.space, key: $0) }
        _ = try await writer.submit { _ in LedgerPlan((), removed: removed) }
    }
}
