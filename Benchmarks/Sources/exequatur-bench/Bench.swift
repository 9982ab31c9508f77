// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// Measurements of the parts and of the whole; `Benchmarks/run.sh` puts them together.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exequatur-bench",
        subcommands: [
            PartBenches.self, JSONParts.self, LogParts.self, ClaimParts.self, CedarParts.self,
            CedarEngine.self, DiffEngine.self, AttributionBench.self, DirectoryBench.self,
            BareServer.self,
            HTTPLoad.self,
        ],
        defaultSubcommand: PartBenches.self)
}
