// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON

/// How much harm a resource can do in the wrong hands; in order.
package enum Sensitivity: String, Sendable, Hashable, Comparable, CaseIterable {
    case `public`
    case `internal`
    case confidential
    case restricted

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: Sensitivity, b: Sensitivity) -> Bool { a.rank < b.rank }
}

/// One line of the resource catalogue: what is known of resources whose ids match a pattern.
///
/// The catalogue belongs to the directory, so that a verdict names the one it was made with, and
/// policies and reviewers see what it says (DESIGN §9). Agents never say how sensitive something is.
package struct ResourceRule: Sendable, Hashable {
    package let id: Handle
    /// The type of the resource, such as `Database`; as bytes.
    package let type: String
    /// A pattern for its id, in which `*` stands for any bytes; at most 1,024 bytes.
    package let pattern: String
    package let sensitivity: Sensitivity
    /// The person or group that answers for it.
    package let owner: Handle?

    /// Throws `CoreError` for a type or pattern that can match nothing.
    package init(
        id: Handle, type: String, pattern: String, sensitivity: Sensitivity, owner: Handle?
    ) throws {
        guard (1...256).contains(type.utf8.count) else {
            throw CoreError("`type`: 1 to 256 bytes")
        }
        guard (1...1024).contains(pattern.utf8.count), !VisibleText.isDeceptive(pattern) else {
            throw CoreError("`pattern`: 1 to 1,024 bytes of visible text")
        }
        self.id = id
        self.type = type
        self.pattern = pattern
        self.sensitivity = sensitivity
        self.owner = owner
    }

    init(_ json: JSON, path: String) throws {
        var reader = try JSONReader(json, path: path)
        try self.init(
            id: try reader.handle("id"), type: try reader.string("type"),
            pattern: try reader.string("pattern"),
            sensitivity: try reader.choice("sensitivity", Sensitivity.self),
            owner: try reader.optionalHandle("owner"))
        try reader.finish()
    }

    package var json: JSON {
        [
            "id": .string(id.text), "owner": .optional(owner), "pattern": .string(pattern),
            "sensitivity": .string(sensitivity.rawValue), "type": .string(type),
        ]
    }

    package func matches(type: String, id: String) -> Bool {
        self.type.utf8.elementsEqual(type.utf8) && Glob.matches(pattern, id)
    }
}

extension Directory {
    /// What the catalogue says of a resource: of all rules that match the most sensitive one, and of
    /// those the first by id; nil where none matches.
    package func catalogued(type: String, id: String) -> ResourceRule? {
        resources.values.filter { $0.matches(type: type, id: id) }
            .max { ($0.sensitivity, $1.id) < ($1.sensitivity, $0.id) }
    }
}
