// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar

/// What a record type stands for besides objects, by the names of its attributes.
///
/// Cedar has neither tuples nor unions; cedar-for-agents writes both as records.
enum RecordConvention {
    /// Objects and nothing else.
    case plain
    /// Arrays of exactly so many elements; the types by their places.
    case tuple([CedarType])
    /// Values of one of several types, in the order in which they are tried.
    case union([RecordType.Attribute])

    static let tuplePrefix = "proj"
    static let unionPrefix = "typeChoice"

    init(_ record: RecordType) {
        self = .plain
        guard let first = record.attributes.first, !record.isOpen else { return }
        let isTuple = first.isRequired
        guard record.attributes.allSatisfy({ $0.isRequired == isTuple }) else { return }
        let prefix = isTuple ? Self.tuplePrefix : Self.unionPrefix
        guard first.name.utf8.starts(with: prefix.utf8) else { return }
        // The names sort as text, 10 before 2; they are looked up one by one instead.
        var attributes: [RecordType.Attribute] = []
        for place in record.attributes.indices {
            guard let attribute = record["\(prefix)\(place)"] else { return }
            attributes.append(attribute)
        }
        self = isTuple ? .tuple(attributes.map(\.type)) : .union(attributes)
    }
}

/// What values an entity type takes, by its declaration.
enum EntityConvention {
    /// One of these identifiers, as text.
    case enumeration([String])
    /// Any JSON; its canonical form is the identifier.
    case opaque
    /// An object, whose members are attributes or tags.
    case built(Schema.EntityType)
    /// A reference to an entity that exists elsewhere.
    case reference

    init(_ type: Schema.EntityType, _ options: TypedInput.Options) {
        if let choices = type.enumeration {
            self = .enumeration(choices)
            return
        }
        guard type.parents.isEmpty else {
            self = .reference
            return
        }
        switch (type.attributes.attributes.isEmpty, type.tags) {
        case (_, _?): self = .built(type)
        case (true, nil): self = Self.isOpaque(type.name, options) ? .opaque : .reference
        case (false, nil): self = options.buildsEntities ? .built(type) : .reference
        }
    }

    /// By its name, without namespaces: other types without parts, such as that of a host, are
    /// names of things, and `"web1"` has to be the host `web1`.
    private static func isOpaque(_ name: String, _ options: TypedInput.Options) -> Bool {
        let base = name.utf8.split(separator: UInt8(ascii: ":")).last ?? name.utf8[...]
        return options.opaqueTypes.contains { $0.utf8.elementsEqual(base) }
    }
}
