// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Synchronization

extension MCPSession {
    /// The server asks for more: the call goes on with another message, or ends as unknown.
    func stayOpen(_ id: MCPID, _ grant: Grant) async {
        let question = waiters.withLock { $0.questions[id] }
        if let question {
            await gatekeeper.whileRunning(grant, for: agent) {
                await question.end.unlessAbandoned {
                    try? await self.gatekeeper.effects.sleep(MCPQuestions.life)
                }
            }
            waiters.withLock { waiters in
                if waiters.questions[id] === question { waiters.questions[id] = nil }
            }
            guard gatekeeper.questions.close(question) else { return }
        }
        await gatekeeper.report(
            GateOutcome(.unknown, detail: "the server asked for more, and nobody answered"),
            of: grant, for: agent, patience: .seconds(1))
    }
}
