// SPDX-License-Identifier: Apache-2.0

import Cedar

/// Prints how long a policy decision takes with 12, 100, 1,000 and 10,000 policies.
///
/// Each policy names a principal, an action and a resource and has three conditions; one in ten
/// forbids; one more permits a group. Of 211 entities, two policies are about the request. With
/// the index the cost goes with the policies of the action, without it with all of them. The
/// third figure adds what every request costs beside: describing its three entities and putting
/// them on top.
func benchCedar() {
    for count in [12, 100, 1_000, 10_000] {
        let text = CedarBench.policies(count)
        let clock = ContinuousClock()
        let start = clock.now
        guard let policies = try? PolicySet(parsing: text),
            let entities = try? Entities(CedarBench.entities())
        else {
            print("cedar: the benchmark's own policies do not parse")
            return
        }
        let reading = clock.now - start
        let request = CedarBench.request
        let indexed = CedarBench.microseconds(for: policies.evaluate(request, entities: entities))
        let scanned = CedarBench.microseconds(
            for: policies.evaluateWithoutIndex(request, entities: entities))
        let overlaid = CedarBench.microseconds(
            for: policies.evaluate(
                request, entities: entities.adding(CedarBench.fewEntities())))
        let answer = policies.evaluate(request, entities: entities)
        print(
            "cedar, \(count) policies: \(indexed) µs per decision, \(scanned) µs without the "
                + "index, \(overlaid) µs with three entities put on top, read in \(reading) "
                + "(\(answer.decision), \(answer.reasons.count) reasons)")
    }
}

private enum CedarBench {
    static let request = Request(
        principal: EntityUID(type: "User", id: "user3"),
        action: EntityUID(type: "Action", id: "action3"),
        resource: EntityUID(type: "Document", id: "document3"),
        context: ["input": .record(["amount": 250, "currency": "EUR"]), "mfa": true])

    static func policies(_ count: Int) -> String {
        var text = """
            permit(principal in Group::"group1", action, resource)
            when { context.mfa && principal.level >= 2 };

            """
        for place in 0..<(count - 1) {
            let effect = place % 10 == 9 ? "forbid" : "permit"
            text += """
                @id("rule\(place)")
                \(effect)(
                    principal == User::"user\(place % 200)",
                    action == Action::"action\(place % 40)",
                    resource == Document::"document\(place)"
                ) when {
                    context.input.amount <= 500 && context.input.currency == "EUR"
                        && resource.owner == principal
                };

                """
        }
        return text
    }

    static func entities() -> [Entity] {
        let groups = (0..<10).map { EntityUID(type: "Group", id: "group\($0)") }
        var entities = groups.map { Entity(uid: $0) }
        for place in 0..<200 {
            entities.append(
                Entity(
                    uid: EntityUID(type: "User", id: "user\(place)"),
                    attributes: ["level": 3, "name": "user"], parents: [groups[1]]))
        }
        let owner = Value.entity(EntityUID(type: "User", id: "user3"))
        entities.append(
            Entity(
                uid: EntityUID(type: "Document", id: "document3"), attributes: ["owner": owner]))
        return entities
    }

    /// What a request brings along: its agent, action and resource.
    static func fewEntities() -> [Entity] {
        [
            Entity(
                uid: EntityUID(type: "User", id: "user3"), attributes: ["level": 4],
                parents: [EntityUID(type: "Group", id: "group1")]),
            Entity(
                uid: EntityUID(type: "Action", id: "action3"),
                parents: [EntityUID(type: "Action", id: "all")]),
            Entity(
                uid: EntityUID(type: "Document", id: "document3"),
                attributes: ["owner": .entity(EntityUID(type: "User", id: "user3"))]),
        ]
    }

    /// The fastest of several rounds, in microseconds with one decimal.
    static func microseconds(for decision: @autoclosure () -> Evaluation) -> String {
        let clock = ContinuousClock()
        var best = Duration.seconds(1_000)
        var satisfied = 0
        for _ in 0..<10 {
            let rounds = 1_000
            let elapsed = clock.measure {
                for _ in 0..<rounds { satisfied += decision().satisfiedPermits.count }
            }
            best = min(best, elapsed / rounds)
        }
        precondition(satisfied > 0, "the benchmark's request satisfies no policy")
        let tenths = best.components.attoseconds / 100_000_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
