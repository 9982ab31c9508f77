// SPDX-License-Identifier: Apache-2.0

/// One question, whether a principal may do an action to a resource in a context.
public struct Request: Sendable, Hashable {
    /// Who wants to act.
    public var principal: EntityUID
    /// What is to be done.
    public var action: EntityUID
    /// What it is to be done to.
    public var resource: EntityUID
    /// Everything else that policies may look at.
    public var context: Value.Record

    /// Asks a question.
    public init(
        principal: EntityUID, action: EntityUID, resource: EntityUID, context: Value.Record = [:]
    ) {
        self.principal = principal
        self.action = action
        self.resource = resource
        self.context = context
    }
}

/// What a policy is evaluated against, with the entities of the request looked up once.
///
/// A class, so that handing it from node to node counts no references.
final class Environment: Sendable {
    let request: Request
    let entities: Entities
    let principal: StoredEntity?
    let action: StoredEntity?
    let resource: StoredEntity?

    init(_ request: Request, entities: Entities) {
        self.request = request
        self.entities = entities
        principal = entities.stored(request.principal)
        action = entities.stored(request.action)
        resource = entities.stored(request.resource)
    }

    func entity(_ uid: EntityUID) -> StoredEntity? {
        if uid == request.principal { return principal }
        if uid == request.resource { return resource }
        if uid == request.action { return action }
        return entities.stored(uid)
    }

    func isEntity(_ uid: EntityUID, in other: EntityUID) -> Bool {
        uid == other || entity(uid)?.ancestors.contains(other) == true
    }
}
