// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Foundation
import TestSupport
import Testing

/// The validation verdicts of the public conformance tests.
@Suite struct ValidationCorpusTests {
    @Test(.corpus("cedar/corpus.tar.xz")) func verdictsAreThoseRecorded() throws {
        let corpus = try CorpusFolder("cedar/corpus.tar.xz")
        var failures: [String] = []
        var counts: [String: Int] = [:]
        for name in try corpus.sampledTests() {
            let test = try corpus.json("corpus-tests/\(name).json")
            let schema = try Schema(parsing: corpus.text("corpus-tests/\(name).cedarschema"))
            let policies = try PolicySet(parsing: corpus.text("corpus-tests/\(name).cedar"))
            let validator = Validator(schema)
            let strict = validator.validate(policies, mode: .strict)
            counts["strict \(strict.isValid)", default: 0] += 1
            if strict.isValid != test["shouldValidate"]?.boolValue {
                failures.append("\(name): shouldValidate: \(strict.errors)")
            }
            let recorded = try corpus.optionalJSON("validation/\(name).validation.json")
            let perPolicy = recorded?["policyValidation"]?["perPolicy"]?.objectValue
            for (id, verdicts) in perPolicy ?? [:] {
                let policy = try #require(policies[id])
                for mode in ValidationMode.allCases {
                    let found = validator.validate(policy, mode: mode)
                    counts["\(mode) compared", default: 0] += 1
                    if found.isValid != verdicts[mode.rawValue]?.boolValue {
                        failures.append("\(name) \(mode): \(found.errors)")
                    }
                }
            }
        }
        let figures = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        corpus.report(
            "validation", "\(figures.joined(separator: ", ")), \(failures.count) failed")
        #expect(failures.prefix(10) == [])
        #expect(counts["strict true"] != nil && counts["strict false"] != nil)
    }

    /// All entities and requests of the corpus fit their schemas, and the schema changes no answer.
    @Test(.corpus("cedar/corpus.tar.xz")) func entitiesAndRequestsFit() throws {
        let corpus = try CorpusFolder("cedar/corpus.tar.xz")
        var checker = DataChecker()
        for name in try corpus.sampledTests() {
            let test = try corpus.json("corpus-tests/\(name).json")
            try checker.check(test, named: name, in: corpus)
        }
        corpus.report("entities and requests", checker.figures)
        #expect(checker.failures.prefix(10) == [])
    }

    @Test(.corpus("cedar/handwritten.tar.xz")) func handwrittenTests() throws {
        let corpus = try CorpusFolder("cedar/handwritten.tar.xz")
        var checker = DataChecker()
        for group in try Corpora.names(in: "\(corpus.root)/tests") {
            for file in try Corpora.names(in: "\(corpus.root)/tests/\(group)")
            where file.hasSuffix(".json") {
                let test = try corpus.json("tests/\(group)/\(file)")
                try checker.check(test, named: file, in: corpus)
            }
        }
        corpus.report("handwritten with schema", checker.figures)
        #expect(checker.failures == [])
        #expect(checker.tests == 22 && checker.requests == 74)
    }
}

/// Runs tests with entities and requests read by their schema.
private struct DataChecker {
    var tests = 0
    var requests = 0
    var failures: [String] = []

    var figures: String { "\(tests) tests, \(requests) requests, \(failures.count) failed" }

    mutating func check(_ test: JSON, named name: String, in corpus: CorpusFolder) throws {
        tests += 1
        func path(_ key: String) throws -> String { try #require(test[key]?.stringValue) }
        let schemaPath = try path("schema")
        let schema =
            schemaPath.hasSuffix(".json")
            ? try Schema(json: corpus.json(schemaPath))
            : try Schema(parsing: corpus.text(schemaPath))
        let policies = try PolicySet(parsing: corpus.text(path("policies")))
        let entities: Entities
        do {
            entities = try Entities(json: corpus.json(path("entities")), schema: schema)
        } catch {
            failures.append("\(name): \(error)")
            return
        }
        let validated = Validator(schema).validate(policies, mode: .strict)
        if validated.isValid != test["shouldValidate"]?.boolValue {
            failures.append("\(name): shouldValidate: \(validated.errors)")
        }
        for request in test["requests"]?.arrayValue ?? [] {
            requests += 1
            var members: [(String, JSON)] = [("context", request["context"] ?? [:])]
            for key in ["principal", "action", "resource"] {
                members.append((key, try #require(request[key])))
            }
            let json = JSON.object(JSONObject(members))
            do {
                let question = try Request(json: json, schema: schema)
                let answer = policies.evaluate(question, entities: entities)
                let reasons = Set((request["reason"]?.arrayValue ?? []).compactMap(\.stringValue))
                if answer.decision.rawValue != request["decision"]?.stringValue
                    || Set(answer.reasons) != reasons
                {
                    failures.append("\(name): \(request["description"]?.stringValue ?? "")")
                }
            } catch {
                failures.append("\(name): \(error)")
            }
        }
    }
}
