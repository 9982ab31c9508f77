// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Collectors
import DriftCore
import Foundation
import TestSupport
import Testing

/// The guide is followed to the letter, but for the folder and the digests.
@Suite("The guide to collectors")
struct CollectorGuideTests {
    private let blocks: [String]

    init() throws {
        let text = try Corpora.text(at: "\(Corpora.packageRoot)/docs/how-to/write-a-collector.md")
        var blocks: [[Substring]] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("    ") {
                blocks[blocks.count - 1].append(line.dropFirst(4))
            } else if line.isEmpty, blocks.last?.isEmpty == false {
                blocks[blocks.count - 1].append("")
            } else if blocks.last?.isEmpty == false {
                blocks.append([])
            }
        }
        self.blocks = blocks.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }
    }

    @Test("its program, pinned in its source, finds the accounts of this machine")
    func example() async throws {
        let folder = try Folder()
        let script = try #require(blocks.first { $0.hasPrefix("import ") })
        let file = try folder.write("accounts.py", script)
        let command = try #require(blocks.first { $0.hasPrefix("sha256sum ") })
        let sums = command.replacing("/opt/exequatur", with: folder.path).split(separator: " ")
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        var text = try #require(blocks.first { $0.hasPrefix("{\n  \"id\"") })
            .replacing("/opt/exequatur", with: folder.path)
        for path in sums.dropFirst() {
            let digest = try #require(try Watching.digest(path).stringValue)
            text = text.replacing("\"\(path)\": \"…\"", with: "\"\(path)\": \"\(digest)\"")
        }
        let source = try DriftSource(JSON(parsing: text))
        let collector = try Watching.collector(source.kind, source.settings)
        let found = try await Watching.snapshot(collector)
        let root = try found.document("exec:root")
        #expect(root["uid"] == 0)
        #expect(root["home"] == "/root")
        #expect(found == (try await Watching.snapshot(collector)))

        try folder.write("accounts.py", script.replacing("pw_shell", with: "pw_gecos"))
        #expect(try await Watching.failure(collector).cause == .collectorChanged)
        #expect(file.hasSuffix("accounts.py"))
    }

    @Test("its command to try the program works, and the output has the shape it says")
    func trying() throws {
        let folder = try Folder()
        let script = try #require(blocks.first { $0.hasPrefix("import ") })
        try folder.write("accounts.py", script)
        let line = try #require(blocks.first { $0.hasPrefix("python3 ") })
            .replacing("/opt/exequatur", with: folder.path)
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        let out = "\(folder.path)/out.json"
        #expect(try Child.run(words, output: .file(out)) == 0)
        let output = try JSON(parsing: Corpora.bytes(at: out))
        #expect(output["subjects"]?["root"]?["uid"] == 0)
    }
}
