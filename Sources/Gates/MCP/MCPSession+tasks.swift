// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Synchronization

extension MCPSession {
    /// Answers a question about a task.
    func answer(_ request: MCPTaskRequest) {
        do throws(MCPRefusal) {
            let (answer, withdrawn) = try gatekeeper.tasks.answer(request, for: agent)
            guard let withdrawn else { return ends.client(answer, request.id) }
            withdraw(withdrawn, then: answer, request.id)
        } catch {
            ends.client(MCPAnswers.error(error), request.id)
        }
    }

    /// Makes a held call a task, and tells its client, who then no longer waits.
    func become(
        _ call: MCPCall, _ action: SubmittedAction, _ abandonment: Abandonment, _ task: TaskName
    ) {
        let tasks = gatekeeper.tasks
        guard let id = tasks.open(action, for: agent, abandonment),
            let answer = tasks.created(id, for: call.id)
        else { return }
        openTasks.begin()
        task.set(id)
        release(call.id, of: abandonment)
        if machine.withLock({ $0.finish(call.id) }) { ends.client(answer, call.id) }
    }

    /// Does what was ruled about a call that became a task.
    func perform(_ call: MCPCall, _ ruling: MCPGatekeeper.Ruling, as task: String) async {
        switch ruling {
        case .answer(let bytes): gatekeeper.tasks.end(task, bytes, .notExecuted)
        case .run(let grant, let operation, _, _): await run(call, grant, operation, as: task)
        }
        if openTasks.end() { ends.settled() }
    }

    private func run(
        _ call: MCPCall, _ grant: Grant, _ operation: FrozenOperation, as task: String
    ) async {
        let id = machine.withLock { $0.detached() }
        guard gatekeeper.tasks.run(task), gatekeeper.mayStart(grant), let id,
            let bytes = try? call.bytes(executing: operation, as: id), ends.server(bytes)
        else {
            let failure = GateFailure.refused("it was cleared, but not started")
            gatekeeper.tasks.end(task, MCPAnswers.result(failure, for: call), .notExecuted)
            return await gatekeeper.report(
                GateOutcome(.notStarted, detail: "taken back, or too late"), of: grant, for: agent)
        }
        let end = await gatekeeper.whileRunning(grant, for: agent) { await self.waitForEnd(id) }
        guard case .answer(let message) = end else {
            gatekeeper.tasks.end(task, MCPAnswers.unknown(grant, for: call), .unknown)
            return await gatekeeper.report(
                GateOutcome(.unknown, detail: "the session ended before the server answered"),
                of: grant, for: agent, patience: .seconds(1))
        }
        // A server that asks for more has nobody to ask in a task.
        let outcome =
            message.outcome
            ?? GateOutcome(.failed, detail: "the server asked for input in a task")
        let disposition: MCPDisposition =
            switch outcome.status {
            case .succeeded: .executed
            case .unknown: .unknown
            default: .failed
            }
        gatekeeper.tasks.end(task, message.bytes, disposition)
        await gatekeeper.report(outcome, of: grant, for: agent)
    }
}
