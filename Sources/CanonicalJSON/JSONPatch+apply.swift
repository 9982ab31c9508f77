// SPDX-License-Identifier: Apache-2.0

extension JSONPatch {
    /// The document after all operations, or none of them.
    ///
    /// - Parameters:
    ///   - document: what to change.
    ///   - limits: `maximumValues` bounds the values that are added, copied and moved, counted
    ///     every time, because a few copies could make a document of any size; the depth of what
    ///     they become is bounded by ``JSONLimits/deepestAllowed``.
    /// - Returns: the changed document; `document` itself never changes.
    /// - Throws: ``JSONPatchError`` with the number of the first operation that fails.
    public func applied(
        to document: JSON, limits: JSONLimits = .default
    ) throws(JSONPatchError) -> JSON {
        var patched = PatchedDocument(root: document, values: limits.maximumValues)
        for (index, operation) in operations.enumerated() {
            do {
                try patched.apply(operation)
            } catch {
                throw JSONPatchError(
                    number: index + 1,
                    message: "cannot \(operation.name) \(quoted(error.place.description)): "
                        + error.message)
            }
        }
        return patched.root
    }
}

private struct PatchFailure: Error {
    let place: JSONPointer
    let message: String
}

private struct PatchedDocument {
    var root: JSON
    /// How many more values may be put anywhere.
    private var values: Int

    init(root: JSON, values: Int) {
        self.root = root
        self.values = values
    }

    mutating func apply(_ operation: JSONPatch.Operation) throws(PatchFailure) {
        switch operation {
        case .add(let path, let value): try add(value, at: path)
        case .remove(let path): _ = try remove(at: path)
        case .replace(let path, let value):
            try charge(value, at: path)
            _ = try change(path) { (place: inout JSON) in place = value }
        case .move(let from, let path):
            guard path.tokens.count <= from.tokens.count || !path.starts(with: from) else {
                throw PatchFailure(place: from, message: "a value cannot be moved into itself")
            }
            if path == from {
                _ = try value(at: from)
            } else {
                try add(try remove(at: from), at: path)
            }
        case .copy(let from, let path): try add(try value(at: from), at: path)
        case .test(let path, let expected):
            let found = try value(at: path)
            guard found == expected else {
                throw PatchFailure(
                    place: path,
                    message: "expected \(quoted(Self.brief(expected))), found "
                        + "\(quoted(Self.brief(found)))")
            }
        }
    }

    private func value(at path: JSONPointer) throws(PatchFailure) -> JSON {
        guard let value = root[path] else { throw Self.nothing(path) }
        return value
    }

    private mutating func add(_ value: JSON, at path: JSONPointer) throws(PatchFailure) {
        try charge(value, at: path)
        guard let token = path.tokens.last else {
            root = value
            return
        }
        try change(path.parent) { (parent: inout JSON) throws(PatchFailure) in
            switch parent {
            case .object(var members):
                parent = .null
                members[token] = value
                parent = .object(members)
            case .array(var elements):
                let index = token == "-" ? elements.count : JSONPointer.index(token)
                guard let index, index <= elements.count else {
                    throw PatchFailure(
                        place: path,
                        message: "the array has \(elements.count) elements, so use at most that "
                            + "as the index, or `-`")
                }
                parent = .null
                elements.insert(value, at: index)
                parent = .array(elements)
            case .null, .bool, .number, .string:
                throw PatchFailure(
                    place: path, message: "its parent is \(parent.kind), which has no members")
            }
        }
    }

    private mutating func remove(at path: JSONPointer) throws(PatchFailure) -> JSON {
        guard let token = path.tokens.last else {
            throw PatchFailure(
                place: path, message: "the whole document cannot be removed, replace it")
        }
        let removed = try value(at: path)
        try change(path.parent) { (parent: inout JSON) in
            switch parent {
            case .object(var members):
                parent = .null
                members[token] = Optional.none
                parent = .object(members)
            case .array(var elements):
                parent = .null
                // The value is there, so the token is an index of the array.
                if let index = JSONPointer.index(token) { elements.remove(at: index) }
                parent = .array(elements)
            case .null, .bool, .number, .string: break
            }
        }
        return removed
    }

    private mutating func change(
        _ path: JSONPointer, _ body: (inout JSON) throws(PatchFailure) -> Void
    ) throws(PatchFailure) {
        guard try Self.change(&root, path.tokens[...], body) else { throw Self.nothing(path) }
    }

    /// Changes the value at the end of `tokens` where it is; `false` if there is none.
    ///
    /// Each container on the way is taken out while it is changed, so that it has one owner and
    /// is not copied for every operation. After a failure the document is discarded.
    private static func change(
        _ value: inout JSON, _ tokens: ArraySlice<String>,
        _ body: (inout JSON) throws(PatchFailure) -> Void
    ) throws(PatchFailure) -> Bool {
        guard let token = tokens.first else {
            try body(&value)
            return true
        }
        switch value {
        case .object(var object):
            let (index, found) = object.position(of: token)
            guard found else { return false }
            value = .null
            defer { value = .object(object) }
            return try change(&object.members[index].value, tokens.dropFirst(), body)
        case .array(var elements):
            guard let index = JSONPointer.index(token), index < elements.count else {
                return false
            }
            value = .null
            defer { value = .array(elements) }
            return try change(&elements[index], tokens.dropFirst(), body)
        case .null, .bool, .number, .string: return false
        }
    }

    /// Counts the values in `value` and how deep they will be.
    private mutating func charge(_ value: JSON, at path: JSONPointer) throws(PatchFailure) {
        guard Self.count(value, depth: path.tokens.count, &values) else {
            throw PatchFailure(
                place: path,
                message: "the document would become too large or too deep: use at most "
                    + "\(JSONLimits.deepestAllowed) levels, and fewer copies")
        }
    }

    private static func count(_ value: JSON, depth: Int, _ left: inout Int) -> Bool {
        left -= 1
        guard left >= 0 else { return false }
        switch value {
        case .array(let elements):
            return depth < JSONLimits.deepestAllowed
                && elements.allSatisfy { count($0, depth: depth + 1, &left) }
        case .object(let object):
            return depth < JSONLimits.deepestAllowed
                && object.members.allSatisfy { count($0.value, depth: depth + 1, &left) }
        case .null, .bool, .number, .string: return true
        }
    }

    private static func nothing(_ path: JSONPointer) -> PatchFailure {
        PatchFailure(place: path, message: "there is nothing")
    }

    /// Not the text of a large value only to cut it.
    private static func brief(_ value: JSON) -> String {
        switch value {
        case .array(let elements): "an array of \(elements.count)"
        case .object(let object): "an object of \(object.count)"
        case .null, .bool, .number, .string: value.description
        }
    }
}

extension JSONPointer {
    fileprivate var parent: JSONPointer { JSONPointer(tokens: tokens.dropLast()) }

    fileprivate func starts(with other: JSONPointer) -> Bool {
        tokens.starts(with: other.tokens, by: UTF8Bytes.areEqual)
    }
}
