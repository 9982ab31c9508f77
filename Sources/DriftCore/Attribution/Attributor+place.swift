// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// One derived place of one effect.
struct DerivedKey: Hashable, Comparable, Sendable {
    let effect: EffectKey
    let place: Int

    static func < (a: DerivedKey, b: DerivedKey) -> Bool {
        a.effect == b.effect ? a.place < b.place : a.effect < b.effect
    }
}

/// What one effect says of a deviation.
struct Finding {
    let verdict: DriftVerdict
    let effect: Int
    let reason: String
    private let isObserved: Bool

    init(_ verdict: DriftVerdict, _ effect: Int, _ reason: String, isObserved: Bool = false) {
        self.verdict = verdict
        self.effect = effect
        self.reason = reason
        self.isObserved = isObserved
    }

    /// 0 for the best: what was declared before what was only observed, then down the ladder.
    var rank: Int {
        let step = DriftVerdict.allCases.firstIndex(of: verdict) ?? 0
        return step * 2 + (isObserved ? 1 : 0)
    }

    /// Effects come most specific first and in ledger order, so that the first of a rank stays.
    func isBetter(than other: Finding?) -> Bool {
        guard let other else { return true }
        return rank < other.rank
    }
}

extension Attributor {
    /// Whether a place that an effect names by numbers of list elements is the one that deviates.
    ///
    /// Numbers shift. Where lists are keyed, the element must have stood at the same place in the
    /// baseline; where they are ordered, nothing may have been put in or taken out before it. An
    /// element that is gone can't be named by its number but in an ordered list.
    mutating func namesSamePlace(
        _ effect: DeclaredEffect, _ deviation: Deviation
    ) throws(DriftError) -> Bool {
        let count = effect.path.tokens.count
        let isExact = count == deviation.pointer.tokens.count
        if deviation.operation == .remove, isExact, effect.post != .absent { return false }
        for (depth, step) in deviation.path.steps.prefix(count).enumerated() {
            let token = effect.path.tokens[depth]
            let isLast = isExact && depth == count - 1
            switch step {
            case .member: continue
            case .index(let index):
                guard UTF8Bytes.areEqual(token, String(index)) else { return false }
            case .inserted(let index):
                guard UTF8Bytes.areEqual(token, String(index)) else { return false }
            case .element:
                guard isLast, deviation.operation == .add else { return false }
            case .keyed(let fields):
                if isLast, deviation.operation == .add { continue }
                if isLast, deviation.operation == .remove { return false }
                let place = effect.path.prefix(depth + 1)
                let before = try expected.document(deviation.subject)?[place]
                let after = try live.document(deviation.subject)?[place]
                guard before?.has(fields) == true, after?.has(fields) == true else {
                    return false
                }
            }
        }
        return true
    }
}

extension JSON {
    /// Whether these members have these values.
    func has(_ fields: [KeyPath.Field]) -> Bool {
        fields.allSatisfy { self[$0.name] == $0.value }
    }

    /// The document with the value at a place set, or removed for nil; nil where no such place
    /// can be.
    func setting(_ tokens: ArraySlice<String>, to value: JSON?) -> JSON? {
        guard let token = tokens.first else { return value }
        let rest = tokens.dropFirst()
        switch self {
        case .object(var members):
            if rest.isEmpty {
                members[token] = value
                return .object(members)
            }
            guard let changed = members[token]?.setting(rest, to: value) else { return .none }
            members[token] = changed
            return .object(members)
        case .array(var elements):
            guard let index = JSONPointer.index(token), index <= elements.count else {
                return .none
            }
            if rest.isEmpty {
                switch (value, index < elements.count) {
                case (let value?, true): elements[index] = value
                case (let value?, false): elements.append(value)
                case (nil, true): elements.remove(at: index)
                case (nil, false): return .none
                }
                return .array(elements)
            }
            guard index < elements.count,
                let changed = elements[index].setting(rest, to: value)
            else { return .none }
            elements[index] = changed
            return .array(elements)
        case .null, .bool, .number, .string: return .none
        }
    }
}

extension Attributor {
    /// One query on one document.
    struct Selection: Hashable {
        let query: JSONPath
        let subject: ByteKey
        let isExpected: Bool
    }

    /// Whether a selector means the place of a deviation.
    mutating func covers(
        _ selector: IgnoreRule.Selector, _ deviation: Deviation
    ) throws(DriftError) -> Bool {
        guard case .path(let query) = selector else {
            return selector.covers(deviation.pointer, in: nil)
        }
        let isExpected = deviation.operation == .remove
        let key = Selection(
            query: query, subject: ByteKey(deviation.subject), isExpected: isExpected)
        let places: Set<JSONPointer>
        if let known = selections[key] {
            places = known
        } else {
            let document =
                isExpected
                ? try expected.document(deviation.subject)
                : try live.document(deviation.subject)
            places = IgnoreRule.Selector.places(query, in: document)
            selections[key] = places
        }
        return IgnoreRule.Selector.cover(places, deviation.pointer)
    }
}

extension IgnoreRule.Selector {
    /// Whether it selects a place of a document, or one above it.
    func covers(_ pointer: JSONPointer, in document: JSON?) -> Bool {
        switch self {
        case .pointer(let place): place.covers(pointer)
        case .path(let query): Self.cover(Self.places(query, in: document), pointer)
        }
    }

    /// What a query selects; nothing where it takes too long, so that nothing is hidden by it.
    static func places(_ query: JSONPath, in document: JSON?) -> Set<JSONPointer> {
        guard let document, let nodes = try? query.nodes(in: document) else { return [] }
        return Set(nodes.map(\.0))
    }

    static func cover(_ places: Set<JSONPointer>, _ pointer: JSONPointer) -> Bool {
        !places.isEmpty
            && (0...pointer.tokens.count).contains { places.contains(pointer.prefix($0)) }
    }
}

extension DriftEvidence {
    /// Whether it says that `principal`, and truly he, changed this place at that time.
    func speaks(
        of deviation: Deviation, by principal: String, in interval: ChangeInterval
    ) -> Bool {
        isAuthenticated && UTF8Bytes.areEqual(self.principal, principal)
            && UTF8Bytes.areEqual(scope, deviation.scope)
            && UTF8Bytes.areEqual(subject, deviation.subject)
            && path.covers(deviation.pointer) && interval.overlaps(at, at)
    }
}
