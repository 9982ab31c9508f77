// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore
internal import Yams

/// Reads YAML by the core schema of YAML 1.2, so that `no` and `on` are texts and `0o7` is 7.
///
/// - Aliases are written out; what they come to counts towards the limits.
/// - A mapping with the same key twice is refused.
/// - Keys that are no texts become texts that say so: `8080:` is `!!int 8080`.
/// - `<<` is a key like others: whether it merges is up to the program that reads the file.
/// - Several documents are an array, none is `null`.
struct YAMLReader {
    private var values = 0

    private init() {}

    /// Reads all documents of a file.
    /// - Throws: `DriftError` with the line, where there is one.
    static func read(_ bytes: [UInt8]) throws(DriftError) -> JSON {
        try YAMLPrecautions.check(bytes)
        let text = try StructuredFiles.text(bytes)
        var documents: [JSON] = []
        var reader = YAMLReader()
        do {
            let rule = try Resolver.Rule(.init(rawValue: YAMLScalar.plainTag), "^")
            let parser = try Parser(yaml: text, resolver: .basic.appending(rule), encoding: .utf8)
            while let root = try parser.nextRoot() {
                documents.append(try reader.value(root, depth: 0))
            }
        } catch let error as DriftError {
            throw error
        } catch {
            throw DriftError("not YAML: \(explain(error))")
        }
        switch documents.count {
        case 0: return .null
        case 1: return documents[0]
        default: return .array(documents)
        }
    }

    /// What went wrong, without the text around it, which may be secret.
    private static func explain(_ error: any Error) -> String {
        guard let error = error as? YamlError else { return "unknown" }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return "line \(mark.line): \(ShownText.line(problem))"
        case .reader(let problem, _, _, _): return ShownText.line(problem)
        case .duplicatedKeysInMapping(_, let context):
            return "line \(context.mark.line): the same key twice in one mapping"
        default: return "it can't be read"
        }
    }

    private mutating func value(_ node: Node, depth: Int) throws(DriftError) -> JSON {
        values += 1
        guard values <= StructuredFiles.limits.maximumValues else {
            throw DriftError(
                "more than \(StructuredFiles.limits.maximumValues) values, aliases written out")
        }
        guard depth < StructuredFiles.limits.maximumDepth else {
            throw failure(
                node, "deeper than \(StructuredFiles.limits.maximumDepth) levels")
        }
        let tag = node.tag.text
        switch node {
        case .scalar(let scalar):
            do throws(DriftError) {
                return try YAMLScalar.value(scalar.string, tag: tag)
            } catch {
                throw failure(node, error.description)
            }
        case .sequence(let sequence):
            var elements: [JSON] = []
            for element in sequence { elements.append(try value(element, depth: depth + 1)) }
            return Self.tagged(.array(elements), tag, unless: "tag:yaml.org,2002:seq")
        case .mapping(let mapping):
            let object = try object(mapping, node, depth: depth)
            try StructuredMark.check(object)
            return Self.tagged(.object(object), tag, unless: "tag:yaml.org,2002:map")
        case .alias:
            throw failure(node, "an alias that leads nowhere")
        }
    }

    private mutating func object(
        _ mapping: Node.Mapping, _ node: Node, depth: Int
    ) throws(DriftError) -> JSONObject {
        var pairs: [(String, JSON)] = []
        for (key, value) in mapping {
            pairs.append((try Self.key(key), try self.value(value, depth: depth + 1)))
        }
        guard pairs.count <= StructuredFiles.limits.maximumMembers else {
            throw failure(node, "more than \(StructuredFiles.limits.maximumMembers) keys")
        }
        guard let object = JSONObject(unique: pairs) else {
            throw failure(node, "the same key twice in one mapping")
        }
        return object
    }

    /// A key as a text; those of other types say which, so that `1:` and `"1":` differ.
    private static func key(_ node: Node) throws(DriftError) -> String {
        guard case .scalar(let scalar) = node else {
            throw failure(node, "a key that is a list or a mapping: only texts are read")
        }
        switch try YAMLScalar.value(scalar.string, tag: node.tag.text) {
        case .string(let text): return text
        case .null: return "!!null"
        case .bool(let truth): return "!!bool \(truth)"
        case .number(let number):
            let text = (try? JSON.number(number).canonicalString()) ?? number.text
            return number.text.utf8.contains { ".eE".utf8.contains($0) }
                ? "!!float \(text)" : "!!int \(text)"
        case .object(let mark):
            guard let text = mark["$number"]?.stringValue else {
                throw failure(node, "a key with a tag of its own: only texts are read")
            }
            return "!!number \(text)"
        case .array: throw failure(node, "a key that is a list")
        }
    }

    private static func tagged(_ value: JSON, _ tag: String?, unless plain: String) -> JSON {
        guard let tag, !tag.utf8.elementsEqual(plain.utf8) else { return value }
        return StructuredMark.tag(YAMLScalar.shortTag(tag), value)
    }

    private func failure(_ node: Node, _ message: String) -> DriftError {
        Self.failure(node, message)
    }

    private static func failure(_ node: Node, _ message: String) -> DriftError {
        DriftError(node.mark.map { "line \($0.line): \(message)" } ?? message)
    }
}

extension Tag {
    /// The tag as the file gives it; nil for what has none.
    ///
    /// Quoted scalars have that of texts.
    fileprivate var text: String? {
        let text = rawValue
        return text.isEmpty || text.utf8.elementsEqual(YAMLScalar.plainTag.utf8) ? nil : text
    }
}

/// What the words of YAML are (YAML 1.2.2, §10.3.2).
enum YAMLScalar {
    private static let prefix = "tag:yaml.org,2002:"
    /// What the parser calls scalars without a tag once it has compared them; no file can say it.
    ///
    /// It writes what it made of a plain scalar into that scalar, as soon as it looks for keys that
    /// are there twice. With this as its only answer nothing is lost: types are told here.
    static let plainTag = "\u{0}plain"

    static func shortTag(_ tag: String) -> String {
        tag.hasPrefix(prefix) ? "!!" + tag.dropFirst(prefix.count) : tag
    }

    /// The value of a scalar.
    ///
    /// - Parameters:
    ///   - text: as it is without quotes.
    ///   - tag: its tag; nil where it is plain, and to be told by its text.
    /// - Returns: the value.
    /// - Throws: `DriftError` where it is not what its tag says.
    static func value(_ text: String, tag: String?) throws(DriftError) -> JSON {
        guard let tag else { return plain(text) }
        switch tag {
        case "tag:yaml.org,2002:str", "!": return .string(text)
        case "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int",
            "tag:yaml.org,2002:float":
            let value = plain(text)
            let found: String
            switch value {
            case .null: found = "null"
            case .bool: found = "bool"
            case .string: found = "str"
            default: found = isInteger(text) ? "int" : "float"
            }
            // An integer is a fine float.
            let isRight =
                tag.hasSuffix(":" + found) || (tag.hasSuffix(":float") && found == "int")
            guard isRight else {
                throw DriftError("a value that is not what its tag `\(shortTag(tag))` says")
            }
            return value
        default: return StructuredMark.tag(shortTag(tag), .string(text))
        }
    }

    /// What a plain scalar is, by its text.
    static func plain(_ text: String) -> JSON {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return StructuredMark.number("inf")
        case "-.inf", "-.Inf", "-.INF": return StructuredMark.number("-inf")
        case ".nan", ".NaN", ".NAN": return StructuredMark.number("nan")
        default: break
        }
        if text.hasPrefix("0o") || text.hasPrefix("0x") {
            let radix = text.hasPrefix("0o") ? 8 : 16
            let digits = text.utf8.dropFirst(2)
            guard !digits.isEmpty, digits.allSatisfy({ Digits.value($0, radix: radix) != nil })
            else { return .string(text) }
            guard let decimal = Digits.decimal(digits, radix: radix) else {
                return StructuredMark.number(text)
            }
            return StructuredMark.exact(decimal, written: text)
        }
        guard let number = Digits.json(text) else { return .string(text) }
        return StructuredMark.exact(number, written: text)
    }

    private static func isInteger(_ text: String) -> Bool {
        if text.hasPrefix("0o") || text.hasPrefix("0x") { return true }
        return text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
            .allSatisfy { Digits.value($0, radix: 10) != nil }
    }
}
