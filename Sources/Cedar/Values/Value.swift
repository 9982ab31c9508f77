// SPDX-License-Identifier: Apache-2.0

/// A Cedar value.
///
/// Values of different types are never equal. Text compares by UTF-8 bytes, sets by their
/// elements whatever the order, records by keys and values.
public enum Value: Sendable, Hashable {
    /// `true` or `false`.
    case bool(Bool)
    /// A 64-bit signed integer.
    case long(Int64)
    /// Text.
    case string(String)
    /// A reference to an entity, which need not exist.
    case entity(EntityUID)
    /// A set.
    case set(ValueSet)
    /// A record.
    case record(Record)
    /// A decimal, IP address, datetime or duration.
    case `extension`(ExtensionValue)

    /// Whether both have the same type and content.
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.bool(let one), .bool(let two)): one == two
        case (.long(let one), .long(let two)): one == two
        case (.string(let one), .string(let two)): Bytes.equal(one, two)
        case (.entity(let one), .entity(let two)): one == two
        case (.set(let one), .set(let two)): one == two
        case (.record(let one), .record(let two)): one == two
        case (.extension(let one), .extension(let two)): one == two
        default: false
        }
    }

    /// Hashes type and content, consistently with `==`.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .bool(let value):
            hasher.combine(0 as UInt8)
            hasher.combine(value)
        case .long(let value):
            hasher.combine(1 as UInt8)
            hasher.combine(value)
        case .string(let value):
            hasher.combine(2 as UInt8)
            Bytes.hash(value, into: &hasher)
        case .entity(let value):
            hasher.combine(3 as UInt8)
            hasher.combine(value)
        case .set(let value):
            hasher.combine(4 as UInt8)
            hasher.combine(value)
        case .record(let value):
            hasher.combine(5 as UInt8)
            hasher.combine(value)
        case .extension(let value):
            hasher.combine(6 as UInt8)
            hasher.combine(value)
        }
    }

    /// The type of this value, as error messages name it.
    public var type: ValueType {
        switch self {
        case .bool: .bool
        case .long: .long
        case .string: .string
        case .entity: .entity
        case .set: .set
        case .record: .record
        case .extension(let value): value.type
        }
    }
}

/// The types that error messages speak of.
public enum ValueType: String, Sendable, Hashable, CustomStringConvertible {
    /// `true` and `false`.
    case bool
    /// 64-bit integers.
    case long
    /// Text.
    case string
    /// References to entities, of whatever entity type.
    case entity
    /// Sets.
    case set
    /// Records.
    case record
    /// Decimals with four fractional digits.
    case decimal
    /// IP addresses and ranges.
    case ipaddr
    /// Instants.
    case datetime
    /// Spans of time.
    case duration

    /// The name of the type.
    public var description: String { rawValue }
}

extension Value: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral
{
    /// A boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .long(value) }
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
}

extension Value: CustomStringConvertible {
    /// The value in Cedar syntax, with whatever does not show as itself escaped.
    public var description: String {
        switch self {
        case .bool(let value): value ? "true" : "false"
        case .long(let value): String(value)
        case .string(let value): value.cedarLiteral
        case .entity(let value): value.description
        case .set(let value): "[" + value.map(\.description).joined(separator: ", ") + "]"
        case .record(let value):
            "{" + value.map { "\($0.key.cedarLiteral): \($0.value)" }.joined(separator: ", ") + "}"
        case .extension(let value): value.description
        }
    }
}
