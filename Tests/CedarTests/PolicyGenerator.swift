// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Makes random policies, entities and requests over a small world, so that they meet.
struct PolicyGenerator {
    var random: SeededRandom
    /// Whether some of the policies are templates.
    var hasSlots = false

    static let types = ["User", "Group", "NS::Doc", "A::B::C"]
    /// The same letter in one and in two code points, text that needs escapes, and the empty one.
    static let ids = ["a", "b", "\u{E9}", "e\u{301}", "", "x y\"\\", "K", "\u{212A}"]
    static let attributes = ["a", "b", "c", "permit", "has space", "\u{E9}", "e\u{301}", "in"]
    static let actions = ["view", "edit", "all", "read"]

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    // MARK: text

    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            default: String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }

    mutating func uid() -> String { "\(pick(Self.types))::\(Self.quoted(pick(Self.ids)))" }

    mutating func action() -> String { "Action::\(Self.quoted(pick(Self.actions)))" }

    mutating func policySet(_ count: Int) -> String {
        (0..<count).map { _ in policy() }.joined(separator: "\n")
    }

    mutating func policy() -> String {
        var text = ""
        if chance(20) { text += "@id(\"p\") @note " }
        text += chance(60) ? "permit(" : "forbid("
        let slots = hasSlots && chance(60)
        text += "principal\(constraint(slots ? "?principal" : nil)), action\(actionConstraint()), "
        text += "resource\(constraint(slots && chance(50) ? "?resource" : nil))"
        text += chance(10) ? ",)" : ")"
        for _ in 0..<pick([0, 1, 1, 1, 2, 3]) {
            text += chance(70) ? " when { " : " unless { "
            text += boolean(pick([1, 2, 2, 3, 4])) + " }"
        }
        return text + ";"
    }

    private mutating func constraint(_ slot: String?) -> String {
        switch Int.random(in: 0..<(slot == nil ? 10 : 5), using: &random) {
        case 0: " == \(slot ?? uid())"
        case 1: " in \(slot ?? uid())"
        case 2: " is \(pick(Self.types))"
        case 3: " is \(pick(Self.types)) in \(slot ?? uid())"
        default: ""
        }
    }

    private mutating func actionConstraint() -> String {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: " == \(action())"
        case 1: " in \(action())"
        case 2: " in [\(action()), \(action()),]"
        case 3: " in []"
        default: ""
        }
    }

    /// An expression that mostly is a boolean.
    mutating func boolean(_ depth: Int) -> String {
        guard depth > 0 else { return pick(["true", "false", "context.a", "principal.b"]) }
        switch Int.random(in: 0..<22, using: &random) {
        case 0, 1: return "(\(boolean(depth - 1)) && \(boolean(depth - 1)))"
        case 2, 3: return "(\(boolean(depth - 1)) || \(boolean(depth - 1)))"
        case 4: return "!(\(boolean(depth - 1)))"
        case 5:
            return "(if \(boolean(depth - 1)) then \(boolean(depth - 1)) "
                + "else \(boolean(depth - 1)))"
        case 6, 7: return "(\(any(depth - 1)) \(pick(["==", "!="])) \(any(depth - 1)))"
        case 8, 9: return "(\(long(depth - 1)) \(pick(["<", "<=", ">", ">="])) \(long(depth - 1)))"
        case 10:
            return "(\(entity(depth - 1)) in \(chance(50) ? entity(0) : set(1, entities: true)))"
        case 11: return "(\(entity(depth - 1)) is \(pick(Self.types)))"
        case 12: return "(\(entity(depth - 1)) is \(pick(Self.types)) in \(entity(0)))"
        case 13: return "(\(any(depth - 1)) has \(path()))"
        case 14: return "(\(string(depth - 1)) like \(pattern()))"
        case 15: return "\(set(depth - 1)).contains(\(any(depth - 1)))"
        case 16: return "\(set(depth - 1)).\(pick(["containsAll", "containsAny"]))(\(set(1)))"
        case 17: return "\(set(depth - 1)).isEmpty()"
        case 18: return "\(entity(depth - 1)).hasTag(\(string(0)))"
        case 19: return extensionTest(depth - 1)
        default: return any(depth - 1)
        }
    }

    private mutating func path() -> String {
        let names = Self.attributes.filter { $0 == "a" || $0 == "b" || $0 == "c" || $0 == "permit" }
        if chance(30) { return Self.quoted(pick(Self.attributes)) }
        return (0..<pick([1, 1, 2, 3])).map { _ in pick(names) }.joined(separator: ".")
    }

    mutating func pattern() -> String {
        let parts = ["*", "a", "b", "\\*", "\u{E9}", "e\u{301}", "\\u{2a}", "x y", "\\\\", "K"]
        return "\"" + (0..<pick([0, 1, 2, 3, 5])).map { _ in pick(parts) }.joined() + "\""
    }

    mutating func any(_ depth: Int) -> String {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return boolean(depth)
        case 1: return long(depth)
        case 2: return string(depth)
        case 3: return entity(depth)
        case 4: return set(depth)
        case 5: return record(depth)
        case 6: return extensionValue(depth)
        default: return attribute(depth)
        }
    }

    private mutating func attribute(_ depth: Int) -> String {
        let base =
            depth > 0 && chance(40) ? any(depth - 1) : pick(["principal", "resource", "context"])
        let name = pick(Self.attributes)
        let isPlain = ["a", "b", "c", "permit"].contains(name)
        return isPlain && chance(70) ? "(\(base)).\(name)" : "(\(base))[\(Self.quoted(name))]"
    }

    mutating func long(_ depth: Int) -> String {
        guard depth > 0, chance(60) else {
            return chance(20)
                ? attribute(depth)
                : pick(["0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808"])
        }
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return "(-\(pick(["(\(long(depth - 1)))", "--7", "context.a"])))"
        case 1: return "(\(long(depth - 1)) + \(long(depth - 1)) - \(long(depth - 1)))"
        case 2: return "(\(long(depth - 1)) * \(long(depth - 1)))"
        case 3: return "\(extensionValue(depth - 1)).toDays()"
        default: return any(depth - 1)
        }
    }

    mutating func string(_ depth: Int) -> String {
        if depth > 0, chance(30) { return attribute(depth) }
        return Self.quoted(pick(Self.ids))
    }

    mutating func entity(_ depth: Int) -> String {
        if depth > 0, chance(20) { return attribute(depth) }
        if depth > 0, chance(15) { return "\(entity(depth - 1)).getTag(\(string(0)))" }
        return chance(50) ? pick(["principal", "resource", "action"]) : uid()
    }

    mutating func set(_ depth: Int, entities: Bool = false) -> String {
        if depth > 0, chance(15) { return attribute(depth) }
        let elements = (0..<pick([0, 1, 2, 3, 12])).map { _ in
            entities && chance(90) ? entity(0) : chance(70) ? long(0) : any(max(depth - 1, 0))
        }
        return "[" + elements.joined(separator: ", ") + "]"
    }

    private mutating func record(_ depth: Int) -> String {
        guard depth > 0 else { return "{}" }
        var fields: [String] = []
        for name in Self.attributes where chance(25) {
            fields.append("\(Self.quoted(name)): \(any(depth - 1))")
        }
        return "{" + fields.joined(separator: ", ") + "}"
    }

    // MARK: extensions

    private static let constructors = [
        #"decimal("1.0")"#, #"decimal("-0.5")"#, #"decimal("1.00")"#, #"decimal("x")"#,
        #"ip("10.0.0.1")"#, #"ip("10.0.0.0/8")"#, #"ip("::1")"#, #"ip("224.0.0.1/4")"#,
        #"ip("1.2.3")"#, #"datetime("2024-02-29")"#, #"datetime("1969-12-31T23:59:59.999Z")"#,
        #"datetime("2024-02-30")"#, #"duration("1d2h")"#, #"duration("-5ms")"#, #"duration("")"#,
        #"duration("9223372036854775807ms")"#, #"decimal()"#, #"ip("::", "::")"#, "ip(1)",
    ]

    private mutating func extensionValue(_ depth: Int) -> String {
        guard depth > 0, chance(30) else { return pick(Self.constructors) }
        let method = pick(["offset", "durationSince"])
        return "\(extensionValue(depth - 1)).\(method)(\(extensionValue(depth - 1)))"
    }

    private mutating func extensionTest(_ depth: Int) -> String {
        let one = extensionValue(depth)
        let two = extensionValue(depth)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return "(\(one) \(pick(["<", "<=", ">", ">=", "=="])) \(two))"
        case 1: return "\(one).\(pick(["isIpv4", "isIpv6", "isLoopback", "isMulticast"]))()"
        case 2: return "\(one).isInRange(\(two))"
        default:
            return "\(one).\(pick(["lessThan", "lessThanOrEqual", "greaterThan"]))(\(two))"
        }
    }
}
