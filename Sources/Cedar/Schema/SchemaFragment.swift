// SPDX-License-Identifier: Apache-2.0

/// A schema as it was written: declarations whose names have not been looked up yet.
///
/// It is what the two schema syntaxes have in common and what converts one into the other. Several
/// fragments make one ``Schema``, which is what policies and data are validated against.
public struct SchemaFragment: Sendable {
    /// `@name("value")` or `@name` before a declaration (RFC 48).
    public struct Annotation: Sendable, Hashable {
        /// The name, without the `@`.
        public let name: String
        /// The value, where one was written.
        public let value: String?

        /// Whether name and value are the same, byte for byte; without a value it is empty.
        public static func == (left: Annotation, right: Annotation) -> Bool {
            Bytes.equal(left.name, right.name)
                && Bytes.equal(left.value ?? "", right.value ?? "")
        }

        /// Hashes name and value.
        public func hash(into hasher: inout Hasher) {
            Bytes.hash(name, into: &hasher)
            Bytes.hash(value ?? "", into: &hasher)
        }
    }

    /// A type or entity type by its name, qualified or not.
    public struct Reference: Sendable {
        /// The name as it was written.
        public let name: String
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// A type as it was written.
    public indirect enum TypeExpression: Sendable {
        /// `Bool`, named so that nothing can shadow it.
        case bool
        /// `Long`, named so that nothing can shadow it.
        case long
        /// `String`, named so that nothing can shadow it.
        case string
        /// `Set<…>`.
        case set(TypeExpression)
        /// `{…}`.
        case record([Attribute])
        /// An entity type.
        case entity(Reference)
        /// A common type or an entity type; the only kind of name in the Cedar syntax (RFC 24).
        case entityOrCommon(Reference)
        /// A common type.
        case common(Reference)
        /// An extension type.
        case `extension`(Reference)
    }

    /// One attribute of a record or an entity type.
    public struct Attribute: Sendable {
        /// The name; any text.
        public let name: String
        /// What its values are.
        public let type: TypeExpression
        /// Whether it is always there.
        public let isRequired: Bool
        /// The annotations, each name once.
        public let annotations: [Annotation]
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// A named type.
    public struct CommonType: Sendable {
        /// The name, without a namespace.
        public let name: String
        /// What it stands for.
        public let type: TypeExpression
        /// The annotations, each name once.
        public let annotations: [Annotation]
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// An entity type.
    public struct EntityType: Sendable {
        /// What entities of the type are like.
        public enum Kind: Sendable {
            /// Any identifier; attributes, parents and tags as declared.
            case standard(
                memberOf: [Reference], shape: TypeExpression?, tags: TypeExpression?)
            /// Only these identifiers, and nothing else about them (RFC 53).
            case enumeration([String])
        }

        /// The name, without a namespace.
        public let name: String
        /// What entities of the type are like.
        public let kind: Kind
        /// The annotations, each name once.
        public let annotations: [Annotation]
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// An action or a group of actions by its name.
    public struct ActionReference: Sendable {
        /// The type, such as `Photos::Action`; absent, it is the `Action` of the namespace.
        public let type: String?
        /// The identifier.
        public let id: String
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// What an action applies to.
    public struct AppliesTo: Sendable {
        /// The entity types of principals.
        public let principals: [Reference]
        /// The entity types of resources.
        public let resources: [Reference]
        /// The context; an empty record where none was written.
        public let context: TypeExpression?
    }

    /// An action or a group of actions.
    public struct Action: Sendable {
        /// The identifier; any text.
        public let name: String
        /// The groups that it is directly in.
        public let memberOf: [ActionReference]
        /// What it applies to; nothing where it is absent.
        public let appliesTo: AppliesTo?
        /// The annotations, each name once.
        public let annotations: [Annotation]
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// The declarations of one namespace.
    public struct Namespace: Sendable {
        /// The name; empty for declarations outside of any namespace.
        public let name: String
        /// The annotations, each name once.
        public internal(set) var annotations: [Annotation] = []
        /// The common types in the order written, each name once.
        public internal(set) var commonTypes: [CommonType] = []
        /// The entity types in the order written, each name once.
        public internal(set) var entityTypes: [EntityType] = []
        /// The actions in the order written, each name once.
        public internal(set) var actions: [Action] = []
        /// Where it was written.
        public let location: SchemaLocation
    }

    /// The namespaces, each name once.
    public internal(set) var namespaces: [Namespace]
}

/// How much of a schema is read.
public struct SchemaLimits: Sendable, Hashable {
    /// The length of a text in bytes; 8 MiB unless set.
    public var maximumBytes = 8 * 1024 * 1024
    /// The number of declarations in all fragments together; 100,000 unless set.
    public var maximumDeclarations = 100_000
    /// How deeply a type may nest, common types spelled out; 100 unless set.
    ///
    /// Reading, validating and comparing types recurse this deep.
    public var maximumDepth = 100
    /// The number of parts of one type, common types spelled out; 100,000 unless set.
    ///
    /// Common types that use each other twice double in size with each; without a limit forty
    /// short lines would take all memory.
    public var maximumTypeSize = 100_000
    /// The words of declarations with several names, again for each name but the first; 1,000,000
    /// unless set.
    ///
    /// Such a declaration stands for as many as it has names. With a thousand names and a
    /// thousand attributes, a small text would be a schema of a million attributes.
    public var maximumRepeatedWords = 1_000_000
    /// The steps from entity types and actions to what they are in, directly or not; 1,000,000
    /// unless set.
    ///
    /// Everything that something is in is kept with it, which in long chains goes with the square
    /// of their length.
    public var maximumMemberships = 1_000_000
    /// The number of errors after which reading stops; 1,000 unless set.
    public var maximumErrors = 1_000

    /// The default limits.
    public init() {}
}
