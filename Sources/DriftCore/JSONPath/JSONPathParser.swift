// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Reads JSONPath by the grammar of RFC 9535, appendix A.
struct JSONPathParser {
    /// What is wrong, and before which byte.
    struct Failure: Error {
        let offset: Int
        let message: String
    }

    let bytes: [UInt8]
    var at = 0
    var nesting = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func parseWhole() throws(Failure) -> JSONPathQuery {
        guard take("$") else { throw failure("start with `$`") }
        let segments = try parseSegments()
        guard at == bytes.count else {
            throw failure("expected `.`, `..` or `[`, or the end")
        }
        return JSONPathQuery(isRelative: false, segments: segments)
    }

    /// Space before a segment belongs to the query only if a segment follows.
    mutating func parseSegments() throws(Failure) -> [JSONPathQuery.Segment] {
        var segments: [JSONPathQuery.Segment] = []
        while true {
            let end = at
            skipSpace()
            switch peek {
            case UInt8(ascii: "["):
                segments.append(try parseBrackets(isDescendant: false))
            case UInt8(ascii: "."):
                at += 1
                segments.append(try parseDotted())
            default:
                at = end
                return segments
            }
        }
    }

    /// What follows the first `.`.
    private mutating func parseDotted() throws(Failure) -> JSONPathQuery.Segment {
        let isDescendant = take(".")
        if isDescendant, peek == UInt8(ascii: "[") {
            return try parseBrackets(isDescendant: true)
        }
        return JSONPathQuery.Segment(
            isDescendant: isDescendant,
            selectors: [take("*") ? .wildcard : .name(try parseShorthand())], hasSpace: false)
    }

    private mutating func parseShorthand() throws(Failure) -> String {
        let start = at
        while let byte = peek, Self.isNameByte(byte, isFirst: at == start) { at += 1 }
        guard at > start else {
            throw failure("expected a name of letters, digits and `_`; write others as `['…']`")
        }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8, isFirst: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"), 0x80...:
            true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !isFirst
        default: false
        }
    }

    private mutating func parseBrackets(
        isDescendant: Bool
    ) throws(Failure) -> JSONPathQuery.Segment {
        at += 1
        var selectors: [JSONPathQuery.Selector] = []
        var hasSpace = false
        repeat {
            hasSpace = skipSpace() || hasSpace
            selectors.append(try parseSelector())
            hasSpace = skipSpace() || hasSpace
        } while take(",")
        guard take("]") else { throw failure("expected `,` or `]`") }
        return JSONPathQuery.Segment(
            isDescendant: isDescendant, selectors: selectors, hasSpace: hasSpace)
    }

    private mutating func parseSelector() throws(Failure) -> JSONPathQuery.Selector {
        switch peek {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .name(try parseString())
        case UInt8(ascii: "*"):
            at += 1
            return .wildcard
        case UInt8(ascii: "?"):
            at += 1
            skipSpace()
            return .filter(try nested { parser throws(Failure) in try parser.parseFilter() })
        case UInt8(ascii: ":"), UInt8(ascii: "-"),
            .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
            return try parseNumbers()
        default:
            throw failure("expected a name in quotes, a number, a slice, `*` or `?`")
        }
    }

    private mutating func parseNumbers() throws(Failure) -> JSONPathQuery.Selector {
        let start = try parseInteger()
        let end = at
        skipSpace()
        guard take(":") else {
            at = end
            guard let start else { throw failure("expected a number") }
            return .index(start)
        }
        skipSpace()
        let stop = try parseInteger()
        let stopEnd = at
        skipSpace()
        guard take(":") else {
            at = stopEnd
            return .slice(start: start, end: stop, step: 1)
        }
        let stepStart = at
        skipSpace()
        let step = try parseInteger()
        if step == nil { at = stepStart }
        return .slice(start: start, end: stop, step: step ?? 1)
    }

    /// An integer that doubles hold exactly (§2.1), or `nil` where none begins.
    private mutating func parseInteger() throws(Failure) -> Int? {
        let start = at
        let isNegative = take("-")
        let digits = at
        while let byte = peek, Self.isDigit(byte) { at += 1 }
        if at == start { return nil }
        let isZero = at == digits + 1 && bytes[digits] == UInt8(ascii: "0")
        guard at > digits, bytes[digits] != UInt8(ascii: "0") || (isZero && !isNegative) else {
            at = start
            throw failure("expected an integer without leading zeros, and not `-0`")
        }
        guard at - digits <= 16,
            let value = Int(String(decoding: bytes[start..<at], as: UTF8.self)),
            value.magnitude < 1 << 53
        else {
            at = start
            throw failure("use an integer between -(2^53 - 1) and 2^53 - 1")
        }
        return value
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    // MARK: Reading

    var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func take(_ text: StaticString) -> Bool {
        guard isNext(text) else { return false }
        at += text.utf8CodeUnitCount
        return true
    }

    func isNext(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[at...].starts(with: $0) }
    }

    /// Skips space, and says whether there was any.
    @discardableResult mutating func skipSpace() -> Bool {
        let start = at
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            at += 1
        }
        return at > start
    }

    /// Counts what is inside each other, as reading and evaluation recurse.
    mutating func nested<Result>(
        _ body: (inout JSONPathParser) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard nesting < JSONPath.maximumNesting else {
            throw failure(
                "use at most \(JSONPath.maximumNesting) filters and parentheses inside each other")
        }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    func failure(_ message: String) -> Failure { Failure(offset: at, message: message) }
}
