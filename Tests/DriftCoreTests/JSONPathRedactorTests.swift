// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import Testing

@Suite("Secrets named by JSONPath")
struct JSONPathRedactorTests {
    private let key = [UInt8](repeating: 7, count: 32)

    @Test("Every selected value is replaced, in lists and below them")
    func redaction() throws {
        let redactor = try Redactor(
            key: key, secrets: ["$..env[?search(@.name,'TOKEN|KEY')].value", "$.password"])
        let redacted = try redactor.redact([
            "password": ["a", "b"],
            "c": [
                "env": [
                    ["name": "API_TOKEN", "value": "x"], ["name": "HOME", "value": "/"],
                ]
            ],
        ])
        #expect(redacted["password"]?.isRedacted == true)
        #expect(redacted["c"]?["env"]?[0]?["value"]?.isRedacted == true)
        #expect(redacted["c"]?["env"]?[1]?["value"] == "/")
    }

    @Test("A document whose secrets cannot be found in time is not passed on")
    func failClosed() throws {
        let redactor = try Redactor(key: key, secrets: ["$.password", "$..*..*..*..*"])
        let deep: JSON = (0..<64).reduce(1) { value, _ in [value, ["a": 1]] }
        #expect(throws: JSONPathError.self) {
            try redactor.redact(["password": "x", "deep": deep])
        }
    }
}
