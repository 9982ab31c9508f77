// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// Reads a JSON document, strictly by RFC 8259, with the restrictions of I-JSON (RFC 7493).
    ///
    /// Refused are, besides everything that is not JSON: the same member twice (names compared as
    /// bytes after undoing escapes), lone surrogates, bytes that are not UTF-8, a byte order mark,
    /// numbers beyond the range of doubles or that only zero could represent, and whatever exceeds
    /// `limits`. Numbers are kept as written and never rounded.
    /// - Parameters:
    ///   - bytes: the document in UTF-8.
    ///   - limits: how much to accept; by default 1 MiB and 64 levels.
    /// - Throws: ``JSONParseError`` with the place of the first problem.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .default) throws(JSONParseError) {
        self = try Self.parse(bytes, limits: limits, isCanonical: false)
    }

    /// Reads a JSON document from a string, like ``init(parsing:limits:)-([UInt8],_)``.
    /// - Parameters:
    ///   - text: the document.
    ///   - limits: how much to accept; by default 1 MiB and 64 levels.
    /// - Throws: ``JSONParseError`` with the place of the first problem.
    public init(parsing text: String, limits: JSONLimits = .default) throws(JSONParseError) {
        self = try Self.parse(Array(text.utf8), limits: limits, isCanonical: false)
    }

    /// Reads a document that has to be in canonical form (RFC 8785), byte for byte.
    ///
    /// Whatever it accepts, ``canonicalBytes(numbers:)`` writes again as exactly the same bytes.
    /// - Parameters:
    ///   - bytes: the document in UTF-8.
    ///   - limits: how much to accept; by default 1 MiB and 64 levels.
    /// - Throws: ``JSONParseError`` with the place of the first problem.
    public init(canonical bytes: [UInt8], limits: JSONLimits = .default) throws(JSONParseError) {
        self = try Self.parse(bytes, limits: limits, isCanonical: true)
    }

    private static func parse(
        _ bytes: [UInt8], limits: JSONLimits, isCanonical: Bool
    ) throws(JSONParseError) -> JSON {
        try bytes.withUnsafeBufferPointer { buffer throws(JSONParseError) in
            try parse(buffer, limits: limits, isCanonical: isCanonical)
        }
    }

    private static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits, isCanonical: Bool
    ) throws(JSONParseError) -> JSON {
        var parser = Parser(bytes, limits: limits, isCanonical: isCanonical)
        do {
            return try parser.parseDocument()
        } catch {
            throw error.located(in: bytes)
        }
    }
}
