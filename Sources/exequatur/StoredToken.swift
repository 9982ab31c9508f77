// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The token that `exequatur login` keeps for one person on one machine.
///
/// `$XDG_CONFIG_HOME/exequatur/token`, otherwise `~/.config/exequatur/token`; beside it `server`
/// says whose it is, so that it goes nowhere else.
struct StoredToken {
    let path: String
    private let serverPath: String
    private let folder: String

    /// Nil where the environment names no home.
    init?(environment: [String: String]) {
        if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") {
            folder = base + "/exequatur"
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            folder = home + "/.config/exequatur"
        } else {
            return nil
        }
        path = folder + "/token"
        serverPath = folder + "/server"
    }

    /// The token for this server; nil where there is none, or one of another server.
    func token(for address: ServerAddress) throws -> String? {
        guard FileManager.default.fileExists(atPath: path),
            let server = try? LocalFile.readText(serverPath, limit: 4096),
            server.trimmingCharacters(in: .whitespacesAndNewlines).utf8
                .elementsEqual(address.base.utf8)
        else { return nil }
        let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        guard let bits = (mode as? NSNumber)?.intValue, bits & 0o077 == 0 else {
            throw CLIError("`\(path)` holds a token and others may read it: chmod 600")
        }
        return try ConnectionChoice(tokenFile: path).token(environment: [:])
    }

    /// Keeps a token, readable by its owner alone.
    func keep(_ token: String, for address: ServerAddress) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw CLIError("cannot make `\(folder)`: \(error.localizedDescription)")
        }
        // Before the token: one of another server must not be taken for this one's.
        forget()
        try LocalFile.writePrivate(Array("\(address.base)\n".utf8), to: serverPath)
        try LocalFile.writePrivate(Array("\(token)\n".utf8), to: path)
    }

    func forget() {
        unlink(path)
        unlink(serverPath)
    }
}
