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
}
