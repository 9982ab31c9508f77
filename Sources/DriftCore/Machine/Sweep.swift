// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// One observation on its way through the machine; what it did counts only if nothing threw.
struct Sweep {
    var machine: DriftMachine
    var report: DriftReport
    let observation: Observation
    let effects: [ApprovedEffect]
    let rules: [IgnoreRule]
    let system: SystemChanges
    let directions: DirectionRules
    let ledgerIsSound: Bool
    let now: Timestamp
    /// The gaps as they were before, which say since when something was not seen.
    let earlierGaps: [OpenGap]
    private let hidden: [(subjects: UnseenSubjects, lastSeen: Timestamp?)]
    /// Episodes of which something was said in this observation.
    var touched: Set<Hash256> = []

    init(
        machine: DriftMachine, observation: Observation, effects: [ApprovedEffect],
        rules: [IgnoreRule], system: SystemChanges, directions: DirectionRules,
        ledgerIsSound: Bool, now: Timestamp
    ) {
        self.machine = machine
        self.observation = observation
        self.effects = effects
        self.rules = rules
        self.system = system
        self.directions = directions
        self.ledgerIsSound = ledgerIsSound
        self.now = now
        report = DriftReport(observed: observation.status)
        earlierGaps = machine.gaps
        hidden = machine.gaps.map { (UnseenSubjects([$0.gap]), $0.lastSeen) }
    }

    /// A deviation of this observation, and what is said of it.
    struct Current {
        let deviation: Deviation
        let fingerprint: Hash256
        let value: Hash256
        let interval: ChangeInterval
        let attribution: Attribution
        var isAdopted = false
    }

    mutating func run(expected: Snapshot?) throws {
        updateGaps()
        if let live = observation.snapshot {
            if let expected, let baseline = machine.baseline {
                try compare(expected, live, baseline)
            } else if machine.proposed == nil {
                try propose(live, beside: nil)
            }
            machine.lastSeen = observation.started
        }
        remind()
        machine.last = ObservationRecord(
            started: observation.started, ended: observation.ended, status: observation.status,
            root: observation.snapshot?.root)
    }

    /// What was not seen is not gone: of that the baseline before stays.
    private mutating func propose(_ live: Snapshot, beside expected: Snapshot?) throws {
        var live = live
        if let expected, !observation.gaps.isEmpty {
            let unseen = UnseenSubjects(observation.gaps)
            let kept = expected.leaves.filter {
                unseen.contains($0.subject) && live[$0.subject] == nil
            }
            if !kept.isEmpty { live = try Snapshot(live.leaves + kept) }
        }
        let version = BaselineVersion(
            version: (machine.baseline?.version ?? 0) + 1, parent: machine.baseline?.root,
            root: live.root, origin: .captured, derivedFrom: [], approvedBy: nil, at: now,
            capturedAt: observation.started)
        machine.proposed = version
        report.proposed = BaselineChange(version: version, snapshot: live)
    }

    // MARK: Comparison

    private mutating func compare(
        _ expected: Snapshot, _ live: Snapshot, _ baseline: BaselineVersion
    ) throws {
        if machine.wantsProposal {
            try propose(live, beside: expected)
            machine.wantsProposal = false
        }
        let unseen = UnseenSubjects(observation.gaps)
        let difference = try SnapshotDiff.compare(
            source: machine.source, expected: expected, live: live, unseen: unseen)
        var attributor = Attributor(
            source: machine.source, effects: effects, settlements: machine.settlements,
            derivedSeen: machine.derivedSeen, system: system, expected: expected, live: live,
            unseen: unseen, ledgerIsSound: ledgerIsSound, now: now)
        var current: [Current] = []
        var present: Set<Hash256> = []
        for deviation in difference.deviations {
            // Equal copies of one element of a set have the same place; one stands for all.
            let fingerprint = deviation.fingerprint
            guard present.insert(fingerprint).inserted else { continue }
            current.append(try judge(deviation, fingerprint, baseline, &attributor))
        }
        var root = baseline.root
        if ledgerIsSound {
            let merge = BaselineMerge(
                source: machine.source, expected: expected, live: live, unseen: unseen,
                difference: difference)
            if let new = try adopt(&current, merge, baseline) { root = new }
            try settle(current, &attributor)
            try findMissing(baseline, &attributor, unseen)
        }
        let isOther = machine.comparedRoot.map { $0 != baseline.root } ?? false
        machine.comparedRoot = root
        try track(current, &attributor)
        close(
            present: Set(current.lazy.filter { !$0.isAdopted }.map(\.fingerprint)),
            adopted: Set(current.lazy.filter(\.isAdopted).map(\.fingerprint)), unseen: unseen,
            otherwise: isOther ? .rebaselined : .vanished)
    }

    private mutating func judge(
        _ deviation: Deviation, _ fingerprint: Hash256, _ baseline: BaselineVersion,
        _ attributor: inout Attributor
    ) throws -> Current {
        let value = try Self.digest(of: deviation.after)
        let known = machine.episodes[fingerprint].flatMap { $0.valueDigest == value ? $0 : nil }
        let interval =
            known?.interval
            ?? ChangeInterval(
                from: min(lastSeen(deviation.subject, baseline), observation.ended),
                to: observation.ended)
        let attribution: Attribution
        if ledgerIsSound, let explanation = known?.explanation {
            attribution = explanation
        } else {
            attribution = try attributor.attribute(
                deviation, interval: interval, until: observation.ended)
        }
        return Current(
            deviation: deviation, fingerprint: fingerprint, value: value, interval: interval,
            attribution: attribution)
    }

    /// SHA-256 of the canonical form of a found value, or of nothing.
    static func digest(of value: JSON?) throws -> Hash256 {
        guard let value else { return .sha256([]) }
        return .sha256(try value.canonicalBytes())
    }

    /// When a subject was last known to be as the baseline or an episode has it.
    private func lastSeen(_ subject: String, _ baseline: BaselineVersion) -> Timestamp {
        var earliest = machine.lastSeen ?? baseline.capturedAt
        if machine.comparedRoot != baseline.root { earliest = min(earliest, baseline.capturedAt) }
        for gap in hidden where gap.subjects.contains(subject) {
            earliest = min(earliest, gap.lastSeen ?? baseline.capturedAt)
        }
        return earliest
    }

    /// Puts what is explained into the baseline, and returns its root.
    private mutating func adopt(
        _ current: inout [Current], _ merge: BaselineMerge, _ baseline: BaselineVersion
    ) throws -> Hash256? {
        let chosen = current.filter { isAdoptable($0.attribution) }
        if chosen.isEmpty { return nil }
        let (snapshot, adopted) = try merge.adopting(chosen.map(\.deviation))
        if adopted.isEmpty { return nil }
        var actions: [ActionID] = []
        for position in current.indices where adopted.contains(current[position].fingerprint) {
            current[position].isAdopted = true
            if let action = current[position].attribution.action, !actions.contains(action) {
                actions.append(action)
            }
        }
        let version = BaselineVersion(
            version: baseline.version + 1, parent: baseline.root, root: snapshot.root,
            origin: .effectApplied, derivedFrom: actions, approvedBy: nil, at: now,
            capturedAt: baseline.capturedAt)
        machine.baseline = version
        report.newBaseline = BaselineChange(version: version, snapshot: snapshot)
        return snapshot.root
    }

    /// Whether what explains a deviation may move the baseline.
    ///
    /// A controller's change is not approved, and of what was only observed, or only declared to
    /// change somehow, nobody has approved the value: too weak where much hangs on it.
    private func isAdoptable(_ attribution: Attribution) -> Bool {
        let source = machine.source
        let isCritical = source.assetClass == .critical || source.kind == .exequatur
        return switch attribution.verdict {
        case .explained: !(isCritical && attribution.isObserved)
        case .derived: !isCritical
        default: false
        }
    }
}
