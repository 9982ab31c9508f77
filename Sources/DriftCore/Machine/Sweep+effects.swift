// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

extension Sweep {
    // MARK: Effects that were seen

    /// Notes the effects that this observation showed in place: they explain nothing more.
    mutating func settle(_ current: [Current], _ attributor: inout Attributor) throws {
        var explaining: Set<EffectKey> = []
        var unexplained: [ByteKey: [JSONPointer]] = [:]
        for one in current {
            guard one.attribution.verdict.explains else {
                unexplained[ByteKey(one.deviation.subject), default: []]
                    .append(one.deviation.pointer)
                continue
            }
            guard let action = one.attribution.action, let number = one.attribution.effect else {
                continue
            }
            let key = EffectKey(action: action, number: number)
            if one.attribution.verdict == .explained {
                explaining.insert(key)
            } else if one.attribution.verdict == .derived {
                noteDerived(key, one.deviation, attributor)
            }
        }
        let index = attributor.index
        var seen: [Int] = []
        for (number, effect) in index.effects.enumerated() {
            guard effect.isClaimed, machine.settlements[effect.key] == nil,
                effect.began <= observation.ended
            else { continue }
            if !explaining.contains(effect.key) {
                // What is there already may still be about to be done, while the action runs.
                guard let ended = effect.ended, ended <= observation.started,
                    try attributor.isInPlace(number, hint: nil),
                    !(unexplained[ByteKey(effect.effect.subject)] ?? []).contains(where: {
                        $0.covers(effect.effect.path) || effect.effect.path.covers($0)
                    })
                else { continue }
            }
            seen.append(number)
        }
        let settled = EffectSettlement(kind: .seen, at: observation.ended)
        for number in seen { machine.settlements[index.effects[number].key] = settled }
        report.seen = seen.map { index.effects[$0].key }
        for number in seen { try supersede(before: number, &attributor) }
        forgetSettlements()
    }

    private mutating func noteDerived(
        _ key: EffectKey, _ deviation: Deviation, _ attributor: Attributor
    ) {
        let places = attributor.index.derivedPlaces(
            covering: deviation.subject, deviation.pointer)
        for place in places where attributor.index.effects[place.effect].key == key {
            machine.derivedSeen.insert(DerivedKey(effect: key, place: place.number))
        }
    }

    /// An effect that was not seen before a later one took its place will not come any more.
    private mutating func supersede(before number: Int, _ attributor: inout Attributor) throws {
        let later = attributor.index.effects[number]
        let covered = attributor.index.within(later.effect.subject, later.effect.path)
        for other in covered {
            let effect = attributor.index.effects[other]
            guard effect.index < later.index, effect.isClaimed,
                machine.settlements[effect.key] == nil,
                try !attributor.isInPlace(other, hint: nil)
            else { continue }
            machine.settlements[effect.key] = EffectSettlement(
                kind: .superseded, at: observation.ended)
        }
    }

    private mutating func forgetSettlements() {
        let horizon = now.adding(seconds: -DriftLimits.settledSeconds)
        guard machine.settlements.values.contains(where: { $0.at < horizon }) else { return }
        let given = Set(effects.map(\.key))
        machine.settlements = machine.settlements.filter {
            $0.value.at >= horizon || given.contains($0.key)
        }
        let kept = machine.settlements
        machine.derivedSeen = machine.derivedSeen.filter {
            given.contains($0.effect) || kept[$0.effect] != nil
        }
    }

    // MARK: Effects that are missing

    /// Tells once of each effect that should be there and is not.
    mutating func findMissing(
        _ baseline: BaselineVersion, _ attributor: inout Attributor, _ unseen: UnseenSubjects
    ) throws {
        var missed: [EffectKey: Hash256] = [:]
        for episode in machine.episodes.values {
            if let key = episode.missing { missed[key] = episode.fingerprint }
        }
        for (number, effect) in attributor.index.effects.enumerated() {
            let known = missed[effect.key].flatMap { machine.episodes[$0] }
            if known == nil, effect.standing != .succeeded { continue }
            if unseen.contains(effect.effect.subject) { continue }
            let isMissing = try isMissing(number, effect, baseline, &attributor)
            if !isMissing {
                if let known { end(known, effect.windowEnd(now: now), baseline) }
                continue
            }
            let deviation = try missingDeviation(effect, &attributor)
            if var episode = known {
                episode.deviation = deviation
                episode.lastSeen = observation.ended
                episode.hits += 1
                machine.episodes[episode.fingerprint] = episode
            } else {
                try openMissing(
                    effect, deviation, Episode.fingerprint(missing: effect.key))
            }
        }
    }

    private mutating func end(
        _ episode: Episode, _ windowEnd: Timestamp, _ baseline: BaselineVersion
    ) {
        close(episode, windowEnd < baseline.capturedAt ? .rebaselined : .superseded)
    }

    private func isMissing(
        _ number: Int, _ effect: ApprovedEffect, _ baseline: BaselineVersion,
        _ attributor: inout Attributor
    ) throws -> Bool {
        guard effect.standing == .succeeded, !effect.isObserved, effect.effect.post != .observed,
            effect.ended != nil, machine.settlements[effect.key] == nil
        else { return false }
        let end = effect.windowEnd(now: now)
        guard end < observation.started, baseline.capturedAt <= end else { return false }
        return try !attributor.isInPlace(number, hint: nil)
    }

    private func missingDeviation(
        _ effect: ApprovedEffect, _ attributor: inout Attributor
    ) throws -> Deviation {
        let declared = effect.effect
        let found = try attributor.live.document(declared.subject)?[declared.path]
        let wanted: JSON? =
            switch declared.post {
            case .value(let value): value
            case .digest(let hash): ["$digest": .string("sha256:\(hash.hex)")]
            case .absent, .observed: .none
            }
        let operation: Deviation.Operation =
            if wanted == nil { .add } else if found == nil { .remove } else { .replace }
        return Deviation(
            source: machine.source.id, scope: machine.source.scope, subject: declared.subject,
            path: KeyPath(declared.path.tokens.map(KeyPath.Step.member)), pointer: declared.path,
            operation: operation, before: try Episode.abbreviated(wanted),
            after: try Episode.abbreviated(found))
    }

    private mutating func openMissing(
        _ effect: ApprovedEffect, _ deviation: Deviation, _ fingerprint: Hash256
    ) throws {
        let attribution = Attribution(
            .missingEffect, action: effect.action, effect: effect.number,
            reason: "approved, reported to have succeeded, and not there")
        let interval = ChangeInterval(from: effect.began, to: observation.ended)
        var episode = Episode(
            fingerprint: fingerprint, deviation: deviation,
            value: try Self.digest(of: deviation.after), attribution: attribution,
            direction: .neutral,
            severity: .of(
                .missingEffect, direction: .neutral, assetClass: machine.source.assetClass,
                kind: machine.source.kind),
            interval: interval, now: observation.ended, missing: effect.key)
        episode.state = .open
        tell(&episode, .missingEffect)
        machine.episodes[fingerprint] = episode
        report.missing.append(episode)
    }
}
