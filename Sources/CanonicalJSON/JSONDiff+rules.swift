// SPDX-License-Identifier: Apache-2.0

/// The rules that can still match below one place of a document.
///
/// Narrowed step by step and only where a document leads, so that what rules could say about
/// paths that do not exist costs nothing. `nil` stands for no rules: then all lists are ordered.
final class ListRules {
    /// What a list at this place is.
    let kind: ListSemantics.Kind

    private typealias Candidate = (path: ArraySlice<String>, kind: ListSemantics.Kind)
    /// The rules for places further down, in order.
    private let further: [Candidate]
    /// By name: the rules below members that rules name, sorted by UTF-16.
    private var named: [(name: String, rules: ListRules?)]?
    private var unnamed: ListRules??

    convenience init?(_ semantics: ListSemantics) {
        self.init(semantics.rules.map { ($0.path[...], $0.kind) })
    }

    private init?(_ candidates: [Candidate]) {
        guard !candidates.isEmpty else { return nil }
        kind = candidates.first { $0.path.isEmpty }?.kind ?? .atomic
        further = candidates.filter { !$0.path.isEmpty }
    }

    /// The rules below any element of a list at this place.
    var element: ListRules? {
        if let unnamed { return unnamed }
        let rules = after { $0 == "*" }
        unnamed = .some(rules)
        return rules
    }

    /// The rules below the member `name` of an object at this place.
    func member(_ name: String) -> ListRules? {
        if further.isEmpty { return nil }
        let named = self.named ?? nameMembers()
        var low = 0
        var high = named.count
        while low < high {
            let middle = (low + high) / 2
            switch UTF8Bytes.order(named[middle].name, name) {
            case .equal: return named[middle].rules
            case .ascending: low = middle + 1
            case .descending: high = middle
            }
        }
        return element
    }

    private func nameMembers() -> [(name: String, rules: ListRules?)] {
        var names = further.compactMap(\.path.first).filter { $0 != "*" }
        names.sort(by: UTF8Bytes.precedesInUTF16)
        var result: [(name: String, rules: ListRules?)] = []
        for name in names {
            if let last = result.last, UTF8Bytes.areEqual(last.name, name) { continue }
            result.append((name, after { $0 == "*" || UTF8Bytes.areEqual($0, name) }))
        }
        named = result
        return result
    }

    private func after(_ matches: (String) -> Bool) -> ListRules? {
        ListRules(
            further.compactMap { candidate in
                guard let step = candidate.path.first, matches(step) else { return nil }
                return (candidate.path.dropFirst(), candidate.kind)
            })
    }
}

extension ListRules {
    /// Whether both values are the same, apart from the order in sets and keyed lists.
    static func areEqual(_ left: JSON, _ right: JSON, rules: ListRules?) -> Bool {
        guard let rules else { return left == right }
        switch (left, right) {
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            for (left, right) in zip(left.members, right.members) {
                guard UTF8Bytes.areEqual(left.key, right.key),
                    areEqual(left.value, right.value, rules: rules.member(left.key))
                else { return false }
            }
            return true
        case (.array(let left), .array(let right)):
            guard left.count == right.count else { return false }
            let element = rules.element
            if case .atomic = rules.kind {
                return zip(left, right).allSatisfy { areEqual($0, $1, rules: element) }
            }
            return areSameSets(left, right, rules: element)
        default:
            return left == right
        }
    }

    /// Whether both lists have the same elements, in any order.
    ///
    /// Only elements with the same hash are looked at, so that no time is lost on finding out how
    /// others differ: sets in sets in sets would multiply it.
    private static func areSameSets(_ left: [JSON], _ right: [JSON], rules: ListRules?) -> Bool {
        func ranked(_ elements: [JSON]) -> [(hash: Int, element: JSON)] {
            elements.map { (hashValue(of: $0, rules: rules), $0) }.sorted { $0.hash < $1.hash }
        }
        let (left, right) = (ranked(left), ranked(right))
        guard zip(left, right).allSatisfy({ $0.hash == $1.hash }) else { return false }
        var start = 0
        while start < left.count {
            let end = left[start...].firstIndex { $0.hash != left[start].hash } ?? left.count
            var rest = right[start..<end].map(\.element)
            for index in start..<end {
                let place = rest.firstIndex {
                    areEqual(left[index].element, $0, rules: rules)
                }
                guard let place else { return false }
                rest.remove(at: place)
            }
            start = end
        }
        return true
    }

    /// Feeds `value` to `hasher` such that values which are equal by `rules` hash alike.
    static func hash(_ value: JSON, rules: ListRules?, into hasher: inout Hasher) {
        switch value {
        case .null: hasher.combine(0 as UInt8)
        case .bool(let value): hasher.combine(value ? 2 : 1 as UInt8)
        case .number(let number):
            hasher.combine(3 as UInt8)
            // The same integer however it is written; spares most numbers an array of digits.
            if let integer = number.int64 {
                hasher.combine(integer)
            } else {
                number.hash(into: &hasher)
            }
        case .string(let text):
            hasher.combine(4 as UInt8)
            UTF8Bytes.hash(text, into: &hasher)
        case .array(let elements):
            hasher.combine(5 as UInt8)
            hasher.combine(elements.count)
            let element = rules?.element
            if case .atomic = rules?.kind ?? .atomic {
                for value in elements { hash(value, rules: element, into: &hasher) }
            } else {
                // A sum does not depend on the order.
                hasher.combine(
                    elements.reduce(0) { $0 &+ hashValue(of: $1, rules: element) })
            }
        case .object(let object):
            hasher.combine(6 as UInt8)
            hasher.combine(object.count)
            for member in object.members {
                UTF8Bytes.hash(member.key, into: &hasher)
                hash(member.value, rules: rules?.member(member.key), into: &hasher)
            }
        }
    }

    static func hashValue(of value: JSON, rules: ListRules?) -> Int {
        var hasher = Hasher()
        hash(value, rules: rules, into: &hasher)
        return hasher.finalize()
    }
}

/// Numbers values from 0 such that equal ones, by the rules of their place, get the same number.
///
/// The hashes are seeded for each process, and equality is looked at, not only the hash: neither
/// can be steered by whoever writes a document.
struct ElementClasses {
    private let rules: ListRules?
    private var firstWithHash: [Int: Int] = [:]
    private var members: [(sample: JSON, nextWithHash: Int?)] = []

    init(rules: ListRules?) { self.rules = rules }

    mutating func `class`(of value: JSON) -> Int {
        let hash = ListRules.hashValue(of: value, rules: rules)
        let first = firstWithHash[hash]
        var candidate = first
        while let known = candidate {
            if ListRules.areEqual(members[known].sample, value, rules: rules) { return known }
            candidate = members[known].nextWithHash
        }
        members.append((value, first))
        firstWithHash[hash] = members.count - 1
        return members.count - 1
    }
}

/// How many of each class there are.
struct ClassCounts {
    private var counts: [Int] = []

    mutating func add(_ number: Int) {
        while counts.count <= number { counts.append(0) }
        counts[number] += 1
    }

    /// Takes one away, unless there is none.
    mutating func take(_ number: Int) -> Bool {
        guard contains(number) else { return false }
        counts[number] -= 1
        return true
    }

    func contains(_ number: Int) -> Bool { number < counts.count && counts[number] > 0 }
}
