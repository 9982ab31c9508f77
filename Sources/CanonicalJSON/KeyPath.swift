// SPDX-License-Identifier: Apache-2.0

/// A path through a JSON document that names list elements by what they are rather than where.
///
/// A JSON Pointer changes its meaning when an element is inserted before it; this does not, as far
/// as the list has keys or is a set. Its text: `/spec/containers[name="app"]/image`.
public struct KeyPath: Sendable, Hashable, CustomStringConvertible {
    /// One step down.
    public enum Step: Sendable, Hashable {
        /// A member of an object, unescaped.
        case member(String)
        /// An element of an ordered list, from 0; where two lists are compared, of the expected
        /// one.
        case index(Int)
        /// An element that was put into an ordered list, by its index there.
        ///
        /// Apart from ``index(_:)``, as the two lists number their elements differently.
        case inserted(Int)
        /// The element of a keyed list whose keys have these values, in the order of the rule.
        case keyed([Field])
        /// An element of a set.
        case element(JSON)
    }

    /// A key of a keyed list, and the value by which an element is found.
    public struct Field: Sendable, Hashable {
        /// The member's name.
        public let name: String
        /// Its value.
        public let value: JSON

        /// Creates a field.
        public init(name: String, value: JSON) {
            self.name = name
            self.value = value
        }

        /// Whether name (by bytes) and value are the same.
        public static func == (left: Field, right: Field) -> Bool {
            left.value == right.value && UTF8Bytes.areEqual(left.name, right.name)
        }

        /// Feeds name and value to `hasher`.
        public func hash(into hasher: inout Hasher) {
            UTF8Bytes.hash(name, into: &hasher)
            hasher.combine(value)
        }
    }

    /// The steps from the root; none for the root itself.
    public var steps: [Step]

    /// Creates a path; without steps the root's.
    public init(_ steps: [Step] = []) { self.steps = steps }

    /// The path one step further.
    public func appending(_ step: Step) -> KeyPath { KeyPath(steps + [step]) }

    /// The text of the path.
    ///
    /// Members are escaped as in a JSON Pointer, and `[` as `~2`, so that no two paths have the
    /// same text. For people and as a name; it is not read back.
    public var description: String {
        steps.map { step in
            switch step {
            case .member(let name):
                "/" + Self.escape(JSONPointer.escape(name))
            case .index(let index): "[\(index)]"
            case .inserted(let index): "[+\(index)]"
            case .keyed(let fields):
                "["
                    + fields.map { "\(Self.escape($0.name))=\($0.value)" }
                    .joined(separator: ",") + "]"
            case .element(let value): "[=\(value)]"
            }
        }.joined()
    }

    private static func escape(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte == UInt8(ascii: "[") { bytes += "~2".utf8 } else { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension KeyPath.Step {
    /// Whether both steps are the same; names are compared by bytes.
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.member(let one), .member(let other)): UTF8Bytes.areEqual(one, other)
        case (.index(let one), .index(let other)): one == other
        case (.inserted(let one), .inserted(let other)): one == other
        case (.keyed(let one), .keyed(let other)): one == other
        case (.element(let one), .element(let other)): one == other
        default: false
        }
    }

    /// Feeds the step to `hasher`.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .member(let name): UTF8Bytes.hash(name, into: &hasher)
        case .index(let index): hasher.combine(index)
        case .inserted(let index): hasher.combine(~index)
        case .keyed(let fields): hasher.combine(fields)
        case .element(let value): hasher.combine(value)
        }
    }
}

/// How the lists of a document are compared; a list without a rule is ordered.
///
/// Order matters in some lists (arguments) and not in others (members of a group), and nothing in
/// JSON says which: so it is said per path, never for all.
public struct ListSemantics: Sendable, Hashable {
    /// What a list is.
    public enum Kind: Sendable, Hashable {
        /// Ordered: elements are compared by position. What lists are without a rule.
        case atomic
        /// A set, or multiset: order means nothing.
        case set
        /// Objects that are told apart by the values of these members.
        case map(keys: [String])
    }

    /// Where, and what.
    public struct Rule: Sendable, Hashable {
        /// Steps from the root; `*` matches any member and any element.
        ///
        /// Elements are matched by `*` only: their numbers change with what is before them.
        public let path: [String]
        /// What the lists there are.
        public let kind: Kind

        /// Creates a rule.
        public init(path: [String], kind: Kind) {
            self.path = path
            self.kind = kind
        }
    }

    /// The most rules of one source.
    public static let maximumRules = 256

    /// In order; the first that matches a list counts.
    public let rules: [Rule]

    /// Creates semantics; without rules all lists are ordered.
    public init(_ rules: [Rule] = []) { self.rules = rules }

    /// Reads `[{"path":"/spec/containers","as":"map","keys":["name"]}]`; `as` is `atomic`, `set`
    /// or `map`, and `*` in a path stands for any step.
    /// - Throws: ``JSONShapeError`` for an unknown or missing member, and for too many rules.
    public init(_ json: [JSON], path: String = "lists") throws(JSONShapeError) {
        guard json.count <= Self.maximumRules else {
            throw JSONShapeError(path: path, message: "at most \(Self.maximumRules) rules")
        }
        var rules: [Rule] = []
        for (position, element) in json.enumerated() {
            var reader = try JSONReader(element, path: "\(path)[\(position)]")
            let text = try reader.string("path")
            let pointer: JSONPointer
            do {
                pointer = try JSONPointer(parsing: text)
            } catch {
                throw reader.error("path", error.description)
            }
            let keys = try reader.optionalStrings("keys")
            let kind: Kind
            switch (try reader.string("as"), keys) {
            case ("atomic", nil): kind = .atomic
            case ("set", nil): kind = .set
            case ("map", let keys?) where (1...8).contains(keys.count): kind = .map(keys: keys)
            case ("map", _): throw reader.error("keys", "a map has 1 to 8 keys")
            case ("atomic", _), ("set", _): throw reader.error("keys", "only a map has keys")
            default: throw reader.error("as", "expected `atomic`, `set` or `map`")
            }
            try reader.finish()
            rules.append(Rule(path: pointer.tokens, kind: kind))
        }
        self.rules = rules
    }

    /// The rules as they are read.
    public var json: JSON {
        .array(
            rules.map { rule in
                var object: JSONObject = [
                    "path": .string(JSONPointer(tokens: rule.path).description)
                ]
                switch rule.kind {
                case .atomic: object["as"] = "atomic"
                case .set: object["as"] = "set"
                case .map(let keys):
                    object["as"] = "map"
                    object["keys"] = .array(keys.map(JSON.string))
                }
                return .object(object)
            })
    }
}
