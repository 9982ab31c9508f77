// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import ExequaturClient
internal import Foundation

/// What a command gate asks of paths.
extension SystemPath {
    /// The path without links, or nil where there is nothing.
    static func canonical(_ path: String) -> String? {
        guard let found = path.withCString({ realpath($0, nil) }) else { return nil }
        defer { free(found) }
        return String(validatingCString: found)
    }

    static func isExecutable(_ path: String) -> Bool {
        isRegularFile(path) && access(path, X_OK) == 0
    }

    static func isRegularFile(_ path: String) -> Bool {
        var found = clinux_identity()
        return clinux_look(path, 1, &found) == 0 && found.mode & S_IFMT == S_IFREG
    }

    /// Joins a path to a directory, unless it is absolute.
    static func join(_ directory: String, _ path: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? path : directory + "/" + path
    }

    static func lastPart(_ path: String) -> String {
        path.utf8.split(separator: UInt8(ascii: "/")).last.flatMap { String($0) } ?? path
    }
}
