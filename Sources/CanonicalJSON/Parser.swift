// SPDX-License-Identifier: Apache-2.0

/// A recursive-descent parser over bytes that someone else keeps alive.
///
/// Strict RFC 8259: no comments, trailing commas, leading zeros or other liberties. It reads the
/// text once; line and column are only computed for a failure.
struct Parser: ~Copyable {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    /// Whether only the form of RFC 8785 is accepted.
    let isCanonical: Bool
    /// The next byte to be read.
    var at = 0
    private var valueCount = 0
    /// Whether the string that was read last had escapes, so that its bytes differ from the text.
    var hadEscapes = false
    /// The elements of all arrays that are open, the innermost on top.
    private var elements = MoveStack<JSON>()
    /// The members of all objects that are open, and where their names stand.
    var members = MoveStack<JSONObject.Member>()
    var names = MoveStack<MemberName>()

    init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits, isCanonical: Bool) {
        self.bytes = bytes
        self.limits = limits
        self.isCanonical = isCanonical
    }

    /// Reads the whole document.
    mutating func parseDocument() throws(Fault) -> JSON {
        guard bytes.count <= limits.maximumBytes else {
            throw fault(
                .tooLarge, at: limits.maximumBytes,
                "the document has \(bytes.count) bytes: send at most \(limits.maximumBytes)")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw fault(.byteOrderMark, at: 0, "byte order mark: remove the first three bytes")
        }
        if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
            throw fault(.invalidUTF8, at: 0, "the text is UTF-16: send it as UTF-8")
        }
        try skipWhitespace()
        let value = try parseValue(depth: 0)
        try skipWhitespace()
        guard at == bytes.count else {
            throw fault(
                .trailingContent, at: at,
                "\(found(at)) after the end of the document: remove what follows it")
        }
        return value
    }

    /// Reads one value; `depth` counts the arrays and objects around it.
    mutating func parseValue(depth: Int) throws(Fault) -> JSON {
        valueCount += 1
        guard valueCount <= limits.maximumValues else {
            throw fault(
                .tooManyValues, at: at,
                "too many values: send at most \(limits.maximumValues) in one document")
        }
        switch peek() {
        case UInt8(ascii: "\""):
            at += 1
            return .string(try parseString())
        case UInt8(ascii: "{"): return try parseObject(depth: try deeper(depth))
        case UInt8(ascii: "["): return try parseArray(depth: try deeper(depth))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try parseNumber())
        case UInt8(ascii: "t"):
            try parseLiteral("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try parseLiteral("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try parseLiteral("null")
            return .null
        default: throw unexpected("a value")
        }
    }

    private func deeper(_ depth: Int) throws(Fault) -> Int {
        guard depth < limits.maximumDepth else {
            throw fault(
                .tooDeep, at: at,
                "nested too deeply: send at most \(limits.maximumDepth) arrays and objects "
                    + "inside each other"
            )
        }
        return depth + 1
    }

    private mutating func parseArray(depth: Int) throws(Fault) -> JSON {
        at += 1
        try skipWhitespace()
        if peek() == UInt8(ascii: "]") {
            at += 1
            return .array([])
        }
        let first = elements.count
        while true {
            elements.push(try parseValue(depth: depth))
            try skipWhitespace()
            switch peek() {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "]"):
                at += 1
                return .array(elements.moveTop(from: first))
            default: throw unexpected("`,` or `]` after an element")
            }
            try skipWhitespace()
        }
    }

    private mutating func parseLiteral(_ literal: StaticString) throws(Fault) {
        let start = at
        for index in 0..<literal.utf8CodeUnitCount {
            guard peek() == literal.utf8Start[index] else {
                if at == bytes.count { throw unexpected("`\(literal)`") }
                throw fault(
                    .unexpectedCharacter, at: start, "expected a value: did you mean `\(literal)`?")
            }
            at += 1
        }
    }
}

// MARK: - Between values

extension Parser {
    /// The next byte, or 0 at the end; no rule accepts 0.
    func peek() -> UInt8 { at < bytes.count ? bytes[at] : 0 }

    @inline(__always)
    mutating func skipWhitespace() throws(Fault) {
        if at < bytes.count, bytes[at] <= 0x20 { try skipWhitespaceSlowly() }
    }

    @inline(never)
    private mutating func skipWhitespaceSlowly() throws(Fault) {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09:
                guard !isCanonical else {
                    throw fault(.notCanonical, at: at, "white space between values: remove it")
                }
                at += 1
            default: return
            }
        }
    }

    @inline(never)
    func fault(_ code: JSONParseError.Code, at offset: Int, _ message: String) -> Fault {
        Fault(code: code, offset: offset, message: message)
    }

    /// The failure that something else stands where `expected` should.
    @inline(never)
    func unexpected(_ expected: String) -> Fault {
        guard at < bytes.count else {
            return fault(
                .unexpectedEnd, at: at,
                bytes.isEmpty
                    ? "expected \(expected): the text is empty"
                    : "expected \(expected): the text ends here, send all of it")
        }
        let hint: String
        switch bytes[at] {
        case UInt8(ascii: "'"): hint = ", use double quotes"
        case UInt8(ascii: "/"), UInt8(ascii: "#"): hint = ", remove comments"
        case UInt8(ascii: "]"), UInt8(ascii: "}"): hint = ", is there a comma too many?"
        default: hint = ""
        }
        return fault(
            .unexpectedCharacter, at: at, "expected \(expected): found \(found(at))\(hint)")
    }

    /// The byte at `offset` for a message.
    func found(_ offset: Int) -> String {
        let byte = bytes[offset]
        if byte > 0x20, byte < 0x7F { return quoted(String(Unicode.Scalar(byte))) }
        let hex = String(byte, radix: 16, uppercase: true)
        return "byte 0x\(hex.count == 1 ? "0" : "")\(hex)"
    }
}
