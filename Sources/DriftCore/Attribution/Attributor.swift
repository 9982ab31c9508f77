// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// Tells what explains deviations: the ladder of ``DriftVerdict``.
///
/// Only what was declared, approved and claimed explains anything, only where the value is exactly
/// the approved one, and once. That something happened at the right time, or says of itself whose
/// it is, explains nothing.
package struct Attributor {
    let source: DriftSource
    let index: EffectIndex
    /// What became of effects in earlier observations.
    let settlements: [EffectKey: EffectSettlement]
    /// Derived places that have changed along with an effect before.
    let derivedSeen: Set<DerivedKey>
    let unseen: UnseenSubjects
    let now: Timestamp
    private let system: SystemChanges
    private let ledgerIsSound: Bool
    var expected: Documents
    var live: Documents
    /// What queries selected.
    var selections: [Selection: Set<JSONPointer>] = [:]
    private var inPlace: [Bool?]
    /// Effects that are in place but for what later ones changed further down.
    private var composed: Set<Int> = []

    /// - Parameters:
    ///   - source: whose deviations; its scope is the one that effects must name.
    ///   - effects: of actions that were claimed or revoked.
    ///   - settlements: effects that explain nothing more.
    ///   - system: controllers, and evidence of what they did.
    ///   - expected: the leaves of the baseline.
    ///   - live: the leaves that were found.
    ///   - unseen: subjects that were not seen; nothing is in place there, nor missing.
    ///   - ledgerIsSound: if not, all is undetermined.
    ///   - now: the end of what still runs.
    package init(
        source: DriftSource, effects: [ApprovedEffect],
        settlements: [EffectKey: EffectSettlement] = [:], system: SystemChanges = .none,
        expected: Snapshot, live: Snapshot, unseen: UnseenSubjects, ledgerIsSound: Bool,
        now: Timestamp
    ) {
        self.init(
            source: source, effects: effects, settlements: settlements, derivedSeen: [],
            system: system, expected: expected, live: live, unseen: unseen,
            ledgerIsSound: ledgerIsSound, now: now)
    }

    init(
        source: DriftSource, effects: [ApprovedEffect],
        settlements: [EffectKey: EffectSettlement], derivedSeen: Set<DerivedKey>,
        system: SystemChanges, expected: Snapshot, live: Snapshot, unseen: UnseenSubjects,
        ledgerIsSound: Bool, now: Timestamp
    ) {
        self.source = source
        index = EffectIndex(effects, scope: source.scope)
        self.settlements = settlements
        self.derivedSeen = derivedSeen
        self.system = system
        self.expected = Documents(expected)
        self.live = Documents(live)
        self.unseen = unseen
        self.ledgerIsSound = ledgerIsSound
        self.now = now
        inPlace = Array(repeating: nil, count: index.effects.count)
    }

    /// What explains a deviation between the two snapshots.
    ///
    /// - Parameters:
    ///   - deviation: one that ``SnapshotDiff`` found.
    ///   - interval: when this value came about.
    ///   - until: the end of the last observation that still showed it; an action that declares
    ///     what has been there for a while explains that it stays.
    /// - Returns: the first step of the ladder that holds.
    /// - Throws: ``DriftError`` where a document is not canonical JSON.
    package mutating func attribute(
        _ deviation: Deviation, interval: ChangeInterval, until: Timestamp
    ) throws(DriftError) -> Attribution {
        guard ledgerIsSound else {
            return Attribution(.undetermined, reason: "the ledger does not verify")
        }
        let span = ChangeInterval(from: interval.from, to: max(interval.to, until))
        let covering = index.covering(deviation.subject, deviation.pointer)
        var best: Finding?
        for number in covering {
            let finding = try judge(number, deviation, interval: interval, span: span)
            if let finding, finding.isBetter(than: best) { best = finding }
            if best?.rank == 0 { break }
        }
        if let best, best.verdict == .explained { return attribution(best) }
        if let derived = try derivedFinding(deviation, span: span) { return attribution(derived) }
        if let controller = try controller(of: deviation, interval: interval) {
            return Attribution(
                .system,
                reason: "`\(VisibleText.escape(controller.principal))` may set this, and did")
        }
        if let best { return attribution(best) }
        return Attribution(.unauthorised, reason: unauthorisedReason(deviation))
    }

    private func attribution(_ finding: Finding) -> Attribution {
        let effect = index.effects[finding.effect]
        return Attribution(
            finding.verdict, action: effect.action, effect: effect.number,
            reason: finding.reason, isObserved: effect.isObserved)
    }

    private func unauthorisedReason(_ deviation: Deviation) -> String {
        let deeper = index.within(deviation.subject, deviation.pointer).first {
            index.effects[$0].isClaimed
        }
        guard let deeper else { return "no approved action declares this place" }
        let path = index.effects[deeper].effect.path
        return "an action declares only `\(VisibleText.escape(path.description))`, a part of it"
    }

    // MARK: What effects say

    /// What one effect says of a deviation that lies on or below its place; nil for nothing.
    private mutating func judge(
        _ number: Int, _ deviation: Deviation, interval: ChangeInterval, span: ChangeInterval
    ) throws(DriftError) -> Finding? {
        let effect = index.effects[number]
        let settlement = settlements[effect.key]
        let end = effect.windowEnd(now: now)
        let isThere = try isInPlace(number, hint: deviation)
        guard effect.isClaimed else {
            return isThere
                ? Finding(.revoked, number, "declared by an action that was revoked") : nil
        }
        guard isThere else {
            let isOpen = settlement == nil && interval.overlaps(effect.began, end)
            guard isOpen else { return nil }
            return Finding(.partial, number, otherValueReason(effect, deviation))
        }
        if settlement?.kind == .seen {
            return Finding(.replayed, number, "declared by an action whose effect was seen before")
        }
        if settlement != nil {
            return Finding(
                .outOfWindow, number, "declared by an action whose place another one took")
        }
        guard overlaps(effect, deviation, interval: interval, span: span, end: end) else {
            return Finding(.outOfWindow, number, "declared by an action, but not in its time")
        }
        if try overruling(number, deviation) != nil {
            return Finding(
                .outOfWindow, number, "a later action on this place was seen before it")
        }
        guard declares(number, deviation) else { return nil }
        guard try namesSamePlace(effect.effect, deviation) else {
            return Finding(
                .partial, number, "the action names an element of the list by its number only")
        }
        return Finding(
            .explained, number,
            effect.isObserved ? "observed while the action ran" : "declared by the action",
            isObserved: effect.isObserved)
    }

    /// Whether the very value of a deviation is of this effect, not of a later one further down.
    private func declares(_ number: Int, _ deviation: Deviation) -> Bool {
        guard composed.contains(number) else { return true }
        let effect = index.effects[number].effect
        guard case .value(let post) = effect.post else { return false }
        let rest = deviation.pointer.tokens.dropFirst(effect.path.tokens.count)
        return post[JSONPointer(tokens: Array(rest))] == deviation.after
    }

    private func otherValueReason(_ effect: ApprovedEffect, _ deviation: Deviation) -> String {
        if case .observed = effect.effect.post {
            return "the action declares what is observed, and nothing was recorded yet"
        }
        if deviation.isOfSecret || deviation.after?.isRedacted == true {
            return "the value is secret here and cannot be compared with the declared one"
        }
        return "the action declares another value for this place"
    }

    private func overlaps(
        _ effect: ApprovedEffect, _ deviation: Deviation, interval: ChangeInterval,
        span: ChangeInterval, end: Timestamp
    ) -> Bool {
        guard effect.isObserved else { return span.overlaps(effect.began, end) }
        // What was only observed holds for what happened between the gate's two looks.
        guard let ended = effect.ended else { return false }
        if interval.isInside(effect.began, ended) { return true }
        // Where the gate's first look found the expected value, it changed after that look.
        guard let seen = effect.seenBefore, deviation.pointer == effect.effect.path,
            matches(seen, deviation.before, at: effect.effect.path)
        else { return false }
        return span.overlaps(effect.began, ended)
    }

    /// A later effect on this place that was seen, and is not there any more.
    private mutating func overruling(
        _ number: Int, _ deviation: Deviation
    ) throws(DriftError) -> Int? {
        let around =
            index.covering(deviation.subject, deviation.pointer)
            + index.within(deviation.subject, deviation.pointer)
        let order = index.effects[number].index
        for other in around where index.effects[other].index > order {
            guard settlements[index.effects[other].key]?.kind == .seen else { continue }
            if try !isInPlace(other, hint: nil) { return other }
        }
        return nil
    }

    // MARK: Side effects and controllers

    private mutating func derivedFinding(
        _ deviation: Deviation, span: ChangeInterval
    ) throws(DriftError) -> Finding? {
        for place in index.derivedPlaces(covering: deviation.subject, deviation.pointer) {
            let effect = index.effects[place.effect]
            guard effect.isClaimed, span.overlaps(effect.began, effect.windowEnd(now: now)),
                settlements[effect.key].map({ $0.kind == .seen }) ?? true,
                !derivedSeen.contains(DerivedKey(effect: effect.key, place: place.number)),
                try isInPlace(place.effect, hint: nil)
            else { continue }
            return Finding(.derived, place.effect, "declared to change along with the action")
        }
        return nil
    }

    private mutating func controller(
        of deviation: Deviation, interval: ChangeInterval
    ) throws(DriftError) -> SystemRule? {
        for rule in system.rules {
            guard UTF8Bytes.areEqual(rule.scope, source.scope),
                Glob.matches(rule.subject, deviation.subject),
                system.evidence.contains(where: {
                    $0.speaks(of: deviation, by: rule.principal, in: interval)
                }),
                try covers(rule.selector, deviation)
            else { continue }
            return rule
        }
        return nil
    }

    // MARK: Values

    /// Whether what an effect declares is there now.
    mutating func isInPlace(_ number: Int, hint: Deviation?) throws(DriftError) -> Bool {
        if let known = inPlace[number] { return known }
        let effect = index.effects[number].effect
        if unseen.contains(effect.subject) { return false }
        var found: JSON?
        if let hint, hint.pointer == effect.path, hint.operation != .remove,
            UTF8Bytes.areEqual(hint.subject, effect.subject)
        {
            found = hint.after
        } else {
            found = try live.document(effect.subject)?[effect.path]
        }
        var answer = matches(effect.post, found, at: effect.path)
        if !answer, case .value(let post) = effect.post, let found {
            answer = try isComposed(number, post, found)
            if answer { composed.insert(number) }
        }
        inPlace[number] = answer
        return answer
    }

    private func matches(
        _ post: DeclaredEffect.Post, _ found: JSON?, at path: JSONPointer
    ) -> Bool {
        switch (post, found) {
        case (.value(let value), let found?):
            value == found
                || JSONDiff.areEqual(value, found, lists: source.lists.below(path))
        case (.digest(let hash), let found?):
            (try? found.canonicalBytes()).map { .sha256($0) == hash } ?? false
        case (.absent, nil): true
        case (.absent, _?), (.value, nil), (.digest, nil), (.observed, _): false
        }
    }

    /// Whether the value is what was declared, changed by later actions further down.
    private mutating func isComposed(
        _ number: Int, _ post: JSON, _ found: JSON
    ) throws(DriftError) -> Bool {
        let effect = index.effects[number]
        let later = index.within(effect.effect.subject, effect.effect.path).filter {
            let other = index.effects[$0]
            return other.index > effect.index && other.isClaimed
                && other.effect.path.tokens.count > effect.effect.path.tokens.count
        }
        if later.isEmpty { return false }
        var value = post
        for other in later.sorted() {
            guard try isInPlace(other, hint: nil) else { continue }
            let steps = index.effects[other].effect.path.tokens
                .dropFirst(effect.effect.path.tokens.count)
            guard let changed = value.setting(steps, to: found[JSONPointer(tokens: Array(steps))])
            else { continue }
            value = changed
        }
        return JSONDiff.areEqual(value, found, lists: source.lists.below(effect.effect.path))
    }
}
