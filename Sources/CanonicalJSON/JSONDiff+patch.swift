// SPDX-License-Identifier: Apache-2.0

extension JSONDiff {
    /// The changes that make `document` into `target`.
    ///
    /// Few, if not always the fewest: what is equal is left alone, elements are inserted and
    /// removed where that is possible, and a list whose elements moved too far is replaced.
    /// - Parameters:
    ///   - document: what the patch is to be applied to.
    ///   - target: what is to come out: the same document if no rules are given, else an equal
    ///     one by ``areEqual(_:_:lists:)``.
    ///   - lists: which lists are sets or have keys; their order is left as it is.
    ///   - isGuarded: whether each value that is replaced or removed is tested first, so that the
    ///     patch fails on a document in which it has changed meanwhile.
    /// - Returns: the patch; without operations where nothing is to be done.
    public static func patch(
        from document: JSON, to target: JSON, lists: ListSemantics = ListSemantics(),
        isGuarded: Bool = false
    ) -> JSONPatch {
        var writer = PatchWriter(isGuarded: isGuarded)
        writer.write(document, target, rules: ListRules(lists))
        return JSONPatch(writer.operations)
    }
}

private struct PatchWriter {
    let isGuarded: Bool
    private(set) var operations: [JSONPatch.Operation] = []
    private var tokens: [String] = []

    init(isGuarded: Bool) { self.isGuarded = isGuarded }

    mutating func write(_ old: JSON, _ new: JSON, rules: ListRules?) {
        switch (old, new) {
        case (.object(let left), .object(let right)): writeMembers(left, right, rules: rules)
        case (.array(let left), .array(let right)):
            switch rules?.kind ?? .atomic {
            case .atomic: writeOrdered(left, right, rules: rules?.element)
            case .set:
                writeUnordered(
                    left, right,
                    SetDifference(
                        left, Array(left.indices), right, Array(right.indices),
                        rules: rules?.element))
            case .map(let keys): writeKeyed(left, right, keys: keys, rules: rules?.element)
            }
        default: if old != new { replace(old, new) }
        }
    }

    private mutating func writeMembers(
        _ old: JSONObject, _ new: JSONObject, rules: ListRules?
    ) {
        for (name, value) in old {
            at(name) { writer in
                if let changed = new[name] {
                    writer.write(value, changed, rules: rules?.member(name))
                } else {
                    writer.remove(value)
                }
            }
        }
        for (name, value) in new where old[name] == Optional.none {
            at(name) { $0.operations.append(.add($0.here, value)) }
        }
    }

    /// From the start to the end, so that what is before the place is as it will be, and indices
    /// are those of the new list.
    private mutating func writeOrdered(_ old: [JSON], _ new: [JSON], rules: ListRules?) {
        guard let matches = ListAlignment.matches(old, new, rules: rules) else {
            replace(.array(old), .array(new))
            return
        }
        var (left, right) = (0, 0)
        for match in matches + [(old.count, new.count)] {
            let (gone, come) = (left..<match.left, right..<match.right)
            if gone.count == come.count {
                for (left, right) in zip(gone, come) {
                    at(String(right)) { $0.write(old[left], new[right], rules: rules) }
                }
            } else {
                for index in gone { at(String(right)) { $0.remove(old[index]) } }
                for index in come {
                    at(String(index)) { $0.operations.append(.add($0.here, new[index])) }
                }
            }
            (left, right) = (match.left + 1, match.right + 1)
        }
    }

    private mutating func writeKeyed(
        _ old: [JSON], _ new: [JSON], keys: [String], rules: ListRules?
    ) {
        let lists = KeyedLists(old, new, keys: keys, rules: rules)
        var rest = SetDifference(old, lists.leftUnkeyed, new, lists.rightUnkeyed, rules: rules)
        for (left, right) in lists.pairs {
            if let left, let right {
                at(String(left)) { $0.write(old[left], new[right], rules: rules) }
            } else if let left {
                rest.removed.append(left)
            } else if let right {
                rest.added.append(right)
            }
        }
        rest.removed.sort()
        writeUnordered(old, new, rest)
    }

    /// From the end to the start, so that no removal moves what is still to be removed.
    private mutating func writeUnordered(
        _ old: [JSON], _ new: [JSON], _ difference: SetDifference
    ) {
        for index in difference.removed.reversed() {
            at(String(index)) { $0.remove(old[index]) }
        }
        for index in difference.added {
            at("-") { $0.operations.append(.add($0.here, new[index])) }
        }
    }

    private mutating func remove(_ old: JSON) {
        if isGuarded { operations.append(.test(here, old)) }
        operations.append(.remove(here))
    }

    private mutating func replace(_ old: JSON, _ new: JSON) {
        if isGuarded { operations.append(.test(here, old)) }
        operations.append(.replace(here, new))
    }

    private var here: JSONPointer { JSONPointer(tokens: tokens) }

    private mutating func at(_ token: String, _ body: (inout PatchWriter) -> Void) {
        tokens.append(token)
        body(&self)
        tokens.removeLast()
    }
}
