// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Foundation
import TestSupport
import Testing

/// The public conformance tests of Cedar, each evaluated and compared in decision, determining
/// policies and erroring policies.
@Suite struct CorpusTests {
    @Test(.corpus("cedar/corpus.tar.xz")) func generatedTests() throws {
        let root = try Corpora.unpacked("cedar/corpus.tar.xz")
        let names = try Corpora.names(in: "\(root)/corpus-tests")
            .filter { $0.hasSuffix(".json") && !$0.hasSuffix(".entities.json") }
        #expect(names.count > 3_000, "the corpus is far smaller than it was")
        let tally = try run(names.map { "corpus-tests/\($0)" }, in: root)
        tally.report("corpus")
        #expect(tally.failures == [])
        #expect(tally.tests == names.count)
        #expect(tally.requests == names.count * 8)
    }

    @Test(.corpus("cedar/handwritten.tar.xz")) func handwrittenTests() throws {
        let root = try Corpora.unpacked("cedar/handwritten.tar.xz")
        var names: [String] = []
        for group in try Corpora.names(in: "\(root)/tests") {
            names += try Corpora.names(in: "\(root)/tests/\(group)")
                .filter { $0.hasSuffix(".json") }.map { "tests/\(group)/\($0)" }
        }
        #expect(names.count == 22)
        let tally = try run(names, in: root)
        tally.report("handwritten")
        #expect(tally.failures == [])
        #expect(tally.tests == names.count)
        #expect(tally.requests == 74)
    }

    private func run(_ names: [String], in root: String) throws -> Tally {
        var tally = Tally()
        for name in names {
            let test = try JSON(parsing: Corpora.bytes(at: "\(root)/\(name)"), limits: .files)
            try tally.run(test, name: name, root: root)
        }
        return tally
    }
}

/// Counts of one run over a folder of tests.
private struct Tally {
    var tests = 0
    var requests = 0
    /// The first requests whose answer differs.
    var failures: [String] = []

    mutating func run(_ test: JSON, name: String, root: String) throws {
        let text = try Corpora.text(at: "\(root)/\(try path(test, "policies"))")
        let policies = try PolicySet(parsing: text)
        let data = try JSON(
            parsing: Corpora.bytes(at: "\(root)/\(try path(test, "entities"))"), limits: .files)
        // In the handwritten tests only the schema says where entities and extension values are.
        let schema = name.hasPrefix("corpus-tests/") ? nil : try schema(test, root: root)
        let entities =
            try schema.map { try Entities(json: data, schema: $0) } ?? Entities(json: data)
        tests += 1
        for request in test["requests"]?.arrayValue ?? [] {
            requests += 1
            let difference = try Self.check(request, schema, policies, entities)
            if let difference, failures.count < 20 { failures.append("\(name): \(difference)") }
        }
    }

    private func schema(_ test: JSON, root: String) throws -> Schema {
        try Schema(parsing: Corpora.text(at: "\(root)/\(try path(test, "schema"))"))
    }

    private func path(_ test: JSON, _ key: String) throws -> String {
        try #require(test[key]?.stringValue)
    }

    private static func check(
        _ request: JSON, _ schema: Schema?, _ policies: PolicySet, _ entities: Entities
    ) throws -> String? {
        var members: [(String, JSON)] = [("context", request["context"] ?? [:])]
        for key in ["principal", "action", "resource"] {
            members.append((key, try #require(request[key])))
        }
        let json = JSON.object(JSONObject(members))
        let question = try schema.map { try Request(json: json, schema: $0) } ?? Request(json: json)
        let answer = policies.evaluate(question, entities: entities)
        let expected = (
            request["decision"]?.stringValue, strings(request["reason"]), strings(request["errors"])
        )
        let found = (answer.decision.rawValue, Set(answer.reasons), Set(answer.errors.map(\.id)))
        guard expected.0 == found.0, expected.1 == found.1, expected.2 == found.2 else {
            let why = answer.errors.map { "\($0.error)" }
            return "\(request["description"]?.stringValue ?? ""): expected \(expected), "
                + "found \(found) \(why)"
        }
        let scanned = policies.evaluateWithoutIndex(question, entities: entities)
        return scanned == answer ? nil : "the index changes the answer"
    }

    private static func strings(_ json: JSON?) -> Set<String> {
        Set((json?.arrayValue ?? []).compactMap(\.stringValue))
    }

    func report(_ name: String) {
        let line =
            "cedar \(name): \(tests) tests with \(requests) requests evaluated, "
            + "\(failures.count) failed, 0 skipped\n"
        FileHandle.standardError.write(Data(line.utf8))
    }
}
