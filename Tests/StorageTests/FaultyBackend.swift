// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import Foundation
import Storage
import Synchronization

/// A backend that counts commits, holds them back, or fails them before or after they happen.
final class FaultyBackend: LedgerBackend {
    enum Fault: Sendable {
        case none
        /// The commit fails and nothing of it is kept.
        case beforeCommit
        /// The commit is durable, but the caller is told that it failed.
        case afterCommit
    }

    struct CommitFailed: Error {}

    private let base: any LedgerBackend
    private let state = Mutex((fault: Fault.none, commits: 0))
    /// While held, commits wait; tests let a queue build up.
    let gate = DispatchSemaphore(value: 0)
    private let isGated: Bool

    init(_ base: any LedgerBackend, gated: Bool = false) {
        self.base = base
        isGated = gated
    }

    var commits: Int { state.withLock { $0.commits } }
    func fail(_ fault: Fault) { state.withLock { $0.fault = fault } }

    func write(_ body: (any LedgerWriting) throws -> Void) throws {
        if isGated { gate.wait() }
        let fault = state.withLock { $0.fault }
        try base.write { store in
            try body(store)
            if case .beforeCommit = fault { throw CommitFailed() }
        }
        state.withLock { $0.commits += 1 }
        if case .afterCommit = fault { throw CommitFailed() }
    }

    func read<Value>(_ body: (any LedgerReading) throws -> Value) throws -> Value {
        try base.read(body)
    }

    func assertDurable() throws { try base.assertDurable() }
    func close() throws { try base.close() }
}
