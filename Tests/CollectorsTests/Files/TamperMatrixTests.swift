// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Foundation
import TestSupport
import Testing

@testable import Collectors

/// Something done to a tree, and of what it has to be found; shared with the referee, which does
/// the same in front of AIDE.
struct TamperCase: Sendable, CustomTestStringConvertible {
    let name: String
    let setup: String
    let tamper: String
    let cleanup: String
    let needsRoot: Bool
    let expect: [String]

    var testDescription: String { name }

    static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("../../Referees/drift").standardized
        .path

    /// Runs shell in a tree; `$O` is the folder next to it, `$P` does what no command does.
    static func shell(_ script: String, _ tree: FileTree) throws {
        let python =
            access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : "python3"
        let status = try Child.run(
            [
                "sh", "-c",
                "cd '\(tree.path)' && O='\(tree.outside)' "
                    + "P='\(python) -IS \(folder)/tamper.py'; \(script)",
            ])
        #expect(status == 0, "`\(script)` ended with \(status)")
    }

    static let all: [TamperCase] = read("cases.json")
    static let quiet: [TamperCase] = read("quiet.json")

    private static func read(_ name: String) -> [TamperCase] {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
            let cases = try? JSON(parsing: Array(data)).arrayValue
        else { return [] }
        return cases.compactMap { one in
            guard let name = one["name"]?.stringValue, let tamper = one["tamper"]?.stringValue,
                let expect = one["expect"]?.arrayValue
            else { return nil }
            return TamperCase(
                name: name, setup: one["setup"]?.stringValue ?? "true", tamper: tamper,
                cleanup: one["cleanup"]?.stringValue ?? "true",
                needsRoot: one["root"]?.boolValue ?? false,
                expect: expect.compactMap(\.stringValue))
        }
    }
}

@Suite("Tampering with files", .serialized)
struct TamperMatrixTests {
    @Test("There are at least 60 cases, each with a name of its own")
    func cases() {
        #expect(TamperCase.all.count >= 60)
        #expect(TamperCase.quiet.count >= 5)
        let names = (TamperCase.all + TamperCase.quiet).map { Array($0.name.utf8) }
        #expect(Set(names).count == names.count)
    }

    @Test("Each is found, of what it was done to and of nothing else", arguments: TamperCase.all)
    func found(_ one: TamperCase) throws {
        try run(one) { tree, report in
            #expect(!report.isClean)
            let found = report.deviations.map(\.subject) + report.gaps.compactMap(\.subject)
            let wanted = Set(one.expect.map { Array(tree.subject($0).utf8) })
            #expect(Set(found.map { Array($0.utf8) }) == wanted, "\(report.deviations)")
        }
    }

    @Test("What changes nothing is no drift", arguments: TamperCase.quiet)
    func quiet(_ one: TamperCase) throws {
        try run(one) { _, report in
            #expect(report.isClean, "\(report.deviations) \(report.gaps)")
        }
    }

    private func run(
        _ one: TamperCase, _ check: (FileTree, FileBaseline.Report) throws -> Void
    ) throws {
        if one.needsRoot && !FileTree.isRoot {
            // A part of the matrix that this account cannot do; continuous integration can.
            FileHandle.standardError.write(Data("skipped, needs root: \(one.name)\n".utf8))
            return
        }
        let tree = try FileTree()
        try TamperCase.shell("set -e; . \(TamperCase.folder)/base.sh; \(one.setup)", tree)
        try tree.writeBaseline()
        defer { try? TamperCase.shell(one.cleanup, tree) }
        try TamperCase.shell(one.tamper, tree)
        try check(tree, try tree.compare())
    }
}
