// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON

/// `exequatur clock`: what only a person can know about the time.
struct ClockCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock", abstract: "Confirm the server's clock.",
        subcommands: [ConfirmClock.self])
}

struct ConfirmClock: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Say that the server's clock is right, after it stopped clearing for its sake.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

    func perform(_ api: APIClient) async throws {
        let answer = try await api.post(APIPath("/v1/clock/confirm"))
        try output.print(answer, or: ["confirmed; the server clears again"])
    }
}
