// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Where a value is in a JSON document, for messages.
///
/// It is kept as a chain, so that going one level deeper costs the same however long the names
/// are: a document with one long name around many values would else cost the square of its size.
indirect enum JSONPlace: Sendable, Hashable {
    /// The start, with the path that leads to it.
    case root(String)
    /// A member of an object.
    case member(JSONPlace, String)
    /// An element of an array.
    case element(JSONPlace, Int)

    /// `a.b[0]`.
    var path: String {
        var path = ""
        for step in steps {
            switch step {
            case .root(let start): path = start
            case .member(_, let name): path += path.isEmpty ? name : ".\(name)"
            case .element(_, let index): path += "[\(index)]"
            }
        }
        return path
    }

    /// Reads something here by a reader whose errors have paths that start here.
    func reading<Result>(
        _ body: () throws(JSONShapeError) -> Result
    ) throws(JSONShapeError) -> Result {
        do throws(JSONShapeError) { return try body() } catch { throw containing(error) }
    }

    /// An error whose path started here, with the whole path.
    func containing(_ error: JSONShapeError) -> JSONShapeError {
        let outer = path
        let inner = error.path
        let isJoined =
            outer.isEmpty || inner.isEmpty || inner.hasPrefix(".") || inner.hasPrefix("[")
        return JSONShapeError(
            path: outer + (isJoined ? "" : ".") + inner, message: error.message)
    }

    /// The JSON pointer (RFC 6901).
    var pointer: String {
        var pointer = ""
        for step in steps {
            switch step {
            case .root(let start): pointer = start
            case .member(_, let name): pointer += "/\(JSONPointer.escape(name))"
            case .element(_, let index): pointer += "/\(index)"
            }
        }
        return pointer
    }

    /// The start and the steps from it.
    private var steps: [JSONPlace] {
        var steps = [self]
        while let last = steps.last {
            switch last {
            case .root: return steps.reversed()
            case .member(let outer, _), .element(let outer, _): steps.append(outer)
            }
        }
        return steps
    }

    /// Whether both are the same, byte for byte.
    static func == (left: JSONPlace, right: JSONPlace) -> Bool {
        Bytes.equal(left.pointer, right.pointer)
    }

    /// Hashes the pointer.
    func hash(into hasher: inout Hasher) {
        Bytes.hash(pointer, into: &hasher)
    }
}
