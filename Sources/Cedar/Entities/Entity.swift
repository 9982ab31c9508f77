// SPDX-License-Identifier: Apache-2.0

/// What is known of one entity.
public struct Entity: Sendable, Hashable {
    /// Its name.
    public let uid: EntityUID
    /// Its attributes.
    public let attributes: Value.Record
    /// The entities that it is directly in.
    public let parents: [EntityUID]
    /// Its tags (RFC 82).
    public let tags: Value.Record

    /// Describes an entity.
    public init(
        uid: EntityUID, attributes: Value.Record = [:], parents: [EntityUID] = [],
        tags: Value.Record = [:]
    ) {
        self.uid = uid
        self.attributes = attributes
        self.parents = parents
        self.tags = tags
    }
}

/// An entity with everything above it.
final class StoredEntity: Sendable {
    let entity: Entity
    let ancestors: Set<EntityUID>

    init(_ entity: Entity, ancestors: Set<EntityUID>) {
        self.entity = entity
        self.ancestors = ancestors
    }
}

/// Why entities were refused.
public struct EntitiesError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One lowercase line: what is wrong, with input in backticks.
    public let message: String
    /// What does not fit the schema, where that is the reason.
    public let validation: EntityValidationError?

    init(_ message: String) {
        self.message = message
        validation = nil
    }

    init(_ error: EntityValidationError) {
        message = error.message
        validation = error
    }

    /// The message.
    public var description: String { message }
}
