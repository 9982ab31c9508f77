// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Foundation
internal import Gates

/// `exequatur hook HOST install`: puts the hook into the host's settings.
struct HookInstaller {
    private let command: Hook

    init(_ command: Hook) { self.command = command }

    /// How much longer than our own deadline the host is told to wait.
    private static let margin: Int64 = 70

    func install() throws {
        let environment = ProcessInfo.processInfo.environment
        let path = Self.resolved(try command.settingsPath(environment: environment))
        let old = try Self.contents(of: path)
        let deadline = command.deadline.duration.components.seconds
        let line = HookCommand(
            program: try Self.program(), host: command.host, deadlineSeconds: deadline,
            options: try options())
        let new: [UInt8]
        do throws(HookSettingsError) {
            new = try HookSettings(host: command.host, bytes: old ?? []).installing(
                line, timeoutSeconds: deadline + Self.margin,
                outcomes: !command.withoutOutcomes)
        } catch {
            throw CLIError("`\(path)`: \(error)")
        }
        var backup: String?
        if let old, old != new { backup = try Self.keep(old, of: path) }
        if old != new { try Self.replace(path, with: new) }
        try report(path, backup: backup, changed: old != new, line)
    }

    private func report(
        _ path: String, backup: String?, changed: Bool, _ line: HookCommand
    ) throws {
        let host = command.host
        let json: JSON = [
            "backup": backup.map { .string($0) } ?? .null, "changed": .bool(changed),
            "command": .string(line.before), "host": .string(host.rawValue),
            "settings": .string(path),
        ]
        var lines = [
            changed ? "\(host.title): the hook is in `\(path)`." : "`\(path)` has the hook already."
        ]
        if let backup { lines.append("What was there before is in `\(backup)`.") }
        lines += [
            "It is advisory: it runs as the agent's own user, and the host has ways past it.",
            command.connection.tokenFile == nil
                ? "Start \(host.title) with the agent's EXEQUATUR_TOKEN set, and EXEQUATUR_URL"
                    + " unless it is \(ServerAddress.defaultText); without a token it blocks"
                    + " everything."
                : "It reads the agent's token from the file that you named.",
        ]
        if host == .codex {
            lines.append("Codex runs hooks only after you trusted them: open it once and confirm.")
        }
        if command.defers {
            lines.append(
                "`--defer` is for `claude -p` with one call at a time: otherwise Claude Code"
                    + " ignores it and asks, or runs what its own rules allow.")
        }
        lines.append("Now prove that it is armed: exequatur hook \(host.rawValue) selftest")
        try command.output.print(json, or: lines.map(TerminalText.escaped))
    }

    /// Options that the host's command needs as well; a token is never among them.
    private func options() throws -> [String] {
        var options: [String] = []
        if let url = command.connection.url {
            options += ["--url", try ServerAddress(url).base]
        }
        if let file = command.connection.tokenFile {
            options += ["--token-file", LocalFile.absolute(file)]
        }
        if command.connection.insecure { options.append("--insecure") }
        if command.defers { options.append("--defer") }
        if command.keepsPrompts { options.append("--keep-prompts") }
        guard options.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }) else {
            throw CLIError.usage("an option has control characters: they do not fit into settings")
        }
        return options
    }

    // MARK: files

    /// This program, where its links lead.
    private static func program() throws -> String {
        let link = "/proc/self/exe"
        if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: link),
            path.hasPrefix("/"), FileManager.default.isExecutableFile(atPath: path)
        {
            return path
        }
        guard let path = Bundle.main.executablePath, path.hasPrefix("/") else {
            throw CLIError("this program's own path is not known: add the hook by hand")
        }
        return path
    }

    /// The file behind a link, so that the link stays one.
    private static func resolved(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard realpath(path, &buffer) != nil else { return path }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static func contents(of path: String) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try LocalFile.read(path, limit: HookSettings.mostBytes)
    }

    private static func keep(_ bytes: [UInt8], of path: String) throws -> String {
        let names = [path + ".exequatur-backup"] + (2...99).map { "\(path).exequatur-backup-\($0)" }
        guard let name = names.first(where: { !FileManager.default.fileExists(atPath: $0) }) else {
            throw CLIError("`\(path)` has 99 backups already: remove those that you do not need")
        }
        try write(bytes, to: name, mode: mode(of: path))
        return name
    }

    private static func replace(_ path: String, with bytes: [UInt8]) throws {
        let folder = (path as NSString).deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CLIError("cannot make `\(folder)`: \(error.localizedDescription)")
        }
        let draft = path + ".exequatur-new"
        try write(bytes, to: draft, mode: mode(of: path))
        guard rename(draft, path) == 0 else {
            unlink(draft)
            throw CLIError("cannot write `\(path)`")
        }
    }

    private static func mode(of path: String) -> Int {
        let found = try? FileManager.default.attributesOfItem(atPath: path)
        return (found?[.posixPermissions] as? Int) ?? 0o600
    }

    private static func write(_ bytes: [UInt8], to path: String, mode: Int) throws {
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(bytes), attributes: [.posixPermissions: mode])
        else { throw CLIError("cannot write `\(path)`") }
    }
}
