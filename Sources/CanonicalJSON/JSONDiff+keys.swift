// SPDX-License-Identifier: Apache-2.0

/// Which elements of two keyed lists belong together.
struct KeyedLists {
    /// Indices in both lists: in the order of the left one, then those only in the right one.
    private(set) var pairs: [(left: Int?, right: Int?)] = []
    /// Indices of elements that keys do not tell apart: without all keys, or with keys that occur
    /// twice in either list.
    private(set) var leftUnkeyed: [Int] = []
    private(set) var rightUnkeyed: [Int] = []

    private let keys: [String]

    init(_ left: [JSON], _ right: [JSON], keys: [String], rules: ListRules?) {
        self.keys = keys
        // An element's keys are numbered as if it had no other members.
        var classes = ElementClasses(rules: rules)
        let keys = keys
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

    /// The keys of an element, in the order of the rule.
    func fields(_ element: JSON) -> [KeyPath.Field] {
        keys.compactMap { name in
            element[name].map { KeyPath.Field(name: name, value: $0) }
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
