// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import TestSupport
import Testing

@Suite("JSONPath, public conformance suite")
struct JSONPathCorpusTests {
    @Test("All 703 cases pass", .corpus("jsonpath/cts.json"))
    func corpus() throws {
        let bytes = try Corpora.bytes(at: Corpora.path("jsonpath/cts.json"))
        let suite = try JSON(parsing: bytes)
        let cases = try #require(suite["tests"]?.arrayValue)
        var (passed, refused, places, several) = (0, 0, 0, 0)
        for item in cases {
            let name = item["name"]?.stringValue ?? ""
            let selector = try #require(item["selector"]?.stringValue)
            if item["invalid_selector"]?.boolValue == true {
                let refusal = #expect(throws: JSONPathError.self, "\(name): \(selector)") {
                    try JSONPath(selector)
                }
                passed += refusal == nil ? 0 : 1
                refused += refusal == nil ? 0 : 1
                continue
            }
            do {
                let document = try #require(item["document"])
                let found = try JSONPath(selector).located(in: document)
                let values = JSON.array(found.map(\.value))
                let paths = JSON.array(found.map { .string($0.normalizedPath) })
                let allowed = item["results"]?.arrayValue ?? [item["result"] ?? .null]
                let allowedPaths =
                    item["results_paths"]?.arrayValue ?? [item["result_paths"] ?? .null]
                // The values and the paths have to be those of the same answer.
                let isRight = zip(allowed, allowedPaths).contains { $0 == values && $1 == paths }
                #expect(isRight, "\(name): \(selector) gave \(values) at \(paths)")
                #expect(found.allSatisfy { document[$0.pointer] == $0.value })
                passed += isRight ? 1 : 0
                places += isRight && item["result_paths"]?.arrayValue != nil ? 1 : 0
                several += isRight && item["results"] != Optional.none ? 1 : 0
            } catch {
                Issue.record("\(name): \(selector): \(error)")
            }
        }
        #expect([cases.count, passed, refused, places, several] == [703, 703, 247, 447, 9])
        print(
            "JSONPath: \(passed) of \(cases.count) cases, \(refused) refused, \(places) with "
                + "paths, \(several) with several answers")
    }
}
