// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport

/// Small documents from a small alphabet, so that elements repeat, keys collide and lists have
/// much in common, and changed versions of them.
struct RandomDocuments {
    var random: SeededRandom

    mutating func value(depth: Int = 4) -> JSON {
        switch int(depth > 0 ? 10 : 4) {
        case 0: return .int(int(4))
        case 1: return .string(name())
        case 2: return int(2) == 0 ? .null : .bool(int(2) == 0)
        case 3: return JSONNumber(text: ["1.0", "10e-1", "2.5", "0"][int(4)]).map(JSON.number) ?? 0
        case 4, 5, 6: return .array((0..<int(7)).map { _ in value(depth: depth - 1) })
        default: return .object(object(depth: depth))
        }
    }

    private mutating func object(depth: Int) -> JSONObject {
        var object = JSONObject()
        for _ in 0..<int(5) { object[name()] = value(depth: depth - 1) }
        if int(2) == 0 { object["k"] = .int(int(4)) }
        return object
    }

    /// The value with a few changes, somewhere.
    mutating func changed(_ value: JSON, depth: Int = 4) -> JSON {
        switch (value, int(6)) {
        case (.object(var object), 1...):
            for (name, member) in object where int(3) == 0 {
                object[name] = changed(member, depth: depth - 1)
            }
            if int(4) == 0 { object[name()] = self.value(depth: depth - 1) }
            if int(4) == 0, let name = object.keys.first { object[name] = Optional.none }
            return .object(object)
        case (.array(var elements), 1...):
            for index in elements.indices where int(4) == 0 {
                elements[index] = changed(elements[index], depth: depth - 1)
            }
            if int(3) == 0 { elements.shuffle(using: &random) }
            if int(3) == 0, !elements.isEmpty { elements.remove(at: int(elements.count)) }
            if int(3) == 0 {
                elements.insert(self.value(depth: depth - 1), at: int(elements.count + 1))
            }
            return .array(elements)
        case (_, 0...2): return self.value(depth: max(depth, 0))
        default: return value
        }
    }

    /// A document and another version of it, or one that has nothing to do with it.
    mutating func pair() -> (JSON, JSON) {
        let left = value()
        return (left, int(5) == 0 ? value() : changed(left))
    }

    /// Rules that match somewhere in documents like these.
    mutating func rules() -> ListSemantics {
        ListSemantics(
            (0..<int(5)).map { _ in
                ListSemantics.Rule(
                    path: (0..<int(4)).map { _ in int(2) == 0 ? "*" : name() }, kind: kind())
            })
    }

    /// Rules by which every list of these documents is a set or has keys.
    mutating func rulesWithoutOrder() -> ListSemantics {
        ListSemantics(
            (0...6).map { depth in
                ListSemantics.Rule(
                    path: Array(repeating: "*", count: depth),
                    kind: int(3) == 0 ? .set : .map(keys: ["k"]))
            })
    }

    mutating func int(_ below: Int) -> Int { Int.random(in: 0..<below, using: &random) }

    private mutating func name() -> String { ["a", "b", "é", "e\u{301}", "/~[", "0"][int(6)] }

    private mutating func kind() -> ListSemantics.Kind {
        switch int(5) {
        case 0: .atomic
        case 1, 2: .set
        case 3: .map(keys: ["k"])
        default: .map(keys: ["a", "k"])
        }
    }
}
