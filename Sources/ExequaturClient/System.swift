// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// An error of the system, told by its text.
package struct SystemFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ code: Int32) { description = String(cString: strerror(code)).lowercased() }

    package init(text: String) { description = text }
}

/// Paths as the system sees them.
package enum SystemPath {
    /// Whether there is something.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a folder that nobody else can have made, mode 0700.
    ///
    /// Its name is `prefix` with six characters that the system chooses.
    /// - Returns: its path.
    /// - Throws: ``SystemFailure``.
    package static func makeFolder(_ prefix: String) throws(SystemFailure) -> String {
        var template = Array("\(prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure(errno) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
