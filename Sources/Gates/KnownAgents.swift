// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Agents whom the service knew less than a minute ago, by what tells their credentials apart.
final class KnownAgents: Sendable {
    private let known = Mutex<[String: (id: String, until: Duration)]>([:])
    private static let age = Duration.seconds(60)

    /// The agent's id; nil when the service has to be asked.
    func id(_ key: String, at now: Duration) -> String? {
        known.withLock { known in known[key].flatMap { $0.until > now ? $0.id : nil } }
    }

    /// The service knows who it is.
    func learn(_ key: String, _ id: String, at now: Duration) {
        known.withLock { known in
            known = known.filter { $0.value.until > now }
            known[key] = (id, now + Self.age)
        }
    }
}
