// SPDX-License-Identifier: Apache-2.0

/// Reads the members of an object strictly: each has its type, and none is left over.
///
/// Ask for every member that the format knows, then call ``finish()``, which refuses what was not
/// asked for. A member that is `null` counts as absent for the `optional…` methods, and as the
/// wrong type for the others. Names are compared by bytes.
public struct JSONReader: Sendable {
    /// Where the object is in its document, such as `operation.resource`; empty for the root.
    public let path: String

    private let object: JSONObject
    /// For each member whether it has been asked for.
    private var isConsumed: [Bool]

    /// Starts reading `json`, which has to be an object.
    /// - Parameters:
    ///   - json: the object.
    ///   - path: where it is in its document, for messages.
    /// - Throws: ``JSONShapeError`` when it is not an object.
    public init(_ json: JSON, path: String = "") throws(JSONShapeError) {
        guard case .object(let object) = json else {
            throw JSONShapeError(path: path, message: "expected an object, found \(json.kind)")
        }
        self.path = path
        self.object = object
        isConsumed = Array(repeating: false, count: object.count)
    }

    /// Refuses members that were not asked for, naming the first.
    /// - Throws: ``JSONShapeError``.
    public func finish() throws(JSONShapeError) {
        guard let index = isConsumed.firstIndex(of: false) else { return }
        throw error(object[index].key, "unknown member, remove it")
    }

    /// The value of a member, whatever it is.
    /// - Throws: ``JSONShapeError`` when it is missing.
    public mutating func value(_ key: String) throws(JSONShapeError) -> JSON {
        guard let value = optionalValue(key) else { throw error(key, "missing, add it") }
        return value
    }

    /// The value of a member, whatever it is (`null` too), or `nil` when it is absent.
    public mutating func optionalValue(_ key: String) -> JSON? {
        let (index, found) = object.position(of: key)
        guard found else { return nil }
        isConsumed[index] = true
        return object[index].value
    }

    /// The text of a member.
    /// - Throws: ``JSONShapeError`` when it is missing or not a string.
    public mutating func string(_ key: String) throws(JSONShapeError) -> String {
        try required(key, try optionalString(key), "a string")
    }

    /// The text of a member, or `nil` when it is absent or `null`.
    /// - Throws: ``JSONShapeError`` when it is something else than a string.
    public mutating func optionalString(_ key: String) throws(JSONShapeError) -> String? {
        guard let value = present(key) else { return nil }
        guard case .string(let text) = value else { throw wrong(key, "a string", value) }
        return text
    }

    /// The integer of a member, of a magnitude of at most 2^53 − 1.
    /// - Throws: ``JSONShapeError`` when it is missing or not such an integer.
    public mutating func int(_ key: String) throws(JSONShapeError) -> Int64 {
        try required(key, try optionalInt(key), "an integer")
    }

    /// The integer of a member, of a magnitude of at most 2^53 − 1, or `nil` when it is absent or
    /// `null`.
    ///
    /// Larger ones could not be signed: they have no exact canonical form (RFC 7493 §2.2).
    /// - Throws: ``JSONShapeError`` when it is something else.
    public mutating func optionalInt(_ key: String) throws(JSONShapeError) -> Int64? {
        guard let value = present(key) else { return nil }
        guard case .number(let number) = value else { throw wrong(key, "an integer", value) }
        guard let integer = number.int64,
            integer.magnitude <= CanonicalWriter.largestInteger.magnitude
        else {
            throw error(
                key,
                "expected an integer between -(2^53 - 1) and 2^53 - 1, found \(quoted(number.text))"
            )
        }
        return integer
    }

    /// The truth value of a member.
    /// - Throws: ``JSONShapeError`` when it is missing or not a boolean.
    public mutating func bool(_ key: String) throws(JSONShapeError) -> Bool {
        try required(key, try optionalBool(key), "a boolean")
    }

    /// The truth value of a member, or `nil` when it is absent or `null`.
    /// - Throws: ``JSONShapeError`` when it is something else than a boolean.
    public mutating func optionalBool(_ key: String) throws(JSONShapeError) -> Bool? {
        guard let value = present(key) else { return nil }
        guard case .bool(let truth) = value else { throw wrong(key, "a boolean", value) }
        return truth
    }

    /// A reader of the object that a member holds; it is to be finished on its own.
    /// - Throws: ``JSONShapeError`` when it is missing or not an object.
    public mutating func object(_ key: String) throws(JSONShapeError) -> JSONReader {
        try required(key, try optionalObject(key), "an object")
    }

    /// A reader of the object that a member holds, or `nil` when it is absent or `null`.
    /// - Throws: ``JSONShapeError`` when it is something else than an object.
    public mutating func optionalObject(_ key: String) throws(JSONShapeError) -> JSONReader? {
        guard let value = present(key) else { return nil }
        return try JSONReader(value, path: path(of: key))
    }

    /// The elements of a member.
    /// - Throws: ``JSONShapeError`` when it is missing or not an array.
    public mutating func array(_ key: String) throws(JSONShapeError) -> [JSON] {
        try required(key, try optionalArray(key), "an array")
    }

    /// The elements of a member, or `nil` when it is absent or `null`.
    /// - Throws: ``JSONShapeError`` when it is something else than an array.
    public mutating func optionalArray(_ key: String) throws(JSONShapeError) -> [JSON]? {
        guard let value = present(key) else { return nil }
        guard case .array(let elements) = value else { throw wrong(key, "an array", value) }
        return elements
    }

    /// The texts in the array that a member holds.
    /// - Throws: ``JSONShapeError`` when it is missing or not an array of strings.
    public mutating func strings(_ key: String) throws(JSONShapeError) -> [String] {
        try required(key, try optionalStrings(key), "an array")
    }

    /// The texts in the array that a member holds, or `nil` when it is absent or `null`.
    /// - Throws: ``JSONShapeError`` when it is something else than an array of strings.
    public mutating func optionalStrings(_ key: String) throws(JSONShapeError) -> [String]? {
        guard let elements = try optionalArray(key) else { return nil }
        var texts: [String] = []
        texts.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else {
                throw wrong("\(key)[\(index)]", "a string", element)
            }
            texts.append(text)
        }
        return texts
    }

    /// Readers of the objects in the array that a member holds; each is to be finished.
    /// - Throws: ``JSONShapeError`` when it is missing or not an array of objects.
    public mutating func objects(_ key: String) throws(JSONShapeError) -> [JSONReader] {
        try required(key, try optionalObjects(key), "an array")
    }

    /// Readers of the objects in the array that a member holds, or `nil` when it is absent or
    /// `null`.
    /// - Throws: ``JSONShapeError`` when it is something else than an array of objects.
    public mutating func optionalObjects(_ key: String) throws(JSONShapeError) -> [JSONReader]? {
        guard let elements = try optionalArray(key) else { return nil }
        var readers: [JSONReader] = []
        readers.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            readers.append(try JSONReader(element, path: path(of: "\(key)[\(index)]")))
        }
        return readers
    }

    /// An error about a member, for checks of the caller's own.
    ///
    /// - Parameters:
    ///   - key: the member, without the path of this reader.
    ///   - message: what is wrong and what to do, in lower case.
    /// - Returns: the error to throw.
    public func error(_ key: String, _ message: String) -> JSONShapeError {
        JSONShapeError(path: path(of: key), message: message)
    }

    private mutating func present(_ key: String) -> JSON? {
        guard let value = optionalValue(key), !value.isNull else { return nil }
        return value
    }

    private func required<Value>(
        _ key: String, _ value: Value?, _ expected: String
    ) throws(JSONShapeError) -> Value {
        if let value { return value }
        guard object[key] != nil else { throw error(key, "missing, add \(expected)") }
        throw wrong(key, expected, .null)
    }

    private func wrong(_ key: String, _ expected: String, _ found: JSON) -> JSONShapeError {
        error(key, "expected \(expected), found \(found.kind)")
    }

    private func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

/// Why a JSON value does not have the expected shape, and where.
public struct JSONShapeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The member, with the objects around it, such as `operation.resource.id`; empty for the root.
    public let path: String
    /// What is wrong and what to do.
    public let message: String

    /// Creates an error about the value at `path`.
    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    /// The place and the message, in one line.
    public var description: String {
        path.isEmpty ? message : "\(quoted(path, limit: 128)): \(message)"
    }
}
