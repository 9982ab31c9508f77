// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
internal import Synchronization
internal import TransparencyLog

/// Reading the record is on record, too.
extension ControlPlane {
    private static let auditRef = "audit"
    /// A reader who goes on reading is noted again after this long, not for every page.
    private static let readingSeconds: Int64 = 3600

    /// Notes that a party reads the audit; an entry, at most once an hour for each.
    package func noteAuditRead(by party: Authenticated, audit: JSON) async throws {
        let now = self.now
        let isNew = auditReaders.withLock { readers in
            if let last = readers[party.holder], now.seconds(since: last) < Self.readingSeconds {
                return false
            }
            readers[party.holder] = now
            return true
        }
        guard isNew else { return }
        try await appendAudit("audit.read", party, [:], audit)
    }

    /// Notes that a party takes the evidence of a period out.
    package func noteAuditExport(
        from: Timestamp, to: Timestamp, by party: Authenticated, audit: JSON
    ) async throws {
        try throttle("export \(party.principal)")
        try await appendAudit(
            "audit.exported",
            party, ["from": .string(from.description), "to": .string(to.description)], audit)
    }

    private func appendAudit(
        _ kind: String, _ party: Authenticated, _ members: JSONObject, _ audit: JSON
    ) async throws {
        var core = members
        core["by"] = .string(party.principal.description)
        core["kind"] = .string(kind)
        core["unsealed"] = .bool(unsealed)
        core["v"] = 1
        let salts = effects.entropy.hashes(2)
        let draft = try EntryDraft(
            kind: kind, ref: Self.auditRef, core: .object(core),
            body: ["audit": audit, "credential": .string(party.credential)],
            salts: (salts[0], salts[1]))
        _ = try await writer.submit(priority: .intake) { _ in LedgerPlan((), drafts: [draft]) }
    }
}
