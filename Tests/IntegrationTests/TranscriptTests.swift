// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Recorded sessions with the command line")
struct TranscriptTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/cli").path

    static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted()
    }

    @Test("There are recorded sessions")
    func exist() {
        #expect(Self.names.count >= 4)
    }

    /// `UPDATE_GOLDEN=1` writes what is printed now; read the difference before committing it.
    @Test("A session prints what was recorded", arguments: names)
    func session(_ name: String) throws {
        let path = "\(Self.folder)/\(name)"
        let recorded = try String(contentsOfFile: path, encoding: .utf8)
        var transcript = try Transcript(try RunningServer())
        let now = try transcript.replay(recorded)
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try now.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let difference = Self.firstDifference(recorded, now)
        #expect(now == recorded, "\(name): \(difference)")
    }

    private static func firstDifference(_ recorded: String, _ now: String) -> String {
        let old = recorded.split(separator: "\n", omittingEmptySubsequences: false)
        let new = now.split(separator: "\n", omittingEmptySubsequences: false)
        for index in 0..<max(old.count, new.count) {
            let before = index < old.count ? String(old[index]) : "(end)"
            let after = index < new.count ? String(new[index]) : "(end)"
            if before != after { return "line \(index + 1): recorded `\(before)`, now `\(after)`" }
        }
        return "no difference"
    }
}
