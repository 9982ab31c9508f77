// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// `exequatur gateway …`: enforcement points that stand between agents and what they use.
struct Gateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Stand between agents and what they use.",
        subcommands: [GatewayMCP.self, GatewayCommand.self])
}
