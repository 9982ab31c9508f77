// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON
public import Cedar

/// Arguments of a tool as a Cedar value of the type that a schema gives them.
///
/// Nothing is rounded and nothing is left out silently: what the type cannot hold is refused, and
/// a `null` that means "absent" is listed in ``omitted``. Equal arguments always give the same
/// value, and what converts passes the validation of `Schema`.
public struct TypedInput: Sendable, Hashable {
    /// The value.
    public let value: Value
    /// The entities that objects became, in the order in which they were read.
    ///
    /// Their identifiers are the JSON pointers of the objects; `Schema` has to know their types.
    public let entities: [Entity]
    /// Where `null` stood for an optional attribute, which the value then does not have.
    public let omitted: [JSONPointer]

    /// How arguments are converted.
    public struct Options: Sendable, Hashable {
        /// Whether an object becomes an entity where the type has attributes and no tags or
        /// parents, as schemas of cedar-for-agents want it; `false` unless set.
        ///
        /// Otherwise such an entity is named by `{"type": …, "id": …}`, as one that has parents
        /// always is; a type with tags and without parents always takes objects.
        public var buildsEntities = false
        /// The entity types that stand for any JSON, by their names without namespaces; `Opaque`
        /// unless set.
        ///
        /// They must have no attributes, tags and parents. Schemas of cedar-for-agents also have
        /// `Number`, `Float`, `Null` and `Unknown`.
        public var opaqueTypes: Set<String> = ["Opaque"]
        /// How deeply arguments and their types may nest; 100 unless set.
        public var maximumDepth = 100
        /// The number of values that may be looked at, each choice of a union counted; 1,000,000
        /// unless set.
        public var maximumSteps = 1_000_000
        /// The number of entities that may come into being; 10,000 unless set.
        public var maximumEntities = 10_000
        /// The bytes of the JSON pointer that names an entity; 4,096 unless set.
        public var maximumPointerBytes = 4_096
        /// The bytes of canonical JSON that name an opaque value; 65,536 unless set.
        public var maximumOpaqueBytes = 65_536

        /// The default options.
        public init() {}
    }

    /// Converts JSON to a value of a type.
    ///
    /// - Integers, texts, booleans, arrays and objects become what they look like. A decimal may
    ///   be a number with at most four fractional digits or Cedar's text; a datetime may be text
    ///   of Cedar or of RFC 3339 with whole milliseconds; a duration and an address are Cedar's
    ///   text; `{"__extn": …}` is a value of an extension type as in Cedar's JSON format.
    /// - A record with exactly the attributes `proj0`, `proj1`, … also takes an array of that
    ///   length. One with exactly the optional attributes `typeChoice0`, `typeChoice1`, … is a
    ///   union: the first choice that takes the value holds, and the keys of an object never say
    ///   which. Both are conventions of cedar-for-agents.
    /// - An enumerated entity type takes its choices as text. An opaque one takes any JSON, of
    ///   which the canonical form (RFC 8785) is the identifier; see ``Options/opaqueTypes``. A
    ///   type with tags and without parents takes an object: members that are no attributes are
    ///   tags. Every other one takes its identifier as text or `{"type": …, "id": …}`, with or
    ///   without `__entity` around it.
    /// - `null` goes where the type has a place for it, such as an opaque type; for another
    ///   optional attribute it means that the attribute is absent.
    /// - Parameters:
    ///   - json: the arguments.
    ///   - type: a type of `schema`, such as `Schema.inputType(of:)` gives.
    ///   - schema: says what the entity types in `type` are.
    ///   - pointer: where the arguments are, for messages and identifiers of entities.
    ///   - options: how to convert, and the limits.
    /// - Returns: the value with the entities that it refers to.
    /// - Throws: ``TypedInputError`` with the first value that does not fit, or the limit passed.
    public static func convert(
        _ json: JSON, to type: CedarType, in schema: Schema,
        at pointer: JSONPointer = JSONPointer(tokens: []), options: Options = .init()
    ) throws(TypedInputError) -> TypedInput {
        var converter = InputConverter(schema: schema, options: options, tokens: pointer.tokens)
        let value = try converter.value(json, type, depth: 0)
        return TypedInput(
            value: value, entities: converter.entities, omitted: converter.omitted)
    }
}

extension Schema.EntityType {
    /// Whether an object of the input becomes an entity of this type, so that whoever sends the
    /// input decides what the entity is like.
    public func isMadeOfInput(_ options: TypedInput.Options = .init()) -> Bool {
        if case .built = EntityConvention(self, options) { return true }
        return false
    }
}

extension Schema {
    /// The type of one attribute of an action's context, by convention `input`.
    ///
    /// - Parameters:
    ///   - action: the action.
    ///   - attribute: the name of the attribute.
    /// - Returns: `nil` where the action is not declared or its context has no such attribute.
    public func inputType(of action: EntityUID, attribute: String = "input") -> CedarType? {
        actions[action]?.context[attribute]?.type
    }
}

/// Why arguments have no value of a type, and where.
public struct TypedInputError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of problem it is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The value is of another kind than the type.
        case wrongType = "wrong_type"
        /// The value would have to be rounded or does not fit into the type's range.
        case notExact = "not_exact"
        /// The text is not of the form that the type asks for.
        case badText = "bad_text"
        /// The text is not one of the choices of an enumeration.
        case notAChoice = "not_a_choice"
        /// No choice of a union takes the value.
        case noChoiceFits = "no_choice_fits"
        /// A member is not declared.
        case undeclaredMember = "undeclared_member"
        /// A required member is absent or `null`.
        case missingMember = "missing_member"
        /// The type is none that a schema can declare, or the schema does not know it.
        case unknownType = "unknown_type"
        /// A limit of ``TypedInput/Options`` is passed.
        case limit
    }

    /// What kind of problem it is.
    public let kind: Kind
    /// Where it is.
    public let pointer: JSONPointer
    /// One lowercase line: what is wrong and what to do, input in backticks.
    public let message: String

    /// The place and the message, in one line.
    public var description: String {
        "`\(Shown.text(pointer.description, limit: 256))`: \(message)"
    }
}
