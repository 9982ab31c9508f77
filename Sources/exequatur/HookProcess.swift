// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CLinux
internal import CanonicalJSON
internal import ExequaturClient
internal import Foundation
internal import Gates
internal import Synchronization

/// One answer to a coding agent's host, in every case.
///
/// Whatever goes wrong ends in a block: input that is not understood, a service that is silent, a
/// crash. A thread of its own answers when everything else hangs.
enum HookProcess {
    /// Set for `selftest`.
    ///
    /// `waits` shortens the waiting and withdraws what was asked for, `unreachable` takes the
    /// service away. Neither can ever clear anything.
    static let selfTestVariable = "EXEQUATUR_HOOK_SELFTEST"

    /// The arguments after `hook` where a host is to be answered; nil for anything else.
    static func arguments(_ words: [String]) -> [String]? {
        guard words.count >= 2, words[1] == "hook" else { return nil }
        let rest = Array(words.dropFirst(2))
        let others = Hook.Action.allCases.map(\.rawValue) + ["-h", "--help", "help"]
        return rest.contains(where: others.contains) || rest.isEmpty ? nil : rest
    }

    /// Reads the options and answers; an option that is not understood blocks as well.
    static func main(_ arguments: [String]) async {
        guardAgainstCrashes()
        // The argument parser takes a third of the time that an answer takes.
        if let order = HookOrder(arguments) { await answer(order) }
        let order: HookOrder
        do {
            order = HookOrder(try Hook.parse(arguments))
        } catch {
            let host = arguments.first.flatMap(HookHost.init(rawValue:)) ?? .claudeCode
            give(
                host.answer(
                    .doubt("the hook's command line is wrong: \(Hook.message(for: error))"),
                    event: nil))
        }
        await answer(order)
    }

    /// Answers the host and ends the process.
    static func answer(_ command: HookOrder) async -> Never {
        guardAgainstCrashes()
        CommandRunner.keepTokensPrivate()
        let environment = ProcessInfo.processInfo.environment
        let test = environment[selfTestVariable]
        let deadline = command.deadline
        watch(command, after: deadline + .seconds(3))
        let wait = test == nil ? deadline : min(deadline, .seconds(2))
        do {
            let call = try HookCall.read(try input(), host: command.host)
            let isAfter = if case .after = call.moment { true } else { false }
            do {
                let connection = try connect(command, environment, test)
                if isAfter {
                    give(await report(call, connection, patience: min(wait, .seconds(8))))
                }
                try await ask(call, connection, wait: wait, test, command)
                throw CLIError("the gate came to no answer")
            } catch  where isAfter {
                // It ran already: nothing is left to block.
                give(.silence)
            } catch {
                give(answer(.doubt(text(of: error)), to: call, command))
            }
        } catch {
            let event = (error as? HookInputError)?.event
            give(command.host.answer(.doubt(text(of: error)), event: event))
        }
    }

    private static func answer(
        _ verdict: HookVerdict, to call: HookCall, _ command: HookOrder
    ) -> HookAnswer {
        var options = HookAnswerOptions()
        options.defers = command.defers
        options.keepsPrompts = command.keepsPrompts
        return command.host.answer(
            verdict, event: call.event, mayDefer: call.mayDefer, options: options)
    }

    // MARK: the service

    private struct Service {
        let base: String
        let token: GateToken
        let state: GateState
    }

    private static func connect(
        _ command: HookOrder, _ environment: [String: String], _ test: String?
    ) throws -> Service {
        let resolved = try command.connection.resolved(environment: environment)
        guard let text = resolved.token else {
            throw CLIError(
                "no token: set EXEQUATUR_TOKEN for the agent's host, or install the hook with"
                    + " --token-file")
        }
        guard let token = GateToken(text), token.kind == .agent else {
            throw CLIError("the token is not an agent's: hooks ask as an agent only")
        }
        // Nothing listens on the port of the discard protocol.
        let base = test == "unreachable" ? "http://127.0.0.1:9" : resolved.address.base
        return Service(
            base: base, token: token,
            state: try GateState(directory: GateEnvironment(environment).stateDirectory))
    }

    private static func ask(
        _ call: HookCall, _ service: Service, wait: Duration, _ test: String?, _ command: HookOrder
    ) async throws {
        try await HTTPTransport.with(
            base: service.base, token: service.token, gateToken: nil
        ) { transport in
            let gate = HookGate(
                transport: transport, effects: GateEnvironment.effects, state: service.state,
                fingerprint: service.token.keyFingerprint, alarm: GateEnvironment.effects.sleep)
            var verdict = await gate.ask(call, machine: Run.hostName, wait: wait)
            if test != nil {
                await withdraw(verdict, call, gate, transport)
                // What was just reported as not started must not run.
                if verdict.isCleared { verdict = .doubt("\(selfTestVariable) is set: a self-test") }
            }
            // At once, and not after connections were closed: the host waits.
            give(answer(verdict, to: call, command))
        }
    }

    /// Leaves nothing of a self-test behind that somebody would have to decide or explain.
    private static func withdraw(
        _ verdict: HookVerdict, _ call: HookCall, _ gate: HookGate, _ transport: HTTPTransport
    ) async {
        switch verdict {
        case .waiting(let wait):
            _ = try? await transport.send(
                GateRequest(.post, "/v1/actions/\(wait.action)/cancel", body: [:]))
        case .cleared:
            _ = await gate.report(
                call.ended(.notStarted, detail: "it was a self-test"), machine: Run.hostName,
                patience: .seconds(3))
        default: break
        }
    }

    private static func report(
        _ call: HookCall, _ service: Service, patience: Duration
    ) async -> HookAnswer {
        _ = try? await HTTPTransport.with(
            base: service.base, token: service.token, gateToken: nil
        ) { transport in
            let gate = HookGate(
                transport: transport, effects: GateEnvironment.effects, state: service.state,
                fingerprint: service.token.keyFingerprint, alarm: GateEnvironment.effects.sleep)
            if let why = await gate.report(call, machine: Run.hostName, patience: patience) {
                Output.note("the outcome is not reported: \(why)")
            } else {
                await gate.sendKeptReports()
            }
        }
        return .silence
    }

    // MARK: the process

    /// Standard input to its end, at most a little more than is taken.
    private static func input() throws -> [UInt8] {
        guard isatty(STDIN_FILENO) == 0 else {
            throw CLIError("standard input is a terminal: the agent's host runs this command")
        }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= HookCall.mostBytes {
            let count = Foundation.read(STDIN_FILENO, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw CLIError("standard input cannot be read") }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
        throw CLIError(
            "the call has more than \(HookCall.mostBytes) bytes, which nobody could review")
    }

    private static func text(of error: any Error) -> String {
        switch error {
        case let error as CLIError: error.message
        case let error as GateFailure: error.description
        case let error as HookInputError: error.description
        default: "\(error)"
        }
    }

    private static let crash = Array(
        """
        Not cleared: the gate of Exequatur crashed or was ended. Nothing ran. Try again; if it stays \
        so, take the hook out of the settings and report it.

        """.utf8CString.dropLast())

    private static func guardAgainstCrashes() {
        // The text stays for the life of the process.
        let text = UnsafeMutableBufferPointer<CChar>.allocate(capacity: crash.count)
        _ = text.initialize(from: crash)
        clinux_exit_on_crash(2, text.baseAddress, crash.count)
    }

    /// Answers no when everything else hangs.
    private static func watch(_ command: HookOrder, after time: Duration) {
        let host = command.host
        let seconds = Double(time.components.seconds)
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: seconds)
            give(host.answer(.doubt("the gate did not finish in time"), event: nil))
        }
    }

    private static let isAnswered = Atomic<Bool>(false)

    /// Writes an answer whole and ends the process; of two threads the first one does.
    static func give(_ answer: HookAnswer) -> Never {
        if isAnswered.exchange(true, ordering: .acquiringAndReleasing) {
            while true { Thread.sleep(forTimeInterval: 60) }
        }
        let isWritten = write(answer.out, to: STDOUT_FILENO)
        _ = write(answer.err, to: STDERR_FILENO)
        // Half an answer is none.
        _exit(isWritten ? answer.exitCode : 2)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
