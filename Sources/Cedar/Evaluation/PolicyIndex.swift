// SPDX-License-Identifier: Apache-2.0

/// Finds the policies that may be about a request, by action, then principal, then resource.
///
/// It is lossless: a policy is left out only if its scope cannot match, and a scope that does not
/// match is neither satisfied nor an error. Cedar's Lean model proves as much for every such slice
/// (`Cedar/Thm/PolicySlice.lean`). A search costs at most as much as looking at every scope: where
/// a request has more ancestors than a node has keys, the keys are gone through instead.
struct PolicyIndex: Sendable {
    /// A stage of the search; each looks at one part of the scope.
    enum Level: Int, Sendable {
        case action, principal, resource, done

        var next: Level { Level(rawValue: rawValue + 1) ?? .done }
    }

    /// So few policies are looked at one by one sooner than they are searched.
    static let leafSize = 8

    /// A branch of the search.
    struct Node: Sendable {
        var level: Level
        /// What a leaf holds, as a stretch of `places`.
        var leaf: Range<Int32> = 0..<0
        /// Children by the entity that the part must be.
        var equal: [EntityUID: Int32] = [:]
        /// Children by the entity that the part must be or be in.
        var within: [EntityUID: Int32] = [:]
        /// Children by the type that the part must have.
        var types: [ByteKey: Int32] = [:]
        /// The child of those that ask nothing of the part.
        var any: Int32?
    }

    private(set) var nodes: [Node] = []
    /// Places of policies, leaf after leaf, ascending within each.
    private(set) var places: [Int32] = []

    init(_ policies: [Policy]) {
        _ = build(Array(policies.indices.map(Int32.init)), policies, .action)
    }

    /// Adds a node for these policies and all below it; returns its number.
    private mutating func build(
        _ members: [Int32], _ policies: [Policy], _ level: Level
    ) -> Int32 {
        let number = Int32(nodes.count)
        nodes.append(Node(level: level))
        if level == .done || members.count <= Self.leafSize {
            let start = Int32(places.count)
            places += members
            nodes[Int(number)].leaf = start..<Int32(places.count)
            return number
        }
        var groups: [Key: [Int32]] = [:]
        for place in members {
            for key in Key.keys(of: policies[Int(place)].scope, level) {
                groups[key, default: []].append(place)
            }
        }
        if groups.count == 1, groups[.any] != nil {
            nodes[Int(number)].any = build(members, policies, level.next)
            return number
        }
        for (key, members) in groups {
            let child = build(members, policies, level.next)
            switch key {
            case .any: nodes[Int(number)].any = child
            case .equal(let uid): nodes[Int(number)].equal[uid] = child
            case .within(let uid): nodes[Int(number)].within[uid] = child
            case .type(let type): nodes[Int(number)].types[type] = child
            }
        }
        return number
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
}

extension PolicyIndex {
    /// Calls back with the place of each policy that may be about the request.
    ///
    /// The order is not that of the set, and a policy that names several actions may come more
    /// than once. Nothing is allocated.
    func forEachCandidate(_ environment: borrowing Environment, _ body: (Int32) -> Void) {
        visit(0, environment, body)
    }

    private func visit(
        _ number: Int32, _ environment: borrowing Environment, _ body: (Int32) -> Void
    ) {
        let uid: EntityUID
        let stored: StoredEntity?
        switch nodes[Int(number)].level {
        case .action: (uid, stored) = (environment.request.action, environment.action)
        case .principal: (uid, stored) = (environment.request.principal, environment.principal)
        case .resource, .done: (uid, stored) = (environment.request.resource, environment.resource)
        }
        for place in nodes[Int(number)].leaf { body(places[Int(place)]) }
        if let child = nodes[Int(number)].any { visit(child, environment, body) }
        if let child = nodes[Int(number)].equal[uid] { visit(child, environment, body) }
        if !nodes[Int(number)].types.isEmpty,
            let child = nodes[Int(number)].types[ByteKey(uid.type)]
        {
            visit(child, environment, body)
        }
        guard !nodes[Int(number)].within.isEmpty else { return }
        if let child = nodes[Int(number)].within[uid] { visit(child, environment, body) }
        guard let ancestors = stored?.ancestors, !ancestors.isEmpty else { return }
        if ancestors.count <= nodes[Int(number)].within.count {
            for ancestor in ancestors where ancestor != uid {
                if let child = nodes[Int(number)].within[ancestor] {
                    visit(child, environment, body)
                }
            }
        } else {
            for (key, child) in nodes[Int(number)].within
            where key != uid && ancestors.contains(key) {
                visit(child, environment, body)
            }
        }
    }
}
