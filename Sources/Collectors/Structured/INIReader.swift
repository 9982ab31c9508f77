// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Reads files of sections and keys.
///
/// There is no standard, so what programs disagree on stays visible rather than being guessed:
/// quotes belong to the value, a comment is a whole line, all values are texts.
///
/// - `[section]` begins a section, its name as written; the same again continues it. What comes
///   before the first is under the empty name.
/// - `key = value` and `key: value`, at the first of both signs; spaces around both are dropped. A
///   line without a sign is a key with the value `null`.
/// - A line that is indented deeper than the key before it, and a line after one that ends with a
///   backslash, continue the value; the lines are joined by a line feed.
/// - A key that is there several times has an array of its values in their order.
/// - A line whose first sign is `;` or `#` is a comment.
struct INIReader {
    private var sections = OrderedTexts<OrderedTexts<[JSON]>>()
    private var section = ""
    private var key: String?
    private var indentation = 0
    private var isContinued = false
    private var count = 0

    private init() {}

    /// Reads a file.
    /// - Throws: `DriftError` for a section without an end, and beyond the limits.
    static func read(_ bytes: [UInt8]) throws(DriftError) -> JSON {
        _ = try StructuredFiles.text(bytes)
        var reader = INIReader()
        for (index, line) in lines(bytes).enumerated() {
            do throws(DriftError) {
                try reader.read(line)
            } catch {
                throw DriftError("line \(index + 1): \(error)")
            }
        }
        return .object(
            JSONObject(
                reader.sections.pairs.map { name, keys in
                    (name, .object(JSONObject(keys.pairs.map { ($0, Self.value($1)) })))
                }))
    }

    private static func value(_ values: [JSON]) -> JSON {
        values.count == 1 ? values[0] : .array(values)
    }

    static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var slice = bytes.drop(while: isSpace)
        while let last = slice.last, isSpace(last) { slice = slice.dropLast() }
        return slice
    }

    private mutating func read(_ line: ArraySlice<UInt8>) throws(DriftError) {
        let text = Self.trim(line)
        let depth = line.prefix(while: Self.isSpace).count
        let goesOn = isContinued
        isContinued = false
        guard let first = text.first else { return }
        let isComment = first == UInt8(ascii: ";") || first == UInt8(ascii: "#")
        if isComment {
            // A comment between the lines of a value does not end it (systemd.syntax(7)).
            isContinued = goesOn
            return
        }
        if let key, goesOn || depth > indentation {
            try append(text, to: key)
        } else if first == UInt8(ascii: "[") {
            section = try Self.section(text)
            key = nil
            indentation = 0
            sections.update(section, default: OrderedTexts()) { _ in }
            return
        } else {
            try begin(text, depth)
        }
        isContinued = text.last == UInt8(ascii: "\\")
    }

    /// The name between brackets; a comment may follow them.
    private static func section(_ text: ArraySlice<UInt8>) throws(DriftError) -> String {
        guard let end = text.lastIndex(of: UInt8(ascii: "]")) else {
            throw DriftError("a section without `]`")
        }
        let rest = trim(text[(end + 1)...])
        guard rest.isEmpty || rest.first == UInt8(ascii: ";") || rest.first == UInt8(ascii: "#")
        else {
            throw DriftError("something after a section: put it into a line of its own")
        }
        return String(decoding: text[(text.startIndex + 1)..<end], as: UTF8.self)
    }

    private mutating func begin(_ text: ArraySlice<UInt8>, _ depth: Int) throws(DriftError) {
        let sign = text.firstIndex { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }
        let name = String(
            decoding: Self.trim(text[..<(sign ?? text.endIndex)]), as: UTF8.self)
        let value: JSON
        if let sign {
            let rest = Self.trim(text[(sign + 1)...])
            value = .string(String(decoding: rest, as: UTF8.self))
        } else {
            value = .null
        }
        count += 1
        guard count <= StructuredFiles.limits.maximumMembers else {
            throw DriftError("more than \(StructuredFiles.limits.maximumMembers) keys")
        }
        sections.update(section, default: OrderedTexts()) { keys in
            keys.update(name, default: []) { $0.append(value) }
        }
        key = name
        indentation = depth
    }

    private mutating func append(_ text: ArraySlice<UInt8>, to key: String) throws(DriftError) {
        let line = String(decoding: text, as: UTF8.self)
        sections.update(section, default: OrderedTexts()) { keys in
            keys.update(key, default: []) { values in
                let before = values.popLast()?.stringValue
                values.append(.string(before.map { $0 + "\n" + line } ?? line))
            }
        }
    }

    /// Reads lines of `NAME=value`, as in `/etc/default` or for `docker run --env-file`.
    ///
    /// `export ` before a name is dropped, quotes are part of the value, and nothing is expanded.
    /// - Throws: `DriftError` for a line that is neither a variable nor a comment.
    static func readVariables(_ bytes: [UInt8]) throws(DriftError) -> JSON {
        _ = try StructuredFiles.text(bytes)
        var variables = OrderedTexts<[JSON]>()
        var count = 0
        for (index, line) in lines(bytes).enumerated() {
            var text = line.drop(while: isSpace)
            if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
            guard let first = text.first, first != UInt8(ascii: "#") else { continue }
            if text.starts(with: Array("export ".utf8)) { text = text.dropFirst(7) }
            guard let sign = text.firstIndex(of: UInt8(ascii: "=")) else {
                throw DriftError("line \(index + 1): expected `NAME=value`")
            }
            count += 1
            guard count <= StructuredFiles.limits.maximumMembers else {
                throw DriftError("more than \(StructuredFiles.limits.maximumMembers) variables")
            }
            let value = JSON.string(String(decoding: text[(sign + 1)...], as: UTF8.self))
            variables.update(String(decoding: trim(text[..<sign]), as: UTF8.self), default: []) {
                $0.append(value)
            }
        }
        return .object(JSONObject(variables.pairs.map { ($0, value($1)) }))
    }
}

/// Values by names that are told apart by their bytes, in the order of their first appearance.
struct OrderedTexts<Value> {
    private(set) var pairs: [(String, Value)] = []
    private var places: [JSON: Int] = [:]

    subscript(_ name: String) -> Value? { places[.string(name)].map { pairs[$0].1 } }

    mutating func update(
        _ name: String, default value: @autoclosure () -> Value, _ change: (inout Value) -> Void
    ) {
        if let place = places[.string(name)] { return change(&pairs[place].1) }
        places[.string(name)] = pairs.count
        var made = value()
        change(&made)
        pairs.append((name, made))
    }
}
