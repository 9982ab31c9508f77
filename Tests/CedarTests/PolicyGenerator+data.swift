// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport

extension PolicyGenerator {
    // MARK: entities and requests

    /// Entities whose parents come later in the list, so that nothing is in itself.
    mutating func entities() -> JSON {
        var uids: [JSON] = []
        for type in Self.types {
            for id in Self.ids where chance(60) {
                uids.append(["type": .string(type), "id": .string(id)])
            }
        }
        uids.shuffle(using: &random)
        var entities: [JSON] = uids.indices.map { place in
            var parents: [JSON] = []
            for parent in uids[(place + 1)...] where chance(6) { parents.append(parent) }
            return [
                "uid": uids[place], "attrs": members(2), "parents": .array(parents),
                "tags": chance(50) ? members(1, keys: Self.ids) : [:],
            ]
        }
        let group: JSON = ["type": "Action", "id": "all"]
        for name in Self.actions where name != "read" {
            let parents: [JSON] = name == "all" || chance(40) ? [] : [group]
            entities.append([
                "uid": ["type": "Action", "id": .string(name)], "attrs": [:],
                "parents": .array(parents),
            ])
        }
        return .array(entities)
    }

    mutating func members(_ depth: Int, keys: [String] = attributes) -> JSON {
        var pairs: [(String, JSON)] = []
        for key in keys where chance(50) { pairs.append((key, value(depth))) }
        return .object(JSONObject(pairs))
    }

    mutating func uidJSON() -> JSON {
        ["type": .string(pick(Self.types)), "id": .string(pick(Self.ids))]
    }

    private mutating func value(_ depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: return .bool(chance(50))
        case 1: return .int(pick([0, 1, -1, 2, Int64.max, Int64.min] as [Int64]))
        case 2: return .string(pick(Self.ids))
        case 3: return ["__entity": uidJSON()]
        case 4:
            return pick(
                [
                    ["__extn": ["fn": "ip", "arg": "10.0.0.1"]],
                    ["__extn": ["fn": "decimal", "arg": "1.0"]],
                    ["__extn": ["fn": "duration", "arg": "1d"]],
                    [
                        "__extn": [
                            "fn": "offset",
                            "args": [
                                ["__extn": ["fn": "datetime", "arg": "2024-02-29"]],
                                ["__extn": ["fn": "duration", "arg": "1h"]],
                            ],
                        ]
                    ],
                ] as [JSON])
        case 5, 6: return members(depth - 1)
        default:
            return .array((0..<pick([0, 1, 3, 12])).map { _ in value(depth - 1) })
        }
    }

    mutating func request() -> JSON {
        [
            "principal": uidJSON(), "resource": uidJSON(),
            "action": ["type": "Action", "id": .string(pick(Self.actions))],
            "context": members(2),
        ]
    }

    // MARK: broken text

    static let schemaSplinters = [
        "entity", "action", "type", "namespace", "appliesTo", "principal", "resource", "context",
        "in", "tags", "enum", "attributes", "Set", "Set<Long>", "Long", "Bool", "__cedar",
        "__cedar::Long", "__cedar::X", "Alias", "User", "NS::Item", "Action", "is", "if", "@a",
        "@a(\"x\")", "@a(\"\\q\")", "{", "}", "[", "]", "<", ">", ",", ";", ":", "::", "=", "?",
        "\"x\"", "\"\"", "1", "-", "// c\n", "\u{A0}", "\u{E9}", "{a: Long}", "{a?: Long,}", "a,",
        "type T = {x: T};", "entity User;", "namespace NS {", "action \"view\";", "#",
    ]

    static let splinters = [
        "permit", "forbid", "when", "unless", "principal", "action", "resource", "context", "in",
        "has", "like", "is", "if", "then", "else", "true", "false", "__cedar", "A::B",
        "User::\"a\"", "(", ")", "{", "}", "[", "]", ",", ";", ":", "::", ".", "@", "@x",
        "@x(\"y\")", "==", "=", "!=", "<", "<=", ">", ">=", "&&", "||", "&", "|", "+", "-", "*",
        "/", "%", "!", "!!!!!", "-----", "!-1", "?", "?principal", "?other", "0", "007", "1x",
        "9223372036854775808", "18446744073709551616", "\"\\n\\r\\t\\0\\'\\x41\\u{1F_600}\"",
        "\"\\x80\"", "\"\\u{}\"", "\"\\u{110000}\"", "\"\\u{D800}\"", "\"\\*\"", "\"\\q\"", "\"",
        "\"a\nb\"", "\"a\rb\"", "\"\\\n\"", "// comment\n", "//", "\u{A0}", "\u{2028}", "\u{FEFF}",
        "\u{E9}", "\u{0}", "#", "{a: 1, \"a\": 2}", "{if: 1}", "{principal: 1}", "[1,]", "[,]",
        "isEmpty()", ".isEmpty()", ".contains(1, 2)", "foo(1)", "ip", ".ip(1)", "isIpv4(1)",
        "has \"a\".b", "has a.b.c", "like \"a\" + \"b\"", "is \"User\"", "a == b == c", "(x)(y)",
        "User::{id: 1}", "context[\"a\"]", "context[a]", "context[(\"a\")]", "principal()",
    ]

    /// A policy set with a few words put in, taken out, doubled or swapped.
    mutating func broken(_ text: String, _ splinters: [String] = splinters) -> String {
        var words = Self.words(of: text)
        for _ in 0..<pick([1, 1, 1, 2, 3]) where !words.isEmpty {
            let place = Int.random(in: 0..<words.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: words.remove(at: place)
            case 1: words.insert(words[place], at: place)
            case 2: words.swapAt(place, Int.random(in: 0..<words.count, using: &random))
            case 3: words[place] = pick(splinters)
            default: words.insert(pick(splinters), at: place)
            }
        }
        return spaced(words)
    }

    /// The same words with other white space and comments between them.
    mutating func respaced(_ text: String) -> String {
        spaced(Self.words(of: text))
    }

    private mutating func spaced(_ words: [String]) -> String {
        let blanks = [" ", " ", " ", "\n", "\t", "\u{A0}", "\u{2003}", "\r\n", " // c\n", "\u{85}"]
        return words.map { $0 + pick(blanks) }.joined()
    }

    static let policyMembers = ["op", "entity", "left", "arg", "Value", "==", "in", "x"]
    static let schemaMembers = [
        "type", "name", "element", "attributes", "additionalAttributes", "required", "tags", "enum",
        "shape", "memberOf", "memberOfTypes", "appliesTo", "context", "annotations", "User", "N",
        "commonTypes", "__cedar", "Action", "if", "a b", "Long", "", "Alias2", "principalTypes",
    ]

    /// JSON with one value somewhere put in the place of another, renamed or left out.
    mutating func broken(_ json: JSON, _ members: [String] = policyMembers) -> JSON {
        switch json {
        case .object(let object) where !object.isEmpty && chance(90):
            var object = object
            let (key, value) = pick(Array(object))
            switch Int.random(in: 0..<30, using: &random) {
            case 0: object[key] = nil
            case 1:
                object[key] = nil
                object[pick(members)] = value
            case 2: object[pick(["entity", "extra", "annotations"])] = pick(["x", 1, [:], []])
            default: object[key] = broken(value, members)
            }
            return .object(object)
        case .array(var elements) where !elements.isEmpty && chance(90):
            let place = Int.random(in: 0..<elements.count, using: &random)
            elements[place] = broken(elements[place], members)
            return .array(elements)
        default:
            return pick(
                [
                    "x", "All", "==", "in", "is", 1, true, .null, [], [:], ["Value": 1],
                    ["type": "U", "id": "x"], ["Var": "context"], ["Set": []], "Long", "User",
                    ["type": "Long"], ["type": "Record", "attributes": [:]], "NS::Item",
                    "__cedar::Long",
                    ["type": "EntityOrCommon", "name": "User"], ["type": "Alias2"],
                    ["type": "Set", "element": ["type": "Entity", "name": "User"]], ["id": "view"],
                ] as [JSON])
        }
    }

    // MARK: text of extension values

    private static let extensionTexts: [(function: ExtensionFunction, texts: [String])] = [
        (.decimal, ["1.0", "-0.5", "922337203685477.5807", "-922337203685477.5808", "00.0001"]),
        (.ip, ["10.0.0.1", "10.0.0.0/8", "1:2:3:4:5:6:7:8", "::1", "ffee::/64", "1::8/127"]),
        (.duration, ["1d2h3m4s5ms", "-1ms", "9223372036854775807ms", "106751991167d", "15m1ms"]),
        (
            .datetime,
            [
                "2024-02-29", "1969-12-31T23:59:59.999Z", "2000-01-01T00:00:00+0130",
                "0000-03-01T12:00:00.000-2359", "9999-12-31T23:59:59Z",
            ]
        ),
    ]

    /// A function of one text, and a text that often is good for it.
    mutating func extensionText() -> (function: ExtensionFunction, text: String) {
        let (function, texts) = pick(Self.extensionTexts)
        var characters = Array(pick(texts))
        let alphabet = Array("0123456789abdfhmstTZ.:/-+ 0012:::.")
        for _ in 0..<pick([0, 1, 1, 1, 2, 3]) where !characters.isEmpty {
            let place = Int.random(in: 0..<characters.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: characters.remove(at: place)
            case 1: characters[place] = pick(alphabet)
            default: characters.insert(pick(alphabet), at: place)
            }
        }
        return (function, String(characters))
    }

    /// Splits roughly: quoted text stays together, other signs stand alone.
    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quoted = false
        var escaped = false
        for scalar in text.unicodeScalars {
            let isLetter = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            if quoted {
                word.unicodeScalars.append(scalar)
                if !escaped, scalar == "\"" {
                    words.append(word)
                    (word, quoted) = ("", false)
                }
                escaped = !escaped && scalar == "\\"
            } else if isLetter || scalar == "_" {
                word.unicodeScalars.append(scalar)
            } else {
                if !word.isEmpty { words.append(word) }
                word = ""
                quoted = scalar == "\""
                if quoted {
                    word = "\""
                } else if !scalar.properties.isWhitespace {
                    words.append(String(scalar))
                }
            }
        }
        if !word.isEmpty { words.append(word) }
        return joined(words)
    }

    /// Puts the signs of two characters together again.
    private static func joined(_ words: [String]) -> [String] {
        var result: [String] = []
        for word in words {
            let both = (result.last ?? "") + word
            if ["::", "==", "!=", "<=", ">=", "&&", "||"].contains(both) {
                result[result.count - 1] = both
            } else {
                result.append(word)
            }
        }
        return result
    }
}
