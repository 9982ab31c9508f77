// SPDX-License-Identifier: Apache-2.0

/// The type of an expression or a value.
///
/// A schema declares types without ``never``, ``true``, ``false``, ``anyEntity``, ``anySet`` and
/// open records; those only come up while a policy is validated.
public indirect enum CedarType: Sendable, Hashable {
    /// The type of no value, such as the elements of `[]`.
    case never
    /// `Bool`.
    case bool
    /// Only `true`.
    case `true`
    /// Only `false`.
    case `false`
    /// `Long`.
    case long
    /// `String`.
    case string
    /// Entities of one of these types.
    case entity(EntityTypeUnion)
    /// Entities of whatever type.
    case anyEntity
    /// Sets whose elements are all of a type.
    case set(CedarType)
    /// Sets of whatever.
    case anySet
    /// Records.
    case record(RecordType)
    /// Values of an extension type.
    case `extension`(ExtensionType)

    /// Entities of one type.
    public static func entity(_ name: String) -> CedarType {
        .entity(EntityTypeUnion(name))
    }

    static func singleton(_ value: Bool) -> CedarType { value ? .true : .false }

    static let anyRecord = CedarType.record(RecordType([], isOpen: true))

    /// The levels of nesting, 1 for a type without parts.
    var depth: Int {
        switch self {
        case .set(let element): 1 + element.depth
        case .record(let record): record.depth
        default: 1
        }
    }

    /// The number of parts, itself included.
    var size: Int {
        switch self {
        case .set(let element): 1 + element.size
        case .record(let record): record.size
        case .entity(let union): union.names.count
        default: 1
        }
    }

    var isBoolean: Bool {
        switch self {
        case .bool, .true, .false: true
        default: false
        }
    }
}

/// The types whose values are made by extension functions.
public enum ExtensionType: String, Sendable, Hashable, CaseIterable {
    /// Decimals with four fractional digits.
    case decimal
    /// IP addresses and ranges.
    case ipaddr
    /// Instants.
    case datetime
    /// Spans of time.
    case duration

    /// The function that makes a value of text.
    public var constructor: ExtensionFunction {
        switch self {
        case .decimal: .decimal
        case .ipaddr: .ip
        case .datetime: .datetime
        case .duration: .duration
        }
    }

    /// Whether `<`, `<=`, `>` and `>=` compare its values (RFC 80).
    public var isOrdered: Bool { self == .datetime || self == .duration }
}

/// One entity type, or several of which an entity has one; never none.
public struct EntityTypeUnion: Sendable, Hashable {
    /// The names, sorted, each once.
    public let names: [String]

    init(_ name: String) {
        names = [name]
    }

    private init(sorted names: [String]) {
        self.names = names
    }

    /// The name, where there is only one.
    public var single: String? { names.count == 1 ? names[0] : nil }

    func contains(_ name: String) -> Bool {
        names.contains { Bytes.equal($0, name) }
    }

    func union(_ other: EntityTypeUnion) -> EntityTypeUnion {
        if self == other { return self }
        return EntityTypeUnion(sorted: Set(names).union(other.names).sorted())
    }

    func isSubset(of other: EntityTypeUnion) -> Bool {
        if single != nil || other.single != nil { return names.allSatisfy(other.contains) }
        return keys.isSubset(of: other.keys)
    }

    func isDisjoint(with other: EntityTypeUnion) -> Bool {
        if single != nil || other.single != nil { return !names.contains(where: other.contains) }
        return keys.isDisjoint(with: other.keys)
    }

    private var keys: Set<ByteKey> { Set(names.map { ByteKey($0) }) }
}

/// The attributes of a record or an entity, each name once.
public struct RecordType: Sendable, Hashable {
    /// One attribute.
    public struct Attribute: Sendable, Hashable {
        /// Its name; any text.
        public let name: String
        /// What its values are.
        public let type: CedarType
        /// Whether it is always there.
        public let isRequired: Bool

        /// Whether both have the same name, byte for byte, and the same type.
        public static func == (left: Attribute, right: Attribute) -> Bool {
            left.isRequired == right.isRequired && Bytes.equal(left.name, right.name)
                && left.type == right.type
        }

        /// Hashes name, type and whether it is required.
        public func hash(into hasher: inout Hasher) {
            Bytes.hash(name, into: &hasher)
            hasher.combine(type)
            hasher.combine(isRequired)
        }
    }

    /// The attributes, sorted by the bytes of their names.
    public let attributes: [Attribute]
    /// Whether there may be others that nothing is known of.
    public let isOpen: Bool
    let depth: Int
    let size: Int

    /// Makes a record type; where a name comes twice, the later attribute holds.
    init(_ attributes: [Attribute], isOpen: Bool = false) {
        var sorted: [Attribute] = []
        sorted.reserveCapacity(attributes.count)
        let order = attributes.enumerated().sorted { left, right in
            let order = Bytes.compare(left.element.name, right.element.name)
            return order == 0 ? left.offset < right.offset : order < 0
        }
        for (_, attribute) in order {
            if let last = sorted.last, Bytes.equal(last.name, attribute.name) {
                sorted[sorted.count - 1] = attribute
            } else {
                sorted.append(attribute)
            }
        }
        self.attributes = sorted
        self.isOpen = isOpen
        depth = 1 + (sorted.map(\.type.depth).max() ?? 0)
        size = sorted.reduce(1) { $0 + $1.type.size }
    }

    /// The attribute of that name.
    public subscript(name: String) -> Attribute? {
        var low = 0
        var high = attributes.count
        while low < high {
            let middle = (low + high) / 2
            let order = Bytes.compare(attributes[middle].name, name)
            if order == 0 { return attributes[middle] }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// Whether both have attributes of the same names.
    func hasSameNames(as other: RecordType) -> Bool {
        attributes.count == other.attributes.count
            && zip(attributes, other.attributes).allSatisfy { Bytes.equal($0.name, $1.name) }
    }
}

extension CedarType: CustomStringConvertible {
    /// The type in Cedar syntax, as far as that has words for it.
    public var description: String {
        switch self {
        case .never: "__cedar::internal::Never"
        case .bool: "Bool"
        case .true: "__cedar::internal::True"
        case .false: "__cedar::internal::False"
        case .long: "Long"
        case .string: "String"
        case .anyEntity: "__cedar::internal::AnyEntity"
        case .entity(let union):
            union.single
                ?? "__cedar::internal::Union<\(union.names.joined(separator: ", "))>"
        case .anySet: "Set<__cedar::internal::Any>"
        case .set(let element): "Set<\(element)>"
        case .record(let record): record.description
        case .extension(let type): type.rawValue
        }
    }
}

extension CedarType {
    /// The type for messages: of a large record only the names of the first attributes.
    var summary: String {
        if case .set(let element) = self { return "Set<\(element.summary)>" }
        if case .entity(let union) = self, union.names.count > 16 {
            return "one of \(union.names.count) entity types"
        }
        // What has so many parts is never short; its whole text may take megabytes.
        let whole = size > 120 ? nil : description
        guard case .record(let record) = self, whole?.utf8.count ?? .max > 120 else {
            return whole ?? description
        }
        let names = record.attributes.prefix(6).map { attribute in
            TypeName.isPlainIdentifier(attribute.name)
                ? attribute.name : attribute.name.cedarLiteral
        }
        let more = record.attributes.count - names.count
        return "{\(names.joined(separator: ", "))\(more > 0 ? ", … \(more) more" : "")}"
    }
}

extension RecordType: CustomStringConvertible {
    /// The attributes in Cedar syntax.
    public var description: String {
        let inner = attributes.map { attribute in
            let name =
                TypeName.isPlainIdentifier(attribute.name)
                ? attribute.name : attribute.name.cedarLiteral
            return "\(name)\(attribute.isRequired ? "" : "?"): \(attribute.type)"
        }
        let open = isOpen ? "__cedar::internal::OpenRecord" : ""
        return "\(open){\(inner.joined(separator: ", "))}"
    }
}
