// SPDX-License-Identifier: Apache-2.0

/// The entities that a decision may look at, with everything above each worked out.
///
/// A value: copies share the entities, and ``adding(_:)`` puts a few on top without touching
/// the many below.
public struct Entities: Sendable {
    /// The number of entities that are taken at once.
    public static let maximumCount = 1_000_000
    /// The number of entities that one may be in, directly or not.
    public static let maximumAncestors = 10_000
    /// The number of pairs of an entity and one that it is in, which is what memory goes with.
    public static let maximumMemberships = 20_000_000

    private let base: EntityBase
    private var overlay: [EntityUID: StoredEntity] = [:]

    /// No entities.
    public init() {
        base = EntityBase(stored: [:], referenced: [])
    }

    /// Takes entities.
    ///
    /// - Throws: ``EntitiesError`` when two have the same name, when one is directly or
    ///   indirectly in itself, or when a limit of this type is passed.
    public init(_ entities: [Entity]) throws(EntitiesError) {
        guard entities.count <= Self.maximumCount else {
            throw EntitiesError("more than \(Self.maximumCount) entities: split them by request")
        }
        var given: [EntityUID: Entity] = [:]
        given.reserveCapacity(entities.count)
        for entity in entities where given.updateValue(entity, forKey: entity.uid) != nil {
            throw EntitiesError("duplicate entity `\(entity.uid)`: describe each entity once")
        }
        var closure = AncestorClosure(given)
        var memberships = 0
        for entity in entities {
            let ancestors = closure.ancestors(of: entity.uid)
            guard !ancestors.contains(entity.uid) else {
                throw EntitiesError(
                    "entity `\(entity.uid)` is in itself: take it out of its parents")
            }
            guard ancestors.count <= Self.maximumAncestors else {
                throw EntitiesError(
                    "entity `\(entity.uid)` is in more than \(Self.maximumAncestors) entities")
            }
            memberships += ancestors.count
            guard memberships <= Self.maximumMemberships else {
                throw EntitiesError("more than \(Self.maximumMemberships) memberships in all")
            }
        }
        base = EntityBase(closure)
    }

    private init(base: EntityBase, overlay: [EntityUID: StoredEntity]) {
        self.base = base
        self.overlay = overlay
    }

    /// The number of entities.
    public var count: Int {
        base.stored.count + overlay.keys.count { base.stored[$0] == nil }
    }

    /// What is known of an entity; `nil` where it is not among these.
    public subscript(uid: EntityUID) -> Entity? {
        stored(uid)?.entity
    }

    /// Every entity that the given one is in, directly or not; it itself is not among them.
    public func ancestors(of uid: EntityUID) -> Set<EntityUID> {
        stored(uid)?.ancestors ?? []
    }

    /// Whether an entity is the other one or is in it, directly or not.
    public func isEntity(_ uid: EntityUID, in other: EntityUID) -> Bool {
        uid == other || stored(uid)?.ancestors.contains(other) == true
    }

    func stored(_ uid: EntityUID) -> StoredEntity? {
        if !overlay.isEmpty, let found = overlay[uid] { return found }
        return base.stored[uid]
    }

    /// These entities with a few more on top; one of the same name replaces what was there.
    ///
    /// The cost goes with the few, not with those below, unless one of the few is a parent of
    /// an entity below and changes what that is in; then everything is worked out anew. Parents
    /// may go in circles here: an entity is then in everything on its circle.
    public func adding(_ few: [Entity]) -> Entities {
        var top: [EntityUID: Entity] = overlay.mapValues(\.entity)
        for entity in few { top[entity.uid] = entity }
        let base = base
        var closure = AncestorClosure(top) { base.stored[$0] }
        let moved = top.keys.contains { uid in
            base.referenced.contains(uid)
                && closure.ancestors(of: uid) != base.stored[uid]?.ancestors ?? []
        }
        if moved {
            let all = base.stored.mapValues(\.entity).merging(top) { _, new in new }
            return Entities(base: EntityBase(AncestorClosure(all)), overlay: [:])
        }
        return Entities(base: base, overlay: closure.stored())
    }
}

/// Entities shared by every copy and overlay.
private final class EntityBase: Sendable {
    let stored: [EntityUID: StoredEntity]
    /// Everything that is a parent of something here, whether described or not.
    let referenced: Set<EntityUID>

    init(stored: [EntityUID: StoredEntity], referenced: Set<EntityUID>) {
        self.stored = stored
        self.referenced = referenced
    }

    convenience init(_ closure: AncestorClosure) {
        var closure = closure
        let stored = closure.stored()
        var referenced: Set<EntityUID> = []
        for entity in stored.values { referenced.formUnion(entity.entity.parents) }
        self.init(stored: stored, referenced: referenced)
    }
}
