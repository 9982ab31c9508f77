// SPDX-License-Identifier: Apache-2.0

/// A JSON value (RFC 8259).
///
/// Equality and hashing go by content: strings by their UTF-8 bytes, numbers by their exact
/// decimal value (`1`, `1.0` and `10e-1` are equal), objects regardless of the order in which
/// their members were written. So two values are equal if and only if their canonical forms are,
/// as long as both have one under ``NumberRule/exact``.
public enum JSON: Sendable {
    /// The literal `null`.
    case null
    /// The literals `true` and `false`.
    case bool(Bool)
    /// A number, kept exactly as it was written.
    case number(JSONNumber)
    /// A string: well-formed Unicode, without lone surrogates.
    case string(String)
    /// An ordered sequence of values.
    case array([JSON])
    /// Members with unique names.
    case object(JSONObject)

    /// A number that is an integer.
    public static func int(_ value: Int64) -> JSON { .number(JSONNumber(value)) }

    /// A number that is an integer.
    public static func int(_ value: Int) -> JSON { .number(JSONNumber(value)) }

    /// The text, if this is a string.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The integer, if this is a number whose exact value is an integer within 64 bits.
    public var intValue: Int64? {
        if case .number(let value) = self { value.int64 } else { nil }
    }

    /// The truth value, if this is `true` or `false`.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements, if this is an array.
    public var arrayValue: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, if this is an object.
    public var objectValue: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The number, if this is one.
    public var numberValue: JSONNumber? {
        if case .number(let value) = self { value } else { nil }
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The value of the member `key`, if this is an object that has it.
    public subscript(_ key: String) -> JSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The element at `index` from 0, if this is an array that is long enough.
    public subscript(_ index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// What kind of value this is, with its article, for messages: "a string".
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSON: Hashable {
    /// Whether both values have the same content; strings are compared by bytes.
    public static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): UTF8Bytes.areEqual(left, right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// Feeds the content of this value to `hasher`.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null:
            hasher.combine(0 as UInt8)
        case .bool(let value):
            hasher.combine(1 as UInt8)
            hasher.combine(value)
        case .number(let value):
            hasher.combine(2 as UInt8)
            value.hash(into: &hasher)
        case .string(let value):
            hasher.combine(3 as UInt8)
            UTF8Bytes.hash(value, into: &hasher)
        case .array(let value):
            hasher.combine(4 as UInt8)
            value.hash(into: &hasher)
        case .object(let value):
            hasher.combine(5 as UInt8)
            value.hash(into: &hasher)
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// Creates a string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Creates a number.
    public init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
    /// Creates `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Creates `null`.
    ///
    /// Beware of `condition ? value : nil`: where an optional value is wanted, Swift still reads
    /// that `nil` as this literal. Write `Optional.none`, or use `if` or `guard`.
    public init(nilLiteral: ()) { self = .null }
    /// Creates an array.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// Creates an object; the same name twice stops the program.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(elements))
    }
}
