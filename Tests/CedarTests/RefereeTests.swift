// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Foundation
import TestSupport
import Testing

/// Random policies, answered by us and by the reference implementation.
///
/// Runs where Python has the package `cedarpy`; `EXEQUATUR_PYTHON` names the interpreter, and
/// `EXEQUATUR_REFEREE_CASES` the number of cases (500 unless set).
@Suite(
    .serialized,
    .enabled(if: Referee.isHere, "no `cedarpy` for \(Referee.python): pip install cedarpy"))
struct RefereeTests {
    @Test func decisionsAgree() throws {
        var generator = PolicyGenerator(random: .forTest())
        let questions: [JSON] = (0..<Referee.cases).map { _ in
            [
                "policies": .string(generator.policySet(generator.pick([1, 3, 8]))),
                "entities": generator.entities(),
                "requests": .array((0..<6).map { _ in generator.request() }),
            ]
        }
        let answers = try Referee.ask(["authorize": .array(questions)])["authorize"]?.arrayValue
        var tally: [String: Int] = [:]
        var differences: [String] = []
        for (question, answer) in zip(questions, try #require(answers)) {
            differences += try compare(question, answer, &tally)
            if differences.count > 5 { break }
        }
        #expect(differences == [])
        Referee.report("decisions: \(questions.count) sets, \(tally.sorted { $0.key < $1.key })")
    }

    private func compare(
        _ question: JSON, _ answer: JSON, _ tally: inout [String: Int]
    ) throws -> [String] {
        let text = try #require(question["policies"]?.stringValue)
        let policies = try PolicySet(parsing: text)
        let entities = try Entities(json: try #require(question["entities"]))
        var differences: [String] = []
        let requests = try #require(question["requests"]?.arrayValue)
        for (request, expected) in zip(requests, try #require(answer.arrayValue)) {
            let found = policies.evaluate(try Request(json: request), entities: entities)
            let errors = found.errors.map { ($0.id, JSON.string($0.error.category.rawValue)) }
            let ours: JSON = [
                "decision": .string(found.decision.rawValue),
                "reasons": .array(found.reasons.sorted().map { .string($0) }),
                "errors": .object(JSONObject(errors)),
            ]
            tally[found.decision.rawValue, default: 0] += 1
            for error in found.errors { tally[error.error.category.rawValue, default: 0] += 1 }
            if ours != expected {
                differences.append(
                    "\(text)\n\(request)\nours: \(ours)\nreference: \(expected)\n"
                        + "\(found.errors.map { "\($0.error)" })")
            }
        }
        return differences
    }

    @Test func whatParsesAgrees() throws {
        var generator = PolicyGenerator(random: .forTest())
        let texts = (0..<Referee.cases * 10).map { place in
            let text = generator.policySet(generator.pick([1, 1, 2]))
            return place % 3 == 0 ? generator.respaced(text) : generator.broken(text)
        }
        let answers = try Referee.ask(["parse": .array(texts.map { .string($0) })])["parse"]
        var differences: [String] = []
        var accepted = 0
        for (text, answer) in zip(texts, try #require(answers?.arrayValue)) {
            let isTemplate = answer["template"]?.boolValue == true
            let expected = answer["accepted"]?.boolValue == true && !isTemplate
            let found = ours(text)
            switch found {
            case .success(let policies):
                accepted += 1
                if !expected {
                    differences.append("only we accept: \(text)")
                } else if policies != answer["policies"] {
                    differences.append(
                        "read differently: \(text)\nours: \(policies)\n"
                            + "reference: \(String(describing: answer["policies"]))")
                }
            case .failure(let errors):
                if expected { differences.append("only we refuse: \(text)\n\(errors)") }
                if isTemplate, !errors.description.contains("templates are not allowed here") {
                    differences.append("template without its error: \(text)\n\(errors)")
                }
            }
            if differences.count > 5 { break }
        }
        #expect(differences == [])
        #expect(accepted > texts.count / 4)
        Referee.report("parsing: \(texts.count) texts, \(accepted) accepted by both")
    }

    /// Text of extension values, good and bad, stands for the same value or fails for both.
    @Test func extensionValuesAgree() throws {
        var generator = PolicyGenerator(random: .forTest())
        let permit = "permit(principal, action, resource) when"
        var policies: [String] = []
        var good = 0
        for _ in 0..<Referee.cases * 10 {
            let (function, text) = generator.extensionText()
            let call = "\(function)(\"\(text)\")"
            let value = try? function.call([.string(text)])
            good += value == nil ? 0 : 1
            // Where we refuse the text, the policy fails for both or for us alone.
            policies.append("\(permit) { \(call) == \(value.map { "\($0)" } ?? call) };")
        }
        let text = policies.joined(separator: "\n")
        let request: JSON = [
            "principal": ["type": "U", "id": "u"], "action": ["type": "Action", "id": "a"],
            "resource": ["type": "R", "id": "r"], "context": [:],
        ]
        let question: JSON = [
            "policies": .string(text), "entities": [], "requests": [request],
        ]
        let answers = try Referee.ask(["authorize": [question]])["authorize"]?[0]
        var tally: [String: Int] = [:]
        #expect(try compare(question, try #require(answers), &tally) == [])
        #expect(good > policies.count / 4 && good < policies.count)
        Referee.report("extension values: \(policies.count) texts, \(good) of them good")
    }

    private func ours(_ text: String) -> Result<JSON, PolicySyntaxErrors> {
        do throws(PolicySyntaxErrors) {
            let set = try PolicySet(parsing: text)
            let pairs = set.policies.map { ($0.id, (try? $0.json) ?? .null) }
            return .success(.object(JSONObject(pairs)))
        } catch {
            return .failure(error)
        }
    }
}

/// Runs `scripts/referee/cedar/referee.py`.
private enum Referee {
    static let python =
        ProcessInfo.processInfo.environment["EXEQUATUR_PYTHON"] ?? "python3"

    static let cases =
        ProcessInfo.processInfo.environment["EXEQUATUR_REFEREE_CASES"].flatMap { Int($0) } ?? 500

    static let isHere: Bool = (try? run(["-c", "import cedarpy"], isQuiet: true)) == 0

    static func ask(_ questions: JSON) throws -> JSON {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent(
                "cedar-referee-\(getpid())-\(questions.objectValue?.keys ?? [])")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = folder.appendingPathComponent("questions.json")
        let output = folder.appendingPathComponent("answers.json")
        // Not the canonical form, which would round the largest integers.
        try Data(questions.description.utf8).write(to: input)
        let script = "\(Corpora.packageRoot)/scripts/referee/cedar/referee.py"
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

    static func report(_ line: String) {
        FileHandle.standardError.write(Data("cedar referee, \(line)\n".utf8))
    }
}
