// SPDX-License-Identifier: Apache-2.0

/// As much of CBOR (RFC 8949) as authenticators need: no tags and no floats.
enum CBOR: Sendable, Hashable {
    /// A number from zero up.
    case unsigned(UInt64)
    /// The number −1 − n.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    case map([Member])
    case bool(Bool)
    case null

    /// One member of a map, whose key is a number, bytes or a text.
    struct Member: Sendable, Hashable {
        let key: CBOR
        let value: CBOR
    }

    /// The number, if this is one within the range of `Int`.
    var integer: Int? {
        switch self {
        case .unsigned(let value): Int(exactly: value)
        case .negative(let value): Int(exactly: value).map { -1 - $0 }
        default: nil
        }
    }

    /// The bytes, if this is a byte string.
    var byteString: [UInt8]? {
        if case .bytes(let value) = self { value } else { nil }
    }

    /// Whether this is a text of exactly these bytes.
    func isText(_ expected: String) -> Bool {
        if case .text(let value) = self { value.utf8.elementsEqual(expected.utf8) } else { false }
    }
}

/// Reads CBOR items one after another.
///
/// Only definite lengths, numbers and lengths in their shortest form, maps without the same key
/// twice. With `isOrdered` the keys of maps have to be in the order of the CTAP2 canonical form
/// (CTAP 2.1 §8), so that each value has one spelling.
struct CBORReader {
    private let bytes: [UInt8]
    private let isOrdered: Bool
    /// The number of bytes before the next item.
    private(set) var offset: Int

    init(_ bytes: [UInt8], at offset: Int, isOrdered: Bool) throws(WebAuthnError) {
        guard bytes.count - offset <= WebAuthnLimits.cborBytes else {
            throw WebAuthnError(
                .cborTooLarge,
                "\(bytes.count) bytes of CBOR: at most \(WebAuthnLimits.cborBytes) are read")
        }
        self.bytes = bytes
        self.offset = offset
        self.isOrdered = isOrdered
    }

    /// Reads bytes that have to be exactly one item.
    static func item(_ bytes: [UInt8], isOrdered: Bool) throws(WebAuthnError) -> CBOR {
        var reader = try CBORReader(bytes, at: 0, isOrdered: isOrdered)
        let item = try reader.item()
        guard reader.offset == bytes.count else {
            throw WebAuthnError(
                .cborTrailingBytes,
                "\(bytes.count - reader.offset) bytes follow the CBOR: send nothing after it")
        }
        return item
    }

    /// Reads the next item with all that is in it.
    mutating func item() throws(WebAuthnError) -> CBOR { try item(depth: 0) }

    private mutating func item(depth: Int) throws(WebAuthnError) -> CBOR {
        let start = offset
        guard let first = try take(1).first else { throw truncated }
        let (major, info) = (first >> 5, first & 31)
        if major == 7 { return try simple(info, at: start) }
        guard info != 31 else {
            throw error(.cborIndefiniteLength, at: start, "an item of indefinite length")
        }
        let value = try argument(info, at: start)
        switch major {
        case 0: return .unsigned(value)
        case 1: return .negative(value)
        case 2: return .bytes(try string(value))
        case 3:
            guard let text = String(validating: try string(value), as: UTF8.self) else {
                throw error(.cborInvalidText, at: start, "a text that is not UTF-8")
            }
            return .text(text)
        case 4:
            let count = try self.count(value, itemsEach: 1, depth: depth, at: start)
            var elements: [CBOR] = []
            for _ in 0..<count { elements.append(try item(depth: depth + 1)) }
            return .array(elements)
        case 5:
            let count = try self.count(value, itemsEach: 2, depth: depth, at: start)
            return .map(try members(count, depth: depth + 1))
        default: throw error(.cborUnsupported, at: start, "a tag")
        }
    }

    private mutating func members(_ count: Int, depth: Int) throws(WebAuthnError) -> [CBOR.Member] {
        var members: [CBOR.Member] = []
        var keys: Set<[UInt8]> = []
        var last: [UInt8] = []
        for _ in 0..<count {
            let start = offset
            let key = try item(depth: depth)
            switch key {
            case .unsigned, .negative, .bytes, .text: break
            default: throw error(.cborUnsupported, at: start, "a key that is not a number or text")
            }
            // Each key has one spelling, so that equal keys are equal bytes.
            let spelling = Array(bytes[start..<offset])
            guard keys.insert(spelling).inserted else {
                throw error(.cborDuplicateKey, at: start, "the same key twice in one map")
            }
            if isOrdered, !last.isEmpty, !Self.precedes(last, spelling) {
                throw error(.cborNotCanonical, at: start, "a key that is not in order")
            }
            last = spelling
            members.append(CBOR.Member(key: key, value: try item(depth: depth)))
        }
        return members
    }

    /// Whether one key stands before another: by type, then the shorter one, then by bytes.
    private static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        if left[0] >> 5 != right[0] >> 5 { return left[0] >> 5 < right[0] >> 5 }
        if left.count != right.count { return left.count < right.count }
        return left.lexicographicallyPrecedes(right)
    }

    private mutating func simple(_ info: UInt8, at start: Int) throws(WebAuthnError) -> CBOR {
        switch info {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22: return .null
        case 31: throw error(.cborIndefiniteLength, at: start, "the end of an indefinite length")
        default: throw error(.cborUnsupported, at: start, "a float or simple value")
        }
    }

    /// Reads the number that follows the first byte of an item.
    private mutating func argument(
        _ info: UInt8, at start: Int
    ) throws(WebAuthnError) -> UInt64 {
        guard info >= 24 else { return UInt64(info) }
        guard info <= 27 else { throw error(.cborUnsupported, at: start, "a reserved length") }
        let size = 1 << Int(info - 24)
        let value = try take(size).reduce(0) { $0 << 8 | UInt64($1) }
        // What fits into half as many bytes, or into the first one, has a shorter form.
        let least: UInt64 = size == 1 ? 24 : 1 << UInt64(size * 4)
        guard value >= least else {
            throw error(.cborNotCanonical, at: start, "a number that is not in its shortest form")
        }
        return value
    }

    private mutating func string(_ count: UInt64) throws(WebAuthnError) -> [UInt8] {
        guard let count = Int(exactly: count) else { throw truncated }
        return Array(try take(count))
    }

    /// How many items follow; each of them needs at least one byte.
    private func count(
        _ value: UInt64, itemsEach: Int, depth: Int, at start: Int
    ) throws(WebAuthnError) -> Int {
        guard depth < WebAuthnLimits.cborDepth else {
            throw error(
                .cborTooDeep, at: start, "more than \(WebAuthnLimits.cborDepth) levels of nesting")
        }
        guard let count = Int(exactly: value), count <= (bytes.count - offset) / itemsEach else {
            throw truncated
        }
        return count
    }

    private mutating func take(_ count: Int) throws(WebAuthnError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - offset else { throw truncated }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    private var truncated: WebAuthnError {
        error(.cborTruncated, at: bytes.count, "the end of the bytes within an item")
    }

    private func error(
        _ code: WebAuthnError.Code, at offset: Int, _ what: String
    ) -> WebAuthnError {
        WebAuthnError(
            code, "cannot read CBOR at byte \(offset): \(what), use another authenticator")
    }
}
