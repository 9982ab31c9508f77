// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Synchronization
internal import TransparencyLog

/// Calls in the middle of which their server asked the client for more (2026-07-28).
///
/// Such a call stays open and is not asked for again: what the client answers belongs to the call
/// that was approved, as an answer to a server's own request did before. The next message must
/// repeat the operation, with the definition that its tool has now, and the server's state.
final class MCPQuestions: Sendable {
    /// One that is open.
    final class Question: Sendable {
        /// Ends the wait for its answer.
        let end = Abandonment()
    }

    private struct Key: Hashable {
        let agent: String
        let operation: Hash256
        let state: JSON?
    }

    private struct Open {
        let grant: Grant
        let question: Question
        let until: Duration
    }

    /// How long a question may stay open.
    static let life = Duration.seconds(600)
    private static let limit = 1_000

    private let open = Mutex<[Key: Open]>([:])
    private let effects: GateEffects

    init(effects: GateEffects) { self.effects = effects }

    /// Keeps a call open; nil where there is no room, or where two calls could not be told apart.
    func ask(
        _ grant: Grant, _ operation: FrozenOperation, _ message: MCPMessage, for agent: MCPAgent
    ) -> Question? {
        let key = Key(
            agent: agent.key, operation: operation.digest,
            state: message.member("result")?["requestState"])
        let until = effects.now() + Self.life
        return open.withLock { open in
            guard open[key] == nil, open.count < Self.limit else { return nil }
            let question = Question()
            open[key] = Open(grant: grant, question: question, until: until)
            return question
        }
    }

    /// The leave under which an answered call goes on; once, the next question is another.
    func take(_ operation: FrozenOperation, state: JSON?, of agent: MCPAgent) -> Grant? {
        let key = Key(agent: agent.key, operation: operation.digest, state: state)
        let found = open.withLock { open -> Open? in
            guard let found = open[key], found.until > effects.now() else { return nil }
            open[key] = nil
            return found
        }
        found?.question.end.abandon()
        return found?.grant
    }

    /// Closes a question; true when nobody had answered it.
    func close(_ question: Question) -> Bool {
        open.withLock { open in
            guard let key = open.first(where: { $0.value.question === question })?.key else {
                return false
            }
            open[key] = nil
            return true
        }
    }
}
