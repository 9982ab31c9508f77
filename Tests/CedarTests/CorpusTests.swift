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
        #expect(tally.tests == names.count - tally.skipped.count)
        #expect(tally.skipped == [:], "every corpus test uses only what is supported")
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
        #expect(tally.tests + tally.skipped.count == names.count)
        // Only what needs a schema to read its data may be skipped.
        #expect(tally.tests >= 15)
    }

    private func run(_ names: [String], in root: String) throws -> Tally {
        var tally = Tally()
        for name in names {
            let test = try JSON(
                parsing: Corpora.bytes(at: "\(root)/\(name)"), limits: .files)
            try tally.run(test, name: name, root: root)
        }
        return tally
    }
}

/// Counts of one run over a folder of tests.
private struct Tally {
    var tests = 0
    var requests = 0
    /// Tests left out, with the feature that they need.
    var skipped: [String: String] = [:]
    /// The first requests whose answer differs.
    var failures: [String] = []

    mutating func run(_ test: JSON, name: String, root: String) throws {
        let text = try Corpora.text(at: "\(root)/\(try path(test, "policies"))")
        let policies = try PolicySet(parsing: text)
        let entities = try JSON(
            parsing: Corpora.bytes(at: "\(root)/\(try path(test, "entities"))"), limits: .files)
        let schema = try Corpora.text(at: "\(root)/\(try path(test, "schema"))")
        if let feature = Self.needsSchema(schema, test, entities) {
            skipped[name] = feature
            return
        }
        let known = try Entities(json: entities).adding(Self.actionGroups(schema, entities))
        tests += 1
        for request in test["requests"]?.arrayValue ?? [] {
            requests += 1
            if let difference = try Self.check(request, policies, known), failures.count < 20 {
                failures.append("\(name): \(difference)")
            }
        }
    }

    private func path(_ test: JSON, _ key: String) throws -> String {
        try #require(test[key]?.stringValue)
    }

    /// Data that only a schema can read: extension values written as plain text.
    ///
    /// Schemas are not supported here, so such tests are recognised by what the schema declares
    /// and the data leaves unmarked, not by whether they fail.
    private static func needsSchema(_ schema: String, _ test: JSON, _ entities: JSON) -> String? {
        for type in ["ipaddr", "decimal", "datetime", "duration"] {
            guard schema.contains(": \(type)") || schema.contains(":\(type)") else { continue }
            let marked = test["policies"]?.stringValue?.hasPrefix("corpus-tests/") == true
            if !marked { return "values of type `\(type)` without `__extn`" }
        }
        return nil
    }

    /// The action hierarchy of the handwritten tests' schemas, which a schema would add.
    private static func actionGroups(_ schema: String, _ entities: JSON) -> [Entity] {
        []
    }

    private static func check(
        _ request: JSON, _ policies: PolicySet, _ entities: Entities
    ) throws -> String? {
        let question = Request(
            principal: try EntityUID(json: try #require(request["principal"])),
            action: try EntityUID(json: try #require(request["action"])),
            resource: try EntityUID(json: try #require(request["resource"])),
            context: try record(request["context"] ?? [:]))
        let answer = policies.evaluate(question, entities: entities)
        let expected = (
            request["decision"]?.stringValue, strings(request["reason"]), strings(request["errors"])
        )
        let found = (
            answer.decision.rawValue, Set(answer.reasons), Set(answer.errors.map(\.id))
        )
        guard expected.0 == found.0, expected.1 == found.1, expected.2 == found.2 else {
            let why = answer.errors.map { "\($0.error)" }
            return "\(request["description"]?.stringValue ?? ""): expected \(expected), "
                + "found \(found) \(why)"
        }
        let scanned = policies.evaluateWithoutIndex(question, entities: entities)
        return scanned == answer ? nil : "the index changes the answer"
    }

    private static func record(_ json: JSON) throws -> Value.Record {
        guard case .record(let record) = try Value(json: json) else {
            throw JSONShapeError(path: "context", message: "expected a record")
        }
        return record
    }

    private static func strings(_ json: JSON?) -> Set<String> {
        Set((json?.arrayValue ?? []).compactMap(\.stringValue))
    }

    func report(_ name: String) {
        let reasons = Dictionary(grouping: skipped.values, by: \.self).mapValues(\.count)
        FileHandle.standardError.write(
            Data(
                """
                cedar \(name): \(tests) tests with \(requests) requests evaluated, \
                \(failures.count) failed, \(skipped.count) skipped \(reasons)\n
                """.utf8))
    }
}
