// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

/// Thirty changes are thirty differences, whatever else moved.
@Suite("Noise in JSON differences")
struct JSONDiffNoiseTests {
    private static let keyed = ListSemantics([
        ListSemantics.Rule(path: ["items"], kind: .map(keys: ["id"]))
    ])
    private static let set = ListSemantics([ListSemantics.Rule(path: ["items"], kind: .set)])

    private func items(_ count: Int) -> [JSON] {
        (0..<count).map { index in
            [
                "id": .string("item-\(index)"), "owner": .string("user-\(index % 17)"),
                "limits": ["cpu": .int(index % 8), "memory": "512Mi"],
                "tags": ["blue", .string("zone-\(index % 3)")],
            ]
        }
    }

    /// Every 16th of them with another CPU limit: 30 of 500.
    private func changed(_ items: [JSON]) throws -> [JSON] {
        var items = items
        for number in 0..<30 {
            guard case .object(var item) = items[number * 16],
                case .object(var limits) = item["limits"]
            else { throw WrongShape() }
            limits["cpu"] = 99
            item["limits"] = .object(limits)
            items[number * 16] = .object(item)
        }
        return items
    }

    private struct WrongShape: Error {}

    /// A peer reports 592 operations for this.
    @Test("Thirty changes in a shuffled list of 500 are thirty differences")
    func shuffled() throws {
        var random = SeededRandom.forTest()
        let expected: JSON = ["items": .array(items(500))]
        let live: JSON = ["items": .array(try changed(items(500)).shuffled(using: &random))]
        let found = JSONDiff.differences(from: expected, to: live, lists: Self.keyed)
        #expect(found.count == 30)
        #expect(
            found.map(\.path.description)
                == (0..<30).map { #"/items[id="item-\#($0 * 16)"]/limits/cpu"# })
        #expect(JSONDiff.patch(from: expected, to: live, lists: Self.keyed).operations.count == 30)
        // In a set nothing tells which belong together.
        let asSet = JSONDiff.differences(from: expected, to: live, lists: Self.set)
        #expect(asSet.count { $0.operation == .remove } == 30)
        #expect(asSet.count == 60)
        // And an ordered list that was shuffled is one difference.
        #expect(JSONDiff.differences(from: expected, to: live).map(\.operation) == [.replace])
    }

    @Test("Thirty changes in an ordered list are thirty differences, with insertions too")
    func inPlace() throws {
        let expected: JSON = ["items": .array(items(500))]
        var list = try changed(items(500))
        let found = JSONDiff.differences(from: expected, to: ["items": .array(list)])
        #expect(found.count == 30)
        #expect(JSONDiff.patch(from: expected, to: ["items": .array(list)]).operations.count == 30)

        list.insert("first", at: 5)
        list.insert("middle", at: 250)
        let shifted = JSONDiff.differences(from: expected, to: ["items": .array(list)])
        #expect(
            shifted.filter { $0.operation == .add }.map(\.path.description)
                == ["/items[+5]", "/items[+250]"])
        #expect(shifted.filter { $0.operation != .add }.map(\.path) == found.map(\.path))
        #expect(shifted.count == 32)
    }

    @Test("An insertion does not change the paths of a keyed list")
    func stablePaths() throws {
        let expected: JSON = ["items": .array(items(500))]
        var list = try changed(items(500))
        let found = JSONDiff.differences(
            from: expected, to: ["items": .array(list)], lists: Self.keyed)
        list.insert(["id": "new"], at: 3)
        let after = JSONDiff.differences(
            from: expected, to: ["items": .array(list)], lists: Self.keyed)
        #expect(after.dropLast().map(\.path) == found.map(\.path))
        #expect(after.last?.path.description == #"/items[id="new"]"#)
        #expect(after.last?.operation == .add)
    }

    @Test("Ten thousand shuffled elements are compared without comparing each with each")
    func large() throws {
        var random = SeededRandom.forTest()
        let list = items(10_000)
        let mixed = list.shuffled(using: &random)
        let (expected, live): (JSON, JSON) = (["items": .array(list)], ["items": .array(mixed)])
        #expect(JSONDiff.differences(from: expected, to: live, lists: Self.set) == [])
        #expect(JSONDiff.differences(from: expected, to: live, lists: Self.keyed) == [])
        #expect(JSONDiff.differences(from: expected, to: live).map(\.operation) == [.reorder])
        let longer: JSON = ["items": .array(mixed + [1])]
        #expect(JSONDiff.differences(from: expected, to: longer).map(\.operation) == [.replace])
        #expect(
            JSONDiff.differences(from: expected, to: longer, lists: Self.set)
                .map(\.path.description) == ["/items[=1]"])
    }
}
