// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing
import ToolSchemas

/// Random types in Cedar syntax, and JSON that mostly fits them.
private struct InputGenerator {
    indirect enum Kind {
        case leaf(String)
        case set(Kind)
        case record([(name: String, kind: Kind, isRequired: Bool)])
        case tuple([Kind])
        case union([Kind])

        var text: String {
            switch self {
            case .leaf(let name): return name
            case .set(let element): return "Set<\(element.text)>"
            case .record(let attributes):
                let inner = attributes.map {
                    "\(Value.string($0.name))\($0.isRequired ? "" : "?"): \($0.kind.text)"
                }
                return "{ \(inner.joined(separator: ", ")) }"
            case .tuple(let kinds):
                let inner = kinds.enumerated().map { "proj\($0): \($1.text)" }
                return "{ \(inner.joined(separator: ", ")) }"
            case .union(let kinds):
                let inner = kinds.enumerated().map { "typeChoice\($0)?: \($1.text)" }
                return "{ \(inner.joined(separator: ", ")) }"
            }
        }
    }

    var random: SeededRandom

    static let leaves = [
        "Bool", "Long", "String", "decimal", "ipaddr", "datetime", "duration", "Color", "Agent",
        "Opaque", "Bag", "Tree", "Both", "Doc",
    ]
    static let names = [
        "a", "b", "c", "in", "has space", "\u{E9}", "e\u{301}", "a/b~", "type", "id",
    ]
    static let texts = [
        "", "red", "1.5", "10.0.0.0/8", "::1", "2026-01-01", "2026-01-01T00:00:00+02:00",
        "2026-01-01T00:00:00.5Z", "1h", "x", "\u{E9}", "\u{202E}\n\"\\",
    ]
    static let numbers = ["0", "1", "-7", "1.0", "2.5", "1e2", "0.0001", "2.00004", "1e30", "-0.0"]

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &random)]
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    mutating func kind(_ depth: Int) -> Kind {
        guard depth > 0, chance(70) else { return .leaf(pick(Self.leaves)) }
        let count = Int.random(in: 1...4, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return .set(kind(depth - 1))
        case 1: return .tuple((0..<count).map { _ in kind(depth - 1) })
        case 2: return .union((0..<count).map { _ in kind(depth - 1) })
        default:
            var left = Self.names
            return .record(
                (0..<count).map { _ in
                    let place = Int.random(in: left.indices, using: &random)
                    return (left.remove(at: place), kind(depth - 1), chance(50))
                })
        }
    }

    mutating func json(_ kind: Kind) -> JSON {
        if chance(2) { return anything(2) }
        switch kind {
        case .leaf(let name): return leaf(name)
        case .set(let element):
            return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in json(element) })
        case .tuple(let kinds): return .array(kinds.map { json($0) })
        case .union(let kinds): return json(pick(kinds))
        case .record(let attributes):
            var object = JSONObject()
            for attribute in attributes where attribute.isRequired || chance(60) {
                object[attribute.name] =
                    !attribute.isRequired && chance(15) ? JSON.null : json(attribute.kind)
            }
            return .object(object)
        }
    }

    private mutating func leaf(_ name: String) -> JSON {
        switch name {
        case "Bool": return .bool(chance(50))
        case "Long": return number(pick(["0", "1", "-7", "1.0", "1e2", "9223372036854775807"]))
        case "String": return .string(pick(Self.texts))
        case "decimal": return chance(80) ? number(pick(Self.numbers)) : "1.5"
        case "ipaddr": return .string(pick(["::1", "10.0.0.0/8", "10.0.0.1"]))
        case "datetime": return .string(pick(Array(Self.texts[5...7])))
        case "duration": return .string(pick(["1h", "-1d2ms", "5s"]))
        case "Color": return .string(pick(["red", "green", "\u{E9}"]))
        case "Agent": return ["type": .string(name), "id": .string(pick(Self.texts))]
        case "Bag": return members { $0.leaf("Long") }
        case "Tree": return members { $0.chance(60) ? [:] : $0.members { _ in [:] } }
        case "Doc": return chance(50) ? ["type": "Doc", "id": "d"] : ["owner": leaf("Agent")]
        case "Both": return ["a": leaf("Long"), "more": .string(pick(Self.texts))]
        default: return anything(3)
        }
    }

    private mutating func members(_ value: (inout InputGenerator) -> JSON) -> JSON {
        var object = JSONObject()
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
            object[pick(Self.names)] = value(&self)
        }
        return .object(object)
    }

    mutating func anything(_ depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &random) {
        case 0: return .null
        case 1: return .bool(chance(50))
        case 2: return number(pick(Self.numbers))
        case 3: return .string(pick(Self.texts))
        case 4:
            return .array(
                (0..<Int.random(in: 0..<3, using: &random)).map { _ in anything(depth - 1) })
        default: return members { $0.anything(depth - 1) }
        }
    }

    private func number(_ text: String) -> JSON {
        JSONNumber(text: text).map { .number($0) } ?? .null
    }

    /// The same value written otherwise: numbers in another form.
    mutating func respelled(_ json: JSON) -> JSON {
        switch json {
        case .number(let number):
            let text = number.text
            let other = text.contains(where: { $0 == "e" || $0 == "E" }) ? text : "\(text)e0"
            return self.number(other)
        case .array(let elements): return .array(elements.map { respelled($0) })
        case .object(let object):
            return .object(JSONObject(object.map { ($0.key, respelled($0.value)) }.reversed()))
        default: return json
        }
    }
}

@Suite struct TypedInputPropertyTests {
    /// What converts passes validation, gives the same value each time and however it is written,
    /// and has been given no less than the type requires.
    @Test func whatConvertsIsValid() throws {
        var generator = InputGenerator(random: .forTest())
        var tally: [String: Int] = [:]
        for round in 0..<1_500 {
            let kind = generator.kind(3)
            var inputs = try Inputs(kind.text)
            inputs.options.buildsEntities = round.isMultiple(of: 2)
            for _ in 0..<6 {
                let json = generator.json(kind)
                do throws(TypedInputError) {
                    let input = try inputs.convert(json)
                    tally["converted", default: 0] += 1
                    #expect(throws: Never.self, "\(kind.text) \(json)") {
                        try inputs.validate(input)
                    }
                    #expect(try inputs.convert(json) == input)
                    #expect(try inputs.convert(generator.respelled(json)) == input)
                } catch {
                    tally[error.kind.rawValue, default: 0] += 1
                    #expect(!error.description.contains("\n"))
                    // The place exists, up to a member that is missing.
                    #expect(json[error.pointer] != nil, "\(error) in \(json)")
                }
            }
        }
        report("typed input: \(tally.sorted { $0.key < $1.key })")
        #expect(tally["converted", default: 0] > 3_000)
    }

    /// Different numbers, texts and truth values never become equal.
    @Test func differentValuesStayDifferent() throws {
        var generator = InputGenerator(random: .forTest())
        for type in ["Opaque", "Long", "decimal", "String", "Bool", "{ a?: Long, b?: String }"] {
            let inputs = try Inputs(type)
            var seen: [TypedInput: JSON] = [:]
            for _ in 0..<2_000 {
                let json =
                    type == "Opaque"
                    ? generator.anything(3)
                    : generator.json(.leaf(type))
                guard let input = try? inputs.convert(json) else { continue }
                if let other = seen[input], other != json {
                    // Only a decimal has two ways to be given.
                    let isText = other.stringValue != nil || json.stringValue != nil
                    #expect(type == "decimal" && isText, "\(other) and \(json) are \(input)")
                }
                seen[input] = json
            }
        }
    }
}
