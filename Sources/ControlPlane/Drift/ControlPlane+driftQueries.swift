// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore
internal import Storage
internal import TransparencyLog

/// Which deviations a list shows; the worst first.
package struct DriftQuery: Sendable {
    package var source: Handle?
    /// Those that are over, instead of those that are open.
    package var isClosed = false
    /// Also those that are explained, ignored or not yet told.
    package var withAll = false
    package var limit = 200

    package init() {}
}

extension ControlPlane {
    /// All sources with what is known of them, in order.
    package func driftStandings() -> [SourceStanding] {
        governance.drift.sources.values.sorted { $0.id < $1.id }.map(standing)
    }

    /// One source with what is known of it.
    ///
    /// - Throws: `CommandError` where there is none.
    package func driftStanding(_ id: Handle) throws -> SourceStanding {
        standing(try driftSource(id))
    }

    private func standing(_ source: DriftSource) -> SourceStanding {
        guard let holder = drift.holder(source.id) else {
            return SourceStanding(
                machine: DriftMachine(source: source, now: now), live: nil, entry: nil,
                recordedAt: nil, observedAt: nil)
        }
        return SourceStanding(
            machine: holder.machine, live: holder.live, entry: holder.entry,
            recordedAt: holder.recordedAt, observedAt: holder.observedAt)
    }

    /// Deviations of a query, the worst first, then the newest.
    package func deviations(_ query: DriftQuery) throws -> [Episode] {
        if let source = query.source { _ = try driftSource(source) }
        let machines = driftStandings().map(\.machine).filter {
            query.source == nil || $0.source.id == query.source
        }
        let episodes = machines.flatMap { machine in
            query.isClosed ? Array(machine.closed.values) : Array(machine.episodes.values)
        }.filter { episode in
            query.isClosed || query.withAll || episode.state == .open
                || episode.state == .acknowledged
        }
        let sorted = episodes.sorted { a, b in
            if a.severity != b.severity { return a.severity > b.severity }
            if a.firstSeen != b.firstSeen { return a.firstSeen > b.firstSeen }
            return a.fingerprint.hex < b.fingerprint.hex
        }
        return Array(sorted.prefix(query.limit))
    }

    /// One deviation by the beginning of its id, at least 8 digits; nil if there is none.
    ///
    /// - Throws: `CommandError` where several begin like this.
    package func deviation(_ prefix: String) throws -> Episode? {
        guard prefix.utf8.count >= 8 else {
            throw CommandError.badRequest(
                code: "value_invalid", "at least 8 digits of a deviation's id")
        }
        let found = driftStandings().flatMap { standing in
            Array(standing.machine.episodes.values) + Array(standing.machine.closed.values)
        }.filter { $0.fingerprint.hex.utf8.starts(with: prefix.utf8) }
        guard found.count < 2 else {
            throw CommandError.conflict(
                code: "ambiguous", "several deviations begin like this: give more digits")
        }
        return found.first
    }

    /// The leaf of a subject as it is expected and as it was found.
    package func leaves(
        _ source: Handle, _ subject: String
    ) throws -> (expected: JSON?, found: JSON?) {
        guard let holder = drift.holder(source) else { return (nil, nil) }
        let expected = try holder.machine.baseline.map { try snapshot($0.root, of: holder) }
        func document(_ snapshot: Snapshot?) throws -> JSON? {
            try snapshot?[subject]?.json()
        }
        return (try document(expected), try document(holder.live))
    }

    /// The leaves that await approval, or those of the baseline where nothing does.
    package func proposedLeaves(_ id: Handle) throws -> [Leaf] {
        guard let holder = drift.holder(id),
            let version = holder.machine.proposed ?? holder.machine.baseline
        else { return [] }
        return try snapshot(version.root, of: holder).leaves
    }

    /// Turns an observer away that sends too much; asked before it is read.
    package func throttleObservations(of gate: Handle) throws {
        try throttle("observe \(gate)", observations)
    }

    /// Turns whoever asks for too many plans away.
    package func throttlePlans(by principal: Principal) throws {
        try throttle("plan \(principal)", observations)
    }
}
