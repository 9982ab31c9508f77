// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar

extension InputConverter {
    func integer(_ json: JSON) throws(TypedInputError) -> Int64 {
        guard let number = json.numberValue else { throw wrong(json, "an integer") }
        guard let value = number.int64 else {
            throw error(
                .notExact,
                "`\(Shown.text(number.text))` is not a 64-bit integer: send one, nothing is rounded"
            )
        }
        return value
    }

    func extensionValue(
        _ json: JSON, _ type: ExtensionType
    ) throws(TypedInputError) -> Value {
        if let object = json.objectValue {
            guard object.count == 1, object["__extn"] != nil else {
                throw wrong(json, "text of a \(type.rawValue)")
            }
            return try escaped(json, type)
        }
        if type == .decimal, let number = json.numberValue {
            return .extension(.decimal(try decimal(number)))
        }
        guard let text = json.stringValue else {
            throw wrong(
                json, "text of a \(type.rawValue)\(type == .decimal ? " or a number" : "")")
        }
        if type == .datetime { return .extension(.datetime(try datetime(text))) }
        do throws(ExtensionParseError) {
            switch type {
            case .decimal: return .extension(.decimal(try DecimalValue(parsing: text)))
            case .ipaddr: return .extension(.ip(try IPAddressValue(parsing: text)))
            case .duration: return .extension(.duration(try DurationValue(parsing: text)))
            case .datetime: return .extension(.datetime(try DateTimeValue(parsing: text)))
            }
        } catch {
            throw badText(text, type, error)
        }
    }

    /// The message of the parser holds the whole text, which has no limit here.
    private func badText(
        _ text: String, _ type: ExtensionType, _ cause: ExtensionParseError
    ) -> TypedInputError {
        guard text.utf8.count > 64 else { return error(.badText, cause.message) }
        return error(
            .badText,
            "`\(Shown.text(text))` is not a \(type.rawValue): send text of that form")
    }

    /// A call in the JSON format of Cedar, whatever the function, as long as the type is right.
    private func escaped(_ json: JSON, _ type: ExtensionType) throws(TypedInputError) -> Value {
        let value: Value
        do throws(JSONShapeError) {
            value = try Value(json: json)
        } catch {
            throw self.error(.badText, Shown.text(error.description, limit: 256))
        }
        let isExpected =
            switch (value, type) {
            case (.extension(.decimal), .decimal), (.extension(.ip), .ipaddr),
                (.extension(.datetime), .datetime), (.extension(.duration), .duration):
                true
            default: false
            }
        guard isExpected else {
            throw error(
                .wrongType, "expected a call that makes a \(type.rawValue), found \(value.type)")
        }
        return value
    }

    // MARK: decimals

    func decimal(_ number: JSONNumber) throws(TypedInputError) -> DecimalValue {
        switch ExactDecimal(number.text).tenThousandths {
        case .value(let value): return DecimalValue(tenThousandths: value)
        case .tooPrecise:
            throw error(
                .notExact,
                "`\(Shown.text(number.text))` has more than 4 digits after the point: "
                    + "send fewer, nothing is rounded")
        case .tooLarge:
            throw error(
                .notExact,
                "`\(Shown.text(number.text))` is out of range: send a decimal between "
                    + "-922337203685477.5808 and 922337203685477.5807")
        }
    }

    // MARK: instants

    func datetime(_ text: String) throws(TypedInputError) -> DateTimeValue {
        switch InternetTime.cedarText(of: text) {
        case .cedar(let normal):
            do throws(ExtensionParseError) {
                return try DateTimeValue(parsing: normal)
            } catch {
                throw self.error(
                    .badText,
                    "`\(Shown.text(text))` is not a datetime: there is no such day, time or offset")
            }
        case .tooPrecise:
            throw error(
                .notExact,
                "`\(Shown.text(text))` is finer than milliseconds: send at most 3 digits of a "
                    + "second, nothing is rounded")
        case .otherForm:
            do throws(ExtensionParseError) {
                return try DateTimeValue(parsing: text)
            } catch {
                throw badText(text, .datetime, error)
            }
        }
    }
}

/// The exact value of a JSON number: digits × 10^exponent, without zeros at either end.
struct ExactDecimal {
    enum Scaled: Equatable {
        case value(Int64)
        case tooPrecise
        case tooLarge
    }

    private var isNegative = false
    private var digits: [UInt8] = []
    private var exponent = 0

    /// Reads the text of a JSON number in linear time.
    init(_ text: String) {
        var isFraction = false
        var isInExponent = false
        var isExponentNegative = false
        var written = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let digit = byte & 0x0F
                if isInExponent {
                    // Saturates: such numbers are zero or refused.
                    written = min(written * 10 + Int(digit), 1_000_000)
                } else {
                    if isFraction { exponent -= 1 }
                    if digit != 0 || !digits.isEmpty { digits.append(digit) }
                }
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"): isInExponent = true
            case UInt8(ascii: "-"):
                if isInExponent { isExponentNegative = true } else { isNegative = true }
            default: break
            }
        }
        exponent += isExponentNegative ? -written : written
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
    }

    /// The value times 10,000, if that is an integer of 64 bits.
    var tenThousandths: Scaled {
        guard !digits.isEmpty else { return .value(0) }
        guard exponent >= -4 else { return .tooPrecise }
        guard digits.count + exponent + 4 <= 19 else { return .tooLarge }
        var magnitude: UInt64 = 0
        // 19 digits always fit into 64 unsigned bits.
        for digit in digits { magnitude = magnitude * 10 + UInt64(digit) }
        for _ in 0..<(exponent + 4) { magnitude *= 10 }
        if isNegative {
            guard magnitude <= Int64.min.magnitude else { return .tooLarge }
            return .value(Int64(truncatingIfNeeded: 0 &- magnitude))
        }
        return Int64(exactly: magnitude).map(Scaled.value) ?? .tooLarge
    }
}

/// Timestamps of the Internet (RFC 3339 §5.6), as JSON Schema's `date-time` wants them.
enum InternetTime {
    enum Reading: Equatable {
        /// The same instant as Cedar writes it, if it is one.
        case cedar(String)
        /// A part of a millisecond would be lost.
        case tooPrecise
        /// Something else, such as Cedar's own form.
        case otherForm
    }

    private static let dateAndTime = Array("0000-00-00T00:00:00".utf8)
    private static let offset = Array("+00:00".utf8)

    /// Longer text is no timestamp; it would only be zeros.
    private static let longest = 64

    static func cedarText(of text: String) -> Reading {
        let bytes = Array(text.utf8)
        guard (dateAndTime.count + 1...longest).contains(bytes.count) else { return .otherForm }
        let start = bytes.prefix(dateAndTime.count)
        guard matches(start, dateAndTime) else { return .otherForm }
        var rest = bytes.dropFirst(start.count)
        var milliseconds: [UInt8] = []
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { isDigit($0) }
            guard !digits.isEmpty else { return .otherForm }
            rest = rest.dropFirst(digits.count + 1)
            milliseconds = Array(digits.prefix(3))
            while milliseconds.count < 3 { milliseconds.append(UInt8(ascii: "0")) }
            guard digits.dropFirst(3).allSatisfy({ $0 == UInt8(ascii: "0") }) else {
                return isZone(rest) ? .tooPrecise : .otherForm
            }
        }
        guard isZone(rest) else { return .otherForm }
        var normal = Array(start)
        normal[10] = UInt8(ascii: "T")
        if !milliseconds.isEmpty { normal += [UInt8(ascii: ".")] + milliseconds }
        normal += rest.count == 1 ? [UInt8(ascii: "Z")] : rest.filter { $0 != UInt8(ascii: ":") }
        return .cedar(String(decoding: normal, as: UTF8.self))
    }

    private static func isZone(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.count == 1 {
            return bytes.first == UInt8(ascii: "Z") || bytes.first == UInt8(ascii: "z")
        }
        return matches(bytes, offset)
    }

    /// Whether the bytes have that form: digits for zeros, either case, either sign.
    private static func matches(_ bytes: ArraySlice<UInt8>, _ form: [UInt8]) -> Bool {
        bytes.count == form.count
            && zip(bytes, form).allSatisfy { byte, wanted in
                switch wanted {
                case UInt8(ascii: "0"): isDigit(byte)
                case UInt8(ascii: "T"): byte | 0x20 == UInt8(ascii: "t")
                case UInt8(ascii: "+"): byte == wanted || byte == UInt8(ascii: "-")
                default: byte == wanted
                }
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
