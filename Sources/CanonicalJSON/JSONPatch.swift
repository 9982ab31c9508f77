// SPDX-License-Identifier: Apache-2.0

/// Changes of a JSON document, made one after the other: JSON Patch (RFC 6902).
public struct JSONPatch: Sendable, Hashable {
    /// The most operations of a patch that is read.
    public static let maximumOperations = 10_000

    /// One change, or one condition.
    public enum Operation: Sendable, Hashable {
        /// Adds a member or replaces it, or inserts an element; `-` is behind the last element.
        case add(JSONPointer, JSON)
        /// Removes the value there.
        case remove(JSONPointer)
        /// Replaces the value there.
        case replace(JSONPointer, JSON)
        /// Removes the value at `from` and adds it at `to`.
        case move(from: JSONPointer, to: JSONPointer)
        /// Adds the value at `from` at `to` too.
        case copy(from: JSONPointer, to: JSONPointer)
        /// Refuses the patch unless the value there equals this one.
        case test(JSONPointer, JSON)
    }

    /// In the order in which they are made.
    public let operations: [Operation]

    /// Creates a patch.
    public init(_ operations: [Operation]) { self.operations = operations }

    /// Reads a patch document.
    ///
    /// Members that the operation does not define are ignored, as RFC 6902 §4 wants it; an unknown
    /// operation is refused.
    /// - Parameter json: at most ``maximumOperations`` operations, with pointers of at most
    ///   ``JSONPointer/maximumBytes``.
    /// - Throws: ``JSONPatchError`` with the number of the first operation that is none.
    public init(_ json: JSON) throws(JSONPatchError) {
        guard case .array(let elements) = json else {
            throw JSONPatchError(
                number: nil, message: "expected an array of operations, found \(json.kind)")
        }
        guard elements.count <= Self.maximumOperations else {
            throw JSONPatchError(
                number: nil,
                message: "\(elements.count) operations: use at most \(Self.maximumOperations)")
        }
        var operations: [Operation] = []
        operations.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            do {
                operations.append(try Operation(element))
            } catch {
                throw JSONPatchError(number: index + 1, message: error.description)
            }
        }
        self.operations = operations
    }

    /// The patch document.
    public var json: JSON { .array(operations.map(\.json)) }
}

extension JSONPatch.Operation {
    /// Reads one operation.
    fileprivate init(_ json: JSON) throws(JSONShapeError) {
        // Never finished: members without a meaning are allowed.
        var reader = try JSONReader(json)
        let name = try reader.string("op")
        switch name {
        case "add": self = .add(try Self.pointer("path", &reader), try reader.value("value"))
        case "remove": self = .remove(try Self.pointer("path", &reader))
        case "replace":
            self = .replace(try Self.pointer("path", &reader), try reader.value("value"))
        case "move":
            self = .move(
                from: try Self.pointer("from", &reader), to: try Self.pointer("path", &reader))
        case "copy":
            self = .copy(
                from: try Self.pointer("from", &reader), to: try Self.pointer("path", &reader))
        case "test": self = .test(try Self.pointer("path", &reader), try reader.value("value"))
        default:
            throw reader.error(
                "op",
                "unknown operation \(quoted(name)): use `add`, `remove`, `replace`, `move`, "
                    + "`copy` or `test`")
        }
    }

    private static func pointer(
        _ member: String, _ reader: inout JSONReader
    ) throws(JSONShapeError) -> JSONPointer {
        let text = try reader.string(member)
        do {
            return try JSONPointer(parsing: text)
        } catch {
            throw reader.error(member, error.description)
        }
    }

    /// What it does; the names of RFC 6902 §4.
    public var name: String {
        switch self {
        case .add: "add"
        case .remove: "remove"
        case .replace: "replace"
        case .move: "move"
        case .copy: "copy"
        case .test: "test"
        }
    }

    /// Where it adds, removes, replaces or looks.
    public var path: JSONPointer {
        switch self {
        case .add(let path, _), .remove(let path), .replace(let path, _), .test(let path, _),
            .move(_, let path), .copy(_, let path):
            path
        }
    }

    /// The operation as it is read.
    public var json: JSON {
        var object: JSONObject = ["op": .string(name), "path": .string(path.description)]
        switch self {
        case .add(_, let value), .replace(_, let value), .test(_, let value):
            object["value"] = value
        case .move(let from, _), .copy(let from, _):
            object["from"] = .string(from.description)
        case .remove: break
        }
        return .object(object)
    }
}

/// Why a patch is none, or cannot be applied.
public struct JSONPatchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The operation, from 1; `nil` where it is about the patch as a whole.
    public let number: Int?
    /// What is wrong and what to do.
    public let message: String

    init(number: Int?, message: String) {
        self.number = number
        self.message = message
    }

    /// The operation and the message, in one line.
    public var description: String {
        number.map { "operation \($0): \(message)" } ?? message
    }
}
