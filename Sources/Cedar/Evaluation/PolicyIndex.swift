// SPDX-License-Identifier: Apache-2.0

/// Finds the policies that may be about a request, by action, then principal, then resource.
///
/// It is lossless: a policy is left out only if its scope cannot match, and a scope that does not
/// match is neither satisfied nor an error. Cedar's Lean model proves as much for every such slice
/// (`Cedar/Thm/PolicySlice.lean`). A search costs at most as much as looking at every scope: where
/// a request has more ancestors than a node has keys, the keys are gone through instead.
final class PolicyIndex: Sendable {
    /// So few policies are looked at one by one sooner than they are searched.
    static let leafSize = 8

    /// A stage of the search; each looks at one part of the scope.
    private enum Level: Int, Sendable {
        case action, principal, resource, done

        var next: Level { Level(rawValue: rawValue + 1) ?? .done }
    }

    private let level: Level
    /// What a leaf holds, ascending; empty where there are children.
    private let leaf: [Int32]
    /// Children by the entity that the part must be.
    private let equal: [EntityUID: PolicyIndex]
    /// Children by the entity that the part must be or be in.
    private let within: [EntityUID: PolicyIndex]
    /// Children by the type that the part must have.
    private let types: [ByteKey: PolicyIndex]
    /// The child of those that ask nothing of the part.
    private let any: PolicyIndex?

    convenience init(_ policies: [Policy]) {
        self.init(Array(policies.indices.map(Int32.init)), policies, .action)
    }

    private init(_ members: [Int32], _ policies: [Policy], _ level: Level) {
        self.level = level
        guard level != .done, members.count > Self.leafSize else {
            leaf = members
            equal = [:]
            within = [:]
            types = [:]
            any = nil
            return
        }
        var groups: [Key: [Int32]] = [:]
        for place in members {
            for key in Key.keys(of: policies[Int(place)].scope, level) {
                groups[key, default: []].append(place)
            }
        }
        var equal: [EntityUID: PolicyIndex] = [:]
        var within: [EntityUID: PolicyIndex] = [:]
        var types: [ByteKey: PolicyIndex] = [:]
        var any: PolicyIndex?
        for (key, members) in groups {
            let child = PolicyIndex(members, policies, level.next)
            switch key {
            case .any: any = child
            case .equal(let uid): equal[uid] = child
            case .within(let uid): within[uid] = child
            case .type(let type): types[type] = child
            }
        }
        leaf = []
        self.equal = equal
        self.within = within
        self.types = types
        self.any = any
    }

    /// What one part of a scope asks for.
    private enum Key: Hashable {
        case any
        case equal(EntityUID)
        case within(EntityUID)
        case type(ByteKey)

        static func keys(of scope: Scope, _ level: Level) -> [Key] {
            switch level {
            case .action: keys(of: scope.action)
            case .principal: [key(of: scope.principal)]
            case .resource, .done: [key(of: scope.resource)]
            }
        }

        private static func keys(of constraint: ActionConstraint) -> [Key] {
            switch constraint {
            case .any: [.any]
            case .equal(let uid): [.equal(uid)]
            // The empty list matches nothing, so that its policy is under no key.
            case .in(let uids): Set(uids).map { .within($0) }
            }
        }

        private static func key(of constraint: EntityConstraint) -> Key {
            switch constraint {
            case .any: .any
            case .equal(let uid): .equal(uid)
            case .in(let uid), .isIn(_, let uid): .within(uid)
            case .is(let type): .type(ByteKey(type))
            }
        }
    }

    /// Calls back with the place of each policy that may be about the request.
    ///
    /// The order is not that of the set, and a policy that names several actions may come more
    /// than once. Nothing is allocated.
    func forEachCandidate(_ environment: Environment, _ body: (Int32) -> Void) {
        for place in leaf { body(place) }
        any?.forEachCandidate(environment, body)
        guard !equal.isEmpty || !within.isEmpty || !types.isEmpty else { return }
        let (uid, stored) = part(of: environment)
        if !equal.isEmpty { equal[uid]?.forEachCandidate(environment, body) }
        if !types.isEmpty { types[ByteKey(uid.type)]?.forEachCandidate(environment, body) }
        guard !within.isEmpty else { return }
        within[uid]?.forEachCandidate(environment, body)
        guard let ancestors = stored?.ancestors, !ancestors.isEmpty else { return }
        if ancestors.count <= within.count {
            for ancestor in ancestors where ancestor != uid {
                within[ancestor]?.forEachCandidate(environment, body)
            }
        } else {
            for (key, child) in within where key != uid && ancestors.contains(key) {
                child.forEachCandidate(environment, body)
            }
        }
    }

    private func part(of environment: Environment) -> (EntityUID, StoredEntity?) {
        switch level {
        case .action: (environment.request.action, environment.action)
        case .principal: (environment.request.principal, environment.principal)
        case .resource, .done: (environment.request.resource, environment.resource)
        }
    }
}
