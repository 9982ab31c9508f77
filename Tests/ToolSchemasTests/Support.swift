// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Writes what a test has counted.
func report(_ line: String) {
    FileHandle.standardError.write(Data("tool schemas, \(line)\n".utf8))
}
