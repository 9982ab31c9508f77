// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ArgumentParser
internal import AsyncHTTPClient
internal import CanonicalJSON
internal import ExequaturClient
internal import Foundation
internal import Gates
internal import NIOCore
internal import Server
internal import TransparencyLog

/// `exequatur gateway mcp --name NAME -- CMD`: the gate in front of a server of the Model Context
/// Protocol.
struct GatewayMCP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp", abstract: "Ask before tools of an MCP server are called.",
        discussion: """
            Starts the server and speaks with it for the client: over standard input and output, or \
            with `--listen` over HTTP, where the server may be one that listens itself \
            (`--upstream`). Every call of a tool is an action `mcp.NAME___TOOL`; all else is passed \
            on as it is. With EXEQUATUR_GATE_TOKEN it is an enforcing gate: what it is set up to do \
            and the tools behind it must be approved first (`exequatur gate approve`).
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "The server's name in the names of actions.")
    var name: String

    @Option(help: "Serve HTTP here, HOST:PORT, instead of standard input and output.")
    var listen: String?

    @Option(help: "The address of a server that listens itself, with `--listen`.")
    var upstream: String?

    @Option(help: "An origin whose pages in browsers may connect; repeatable.")
    var allowOrigin: [String] = []

    @Option(help: "How long a call is held for a person before its client is told to come back.")
    var hold: WaitTime = WaitTime(duration: .seconds(50))

    @OptionGroup var floor: FloorOption

    @Argument(parsing: .postTerminator, help: "The server's command, after `--`.")
    var command: [String] = []

    func validate() throws {
        guard ToolAction.isServerName(name) else {
            throw ValidationError(
                "`--name`: letters, digits and `. _ -`, a letter or digit first, without `___` and "
                    + "without `_` at the end")
        }
        guard (command.isEmpty) != (upstream == nil) else {
            throw ValidationError("give either a command after `--` or `--upstream`")
        }
        guard upstream == nil || listen != nil else {
            throw ValidationError("`--upstream` needs `--listen`")
        }
    }

    func run() async throws {
        CommandRunner.keepTokensPrivate()
        // A side that is gone is noticed by what writing returns.
        signal(SIGPIPE, SIG_IGN)
        let environment = GateEnvironment()
        let gate = try environment.gateToken()
        let resolved = try connection.resolved(environment: environment.variables)
        do {
            try await serve(environment, gate, resolved)
        } catch let failure as GateFailure {
            Output.standardError(
                "exequatur: \(TerminalText.escaped(failure.description))")
            throw ExitCode(failure.exitCode)
        }
    }

    private func serve(
        _ environment: GateEnvironment, _ gate: GateToken?, _ resolved: Connection
    ) async throws {
        let state = try GateState(directory: environment.stateDirectory)
            .keptOpen(entropy: GateEnvironment.effects.entropy(8))
        if gate == nil {
            Output.note(
                "advisory: without EXEQUATUR_GATE_TOKEN nothing keeps the agent from using the "
                    + "server without asking")
        }
        // Over HTTP each client brings its agent's token; the gate's names the log.
        var agent: GateToken?
        if listen == nil || gate == nil {
            let token = try environment.agentToken(resolved.token)
            try GateEnvironment.check(token, gate)
            agent = token
        }
        guard let own = gate ?? agent else { return }
        let server = MCPServerCommand(arguments: command, environment: environment.variables)
        try await HTTPTransport.with(
            base: resolved.address.base, token: own, gateToken: gate
        ) { transport in
            let gatekeeper = MCPGatekeeper(
                options: try options(server, isEnforcing: gate != nil), service: transport,
                gateToken: gate, effects: GateEnvironment.effects, state: state,
                note: { Output.note(TerminalText.escaped($0)) })
            if let listen {
                try await serve(gatekeeper, at: listen, server, environment, own)
            } else if let agent {
                try await relay(gatekeeper, MCPAgent(token: agent), server)
            }
        }
    }

    private func relay(
        _ gatekeeper: MCPGatekeeper, _ agent: MCPAgent, _ server: MCPServerCommand
    ) async throws {
        let gateway = MCPStdioGateway(gatekeeper: gatekeeper, agent: agent, command: server)
        let end = try await GatewayServices.onLoops {
            try await gateway.run(input: STDIN_FILENO, output: STDOUT_FILENO)
        }
        switch end {
        case .clientLeft: break
        case .serverEnded: throw CLIError("the server has ended")
        case .tooLong: throw CLIError("a message is longer than allowed: nothing more is read")
        }
    }

    private func serve(
        _ gatekeeper: MCPGatekeeper, at listen: String, _ command: MCPServerCommand,
        _ environment: GateEnvironment, _ own: GateToken
    ) async throws {
        let address = try ListenAddress(listen)
        try address.checkConfidential(orInsecure: connection.insecure)
        let authorization = environment.variables["EXEQUATUR_UPSTREAM_AUTHORIZATION"]
        if let upstream, authorization != nil {
            try ServerAddress(upstream).checkConfidential(orInsecure: connection.insecure)
        }
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(
                redirectConfiguration: .disallow,
                timeout: .init(connect: .seconds(5), read: MCPUpstream.silence)))
        let server: MCPHTTPGateway.Server =
            if let upstream {
                .listening(
                    MCPUpstream(
                        url: upstream,
                        authorization: authorization,
                        client: client))
            } else {
                .process(command)
            }
        let gateway = MCPHTTPGateway(
            gatekeeper: gatekeeper, server: server,
            address: .init(host: address.host, port: address.port),
            origins: MCPOrigins(allowed: allowOrigin, listening: address.host),
            fingerprint: own.keyFingerprint)
        defer { client.shutdown { _ in } }
        let services = gateway.services { port in
            Output.note("listening on http://\(address.host):\(port)/mcp")
        }
        try await GatewayServices.run(services, longestEnd: MCPHTTPGateway.longestEnd)
    }

    private func options(
        _ server: MCPServerCommand, isEnforcing: Bool
    ) throws -> MCPGatekeeper.Options {
        var configuration: JSONObject = [
            "kind": "mcp", "mode": isEnforcing ? "enforcing" : "advisory",
            "server": .string(name),
        ]
        if let upstream {
            configuration["upstream"] = .string(upstream)
        } else {
            configuration["command"] = .array(server.arguments.map { .string($0) })
        }
        if let digest = server.digest {
            configuration["commandDigest"] = .string("sha256:" + digest.hex)
        }
        let floor = try floor.floor()
        if let floor {
            configuration["require"] = [
                "manifest": .string(floor.manifest.hex), "name": .string(floor.name),
            ]
        }
        var options = MCPGatekeeper.Options(server: name, configuration: .object(configuration))
        options.hold = hold.duration
        options.floor = floor
        return options
    }
}
