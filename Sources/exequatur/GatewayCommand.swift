// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import ExequaturClient
internal import Foundation
internal import Gates
internal import Server

/// `exequatur gateway command`: the gate that runs commands for agents, as its own user.
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "command", abstract: "Run commands for agents that have no access themselves.",
        discussion: """
            Listens on a local socket or over HTTP for `exequatur run --runner`. What an agent sends \
            are the words of a command and its standard input; the command is frozen, cleared and \
            executed here, as this user and with this environment. Needs EXEQUATUR_GATE_TOKEN: it \
            is an enforcing gate. With `--as USER`, started as root, commands run as that user and \
            cannot reach what this process holds.
            """)

    @Option(help: "The server, otherwise EXEQUATUR_URL, otherwise \(ServerAddress.defaultText).")
    var url: String?

    @Flag(help: "Allow tokens to travel unencrypted to and from other machines.")
    var insecure = false

    @Option(help: "Listen on a local socket at this path.", completion: .file())
    var socket: String?

    @Option(help: "A user, by name or number, who may connect to the socket; repeatable.")
    var allowUser: [String] = []

    @Option(help: "The group, by name or number, that the socket belongs to.")
    var socketGroup: String?

    @Option(help: "Listen for HTTP here, HOST:PORT.")
    var listen: String?

    @Option(help: "Where the gate's state is kept.", completion: .directory)
    var state: String?

    @Option(
        name: .customLong("as"),
        help: "The user that commands run as, by name or UID:GID; needs root.")
    var account: String?

    @Option(help: "A folder in which agents may have commands run; repeatable.")
    var directory: [String] = []

    @Option(help: "A variable that agents may give a value to; repeatable.")
    var passEnv: [String] = []

    @Option(help: "A variable of this process that commands get beyond the usual; repeatable.")
    var env: [String] = []

    @Option(help: "A variable of this process whose value may be shown; repeatable.")
    var showEnv: [String] = []

    @Option(help: "The machine's name in policies, otherwise its own.")
    var host: String?

    @Option(help: "Bytes of one command's output that are passed on.")
    var outputLimit = 67_108_864

    @Option(help: "How long commands may go on when this process is told to end.")
    var grace: WaitTime = WaitTime(duration: .seconds(300))

    @OptionGroup var floor: FloorOption

    func validate() throws {
        guard (socket == nil) != (listen == nil) else {
            throw ValidationError("give either `--socket` or `--listen`")
        }
        guard socket != nil || (allowUser.isEmpty && socketGroup == nil) else {
            throw ValidationError("`--allow-user` and `--socket-group` go with `--socket`")
        }
        guard (1...17_179_869_184).contains(outputLimit) else {
            throw ValidationError("`--output-limit`: 1 to 17179869184 bytes")
        }
        for name in passEnv {
            if let why = RunnerRules.problem(passing: name) {
                throw ValidationError("`--pass-env \(name)`: \(why)")
            }
        }
        for name in env {
            if let why = RunnerRules.problem(giving: name) {
                throw ValidationError("`--env \(name)`: \(why)")
            }
        }
    }

    func run() async throws {
        CommandRunner.keepTokensPrivate()
        do {
            try await serve()
        } catch let failure as GateFailure {
            Output.standardError("exequatur: \(TerminalText.escaped(failure.description))")
            throw ExitCode(failure.exitCode)
        }
    }

    private func serve() async throws {
        let environment = GateEnvironment()
        guard let token = try environment.gateToken() else {
            throw CLIError(
                "no gate token: a runner is an enforcing gate; set EXEQUATUR_GATE_TOKEN to what "
                    + "`exequatur gate add` printed", status: .refused)
        }
        let base = try serverBase(environment)
        let switched = try RunnerAccounts.switched(account)
        if switched == nil, geteuid() == 0 {
            Output.note("commands run as root; `--as USER` lets them run as another user")
        }
        let rules = try RunnerSetup(
            account: switched, folders: directory, host: host ?? Run.hostName
        ).rules(
            users: try RunnerAccounts.users(allowUser), passed: passEnv, own: env, shown: showEnv)
        let effects = GateEnvironment.effects
        let kept = try GateState(directory: state ?? environment.stateDirectory)
            .keptOpen(entropy: effects.entropy(8))
        let scripts = try RunnerScripts(account: switched, state: kept)
        defer { scripts.remove() }
        let running = RunningCommands()
        let executor = CommandExecutor(
            privateDirectory: scripts.path, account: switched, running: running)
        try await HTTPTransport.with(base: base, token: token, gateToken: token) { transport in
            let gate = try RunnerGate(
                options: .init(rules: rules, floor: try floor.floor(), outputLimit: outputLimit),
                transport: { transport.transport(as: $0, at: token, configuration: nil) },
                fingerprint: token.keyFingerprint, effects: effects, state: kept,
                executor: executor, observer: RunEffects.observer(host: rules.host),
                note: { Output.note($0) })
            try await listen(gate, running)
        }
    }

    private func serverBase(_ environment: GateEnvironment) throws -> String {
        let address = try ServerAddress(url: url, environment: environment.variables)
        try address.checkConfidential(orInsecure: insecure)
        return address.base
    }

    private func listen(_ gate: RunnerGate, _ running: RunningCommands) async throws {
        var made: RunnerSocket?
        defer { made?.remove() }
        let address: RunnerGateway.Address
        if let socket {
            let socket = try RunnerSocket(
                path: LocalFile.absolute(socket), group: try socketGroup.map(RunnerAccounts.group))
            made = socket
            address = .socket(socket)
        } else {
            address = try network()
        }
        let gateway = RunnerGateway(
            gate: gate, address: address, running: running, grace: grace.duration)
        try await GatewayServices.run(
            gateway.services { place in Output.note("listening on \(place)") },
            longestEnd: gateway.longestEnd)
    }

    private func network() throws -> RunnerGateway.Address {
        guard let listen else { throw CLIError.usage("give `--socket` or `--listen`") }
        let address = try ListenAddress(listen)
        try address.checkConfidential(orInsecure: insecure)
        return .network(host: address.host, port: address.port)
    }
}
