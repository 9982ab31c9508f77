// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import DriftCore
internal import Storage
internal import Synchronization
internal import TransparencyLog

/// Which actions declared effects, and what became of them.
///
/// Derived from the entries of each action, read again whenever one changes. A small row says which
/// actions there are; it is written with the submission and believed in nothing else, so that a row
/// which is missing leaves a change unexplained, and one too many explains nothing.
final class EffectBook: Sendable {
    static let space = "drift-effect"
    /// How long after its end an action is still known, so that a repetition is told from a change
    /// that nobody ever approved.
    private static let memorySeconds: Int64 = 90 * 86_400

    private struct Tracked {
        /// Nil until they are read, and again once the action has changed.
        var effects: [ApprovedEffect]?
        /// When nothing more could come of it; nil before, and until it is read.
        var final: Timestamp?
        var isRemediation = false
        var changes = 0
    }

    private let tracked = Mutex<[ActionID: Tracked]>([:])

    /// Reads which actions there are.
    init(_ reader: any LedgerReading) throws {
        var last: String?
        var found: [ActionID: Tracked] = [:]
        while true {
            let rows = try reader.operational(
                space: Self.space, prefix: "", after: last, limit: 1000)
            for row in rows { if let id = ActionID(row.key) { found[id] = Tracked() } }
            guard rows.count == 1000, let key = rows.last?.key else { break }
            last = key
        }
        tracked.withLock { $0 = found }
    }

    /// The row of an action that declares effects.
    static func rows(_ action: Action) -> [OperationalRow] {
        guard !action.operation.effects.isEmpty else { return [] }
        return [
            OperationalRow(
                space: space, key: action.id.text, value: [],
                expires: Timestamp(milliseconds: .max))
        ]
    }

    func track(_ id: ActionID) { tracked.withLock { $0[id] = Tracked() } }

    /// These actions have changed.
    func touch(_ ids: some Sequence<ActionID>) {
        tracked.withLock { tracked in
            for id in ids where tracked[id] != nil {
                tracked[id]?.effects = nil
                tracked[id]?.changes += 1
            }
        }
    }

    /// All effects, after reading again what has changed.
    ///
    /// - Parameter detail: an action with its entries, nil if there is none.
    /// - Returns: those of all actions that were claimed or given up.
    /// - Throws: what `detail` throws.
    func effects(_ detail: (ActionID) throws -> ActionDetail?) throws -> [ApprovedEffect] {
        let stale = tracked.withLock { tracked in
            tracked.filter { $0.value.effects == nil }.map { ($0.key, $0.value.changes) }
        }
        for (id, changes) in stale {
            let read = try detail(id)
            var now = Tracked(effects: read.map(Self.effects) ?? [], changes: changes)
            if let read {
                now.isRemediation = DriftRemediation.isOne(read.body.action.operation)
                if read.state.status.isFinal { now.final = read.entries.last?.entry.at }
            }
            let known = now
            tracked.withLock { tracked in
                // It may have changed again meanwhile; then the next reader reads it.
                if tracked[id]?.changes == changes { tracked[id] = known }
            }
        }
        return tracked.withLock { $0.values.flatMap { $0.effects ?? [] } }
    }

    /// Whether an action, as it was last read, carries a plan out.
    func isRemediation(_ id: ActionID) -> Bool {
        tracked.withLock { $0[id]?.isRemediation ?? false }
    }

    /// Whether an action, as it was last read, ended before `instant`.
    ///
    /// Whoever looked then has seen all that comes of it.
    func isOver(_ id: ActionID, before instant: Timestamp?) -> Bool {
        guard let instant else { return false }
        return tracked.withLock { tracked in tracked[id]?.final.map { $0 < instant } ?? false }
    }

    /// Forgets what ended long ago; returns the rows to remove.
    func forget(before now: Timestamp) -> [OperationalKey] {
        let old = now.adding(seconds: -Self.memorySeconds)
        return tracked.withLock { tracked in
            let gone = tracked.filter { _, one in one.final.map { $0 < old } ?? false }
            for id in gone.keys { tracked[id] = nil }
            return gone.keys.map { OperationalKey(space: Self.space, key: $0.text) }
        }
    }

    // MARK: one action

    /// What an action's entries say of its effects; none before it is claimed or given up.
    static func effects(_ detail: ActionDetail) -> [ApprovedEffect] {
        let state = detail.state
        let declared = detail.body.action.operation.effects
        guard let (standing, entry) = standing(detail), !declared.isEmpty else { return [] }
        let ended = state.outcomes.last?.at
        // Elsewhere it is the agent's own word.
        let observed =
            detail.body.action.gate.enforcing
            ? state.outcomes.last { $0.settledBy == nil }?.report.effects ?? [] : []
        return declared.enumerated().flatMap { number, effect -> [ApprovedEffect] in
            guard case .observed = effect.post else {
                return [
                    ApprovedEffect(
                        action: state.id, number: number, effect: effect, standing: standing,
                        index: entry.index, began: entry.entry.at,
                        ended: standing == .revoked ? entry.entry.at : ended, isObserved: false)
                ]
            }
            // Where nothing was seen to change, or nothing is known yet, it explains nothing.
            guard let seen = observed.first(where: { $0.number == Int64(number) }) else {
                return []
            }
            return effect.observed(seen, number).map { number, effect, before in
                ApprovedEffect(
                    action: state.id, number: number, effect: effect, standing: standing,
                    index: entry.index, began: entry.entry.at, ended: ended, isObserved: true,
                    seenBefore: before)
            }
        }
    }

    private static func standing(
        _ detail: ActionDetail
    ) -> (ApprovedEffect.Standing, RecordedEntry)? {
        if let claim = detail.claimEntry {
            return switch detail.state.status {
            case .succeeded: (.succeeded, claim)
            case .failed: (.failed, claim)
            // Nothing of it ran.
            case .notStarted: detail.entries.last.map { (.revoked, $0) }
            case .unknown: (.unknown, claim)
            default: (.running, claim)
            }
        }
        switch detail.state.status {
        case .revoked, .invalidated: return detail.entries.last.map { (.revoked, $0) }
        default: return nil
        }
    }
}

extension DeclaredEffect {
    /// What was seen of it, as effects with values; none where nothing was seen to change, or more
    /// than may be declared.
    ///
    /// A gate sees a file's attributes and digest, a source perhaps its fields as well. So each
    /// member that was seen to change is an effect of its own, numbered behind the declared ones,
    /// and the fields change along with the digest.
    fileprivate func observed(
        _ seen: ObservedEffect, _ number: Int
    ) -> [(Int, DeclaredEffect, Post)] {
        let (before, after) = (seen.before?[path], seen.after?[path])
        if before == after { return [] }
        func effect(_ path: JSONPointer, _ post: JSON?, _ derived: [Place] = []) -> DeclaredEffect {
            DeclaredEffect(
                scope: scope, subject: subject, path: path, post: Post(seen: post), within: within,
                derived: self.derived + derived)
        }
        guard let new = after?.objectValue, let old = before?.objectValue else {
            return [(number, effect(path, after), Post(seen: before))]
        }
        let changed = Set(old.map(\.key)).union(new.map(\.key)).filter { old[$0] != new[$0] }
        guard changed.count <= Limits.effects else { return [] }
        let inOrder = changed.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return inOrder.enumerated().map { position, name in
            let fields =
                path.tokens.isEmpty && name.utf8.elementsEqual("sha256".utf8)
                ? [Place(subject: subject, path: JSONPointer(tokens: ["content"]))] : []
            return (
                Limits.effects * (number + 1) + position,
                effect(path.appending(name), new[name], fields), Post(seen: old[name])
            )
        }
    }
}

extension DeclaredEffect.Post {
    fileprivate init(seen value: JSON?) { self = value.map(Self.value) ?? .absent }
}
