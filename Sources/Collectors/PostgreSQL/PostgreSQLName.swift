// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore

/// How things of PostgreSQL are named in subjects, and written in SQL.
///
/// A name in a subject stands as it is where it has only letters, digits, `_`, `$`, `-` and bytes
/// beyond ASCII; any other stands in double quotes, its own doubled: `relation:app.public.orders`,
/// `relation:app."my.schema"."a ""b"""`. So no two things have the same subject.
package enum PostgreSQLName {
    /// A subject, taken apart.
    struct Parts: Sendable, Hashable {
        let kind: String
        /// The names, and what stands before each but the first.
        var names: [String] = []
        var separators: [UInt8] = []
        /// The types of a routine's arguments, each with or without a schema; nil for others.
        var arguments: [[String]]?
    }

    /// A name as it stands in a subject.
    static func part(_ name: String) -> String {
        !name.isEmpty && name.utf8.allSatisfy(isPlain) ? name : quoted(name)
    }

    static func dotted(_ names: String...) -> String {
        names.map(part).joined(separator: ".")
    }

    /// A name as SQL has it: always in quotes.
    ///
    /// - Throws: ``DriftError`` for one that is empty or has a NUL, which no name has.
    package static func identifier(_ name: String) throws(DriftError) -> String {
        guard !name.isEmpty, !name.utf8.contains(0) else {
            throw DriftError("a name in PostgreSQL has at least one byte and no NUL")
        }
        return quoted(name)
    }

    /// A text as SQL has it, whatever `standard_conforming_strings` is.
    ///
    /// - Throws: ``DriftError`` for one with a NUL.
    package static func literal(_ text: String) throws(DriftError) -> String {
        guard !text.utf8.contains(0) else { throw DriftError("a text in PostgreSQL has no NUL") }
        var bytes = Array("E'".utf8)
        for byte in text.utf8 {
            if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\\") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "'"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A body between dollars, with a tag that does not occur in it.
    static func dollarQuoted(_ body: String) -> String {
        var number = 0
        while true {
            let tag = "$exequatur\(number)$"
            if !contains(Array(body.utf8), Array(tag.utf8)) { return tag + body + tag }
            number += 1
        }
    }

    /// Takes a subject apart; nil for what is none of ours, or names no single thing.
    static func parse(_ subject: String) -> Parts? {
        let bytes = Array(subject.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        var rest = bytes[(colon + 1)...]
        var parts = Parts(kind: String(decoding: bytes[..<colon], as: UTF8.self))
        while true {
            guard let name = takeName(&rest) else { return nil }
            parts.names.append(name)
            guard let next = rest.popFirst() else { return parts }
            switch next {
            case UInt8(ascii: "."), UInt8(ascii: "/"): parts.separators.append(next)
            case UInt8(ascii: "("):
                guard let arguments = takeArguments(&rest), rest.isEmpty else { return nil }
                parts.arguments = arguments
                return parts
            default: return nil
            }
        }
    }

    private static func takeArguments(_ rest: inout ArraySlice<UInt8>) -> [[String]]? {
        var arguments: [[String]] = []
        if rest.first == UInt8(ascii: ")") {
            rest.removeFirst()
            return arguments
        }
        var current: [String] = []
        while true {
            guard let name = takeName(&rest), let next = rest.popFirst() else { return nil }
            current.append(name)
            switch next {
            case UInt8(ascii: ".") where current.count == 1: continue
            case UInt8(ascii: ","), UInt8(ascii: ")"):
                arguments.append(current)
                current = []
                if next == UInt8(ascii: ")") { return arguments }
            default: return nil
            }
        }
    }

    private static func takeName(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.first == UInt8(ascii: "\"") else {
            let plain = rest.prefix(while: isPlain)
            rest = rest.dropFirst(plain.count)
            return plain.isEmpty ? nil : String(validating: plain, as: UTF8.self)
        }
        rest.removeFirst()
        var name: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") {
                guard rest.first == byte else { return String(validating: name, as: UTF8.self) }
                rest.removeFirst()
            }
            name.append(byte)
        }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"),
            UInt8(ascii: "-"), 0x80...:
            true
        default: false
        }
    }

    private static func quoted(_ name: String) -> String {
        var bytes = [UInt8(ascii: "\"")]
        for byte in name.utf8 {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        text.indices.contains { text[$0...].starts(with: part) }
    }
}

/// The privileges on one thing, as documents have them:
/// `{"GRANTEE":{"PRIVILEGE":{"GRANTOR":"plain" or "grantable"}}}`.
///
/// Keyed, so that the order in which PostgreSQL stores them is no drift. Everybody is `public`,
/// which no role can be called.
package struct PostgreSQLGrants: Sendable, Hashable {
    /// One privilege of one grantee by one grantor.
    package struct Item: Sendable, Hashable {
        package let grantee: String
        package let privilege: String
        package let grantor: String
        package let isGrantable: Bool

        package static func == (a: Item, b: Item) -> Bool {
            a.isGrantable == b.isGrantable && a.isSameGrant(as: b)
        }

        /// The same but for whether it may be passed on.
        func isSameGrant(as other: Item) -> Bool {
            UTF8Bytes.areEqual(grantee, other.grantee)
                && UTF8Bytes.areEqual(privilege, other.privilege)
                && UTF8Bytes.areEqual(grantor, other.grantor)
        }

        package func hash(into hasher: inout Hasher) {
            UTF8Bytes.hash(grantee, into: &hasher)
            UTF8Bytes.hash(privilege, into: &hasher)
            UTF8Bytes.hash(grantor, into: &hasher)
        }
    }

    package static let everybody = "public"
    package var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    /// Reads what a document has.
    ///
    /// - Throws: ``DriftError`` where it is something else.
    package init(_ json: JSON?) throws(DriftError) {
        items = []
        let wrong = DriftError("the document's grants are not grants of PostgreSQL")
        guard let json else { return }
        guard let grantees = json.objectValue else { throw wrong }
        for (grantee, privileges) in grantees {
            guard let privileges = privileges.objectValue else { throw wrong }
            for (privilege, grantors) in privileges {
                guard let grantors = grantors.objectValue else { throw wrong }
                for (grantor, kind) in grantors {
                    guard let kind = kind.stringValue, kind == "plain" || kind == "grantable"
                    else { throw wrong }
                    items.append(
                        Item(
                            grantee: grantee, privilege: privilege, grantor: grantor,
                            isGrantable: kind == "grantable"))
                }
            }
        }
    }

    package var json: JSON {
        var grantees = JSONObject()
        for item in items {
            var privileges = grantees[item.grantee]?.objectValue ?? [:]
            var grantors = privileges[item.privilege]?.objectValue ?? [:]
            grantors[item.grantor] = .string(item.isGrantable ? "grantable" : "plain")
            privileges[item.privilege] = .object(grantors)
            grantees[item.grantee] = .object(privileges)
        }
        return .object(grantees)
    }
}
