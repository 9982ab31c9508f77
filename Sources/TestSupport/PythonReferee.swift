// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
import Foundation
import Synchronization
import Testing

/// Another implementation that answers the same questions, behind a Python script.
///
/// The script reads a JSON object from one file and writes one to another: under each kind of
/// question as many answers as there were questions.
public struct PythonReferee: Sendable {
    /// The number of cases of a whole run; each test takes its share.
    public static let cases =
        ProcessInfo.processInfo.environment["EXEQUATUR_FUZZ_CASES"].flatMap { Int($0) } ?? 1_000

    private static let python =
        ProcessInfo.processInfo.environment["EXEQUATUR_PYTHON"] ?? "python3"

    private let name: String
    private let script: String
    private let batch: Int
    /// Whether Python and the modules are there.
    public let isHere: Bool

    /// Describes a referee.
    ///
    /// - Parameters:
    ///   - name: how its lines begin.
    ///   - script: its script, from the root of the package.
    ///   - modules: what the script imports.
    ///   - batch: the questions that it is asked at a time.
    public init(name: String, script: String, modules: [String], batch: Int) {
        self.name = name
        self.script = "\(Corpora.packageRoot)/\(script)"
        self.batch = batch
        let command = "import " + modules.joined(separator: ", ")
        isHere = (try? Child.run([Self.python, "-c", command], output: .hidden)) == 0
    }

    /// Asks so many questions, some at a time, and expects that nothing is answered differently.
    public func compare(
        _ kind: String, count: Int, _ question: () throws -> JSON,
        answer: (JSON, JSON) throws -> [String]
    ) throws {
        var differences: [String] = []
        var asked = 0
        while asked < count, differences.count < 5 {
            let questions = try (0..<min(batch, count - asked)).map { _ in try question() }
            asked += questions.count
            let answers = try ask([kind: .array(questions)])[kind]?.arrayValue
            for (question, given) in zip(questions, try #require(answers)) {
                differences += try answer(question, given)
            }
        }
        #expect(differences.prefix(5) == [])
        report("\(kind): \(asked) cases, \(differences.count) answered differently")
    }

    private static let asked = Mutex(0)

    /// Asks all of these questions at once.
    public func ask(_ questions: JSON) throws -> JSON {
        let number = Self.asked.withLock { count in
            count += 1
            return count
        }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("referee-\(getpid())-\(number)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = folder.appendingPathComponent("questions.json")
        let output = folder.appendingPathComponent("answers.json")
        // Not the canonical form, which would round the largest integers.
        try Data(questions.description.utf8).write(to: input)
        let status = try Child.run([Self.python, script, input.path, output.path])
        try #require(status == 0, "the referee failed")
        return try JSON(parsing: Corpora.bytes(at: output.path), limits: .files)
    }

    /// Says something beside the results of the tests.
    public func report(_ line: String) {
        FileHandle.standardError.write(Data("\(name), \(line)\n".utf8))
    }
}
