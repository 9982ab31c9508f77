// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
internal import Logging
internal import Storage
internal import Synchronization
internal import TransparencyLog

extension ControlPlane {
    /// Takes what was seen of a source: compares, attributes, records, tells.
    ///
    /// - Parameters:
    ///   - id: the source.
    ///   - observation: what its collector found.
    ///   - observer: the gate that sends it, or nil for this server.
    /// - Returns: what it came to.
    /// - Throws: `CommandError` where the source is not there or is another observer's, and
    ///   `LedgerUnavailable`; nothing has changed then.
    package func observe(
        _ id: Handle, _ observation: Observation, by observer: Handle?
    ) async throws -> DriftReport {
        try await requireTrustedClock()
        for _ in 0..<Self.driftAttempts {
            let source = try driftSource(id)
            guard source.observer == observer else {
                throw CommandError.forbidden(
                    code: "not_the_observer",
                    "source `\(id)` is observed by \(Self.observerName(source.observer))")
            }
            if let report = try await observe(source, observation) { return report }
        }
        throw CommandError.conflict(
            code: "busy", "source `\(id)` changes too often: send the observation again")
    }

    static let driftAttempts = 8
    /// An unchanged source is recorded this often, so that the ledger shows that it was looked at.
    static let recordSeconds: Int64 = 3600

    private static func observerName(_ gate: Handle?) -> String {
        gate.map { "gate `\($0)`" } ?? "this server"
    }

    /// Nil if the source changed meanwhile.
    private func observe(
        _ source: DriftSource, _ observation: Observation
    ) async throws -> DriftReport? {
        let observation = try observation.bounded()
        let basis = drift.holder(source.id)
        var holder = basis ?? DriftBook.Holder(machine: DriftMachine(source: source, now: now))
        if holder.machine.source != source { try holder.machine.configure(source) }
        let expected = try holder.machine.baseline.map { try snapshot($0.root, of: holder) }
        // Kept, so that the next look does not read it again.
        if let expected { holder.snapshots[expected.root] = expected }
        let watched = WatchedSubjects(source, expected: expected, live: observation.snapshot)
        let approved = try driftEffects.effects { try detail($0) }.filter {
            watched.contains($0.effect)
        }
        let progress = try remediate(&holder.machine, approved, observation, expected)
        // No approved action reaches into what this server enforces. And what a repair put back is
        // no deviation, unless it was of another baseline than the one that counts now: then it
        // explains nothing.
        let effects =
            source.kind == .exequatur
            ? [] : approved.filter { !driftEffects.isRemediation($0.action) }
        var report = try holder.machine.observe(
            observation, expected: expected, effects: effects,
            rules: Array(governance.drift.ignoreRules.values), directions: directions,
            ledgerIsSound: notReady == nil, now: now)
        report.follow(holder.untold, closed: progress.closed)
        holder.untold = nil
        holder.observedAt = observation.ended
        if let live = observation.snapshot { holder.live = live }
        counters.add("exequatur_drift_observations_total")
        guard report.isNews || progress.isNews || isDue(holder) else {
            return drift.put(holder, source.id, after: basis?.version) ? report : nil
        }
        let isKept = try await record(
            holder, basis, source, .observed, summary: report.summary(observation),
            body: report.body, changes: [report.newBaseline, report.proposed].compactMap { $0 },
            alerts: report.alerts, by: source.observer?.text ?? "server")
        return isKept ? report : nil
    }

    private func isDue(_ holder: DriftBook.Holder) -> Bool {
        guard let at = holder.recordedAt else { return true }
        return now.seconds(since: at) >= Self.recordSeconds
    }

    /// Writes an entry about a source with its state; false if the source changed meanwhile.
    func record(
        _ holder: DriftBook.Holder, _ basis: DriftBook.Holder?, _ source: DriftSource,
        _ kind: DriftEntry.Kind, summary: JSON, body: JSON, changes: [BaselineChange],
        alerts: [DriftAlert], by: String
    ) async throws -> Bool {
        var holder = holder
        for change in changes { holder.snapshots[change.version.root] = change.snapshot }
        let wanted = holder.machine.snapshotRoots
        let dropped = holder.roots.union(basis?.roots ?? []).subtracting(wanted)
        for root in dropped { holder.snapshots[root] = nil }
        let machine = try holder.machine.json.canonicalBytes()
        let stored = changes.filter { wanted.contains($0.version.root) }.map { change in
            row(
                StoredDriftState.snapshotKey(source.id, change.version.root),
                change.snapshot.lines)
        }
        let entry = DriftEntry(
            kind: kind, source: source.id, specification: try source.digest,
            state: .sha256(machine), baseline: holder.machine.baseline?.root,
            observed: holder.live?.root, summary: summary, by: by,
            unsealed: governance.unsealed)
        let salts = effects.entropy.hashes(2)
        let draft = try EntryDraft(
            kind: kind.rawValue, ref: DriftEntry.ref(source.id), core: entry.core, body: body,
            salts: (salts[0], salts[1]))
        let kept = holder
        return try await writer.submit { [self] view -> LedgerPlan<Bool> in
            guard drift.holder(source.id)?.version == basis?.version,
                governance.drift.sources[source.id] == source
            else { return LedgerPlan(false) }
            var next = kept
            next.entry = view.size
            next.recordedAt = view.now
            var rows = stored
            rows.append(
                row(
                    OperationalKey(space: StoredDriftState.space, key: source.id.text),
                    StoredDriftState.bytes(entry: view.size, machine: machine)))
            rows += DriftOutbox.rows(
                alerts, source, entry: view.size, at: view.now,
                isWanted: notifies.load(ordering: .acquiring), seal: self.rows)
            let result = next
            return LedgerPlan(
                true, drafts: [draft], operational: rows,
                removed: dropped.map { StoredDriftState.snapshotKey(source.id, $0) },
                applied: { [drift] in drift.set(result, source.id) })
        }.value
    }

    private func row(_ place: OperationalKey, _ value: [UInt8]) -> OperationalRow {
        rows.seal(
            space: place.space, key: place.key, value: value, expires: Timestamp(milliseconds: .max)
        )
    }

    /// The leaves of a root: in memory, or as they were stored.
    func snapshot(_ root: Hash256, of holder: DriftBook.Holder) throws -> Snapshot {
        if let known = holder.snapshots[root] { return known }
        if let live = holder.live, live.root == root { return live }
        let place = StoredDriftState.snapshotKey(holder.machine.source.id, root)
        guard
            let row = try backend.read({
                try $0.operational(space: place.space, key: place.key)
            }), let bytes = rows.open(row)
        else { throw TamperedError("the stored snapshot `\(place.key)` is missing") }
        return try Snapshot(lines: bytes, root: root)
    }

    // MARK: start

    /// Takes up the states of all sources; called once, before anything is observed.
    ///
    /// A state that is not what its source's newest entry commits to is left out and said in the
    /// log: its source begins anew, with everything to be approved again. So is one that is missing
    /// though there are entries, and one of an earlier entry, which somebody may have put back.
    /// What was before a source was removed says nothing of a later one of the same name.
    ///
    /// - Parameter entries: how many entries there are about a source.
    /// - Throws: where the store can't be read.
    func recoverDrift(entries: (Handle) -> UInt64) throws {
        let (governance, now) = (governance, now)
        for source in governance.drift.sources.values {
            let count = entries(source.id)
            let since = governance.driftSince[source.id] ?? 0
            let row = try backend.read {
                try $0.operational(space: StoredDriftState.space, key: source.id.text)
            }
            guard try row != nil || count > 0 && newestEntry(of: source) > since else { continue }
            var holder = DriftBook.Holder(machine: DriftMachine(source: source, now: now))
            do {
                holder = try recovered(row, source, entries: count, since: since)
            } catch {
                logger.critical(
                    "the state of a drift source can't be believed",
                    metadata: ["source": "\(source.id)", "error": "\(error)"])
                holder.untold = holder.machine.distrust(
                    "the stored state is not what the ledger commits to: \(error)", now: now)
            }
            drift.put(holder, source.id, after: nil)
        }
    }

    private func newestEntry(of source: DriftSource) throws -> UInt64 {
        try backend.read { try $0.storedChain(of: DriftEntry.ref(source.id)).last?.index ?? 0 }
    }

    private func recovered(
        _ row: OperationalRow?, _ source: DriftSource, entries: UInt64, since: UInt64
    ) throws -> DriftBook.Holder {
        guard let row else { throw TamperedError("its row is missing") }
        guard let bytes = rows.open(row) else {
            throw TamperedError("its row was not written by this server")
        }
        let stored = try StoredDriftState(bytes)
        guard let recorded = try backend.read({ try $0.entry(at: stored.entry) }),
            recorded.matchesCommitments,
            recorded.entry.ref.utf8.elementsEqual(DriftEntry.ref(source.id).utf8)
        else { throw TamperedError("entry \(stored.entry) is not about this source") }
        guard recorded.entry.seq + 1 == entries else {
            throw TamperedError("it is that of entry \(stored.entry), and there are later ones")
        }
        guard stored.entry > since else {
            throw TamperedError("it is of a source of this name that was removed since")
        }
        let entry = try DriftEntry(
            core: try JSON(canonical: recorded.core, limits: Limits.storedJSON))
        guard try entry.state == stored.machine.digest else {
            throw TamperedError("entry \(stored.entry) commits to another state")
        }
        return DriftBook.Holder(
            machine: stored.machine, observedAt: stored.machine.last?.ended,
            entry: stored.entry, recordedAt: recorded.entry.at)
    }

    /// Forgets effects of actions that ended long ago.
    func forgetOldEffects() async throws {
        let rows = driftEffects.forget(before: now)
        guard !rows.isEmpty else { return }
        _ = try await writer.submit { _ in LedgerPlan((), removed: rows) }
    }

    // MARK: silence

    /// Says of a source that nobody has looked at for too long that nothing is known of it.
    func watchSilence(of source: DriftSource) async throws {
        let basis = drift.holder(source.id)
        var holder = basis ?? DriftBook.Holder(machine: DriftMachine(source: source, now: now))
        var report = holder.machine.silent(now: now)
        report.follow(holder.untold)
        holder.untold = nil
        guard report.isNews else {
            if basis == nil { drift.put(holder, source.id, after: nil) }
            return
        }
        _ = try await record(
            holder, basis, source, .observed, summary: ["status": "silent"],
            body: report.body, changes: [], alerts: report.alerts, by: "server")
    }
}
