// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation

/// A command that talks to the server.
protocol ClientCommand: AsyncParsableCommand {
    var connection: ConnectionOptions { get }

    /// The work, with a client that is released afterwards.
    func perform(_ api: APIClient) async throws
}

extension ClientCommand {
    func run() async throws {
        try await connection.withClient { api in try await perform(api) }
    }
}

extension ConnectionOptions {
    /// A client for what a person does: where no token is named it is the one of `exequatur login`,
    /// which gates and agents never take.
    func withClient<Result>(
        reason: String? = nil, _ body: (APIClient) async throws -> Result
    ) async throws -> Result {
        let environment = ProcessInfo.processInfo.environment
        var connection = try resolved(environment: environment)
        if connection.token == nil {
            connection.token = try StoredToken(environment: environment)?
                .token(for: connection.address)
            if connection.token != nil {
                try connection.address.checkConfidential(orInsecure: insecure)
            }
        }
        guard reason?.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) != true else {
            throw CLIError.usage("`--reason`: one line of text")
        }
        connection.reason = reason
        return try await APIClient.with(connection, body)
    }
}

/// `--json`, shared by everything that can print its result both ways.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON value instead of text.")
    var json = false

    func print(_ value: JSON, or text: @autoclosure () -> [String]) throws {
        if json {
            try Output.json(value)
        } else {
            try Output.lines(text())
        }
    }
}
