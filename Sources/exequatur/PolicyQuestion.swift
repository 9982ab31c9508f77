// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import Foundation

/// A question to a policy set as files state it, read with the set's schema.
struct PolicyQuestion {
    let request: Request
    let entities: Entities

    /// Reads Cedar's JSON form; members that every context has may be left out.
    ///
    /// - Parameters:
    ///   - request: `principal`, `action`, `resource` and `context`.
    ///   - entities: a list of entities.
    ///   - schema: what both must fit; it adds the actions.
    /// - Throws: a ``CLIError`` with the first thing that does not fit.
    init(request: JSON, entities: JSON, schema: Schema) throws {
        do {
            self.request = try Request(
                json: try Self.completed(try CedarFiles.namesAsObjects(request), schema),
                schema: schema)
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError("the request does not fit the schema: \(error)")
        }
        do {
            self.entities = try Entities(json: entities, schema: schema)
        } catch {
            throw CLIError("the entities do not fit the schema: \(error)")
        }
    }

    /// A Tuesday at ten, at an enforcing gate, on a resource that the agent knows, without words of
    /// the agent: what a test says nothing about should not matter to it.
    private static let shared: JSONObject = [
        "behavior": ["firstUse": false],
        "gate": ["enforcing": true, "id": "run"], "hour": 10, "intent": [:],
        "now": "2026-03-03T10:00:00Z", "omitted": [], "weekday": 2,
    ]

    private static func completed(_ request: JSON, _ schema: Schema) throws -> JSON {
        guard var object = request.objectValue else {
            throw CLIError("the request must be an object with `principal`, `action`, `resource`")
        }
        var context = object["context"]?.objectValue ?? [:]
        let action = try object["action"].map { try EntityUID(json: $0, path: "action") }
        let declared = action.flatMap { schema.actions[$0] }?.context
        for (name, value) in shared where context[name] == nil && declared?[name] != nil {
            context[name] = value
        }
        object["context"] = .object(context)
        return .object(object)
    }
}

/// What policies say of a question: plain Cedar's answer and ours.
struct PolicyAnswer {
    let evaluation: Evaluation
    let verdict: Verdict

    init(_ question: PolicyQuestion, _ policies: PublishedPolicies) {
        evaluation = policies.policySet.evaluate(question.request, entities: question.entities)
        verdict = VerdictRule.verdict(
            evaluation, policies: policies, directory: .zero,
            at: Timestamp(milliseconds: 0))
    }
}
