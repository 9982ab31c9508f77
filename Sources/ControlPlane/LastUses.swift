// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import Synchronization

/// When each credential was last used, to the minute or so.
///
/// Noted in memory by every request and written down once a minute: a crash forgets a minute, which
/// nobody decides anything by.
final class LastUses: Sendable {
    private struct Uses {
        var all: [String: Timestamp] = [:]
        var unwritten: Set<String> = []
    }

    static let space = "last-use"
    /// The least time between two notes of one credential.
    private static let grainSeconds: Int64 = 60
    private let uses = Mutex(Uses())

    func note(_ credential: String, at now: Timestamp) {
        uses.withLock { uses in
            if let last = uses.all[credential], now.seconds(since: last) < Self.grainSeconds {
                return
            }
            uses.all[credential] = now
            uses.unwritten.insert(credential)
        }
    }

    func lastUse(of credential: String) -> Timestamp? { uses.withLock { $0.all[credential] } }

    /// Rows of what was used since the last time; those of credentials that are gone expire.
    func rows(expiring: Timestamp) -> [OperationalRow] {
        uses.withLock { uses in
            let rows = uses.unwritten.sorted().compactMap { id in
                uses.all[id].map {
                    OperationalRow(
                        space: Self.space, key: id, value: Array($0.description.utf8),
                        expires: expiring)
                }
            }
            uses.unwritten = []
            return rows
        }
    }
}

extension ControlPlane {
    private static let rememberedSeconds: Int64 = 400 * 86_400

    /// When a credential was last used, as far as is known.
    package func lastUse(of credential: String) throws -> Timestamp? {
        if let known = lastUses.lastUse(of: credential) { return known }
        let row = try backend.read {
            try $0.operational(space: LastUses.space, key: credential)
        }
        return row.flatMap { Timestamp(String(decoding: $0.value, as: UTF8.self)) }
    }

    func writeLastUses() async throws {
        let rows = lastUses.rows(expiring: now.adding(seconds: Self.rememberedSeconds))
        guard !rows.isEmpty else { return }
        _ = try await writer.submit { _ in LedgerPlan((), operational: rows) }
    }
}
