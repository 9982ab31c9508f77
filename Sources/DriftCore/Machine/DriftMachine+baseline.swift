// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import TransparencyLog

extension DriftMachine {
    /// Proposes leaves that a person gave, such as those of a baseline file.
    package mutating func propose(_ snapshot: Snapshot, now: Timestamp) -> BaselineChange {
        let version = BaselineVersion(
            version: (baseline?.version ?? 0) + 1, parent: baseline?.root, root: snapshot.root,
            origin: .declared, derivedFrom: [], approvedBy: nil, at: now, capturedAt: now)
        wantsProposal = false
        proposed = version
        return BaselineChange(version: version, snapshot: snapshot)
    }

    /// Drops what is proposed; the next observation is proposed instead.
    ///
    /// With a baseline it is the way to a whole new one.
    package mutating func repropose() {
        proposed = nil
        wantsProposal = baseline != nil
    }

    /// Makes the proposed baseline the one that counts.
    ///
    /// - Parameters:
    ///   - root: what the person was shown.
    ///   - person: who approves it.
    ///   - now: the time.
    /// - Returns: the version, now approved. Its leaves are those that were proposed.
    /// - Throws: ``DriftError`` where nothing, or something else, is proposed.
    package mutating func approveBaseline(
        root: Hash256, by person: Handle, now: Timestamp
    ) throws(DriftError) -> BaselineVersion {
        guard let proposed else {
            throw DriftError("source `\(source.id)`: no baseline is proposed; propose one first")
        }
        guard proposed.root == root else {
            throw DriftError(
                "source `\(source.id)`: the proposed baseline is `sha256:\(proposed.root.hex)`, "
                    + "not `sha256:\(root.hex)`; look at that one")
        }
        let version = BaselineVersion(
            version: (baseline?.version ?? 0) + 1, parent: baseline?.root, root: root,
            origin: proposed.origin, derivedFrom: [], approvedBy: person, at: now,
            capturedAt: proposed.capturedAt)
        baseline = version
        self.proposed = nil
        wantsProposal = false
        return version
    }

    /// Puts the found values of some episodes, and nothing else, into the baseline.
    ///
    /// - Parameters:
    ///   - fingerprints: what the person agreed to; a missing effect is given up.
    ///   - expected: the leaves of ``baseline``.
    ///   - live: the leaves of the last observation.
    ///   - person: who accepts them.
    ///   - actions: those by which the acceptance was approved.
    ///   - now: the time.
    /// - Returns: the new baseline for the shell to store, and the episodes that ended.
    /// - Throws: ``DriftError`` where one of them is not open, the place has another value than
    ///   the person saw, or elements of a list can't be told from others that were not accepted.
    package mutating func accept(
        _ fingerprints: Set<Hash256>, expected: Snapshot, live: Snapshot, by person: Handle,
        actions: [ActionID] = [], now: Timestamp
    ) throws -> AcceptedDrift {
        let episodes = try open(fingerprints)
        guard let baseline, baseline.root == expected.root, last?.root == live.root else {
            throw DriftError(
                "source `\(source.id)`: the leaves given are not those of its baseline and of "
                    + "its last observation; observe again")
        }
        var accepted = self
        let adoption = try accepted.adoption(of: episodes, expected: expected, live: live)
        var change: BaselineChange?
        if let adoption {
            let version = BaselineVersion(
                version: baseline.version + 1, parent: baseline.root, root: adoption.root,
                origin: .promoted, derivedFrom: actions, approvedBy: person, at: now,
                capturedAt: baseline.capturedAt)
            accepted.baseline = version
            accepted.comparedRoot = adoption.root
            change = BaselineChange(version: version, snapshot: adoption)
        }
        var ended: [Episode] = []
        for episode in episodes {
            if let missing = episode.missing {
                accepted.settlements[missing] = EffectSettlement(kind: .dismissed, at: now)
            }
            ended.append(accepted.close(episode, .rebaselined, at: now))
        }
        self = accepted
        return AcceptedDrift(baseline: change, closed: ended)
    }

    private func adoption(
        of episodes: [Episode], expected: Snapshot, live: Snapshot
    ) throws -> Snapshot? {
        let wanted = episodes.filter { $0.missing == nil }
        if wanted.isEmpty { return nil }
        let unseen = UnseenSubjects(gaps.map(\.gap))
        let difference = try SnapshotDiff.compare(
            source: source, expected: expected, live: live, unseen: unseen)
        let found = Dictionary(
            difference.deviations.map { ($0.fingerprint, $0) },
            uniquingKeysWith: { first, _ in first })
        var chosen: [Deviation] = []
        for episode in wanted {
            guard let deviation = found[episode.fingerprint],
                try Sweep.digest(of: deviation.after) == episode.valueDigest
            else {
                throw DriftError(
                    "`\(episode.deviation.subject)`: it is not seen now as it was shown; "
                        + "observe again and look at it")
            }
            chosen.append(deviation)
        }
        let merge = BaselineMerge(
            source: source, expected: expected, live: live, unseen: unseen,
            difference: difference)
        let (snapshot, adopted) = try merge.adopting(chosen)
        if let left = wanted.first(where: { !adopted.contains($0.fingerprint) }) {
            throw DriftError(
                "`\(left.deviation.subject)`: elements of a list can't be told apart; accept all "
                    + "deviations of the list together")
        }
        return snapshot
    }

    /// Notes that a person has seen episodes: no reminders for a week, but every change is told.
    ///
    /// - Throws: ``DriftError`` where one of them is not open.
    package mutating func acknowledge(
        _ fingerprints: Set<Hash256>, by person: Handle, now: Timestamp
    ) throws(DriftError) {
        let found = try open(fingerprints)
        for episode in found where episode.state != .open && episode.state != .acknowledged {
            throw DriftError(
                "`\(episode.deviation.subject)`: it is \(episode.state.rawValue), only what "
                    + "is open can be acknowledged")
        }
        for var episode in found {
            episode.state = .acknowledged
            episode.acknowledgedBy = person
            episode.told = now
            episodes[episode.fingerprint] = episode
        }
    }

    /// The episodes with these fingerprints, in their order.
    func open(_ fingerprints: Set<Hash256>) throws(DriftError) -> [Episode] {
        var found: [Episode] = []
        for fingerprint in fingerprints {
            guard let episode = episodes[fingerprint] else {
                throw DriftError(
                    "source `\(source.id)`: `\(fingerprint.hex)` is not an open deviation; "
                        + "look at the list again")
            }
            found.append(episode)
        }
        return found.sorted(by: Episode.precedes)
    }

    /// Watches the source by other settings from now on.
    ///
    /// The baseline stays, so that what the settings no longer show is told as removed rather than
    /// forgotten.
    /// - Throws: ``DriftError`` where it is another source.
    package mutating func configure(_ source: DriftSource) throws(DriftError) {
        guard source.id == self.source.id else {
            throw DriftError("`\(source.id)` is not the source `\(self.source.id)`")
        }
        self.source = source
    }
}
