// SPDX-License-Identifier: Apache-2.0

/// Which elements of two sets have no equal in the other one.
struct SetDifference {
    /// Indices in the left list.
    var removed: [Int] = []
    /// Indices in the right list.
    var added: [Int] = []

    /// Compares the elements at some indices of two lists regardless of their order.
    init(_ before: [JSON], _ left: [Int], _ after: [JSON], _ right: [Int], rules: ListRules?) {
        // Equal ones that stand opposite cancel out, which spares hashing what did not move.
        let shorter = min(left.count, right.count)
        let moved = (0..<shorter).filter {
            !ListRules.areEqual(before[left[$0]], after[right[$0]], rules: rules)
        }
        let leftRest = moved.map { left[$0] } + left[shorter...]
        let rightRest = moved.map { right[$0] } + right[shorter...]
        if leftRest.isEmpty, rightRest.isEmpty { return }
        var classes = ElementClasses(rules: rules)
        let rightClasses = rightRest.map { classes.class(of: after[$0]) }
        var counts = ClassCounts()
        for number in rightClasses { counts.add(number) }
        for index in leftRest where !counts.take(classes.class(of: before[index])) {
            removed.append(index)
        }
        for (index, number) in zip(rightRest, rightClasses) where counts.take(number) {
            added.append(index)
        }
    }
}

/// Which elements of two keyed lists belong together.
struct KeyedLists {
    /// Indices in both lists: in the order of the left one, then those only in the right one.
    private(set) var pairs: [(left: Int?, right: Int?)] = []
    /// Indices of elements that keys do not tell apart: without all keys, or with keys that occur
    /// twice in either list.
    private(set) var leftUnkeyed: [Int] = []
    private(set) var rightUnkeyed: [Int] = []

    init(_ left: [JSON], _ right: [JSON], keys: [String], rules: ListRules?) {
        // An element's keys are numbered as if it had no other members.
        var classes = ElementClasses(rules: rules)
        func number(_ elements: [JSON]) -> [Int?] {
            elements.map { element in Self.key(element, keys).map { classes.class(of: $0) } }
        }
        let leftNumbers = number(left)
        let rightNumbers = number(right)
        let leftPlaces = Places(leftNumbers)
        let rightPlaces = Places(rightNumbers)
        for (index, number) in leftNumbers.enumerated() {
            if let number, !leftPlaces.repeats(number), !rightPlaces.repeats(number) {
                pairs.append((index, rightPlaces.first(number)))
            } else {
                leftUnkeyed.append(index)
            }
        }
        for (index, number) in rightNumbers.enumerated() {
            if let number, !leftPlaces.repeats(number), !rightPlaces.repeats(number) {
                if leftPlaces.first(number) == nil { pairs.append((nil, index)) }
            } else {
                rightUnkeyed.append(index)
            }
        }
    }

    /// What an element is told apart by; `nil` where it lacks a key.
    private static func key(_ element: JSON, _ keys: [String]) -> JSON? {
        guard case .object(let object) = element else { return nil }
        var key = JSONObject()
        for name in keys {
            guard let value = object[name] else { return nil }
            key[name] = value
        }
        return .object(key)
    }
}

/// Where the elements of each class are.
private struct Places {
    private var places: [(first: Int, count: Int)?] = []

    init(_ numbers: [Int?]) {
        for (index, number) in numbers.enumerated() {
            guard let number else { continue }
            while places.count <= number { places.append(nil) }
            if let place = places[number] {
                places[number] = (place.first, place.count + 1)
            } else {
                places[number] = (index, 1)
            }
        }
    }

    func first(_ number: Int) -> Int? { number < places.count ? places[number]?.first : nil }

    func repeats(_ number: Int) -> Bool {
        number < places.count && (places[number]?.count ?? 0) > 1
    }
}
