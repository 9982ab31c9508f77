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
    func withClient<Result>(_ body: (APIClient) async throws -> Result) async throws -> Result {
        let environment = ProcessInfo.processInfo.environment
        return try await APIClient.with(try resolved(environment: environment), body)
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
