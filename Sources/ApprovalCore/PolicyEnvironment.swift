// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import Cedar
internal import ToolSchemas
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
    /// True until the installation is sealed; then changes of its own rules have a floor.
    package let unsealed: Bool
    private let base: Entities

    package init(
        policies: PublishedPolicies, directory: Directory, singleOperator: Bool, unsealed: Bool
    ) throws {
        self.policies = policies
        self.singleOperator = singleOperator && unsealed
        self.unsealed = unsealed
        self.directory = directory
        directoryDigest = try directory.digest()
        base = try Entities(
            Self.entities(directory) + policies.schema.actionEntities)
    }

    /// The verdict on an action as it would be at `now`.
    ///
    /// On behalf of a person it is the stricter one of the agent's and that person's (DESIGN §7).
    package func evaluate(_ action: Action, at now: Timestamp) -> Verdict {
        // First, because a tool that nobody approved need not be declared either.
        if let problem = directory.gateProblem(action) {
            return denial("gate", problem, at: now)
        }
        if action.operation.isGovernance, !action.requester.isPerson {
            return denial("floor", "agents never change how this server decides", at: now)
        }
        var verdict = policyVerdict(action, as: nil, at: now)
        if let person = action.requester.onBehalfOf {
            verdict = verdict.stricter(policyVerdict(action, as: person, at: now))
        }
        if verdict.decision == .allow, let problem = Self.floorProblem(action) {
            return denial("floor", problem, at: now)
        }
        if action.operation.isGovernance, !unsealed { verdict = verdict.onFloor }
        return satisfiable(verdict, action)
    }

    /// What policy says if the agent asks, or a person in its place.
    private func policyVerdict(
        _ action: Action, as person: Handle?, at now: Timestamp
    ) -> Verdict {
        let request: Request
        let entities: Entities
        do {
            (request, entities) = try question(action, as: person, at: now)
        } catch {
            // What can't be put to policy is not within policy.
            let whose = person.map { "`\($0)`, for whom it acts: " } ?? ""
            return denial("request", "\(whose)\(error)", at: now)
        }
        let evaluation = policies.policySet.evaluate(request, entities: entities)
        return VerdictRule.verdict(
            evaluation, policies: policies, directory: directoryDigest, at: now)
    }

    /// What policy can't let pass without a review.
    ///
    /// That is what declares effects, for they explain drift, and a repair that this server did not
    /// plan, that is not known to only take rights away, or that touches what it enforces.
    private static func floorProblem(_ action: Action) -> String? {
        let operation = action.operation
        guard operation.action.utf8.starts(with: "drift.".utf8) else {
            return operation.effects.isEmpty
                ? nil
                : "it declares effects, which explain drift: that needs a review, and no policy "
                    + "asks for one"
        }
        guard
            action.facts["inspectable"]?.boolValue != true
                || operation.input["needsReview"]?.boolValue != false
        else { return nil }
        return "this repair is no plan of this server, may give rights back, or touches what is "
            + "enforced: it needs a review, and no policy asks for one"
    }

    private func denial(_ source: String, _ message: String, at now: Timestamp) -> Verdict {
        Verdict(
            decision: .deny, reasons: [],
            errors: [Verdict.PolicyError(policy: source, message: message)], requirement: nil,
            policySet: policies.digest, directory: directoryDigest, evaluatedAt: now)
    }

    /// A review that no living person outside the chain could satisfy is a denial that says so.
    private func satisfiable(_ verdict: Verdict, _ action: Action) -> Verdict {
        guard let requirement = verdict.requirement else { return verdict }
        var excluded = singleOperator ? [] : action.requester.chain
        if !unsealed { excluded.formUnion(action.requester.shownTo) }
        if requirement.isSatisfiable(in: directory, without: excluded) { return verdict }
        let groups = requirement.slots.map { "\($0.quorum) of `\($0.group)`" }
        return verdict.unsatisfiable(
            "nobody can approve this: it needs \(groups.joined(separator: " and ")), outside the "
                + "requester chain")
    }

    static let agentType = "Agent"
    private static let personType = "Person"
    static let groupType = "Group"

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

    /// The question that an action is to policy, with what is known of those whom it names.
    ///
    /// `person` asks in the agent's place.
    package func question(
        _ action: Action, as person: Handle? = nil, at now: Timestamp
    ) throws -> (Request, Entities) {
        let operation = action.operation
        let requester = action.requester
        // A person who asks for himself is nobody's agent.
        guard requester.isPerson || directory.agents[requester.agent] != nil else {
            throw CoreError("agent `\(requester.agent)` is not in the directory")
        }
        // Nobody answers for an agent whose owner is gone, nor for a person who is not there.
        let owner = directory.agents[requester.agent].map { [$0] } ?? []
        for person in owner + requester.chain.sorted() where !directory.persons.contains(person) {
            throw CoreError("`\(person)`, who answers for it, is not in the directory")
        }
        let asking = person ?? (requester.isPerson ? requester.owner : nil)
        var request = Request(
            principal: asking.map { EntityUID(type: Self.personType, id: $0.text) }
                ?? EntityUID(type: Self.agentType, id: requester.agent.text),
            action: EntityUID(type: "Action", id: operation.action),
            resource: EntityUID(type: operation.resourceType, id: operation.resourceID))
        // The resource is named by the agent and gets no entity of its own: one of the directory,
        // such as the agent itself, would be replaced and lose its groups.
        let (context, made) = try context(of: action, as: request, at: now)
        // What the agent sent must not become the entity that it names as resource.
        guard !made.contains(where: { $0.uid == request.resource }) else {
            throw CoreError("the resource has the name of a part of the input: name it otherwise")
        }
        request.context = context
        try policies.schema.validate(request)
        return (request, made.isEmpty ? base : base.adding(made))
    }

    /// The context as the schema declares it, with the entities that parts of the input became.
    private func context(
        of action: Action, as request: Request, at now: Timestamp
    ) throws -> (Value.Record, [Entity]) {
        let schema = policies.schema
        guard let declared = schema.actions[request.action] else {
            throw CoreError(
                "action `\(VisibleText.escape(request.action.id))` is not declared: an "
                    + "administrator declares it in a `.cedarschema` file and publishes the "
                    + "policies")
        }
        var members: [(key: String, value: Value)] = []
        var entities: [Entity] = []
        var omitted: [Value] = []
        func convert(_ json: JSON, _ attribute: RecordType.Attribute) throws {
            let pointer = JSONPointer(tokens: [attribute.name])
            let typed = try TypedInput.convert(
                json, to: attribute.type, in: schema, at: pointer)
            members.append((attribute.name, typed.value))
            entities += typed.entities
            omitted += typed.omitted.map { .string("\($0)") }
        }
        for attribute in declared.context.attributes {
            switch attribute.name {
            case "input": try convert(.object(action.operation.input), attribute)
            case "facts": try convert(action.facts.declared(by: attribute.type), attribute)
            case "intent": try convert(action.intent.json, attribute)
            default: break
            }
        }
        guard declared.context["input"] != nil || action.operation.input.isEmpty else {
            throw CoreError(
                "action `\(VisibleText.escape(request.action.id))` is declared without input, and "
                    + "has some: declare `input` in its context")
        }
        guard omitted.count <= Self.omittedLimit else {
            throw CoreError("the input has more than \(Self.omittedLimit) members that are `null`")
        }
        members += shared(action, at: now)
        members.append(("omitted", .set(ValueSet(omitted))))
        // A set that was published before a member was added knows nothing of it.
        members.removeAll { declared.context[$0.key] == nil }
        return (Value.Record(members), entities)
    }

    /// Names in `context.omitted`; what an agent sends must not grow when it is looked at.
    private static let omittedLimit = 1000

    /// What every context has beside what was frozen.
    private func shared(_ action: Action, at now: Timestamp) -> [(key: String, value: Value)] {
        var members: [(key: String, value: Value)] = [
            (
                "gate",
                .record([
                    "enforcing": .bool(action.gate.enforcing), "id": .string(action.gate.id.text),
                ])
            ),
            // What nobody looked up counts as new: an older action, or one whose policies did not
            // ask, must not pass for a familiar one.
            (
                "behavior",
                .record([
                    "firstUse": .bool(
                        action.facts["behavior"]?["firstUse"]?.boolValue ?? true)
                ])
            ),
            ("catalogue", catalogued(action.operation)),
            (
                "freezes",
                .set(ValueSet(directory.openFreezes(at: now).map { .string($0.text) }))
            ),
            ("hour", .long(now.hour)),
            ("now", .extension(.datetime(DateTimeValue(epoch: now.milliseconds)))),
            ("weekday", .long(now.weekday)),
        ]
        if let person = action.requester.onBehalfOf {
            members.append(
                ("onBehalfOf", .entity(EntityUID(type: Self.personType, id: person.text))))
        }
        return members
    }

    /// What the catalogue says of the resource, for policies.
    private func catalogued(_ operation: Operation) -> Value {
        var members: [(key: String, value: Value)] = []
        if let rule = directory.catalogued(type: operation.resourceType, id: operation.resourceID) {
            members.append(("sensitivity", .string(rule.sensitivity.rawValue)))
            if let owner = rule.owner { members.append(("owner", .string(owner.text))) }
        }
        return .record(Value.Record(members))
    }
}

extension JSON {
    /// Facts without those that the schema does not know: they come from this server's software,
    /// which may be newer than the set in force.
    fileprivate func declared(by type: CedarType) -> JSON {
        guard case .record(let record) = type, case .object(let object) = self else { return self }
        let known = object.filter { record[$0.key] != nil }
        return .object(JSONObject(known.map { ($0.key, $0.value) }))
    }
}
