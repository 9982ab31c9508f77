// SPDX-License-Identifier: Apache-2.0

/// The functions and methods on extension types.
public enum ExtensionFunction: String, Sendable, Hashable, CaseIterable {
    /// Text to decimal.
    case decimal
    /// Comparison of decimals.
    case lessThan, lessThanOrEqual, greaterThan, greaterThanOrEqual
    /// Text to IP address or range.
    case ip
    /// Questions on IP addresses.
    case isIpv4, isIpv6, isLoopback, isMulticast, isInRange
    /// Text to instant.
    case datetime
    /// Text to span of time.
    case duration
    /// Arithmetic of instants.
    case offset, durationSince, toDate, toTime
    /// Whole units of a span of time, rounded towards zero.
    case toMilliseconds, toSeconds, toMinutes, toHours, toDays

    /// Whether it is called as `name(…)`; otherwise it is a method, `value.name(…)`.
    public var isFunction: Bool {
        switch self {
        case .decimal, .ip, .datetime, .duration: true
        default: false
        }
    }

    /// The number of arguments, a method's receiver included.
    public var arity: Int {
        switch self {
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual, .isInRange, .offset,
            .durationSince:
            2
        default: 1
        }
    }

    /// Calls the function.
    ///
    /// - Throws: ``EvaluationError/Kind`` for a wrong number or type of arguments, text that does
    ///   not parse, and results that do not fit.
    public func call(_ arguments: [Value]) throws(EvaluationError.Kind) -> Value {
        guard arguments.count == arity else {
            throw .wrongNumberOfArguments(
                function: rawValue, expected: arity, actual: arguments.count)
        }
        switch self {
        case .decimal, .ip, .datetime, .duration:
            return .extension(try parse(Self.string(arguments[0])))
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual:
            return .bool(
                compare(try Self.decimal(arguments[0]), try Self.decimal(arguments[1])))
        case .isInRange:
            return .bool(
                try Self.address(arguments[0]).isInRange(try Self.address(arguments[1])))
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast:
            return .bool(holds(of: try Self.address(arguments[0])))
        case .offset, .durationSince, .toDate, .toTime:
            return .extension(try onInstant(arguments))
        case .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays:
            return .long(count(try Self.duration(arguments[0])))
        }
    }

    private func parse(_ text: String) throws(EvaluationError.Kind) -> ExtensionValue {
        do throws(ExtensionParseError) {
            switch self {
            case .decimal: return .decimal(try DecimalValue(parsing: text))
            case .ip: return .ip(try IPAddressValue(parsing: text))
            case .datetime: return .datetime(try DateTimeValue(parsing: text))
            default: return .duration(try DurationValue(parsing: text))
            }
        } catch {
            throw .failedExtensionFunctionExecution(function: rawValue, reason: error.message)
        }
    }

    private func compare(_ left: DecimalValue, _ right: DecimalValue) -> Bool {
        switch self {
        case .lessThan: left < right
        case .lessThanOrEqual: left <= right
        case .greaterThan: left > right
        default: left >= right
        }
    }

    private func holds(of address: IPAddressValue) -> Bool {
        switch self {
        case .isIpv4: address.isIPv4
        case .isIpv6: address.isIPv6
        case .isLoopback: address.isLoopback
        default: address.isMulticast
        }
    }

    private func onInstant(_ arguments: [Value]) throws(EvaluationError.Kind) -> ExtensionValue {
        let instant = try Self.datetime(arguments[0])
        let result: ExtensionValue?
        switch self {
        case .offset:
            result = instant.offset(by: try Self.duration(arguments[1])).map(
                ExtensionValue.datetime)
        case .durationSince:
            let other = try Self.datetime(arguments[1])
            result = instant.durationSince(other).map(ExtensionValue.duration)
        case .toDate: result = instant.date.map(ExtensionValue.datetime)
        default: result = .duration(instant.time)
        }
        guard let result else {
            throw .failedExtensionFunctionExecution(
                function: rawValue, reason: "the result does not fit into 64 bits of milliseconds")
        }
        return result
    }

    private func count(_ duration: DurationValue) -> Int64 {
        switch self {
        case .toMilliseconds: duration.milliseconds
        case .toSeconds: duration.milliseconds / 1_000
        case .toMinutes: duration.milliseconds / 60_000
        case .toHours: duration.milliseconds / 3_600_000
        default: duration.milliseconds / 86_400_000
        }
    }

    private static func string(_ value: Value) throws(EvaluationError.Kind) -> String {
        guard case .string(let text) = value else {
            throw .typeError(expected: [.string], actual: value.type)
        }
        return text
    }

    private static func decimal(_ value: Value) throws(EvaluationError.Kind) -> DecimalValue {
        guard case .extension(.decimal(let decimal)) = value else {
            throw .typeError(expected: [.decimal], actual: value.type)
        }
        return decimal
    }

    private static func address(_ value: Value) throws(EvaluationError.Kind) -> IPAddressValue {
        guard case .extension(.ip(let address)) = value else {
            throw .typeError(expected: [.ipaddr], actual: value.type)
        }
        return address
    }

    private static func datetime(_ value: Value) throws(EvaluationError.Kind) -> DateTimeValue {
        guard case .extension(.datetime(let instant)) = value else {
            throw .typeError(expected: [.datetime], actual: value.type)
        }
        return instant
    }

    private static func duration(_ value: Value) throws(EvaluationError.Kind) -> DurationValue {
        guard case .extension(.duration(let duration)) = value else {
            throw .typeError(expected: [.duration], actual: value.type)
        }
        return duration
    }
}
