// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@Suite("JSON differences of random documents")
struct JSONDiffPropertyTests {
    private static let cases = 2_000

    @Test("A patch makes one document exactly the other")
    func patch() throws {
        var random = RandomDocuments(random: .forTest())
        for number in 0..<Self.cases {
            let (old, new) = random.pair()
            let patch = JSONDiff.patch(from: old, to: new, isGuarded: number % 2 == 0)
            #expect(try patch.applied(to: old) == new, "\(old) to \(new): \(patch.json)")
            #expect(patch.operations.isEmpty == (old == new))
            #expect(try JSONPatch(JSON(parsing: patch.json.description)) == patch)
        }
    }

    @Test("A patch by rules makes one document the other by the same rules")
    func patchByRules() throws {
        var random = RandomDocuments(random: .forTest())
        for number in 0..<Self.cases {
            let (old, new) = random.pair()
            let lists = random.rules()
            let patch = JSONDiff.patch(
                from: old, to: new, lists: lists, isGuarded: number % 2 == 0)
            let patched = try patch.applied(to: old)
            #expect(
                JSONDiff.areEqual(patched, new, lists: lists),
                "\(old) to \(new) by \(lists.json): \(patch.json)")
        }
    }

    @Test("There are differences if and only if the documents are not equal by the rules")
    func completeness() throws {
        var random = RandomDocuments(random: .forTest())
        var equal = 0
        for number in 0..<Self.cases {
            let (expected, other) = random.pair()
            let live = number % 4 == 0 ? shuffled(expected, &random.random) : other
            let lists = number % 8 == 0 ? random.rulesWithoutOrder() : random.rules()
            let areEqual = JSONDiff.areEqual(expected, live, lists: lists)
            let differences = JSONDiff.differences(from: expected, to: live, lists: lists)
            #expect(differences.isEmpty == areEqual, "\(expected), \(live), \(lists.json)")
            let forms = try [expected, live].map { try JSONDiff.normalised($0, lists: lists) }
            #expect((forms[0] == forms[1]) == areEqual, "\(expected), \(live), \(lists.json)")
            equal += areEqual && expected != live ? 1 : 0
        }
        #expect(equal > 50)
    }

    @Test("Every pointer leads to its value, and no two differences have the same path")
    func pointers() throws {
        var random = RandomDocuments(random: .forTest())
        for _ in 0..<Self.cases {
            let (expected, live) = random.pair()
            // By bytes, as names that look the same are different ones.
            var seen: [[UInt8]: JSONDifference] = [:]
            for difference in JSONDiff.differences(
                from: expected, to: live, lists: random.rules())
            {
                if difference.operation == .remove {
                    #expect(difference.pointer.resolve(in: expected) == difference.before)
                    #expect(difference.after == Optional.none)
                } else {
                    #expect(difference.pointer.resolve(in: live) == difference.after)
                    #expect((difference.before == Optional.none) == (difference.operation == .add))
                }
                let path = difference.path.description
                let other = seen.updateValue(difference, forKey: Array(path.utf8))
                guard let other else { continue }
                guard case .element = difference.path.steps.last else {
                    Issue.record("\(path) twice: \(expected), \(live)")
                    continue
                }
                #expect(other.operation == difference.operation)
            }
        }
    }

    /// So nothing that happened is missing from them, and nothing is in them that did not.
    @Test("Undoing the differences in the live document gives the expected one")
    func undoing() throws {
        var random = RandomDocuments(random: .forTest())
        for _ in 0..<Self.cases {
            let (expected, live) = random.pair()
            let lists = random.rulesWithoutOrder()
            var undone = live
            // Additions last and from the end, so that no pointer loses its place.
            var additions: [JSONPointer] = []
            for difference in JSONDiff.differences(from: expected, to: live, lists: lists) {
                switch difference.operation {
                case .add: additions.append(difference.pointer)
                case .replace, .retype, .reorder:
                    let before = try #require(difference.before)
                    undone = try JSONPatch([.replace(difference.pointer, before)])
                        .applied(to: undone)
                case .remove:
                    let parent = try #require(
                        pointer(to: difference.path.steps.dropLast(), in: live))
                    let isList = undone[parent]?.arrayValue != nil
                    let token = isList ? "-" : try #require(difference.pointer.tokens.last)
                    let before = try #require(difference.before)
                    undone = try JSONPatch([.add(parent.appending(token), before)])
                        .applied(to: undone)
                }
            }
            for pointer in additions.sorted(by: isLater) {
                undone = try JSONPatch([.remove(pointer)]).applied(to: undone)
            }
            #expect(
                JSONDiff.areEqual(undone, expected, lists: lists),
                "\(expected), \(live), \(lists.json), \(undone)")
        }
    }

    /// Finds the place that keys name; elements of sets have nothing below them.
    private func pointer(
        to steps: ArraySlice<KeyPath.Step>, in document: JSON
    ) -> JSONPointer? {
        var pointer = JSONPointer(tokens: [])
        for step in steps {
            switch step {
            case .member(let name): pointer = pointer.appending(name)
            case .keyed(let fields):
                let elements = document[pointer]?.arrayValue ?? []
                let index = elements.firstIndex { element in
                    fields.allSatisfy { element[$0.name] == $0.value }
                }
                guard let index else { return nil }
                pointer = pointer.appending(String(index))
            case .index, .inserted, .element: return nil
            }
        }
        return pointer
    }

    private func isLater(_ left: JSONPointer, _ right: JSONPointer) -> Bool {
        for (left, right) in zip(left.tokens, right.tokens) where left != right {
            if let left = Int(left), let right = Int(right) { return left > right }
            return UTF8Bytes.precedes(right, left)
        }
        return left.tokens.count > right.tokens.count
    }

    @Test("The order of sets and keyed lists is no difference")
    func shuffling() throws {
        var random = RandomDocuments(random: .forTest())
        for _ in 0..<Self.cases {
            let document = random.value()
            let lists = random.rulesWithoutOrder()
            let other = shuffled(document, &random.random)
            #expect(JSONDiff.differences(from: document, to: other, lists: lists) == [])
            #expect(
                JSONDiff.patch(from: document, to: other, lists: lists).operations.isEmpty)
        }
    }

    private func shuffled(_ value: JSON, _ random: inout SeededRandom) -> JSON {
        switch value {
        case .array(let elements):
            return .array(elements.map { shuffled($0, &random) }.shuffled(using: &random))
        case .object(var object):
            for (name, member) in object { object[name] = shuffled(member, &random) }
            return .object(object)
        case .null, .bool, .number, .string: return value
        }
    }
}
