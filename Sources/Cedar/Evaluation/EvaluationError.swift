// SPDX-License-Identifier: Apache-2.0

/// Why a policy could not be evaluated for a request.
public struct EvaluationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong; each case belongs to exactly one ``Category``.
    public enum Kind: Error, Sendable, Hashable {
        /// An attribute or tag was asked of an entity that is not there.
        case entityDoesNotExist(EntityUID)
        /// The entity is there, its attribute is not.
        case entityAttributeDoesNotExist(entity: EntityUID, attribute: String)
        /// The entity is there, its tag is not.
        case entityTagDoesNotExist(entity: EntityUID, tag: String)
        /// The record has no such key.
        case recordAttributeDoesNotExist(attribute: String)
        /// There is no extension function of that name.
        case failedExtensionFunctionLookup(name: String)
        /// A value of one of the expected types was needed.
        case typeError(expected: [ValueType], actual: ValueType)
        /// An extension function was called with too few or too many arguments.
        case wrongNumberOfArguments(function: String, expected: Int, actual: Int)
        /// The result of an operation does not fit into 64 bits; the operation is spelled out.
        case integerOverflow(operation: String)
        /// An extension function refused its arguments.
        case failedExtensionFunctionExecution(function: String, reason: String)
        /// The policy is nested more deeply than the evaluator follows.
        case recursionLimit
    }

    /// The categories of Cedar's reference implementation, by their names there.
    ///
    /// Those of partial evaluation (`NonValue`), of tolerant parsing (`ASTErrorExpr`) and of
    /// templates (`UnlinkedSlot`) cannot occur here.
    public enum Category: String, Sendable, Hashable, CaseIterable {
        /// An entity is not there.
        case entityDoesNotExist = "EntityDoesNotExist"
        /// An attribute or tag of an entity is not there.
        case entityAttrDoesNotExist = "EntityAttrDoesNotExist"
        /// A key of a record is not there.
        case recordAttrDoesNotExist = "RecordAttrDoesNotExist"
        /// An extension function is not there.
        case failedExtensionFunctionLookup = "FailedExtensionFunctionLookup"
        /// A value has the wrong type.
        case typeError = "TypeError"
        /// A call has the wrong number of arguments.
        case wrongNumArguments = "WrongNumArguments"
        /// Integer arithmetic left 64 bits.
        case integerOverflow = "IntegerOverflow"
        /// An extension function failed.
        case failedExtensionFunctionExecution = "FailedExtensionFunctionExecution"
        /// Nesting went too deep.
        case recursionLimit = "RecursionLimit"
    }

    /// What went wrong.
    public let kind: Kind
    /// Where in the policy text; `nil` for errors of data rather than of a policy.
    public let span: SourceSpan?

    /// Makes an error.
    public init(_ kind: Kind, at span: SourceSpan? = nil) {
        self.kind = kind
        self.span = span
    }

    /// The category of the error.
    public var category: Category { kind.category }

    /// One lowercase line: what went wrong, with input in backticks.
    public var message: String { kind.message }

    /// The message after `line:column`, where that is known.
    public var description: String {
        span.map { "\($0.start): \(message)" } ?? message
    }
}

extension EvaluationError.Kind {
    /// The category of the error.
    public var category: EvaluationError.Category {
        switch self {
        case .entityDoesNotExist: .entityDoesNotExist
        case .entityAttributeDoesNotExist, .entityTagDoesNotExist: .entityAttrDoesNotExist
        case .recordAttributeDoesNotExist: .recordAttrDoesNotExist
        case .failedExtensionFunctionLookup: .failedExtensionFunctionLookup
        case .typeError: .typeError
        case .wrongNumberOfArguments: .wrongNumArguments
        case .integerOverflow: .integerOverflow
        case .failedExtensionFunctionExecution: .failedExtensionFunctionExecution
        case .recursionLimit: .recursionLimit
        }
    }

    /// One lowercase line: what went wrong, with input in backticks.
    public var message: String {
        switch self {
        case .entityDoesNotExist(let uid):
            return "entity `\(uid)` does not exist: add it to the entities of the request"
        case .entityAttributeDoesNotExist(let uid, let attribute):
            return "`\(uid)` does not have the attribute `\(attribute.cedarEscaped)`: "
                + "guard it with `has`"
        case .entityTagDoesNotExist(let uid, let tag):
            return "`\(uid)` does not have the tag `\(tag.cedarEscaped)`: guard it with `.hasTag()`"
        case .recordAttributeDoesNotExist(let attribute):
            return "record does not have the attribute `\(attribute.cedarEscaped)`: "
                + "guard it with `has`"
        case .failedExtensionFunctionLookup(let name):
            return "extension function `\(name.cedarEscaped)` does not exist"
        case .typeError(let expected, let actual):
            let names = expected.map(\.rawValue).joined(separator: " or ")
            return "type error: expected \(names), found \(actual)"
        case .wrongNumberOfArguments(let function, let expected, let actual):
            let noun = expected == 1 ? "argument" : "arguments"
            return "call to `\(function)` requires exactly \(expected) \(noun), but got \(actual)"
        case .integerOverflow(let operation):
            return "integer overflow in `\(operation)`: the result does not fit into 64 bits"
        case .failedExtensionFunctionExecution(let function, let reason):
            return "call to `\(function)` failed: \(reason)"
        case .recursionLimit:
            return "recursion limit reached: nest the policy less deeply"
        }
    }
}
