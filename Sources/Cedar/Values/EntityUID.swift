// SPDX-License-Identifier: Apache-2.0

/// The name of one entity: its type and its identifier, as in `Photos::User::"alice"`.
///
/// Equality and hash go by UTF-8 bytes: two identifiers that only look the same are different
/// entities. The hash is computed once, when the name is made.
public struct EntityUID: Sendable, Hashable, CustomStringConvertible {
    private final class Storage: Sendable {
        let type: String
        let id: String
        let hash: Int

        init(type: String, id: String) {
            self.type = type
            self.id = id
            var hasher = Hasher()
            Bytes.hash(type, into: &hasher)
            Bytes.hash(id, into: &hasher)
            hash = hasher.finalize()
        }
    }

    private let storage: Storage

    /// Names an entity.
    ///
    /// - Parameters:
    ///   - type: the type with its namespaces, `Namespace::Type`; it is taken as it is and only
    ///     checked where text or JSON is read.
    ///   - id: any text, the empty one included.
    public init(type: String, id: String) {
        storage = Storage(type: type, id: id)
    }

    /// The entity type with its namespaces, joined by `::`.
    public var type: String { storage.type }

    /// The identifier within the type, not escaped.
    public var id: String { storage.id }

    /// The name in Cedar syntax, with whatever does not show as itself escaped.
    public var description: String { "\(type)::\(id.cedarLiteral)" }

    /// Whether both name the same entity, byte for byte.
    public static func == (left: EntityUID, right: EntityUID) -> Bool {
        if left.storage === right.storage { return true }
        guard left.storage.hash == right.storage.hash else { return false }
        return Bytes.equal(left.id, right.id) && Bytes.equal(left.type, right.type)
    }

    /// Feeds the precomputed hash.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(storage.hash)
    }

    /// Whether the type, its namespaces aside, is `Action`; only such entities can be actions.
    public var isAction: Bool { Self.isActionType(type) }

    static func isActionType(_ name: String) -> Bool {
        Bytes.equal(name, "Action") || name.utf8.suffix(8).elementsEqual("::Action".utf8)
    }
}

extension EntityUID {
    /// Reads a name in Cedar syntax, such as `Photos::User::"alice"`.
    ///
    /// As in Cedar's RFC 9 no white space or comment is allowed around the `::`.
    /// - Returns: `nil` if the text is not such a name, holds a reserved word, or has an invalid
    ///   escape.
    public init?(parsing text: String) {
        let bytes = Array(text.utf8)
        guard let quote = bytes.firstIndex(of: UInt8(ascii: "\"")), quote > 2,
            bytes.count >= quote + 2, bytes.last == UInt8(ascii: "\""),
            bytes[quote - 1] == UInt8(ascii: ":"), bytes[quote - 2] == UInt8(ascii: ":")
        else { return nil }
        let type = String(decoding: bytes[..<(quote - 2)], as: UTF8.self)
        let raw = bytes[(quote + 1)..<(bytes.count - 1)]
        guard TypeName.isValid(type), StringEscapes.isOneLiteral(raw),
            case .success(let id) = StringEscapes.unescape(raw)
        else { return nil }
        self.init(type: type, id: id)
    }
}

/// The rules for names of entity types.
enum TypeName {
    /// Words that never are identifiers of their own.
    static let reserved: Set<String> = [
        "true", "false", "if", "then", "else", "in", "is", "has", "like",
    ]
    /// The namespace that Cedar keeps for itself (RFC 52).
    static let reservedNamespace = "__cedar"

    /// Words that mean a type of the language wherever a schema names a common type.
    static let builtinKeywords: Set<String> = [
        "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String",
    ]

    /// Whether a part of the name is the reserved namespace.
    static func isReservedPath(_ text: String) -> Bool {
        text.split(separator: ":").contains { $0 == reservedNamespace }
    }

    /// Whether a schema may refer to a type by this name; that may be in `__cedar`.
    static func isValidReference(_ text: String) -> Bool {
        let prefix = "\(reservedNamespace)::"
        return isValid(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
    }

    static func isValid(_ text: String) -> Bool {
        var rest = text.utf8[...]
        while true {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            guard isIdentifier(rest[..<end]) else { return false }
            let word = String(rest[..<end]) ?? ""
            guard !reserved.contains(word), word != reservedNamespace else { return false }
            guard end != rest.endIndex else { return true }
            rest = rest[end...].dropFirst()
            guard rest.first == UInt8(ascii: ":") else { return false }
            rest = rest.dropFirst()
        }
    }

    static func isIdentifier(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, isIdentifierStart(first) else { return false }
        return bytes.allSatisfy { isIdentifierStart($0) || isDigit($0) }
    }

    /// Whether the text may stand for itself where an attribute or a declaration is named.
    static func isPlainIdentifier(_ text: String) -> Bool {
        isIdentifier(text.utf8) && !reserved.contains(text) && text != reservedNamespace
    }

    static func isIdentifierStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}
