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
}
