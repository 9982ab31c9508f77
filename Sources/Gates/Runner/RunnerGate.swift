// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import ExequaturClient
internal import Synchronization
internal import TransparencyLog

/// Who asks a runner for a command.
struct RunnerCaller: Sendable {
    let token: GateToken
    /// The agent's id, as the service knows it.
    let agent: String
    /// What tells agents apart, in digits: nothing of the token can be read from it.
    let key: String
    /// Nil over the network.
    let peer: RunnerPeer?

    static func key(_ token: GateToken) -> String {
        String(Hash256.sha256(Array(token.secret.utf8)).hex.prefix(32))
    }
}

/// Runs commands of agents with its own access, each only once it is cleared.
///
/// The agent gives words and standard input. What they mean is found out here, in the runner's own
/// surroundings: frozen, submitted with the agent's token beside the gate's, and after the claim
/// executed from what was hashed.
package final class RunnerGate: Sendable {
    /// How a runner is set up.
    package struct Options: Sendable {
        package var rules: RunnerRules
        /// What the gate demands of decisions by itself.
        package var floor: (any GateFloor)?
        /// Bytes of one command's output that are passed on.
        package var outputLimit: Int

        /// Describes a runner.
        package init(rules: RunnerRules, floor: (any GateFloor)?, outputLimit: Int) {
            self.rules = rules
            self.floor = floor
            self.outputLimit = outputLimit
        }
    }

    let options: Options
    let effects: GateEffects
    let executor: CommandExecutor
    private let observer: EffectObserver?
    let note: @Sendable (String) -> Void
    private let transport: @Sendable (GateToken) -> any GateTransport
    private let state: GateState
    private let digestKey: DigestKey
    private let fingerprint: String
    /// Agents whom the service knew less than a minute ago, and until when that counts.
    private let known = KnownAgents()

    /// Makes a gate.
    /// - Parameters:
    ///   - options: how it is set up.
    ///   - transport: reaches the service as an agent, with the gate's own token beside.
    ///   - fingerprint: the log that agents' tokens must name.
    ///   - effects: time and chance.
    ///   - state: the gate's directory.
    ///   - executor: executes what is cleared.
    ///   - observer: looks at what commands say they change, as their account.
    ///   - note: told what happens, for the administrator.
    /// - Throws: ``GateFailure`` when the state is damaged.
    package init(
        options: Options, transport: @escaping @Sendable (GateToken) -> any GateTransport,
        fingerprint: String, effects: GateEffects, state: GateState, executor: CommandExecutor,
        observer: EffectObserver? = nil, note: @escaping @Sendable (String) -> Void
    ) throws(GateFailure) {
        self.options = options
        self.transport = transport
        self.fingerprint = fingerprint
        self.effects = effects
        self.state = state
        self.executor = executor
        self.observer = observer
        self.note = note
        digestKey = try state.digestKey(fresh: effects.entropy(32))
    }

    private func client(_ token: GateToken, in place: GateState) -> GateClient {
        GateClient(
            transport: transport(token), effects: effects, state: place,
            fingerprint: fingerprint, floor: options.floor)
    }

    /// Writes down what is only in memory so far.
    func settle() async {
        do throws(GateFailure) {
            try await state.flushAside()
        } catch {
            note(error.description)
        }
    }

    // MARK: who asks

    /// Finds out who holds a token.
    /// - Throws: ``RunnerRefusal`` when it is nobody who may ask.
    func caller(
        _ token: GateToken?, from peer: RunnerPeer?
    ) async throws(RunnerRefusal) -> RunnerCaller {
        guard let token else {
            throw RunnerRefusal(
                .unauthenticated, "send the agent's token as `Authorization: Bearer …`")
        }
        guard token.kind == .agent, token.keyFingerprint.utf8.elementsEqual(fingerprint.utf8)
        else {
            throw RunnerRefusal(
                .unauthenticated, "the token is not that of an agent of this runner's server")
        }
        let key = RunnerCaller.key(token)
        let now = effects.now()
        if let agent = known.id(key, at: now) {
            return RunnerCaller(token: token, agent: agent, key: key, peer: peer)
        }
        let agent = try await holder(token)
        known.learn(key, agent, at: now)
        return RunnerCaller(token: token, agent: agent, key: key, peer: peer)
    }

    private func holder(_ token: GateToken) async throws(RunnerRefusal) -> String {
        do throws(GateFailure) {
            // With the state of nobody: a token that the service does not know leaves nothing.
            let found = try await client(token, in: state).holder()
            guard found.kind.utf8.elementsEqual("agent".utf8) else {
                throw GateFailure.refused("it belongs to a \(found.kind)")
            }
            return found.id
        } catch {
            guard error.kind == .refused else {
                throw RunnerRefusal(.unavailable, error.description)
            }
            throw RunnerRefusal(
                .unauthenticated, "the approval service does not take this token: \(error)")
        }
    }

    // MARK: what is asked for

    /// Takes a command all the way, and says so to the agent.
    func perform(_ request: RunnerRequest, for caller: RunnerCaller, _ reply: RunnerReply) async {
        let who = Self.words(caller)
        do {
            let frozen = try await freeze(request, for: caller)
            note("\(who) asks to run `\(Self.program(frozen))`")
            let client = client(
                caller.token, in: try state.keepingReports(of: caller.agent))
            let action = Mutex<String?>(nil)
            let run = await CommandRunner(
                client: client, executor: executor, observer: observer
            ).run(
                frozen, reason: request.reason, wait: request.wait,
                abandonment: reply.abandonment, output: CommandOutput { reply.write($0, $1) }
            ) { progress in
                switch progress {
                case .waiting(let found, let remaining):
                    action.withLock { $0 = found.id }
                    reply.send(.waiting(PendingAction(found, remaining: remaining)))
                case .reconnecting(let why): reply.send(.reconnecting(why))
                case .cleared(let found):
                    action.withLock { $0 = found.id }
                    reply.send(.cleared(found.id))
                }
            }
            let name = action.withLock { $0 } ?? run.failure?.action?.id ?? "no action"
            note("\(who), \(name): \(Self.words(run))")
            reply.finish(RunnerEnd(run))
        } catch let error as FreezeError {
            reply.finish(Self.end(error))
        } catch {
            let isOurs = error is RunnerRefusal || error is GateFailure
            let why = isOurs ? "\(error)" : "the command cannot be frozen: \(error)"
            note("\(who): \(why)")
            reply.finish(RunnerEnd(exitCode: 77, failure: why))
        }
    }

    private func freeze(
        _ request: RunnerRequest, for caller: RunnerCaller
    ) async throws -> FrozenCommand {
        let rules = options.rules
        let freezer = CommandFreezer(key: digestKey)
        let frozen = await CommandThread.run(as: executor.account) {
            Result {
                let (command, surroundings) = try rules.command(request, from: caller.peer)
                return try freezer.freeze(command, surroundings: surroundings)
            }
        }
        let command = try frozen.get().get()
        // Between looking at the folder and opening it somebody could have exchanged it.
        guard let folder = command.input["cwd"]?.stringValue, rules.allows(folder) else {
            throw RunnerRefusal(.forbidden, "the folder changed while it was looked at")
        }
        return command
    }

    /// Why a command could not be frozen, without what only the runner's account could know.
    private static func end(_ error: FreezeError) -> RunnerEnd {
        switch error {
        case .noCommand: RunnerEnd(exitCode: 64, failure: error.description)
        case .notFound(let name), .notExecutable(let name, _):
            RunnerEnd(
                exitCode: 127,
                failure: "`\(name)` is no program that the runner finds and can bind")
        case .unreadable, .tooLarge, .notText, .containsToken:
            RunnerEnd(exitCode: 77, failure: error.description)
        }
    }

    // MARK: words for the administrator

    private static func words(_ caller: RunnerCaller) -> String {
        guard let peer = caller.peer else { return "agent \(caller.agent)" }
        return "agent \(caller.agent), uid \(peer.user), pid \(peer.process)"
    }

    private static func words(_ run: CommandRun) -> String {
        guard let failure = run.failure else { return "ran, exit code \(run.exitCode)" }
        return "\(failure.isAlarm ? "ALARM: " : "")did not run: \(failure.description)"
    }

    private static func program(_ frozen: FrozenCommand) -> String {
        String((frozen.arguments.first ?? "").prefix(200))
    }
}
