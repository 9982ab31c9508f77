// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Takes some differences of two documents over into one of them, and no others.
///
/// What comes out is compared again: either exactly the chosen differences are gone, or nothing is
/// taken over. So a list in which elements moved never ends up as something that nobody chose.
enum DocumentMerge {
    /// The expected document with the chosen differences as they are live.
    ///
    /// - Returns: nil where they can't be told from the others.
    static func adopting(
        _ chosen: Set<KeyPath>, from live: JSON, into expected: JSON, lists: ListSemantics
    ) -> JSON? {
        let all = JSONDiff.differences(from: expected, to: live, lists: lists)
        return merge(chosen, all, onto: expected, from: live, lists: lists) {
            $0.after
        } check: {
            JSONDiff.differences(from: $0, to: live, lists: lists)
        }
    }

    /// The live document with the chosen differences as they were expected.
    ///
    /// - Returns: nil where they can't be told from the others.
    static func reverting(
        _ chosen: Set<KeyPath>, to expected: JSON, in live: JSON, lists: ListSemantics
    ) -> JSON? {
        let all = JSONDiff.differences(from: expected, to: live, lists: lists)
        return merge(chosen, all, onto: live, from: expected, lists: lists) {
            $0.before
        } check: {
            JSONDiff.differences(from: expected, to: $0, lists: lists)
        }
    }

    private static func merge(
        _ chosen: Set<KeyPath>, _ all: [JSONDifference], onto base: JSON, from other: JSON,
        lists: ListSemantics, value: (JSONDifference) -> JSON?,
        check: (JSON) -> [JSONDifference]
    ) -> JSON? {
        let rest = all.filter { !chosen.contains($0.path) }
        if rest.isEmpty { return other }
        var merged = base
        var done: Set<JSONPointer> = []
        for difference in all where chosen.contains(difference.path) {
            let top = listAbove(difference.path)
            if let top, rest.allSatisfy({ listAbove($0.path) != top }) {
                // All of the list is chosen: take it as it is.
                if !done.insert(top).inserted { continue }
                guard let whole = other[top], let next = merged.setting(top.tokens[...], to: whole)
                else { return .none }
                merged = next
            } else {
                let steps = difference.path.steps[...]
                guard let next = merged.setting(steps, to: value(difference)) else {
                    return .none
                }
                merged = next
            }
        }
        return same(check(merged), rest) ? merged : .none
    }

    /// Whether what is left are the same places with the same values; numbers of ordered elements
    /// may have moved.
    private static func same(_ left: [JSONDifference], _ right: [JSONDifference]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).allSatisfy {
            $0.operation == $1.operation && $0.before == $1.before && $0.after == $1.after
                && listAbove($0.path) == listAbove($1.path)
                && (listAbove($0.path) != nil || $0.path == $1.path)
        }
    }

    /// The outermost list that a path leads through; nil if it leads through none.
    static func listAbove(_ path: KeyPath) -> JSONPointer? {
        let members = path.steps.prefix { $0.member != nil }
        guard members.count < path.steps.count else { return nil }
        return JSONPointer(tokens: members.compactMap(\.member))
    }
}

extension JSON {
    /// The document with the value at a place set, or removed for nil.
    ///
    /// Elements of ordered lists are only replaced, for where others go is not known here.
    fileprivate func setting(_ steps: ArraySlice<KeyPath.Step>, to value: JSON?) -> JSON? {
        guard let step = steps.first else { return value }
        let rest = steps.dropFirst()
        switch (self, step) {
        case (.object(var members), .member(let name)):
            if rest.isEmpty {
                members[name] = value
            } else {
                guard let changed = members[name]?.setting(rest, to: value) else { return .none }
                members[name] = changed
            }
            return .object(members)
        case (.array(let elements), .keyed(let fields)):
            let position = elements.firstIndex { $0.has(fields) }
            return setting(elements, position, rest, value)
        case (.array(let elements), .element(let element)):
            let position = value == nil ? elements.firstIndex(of: element) : nil
            return setting(elements, position, rest, value)
        case (.array(let elements), .index(let index)):
            guard index < elements.count, value != nil else { return .none }
            return setting(elements, index, rest, value)
        default: return .none
        }
    }

    private func setting(
        _ list: [JSON], _ position: Int?, _ rest: ArraySlice<KeyPath.Step>, _ value: JSON?
    ) -> JSON? {
        var elements = list
        switch (position, rest.isEmpty, value) {
        case (let position?, true, let value?): elements[position] = value
        case (let position?, true, nil): elements.remove(at: position)
        case (nil, true, let value?): elements.append(value)
        case (let position?, false, _):
            guard let changed = elements[position].setting(rest, to: value) else { return .none }
            elements[position] = changed
        case (nil, _, _): return .none
        }
        return .array(elements)
    }
}
