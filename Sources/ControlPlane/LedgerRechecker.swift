// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import ServiceLifecycle
internal import Storage

/// Reads, in quiet, the entries that this start took from its snapshot, and stops the ledger if
/// they are not those that were signed.
package struct LedgerRechecker: Service {
    private let control: ControlPlane
    /// A page must not hold up the requests of its event loop for long.
    private static let page = 64
    private static let pause: Duration = .milliseconds(20)
    private static let retry: Duration = .seconds(60)
    /// Those who wait for the server to be back come first.
    private static let delay: Duration = .seconds(5)

    package init(_ control: ControlPlane) { self.control = control }

    package func run() async throws {
        try? await cancelWhenGracefulShutdown { try await recheck(after: Self.delay) }
        // Ending would end the group; there is nothing more to do.
        try? await gracefulShutdown()
    }

    /// Reads everything once, or until it finds something.
    func recheck(after delay: Duration) async throws {
        try await Task.sleep(for: delay)
        var recheck = control.recheck
        while !Task.isCancelled {
            do {
                let isDone = try control.backend.read {
                    try recheck.page($0, limit: Self.page)
                }
                if isDone { return }
            } catch let error as TamperedError {
                control.logger.critical(
                    "the ledger was tampered with", metadata: ["finding": "\(error)"])
                control.halt("\(error): run `exequatur fsck`")
                return
            } catch {
                // Not a finding, and not a reason to stop looking either.
                control.logger.error(
                    "the ledger could not be read again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.retry)
            }
            try await Task.sleep(for: Self.pause)
        }
    }
}
