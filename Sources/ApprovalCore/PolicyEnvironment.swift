// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar
package import TransparencyLog

/// The policy set and the directory in force, ready to judge actions (DESIGN §7).
///
/// The server and the offline verifier judge through this same type, so that a receipt can be
/// re-run years later with nothing but its own bytes.
package struct PolicyEnvironment: Sendable {
    package let policies: PublishedPolicies
    package let directory: Directory
    package let directoryDigest: Hash256
    /// While unsealed a lone operator may approve for himself (DESIGN §4.5).
    package let singleOperator: Bool
    private let base: Entities

    package init(
        policies: PublishedPolicies, directory: Directory, singleOperator: Bool
    ) throws {
        self.policies = policies
        self.singleOperator = singleOperator
        self.directory = directory
        directoryDigest = try directory.digest()
        base = try Entities(Self.entities(directory))
    }

    /// The verdict on an action as it would be at `now`.
    package func evaluate(_ action: Action, at now: Timestamp) -> Verdict {
        let request: Request
        let entities: Entities
        do {
            (request, entities) = try self.request(action, at: now)
        } catch {
            // What can't be put to policy is not within policy.
            return Verdict(
                decision: .deny, reasons: [],
                errors: [Verdict.PolicyError(policy: "request", message: "\(error)")],
                requirement: nil, policySet: policies.digest, directory: directoryDigest,
                evaluatedAt: now)
        }
        let evaluation = policies.policySet.evaluate(request, entities: entities)
        let verdict = VerdictRule.verdict(
            evaluation, policies: policies, directory: directoryDigest, at: now)
        return satisfiable(verdict, action)
    }

    /// A review that no living person outside the chain could satisfy is a denial that says so.
    private func satisfiable(_ verdict: Verdict, _ action: Action) -> Verdict {
        guard let requirement = verdict.requirement else { return verdict }
        let excluded = singleOperator ? [] : action.requester.chain
        let eligible = directory.persons.filter { person in
            !excluded.contains(person) && !requirement.groups(of: person, in: directory).isEmpty
        }
        if SlotMatching.isMet(requirement, approvers: eligible, in: directory) { return verdict }
        let groups = requirement.slots.map { "\($0.quorum) of `\($0.group)`" }
        return verdict.unsatisfiable(
            "nobody can approve this: it needs \(groups.joined(separator: " and ")), outside the "
                + "requester chain")
    }

    private static let agentType = "Agent"
    private static let personType = "Person"
    private static let groupType = "Group"

    private static func entities(_ directory: Directory) -> [Entity] {
        var result: [Entity] = []
        for group in directory.groups.keys.sorted() {
            result.append(Entity(uid: EntityUID(type: groupType, id: group.text)))
        }
        var memberships: [Handle: [EntityUID]] = [:]
        for (group, members) in directory.groups {
            for member in members {
                memberships[member, default: []]
                    .append(EntityUID(type: groupType, id: group.text))
            }
        }
        for person in directory.persons.sorted() {
            result.append(
                Entity(
                    uid: EntityUID(type: personType, id: person.text),
                    parents: memberships[person] ?? []))
        }
        for (agent, owner) in directory.agents.sorted(by: { $0.key < $1.key }) {
            let ownerUID = EntityUID(type: personType, id: owner.text)
            result.append(
                Entity(
                    uid: EntityUID(type: agentType, id: agent.text),
                    attributes: ["owner": .entity(ownerUID)], parents: memberships[agent] ?? []))
        }
        return result
    }

    private func request(
        _ action: Action, at now: Timestamp
    ) throws -> (Request, Entities) {
        let operation = action.operation
        guard let owner = directory.agents[action.requester.agent] else {
            throw CoreError("agent `\(action.requester.agent)` is not in the directory")
        }
        // Nobody answers for an agent whose owner is gone, nor for a person who is not there.
        for person in [owner] + action.requester.chain.sorted()
        where !directory.persons.contains(person) {
            throw CoreError("`\(person)`, who answers for it, is not in the directory")
        }
        let actionUID = EntityUID(type: "Action", id: operation.action)
        let resource = EntityUID(type: operation.resourceType, id: operation.resourceID)
        let group = operation.group.map { EntityUID(type: "Action", id: $0) }
        var extra = [Entity(uid: actionUID, parents: group.map { [$0] } ?? [])]
        if let group { extra.append(Entity(uid: group)) }
        // The resource is named by the agent and gets no entity of its own: one of the directory,
        // such as the agent itself, would be replaced and lose its groups.
        return (
            Request(
                principal: EntityUID(type: Self.agentType, id: action.requester.agent.text),
                action: actionUID, resource: resource, context: context(action, at: now)),
            base.adding(extra)
        )
    }

    private func context(_ action: Action, at now: Timestamp) -> Value.Record {
        var reader = CedarInput()
        let input = reader.record(action.operation.input)
        let facts = reader.value(action.facts) ?? .record([:])
        let intent = reader.value(action.intent.json) ?? .record([:])
        var members: [(key: String, value: Value)] = [
            ("facts", facts),
            (
                "gate",
                .record([
                    "enforcing": .bool(action.gate.enforcing), "id": .string(action.gate.id.text),
                ])
            ),
            ("hour", .long(now.hour)),
            ("input", .record(input)),
            ("intent", intent),
            ("now", .extension(.datetime(DateTimeValue(epoch: now.milliseconds)))),
            ("omitted", .set(ValueSet(reader.omitted.map(Value.string)))),
            ("weekday", .long(now.weekday)),
        ]
        if let person = action.requester.onBehalfOf {
            members.append(
                ("onBehalfOf", .entity(EntityUID(type: Self.personType, id: person.text))))
        }
        return Value.Record(members)
    }
}

/// JSON input as policies see it.
///
/// Nothing is rounded, and nothing disappears because it is odd: a number that Cedar can't
/// hold exactly becomes the record `{"omitted": "1e22"}`, so that `has` still finds it and any
/// comparison with it is an error, which counts as a fired `forbid`. Only `null` is left out.
/// The places of both are listed in `context.omitted`.
struct CedarInput {
    /// The places that policies see otherwise than as they were sent, as JSON pointers.
    private(set) var omitted: [String] = []
    /// Where the walk is; spelled out only where something is omitted.
    private var path: [String] = []

    /// The longest place that is written out, and how many are; what an agent sends must not grow
    /// when it is looked at.
    private static let pathBytes = 512
    private static let omittedLimit = 1000

    mutating func record(_ object: JSONObject) -> Value.Record {
        var members: [(key: String, value: Value)] = []
        members.reserveCapacity(object.count)
        for (key, json) in object {
            path.append(key)
            if let value = value(json) { members.append((key, value)) }
            path.removeLast()
        }
        return Value.Record(members)
    }

    mutating func value(_ json: JSON) -> Value? {
        switch json {
        case .bool(let value): return .bool(value)
        case .string(let text): return .string(text)
        case .number(let number):
            if let value = number.int64 { return .long(value) }
            if let value = try? DecimalValue(parsing: number.text) {
                return .extension(.decimal(value))
            }
            note()
            return .record(["omitted": .string(number.text)])
        case .null:
            note()
            return nil
        case .object(let object): return .record(record(object))
        case .array(let elements):
            var values: [Value] = []
            values.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                path.append(String(index))
                if let value = value(element) { values.append(value) }
                path.removeLast()
            }
            return .set(ValueSet(values))
        }
    }

    private mutating func note() {
        if omitted.count < Self.omittedLimit { omitted.append(spelled) }
    }

    /// The path as text; beyond the limit places are no longer told apart.
    private var spelled: String {
        var text = ""
        for component in path {
            guard text.utf8.count + component.utf8.count < Self.pathBytes else {
                return String(text.prefix(Self.pathBytes / 2)) + "/…"
            }
            text += "/\(component)"
        }
        return text
    }
}
