// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Synchronization

/// Wakes whoever waits for it, now or later.
final class Bell: Sendable {
    let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let alarm = Mutex<Timestamp?>(nil)

    init() { (rings, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func ring() { continuation.yield() }

    /// One sleeper at a time: an earlier one is as good.
    func ring(at due: Timestamp, _ now: Timestamp, _ group: inout DiscardingTaskGroup) {
        let isSet = alarm.withLock { alarm in
            if let set = alarm, set <= due, set > now { return false }
            alarm = due
            return true
        }
        guard isSet else { return }
        let pause = max(1, due.milliseconds - now.milliseconds)
        group.addTask {
            try? await Task.sleep(for: .milliseconds(pause))
            self.alarm.withLock { alarm in if alarm == due { alarm = nil } }
            self.ring()
        }
    }
}
