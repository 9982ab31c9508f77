// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import Synchronization

/// Token buckets, one per key: a runaway agent slows itself down, not the others.
package final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var at: Timestamp
    }

    private let perSecond: Double
    private let burst: Double
    private let buckets = Mutex<[String: Bucket]>([:])
    /// Buckets kept; when more are needed the full ones, which say nothing, are dropped.
    private static let keyLimit = 10_000

    package init(perSecond: Double, burst: Double) {
        self.perSecond = perSecond
        self.burst = burst
    }

    /// Takes one token.
    ///
    /// - Returns: nil if it may go on, otherwise after how many seconds to come back.
    package func take(_ key: String, now: Timestamp) -> Int64? {
        buckets.withLock { buckets in
            if buckets.count >= Self.keyLimit {
                buckets = buckets.filter { refilled($0.value, now) < burst }
                if buckets.count >= Self.keyLimit { return 1 }
            }
            let available = buckets[key].map { refilled($0, now) } ?? burst
            guard available >= 1 else {
                return max(1, Int64(((1 - available) / perSecond).rounded(.up)))
            }
            buckets[key] = Bucket(tokens: available - 1, at: now)
            return nil
        }
    }

    private func refilled(_ bucket: Bucket, _ now: Timestamp) -> Double {
        let elapsed = Double(max(0, now.milliseconds - bucket.at.milliseconds)) / 1000
        return min(burst, bucket.tokens + elapsed * perSecond)
    }
}
