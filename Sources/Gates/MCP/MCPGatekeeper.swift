// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import ExequaturClient
internal import Synchronization
internal import TransparencyLog

/// For whom calls are made, and with which credential.
package struct MCPAgent: Sendable {
    package let token: GateToken
    /// What tells agents apart: the whole token, never written anywhere.
    var key: String { token.secret }

    package init(token: GateToken) { self.token = token }
}

/// What every session of one gateway shares: who may call what.
package final class MCPGatekeeper: Sendable {
    /// How a gateway is set up.
    package struct Options: Sendable {
        /// The server's name in the names of actions.
        package var server: String
        /// How long a call is held for people before it is answered with what it waits for.
        package var hold: Duration = .seconds(50)
        /// What the gate demands of decisions by itself.
        package var floor: (any GateFloor)?
        /// What a change of it changes: shown to an administrator, who approves it.
        package var configuration: JSON

        package init(server: String, configuration: JSON) {
            self.server = server
            self.configuration = configuration
        }
    }

    let options: Options
    let registry: MCPRegistry
    let tasks: MCPTasks
    let effects: GateEffects
    let note: @Sendable (String) -> Void
    private let service: any GateConnection
    private let gateToken: GateToken?
    private let state: GateState
    /// Of each agent, because outcomes are taken only from whom they belong to.
    private let states = Mutex<[String: GateState]>([:])
    /// Agents' ids, once the service has told them: a credential that is replaced is still theirs.
    private let names = Mutex<[String: String]>([:])
    /// For each agent what policy can never allow it, and when that was asked.
    private let never = Mutex<[String: (names: Set<[UInt8]>, at: Duration)]>([:])
    let questions: MCPQuestions

    private static let neverAge = Duration.seconds(5)
    private static let agentLimit = 1_000

    /// Makes one for a server; without a token of its own the gate is advisory.
    package init(
        options: Options, service: any GateConnection, gateToken: GateToken?, effects: GateEffects,
        state: GateState, note: @escaping @Sendable (String) -> Void
    ) {
        self.options = options
        self.service = service
        self.gateToken = gateToken
        self.effects = effects
        self.state = state
        self.note = note
        tasks = MCPTasks(effects: effects)
        questions = MCPQuestions(effects: effects)
        let registrar = gateToken.map { token in
            GateRegistrar(
                transport: service.transport(as: token, at: nil, configuration: nil),
                effects: effects, state: state, fingerprint: token.keyFingerprint)
        }
        registry = MCPRegistry(
            server: options.server, configuration: options.configuration, registrar: registrar,
            effects: effects, note: note)
    }

    private func client(
        _ agent: MCPAgent, configuration: String?, in place: GateState? = nil
    ) -> GateClient {
        GateClient(
            transport: service.transport(
                as: agent.token, at: gateToken, configuration: configuration),
            effects: effects, state: place ?? state(of: agent),
            fingerprint: agent.token.keyFingerprint,
            floor: options.floor)
    }

    private func state(of agent: MCPAgent) -> GateState {
        if let known = states.withLock({ $0[agent.key] }) { return known }
        // Never the token itself: this becomes the name of a folder.
        let name =
            names.withLock { $0[agent.key] }
            ?? String(Hash256.sha256(Array(agent.key.utf8)).hex.prefix(32))
        guard let made = try? state.keepingReports(of: name) else { return state }
        states.withLock { states in
            if states.count >= Self.agentLimit { states = [:] }
            states[agent.key] = made
        }
        return made
    }

    /// Writes down what is only in memory so far.
    package func settle() async {
        do throws(GateFailure) {
            try await state.flushAside()
        } catch {
            note(error.description)
        }
    }

    /// Who holds a token, as the service knows it.
    package func holder(of agent: MCPAgent) async throws(GateFailure) -> String {
        // With the state of nobody: a token that the service does not know leaves nothing behind.
        let found = try await client(agent, configuration: nil, in: state).holder()
        guard found.kind.utf8.elementsEqual("agent".utf8) else {
            throw .refused("the token is not an agent's: it belongs to a \(found.kind)")
        }
        let isNew = names.withLock { names in
            if names.count >= Self.agentLimit { names = [:] }
            return names.updateValue(found.id, forKey: agent.key) != found.id
        }
        if isNew { states.withLock { $0[agent.key] = nil } }
        await client(agent, configuration: nil).sendKeptReports()
        return found.id
    }

    // MARK: lists

    /// Which of the server's tools an agent may see.
    func visible(to agent: MCPAgent) async -> @Sendable (MCPTool) -> Bool {
        let approved = await registry.approved()
        let hidden = await hidden(from: agent)
        let server = options.server
        return { tool in
            approved.contains(tool)
                && !hidden.contains(Array("mcp.\(server)___\(tool.name)".utf8))
        }
    }

    private func hidden(from agent: MCPAgent) async -> Set<[UInt8]> {
        // Without a credential of its own the gate has nothing to ask with.
        guard gateToken != nil else { return [] }
        let known = never.withLock { $0[agent.key] }
        if let known, effects.now() - known.at < Self.neverAge { return known.names }
        do throws(GateFailure) {
            let names = try await client(agent, configuration: nil).neverAllowed()
            let found = Set(names.map { Array($0.utf8) })
            let now = effects.now()
            never.withLock { never in
                if never.count >= Self.agentLimit { never = [:] }
                never[agent.key] = (found, now)
            }
            return found
        } catch {
            // Showing too much is no leave to call it.
            return known?.names ?? []
        }
    }

    // MARK: calls

    /// What is to be done with a call.
    enum Ruling: Sendable {
        /// These bytes go to the server, now; a continuation is of a call that was started before.
        case run(Grant, FrozenOperation, [UInt8], isContinuation: Bool)
        case answer([UInt8])
    }

    /// Asks for leave, waits for it as long as a call may be held, and claims it.
    func rule(
        _ call: MCPCall, for agent: MCPAgent, source: some MCPToolSource,
        abandonment: Abandonment, progress: @escaping @Sendable (SubmittedAction) -> Void
    ) async -> Ruling {
        do throws(MCPRefusal) {
            try await registry.refresh(source, version: call.version)
            guard let tool = await registry.tool(call.tool) else {
                throw .params("Unknown tool: \(call.tool)", id: call.id)
            }
            let operation = try call.operation(server: options.server, definition: tool.digest)
            let bytes = try call.bytes(executing: operation)
            if let inputs = call.inputs {
                let grant = questions.take(operation, state: inputs.state, of: agent)
                guard let grant else { throw Self.noQuestion }
                return .run(grant, operation, bytes, isContinuation: true)
            }
            do throws(GateFailure) {
                let client = client(
                    agent, configuration: try await registry.configurationDigest())
                let grant = try await client.obtain(
                    operation, reason: nil,
                    wait: call.acceptsTask && tasks.hasRoom ? MCPTasks.life : options.hold,
                    abandonment: abandonment,
                    beforeClaim: {
                        await self.change(of: tool, call, source)
                    }
                ) { step in
                    if case .waiting(let action, _) = step { progress(action) }
                }
                return .run(grant, operation, bytes, isContinuation: false)
            } catch {
                if error.isAlarm { note("ALARM: \(error.description)") }
                return .answer(MCPAnswers.result(error, for: call))
            }
        } catch {
            var refusal = error
            refusal.id = call.id
            return .answer(MCPAnswers.error(refusal))
        }
    }

    private static let noQuestion = MCPRefusal.params(
        "this answers no question of the server that is open here: make the call again from its "
            + "start")

    /// Why a call that waited must not run: its tool is no longer what was approved.
    private func change(
        of tool: MCPTool, _ call: MCPCall, _ source: some MCPToolSource
    ) async -> String? {
        do throws(MCPRefusal) {
            try await registry.refresh(source, version: call.version)
        } catch {
            return "the server no longer lists its tools"
        }
        guard await registry.tool(call.tool) == tool else {
            return "the definition of the tool changed while the call waited; call it again"
        }
        return nil
    }

    /// Whether there is still time to start.
    func mayStart(_ grant: Grant) -> Bool { grant.mayStart(now: effects.now()) }

    /// Keeps the service informed while `body` waits for the server's answer.
    func whileRunning<Result: Sendable>(
        _ grant: Grant, for agent: MCPAgent, _ body: @escaping @Sendable () async -> Result
    ) async -> Result {
        let client = client(agent, configuration: nil)
        return await withTaskGroup(of: Result?.self) { group in
            group.addTask { await body() }
            group.addTask {
                await client.keepAlive(grant)
                return nil
            }
            while let found = await group.next() {
                if let found {
                    group.cancelAll()
                    return found
                }
            }
            preconditionFailure("the body ends with a result")
        }
    }

    /// How long a report lets other things go first: the client's next call is often on its way,
    /// and both would wait for the same disk.
    private static let reportPause = Duration.milliseconds(4)

    /// Reports what became of a call.
    func report(
        _ outcome: GateOutcome, of grant: Grant, for agent: MCPAgent,
        patience: Duration = .seconds(30)
    ) async {
        if outcome.status == .succeeded { try? await effects.sleep(Self.reportPause) }
        let client = client(agent, configuration: nil)
        if let failure = await client.report(outcome, of: grant, patience: patience) {
            note("the outcome of \(grant.action.id) was not taken: \(failure)")
        }
    }

    /// Cancels an action for its requester; one that is over by now stays as it is.
    func withdraw(_ action: String, for agent: MCPAgent) async {
        do throws(GateFailure) {
            try await client(agent, configuration: nil).cancel(action)
        } catch {
            note("\(action) was not cancelled: \(error.description)")
        }
    }
}
