// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON

extension IgnoreRule {
    /// Whether it has not ended yet.
    package func isInForce(now: Timestamp) -> Bool { now < expires }

    /// Whether it is about a source at all; never about this server's own rules.
    package func isFor(_ source: DriftSource) -> Bool {
        source.kind != .exequatur && self.source.map { $0 == source.id } ?? true
    }

    /// Whether it hides a deviation, whatever the time.
    ///
    /// - Parameters:
    ///   - deviation: what it may hide.
    ///   - source: whose deviation it is.
    ///   - document: the one that the deviation's pointer leads through.
    /// - Returns: false too where the source is of kind `exequatur`.
    package func hides(
        _ deviation: Deviation, of source: DriftSource, in document: JSON?
    ) -> Bool {
        isFor(source) && Glob.matches(subject, deviation.subject)
            && (valueGuard?.admits(deviation.after) ?? true)
            && selector.covers(deviation.pointer, in: document)
    }

    /// What it would hide of the deviations between two snapshots, for whoever is to approve it.
    ///
    /// - Throws: ``DriftError`` where a document is not canonical JSON.
    package func preview(
        source: DriftSource, expected: Snapshot, live: Snapshot, unseen: UnseenSubjects
    ) throws(DriftError) -> [Deviation] {
        let all = try SnapshotDiff.deviations(
            source: source, expected: expected, live: live, unseen: unseen)
        var (old, new) = (Documents(expected), Documents(live))
        var hidden: [Deviation] = []
        for deviation in all {
            let document =
                deviation.operation == .remove
                ? try old.document(deviation.subject) : try new.document(deviation.subject)
            if hides(deviation, of: source, in: document) { hidden.append(deviation) }
        }
        return hidden
    }

    /// What people should know of rules: which ended, which end soon, which hide nothing.
    ///
    /// - Parameters:
    ///   - rules: all of them.
    ///   - tallies: those of all sources.
    ///   - now: the time.
    /// - Returns: at most one for each rule.
    package static func findings(
        _ rules: [IgnoreRule], tallies: [IgnoreTally], now: Timestamp
    ) -> [IgnoreFinding] {
        rules.compactMap { rule in
            guard rule.isInForce(now: now) else {
                return IgnoreFinding(
                    rule: rule.id, kind: .expired,
                    detail: "it ended at \(rule.expires) and hides nothing: remove or renew it")
            }
            let own = tallies.filter { $0.rule == rule.id }
            let last = own.compactMap(\.lastHit).max() ?? rule.approvedAt
            if last.adding(seconds: orphanSeconds) <= now {
                return IgnoreFinding(
                    rule: rule.id, kind: .orphan,
                    detail: "it has hidden nothing since \(last): remove it")
            }
            guard rule.expires <= now.adding(seconds: noticeSeconds) else { return nil }
            return IgnoreFinding(
                rule: rule.id, kind: .expiring,
                detail: "it ends at \(rule.expires): renew it or mend what it hides")
        }
    }
}
