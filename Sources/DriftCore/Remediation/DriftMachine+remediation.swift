// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

extension DriftMachine {
    /// A plan that puts episodes back as the baseline has them.
    ///
    /// Refuses each that a plan can't put back safely, and says why: values that are secret here,
    /// what broadens rights unless `allowsBroadening`, what was put back twice and came again,
    /// subjects that another plan is at, and effects that are missing, which are for an action of
    /// their own.
    /// - Parameters:
    ///   - fingerprints: the episodes.
    ///   - expected: the leaves of ``baseline``.
    ///   - live: the leaves of the last observation.
    ///   - directions: the comparators of all kinds.
    ///   - allowsBroadening: whether the requester said that rights may be given back.
    /// - Returns: the plan, which may refuse some of them.
    /// - Throws: ``DriftError`` where a snapshot is not the one of the state, or an episode is not
    ///   open or has changed.
    package func plan(
        reverting fingerprints: Set<Hash256>, expected: Snapshot, live: Snapshot,
        directions: DirectionRules, allowsBroadening: Bool
    ) throws -> RemediationPlan {
        let chosen = try open(fingerprints)
        guard let baseline, baseline.root == expected.root, last?.root == live.root else {
            throw DriftError(
                "source `\(source.id)`: the leaves given are not those of its baseline and of "
                    + "its last observation; observe again")
        }
        var builder = PlanBuilder(
            source: source, expected: expected, live: live, directions: directions,
            allowsBroadening: allowsBroadening,
            busy: Set(remediations.values.flatMap(\.subjects).map(ByteKey.init)))
        let found = try SnapshotDiff.deviations(
            source: source, expected: expected, live: live,
            unseen: UnseenSubjects(gaps.map(\.gap)))
        var wanted: [Hash256: Episode] = [:]
        for episode in chosen {
            if episode.missing == nil {
                wanted[episode.fingerprint] = episode
            } else {
                builder.refuse(episode.fingerprint, "an effect that did not come: ask for it again")
            }
        }
        var subject: ArraySlice<Deviation> = []
        for deviation in found {
            if let first = subject.first,
                Subject.compare(first.subject, deviation.subject) != 0
            {
                try add(subject, &wanted, to: &builder)
                subject = []
            }
            subject.append(deviation)
        }
        try add(subject, &wanted, to: &builder)
        if let left = wanted.values.min(by: Episode.precedes) {
            throw DriftError(
                "`\(left.deviation.subject)`: it is not seen now as it was shown; observe again")
        }
        return RemediationPlan(
            source: source.id, scope: source.scope, observedRoot: live.root,
            baselineRoot: expected.root, changes: builder.changes, refused: builder.refused,
            isBroadening: builder.isBroadening,
            needsReview: !builder.isNarrowing || source.kind == .exequatur)
    }

    /// Adds what is wanted of the deviations of one subject, and takes it from `wanted`.
    private func add(
        _ found: ArraySlice<Deviation>, _ wanted: inout [Hash256: Episode],
        to builder: inout PlanBuilder
    ) throws {
        var (group, beside): ([Deviation], [Deviation]) = ([], [])
        for deviation in found {
            guard let episode = wanted[deviation.fingerprint],
                try Sweep.digest(of: deviation.after) == episode.valueDigest
            else {
                beside.append(deviation)
                continue
            }
            wanted[deviation.fingerprint] = nil
            group.append(deviation)
        }
        guard let first = group.first else { return }
        try builder.add(group, of: first.subject, beside: beside, fought: fought)
    }

    private func fought(_ fingerprint: Hash256) -> Int64 { episodes[fingerprint]?.fought ?? 0 }

    /// Notes that a plan is being carried out by an action.
    ///
    /// What else changed since it was made does not matter: whoever carries it out looks whether its
    /// own subjects are what it was made against.
    ///
    /// - Parameters:
    ///   - plan: one of this source.
    ///   - action: who carries it out.
    ///   - expected: the leaves of ``baseline``.
    ///   - now: when it began.
    /// - Throws: ``DriftError`` where another one is at the same subject, it changes nothing, or
    ///   what it puts there is not what the baseline has by now.
    package mutating func begin(
        _ plan: RemediationPlan, action: ActionID, expected: Snapshot?, now: Timestamp
    ) throws {
        guard plan.source == source.id, let baseline, expected?.root == baseline.root else {
            throw DriftError("source `\(source.id)`: the plan is of another source or baseline")
        }
        for change in plan.changes {
            let document = try expected?[change.subject]?.json()
            guard change.fields.allSatisfy({ isPut($0, in: document) }) else {
                throw DriftError(
                    "`\(change.subject)`: the plan was made for another baseline; make a new one")
            }
        }
        guard !plan.changes.isEmpty else {
            throw DriftError("source `\(source.id)`: the plan changes nothing")
        }
        let busy = Set(remediations.values.flatMap(\.subjects).map(ByteKey.init))
        if let change = plan.changes.first(where: { busy.contains(ByteKey($0.subject)) }) {
            throw DriftError("`\(change.subject)`: another plan is at it; wait for that one")
        }
        remediations[try plan.digest] = RunningRemediation(
            action: action, since: now, subjects: plan.changes.map(\.subject),
            fingerprints: plan.changes.flatMap { $0.fields.map(\.fingerprint) })
    }

    /// Forgets a plan whose action was denied or did not start.
    package mutating func abandon(_ plan: RemediationPlan) throws {
        remediations[try plan.digest] = nil
    }

    /// Compares what a plan wanted with an observation that began after it was carried out.
    ///
    /// To be called before the observation is handed to `observe`. A plan is over unless some of
    /// its subjects were not seen.
    /// - Parameters:
    ///   - plan: one that ``begin(_:action:expected:now:)`` noted.
    ///   - observation: one that began after that.
    /// - Returns: what is as the plan wanted it, what is not, and what was not seen.
    /// - Throws: ``DriftError`` where the plan is not being carried out, or the observation is too
    ///   old.
    package mutating func verify(
        _ plan: RemediationPlan, observation: Observation
    ) throws -> RemediationOutcome {
        let digest = try plan.digest
        guard let running = remediations[digest] else {
            throw DriftError("source `\(source.id)`: the plan is not being carried out")
        }
        guard running.since <= observation.started else {
            throw DriftError(
                "source `\(source.id)`: the observation began before the plan; observe again")
        }
        var (verified, unseen): ([Hash256], [Hash256]) = ([], [])
        var failed: [RemediationPlan.Refusal] = []
        var over: [Episode] = []
        let hidden = UnseenSubjects(observation.gaps)
        for change in plan.changes {
            guard let live = observation.snapshot, !hidden.contains(change.subject) else {
                unseen += change.fields.map(\.fingerprint)
                continue
            }
            let document = try live[change.subject]?.json()
            for field in change.fields {
                if isPut(field, in: document) {
                    verified.append(field.fingerprint)
                    // A plan says nothing of deviations elsewhere, whatever it lists.
                    if let episode = episodes[field.fingerprint],
                        Subject.compare(episode.deviation.subject, change.subject) == 0,
                        field.pointer.covers(episode.deviation.pointer)
                    {
                        over.append(episode)
                    }
                } else {
                    failed.append(
                        RemediationPlan.Refusal(
                            fingerprint: field.fingerprint,
                            reason: "`\(VisibleText.escape(change.subject))`: it is not as "
                                + "planned"))
                }
            }
        }
        if unseen.isEmpty { remediations[digest] = nil }
        let closed = over.map { close($0, .reverted, at: observation.ended) }
        return RemediationOutcome(
            verified: verified, failed: failed, unseen: unseen, closed: closed)
    }

    private func isPut(_ field: RemediationPlan.Field, in document: JSON?) -> Bool {
        switch (field.post, document?[field.pointer]) {
        case (nil, nil): true
        case (let wanted?, let found?):
            JSONDiff.areEqual(wanted, found, lists: source.lists.below(field.pointer))
        case (nil, _?), (_?, nil): false
        }
    }
}
