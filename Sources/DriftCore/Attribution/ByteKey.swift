// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// A string as a key of dictionaries, equal by bytes.
///
/// Swift's own equality takes canonically equivalent strings for one; two subjects must not meet
/// like that.
struct ByteKey: Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ByteKey, b: ByteKey) -> Bool { UTF8Bytes.areEqual(a.text, b.text) }
    func hash(into hasher: inout Hasher) { UTF8Bytes.hash(text, into: &hasher) }
}

extension JSONPointer {
    /// Whether `other` is this place or one below it, step by step and by bytes.
    func covers(_ other: JSONPointer) -> Bool {
        tokens.count <= other.tokens.count
            && zip(tokens, other.tokens).allSatisfy(UTF8Bytes.areEqual)
    }

    /// The first steps.
    func prefix(_ count: Int) -> JSONPointer { JSONPointer(tokens: Array(tokens.prefix(count))) }

    /// Orders places so that what is below a place follows it directly.
    static func precedes(_ a: JSONPointer, _ b: JSONPointer) -> Bool {
        for (left, right) in zip(a.tokens, b.tokens) where !UTF8Bytes.areEqual(left, right) {
            return UTF8Bytes.precedes(left, right)
        }
        return a.tokens.count < b.tokens.count
    }
}

extension ListSemantics {
    /// The rules as they read from a place in the document.
    ///
    /// A step that could be the number of an element is only matched by `*`, as everywhere.
    func below(_ pointer: JSONPointer) -> ListSemantics {
        if rules.isEmpty || pointer.tokens.isEmpty { return self }
        return ListSemantics(
            rules.compactMap { rule in
                guard rule.path.count >= pointer.tokens.count,
                    zip(rule.path, pointer.tokens).allSatisfy({ step, token in
                        UTF8Bytes.areEqual(step, "*")
                            || (JSONPointer.index(token) == nil
                                && UTF8Bytes.areEqual(step, token))
                    })
                else { return nil }
                return Rule(
                    path: Array(rule.path.dropFirst(pointer.tokens.count)), kind: rule.kind)
            })
    }
}

extension KeyPath.Step {
    /// The name, if it is a step to a member of an object.
    var member: String? {
        if case .member(let name) = self { name } else { nil }
    }
}

/// The documents of a snapshot, each read once.
struct Documents {
    let snapshot: Snapshot
    private var read: [ByteKey: JSON?] = [:]

    init(_ snapshot: Snapshot) { self.snapshot = snapshot }

    /// The document of a subject, or nil where there is no such subject.
    ///
    /// - Throws: ``DriftError`` where it is not canonical JSON.
    mutating func document(_ subject: String) throws(DriftError) -> JSON? {
        let key = ByteKey(subject)
        if let known = read[key] { return known }
        let document = try snapshot[subject].map { leaf throws(DriftError) in
            try leaf.json()
        }
        read[key] = .some(document)
        return document
    }
}
