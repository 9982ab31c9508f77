// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import ExequaturClient
internal import Foundation
internal import Gates

/// `exequatur run --runner PATH|URL -- CMD`: the command runs as the runner, not here.
extension Run {
    func runElsewhere(_ runner: String, _ environment: GateEnvironment) async throws {
        let address = try runnerAddress(runner)
        let token = try environment.agentToken(
            connection.token(environment: environment.variables))
        guard token.kind == .agent else {
            throw CLIError(
                "the token is not an agent's, and a runner takes no other", status: .refused)
        }
        let progress = RunProgress(isAdvisory: false)
        let end = try await RunnerClient(address: address, token: token).run(
            try request(environment)
        ) { frame in
            switch frame {
            case .waiting(let action): progress.waiting(action)
            case .reconnecting(let why): progress.reconnecting(why)
            case .cleared(let action): progress.cleared(action)
            case .output(.output, let bytes): try Output.bytes(bytes)
            case .output(.error, let bytes):
                // As for any command: what it says there is for whoever still listens.
                try? FileHandle.standardError.write(contentsOf: Data(bytes))
            case .beat, .end: break
            }
        }
        for note in end.notes { Output.note(note) }
        if let failure = end.failure {
            let alarm = end.isAlarm ? "ALARM: " : ""
            Output.standardError("exequatur: \(alarm)\(TerminalText.escaped(failure))")
        }
        throw ExitCode(end.exitCode)
    }

    private func runnerAddress(_ text: String) throws -> RunnerClient.Address {
        guard text.contains("://") else {
            guard !text.isEmpty, !text.utf8.contains(0) else {
                throw CLIError.usage("`--runner`: the path of a socket, or http://HOST:PORT")
            }
            return .socket(LocalFile.absolute(text))
        }
        let address = try ServerAddress(text)
        try address.checkConfidential(orInsecure: connection.insecure)
        return .network(address.base)
    }

    private func request(_ environment: GateEnvironment) throws -> RunnerRequest {
        guard !command.isEmpty else {
            throw CLIError.usage("no command: write it after `--`")
        }
        let input =
            noStdin
            ? CommandInput.null
            : try StandardInput.read {
                Output.note("standard input is open but silent; the command gets an empty one")
            }
        var variables: [String: String] = [:]
        for name in env {
            guard let value = environment.variables[name] else {
                throw CLIError.usage("`--env \(name)`: there is no such variable here")
            }
            variables[name] = value
        }
        return RunnerRequest(
            arguments: command, reason: reason, wait: wait.duration, input: input,
            variables: variables, bindings: bind, directory: directory,
            effects: try RunEffects.declared(affects: [], file: effects, host: ""),
            affects: try affects.map { try RunEffects.subject($0, elsewhere: true) })
    }
}
