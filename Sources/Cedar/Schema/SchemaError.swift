// SPDX-License-Identifier: Apache-2.0

/// A place in a schema.
public struct SchemaLocation: Sendable, Hashable, CustomStringConvertible {
    private enum Place: Hashable {
        case text(SourceSpan)
        case json(JSONPlace)
    }

    /// The name of the text or document, where it has one; such as that of a file.
    public let source: String?
    private let place: Place

    /// A stretch of Cedar syntax.
    static func text(_ span: SourceSpan, in source: String?) -> SchemaLocation {
        SchemaLocation(source: source, place: .text(span))
    }

    /// A value of JSON.
    static func json(pointer: JSONPlace, in source: String?) -> SchemaLocation {
        SchemaLocation(source: source, place: .json(pointer))
    }

    /// `source:line:column`, or `source:` and the pointer, `/` for the whole document; without a
    /// source only what is behind it.
    public var description: String {
        let prefix = source.map { "\($0):" } ?? ""
        switch place {
        case .text(let span): return "\(prefix)\(span)"
        case .json(let place):
            let pointer = place.pointer
            return prefix + (pointer.isEmpty ? "/" : pointer)
        }
    }

    /// The stretch of text, where it is text.
    public var span: SourceSpan? {
        guard case .text(let span) = place else { return nil }
        return span
    }

    /// The JSON pointer (RFC 6901), where it is JSON; empty for the whole document.
    public var pointer: String? {
        guard case .json(let place) = place else { return nil }
        return place.pointer
    }
}

/// One thing that is wrong with a schema.
public struct SchemaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of mistake it is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The text does not follow the grammar.
        case syntax
        /// The JSON does not have the shape of a schema.
        case shape
        /// Something is declared twice, or an annotation or a member given twice.
        case duplicate
        /// A declaration takes a name that the language keeps for itself (RFC 52).
        case reservedName
        /// An entity type is called `Action`, which only actions are.
        case actionEntityType
        /// A name stands for nothing that is declared.
        case undeclaredType
        /// A group of actions is not declared.
        case undeclaredAction
        /// A declaration outside of namespaces has the same name as one inside (RFC 70).
        case shadowing
        /// A common type is part of itself.
        case commonTypeCycle
        /// An action is in itself.
        case actionCycle
        /// A context or the shape of an entity type is not a record.
        case notRecord
        /// There is no extension type of that name.
        case unknownExtensionType
        /// Something that the language has dropped or never had.
        case unsupported
        /// The Cedar syntax has no words for it.
        case notExpressible
        /// A limit of ``SchemaLimits`` is passed.
        case limit
    }

    /// What kind of mistake it is.
    public let kind: Kind
    /// Where it is.
    public let location: SchemaLocation
    /// One lowercase line: what is wrong, with input in backticks, and its cause after a colon.
    public let message: String
    /// What to do next, where there is more to say than the message does.
    public let hint: String?

    init(
        _ kind: Kind, at location: SchemaLocation, _ message: String, hint: String? = nil
    ) {
        self.kind = kind
        self.location = location
        self.message = message
        self.hint = hint
    }

    /// The name of the text or document, where it has one; such as that of a file.
    public var source: String? { location.source }

    /// `source:place: message; hint`.
    public var description: String {
        "\(location): \(message)\(hint.map { "; \($0)" } ?? "")"
    }
}

/// Everything that is wrong with a schema.
public struct SchemaErrors: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one error, in the order of the schema.
    public let errors: [SchemaError]
    /// Whether there are more errors than ``SchemaLimits/maximumErrors``.
    public let isTruncated: Bool

    init(_ errors: [SchemaError], limits: SchemaLimits) {
        self.errors = Array(errors.prefix(limits.maximumErrors))
        isTruncated = errors.count > limits.maximumErrors
    }

    /// One line for each error.
    public var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}

/// Something in a schema that is allowed and likely a mistake.
public struct SchemaWarning: Sendable, Hashable, CustomStringConvertible {
    /// What kind of oddity it is.
    public enum Kind: String, Sendable, Hashable {
        /// A declaration takes the name of a type of the language.
        case shadowsBuiltin
        /// A common type takes the name of an entity type of the same namespace.
        case shadowsEntityType
    }

    /// What kind of oddity it is.
    public let kind: Kind
    /// Where it is.
    public let location: SchemaLocation
    /// One lowercase line.
    public let message: String

    /// `source:place: message`.
    public var description: String { "\(location): \(message)" }
}
