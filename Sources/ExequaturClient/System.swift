// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// An error of the system, told by its text.
package struct SystemFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ code: Int32) { description = String(cString: strerror(code)).lowercased() }

    package init(text: String) { description = text }
}

/// Lower-case hexadecimal.
package enum Hex {
    package static func byte(_ byte: UInt8) -> String {
        let digits = Array("0123456789abcdef")
        return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map(byte).joined()
    }

    package static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// Paths as the system sees them.
package enum SystemPath {
    /// The path without links, or nil where there is nothing.
    package static func canonical(_ path: String) -> String? {
        guard let found = path.withCString({ realpath($0, nil) }) else { return nil }
        defer { free(found) }
        return String(validatingCString: found)
    }

    package static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        return access(path, X_OK) == 0
    }

    package static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Joins a path to a directory, unless it is absolute.
    package static func join(_ directory: String, _ path: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? path : directory + "/" + path
    }

    package static func lastPart(_ path: String) -> String {
        path.utf8.split(separator: UInt8(ascii: "/")).last.flatMap { String($0) } ?? path
    }
}
