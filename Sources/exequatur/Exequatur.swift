// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import NIOCore

/// The program: every subcommand, one line each.
@main
struct Exequatur: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exequatur",
        abstract: "Nothing privileged runs until it is cleared, and what ran can be proven.",
        version: Version.number,
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(
                name: "Server", subcommands: [Serve.self, SealCommand.self, Recover.self]),
            CommandGroup(
                name: "Signing in",
                subcommands: [Login.self, Logout.self, SessionCommands.self, WhoAmI.self]),
            CommandGroup(
                name: "Gates",
                subcommands: [Run.self, Gateway.self, Hook.self, TokenCommands.self]),
            CommandGroup(
                name: "Actions",
                subcommands: [
                    ListActions.self, ShowAction.self, Approve.self, Deny.self, Cancel.self,
                    Withdraw.self, Revoke.self, Settle.self, Debts.self, Comment.self,
                    BatchCommands.self, Watch.self,
                ]),
            CommandGroup(
                name: "Evidence",
                subcommands: [Receipt.self, Verify.self, Fsck.self, Audit.self]),
            CommandGroup(name: "Drift", subcommands: [DriftCommands.self]),
            CommandGroup(
                name: "Administration",
                subcommands: [
                    PolicyCommands.self, PersonCommands.self, AgentCommands.self,
                    GroupCommands.self, GateCommands.self, ResourceCommands.self,
                    FreezeCommands.self, ChannelCommands.self, ClockCommands.self, Status.self,
                    Doctor.self,
                ]),
        ])

    /// Ends the process with the status that belongs to what happened.
    static func main() async {
        // Whoever asks a service needs one loop; what comes over several costs changes of threads.
        if CommandLine.arguments.dropFirst().first != "serve" {
            NIOSingletons.groupLoopCountSuggestion = GatewayServices.loops
        }
        // A host lets a tool run when its hook ends in an unknown way, also for a misspelt option.
        if let arguments = HookProcess.arguments(CommandLine.arguments) {
            await HookProcess.main(arguments)
        }
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let pending as PendingChange {
            Foundation.exit(Self.report(pending))
        } catch let error as CLIError {
            Output.standardError(error.line)
            Foundation.exit(error.status.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    /// For commands that have no `--json` and none that says so.
    private static func report(_ pending: PendingChange) -> Int32 {
        do {
            try pending.report(json: false)
            return 0
        } catch {
            Output.standardError((error as? CLIError)?.line ?? "error: \(error)")
            return ExitStatus.refused.rawValue
        }
    }
}
