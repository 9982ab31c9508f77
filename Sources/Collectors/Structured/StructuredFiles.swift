// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore

/// Reads files that have a structure, so that a change shows as the field that changed.
///
/// What means nothing is not in the result: comments, the order of keys, anchors, the way a number
/// is written. What means something and has no word in JSON is marked, so that no two different
/// files give one result: see ``StructuredMark``.
package enum StructuredFiles {
    /// What can be read.
    package enum Format: String, Sendable, Hashable, CaseIterable {
        case json, yaml, toml, ini, env
    }

    /// The most bytes of a file: four times what a document may have, since comments are not in it.
    package static let maximumBytes = 4_194_304
    /// How much one file may hold once it is read, aliases written out.
    package static let limits = JSONLimits(maximumBytes: maximumBytes)

    /// The format that the ending of a path tells; nil where it tells none.
    ///
    /// Not `.conf`, which every program writes as it likes.
    package static func format(ofFile path: String) -> Format? {
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[$0...].dropFirst() }
        let file = String(name ?? path[...])
        guard let dot = file.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        let ending = String(file[dot...].dropFirst()).lowercased()
        switch ending {
        case "json": return .json
        case "yaml", "yml": return .yaml
        case "toml": return .toml
        case "env": return .env
        case "ini", "cfg", "desktop", "service", "socket", "timer", "mount", "automount", "path",
            "slice", "target", "swap", "netdev", "network", "link", "nspawn":
            return .ini
        default: return nil
        }
    }

    /// Reads a file in the format of that name.
    ///
    /// - Parameters:
    ///   - bytes: the whole file; UTF-8, with or without a byte order mark.
    ///   - format: `json`, `yaml`, `toml`, `ini` or `env`.
    /// - Returns: the document.
    /// - Throws: `DriftError` for what is not of the format, and for what passes a limit.
    package static func parse(_ bytes: [UInt8], format: String) throws -> JSON {
        guard let known = Format(rawValue: format) else {
            let names = Format.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw DriftError("no format `\(ShownText.line(format))`: use one of \(names)")
        }
        return try parse(bytes, format: known)
    }

    /// The same for a format that is known.
    package static func parse(_ bytes: [UInt8], format: Format) throws -> JSON {
        guard bytes.count <= maximumBytes else {
            throw DriftError(
                "\(bytes.count) bytes: at most \(maximumBytes) of a file are read for its fields")
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let content = bytes.starts(with: mark) ? Array(bytes.dropFirst(3)) : bytes
        let result: JSON
        switch format {
        case .json: result = try StructuredMark.marked(JSON(parsing: content, limits: limits))
        case .yaml: result = try YAMLReader.read(content)
        case .toml: result = try TOMLReader.read(content)
        case .ini: result = try INIReader.read(content)
        case .env: result = try INIReader.readVariables(content)
        }
        return result
    }

    /// The bytes as text.
    static func text(_ bytes: [UInt8]) throws(DriftError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DriftError("not UTF-8: only UTF-8 is read")
        }
        return text
    }
}

/// How values are written that JSON has no word for: an object with a name that begins with `$`.
///
/// - `{"$number":"9007199254740993"}`: a number that RFC 8785 would round, as it was written, and
///   `inf`, `-inf` and `nan`;
/// - `{"$date":"1979-05-27"}`: a date or time of TOML, which is no string there;
/// - `{"$tag":"!Ref","$value":…}`: a value of YAML with a tag of the program's own;
/// - `{"$secret":"hmac-sha256:…"}`: a secret, put there once the document was read.
///
/// A file that has such an object itself is refused, so that each result has one meaning.
package enum StructuredMark {
    static func number(_ text: String) -> JSON { ["$number": .string(text)] }
    static func date(_ text: String) -> JSON { ["$date": .string(text)] }
    static func tag(_ tag: String, _ value: JSON) -> JSON {
        ["$tag": .string(tag), "$value": value]
    }

    /// A number by its text, marked where it has no exact canonical form.
    ///
    /// - Parameters:
    ///   - text: a number as JSON writes it.
    ///   - written: how the file wrote it, for the mark.
    /// - Returns: the number, or a mark.
    static func exact(_ text: String, written: String? = nil) -> JSON {
        guard let number = JSONNumber(text: text) else { return Self.number(written ?? text) }
        // Most numbers are integers that any double holds.
        let isShort = text.utf8.count <= 15 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        if isShort { return .number(number) }
        let value = JSON.number(number)
        return (try? value.canonicalBytes()) == nil ? Self.number(written ?? text) : value
    }

    /// Whether an object looks like a mark.
    static func isMark(_ object: JSONObject) -> Bool {
        switch object.count {
        case 1: object["$number"] != nil || object["$date"] != nil || object["$secret"] != nil
        case 2: object["$tag"] != nil && object["$value"] != nil
        default: false
        }
    }

    /// The document with its inexact numbers marked.
    ///
    /// - Throws: `DriftError` where it has marks already.
    package static func marked(_ json: JSON) throws(DriftError) -> JSON {
        switch json {
        case .null, .bool, .string: return json
        case .number(let number): return exact(number.text)
        case .array(let elements):
            var marked: [JSON] = []
            marked.reserveCapacity(elements.count)
            for element in elements { marked.append(try Self.marked(element)) }
            return .array(marked)
        case .object(let object):
            try check(object)
            var pairs: [(String, JSON)] = []
            pairs.reserveCapacity(object.count)
            for (key, value) in object { pairs.append((key, try Self.marked(value))) }
            return .object(JSONObject(pairs))
        }
    }

    static func check(_ object: JSONObject) throws(DriftError) {
        guard !isMark(object) else {
            throw DriftError(
                "an object with only `\(object.keys.joined(separator: "` and `"))`: that is how "
                    + "this collector marks values, so it can't be told apart; rename it")
        }
    }
}
