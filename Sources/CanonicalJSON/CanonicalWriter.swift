// SPDX-License-Identifier: Apache-2.0

/// Writes canonical JSON (RFC 8785) directly, without building a value first.
///
/// For hot paths such as ledger entries. The caller keeps to the order of members and to the
/// nesting; a mistake there is one of the program and stops it, in release builds too, because the
/// bytes are going to be hashed and signed. What it writes equals ``JSON/canonicalBytes(numbers:)``
/// of the same value.
public struct CanonicalWriter: Sendable {
    /// The largest magnitude of an integer: 2^53 − 1 (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
    public static let largestInteger: Int64 = 9_007_199_254_740_991

    private enum Place: Equatable {
        case start, end
        case element(isFirst: Bool)
        case key(isFirst: Bool)
        case value
    }

    private var buffer: [UInt8] = []
    private var place = Place.start
    /// The last name of every open object, `nil` for an array and an object without any yet.
    private var lastKeys: [String?] = []
    /// Whether each open container is an object.
    private var isObject: [Bool] = []

    /// Creates a writer with room for `capacity` bytes; more are made when needed.
    public init(capacity: Int = 256) { buffer.reserveCapacity(capacity) }

    /// The document, which has to be complete.
    public var bytes: [UInt8] {
        precondition(place == .end, "the document is not complete")
        return buffer
    }

    /// Begins an object.
    public mutating func beginObject() {
        open(UInt8(ascii: "{"), isObject: true)
        place = .key(isFirst: true)
    }

    /// Ends the object that was begun last.
    public mutating func endObject() {
        guard case .key = place else { preconditionFailure("no object is waiting for its end") }
        close(UInt8(ascii: "}"))
    }

    /// Begins an array.
    public mutating func beginArray() {
        open(UInt8(ascii: "["), isObject: false)
        place = .element(isFirst: true)
    }

    /// Ends the array that was begun last.
    public mutating func endArray() {
        guard case .element = place else { preconditionFailure("no array is waiting for its end") }
        close(UInt8(ascii: "]"))
    }

    /// Writes a member's name, which must sort behind the one before it (by UTF-16 code units).
    public mutating func key(_ name: String) {
        guard case .key(let isFirst) = place, let last = lastKeys.last else {
            preconditionFailure("a member name is only allowed in an object")
        }
        if let last {
            precondition(
                UTF8Bytes.precedesInUTF16(last, name),
                "member names must be written in ascending order")
        }
        lastKeys[lastKeys.count - 1] = name
        if !isFirst { buffer.append(UInt8(ascii: ",")) }
        CanonicalForm.append(name, to: &buffer)
        buffer.append(UInt8(ascii: ":"))
        place = .value
    }

    /// Writes a string.
    public mutating func string(_ value: String) {
        beginValue()
        CanonicalForm.append(value, to: &buffer)
        endValue()
    }

    /// Writes a string that another function spells, byte by byte, without a `String` between.
    ///
    /// For hashes and instants. The bytes must be printable ASCII without `"` and `\`, so that
    /// none needs an escape; anything else is a mistake of the program and stops it.
    public mutating func plainString(_ append: (inout [UInt8]) -> Void) {
        beginValue()
        buffer.append(UInt8(ascii: "\""))
        let start = buffer.count
        append(&buffer)
        for byte in buffer[start...] {
            precondition(
                byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"")
                    && byte != UInt8(ascii: "\\"), "a plain string needs no escapes")
        }
        buffer.append(UInt8(ascii: "\""))
        endValue()
    }

    /// Writes any value.
    /// - Throws: ``CanonicalizationError`` where it has no canonical form.
    public mutating func value(_ json: JSON) throws(CanonicalizationError) {
        beginValue()
        try CanonicalForm.append(json, numbers: .exact, depth: lastKeys.count, to: &buffer)
        endValue()
    }

    /// Writes an integer, of a magnitude of at most ``largestInteger``.
    public mutating func int(_ value: Int64) {
        precondition(
            value.magnitude <= Self.largestInteger.magnitude,
            "integers beyond 2^53 - 1 have to be written as strings")
        beginValue()
        buffer += String(value).utf8
        endValue()
    }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) {
        beginValue()
        buffer += (value ? "true" : "false").utf8
        endValue()
    }

    /// Writes `null`.
    public mutating func null() {
        beginValue()
        buffer += "null".utf8
        endValue()
    }

    /// Writes one value that is canonical already, which only debug builds check.
    public mutating func raw(_ canonical: [UInt8]) {
        assert((try? JSON(canonical: canonical, limits: .files)) != nil, "not canonical JSON")
        precondition(!canonical.isEmpty, "a value has at least one byte")
        beginValue()
        buffer += canonical
        endValue()
    }

    private mutating func beginValue() {
        switch place {
        case .start, .value, .element(isFirst: true): break
        case .element(isFirst: false): buffer.append(UInt8(ascii: ","))
        case .key: preconditionFailure("a member needs a name before its value")
        case .end: preconditionFailure("the document is complete")
        }
    }

    private mutating func endValue() {
        switch isObject.last {
        case true?: place = .key(isFirst: false)
        case false?: place = .element(isFirst: false)
        case nil: place = .end
        }
    }

    private mutating func open(_ bracket: UInt8, isObject: Bool) {
        precondition(lastKeys.count < JSONLimits.deepestAllowed, "nested too deeply")
        beginValue()
        buffer.append(bracket)
        lastKeys.append(nil)
        self.isObject.append(isObject)
    }

    private mutating func close(_ bracket: UInt8) {
        buffer.append(bracket)
        lastKeys.removeLast()
        isObject.removeLast()
        endValue()
    }
}
