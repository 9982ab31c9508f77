// SPDX-License-Identifier: Apache-2.0

/// A place in a schema.
public enum SchemaLocation: Sendable, Hashable, CustomStringConvertible {
    /// A stretch of Cedar syntax.
    case text(SourceSpan)
    /// A value of JSON, by its JSON pointer (RFC 6901).
    case json(pointer: String)

    /// `line:column`, or the pointer; `/` for the whole document.
    public var description: String {
        switch self {
        case .text(let span): span.description
        case .json(let pointer): pointer.isEmpty ? "/" : pointer
        }
    }

    /// The stretch of text, where it is text.
    public var span: SourceSpan? {
        guard case .text(let span) = self else { return nil }
        return span
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

    /// `place: message; hint`.
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

    /// `place: message`.
    public var description: String { "\(location): \(message)" }
}
