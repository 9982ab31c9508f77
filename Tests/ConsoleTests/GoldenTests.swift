// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Console

/// Every page, byte for byte, against the files in `Tests/Golden/console`.
///
/// `UPDATE_GOLDEN=1` rewrites them, except where `CI` is set: there they only judge.
@Suite struct GoldenTests {
    @Test(arguments: PageSamples.all.map(\.name))
    func pageMatchesGoldenFile(_ name: String) throws {
        let sample = try #require(PageSamples.all.first { $0.name == name })
        let html = withoutHashes(try sample.html(Shared.renderer()))
        let file = goldenDirectory.appendingPathComponent("\(name).html")
        let environment = ProcessInfo.processInfo.environment
        if environment["UPDATE_GOLDEN"] == "1" && environment["CI"] == nil {
            try FileManager.default.createDirectory(
                at: goldenDirectory, withIntermediateDirectories: true)
            try Data(html.utf8).write(to: file)
        }
        let golden = try #require(
            try? String(contentsOf: file, encoding: .utf8),
            "no golden file for `\(name)`: run the tests with UPDATE_GOLDEN=1 and read the diff")
        let difference = firstDifference(golden, html)
        #expect(difference == nil, "run with UPDATE_GOLDEN=1 if the change is meant")
    }

    @Test func noGoldenFileIsLeftOver() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: goldenDirectory.path)
        let expected = Set(PageSamples.all.map { "\($0.name).html" })
        #expect(Set(files.filter { $0.hasSuffix(".html") }) == expected)
    }

    private var goldenDirectory: URL {
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Golden/console")
    }

    /// The paths of assets follow their content, which pages must not.
    private func withoutHashes(_ html: String) -> String {
        html.replacingOccurrences(
            of: "/assets/[0-9a-f]{16}/", with: "/assets/HASH/", options: .regularExpression)
    }

    private func firstDifference(_ left: String, _ right: String) -> String? {
        let left = left.split(separator: "\n", omittingEmptySubsequences: false)
        let right = right.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, pair) in zip(left, right).enumerated()
        where !pair.0.utf8.elementsEqual(pair.1.utf8) {
            return "line \(number + 1): golden `\(pair.0)`, page `\(pair.1)`"
        }
        return left.count == right.count ? nil : "golden \(left.count) lines, page \(right.count)"
    }
}
