// SPDX-License-Identifier: Apache-2.0

/// Finds the policies that may be about an action.
///
/// It is lossless: a policy is left out only if its scope cannot match, and a scope that does not
/// match is neither satisfied nor an error. Further keys (principal, resource) belong here; each
/// must be one that the scope alone decides.
struct PolicyIndex: Sendable {
    /// Policies about any action, in order.
    private var unbound: [Int] = []
    /// Policies by each action or group that their scope names, in order.
    private var byAction: [EntityUID: [Int]] = [:]

    init(_ policies: [Policy]) {
        for (place, policy) in policies.enumerated() {
            if case .any = policy.scope.action {
                unbound.append(place)
                continue
            }
            for uid in Set(policy.scope.action.entities) {
                byAction[uid, default: []].append(place)
            }
        }
    }

    /// Calls back with each place once, in ascending order.
    func forEachCandidate(
        of action: EntityUID, _ ancestors: Set<EntityUID>?, _ body: (Int) -> Void
    ) {
        var named = byAction[action] ?? []
        if let ancestors, !ancestors.isEmpty {
            let groups = ancestors.compactMap { byAction[$0] }
            if !groups.isEmpty { named = Set(groups.joined()).union(named).sorted() }
        }
        var first = 0
        var second = 0
        while first < unbound.count || second < named.count {
            let takesFirst =
                second >= named.count || (first < unbound.count && unbound[first] < named[second])
            if takesFirst {
                body(unbound[first])
                first += 1
            } else {
                body(named[second])
                second += 1
            }
        }
    }
}
