// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// What policies and data may look like: entity types, actions and the types of their parts.
///
/// Names are looked up and common types spelled out when it is made, so that every name in it is
/// qualified and stands for something. See the schema chapters of Cedar's documentation and its
/// RFCs 24, 48, 52, 53, 70 and 82.
public struct Schema: Sendable {
    /// An entity type that is declared.
    public struct EntityType: Sendable, Hashable {
        /// The name with its namespaces.
        public let name: String
        /// The entity types that entities of this one may directly be in.
        public let parents: Set<String>
        /// The entity types that entities of this one may be in, directly or not.
        public let ancestors: Set<String>
        /// The attributes; none for an enumeration.
        public let attributes: RecordType
        /// What the values of tags are; `nil` where there are no tags (RFC 82).
        public let tags: CedarType?
        /// The only identifiers there are, where they are enumerated (RFC 53).
        public let enumeration: [String]?
        /// The same as a set: an enumeration may be long, and data name it often.
        private let allowed: Set<ByteKey>?
        /// The annotations, sorted by name (RFC 48).
        public let annotations: [SchemaFragment.Annotation]

        init(
            name: String, parents: Set<String>, ancestors: Set<String>, attributes: RecordType,
            tags: CedarType?, enumeration: [String]?, annotations: [SchemaFragment.Annotation]
        ) {
            self.name = name
            self.parents = parents
            self.ancestors = ancestors
            self.attributes = attributes
            self.tags = tags
            self.enumeration = enumeration
            self.annotations = annotations
            allowed = enumeration.map { Set($0.map { ByteKey($0) }) }
        }

        /// Whether both are declared the same.
        public static func == (left: EntityType, right: EntityType) -> Bool {
            Bytes.equal(left.name, right.name) && left.parents == right.parents
                && left.attributes == right.attributes && left.tags == right.tags
                && left.choices == right.choices && left.annotations == right.annotations
                && left.ancestors == right.ancestors
        }

        /// Hashes name and attributes.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(name)
            hasher.combine(attributes)
        }

        private var choices: [ByteKey]? { enumeration?.map { ByteKey($0) } }

        /// Whether there may be an entity with that identifier.
        func allows(id: String) -> Bool {
            allowed?.contains(ByteKey(id)) ?? true
        }
    }

    /// An action or a group of actions that is declared.
    public struct Action: Sendable, Hashable {
        /// The name, such as `Photos::Action::"view"`.
        public let uid: EntityUID
        /// The groups that it is directly in.
        public let parents: Set<EntityUID>
        /// The groups that it is in, directly or not.
        public let ancestors: Set<EntityUID>
        /// The entity types of principals, each once.
        public let principals: [String]
        /// The entity types of resources, each once.
        public let resources: [String]
        /// What the context holds.
        public let context: RecordType
        /// The annotations, sorted by name (RFC 48).
        public let annotations: [SchemaFragment.Annotation]
    }

    /// The entity types by their names; `Action` is not among them.
    public let entityTypes: [String: EntityType]
    /// The actions and groups by their names.
    public let actions: [EntityUID: Action]
    /// What is allowed and likely a mistake.
    public let warnings: [SchemaWarning]
    /// The actions, sorted by name, so that nothing depends on the order of a dictionary.
    let sortedActions: [Action]
    /// The actions in each group and the group itself.
    let membersOfAction: [EntityUID: Set<EntityUID>]
    /// The types of the groups that actions of each type are in.
    let actionTypeAncestors: [String: Set<String>]

    init(
        entityTypes: [String: EntityType], actions: [EntityUID: Action], warnings: [SchemaWarning]
    ) {
        self.entityTypes = entityTypes
        self.actions = actions
        self.warnings = warnings
        sortedActions = actions.values.sorted {
            Bytes.precedes($0.uid.type, $1.uid.type)
                || (Bytes.equal($0.uid.type, $1.uid.type)
                    && Bytes.precedes($0.uid.id, $1.uid.id))
        }
        var members: [EntityUID: Set<EntityUID>] = [:]
        var types: [String: Set<String>] = [:]
        for action in actions.values {
            types[action.uid.type, default: []].formUnion(action.ancestors.map(\.type))
            for group in action.ancestors.union([action.uid]) {
                members[group, default: []].insert(action.uid)
            }
        }
        membersOfAction = members
        actionTypeAncestors = types
    }

    /// Looks up the names of one or more fragments that belong together.
    ///
    /// - Parameters:
    ///   - fragments: the parts; a namespace may be spread over several.
    ///   - limits: how much is taken.
    /// - Throws: ``SchemaErrors`` for names that stand for nothing, declarations that exclude each
    ///   other, circles, and types that pass a limit.
    public init(
        _ fragments: [SchemaFragment], limits: SchemaLimits = .init()
    ) throws(SchemaErrors) {
        var resolver = SchemaResolver(fragments, limits: limits)
        let schema = resolver.schema()
        guard resolver.errors.isEmpty else { throw SchemaErrors(resolver.errors, limits: limits) }
        self = schema
    }

    /// Reads a schema in Cedar syntax.
    ///
    /// - Parameters:
    ///   - text: any number of namespaces and declarations.
    ///   - limits: how much is read.
    /// - Throws: ``SchemaErrors``; mistakes of syntax and of names are not reported together.
    public init(parsing text: String, limits: SchemaLimits = .init()) throws(SchemaErrors) {
        try self.init([SchemaFragment(parsing: text, limits: limits)], limits: limits)
    }

    /// Reads a schema in JSON syntax.
    ///
    /// - Parameters:
    ///   - json: an object with the namespaces.
    ///   - limits: how much is read.
    /// - Throws: ``SchemaErrors``; mistakes of shape and of names are not reported together.
    public init(json: JSON, limits: SchemaLimits = .init()) throws(SchemaErrors) {
        try self.init([SchemaFragment(json: json, limits: limits)], limits: limits)
    }

    /// The entities that actions are, with everything they are in.
    public var actionEntities: [Entity] {
        sortedActions.map { action in
            let parents = action.parents.sorted { "\($0)" < "\($1)" }
            return Entity(uid: action.uid, parents: parents)
        }
    }

    /// The entity type of exactly that name.
    ///
    /// Names that data brings may be any text, of which Swift takes some for equal to ASCII; the
    /// sign of the kelvin is such a one.
    func entityType(_ name: String) -> EntityType? {
        guard let type = entityTypes[name], Bytes.equal(type.name, name) else { return nil }
        return type
    }

    func isKnownEntityType(_ name: String) -> Bool {
        entityType(name) != nil || EntityUID.isActionType(name)
    }
}

extension Schema: Hashable {
    /// Whether both declare the same, however it was written; warnings do not count.
    public static func == (left: Schema, right: Schema) -> Bool {
        left.entityTypes == right.entityTypes && left.actions == right.actions
    }

    /// Hashes what is declared.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(entityTypes)
        hasher.combine(actions)
    }
}
