// SPDX-License-Identifier: Apache-2.0

internal import DriftCore
internal import Foundation

/// How long one observation may take.
enum TimeLimit {
    /// Runs `body`, and `end` where it takes longer or the task is cancelled.
    ///
    /// - Parameters:
    ///   - seconds: how long it may take.
    ///   - end: makes `body` return soon.
    ///   - body: the work.
    /// - Returns: what `body` returned.
    /// - Throws: ``CollectorFailure``; the one that time was up where it was.
    static func run<Value: Sendable>(
        seconds: Int64, end: @escaping @Sendable () -> Void,
        _ body: @escaping @Sendable () async -> Result<Value, CollectorFailure>
    ) async throws(CollectorFailure) -> Value {
        let late = CollectorFailure(
            .unreachable, "no end within \(seconds) seconds: it was ended")
        let result = await withTaskCancellationHandler {
            await withTaskGroup(of: Result<Value, CollectorFailure>?.self) { group in
                group.addTask { await body() }
                group.addTask {
                    let isUp = (try? await Task.sleep(for: .seconds(seconds))) != nil
                    if isUp { end() }
                    return isUp ? .failure(late) : nil
                }
                // The first tells what happened; the other is waited for, so that nothing runs on.
                var first: Result<Value, CollectorFailure>?
                for await found in group {
                    if first == nil { first = found }
                    group.cancelAll()
                }
                return first ?? .failure(late)
            }
        } onCancel: {
            end()
        }
        return try result.get()
    }
}

/// Threads for what blocks, which would hold up one of the few threads that all tasks share.
enum OwnThread {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}
