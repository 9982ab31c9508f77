// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import TestSupport
import Testing

/// Runs `scripts/referee/tools/referee.py`.
enum Referee {
    static let python =
        ProcessInfo.processInfo.environment["EXEQUATUR_PYTHON"] ?? "python3"

    /// The number of cases of a whole run; each test takes its share.
    static let cases =
        ProcessInfo.processInfo.environment["EXEQUATUR_FUZZ_CASES"].flatMap { Int($0) } ?? 1_000

    /// Asks so many questions, some at a time, and expects that nothing is answered differently.
    static func compare(
        _ kind: String, count: Int, _ question: () throws -> JSON,
        answer: (JSON, JSON) throws -> [String]
    ) throws {
        var differences: [String] = []
        var asked = 0
        while asked < count, differences.count < 5 {
            let questions = try (0..<min(250, count - asked)).map { _ in try question() }
            asked += questions.count
            let answers = try ask([kind: .array(questions)])[kind]?.arrayValue
            for (question, given) in zip(questions, try #require(answers)) {
                differences += try answer(question, given)
            }
        }
        #expect(differences.prefix(5) == [])
        report("referee, \(kind): \(asked) cases, \(differences.count) answered differently")
    }

    static let isHere: Bool =
        (try? run(["-c", "import cedarpy, cedar_mcp_schema_generator"], isQuiet: true)) == 0

    private static let asked = Mutex(0)

    private static func ask(_ questions: JSON) throws -> JSON {
        let number = asked.withLock { count in
            count += 1
            return count
        }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tools-referee-\(getpid())-\(number)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = folder.appendingPathComponent("questions.json")
        let output = folder.appendingPathComponent("answers.json")
        try Data(questions.description.utf8).write(to: input)
        let script = "\(Corpora.packageRoot)/scripts/referee/tools/referee.py"
        let status = try run([script, input.path, output.path])
        try #require(status == 0, "the referee failed")
        return try JSON(parsing: Corpora.bytes(at: output.path), limits: .files)
    }

    private static func run(_ arguments: [String], isQuiet: Bool = false) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python] + arguments
        process.standardError = isQuiet ? FileHandle.nullDevice : .standardError
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
