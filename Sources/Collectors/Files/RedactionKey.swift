// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Crypto
package import DriftCore
internal import Foundation
package import TransparencyLog

/// The key under which secrets of a stand-alone baseline are digests: a file next to it.
///
/// A file of its own because a baseline may be shown and copied to where it can't be changed, and
/// the key must not go along: with it, whoever guesses a secret can see that it is right.
package struct RedactionKey: Sendable {
    package let bytes: [UInt8]

    /// Names the key, without telling it.
    package var name: Hash256 {
        .sha256(Array("exequatur/v1/redaction-key\n".utf8) + bytes)
    }

    /// Reads a key, or makes one where there is none.
    ///
    /// - Throws: ``DriftError`` where it can't be written, or others could read it.
    package init(readingOrMaking path: String) throws(DriftError) {
        if access(path, F_OK) == 0 {
            try self.init(reading: path)
            return
        }
        self.init(bytes: SymmetricKey(size: .bits256).withUnsafeBytes(Array.init))
        let file = try PrivateFile(beside: path)
        try file.write(Array((Hex.encode(bytes) + "\n").utf8))
        try file.replace(path)
    }

    /// Reads a key that only its owner can read.
    package init(reading path: String) throws(DriftError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw DriftError(
                "cannot open `\(path)`: \(String(cString: strerror(errno))); the baseline holds "
                    + "digests of secrets, and the key was written next to it")
        }
        defer { clinux_close(descriptor) }
        var found = clinux_entry()
        guard clinux_look_open(descriptor, &found) == 0,
            found.mode & UInt32(S_IFMT) == UInt32(S_IFREG), found.mode & 0o077 == 0
        else { throw DriftError("`\(path)` can be read by others: make its mode 0600") }
        var text = [UInt8](repeating: 0, count: 66)
        let got = text.withUnsafeMutableBytes { clinux_read(descriptor, $0.baseAddress, 66) }
        let line = String(decoding: text.prefix(64), as: UTF8.self)
        guard got == 65, let hash = Hash256(hex: line) else {
            throw DriftError("`\(path)` is no key: it has 64 hex digits and a line feed")
        }
        self.init(bytes: hash.bytes)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }
}
