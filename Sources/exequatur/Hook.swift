// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import Gates

/// `exequatur hook HOST`: the gate that a coding agent asks before it runs a tool.
struct Hook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hook", abstract: "Ask before a coding agent runs a tool.",
        discussion: """
            Without an action it answers the agent's host: the call comes on standard input, the \
            verdict goes to standard output, and exit code 2 blocks. `install` writes it into the \
            host's settings, `selftest` proves that it is armed. The gate is advisory: it runs as \
            the agent's own user, and every host has ways past its hooks.
            """)

    @Argument(help: "claude-code, codex, cursor or gemini.", transform: Self.host)
    var host: HookHost

    @Argument(help: "install or selftest; nothing to answer the host.")
    var action: Action?

    @OptionGroup var connection: ConnectionOptions

    @Option(help: "When to answer no, like 50s; below the host's own timeout.")
    var deadline = WaitTime(duration: .seconds(HookDeadline.usualSeconds))

    @Flag(
        name: .customLong("defer"),
        help: "Claude Code with -p only: keep a waiting call and end the process.")
    var defers = false

    @Flag(
        name: .customLong("keep-prompts"),
        help: "Claude Code: a cleared call is still subject to its own permission prompts.")
    var keepsPrompts = false

    @Option(help: "With install and selftest: the settings of the user or of the project.")
    var scope = Scope.user

    @Option(help: "With install and selftest: another settings file.", completion: .file())
    var path: String?

    @Flag(
        name: .customLong("without-outcomes"),
        help: "With install: leave out the hooks that report what became of a call.")
    var withoutOutcomes = false

    @OptionGroup var output: OutputOptions

    /// What to do other than answering.
    enum Action: String, ExpressibleByArgument, CaseIterable { case install, selftest }

    /// Whose settings.
    enum Scope: String, ExpressibleByArgument, CaseIterable { case user, project }

    private static func host(_ name: String) throws -> HookHost {
        guard let host = HookHost(rawValue: name) else {
            let names = HookHost.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("`\(name)` is not a host that is known here: \(names)")
        }
        return host
    }

    func validate() throws {
        guard HookDeadline.allows(deadline.duration) else {
            throw ValidationError(
                "`--deadline`: between 1s and \(HookDeadline.mostSeconds)s")
        }
        if (defers || keepsPrompts) && host != .claudeCode {
            throw ValidationError("`--defer` and `--keep-prompts` are for claude-code only")
        }
        if action == nil && (path != nil || withoutOutcomes || output.json) {
            throw ValidationError("`--path`, `--without-outcomes` and `--json` need an action")
        }
    }

    func run() async throws {
        switch action {
        case .install: try HookInstaller(self).install()
        case .selftest: try HookSelfTest(self).run()
        case nil: await HookProcess.answer(HookOrder(self))
        }
    }

    /// Where this host's settings are.
    func settingsPath(environment: [String: String]) throws -> String {
        if let path { return LocalFile.absolute(path) }
        if scope == .project { return LocalFile.absolute(host.settingsPath) }
        if host == .codex, let home = environment["CODEX_HOME"], home.hasPrefix("/") {
            return home + "/hooks.json"
        }
        if host == .claudeCode, let home = environment["CLAUDE_CONFIG_DIR"], home.hasPrefix("/") {
            return home + "/settings.json"
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw CLIError("HOME is not set: name the settings file with `--path`", status: .usage)
        }
        return home + "/" + host.settingsPath
    }
}

extension HookHost {
    /// Below the home folder or the project.
    fileprivate var settingsPath: String {
        switch self {
        case .claudeCode: ".claude/settings.json"
        case .codex: ".codex/hooks.json"
        case .cursor: ".cursor/hooks.json"
        case .gemini: ".gemini/settings.json"
        }
    }
}
