// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A text file of the repository, read once for all rules.
struct SourceFile: Sendable {
    /// Path from the root of the repository, with `/` between components.
    let path: String
    let bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    func hasExtension(_ names: String...) -> Bool {
        names.contains { path.hasSuffix(".\($0)") }
    }
}

/// One breach of a rule, printed as `path:line: message` so that editors can jump to it.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// The repository this test was built from.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .resolvingSymlinksInPath()
        .deletingLastPathComponent()  // TidyTests
        .deletingLastPathComponent()  // Tests
        .deletingLastPathComponent()

    /// The folders and files the rules look at.
    ///
    /// Build products and data directories are elsewhere.
    private static let roots = [
        ".ci", "ARCHITECTURE.md", "Benchmarks", "CHANGELOG.md", "CONTRIBUTING.md", "Fuzz",
        "Makefile", "Package.swift", "README.md", "SECURITY.md", "Sources", "Tests", "demo", "docs",
        "policies", "scripts",
    ]

    static let files: [SourceFile] = roots.flatMap(load).sorted { $0.path < $1.path }

    static let swiftFiles: [SwiftSource] =
        files.filter { $0.hasExtension("swift") }.map(SwiftSource.init)

    static let documents: [SourceFile] = files.filter { $0.hasExtension("md") }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    private static func load(_ name: String) -> [SourceFile] {
        let manager = FileManager.default
        let url = root.appendingPathComponent(name)
        var isDirectory: ObjCBool = false
        guard manager.fileExists(atPath: url.path, isDirectory: &isDirectory) else { return [] }
        guard isDirectory.boolValue else { return [read(name)].compactMap { $0 } }
        let inside = (try? manager.subpathsOfDirectory(atPath: url.path)) ?? []
        return inside.filter { !$0.contains(".build") && !$0.contains("__pycache__") }
            .compactMap { read("\(name)/\($0)") }
    }

    /// Nil for folders and for what is not text.
    private static func read(_ path: String) -> SourceFile? {
        guard
            let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path),
            !data.contains(0)
        else { return nil }
        return SourceFile(path: path, bytes: [UInt8](data))
    }
}

/// Records every finding as an issue of the running test.
func report(_ findings: [Finding]) {
    for finding in findings {
        Issue.record("\(finding)")
    }
}
