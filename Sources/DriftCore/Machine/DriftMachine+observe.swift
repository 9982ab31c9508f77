// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

extension DriftMachine {
    /// Takes an observation, and says what follows from it.
    ///
    /// - Parameters:
    ///   - observation: what was found; later than the last one.
    ///   - expected: the leaves of ``baseline``; nil if and only if there is none.
    ///   - effects: those of every action claimed or revoked in this scope whose subjects this
    ///     source watches, in any order. One that is left out explains nothing; one whose subject
    ///     it doesn't watch would be missed.
    ///   - rules: approved ignore rules; those of other sources don't matter.
    ///   - system: allow-listed controllers and the evidence of what they did.
    ///   - directions: the comparators of all kinds.
    ///   - ledgerIsSound: whether the chain of the ledger verified; if not, all is undetermined.
    ///   - now: the time; not before the observation ended.
    /// - Returns: what to record, store and send.
    /// - Throws: ``DriftError`` where `expected` is not the baseline, or the observation is older
    ///   than the last one or from the future; the machine is then as it was.
    package mutating func observe(
        _ observation: Observation, expected: Snapshot?, effects: [ApprovedEffect],
        rules: [IgnoreRule], system: SystemChanges = .none, directions: DirectionRules,
        ledgerIsSound: Bool, now: Timestamp
    ) throws -> DriftReport {
        try check(observation, expected: expected, now: now)
        var sweep = Sweep(
            machine: self, observation: observation, effects: effects, rules: rules,
            system: system, directions: directions, ledgerIsSound: ledgerIsSound, now: now)
        try sweep.run(expected: expected)
        self = sweep.machine
        return sweep.report
    }

    private func check(
        _ observation: Observation, expected: Snapshot?, now: Timestamp
    ) throws(DriftError) {
        let name = "source `\(source.id)`"
        guard expected?.root == baseline?.root else {
            throw DriftError("\(name): the leaves given are not those of its baseline")
        }
        guard observation.started <= observation.ended,
            observation.ended <= now.adding(seconds: DriftLimits.clockSkewSeconds)
        else {
            throw DriftError(
                "\(name): an observation from \(observation.started) to \(observation.ended) "
                    + "can't be at \(now): set the clock of its observer")
        }
        if let last, observation.started < last.started {
            throw DriftError(
                "\(name): an observation that began at \(observation.started) is older than the "
                    + "last one; observe again")
        }
    }

    /// Opens a gap where nobody has reported for more than three cadences and a minute.
    ///
    /// To be called from time to time; what it opens, the next observation closes.
    /// - Parameter now: the time.
    /// - Returns: the gap and its alert, or nothing.
    package mutating func silent(now: Timestamp) -> DriftReport {
        var report = DriftReport(observed: .failed)
        let heard = last?.ended ?? createdAt
        let patience = source.every * 3 + DriftLimits.clockSkewSeconds
        guard heard.adding(seconds: patience) < now else { return report }
        let gap = CoverageGap(
            subject: nil, cause: .silent, detail: "nobody has reported since \(heard)")
        if let position = gaps.firstIndex(where: { $0.gap.cause == .silent }) {
            guard gaps[position].told.adding(seconds: DriftLimits.reminderSeconds) <= now else {
                return report
            }
            gaps[position].told = now
            report.alerts.append(alert(gap))
            return report
        }
        open(gap, since: heard, now: now, &report)
        return report
    }

    /// Opens a gap of a source that begins anew, because what was known of it can't be believed.
    ///
    /// The next observation that sees something closes it.
    /// - Parameters:
    ///   - why: one line for people.
    ///   - now: the time.
    /// - Returns: the gap and its alert.
    package mutating func distrust(_ why: String, now: Timestamp) -> DriftReport {
        var report = DriftReport(observed: .failed)
        let gap = CoverageGap(subject: nil, cause: .eventsLost, detail: why)
        open(gap, since: now, now: now, &report)
        return report
    }

    private mutating func open(
        _ gap: CoverageGap, since: Timestamp, now: Timestamp, _ report: inout DriftReport
    ) {
        let open = OpenGap(gap: gap, since: since, lastSeen: lastSeen, hits: 1, told: now)
        gaps.append(open)
        report.gapsOpened.append(open)
        report.alerts.append(alert(gap))
    }

    /// What is told of a gap; nothing that can't be seen is less urgent than what can.
    func alert(_ gap: CoverageGap) -> DriftAlert {
        DriftAlert(
            cause: .gap,
            severity: .of(
                .undetermined, direction: .neutral, assetClass: source.assetClass,
                kind: source.kind),
            episode: nil, gap: gap,
            text: "\(gap.subject.map(VisibleText.escape) ?? "source \(source.id)"): \(gap.detail)")
    }
}
