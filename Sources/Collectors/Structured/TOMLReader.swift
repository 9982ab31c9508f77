// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Reads TOML 1.0, strictly.
///
/// Written here rather than taken: the libraries at hand hand on C strings, which end at a NUL, and
/// binary floats, so that two different files could look the same.
///
/// - Integers and floats keep their exact decimal value, however large.
/// - Dates and times are ``StructuredMark``s with their text; between date and time stands a `T`.
struct TOMLReader: ~Copyable {
    let bytes: [UInt8]
    /// The next byte to be read.
    var at = 0
    private var values = 0
    private let root = TOMLTable(.header)
    private var current: TOMLTable
    /// Which header is being read; dotted keys may only add to tables of the same.
    private var section = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        current = root
    }

    /// Reads a file.
    /// - Throws: `DriftError` with the line.
    static func read(_ bytes: [UInt8]) throws(DriftError) -> JSON {
        _ = try StructuredFiles.text(bytes)
        var reader = TOMLReader(bytes)
        do throws(DriftError) {
            while try reader.readLine() {}
            return .object(try reader.root.json())
        } catch {
            let line = bytes[..<min(reader.at, bytes.count)].count { $0 == UInt8(ascii: "\n") }
            throw DriftError("line \(line + 1): \(error)")
        }
    }

    private mutating func readLine() throws(DriftError) -> Bool {
        skipSpaces()
        guard let byte = peek else { return false }
        if byte == UInt8(ascii: "[") {
            try readHeader()
        } else if byte != UInt8(ascii: "#"), !isLineEnd {
            try readPair(into: current, depth: 0)
        }
        skipSpaces()
        try skipComment()
        guard peek != nil else { return false }
        guard takeLineEnd() else { throw DriftError("expected the end of the line") }
        return true
    }

    // MARK: tables

    private mutating func readHeader() throws(DriftError) {
        at += 1
        let isList = take("[")
        let path = try readKey()
        guard take("]"), !isList || take("]") else {
            throw DriftError("expected `\(isList ? "]]" : "]")` after the name of a table")
        }
        section += 1
        var table = root
        for name in path.dropLast() { table = try enter(name, of: table) }
        guard let name = path.last else { return }
        let made = TOMLTable(.header)
        switch (table.items[name], isList) {
        case (nil, false): table.items.update(name, default: .table(made)) { _ in }
        case (nil, true): table.items.update(name, default: .tables([made])) { _ in }
        case (.tables, true):
            table.items.update(name, default: .tables([])) { item in
                guard case .tables(var all) = item else { return }
                // Emptied first, so that the list is not copied for each of its elements.
                item = .tables([])
                all.append(made)
                item = .tables(all)
            }
        case (.table(let known), false) where known.kind == .implied:
            known.kind = .header
            current = known
            return
        default: throw DriftError("`\(ShownText.line(name))` is there already")
        }
        try count()
        current = made
    }

    private func enter(_ name: String, of table: TOMLTable) throws(DriftError) -> TOMLTable {
        switch table.items[name] {
        case nil:
            let made = TOMLTable(.implied)
            table.items.update(name, default: .table(made)) { _ in }
            return made
        case .table(let known): return known
        case .tables(let all):
            guard let last = all.last else { preconditionFailure("a list begins with a table") }
            return last
        case .value: throw DriftError("`\(ShownText.line(name))` is no table")
        }
    }

    /// Reads `a.b = value` into a table that has `depth` others around it, as far as is known.
    mutating func readPair(into table: TOMLTable, depth: Int) throws(DriftError) {
        let path = try readKey()
        guard take("=") else { throw DriftError("expected `=` after a key") }
        skipSpaces()
        var table = table
        for name in path.dropLast() {
            switch table.items[name] {
            case nil:
                let made = TOMLTable(.dotted(section))
                table.items.update(name, default: .table(made)) { _ in }
                table = made
            case .table(let known):
                switch known.kind {
                case .implied: known.kind = .dotted(section)
                case .dotted(section): break
                default: throw DriftError("`\(ShownText.line(name))` is closed already")
                }
                table = known
            default: throw DriftError("`\(ShownText.line(name))` is no table to be added to")
            }
        }
        let value = try readValue(depth: depth + path.count)
        guard let name = path.last else { return }
        guard table.items[name] == nil else {
            throw DriftError("`\(ShownText.line(name))` is there already")
        }
        table.items.update(name, default: .value(value)) { _ in }
    }

    /// Reads `{a = 1, b.c = 2}`, whose brace was taken.
    mutating func readInlineTable(depth: Int) throws(DriftError) -> JSON {
        let table = TOMLTable(.header)
        section += 1
        let own = section
        defer { section = own + 1 }
        skipSpaces()
        if take("}") { return .object([:]) }
        while true {
            // Tables in tables count on their own, but these keys belong to one another.
            section = own
            skipSpaces()
            try readPair(into: table, depth: depth)
            skipSpaces()
            if take("}") { return .object(try table.json()) }
            guard take(",") else { throw DriftError("expected `,` or `}`") }
        }
    }

    // MARK: keys

    private mutating func readKey() throws(DriftError) -> [String] {
        var path: [String] = []
        while true {
            skipSpaces()
            path.append(try readKeyPart())
            skipSpaces()
            guard path.count < StructuredFiles.limits.maximumDepth else {
                throw DriftError("a key of more than \(StructuredFiles.limits.maximumDepth) parts")
            }
            guard take(".") else { return path }
        }
    }

    private mutating func readKeyPart() throws(DriftError) -> String {
        switch peek {
        case UInt8(ascii: "\""): return try readBasicString(canSpanLines: false)
        case UInt8(ascii: "'"): return try readLiteralString(canSpanLines: false)
        default:
            let start = at
            while let byte = peek, Self.isBare(byte) { at += 1 }
            guard at > start else { throw DriftError("expected a key") }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    // MARK: bytes

    var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    /// Counts a value.
    mutating func count() throws(DriftError) {
        values += 1
        guard values <= StructuredFiles.limits.maximumValues else {
            throw DriftError("more than \(StructuredFiles.limits.maximumValues) values")
        }
    }

    func isNext(_ text: String) -> Bool { bytes[at...].starts(with: text.utf8) }

    mutating func take(_ text: String) -> Bool {
        guard isNext(text) else { return false }
        at += text.utf8.count
        return true
    }

    mutating func skipSpaces() {
        while let byte = peek, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { at += 1 }
    }

    var isLineEnd: Bool {
        switch peek {
        case UInt8(ascii: "\n"): true
        case UInt8(ascii: "\r"): at + 1 < bytes.count && bytes[at + 1] == UInt8(ascii: "\n")
        default: false
        }
    }

    mutating func takeLineEnd() -> Bool {
        guard isLineEnd else { return false }
        at += peek == UInt8(ascii: "\n") ? 1 : 2
        return true
    }

    mutating func skipComment() throws(DriftError) {
        guard peek == UInt8(ascii: "#") else { return }
        while let byte = peek, !isLineEnd {
            guard byte == UInt8(ascii: "\t") || byte >= 0x20, byte != 0x7F else {
                throw DriftError("a control character in a comment")
            }
            at += 1
        }
    }
}

/// A table while its file is read.
final class TOMLTable {
    enum Kind: Equatable {
        /// Named by a header, or complete.
        case header
        /// On the way to one.
        case implied
        /// By dotted keys under the header of that number.
        case dotted(Int)
    }

    enum Item {
        case value(JSON)
        case table(TOMLTable)
        case tables([TOMLTable])
    }

    var kind: Kind
    var items = OrderedTexts<Item>()

    init(_ kind: Kind) { self.kind = kind }

    /// The table as an object.
    /// - Throws: `DriftError` where it looks like a mark, and where it is too large or too deep.
    func json(depth: Int = 0) throws(DriftError) -> JSONObject {
        guard items.pairs.count <= StructuredFiles.limits.maximumMembers else {
            throw DriftError("a table of more than \(StructuredFiles.limits.maximumMembers) keys")
        }
        guard depth < StructuredFiles.limits.maximumDepth else {
            throw DriftError("deeper than \(StructuredFiles.limits.maximumDepth) levels")
        }
        var pairs: [(String, JSON)] = []
        for (name, item) in items.pairs {
            switch item {
            case .value(let value): pairs.append((name, value))
            case .table(let table): pairs.append((name, .object(try table.json(depth: depth + 1))))
            case .tables(let all):
                var elements: [JSON] = []
                for table in all { elements.append(.object(try table.json(depth: depth + 2))) }
                pairs.append((name, .array(elements)))
            }
        }
        let object = JSONObject(pairs)
        try StructuredMark.check(object)
        return object
    }
}
