// SPDX-License-Identifier: Apache-2.0

extension JSONDiff {
    /// The document with the elements of sets and keyed lists in an order that depends on the
    /// elements alone: sets by canonical form, keyed lists by keys and then by canonical form,
    /// those without all keys last.
    ///
    /// Two documents are equal by ``areEqual(_:_:lists:)`` if and only if these are equal; so a
    /// digest of it does not change when a set is written in another order.
    /// - Throws: ``CanonicalizationError`` for a number in such a list that has no exact form; its
    ///   place is told from the element on.
    public static func normalised(
        _ document: JSON, lists: ListSemantics = ListSemantics()
    ) throws(CanonicalizationError) -> JSON {
        guard let rules = ListRules(lists) else { return document }
        return try normalised(document, rules)
    }

    private static func normalised(
        _ value: JSON, _ rules: ListRules?
    ) throws(CanonicalizationError) -> JSON {
        guard let rules else { return value }
        switch value {
        case .object(var object):
            for index in object.members.indices {
                let member = object.members[index]
                object.members[index].value = try normalised(
                    member.value, rules.member(member.key))
            }
            return .object(object)
        case .array(var elements):
            let element = rules.element
            for index in elements.indices {
                elements[index] = try normalised(elements[index], element)
            }
            return .array(try sorted(elements, as: rules.kind))
        case .null, .bool, .number, .string: return value
        }
    }

    private static func sorted(
        _ elements: [JSON], as kind: ListSemantics.Kind
    ) throws(CanonicalizationError) -> [JSON] {
        var ranked: [(rank: [UInt8], element: JSON)] = []
        for element in elements {
            switch kind {
            case .atomic: return elements
            case .set: ranked.append((try element.canonicalBytes(), element))
            case .map(let keys):
                // The keys' array starts with `[`, so elements without them come last.
                let values = keys.compactMap { element[$0] }
                let hasKeys = values.count == keys.count
                let rank = try JSON.array(values).canonicalBytes()
                ranked.append(
                    (
                        (hasKeys ? rank : Array("~".utf8)) + (try element.canonicalBytes()),
                        element
                    ))
            }
        }
        ranked.sort { $0.rank.lexicographicallyPrecedes($1.rank) }
        return ranked.map(\.element)
    }
}
