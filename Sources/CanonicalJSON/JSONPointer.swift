// SPDX-License-Identifier: Apache-2.0

/// A path to one value inside a JSON document: JSON Pointer (RFC 6901), in its string form.
public struct JSONPointer: Sendable, CustomStringConvertible {
    /// The most bytes of a pointer's text.
    public static let maximumBytes = 16_384

    /// The steps from the root, unescaped; none for the root itself.
    public var tokens: [String]

    /// Creates a pointer from unescaped steps.
    public init(tokens: [String]) { self.tokens = tokens }

    /// Reads the text of a pointer: empty for the root, else `/` before each step, with `~0` for
    /// `~` and `~1` for `/`.
    /// - Parameter text: at most ``maximumBytes`` bytes.
    /// - Throws: ``JSONPointerError`` when it does not have this form.
    public init(parsing text: String) throws(JSONPointerError) {
        guard text.utf8.count <= Self.maximumBytes else {
            throw JSONPointerError(
                description: "pointer of \(text.utf8.count) bytes: "
                    + "use at most \(Self.maximumBytes)")
        }
        tokens = []
        guard let first = text.utf8.first else { return }
        guard first == UInt8(ascii: "/") else {
            throw JSONPointerError(
                description: "pointer \(quoted(text)): start it with `/`, or leave it empty")
        }
        for part in text.utf8.dropFirst()
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            tokens.append(try Self.unescape(part, in: text))
        }
    }

    /// The text of the pointer.
    public var description: String { tokens.map { "/\(Self.escape($0))" }.joined() }

    /// A pointer one step further, to a member or (as a decimal number) an element.
    public func appending(_ token: String) -> JSONPointer { JSONPointer(tokens: tokens + [token]) }

    /// Follows the pointer from `root`; `nil` if a step leads nowhere.
    ///
    /// An element is named by digits without leading zeros; `-` (behind the last one) leads
    /// nowhere. Names are compared by bytes.
    public func resolve(in root: JSON) -> JSON? {
        var value = root
        for token in tokens {
            switch value {
            case .object(let object):
                guard let member = object[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Self.index(token), index < elements.count else { return nil }
                value = elements[index]
            case .null, .bool, .number, .string:
                return nil
            }
        }
        return value
    }

    /// The array index that `token` denotes (RFC 6901 §4), or `nil` if it is none.
    public static func index(_ token: String) -> Int? {
        let digits = token.utf8
        guard digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            digits.first != UInt8(ascii: "0") || digits.count == 1
        else { return nil }
        return Int(token)
    }

    /// Writes one step so that it can stand in a pointer's text.
    public static func escape(_ token: String) -> String {
        var bytes: [UInt8] = []
        for byte in token.utf8 {
            switch byte {
            case UInt8(ascii: "~"): bytes += "~0".utf8
            case UInt8(ascii: "/"): bytes += "~1".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func unescape(
        _ part: Substring.UTF8View.SubSequence, in text: String
    ) throws(JSONPointerError) -> String {
        var bytes: [UInt8] = []
        var isEscape = false
        for byte in part {
            switch (isEscape, byte) {
            case (true, UInt8(ascii: "0")): bytes.append(UInt8(ascii: "~"))
            case (true, UInt8(ascii: "1")): bytes.append(UInt8(ascii: "/"))
            case (true, _): throw invalidEscape(in: text)
            case (false, UInt8(ascii: "~")): break
            case (false, _): bytes.append(byte)
            }
            isEscape = !isEscape && byte == UInt8(ascii: "~")
        }
        guard !isEscape else { throw invalidEscape(in: text) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func invalidEscape(in text: String) -> JSONPointerError {
        JSONPointerError(
            description: "pointer \(quoted(text)): write `~0` for `~` and `~1` for `/`")
    }
}

extension JSONPointer: Hashable {
    /// Whether both pointers have the same steps, compared by bytes.
    public static func == (left: JSONPointer, right: JSONPointer) -> Bool {
        left.tokens.elementsEqual(right.tokens, by: UTF8Bytes.areEqual)
    }

    /// Feeds the steps to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(tokens.count)
        for token in tokens { UTF8Bytes.hash(token, into: &hasher) }
    }
}

/// Why a text is not a JSON Pointer.
public struct JSONPointerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what to do, in one line.
    public let description: String
}

extension JSON {
    /// The value that `pointer` leads to from here, or `nil`.
    public subscript(_ pointer: JSONPointer) -> JSON? { pointer.resolve(in: self) }
}
