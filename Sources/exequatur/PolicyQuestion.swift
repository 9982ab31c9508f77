// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import ToolSchemas

/// A question to a policy set as files state it, read with the set's schema.
struct PolicyQuestion {
    let request: Request
    let entities: Entities

    /// Reads Cedar's JSON form; members that every context has may be left out.
    ///
    /// The context is read as the server reads the input of an action, so that a test may have the
    /// very JSON that a gate sends: numbers for decimals, text for the names of entities.
    /// - Parameters:
    ///   - request: `principal`, `action`, `resource` and `context`.
    ///   - entities: a list of entities.
    ///   - schema: what both must fit; it adds the actions.
    /// - Throws: a ``CLIError`` with the first thing that does not fit.
    init(request: JSON, entities: JSON, schema: Schema) throws {
        let known: Entities
        do {
            known = try Entities(json: entities, schema: schema)
        } catch {
            throw CLIError("the entities do not fit the schema: \(error)")
        }
        do {
            let named = try CedarFiles.namesAsObjects(request)
            if let stray = named.objectValue?.keys.first(where: { !Self.members.contains($0) }) {
                throw CLIError("unknown member `\(stray)`")
            }
            func uid(_ member: String) throws -> EntityUID {
                try EntityUID(json: named[member] ?? .null, path: member)
            }
            let action = try uid("action")
            guard let declared = schema.actions[action] else {
                throw CLIError("action `\(action)` is not declared")
            }
            let (context, made) = try Self.context(named["context"], declared.context, schema)
            let asked = Request(
                principal: try uid("principal"), action: action, resource: try uid("resource"),
                context: context)
            guard !made.contains(where: { $0.uid == asked.resource }) else {
                throw CLIError("the resource has the name of a part of the input")
            }
            try schema.validate(asked)
            self.request = asked
            self.entities = made.isEmpty ? known : known.adding(made)
        } catch {
            let cause = (error as? CLIError)?.message ?? "\(error)"
            throw CLIError("the request does not fit the schema: \(cause)")
        }
    }

    private static let members: Set<String> = ["action", "context", "principal", "resource"]

    /// A Tuesday at ten, at an enforcing gate, on a resource that the agent knows, without words of
    /// the agent: what a test says nothing about should not matter to it.
    private static let shared: JSONObject = [
        "behavior": ["firstUse": false], "catalogue": [:], "freezes": [],
        "gate": ["enforcing": true, "id": "run"], "hour": 10, "intent": [:],
        "now": "2026-03-03T10:00:00Z", "weekday": 2,
    ]

    private static func context(
        _ json: JSON?, _ declared: RecordType, _ schema: Schema
    ) throws -> (Value.Record, [Entity]) {
        guard var given = (json ?? [:]).objectValue else {
            throw CLIError("`context` is not an object")
        }
        for (name, value) in shared where given[name] == nil && declared[name] != nil {
            given[name] = value
        }
        var members: [(key: String, value: Value)] = []
        var entities: [Entity] = []
        var omitted: [Value] = []
        for (name, value) in given {
            guard let attribute = declared[name] else {
                throw CLIError("`context` has the member `\(name)`, which is not declared")
            }
            let typed = try TypedInput.convert(
                value, to: attribute.type, in: schema, at: JSONPointer(tokens: [name]))
            members.append((name, typed.value))
            entities += typed.entities
            omitted += typed.omitted.map { .string("\($0)") }
        }
        if given["omitted"] == nil, declared["omitted"] != nil {
            members.append(("omitted", .set(ValueSet(omitted))))
        }
        return (Value.Record(members), entities)
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
