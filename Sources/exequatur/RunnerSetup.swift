// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation
internal import Gates

/// Accounts and groups as an administrator names them.
enum RunnerAccounts {
    /// Numbers of users, by name or number.
    static func users(_ names: [String]) throws -> Set<UInt32> {
        Set(
            try names.map { name in
                if let number = UInt32(name) { return number }
                guard let found = SwitchedAccount(named: name) else {
                    throw CLIError.usage("`--allow-user \(name)`: there is no such user")
                }
                return found.account.userID
            })
    }

    /// The number of a group, by name or number.
    static func group(_ name: String) throws -> UInt32 {
        if let number = UInt32(name) { return number }
        guard let found = getgrnam(name) else {
            throw CLIError.usage("`--socket-group \(name)`: there is no such group")
        }
        return found.pointee.gr_gid
    }

    /// The account of `--as`; nil without one.
    static func switched(_ text: String?) throws -> SwitchedAccount? {
        guard let text else { return nil }
        guard geteuid() == 0 else {
            throw CLIError("`--as` needs root: start the runner as root", status: .usage)
        }
        let found = numbered(text) ?? SwitchedAccount(named: text)
        guard let found else {
            throw CLIError.usage("`--as \(text)`: no such user; write a name or UID:GID")
        }
        guard found.account.userID != 0, !found.groups.contains(0) else {
            throw CLIError.usage("`--as \(text)`: root and root's group would change nothing")
        }
        return found
    }

    private static func numbered(_ text: String) -> SwitchedAccount? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let user = UInt32(parts[0]), let group = UInt32(parts[1]) else {
            return nil
        }
        return SwitchedAccount(
            account: CommandAccount(userID: user, name: String(user), home: nil), groups: [group])
    }
}

/// What a runner knows of its surroundings before the first command.
struct RunnerSetup {
    let account: SwitchedAccount?
    let folders: [String]
    let host: String

    func rules(
        users: Set<UInt32>, passed: [String], own: [String], shown: [String]
    ) throws -> RunnerRules {
        var surroundings = try CommandSurroundings.current(input: .null)
        if let account { become(account, &surroundings) }
        let canonical = try folders.map { folder in
            guard folder.hasPrefix("/"), let found = Self.canonical(folder) else {
                throw CLIError.usage("`--directory \(folder)`: not a folder, or not absolute")
            }
            return found
        }
        var rules = RunnerRules(
            home: ownFolder(surroundings) ?? canonical.first ?? "/", surroundings: surroundings,
            host: host)
        rules.folders = canonical
        rules.users = users
        rules.passed = passed
        rules.own = own
        rules.shown = shown
        return rules
    }

    /// Root's own variables lead another user nowhere.
    private func become(_ account: SwitchedAccount, _ surroundings: inout CommandSurroundings) {
        surroundings.account = account.account
        for name in ["HOME", "USER", "LOGNAME", "SHELL", "MAIL"] {
            surroundings.environment[name] = nil
        }
        surroundings.environment["HOME"] = account.account.home
        surroundings.environment["USER"] = account.account.name
        surroundings.environment["LOGNAME"] = account.account.name
    }

    private func ownFolder(_ surroundings: CommandSurroundings) -> String? {
        let named = surroundings.environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        return (named ?? surroundings.account.home).flatMap(Self.canonical)
    }

    private static func canonical(_ path: String) -> String? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
            isFolder.boolValue, let found = realpath(path, nil)
        else { return nil }
        defer { free(found) }
        return String(validatingCString: found)
    }
}

/// Where links to scripts lie while they run: another user must be able to pass there.
struct RunnerScripts {
    let path: String
    private let isOwn: Bool

    init(account: SwitchedAccount?, state: GateState) throws {
        guard account != nil else {
            path = state.runDirectory
            isOwn = false
            return
        }
        path = try LocalFile.freshFolder("exequatur-runner", in: "/tmp")
        guard chmod(path, 0o711) == 0 else { throw CLIError("`\(path)` cannot be opened up") }
        isOwn = true
    }

    func remove() { if isOwn { rmdir(path) } }
}
