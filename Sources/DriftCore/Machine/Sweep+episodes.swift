// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

extension Sweep {
    // MARK: Open ones

    /// Follows every deviation that is still there.
    mutating func track(_ current: [Current], _ attributor: inout Attributor) throws {
        var beyond: [DriftSeverity] = []
        var hits: [Handle: Int64] = [:]
        for one in current {
            if one.attribution.verdict.explains {
                report.explained.append(
                    ExplainedDeviation(
                        deviation: try one.deviation.abbreviated, attribution: one.attribution))
            }
            if one.isAdopted { continue }
            let direction = directions.direction(of: one.deviation, kind: machine.source.kind)
            let severity = DriftSeverity.of(
                one.attribution.verdict, direction: direction,
                assetClass: machine.source.assetClass, kind: machine.source.kind)
            let rule = try ignoringRule(one, &attributor)
            if let rule {
                hits[rule, default: 0] += 1
                report.ignored.append(
                    IgnoredDeviation(deviation: try one.deviation.abbreviated, rule: rule))
            }
            if machine.episodes[one.fingerprint] == nil,
                machine.episodes.count >= DriftLimits.deviations
            {
                if rule == nil { beyond.append(severity) }
                continue
            }
            try follow(one, direction, severity, ignoredBy: rule)
        }
        count(hits)
        report.beyondLimit = beyond.count
        flood(beyond)
    }

    private func ignoringRule(
        _ one: Current, _ attributor: inout Attributor
    ) throws -> Handle? {
        // Rules are approved in the ledger; if that is not sound, neither are they.
        guard ledgerIsSound, !one.attribution.verdict.explains else { return nil }
        for rule in rules where rule.isInForce(now: now) && rule.isFor(machine.source) {
            guard Glob.matches(rule.subject, one.deviation.subject),
                rule.valueGuard?.admits(one.deviation.after) ?? true,
                try attributor.covers(rule.selector, one.deviation)
            else { continue }
            return rule.id
        }
        return nil
    }

    private mutating func count(_ hits: [Handle: Int64]) {
        let known = Dictionary(
            machine.tallies.map { ($0.rule, $0) }, uniquingKeysWith: { first, _ in first })
        let inForce = rules.filter { $0.isFor(machine.source) && $0.isInForce(now: now) }
        machine.tallies = inForce.map { rule in
            var tally =
                known[rule.id] ?? IgnoreTally(rule: rule.id, hits: 0, since: now, lastHit: nil)
            if let more = hits[rule.id] {
                tally.hits += more
                tally.lastHit = now
            }
            return tally
        }.sorted { $0.rule < $1.rule }
    }

    private mutating func follow(
        _ one: Current, _ direction: DriftDirection, _ severity: DriftSeverity,
        ignoredBy rule: Handle?
    ) throws {
        touched.insert(one.fingerprint)
        let known = machine.episodes[one.fingerprint]
        let former = known == nil ? machine.closed.removeValue(forKey: one.fingerprint) : nil
        var episode: Episode
        if let earlier = known ?? former {
            episode = earlier
        } else {
            episode = Episode(
                fingerprint: one.fingerprint, deviation: one.deviation, value: one.value,
                attribution: one.attribution, direction: direction, severity: severity,
                interval: one.interval, now: observation.ended, missing: nil)
        }
        let isSame = known != nil && episode.valueDigest == one.value
        episode.agreeing = isSame ? episode.agreeing + 1 : 1
        if known != nil || former != nil { episode.hits += 1 }
        if former != nil {
            if former?.ending == .reverted { episode.fought += 1 }
            episode.reopen()
        }
        if former?.told != nil || (known?.told != nil && !isSame) { noteFlip(&episode) }
        episode.deviation = try one.deviation.abbreviated
        episode.valueDigest = one.value
        episode.attribution = one.attribution
        if one.attribution.verdict.explains {
            episode.explanation = one.attribution
        } else if !isSame {
            episode.explanation = nil
        }
        episode.direction = direction
        episode.severity = severity
        episode.lastSeen = observation.ended
        episode.interval = one.interval
        episode.ignoredBy = rule
        decide(&episode, isBack: former?.told != nil)
        machine.episodes[one.fingerprint] = episode
        if let known {
            if known.isOther(than: episode) { report.changed.append(episode) }
        } else {
            report.opened.append(episode)
        }
    }

    private func noteFlip(_ episode: inout Episode) {
        if episode.flipsSince.adding(seconds: DriftLimits.reminderSeconds) <= now {
            episode.flips = 0
            episode.flipsSince = now
        }
        episode.flips += 1
    }

    /// Which state an episode is in now, and whether that is told.
    private mutating func decide(_ episode: inout Episode, isBack: Bool) {
        if episode.attribution.verdict.explains {
            // A person has to take over what doesn't move the baseline by itself.
            let needsPerson = episode.attribution.verdict != .system
            let isNew = episode.state != .explained
            episode.state = .explained
            if isNew, needsPerson { tell(&episode, .opened) }
            return
        }
        if episode.ignoredBy != nil {
            episode.state = .ignored
            return
        }
        let stability = machine.source.stability
        // One that comes and goes is told too, though it never stays for long enough.
        let isRestless =
            episode.told == nil
            ? episode.hits >= 2 * stability : episode.flips > DriftLimits.flips
        let isStable = episode.agreeing >= stability || isRestless
        switch episode.state {
        case .pending, .explained, .ignored, .closed:
            episode.state = isStable ? .open : .pending
            if isStable { tell(&episode, isBack ? .reopened : .opened) }
        case .open, .acknowledged:
            if let told = episode.toldSeverity, told < episode.severity {
                episode.state = .open
                tell(&episode, .rose)
            } else if episode.toldValue != episode.valueDigest,
                isStable
            {
                episode.state = .open
                tell(&episode, .changed)
            }
        }
    }

    // MARK: Telling

    /// Tells of an episode; what changes again and again is told once an hour.
    mutating func tell(_ episode: inout Episode, _ cause: DriftAlert.Cause) {
        var cause = cause
        if cause == .changed || cause == .reopened, episode.flips > DriftLimits.flips {
            if let told = episode.told, episode.flips > DriftLimits.flips + 1,
                now < told.adding(seconds: DriftLimits.flappingSeconds)
            {
                return
            }
            cause = .flapping
        }
        episode.told = now
        episode.toldValue = episode.valueDigest
        episode.toldSeverity = episode.severity
        touched.insert(episode.fingerprint)
        report.alerts.append(
            DriftAlert(
                cause: cause, severity: episode.severity, episode: episode.fingerprint,
                gap: nil, text: episode.line))
    }

    /// Tells again what is still open.
    mutating func remind() {
        let due = machine.episodes.values.filter { episode in
            guard let told = episode.told else { return false }
            let patience: Int64
            switch episode.state {
            case .open: patience = DriftLimits.reminderSeconds
            case .acknowledged: patience = DriftLimits.acknowledgedSeconds
            default: return false
            }
            return told.adding(seconds: patience) <= now
        }
        for var episode in due.sorted(by: Episode.precedes) {
            tell(&episode, .reminder)
            machine.episodes[episode.fingerprint] = episode
        }
    }

    private mutating func flood(_ beyond: [DriftSeverity]) {
        guard let worst = beyond.max() else {
            machine.flood = nil
            return
        }
        var marker =
            machine.flood
            ?? FloodMarker(
                since: observation.started, count: 0, severity: worst, told: now,
                toldSeverity: worst)
        let isNew = machine.flood == nil
        marker.count = Int64(beyond.count)
        marker.severity = worst
        let isDue =
            marker.toldSeverity < worst
            || marker.told.adding(seconds: DriftLimits.reminderSeconds) <= now
        if isNew || isDue {
            marker.told = now
            marker.toldSeverity = worst
            report.alerts.append(
                DriftAlert(
                    cause: .flood, severity: worst, episode: nil, gap: nil,
                    text: "\(beyond.count) more deviations than the "
                        + "\(DriftLimits.deviations) that are told apart"))
        }
        machine.flood = marker
    }

    // MARK: Ending

    /// Ends the episodes whose deviations are gone; of what was not seen nothing is known.
    mutating func close(
        present: Set<Hash256>, adopted: Set<Hash256>, unseen: UnseenSubjects,
        otherwise: Episode.Ending
    ) {
        let gone = machine.episodes.values.filter {
            $0.missing == nil && !present.contains($0.fingerprint)
                && (adopted.contains($0.fingerprint) || !unseen.contains($0.deviation.subject))
        }
        for episode in gone.sorted(by: Episode.precedes) {
            close(episode, adopted.contains(episode.fingerprint) ? .explained : otherwise)
        }
        machine.forgetClosed(now: now)
    }

    mutating func close(_ episode: Episode, _ ending: Episode.Ending) {
        report.closed.append(machine.close(episode, ending, at: observation.ended))
    }
}
