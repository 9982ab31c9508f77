// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation

/// The configuration files that `git` would obey in a directory.
///
/// They can make `git status` run programs, so they are bound like scripts are. The search is
/// that of gitrepository-layout(5): `.git` here or above, or a directory that is itself a bare
/// repository.
enum RepositoryFiles {
    /// Paths of all configuration files that exist, and of what else makes the repository run
    /// something; those of the latter are never readable as configuration.
    static func find(
        arguments: [String], directory: String, environment: [(name: String, value: String)]
    ) -> [String] {
        guard SystemPath.lastPart(arguments.first ?? "") == "git" else { return [] }
        func value(_ name: String) -> String? { environment.first { $0.name == name }?.value }
        let home = value("HOME") ?? "/"
        let settings = value("XDG_CONFIG_HOME") ?? home + "/.config"
        var files = ["/etc/gitconfig", home + "/.gitconfig", settings + "/git/config"]
        var start = directory
        var index = 1
        while index + 1 < arguments.count, arguments[index].hasPrefix("-") {
            if arguments[index] == "-C" {
                start = SystemPath.join(start, arguments[index + 1])
                index += 1
            }
            index += 1
        }
        if let repository = repository(from: SystemPath.canonical(start) ?? start) {
            files += ["config", "config.worktree", "hooks/post-index-change"].map {
                repository + "/" + $0
            }
            if let common = line(of: repository + "/commondir") {
                files.append(SystemPath.join(repository, common) + "/config")
            }
            if hasSubmodules(repository + "/index") { files.append(repository + "/index") }
        }
        return files.filter(SystemPath.exists)
    }

    private static func repository(from start: String) -> String? {
        var directory = start
        while true {
            let entry = directory + "/.git"
            if SystemPath.isRegularFile(entry) {
                guard let line = line(of: entry), line.hasPrefix("gitdir: ") else { return nil }
                return SystemPath.join(directory, String(line.dropFirst(8)))
            }
            if SystemPath.exists(entry) { return entry }
            let isBare = ["HEAD", "objects", "refs"].allSatisfy {
                SystemPath.exists(directory + "/" + $0)
            }
            if isBare { return directory }
            guard let cut = directory.utf8.lastIndex(of: UInt8(ascii: "/")), directory != "/"
            else { return nil }
            directory = cut == directory.startIndex ? "/" : String(directory[..<cut])
        }
    }

    private static func line(of path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 4_096,
            let text = String(validating: data, as: UTF8.self)
        else { return nil }
        return text.split(separator: "\n").first.map(String.init)
    }

    /// Tells whether an index may name submodules, whose own configuration `git` would obey.
    ///
    /// It looks for the mode of a link to a commit, 0160000, anywhere: sometimes that is only a
    /// file's size, but it is never overlooked.
    private static func hasSubmodules(_ path: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: path) else { return false }
        let mode: [UInt8] = [0x00, 0x00, 0xE0, 0x00]
        return data.range(of: Data(mode)) != nil
    }
}
