// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Storage
internal import Synchronization

/// What goes wrong with one write.
package enum StorageFault: Sendable, Hashable, CaseIterable {
    /// The transaction can't even begin.
    case refused
    /// Everything is done, then the commit fails: nothing is kept.
    case rolledBack
    /// The commit succeeds and its answer is lost: everything is kept and nobody knows.
    case answerLost
}

/// The error of a fault that was asked for.
package struct InjectedFault: Error, Sendable, Hashable, CustomStringConvertible {
    package let fault: StorageFault
    package var description: String { "injected fault `\(fault)`" }
}

/// A store that fails when it is told to, around one that does not.
///
/// Writes can also be held back, so that commands gather and meet in one batch.
package final class FaultyBackend: LedgerBackend {
    private struct State {
        /// Faults of the writes to come, in order; nil is a write that works.
        var plan: [StorageFault?] = []
        var writes = 0
        var held = false
    }

    private let base: any LedgerBackend
    private let state = Mutex(State())
    /// Guards nothing but the waiting; what is waited for is in `state`.
    private let condition = NSCondition()

    /// Passes everything on to `base`, which it closes too.
    package init(_ base: any LedgerBackend) { self.base = base }

    /// Transactions that were asked for so far.
    package var writes: Int { state.withLock { $0.writes } }

    /// Plans the next writes; what was planned before is forgotten.
    package func failNext(_ faults: StorageFault?...) {
        state.withLock { $0.plan = faults }
    }

    /// Holds back every write until `release`.
    package func hold() { state.withLock { $0.held = true } }

    /// Lets writes go on.
    package func release() {
        state.withLock { $0.held = false }
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }

    package func write(_ body: (any LedgerWriting) throws -> Void) throws {
        let fault = state.withLock { state -> StorageFault? in
            state.writes += 1
            return state.plan.isEmpty ? nil : state.plan.removeFirst()
        }
        condition.lock()
        while state.withLock({ $0.held }) { condition.wait() }
        condition.unlock()
        switch fault {
        case nil: try base.write(body)
        case .refused: throw InjectedFault(fault: .refused)
        case .rolledBack:
            try base.write { store in
                try body(store)
                throw InjectedFault(fault: .rolledBack)
            }
        case .answerLost:
            try base.write(body)
            throw InjectedFault(fault: .answerLost)
        }
    }

    package func read<Value>(_ body: (any LedgerReading) throws -> Value) throws -> Value {
        try base.read(body)
    }

    package func assertDurable() throws { try base.assertDurable() }

    package func close() throws { try base.close() }
}
