// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import TestSupport

/// An unpacked archive of conformance data.
struct CorpusFolder {
    /// Every how many-th test runs; `EXEQUATUR_TEST_FULL=1` runs all.
    static let stride: Int = {
        #if DEBUG
        ProcessInfo.processInfo.environment["EXEQUATUR_TEST_FULL"] == "1" ? 1 : 8
        #else
        1
        #endif
    }()

    let root: String

    init(_ archive: String) throws {
        root = try Corpora.unpacked(archive)
    }

    /// The names of the generated tests that run, without extensions.
    func sampledTests() throws -> [String] {
        let names = try Corpora.names(in: "\(root)/corpus-tests")
            .filter { $0.hasSuffix(".cedarschema") }.map { String($0.dropLast(12)) }
        return Swift.stride(from: 0, to: names.count, by: Self.stride).map { names[$0] }
    }

    func text(_ path: String) throws -> String {
        try Corpora.text(at: "\(root)/\(path)")
    }

    func json(_ path: String) throws -> JSON {
        try JSON(parsing: Corpora.bytes(at: "\(root)/\(path)"), limits: .files)
    }

    func optionalJSON(_ path: String) throws -> JSON? {
        FileManager.default.fileExists(atPath: "\(root)/\(path)") ? try json(path) : Optional.none
    }

    func report(_ what: String, _ figures: String) {
        let sample = Self.stride == 1 ? "" : " (every \(Self.stride)th test)"
        let line = "cedar \(what)\(sample): \(figures)\n"
        FileHandle.standardError.write(Data(line.utf8))
    }
}
