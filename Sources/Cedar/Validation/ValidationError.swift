// SPDX-License-Identifier: Apache-2.0

/// Why a policy does not fit a schema.
///
/// Of the kinds that the reference implementation has, `UndefinedFunction` cannot occur here:
/// unknown functions are refused when a policy is read.
public struct ValidationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What types were to have something in common.
    public enum Context: String, Sendable, Hashable {
        /// The elements of a set.
        case set
        /// The two branches of `if … then … else …`.
        case conditional
        /// The two sides of `==` or `!=`.
        case equality
        /// The elements of a set and the argument of `contains`.
        case contains
        /// The two sets of `containsAll` or `containsAny`.
        case containsAnyAll
        /// The tags of several entity types.
        case getTag
    }

    /// What is wrong.
    public enum Kind: Sendable, Hashable {
        /// An entity type is not declared; maybe another one was meant.
        case unrecognizedEntityType(String, suggestion: String?)
        /// An action is not declared; maybe another one was meant.
        case unrecognizedActionID(EntityUID, suggestion: EntityUID?)
        /// No action applies to the principals and resources of the scope; maybe `in` was meant
        /// where `==` stands.
        case invalidActionApplication(wouldInFixPrincipal: Bool, wouldInFixResource: Bool)
        /// An expression has another type than all those that are possible there.
        case unexpectedType(expected: [CedarType], actual: CedarType)
        /// Types that must have something in common have not.
        case incompatibleTypes([CedarType], Context)
        /// A type has no such attribute, or only some of several types have; maybe another one
        /// was meant.
        case unsafeAttributeAccess(
            type: CedarType, attribute: String, suggestion: String?, mayExist: Bool)
        /// The attribute may be absent and nothing has asked for it before.
        case unsafeOptionalAttributeAccess(type: CedarType, attribute: String)
        /// The tag may be absent and nothing has asked for it before.
        case unsafeTagAccess(type: CedarType)
        /// Entities of the type have no tags.
        case noTagsAllowed(type: CedarType)
        /// An extension function was called with too few or too many arguments.
        case wrongNumberOfArguments(function: ExtensionFunction, expected: Int, actual: Int)
        /// An extension function would refuse its argument.
        case functionArgumentValidation(function: ExtensionFunction, reason: String)
        /// `[]`, whose type strict validation does not know.
        case emptySetForbidden
        /// Strict validation wants text where an extension value is made.
        case nonLiteralExtensionConstructor(function: ExtensionFunction)
        /// There is no such entity of an enumerated type.
        case invalidEnumEntity(EntityUID, choices: [String])
        /// Policies may look from entity to entity only so many times (RFC 76).
        case entityDereferenceLevel(allowed: Int, actual: Int)
        /// A level can only be told from the entities of the request, not from one that is
        /// named (RFC 76).
        case literalDereference
        /// The policy is nested more deeply than the validator follows.
        case recursionLimit(Int)
        /// The schema has more combinations of action, principal and resource than are tried.
        case tooManyRequestEnvironments(Int)
        /// The policy takes more work to validate than any policy should.
        case tooManySteps(Int)
        /// A mistake of the validator itself.
        case internalInvariantViolation
    }

    /// The policy, template or link.
    public let policyID: String
    /// Where in the policy text; `nil` for the values of a link, which are not in it.
    public let span: SourceSpan?
    /// What is wrong.
    public let kind: Kind

    /// One lowercase line: what is wrong, with input in backticks, and its cause after a colon.
    public var message: String { kind.message }

    /// What to do next, where there is more to say than the message does.
    public var hint: String? { kind.hint }

    /// The policy, the place and the message.
    public var description: String {
        let place = span.map { "\($0): " } ?? ""
        let hint = hint.map { "; \($0)" } ?? ""
        return "policy `\(policyID.cedarEscaped)`: \(place)\(message)\(hint)"
    }
}

extension ValidationError.Kind {
    fileprivate var message: String {
        switch self {
        case .unrecognizedEntityType(let name, _): "unrecognized entity type: `\(name)`"
        case .unrecognizedActionID(let uid, _): "unrecognized action: `\(uid)`"
        case .invalidActionApplication:
            "unable to find an applicable action given the policy scope constraints"
        case .unexpectedType(let expected, let actual):
            "unexpected type: expected "
                + expected.map { "`\($0.summary)`" }.joined(separator: " or ")
                + ", found `\(actual.summary)`"
        case .incompatibleTypes(let types, let context):
            "the types " + types.map { "`\($0.summary)`" }.joined(separator: " and ")
                + " are not compatible: \(context.reason)"
        case .unsafeAttributeAccess(let type, let attribute, _, let mayExist):
            "attribute `\(attribute.cedarEscaped)` "
                + (mayExist ? "may not exist" : "does not exist") + " on `\(type.summary)`"
        case .unsafeOptionalAttributeAccess(let type, let attribute):
            "unable to guarantee safety of access to optional attribute "
                + "`\(attribute.cedarEscaped)` on `\(type.summary)`"
        case .unsafeTagAccess(let type):
            "unable to guarantee safety of access to a tag on `\(type.summary)`"
        case .noTagsAllowed(let type): "`\(type.summary)` has no tags"
        case .wrongNumberOfArguments(let function, let expected, let actual):
            "call to `\(function.rawValue)` takes \(expected) "
                + (expected == 1 ? "argument" : "arguments") + ", but got \(actual)"
        case .functionArgumentValidation(let function, let reason):
            "call to `\(function.rawValue)` would fail: \(reason)"
        case .emptySetForbidden: "empty set literals are forbidden: their type is unknown"
        case .nonLiteralExtensionConstructor(let function):
            "argument of `\(function.rawValue)` is not a literal"
        case .invalidEnumEntity(let uid, _):
            "entity `\(uid)` does not exist: its type is an enumeration"
        case .entityDereferenceLevel(let allowed, let actual):
            "policy requires entity dereference level \(actual), but only \(allowed) is allowed"
        case .literalDereference: "entity literals cannot be dereferenced at any level"
        case .recursionLimit(let limit): "policy is nested more than \(limit) levels deep"
        case .tooManyRequestEnvironments(let limit):
            "schema has more than \(limit) combinations of action, principal and resource"
        case .tooManySteps(let limit): "policy takes more than \(limit) steps to validate"
        case .internalInvariantViolation: "internal invariant violated"
        }
    }

    fileprivate var hint: String? {
        switch self {
        case .unrecognizedEntityType(_, let suggestion):
            suggestion.map { "did you mean `\($0)`?" }
        case .unrecognizedActionID(_, let suggestion): suggestion.map { "did you mean `\($0)`?" }
        case .invalidActionApplication(let principal, let resource):
            principal || resource
                ? "try `in` instead of `==` for the \(principal ? "principal" : "resource")" : nil
        case .unsafeAttributeAccess(_, _, let suggestion, let mayExist):
            suggestion.map { "did you mean `\($0.cedarEscaped)`?" }
                ?? (mayExist ? "guard it with `has`" : nil)
        case .unsafeOptionalAttributeAccess: "guard it with `has`"
        case .unsafeTagAccess: "guard it with `.hasTag()`"
        case .nonLiteralExtensionConstructor: "pass text in quotes"
        case .invalidEnumEntity(_, let choices):
            "it is one of "
                + choices.prefix(16).map { "`\($0.cedarLiteral)`" }
                .joined(separator: ", ")
        case .recursionLimit, .tooManySteps: "split the policy"
        case .internalInvariantViolation: "please report it"
        case .unexpectedType, .incompatibleTypes, .noTagsAllowed, .wrongNumberOfArguments,
            .functionArgumentValidation, .emptySetForbidden, .entityDereferenceLevel,
            .literalDereference, .tooManyRequestEnvironments:
            nil
        }
    }
}

extension ValidationError.Context {
    fileprivate var reason: String {
        switch self {
        case .set: "elements of a set must have compatible types"
        case .conditional: "both branches of a conditional must have compatible types"
        case .equality: "both operands of `==` or `!=` must have compatible types"
        case .contains: "the argument of `contains` must fit the elements of the set"
        case .containsAnyAll: "both sets of `containsAll` or `containsAny` must be compatible"
        case .getTag: "all the entity types must have tags of compatible types"
        }
    }
}

/// Something in a policy that is valid and likely a mistake.
public struct ValidationWarning: Sendable, Hashable, CustomStringConvertible {
    /// What is odd.
    public enum Kind: Sendable, Hashable {
        /// The policy is never satisfied, whatever is asked.
        case impossiblePolicy
        /// Text with characters that change the direction of writing.
        case bidirectionalString(String)
        /// A name with characters that change the direction of writing.
        case bidirectionalIdentifier(String)
        /// Text with letters of several scripts.
        case mixedScriptString(String)
        /// A name with letters of several scripts.
        case mixedScriptIdentifier(String)
        /// A name with a character that is not meant for names (UTS 39).
        case confusableIdentifier(String, Unicode.Scalar)
    }

    /// The policy or template.
    public let policyID: String
    /// Where in the policy text.
    public let span: SourceSpan?
    /// What is odd.
    public let kind: Kind

    /// One lowercase line, with input in backticks.
    public var message: String {
        switch kind {
        case .impossiblePolicy:
            return "policy is impossible: the policy expression evaluates to false for all valid "
                + "requests"
        case .bidirectionalString(let text):
            return "string `\(text.cedarEscaped)` contains bidirectional control characters"
        case .bidirectionalIdentifier(let text):
            return "identifier `\(text.cedarEscaped)` contains bidirectional control characters"
        case .mixedScriptString(let text):
            return "string `\(text.cedarEscaped)` contains mixed scripts"
        case .mixedScriptIdentifier(let text):
            return "identifier `\(text.cedarEscaped)` contains mixed scripts"
        case .confusableIdentifier(let text, let scalar):
            let code = String(scalar.value, radix: 16)
            return "identifier `\(text.cedarEscaped)` contains the character `\\u{\(code)}`, "
                + "which is not in the general security profile for identifiers"
        }
    }

    /// The policy, the place and the message.
    public var description: String {
        "policy `\(policyID.cedarEscaped)`: \(span.map { "\($0): " } ?? "")\(message)"
    }
}
