// SPDX-License-Identifier: Apache-2.0

/// Works out what each entity is in, directly or not.
///
/// Nothing here recurses, so that a long chain of parents cannot exhaust the stack.
struct AncestorClosure {
    private let entities: [EntityUID: Entity]
    /// Entities below, whose ancestors are known already.
    private let known: (EntityUID) -> StoredEntity?
    private var finished: [EntityUID: Set<EntityUID>] = [:]

    init(
        _ entities: [EntityUID: Entity],
        known: @escaping (EntityUID) -> StoredEntity? = { _ in nil }
    ) {
        self.entities = entities
        self.known = known
    }

    mutating func stored() -> [EntityUID: StoredEntity] {
        var stored: [EntityUID: StoredEntity] = [:]
        stored.reserveCapacity(entities.count)
        for (uid, entity) in entities {
            stored[uid] = StoredEntity(entity, ancestors: ancestors(of: uid))
        }
        return stored
    }

    /// Everything reachable by parents; the entity itself only if it is on a circle.
    mutating func ancestors(of start: EntityUID) -> Set<EntityUID> {
        if let done = finished[start] { return done }
        var reached: Set<EntityUID> = []
        var pending = parents(of: start)
        while let uid = pending.popLast() {
            guard reached.insert(uid).inserted else { continue }
            if let done = finished[uid] {
                reached.formUnion(done)
            } else if entities[uid] == nil, let below = known(uid) {
                // One of the entities on top may stand between: then its parents count anew.
                if below.ancestors.contains(where: { entities[$0] != nil }) {
                    pending += below.entity.parents
                } else {
                    reached.formUnion(below.ancestors)
                }
            } else {
                pending += parents(of: uid)
            }
        }
        finished[start] = reached
        return reached
    }

    private func parents(of uid: EntityUID) -> [EntityUID] {
        entities[uid]?.parents ?? []
    }
}
