// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// Effects by subject, and under each subject sorted by place.
///
/// A lookup costs one hash and, for each step of the pointer, a search by halving.
struct EffectIndex {
    /// Those of the scope; the numbers below are places in here.
    let effects: [ApprovedEffect]
    private var groups: [ByteKey: [Int]] = [:]
    private var derived: [ByteKey: [DerivedPlace]] = [:]

    /// A place that changes along with an effect.
    struct DerivedPlace {
        let effect: Int
        let number: Int
        let path: JSONPointer
    }

    /// Keeps the effects of `scope`; those of others explain nothing here.
    init(_ all: [ApprovedEffect], scope: String) {
        effects =
            all
            .filter { UTF8Bytes.areEqual($0.effect.scope, scope) }
            .sorted { $0.index == $1.index ? $0.key < $1.key : $0.index < $1.index }
        groups.reserveCapacity(effects.count)
        for (number, effect) in effects.enumerated() {
            groups[ByteKey(effect.effect.subject), default: []].append(number)
            for (place, one) in effect.effect.derived.enumerated() {
                derived[ByteKey(one.subject), default: []].append(
                    DerivedPlace(effect: number, number: place, path: one.path))
            }
        }
        for (subject, group) in groups where group.count > 1 {
            groups[subject] = group.sorted { a, b in
                let (left, right) = (effects[a].effect.path, effects[b].effect.path)
                if left == right { return a < b }
                return JSONPointer.precedes(left, right)
            }
        }
    }

    /// Effects on this place or one above it: the most specific first, then in ledger order.
    func covering(_ subject: String, _ pointer: JSONPointer) -> [Int] {
        guard let group = groups[ByteKey(subject)] else { return [] }
        var found: [Int] = []
        for count in stride(from: pointer.tokens.count, through: 0, by: -1) {
            let place = pointer.prefix(count)
            var position = firstPosition(in: group, notBefore: place)
            while position < group.count, effects[group[position]].effect.path == place {
                found.append(group[position])
                position += 1
            }
        }
        return found
    }

    /// Effects on this place or one below it.
    func within(_ subject: String, _ pointer: JSONPointer) -> ArraySlice<Int> {
        guard let group = groups[ByteKey(subject)] else { return [] }
        let start = firstPosition(in: group, notBefore: pointer)
        var end = start
        while end < group.count, pointer.covers(effects[group[end]].effect.path) { end += 1 }
        return group[start..<end]
    }

    /// Places declared to change along with effects, this one or above it.
    func derivedPlaces(covering subject: String, _ pointer: JSONPointer) -> [DerivedPlace] {
        (derived[ByteKey(subject)] ?? []).filter { $0.path.covers(pointer) }
    }

    private func firstPosition(in group: [Int], notBefore place: JSONPointer) -> Int {
        var (low, high) = (0, group.count)
        while low < high {
            let middle = (low + high) / 2
            if JSONPointer.precedes(effects[group[middle]].effect.path, place) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
