// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Foundation
import TestSupport
import Testing

/// Random policies, answered by us and by the reference implementation.
///
/// Runs where Python has the package `cedarpy`; `EXEQUATUR_PYTHON` names the interpreter, and
/// `EXEQUATUR_FUZZ_CASES` the number of cases (1,000 unless set).
@Suite(
    .serialized,
    .enabled(
        if: referee.isHere,
        "no `cedarpy` for Python: run scripts/bootstrap, and set PYTHONPATH as scripts/test.sh does"
    ))
struct RefereeTests {
    @Test func decisionsAgree() throws {
        var generator = PolicyGenerator(random: .forTest())
        var tally: [String: Int] = [:]
        try referee.compare("authorize", count: PythonReferee.cases / 5) {
            [
                "policies": .string(generator.policySet(generator.pick([1, 3, 8]))),
                "entities": generator.entities(),
                "requests": .array((0..<6).map { _ in generator.request() }),
            ]
        } answer: { question, answer in
            try compare(question, answer, &tally)
        }
        referee.report("decisions: \(tally.sorted { $0.key < $1.key })")
    }

    private func compare(
        _ question: JSON, _ answer: JSON, _ tally: inout [String: Int]
    ) throws -> [String] {
        let text = try #require(question["policies"]?.stringValue)
        let policies = try PolicySet(parsing: text, allowingTemplates: true)
            .linking(links(question))
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

    /// The links that a question gives for the templates among its policies.
    private func links(_ question: JSON) throws -> [TemplateLink] {
        try (question["links"]?.arrayValue ?? []).map { link in
            var values: [Template.Slot: EntityUID] = [:]
            for (slot, uid) in try #require(link["values"]?.objectValue) {
                values[try #require(Template.Slot(rawValue: slot))] = try EntityUID(json: uid)
            }
            return TemplateLink(
                templateID: try #require(link["template_id"]?.stringValue),
                newID: try #require(link["new_id"]?.stringValue), values: values)
        }
    }

    @Test func linkedTemplatesAgree() throws {
        var generator = PolicyGenerator(random: .forTest(), hasSlots: true)
        var tally: [String: Int] = [:]
        try referee.compare("authorize", count: PythonReferee.cases / 10) {
            let text = generator.policySet(5)
            let set = try PolicySet(parsing: text, allowingTemplates: true)
            var links: [JSON] = []
            for template in set.templates {
                for copy in 0..<2 {
                    let values = template.slots.map { ($0.rawValue, generator.uidJSON()) }
                    links.append([
                        "template_id": .string(template.id),
                        "new_id": .string("\(template.id)-\(copy)"),
                        "values": .object(JSONObject(values)),
                    ])
                }
            }
            return [
                "policies": .string(text), "links": .array(links),
                "entities": generator.entities(),
                "requests": .array((0..<6).map { _ in generator.request() }),
            ]
        } answer: { question, answer in
            try compare(question, answer, &tally)
        }
        referee.report("templates: \(tally.sorted { $0.key < $1.key })")
    }

    @Test func whatParsesAgrees() throws {
        var generator = PolicyGenerator(random: .forTest(), hasSlots: true)
        var accepted = 0
        var place = 0
        try referee.compare("parse", count: PythonReferee.cases) {
            let text = generator.policySet(generator.pick([1, 1, 2]))
            place += 1
            return .string(place % 3 == 0 ? generator.respaced(text) : generator.broken(text))
        } answer: { question, answer in
            let text = try #require(question.stringValue)
            let isExpected = answer["accepted"]?.boolValue == true
            switch ours(text) {
            case .success(let set):
                accepted += 1
                guard isExpected else { return ["only we accept: \(text)"] }
                let expected = (answer["policies"], answer["templates"])
                guard set["staticPolicies"] == expected.0, set["templates"] == expected.1 else {
                    return ["read differently: \(text)\nours: \(set)\nreference: \(expected)"]
                }
            case .failure(let errors):
                if isExpected { return ["only we refuse: \(text)\n\(errors)"] }
            }
            return []
        }
        referee.report("parsing: \(accepted) accepted by both")
    }

    /// Text of extension values, good and bad, stands for the same value or fails for both.
    @Test func extensionValuesAgree() throws {
        var generator = PolicyGenerator(random: .forTest())
        let permit = "permit(principal, action, resource) when"
        var good = 0
        var tally: [String: Int] = [:]
        let count = max(PythonReferee.cases / 100, 1)
        try referee.compare("authorize", count: count) {
            let policies = (0..<100).map { _ in
                let (function, text) = generator.extensionText()
                let call = "\(function)(\"\(text)\")"
                let value = try? function.call([.string(text)])
                good += value == nil ? 0 : 1
                // Where we refuse the text, the policy fails for both or for us alone.
                return "\(permit) { \(call) == \(value.map { "\($0)" } ?? call) };"
            }
            let request: JSON = [
                "principal": ["type": "U", "id": "u"], "resource": ["type": "R", "id": "r"],
                "action": ["type": "Action", "id": "a"], "context": [:],
            ]
            return [
                "policies": .string(policies.joined(separator: "\n")), "entities": [],
                "requests": [request],
            ]
        } answer: { question, answer in
            try compare(question, answer, &tally)
        }
        #expect(good > count * 25 && good < count * 100)
        referee.report("extension values: \(count * 100) texts, \(good) of them good")
    }

    private func ours(_ text: String) -> Result<JSON, PolicySyntaxErrors> {
        do throws(PolicySyntaxErrors) {
            let set = try PolicySet(parsing: text, allowingTemplates: true)
            return .success((try? set.json) ?? .null)
        } catch {
            return .failure(error)
        }
    }
}
