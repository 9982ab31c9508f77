// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import DriftCore
internal import Storage
package import TransparencyLog

extension ControlPlane {
    /// Makes the proposed baseline of a source the one that counts.
    ///
    /// - Parameters:
    ///   - id: the source.
    ///   - expect: the beginning of the root that was looked at, at least 16 digits.
    ///   - by: an administrator, as a person.
    /// - Returns: the version that counts from now on.
    /// - Throws: `CommandError` where nothing, or something else, is proposed.
    package func approveBaseline(
        _ id: Handle, expect: String, by: Principal
    ) async throws -> BaselineVersion {
        try await decideDrift(id, by: by) { [self] holder, source, person in
            guard let proposed = holder.machine.proposed else {
                throw CommandError.conflict(
                    code: "nothing_proposed",
                    "source `\(id)` has no baseline to approve: wait until it was observed")
            }
            try Self.checkExpected(expect, proposed.root)
            let version = try Self.conflict {
                try holder.machine.approveBaseline(root: proposed.root, by: person, now: now)
            }
            return Decided(
                value: version,
                summary: ["decision": "baseline_approved", "version": .integer(version.version)])
        }
    }

    /// The change that makes the proposed baseline count, for those who ask others.
    package func baselineChange(_ id: Handle, expect: String) throws -> GovernanceChange {
        guard let proposed = drift.holder(id)?.machine.proposed else {
            throw CommandError.conflict(
                code: "nothing_proposed",
                "source `\(id)` has no baseline to approve: wait until it was observed")
        }
        try Self.checkExpected(expect, proposed.root)
        return .baseline(id, root: proposed.root)
    }

    /// The change that puts deviations into the baseline, for those who ask others.
    package func acceptanceChange(
        _ id: Handle, _ fingerprints: Set<Hash256>, expect: String
    ) throws -> GovernanceChange {
        guard let holder = drift.holder(id) else {
            throw CommandError.conflict(
                code: "nothing_observed", "source `\(id)` was not observed yet")
        }
        let live = try Self.live(holder)
        try Self.checkExpected(expect, live.root)
        return .acceptance(id, fingerprints: fingerprints, root: live.root)
    }

    /// Has the next observation proposed as a new baseline.
    package func reproposeBaseline(_ id: Handle, by: Principal) async throws {
        try await decideDrift(id, by: by, changesBaseline: false) { holder, _, _ in
            holder.machine.repropose()
            return Decided(value: (), summary: ["decision": "baseline_reproposed"])
        }
    }

    /// Puts what was found of some deviations into the baseline, and nothing else.
    ///
    /// `expect` is the beginning of the root of what was looked at, at least 16 digits: if something
    /// else is there by now, nothing is accepted.
    package func acceptDrift(
        _ id: Handle, _ fingerprints: Set<Hash256>, expect: String, by: Principal
    ) async throws -> [Episode] {
        try await decideDrift(id, by: by) { [self] holder, _, person in
            let live = try Self.live(holder)
            try Self.checkExpected(expect, live.root)
            guard let baseline = holder.machine.baseline else {
                throw CommandError.conflict(
                    code: "no_baseline", "source `\(id)` has no approved baseline yet")
            }
            let expected = try snapshot(baseline.root, of: holder)
            let accepted = try Self.conflict {
                try holder.machine.accept(
                    fingerprints, expected: expected, live: live, by: person, now: now)
            }
            return Decided(
                value: accepted.closed,
                summary: [
                    "accepted": .array(accepted.closed.map { .string($0.fingerprint.hex) }),
                    "decision": "deviations_accepted",
                ], body: ["accepted": .array(accepted.closed.map(\.wire))],
                changes: [accepted.baseline].compactMap { $0 })
        }
    }

    /// Notes that a person has seen some deviations: only a change of them is told from now on.
    package func acknowledgeDrift(
        _ id: Handle, _ fingerprints: Set<Hash256>, by: Principal
    ) async throws {
        try await decideDrift(id, by: by, changesBaseline: false) { [self] holder, _, person in
            try Self.conflict {
                try holder.machine.acknowledge(fingerprints, by: person, now: now)
            }
            return Decided(
                value: (),
                summary: [
                    "acknowledged": .array(
                        fingerprints.map(\.hex).sorted().map(JSON.string)),
                    "decision": "deviations_acknowledged",
                ])
        }
    }

    // MARK: the common part

    private struct Decided<Value: Sendable>: Sendable {
        let value: Value
        let summary: JSON
        var body: JSON = [:]
        var changes: [BaselineChange] = []
    }

    /// What a person decides of a source: an entry, or nothing.
    ///
    /// What changes no baseline needs nobody else's approval, sealed or not.
    private func decideDrift<Value: Sendable>(
        _ id: Handle, by: Principal, changesBaseline: Bool = true,
        _ decide: (inout DriftBook.Holder, DriftSource, Handle) throws -> Decided<Value>
    ) async throws -> Value {
        try await requireTrustedClock()
        let may = changesBaseline ? mayAdminister(by) : mayAdminister(by) || isAdministrator(by)
        guard may, let person = by.personID else { throw Self.driftAdministrators }
        for _ in 0..<Self.driftAttempts {
            let source = try driftSource(id)
            guard let basis = drift.holder(id) else {
                throw CommandError.conflict(
                    code: "nothing_observed", "source `\(id)` was not observed yet")
            }
            var holder = basis
            let decided = try decide(&holder, source, person)
            let isKept = try await record(
                holder, basis, source, .decided, summary: decided.summary, body: decided.body,
                changes: decided.changes, alerts: [], by: by.description)
            if isKept { return decided.value }
        }
        throw CommandError.conflict(
            code: "busy", "source `\(id)` changes too often: look again, and try again")
    }

    /// What was found last.
    static func live(_ holder: DriftBook.Holder) throws -> Snapshot {
        guard let live = holder.live else {
            throw CommandError.conflict(
                code: "nothing_observed",
                "source `\(holder.machine.source.id)` was not observed since this server started: "
                    + "wait for the next observation")
        }
        return live
    }

    private static func checkExpected(_ expect: String, _ root: Hash256) throws {
        try checkDigits(expect)
        guard root.hex.utf8.starts(with: expect.utf8) else {
            throw CommandError.conflict(
                code: "state_changed",
                "something else is there than what you looked at: look again with "
                    + "`exequatur drift show`")
        }
    }

    static func conflict<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as DriftError {
            throw CommandError.conflict(code: "drift_conflict", error.description)
        }
    }
}

extension Principal {
    /// The person, if it is one.
    package var personID: Handle? {
        switch self {
        case .person(let id), .administrator(let id), .action(_, let id): id
        case .agent, .gate: nil
        }
    }
}
