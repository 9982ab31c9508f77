// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import ExequaturClient
internal import Foundation
internal import Gates

/// What a gate reads of its surroundings: credentials, and where it keeps its state.
struct GateEnvironment {
    let variables: [String: String]

    init(_ variables: [String: String] = ProcessInfo.processInfo.environment) {
        self.variables = variables
    }

    /// The requester's token.
    func agentToken(_ text: String?) throws -> GateToken {
        guard let text else {
            throw CLIError(
                "no token: set EXEQUATUR_TOKEN or use `--token-file`", status: .refused)
        }
        guard let token = GateToken(text) else {
            throw CLIError(
                "the token is not one of this service's: set it to the text as printed",
                status: .refused)
        }
        return token
    }

    /// The gate's own token; nil makes it advisory.
    func gateToken() throws -> GateToken? {
        guard let text = variables["EXEQUATUR_GATE_TOKEN"], !text.isEmpty else { return nil }
        guard let gate = GateToken(text), gate.kind == .gate else {
            throw CLIError("EXEQUATUR_GATE_TOKEN does not hold a gate's token", status: .refused)
        }
        return gate
    }

    /// The server, the requester's token, and the gate's own where there is one.
    func credentials(_ connection: ConnectionOptions) throws -> GateCredentials {
        let resolved = try connection.resolved(environment: variables)
        let agent = try agentToken(resolved.token)
        let gate = try gateToken()
        try Self.check(agent, gate)
        return GateCredentials(base: resolved.address.base, agent: agent, gate: gate)
    }

    /// Both tokens must trust one log.
    static func check(_ agent: GateToken, _ gate: GateToken?) throws {
        guard let gate, gate.keyFingerprint != agent.keyFingerprint else { return }
        throw CLIError(
            "the agent's and the gate's token name different logs: take both from one server",
            status: .refused)
    }

    var stateDirectory: String {
        func absolute(_ name: String) -> String? {
            variables[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        if let path = absolute("EXEQUATUR_STATE_DIR") { return path }
        if let path = absolute("XDG_STATE_HOME") { return path + "/exequatur" }
        let home = absolute("HOME") ?? CommandAccount.current().home ?? "/nonexistent"
        return home + "/.local/state/exequatur"
    }

    static let effects = GateEffects(
        // It goes on while the machine sleeps: a claim must not outlive its window.
        now: SystemClock.sinceStart,
        sleep: { try await Task.sleep(for: $0) },
        entropy: { count in
            var bytes = [UInt8](repeating: 0, count: count)
            let result = getentropy(&bytes, count)
            // It never fails for up to 256 bytes; without randomness there is no safe way on.
            precondition(result == 0, "the kernel gives no randomness")
            return bytes
        })
}

/// As whom a gate asks.
struct GateCredentials {
    let base: String
    let agent: GateToken
    /// Nil makes the gate advisory.
    let gate: GateToken?
}

/// `--require`, of every gate that has a floor.
struct FloorOption: ParsableArguments {
    /// What a gate can demand.
    enum Demand: String, ExpressibleByArgument {
        case passkey
    }

    @Option(
        help: """
            What this gate demands of decisions by itself: passkey. Then it executes nothing that \
            persons have not signed with passkeys of `--manifest`.
            """)
    var require: Demand?

    @Option(
        help: """
            The manifest of the seal, as `exequatur seal --manifest --json` printed it: a file of \
            this gate's own.
            """)
    var manifest: String?

    func validate() throws {
        guard (require == nil) == (manifest == nil) else {
            throw ValidationError("`--require passkey` and `--manifest FILE` go together")
        }
    }

    /// The floor, read from the file; nil where none is demanded.
    func floor() throws -> PasskeyFloor? {
        guard require != nil, let manifest else { return nil }
        do {
            return try PasskeyFloor(manifest: try LocalFile.read(manifest, limit: 67_108_864))
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError(
                "`\(manifest)` is not the manifest of a seal: \(error); take what "
                    + "`exequatur seal --manifest --json` prints once the installation is sealed",
                status: .refused)
        }
    }
}
