// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Synchronization

/// What people are shown anew when a review is about something else.
struct RevisedTexts {
    let rendering: Rendering
    let texts: JSON
}

/// Who owes an explanation for a break-glass, by action.
///
/// Derived from proven chains at start, and from then on by the writer's thread in the transactions
/// that make and settle debts; so the next one is refused although no row says so.
final class DebtBook: Sendable {
    struct Entry: Sendable, Hashable {
        let person: Handle
        let agent: Handle
        let due: Timestamp
        let isOverdue: Bool
    }

    struct Change: Sendable, Hashable {
        let action: ActionID
        /// Nil where somebody has looked at it.
        let entry: Entry?
    }

    private let entries: Mutex<[ActionID: Entry]>

    init(_ states: [ActionState]) {
        var entries: [ActionID: Entry] = [:]
        for state in states { entries[state.id] = Self.entry(state) }
        self.entries = Mutex(entries)
    }

    private static func entry(_ state: ActionState) -> Entry? {
        state.openDebt.map {
            Entry(
                person: $0.person, agent: state.submission.requester.agent, due: $0.due,
                isOverdue: $0.isOverdue)
        }
    }

    /// What a command changed; nil for nothing.
    static func change(from before: ActionState, to after: ActionState) -> Change? {
        guard before.debt != after.debt else { return nil }
        return Change(action: after.id, entry: entry(after))
    }

    func apply(_ change: Change) {
        entries.withLock { $0[change.action] = change.entry }
    }

    var all: [ActionID: Entry] { entries.withLock { $0 } }

    var open: OpenDebts {
        entries.withLock { entries in
            OpenDebts(
                persons: Set(entries.values.map(\.person)),
                agents: Set(entries.values.map(\.agent)))
        }
    }
}
