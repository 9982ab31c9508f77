// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import ExequaturClient
internal import Foundation
internal import Gates
internal import TransparencyLog

/// `exequatur run -- CMD`: the command gate.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a command once it is cleared.",
        discussion: """
            Freezes the command as it would be executed, asks for it, waits for the decision, \
            and executes exactly what was approved. Its exit code is the command's; 77 when it \
            was denied, expired or refused, 75 when it is still pending, 69 without a server, \
            127 when there is no such program. The same command finds its action again.

            With `--runner` the command runs as a runner's user and with its access \
            (`exequatur gateway command`): this process sends the words and standard input, and \
            gets what the command writes. 74 when the runner was lost while the command ran.
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "Why; shown to reviewers as the requester's own words.")
    var reason: String?

    @Option(help: "How long to wait for a decision, like 90s, 10m or 1h.")
    var wait: WaitTime = .hour

    @Option(help: "A file whose contents the approval covers; repeatable.", completion: .file())
    var bind: [String] = []

    @Option(help: "A further environment variable to pass on; repeatable.")
    var env: [String] = []

    @Flag(help: "Give the command an empty standard input instead of reading this one.")
    var noStdin = false

    @Option(
        help: ArgumentHelp(
            "What the command changes, like file:/etc/app.conf; repeatable.",
            discussion: """
                It is looked at right before and right after the command. What changed, drift \
                detection explains by this action, if a person approved it and the gate is an \
                enforcing one. Better, because approved with its value: `--effects`.
                """))
    var affects: [String] = []

    @Option(
        help: "A file with the effects that the command declares, as a JSON array.",
        completion: .file())
    var effects: String?

    @Option(
        help: "Have a runner run it: the path of its socket, or http://HOST:PORT.",
        completion: .file())
    var runner: String?

    @Option(help: "With `--runner`: the folder to run in, as the runner sees it.")
    var directory: String?

    @Argument(parsing: .postTerminator, help: "The command and its arguments, after `--`.")
    var command: [String] = []

    func run() async throws {
        let environment = GateEnvironment()
        CommandRunner.keepTokensPrivate()
        try Self.checkWords()
        if let runner { return try await runElsewhere(runner, environment) }
        guard directory == nil else {
            throw CLIError.usage("`--directory` goes with `--runner`; here it is where you are")
        }
        let credentials = try environment.credentials(connection)
        let isAdvisory = credentials.gate == nil
        let outcome: CommandRun
        do {
            outcome = try await perform(credentials, environment)
        } catch let failure as GateFailure {
            outcome = CommandRun(exitCode: failure.exitCode, failure: failure, notes: [])
        } catch let error as FreezeError {
            Output.standardError("exequatur: \(TerminalText.escaped(error.description))")
            throw ExitCode(Self.exitCode(of: error))
        }
        for note in outcome.notes { Output.note(note) }
        if let failure = outcome.failure {
            let label = isAdvisory ? " [advisory gate]" : ""
            let alarm = failure.isAlarm ? "ALARM: " : ""
            Output.standardError(
                "exequatur: \(alarm)\(TerminalText.escaped(failure.description))\(label)")
        }
        throw ExitCode(outcome.exitCode)
    }

    private func perform(
        _ credentials: GateCredentials, _ environment: GateEnvironment
    ) async throws -> CommandRun {
        let effects = GateEnvironment.effects
        let state = try GateState(directory: environment.stateDirectory)
        let key = try state.digestKey(fresh: effects.entropy(32))
        let input =
            noStdin
            ? CommandInput.null
            : try StandardInput.read {
                Output.note("standard input is open but silent; the command gets an empty one")
            }
        let frozen = try CommandFreezer(key: key).freeze(
            CommandRequest(
                arguments: command, bindings: bind, variables: env,
                host: Self.hostName, effects: try declaredEffects()),
            surroundings: try .current(input: input))
        let progress = RunProgress(isAdvisory: credentials.gate == nil)
        return try await HTTPTransport.with(
            base: credentials.base, token: credentials.agent, gateToken: credentials.gate
        ) { transport in
            let client = GateClient(
                transport: transport, effects: effects, state: state,
                fingerprint: credentials.agent.keyFingerprint)
            return await CommandRunner(
                client: client, observer: RunEffects.observer(host: Self.hostName)
            ).run(
                frozen, reason: reason, wait: wait.duration, progress: { progress.show($0) })
        }
    }

    // MARK: surroundings

    private func declaredEffects() throws -> [JSON] {
        try RunEffects.declared(affects: affects, file: effects, host: Self.hostName)
    }

    /// The kernel's name for this machine; asking a name service would make it vary.
    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Swift repairs arguments that are not UTF-8; a repaired one is not what was typed.
    private static func checkWords() throws {
        for index in 0..<Int(CommandLine.argc) {
            guard let word = CommandLine.unsafeArgv[index] else { continue }
            guard String(validatingCString: word) != nil else {
                throw CLIError.usage(
                    "argument \(index) is not UTF-8, it cannot be shown: change it")
            }
        }
    }

    private static func exitCode(of error: FreezeError) -> Int32 {
        switch error {
        case .noCommand: ExitStatus.usage.rawValue
        case .notFound: 127
        case .notExecutable: 126
        case .unreadable, .tooLarge, .notText, .containsToken: ExitStatus.refused.rawValue
        }
    }
}

/// A length of time as people write it.
struct WaitTime: ExpressibleByArgument, Sendable {
    let duration: Duration

    static let hour = WaitTime(duration: .seconds(3_600))

    init(duration: Duration) { self.duration = duration }

    init?(argument: String) {
        guard let duration = HookDeadline.length(argument) else { return nil }
        self.duration = duration
    }

    var defaultValueDescription: String {
        let seconds = duration.components.seconds
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] as [(String, Int64)]
        where seconds > 0 && seconds % length == 0 {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }
}
