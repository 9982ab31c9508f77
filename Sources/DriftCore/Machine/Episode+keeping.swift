// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

extension Episode {
    init(
        fingerprint: Hash256, deviation: Deviation, value: Hash256, attribution: Attribution,
        direction: DriftDirection, severity: DriftSeverity, interval: ChangeInterval,
        now: Timestamp, missing: EffectKey?
    ) {
        self.init(
            fingerprint: fingerprint, deviation: deviation, valueDigest: value,
            attribution: attribution, explanation: nil, direction: direction,
            severity: severity, state: .pending, ending: nil, firstSeen: now, lastSeen: now,
            hits: 1, interval: interval, agreeing: 1, flips: 0, flipsSince: now, told: nil,
            toldValue: nil, toldSeverity: nil, missing: missing, ignoredBy: nil,
            acknowledgedBy: nil, fought: 0)
    }

    /// Names the episode of an effect that is missing.
    static func fingerprint(missing key: EffectKey) -> Hash256 {
        .sha256(Array("exequatur/v1/missing-effect\n\(key.action.text) \(key.number)".utf8))
    }

    /// A value that may be kept in the state: itself, or its digest where it is large.
    static func abbreviated(_ value: JSON?) throws -> JSON? {
        guard let value else { return .none }
        let bytes = try value.canonicalBytes()
        guard bytes.count > largestValueBytes else { return value }
        return ["$digest": .string("sha256:\(Hash256.sha256(bytes).hex)")]
    }

    static func precedes(_ a: Episode, _ b: Episode) -> Bool {
        a.fingerprint.withUnsafeBytes { left in
            b.fingerprint.withUnsafeBytes { left.lexicographicallyPrecedes($0) }
        }
    }

    mutating func reopen() {
        ending = nil
        state = .pending
        explanation = nil
        acknowledgedBy = nil
    }

    /// Whether people see something else.
    func isOther(than episode: Episode) -> Bool {
        valueDigest != episode.valueDigest || attribution != episode.attribution
            || severity != episode.severity || state != episode.state
    }

    /// One line for people.
    var line: String {
        let place = deviation.path.description.shortened
        let subject = VisibleText.escape(deviation.subject)
        let what = place.isEmpty ? subject : "\(subject) at \(VisibleText.escape(place))"
        return "\(what): \(attribution.verdict.rawValue), \(attribution.reason)"
    }
}

extension Deviation {
    /// With large values replaced by their digests.
    var abbreviated: Deviation {
        get throws {
            Deviation(
                source: source, scope: scope, subject: subject, path: path, pointer: pointer,
                operation: operation, before: try Episode.abbreviated(before),
                after: try Episode.abbreviated(after))
        }
    }
}

extension DriftMachine {
    /// Ends an episode and remembers it for a while.
    mutating func close(
        _ episode: Episode, _ ending: Episode.Ending, at instant: Timestamp
    ) -> Episode {
        var episode = episode
        episode.state = .closed
        episode.ending = ending
        episode.lastSeen = max(episode.lastSeen, episode.firstSeen)
        episodes[episode.fingerprint] = nil
        closed[episode.fingerprint] = episode
        return episode
    }

    /// Forgets what closed long ago, and of too many the oldest.
    mutating func forgetClosed(now: Timestamp) {
        let horizon = now.adding(seconds: -DriftLimits.closedSeconds)
        if closed.values.contains(where: { $0.lastSeen < horizon }) {
            closed = closed.filter { $0.value.lastSeen >= horizon }
        }
        guard closed.count > DriftLimits.closedEpisodes else { return }
        let oldest = closed.values.sorted {
            $0.lastSeen == $1.lastSeen ? Episode.precedes($0, $1) : $0.lastSeen < $1.lastSeen
        }
        for episode in oldest.prefix(closed.count - DriftLimits.closedEpisodes) {
            closed[episode.fingerprint] = nil
        }
    }
}
