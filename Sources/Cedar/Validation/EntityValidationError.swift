// SPDX-License-Identifier: Apache-2.0

/// Why a value does not have a type.
public struct TypeMismatch: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the value, such as `home.zip` or `langs[]`; empty for the value itself.
    public let path: String
    /// What the schema asks for there.
    public let expected: CedarType
    /// What is there; `nil` where something is missing.
    public let actual: ValueType?

    /// One lowercase line.
    public var description: String {
        let place = path.isEmpty ? "" : " at `\(path.cedarEscaped)`"
        let type = expected.summary
        guard let actual else { return "value is missing\(place): expected `\(type)`" }
        return "type mismatch\(place): expected `\(type)`, found \(actual)"
    }
}

/// Why an entity does not fit a schema.
public struct EntityValidationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: Sendable, Hashable {
        /// The type is not declared; maybe another one was meant.
        case unexpectedEntityType(suggestion: String?)
        /// An action is not declared.
        case undeclaredAction(EntityUID)
        /// An action is described otherwise than the schema does.
        case actionDeclarationMismatch
        /// There is no such entity of an enumerated type.
        case invalidEnumEntity(EntityUID, choices: [String])
        /// An attribute that must be there is not.
        case missingAttribute(String)
        /// The type has no such attribute.
        case unexpectedAttribute(String)
        /// An attribute has another type.
        case attributeTypeMismatch(String, TypeMismatch)
        /// Entities of the type have no tags.
        case unexpectedTag(String)
        /// A tag has another type.
        case tagTypeMismatch(String, TypeMismatch)
        /// Entities of the type cannot be in that one.
        case invalidParent(EntityUID)
    }

    /// The entity.
    public let uid: EntityUID
    /// What is wrong.
    public let kind: Kind

    /// One lowercase line: what is wrong, with input in backticks.
    public var message: String {
        switch kind {
        case .unexpectedEntityType(let suggestion):
            "entity `\(uid)` has a type that is not declared"
                + (suggestion.map { ": did you mean `\($0)`?" } ?? "")
        case .undeclaredAction(let action): "action `\(action)` is not declared"
        case .actionDeclarationMismatch:
            "action `\(uid)` differs from its declaration: leave it out, it comes from the schema"
        case .invalidEnumEntity(let other, let choices):
            "entity `\(other)` does not exist: its type is an enumeration of "
                + choices.prefix(16).map { "`\($0.cedarLiteral)`" }.joined(separator: ", ")
        case .missingAttribute(let name):
            "entity `\(uid)` lacks the attribute `\(name.cedarEscaped)`"
        case .unexpectedAttribute(let name):
            "entity `\(uid)` has the attribute `\(name.cedarEscaped)`: its type declares none"
        case .attributeTypeMismatch(let name, let mismatch):
            "attribute `\(name.cedarEscaped)` of `\(uid)`: \(mismatch)"
        case .unexpectedTag(let name):
            "entity `\(uid)` has the tag `\(name.cedarEscaped)`: its type declares none"
        case .tagTypeMismatch(let name, let mismatch):
            "tag `\(name.cedarEscaped)` of `\(uid)`: \(mismatch)"
        case .invalidParent(let parent):
            "entity `\(uid)` cannot be in `\(parent)`: its type is not declared to be"
        }
    }

    /// The message.
    public var description: String { message }
}

/// Why a request does not fit a schema.
public struct RequestValidationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: Sendable, Hashable {
        /// The JSON is not one of a request; where and why.
        case malformed(path: String, message: String)
        /// The action is not declared.
        case undeclaredAction(EntityUID)
        /// The entity type of the principal is not declared.
        case undeclaredPrincipalType(String)
        /// The entity type of the resource is not declared.
        case undeclaredResourceType(String)
        /// The action does not apply to such principals.
        case invalidPrincipalType(String, action: EntityUID, valid: [String])
        /// The action does not apply to such resources.
        case invalidResourceType(String, action: EntityUID, valid: [String])
        /// The context has another type than the action declares.
        case invalidContext(action: EntityUID, TypeMismatch)
        /// There is no such entity of an enumerated type.
        case invalidEnumEntity(EntityUID, choices: [String])
    }

    /// What is wrong.
    public let kind: Kind

    init(_ kind: Kind) {
        self.kind = kind
    }

    /// One lowercase line: what is wrong, with input in backticks.
    public var message: String {
        switch kind {
        case .malformed(let path, let message):
            return path.isEmpty ? message : "`\(path.cedarEscaped)`: \(message)"
        case .undeclaredAction(let action): return "action `\(action)` is not declared"
        case .undeclaredPrincipalType(let type):
            return "principal type `\(type)` is not declared"
        case .undeclaredResourceType(let type): return "resource type `\(type)` is not declared"
        case .invalidPrincipalType(let type, let action, let valid):
            return Self.notValid("principal", type, action, valid)
        case .invalidResourceType(let type, let action, let valid):
            return Self.notValid("resource", type, action, valid)
        case .invalidContext(let action, let mismatch):
            return "context is not valid for `\(action)`: \(mismatch)"
        case .invalidEnumEntity(let uid, let choices):
            return "entity `\(uid)` does not exist: its type is an enumeration of "
                + choices.prefix(16).map { "`\($0.cedarLiteral)`" }.joined(separator: ", ")
        }
    }

    private static func notValid(
        _ part: String, _ type: String, _ action: EntityUID, _ valid: [String]
    ) -> String {
        let names = valid.prefix(16).map { "`\($0)`" }.joined(separator: ", ")
        let hint = valid.isEmpty ? "it applies to nothing" : "valid are \(names)"
        return "\(part) type `\(type)` is not valid for `\(action)`: \(hint)"
    }

    /// The message.
    public var description: String { message }
}
