// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What every surface shows of one action, in order: who, what exactly, policy, why (DESIGN §9).
///
/// All texts are already safe to look at: deceptive code points stand in them as visible
/// escapes, and `\n` is the only control character. A surface shows texts as they are, never as
/// markup, and offers no approval where ``isComplete`` is false.
package struct Rendering: Sendable, Hashable {
    /// The four questions, in the order in which they are answered.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case who
        case what
        case policy
        case why
    }

    package enum Style: String, Sendable, Hashable, CaseIterable {
        case plain
        /// Fixed width, line breaks kept.
        case code
        /// The agent's own words.
        case claim
        case warning
    }

    package struct Row: Sendable, Hashable {
        package let label: String
        package let text: String
        package let style: Style

        package init(label: String, text: String, style: Style = .plain) {
            self.label = label
            self.text = text
            self.style = style
        }
    }

    package struct Section: Sendable, Hashable {
        package let kind: Kind
        package let title: String
        package let rows: [Row]

        package init(kind: Kind, title: String, rows: [Row]) {
            self.kind = kind
            self.title = title
            self.rows = rows
        }
    }

    package let sections: [Section]
    package let warnings: [String]
    /// False where something could not be shown in full: nobody may approve on it (DESIGN §4.16).
    package let isComplete: Bool
    /// SHA-256 of the canonical JSON of sections, warnings and completeness.
    package let hash: Hash256

    /// `hash` in lower-case hex, as decisions and surfaces name it.
    package var digest: String { hash.hex }

    package init(sections: [Section], warnings: [String], isComplete: Bool) {
        self.sections = sections
        self.warnings = warnings
        self.isComplete = isComplete
        hash = Self.hash(Self.members(sections, warnings, isComplete))
    }

    /// Reads a stored rendering; refuses one whose digest is not that of its content.
    package init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "rendering")
        let claimed = try reader.hash("digest")
        let isComplete = try reader.bool("complete")
        let warnings = try reader.strings("warnings")
        let sections = try reader.objects("sections").map { section in
            try Self.section(section)
        }
        try reader.finish()
        self.init(sections: sections, warnings: warnings, isComplete: isComplete)
        guard hash == claimed else {
            throw CoreError("`rendering.digest`: not that of its content")
        }
    }

    private static func section(_ reader: JSONReader) throws -> Section {
        var reader = reader
        let kind = try reader.choice("kind", Kind.self)
        let title = try reader.string("title")
        let rows = try reader.objects("rows").map { row in
            var row = row
            let result = Row(
                label: try row.string("label"), text: try row.string("text"),
                style: try row.choice("style", Style.self))
            try row.finish()
            return result
        }
        try reader.finish()
        return Section(kind: kind, title: title, rows: rows)
    }

    package var json: JSON {
        var object = Self.members(sections, warnings, isComplete)
        object["digest"] = .string(digest)
        return .object(object)
    }

    private static func members(
        _ sections: [Section], _ warnings: [String], _ isComplete: Bool
    ) -> JSONObject {
        [
            "complete": .bool(isComplete),
            "sections": .array(
                sections.map { section in
                    [
                        "kind": .string(section.kind.rawValue),
                        "rows": .array(
                            section.rows.map { row in
                                [
                                    "label": .string(row.label),
                                    "style": .string(row.style.rawValue),
                                    "text": .string(row.text),
                                ]
                            }),
                        "title": .string(section.title),
                    ]
                }),
            "warnings": .array(warnings.map(JSON.string)),
        ]
    }

    private static func hash(_ members: JSONObject) -> Hash256 {
        // Texts and truth values only: such a value always has a canonical form.
        guard let bytes = try? JSON.object(members).canonicalBytes() else {
            preconditionFailure("a rendering has a canonical form")
        }
        return .sha256(bytes)
    }

    /// Compared by digest, because strings compare by canonical equivalence and bytes matter.
    package static func == (left: Rendering, right: Rendering) -> Bool { left.hash == right.hash }

    package func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
