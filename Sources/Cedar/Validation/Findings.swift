// SPDX-License-Identifier: Apache-2.0

/// Gathers the errors of one policy, each once: most come up in several request environments.
struct Findings {
    private let maximum: Int
    /// Whether there are more errors than are kept.
    private(set) var isTruncated = false
    private var errors: [ValidationError] = []
    private var seen: Set<Key> = []

    init(maximum: Int) {
        // One at least: without errors a policy is valid.
        self.maximum = max(maximum, 1)
    }

    mutating func add(_ error: ValidationError) {
        guard !isTruncated else { return }
        let key = Key(error: error)
        guard errors.count < maximum else {
            isTruncated = !seen.contains(key)
            return
        }
        if seen.insert(key).inserted { errors.append(error) }
    }

    /// Takes the error that says why validation ended, however many there are.
    mutating func end(with error: ValidationError) {
        errors.append(error)
    }

    /// What was found, in the order of the text; only the first errors have suggestions.
    func result(warnings: [ValidationWarning], _ schema: Schema) -> ValidationResult {
        let order = errors.enumerated().sorted { left, right in
            let one = left.element.span?.start.offset ?? 0
            let two = right.element.span?.start.offset ?? 0
            return (one, left.offset) < (two, right.offset)
        }
        let sorted = order.map(\.element)
        return ValidationResult(
            errors: sorted.prefix(Suggestion.mostInOneText).map { $0.suggesting(schema) }
                + sorted.dropFirst(Suggestion.mostInOneText),
            warnings: Array(warnings.prefix(maximum)),
            isTruncated: isTruncated || warnings.count > maximum)
    }
}

/// An error whose hash does not look at all of the types in it, which may be large.
private struct Key: Hashable {
    let error: ValidationError

    func hash(into hasher: inout Hasher) {
        hasher.combine(error.span)
        switch error.kind {
        case .unexpectedType(_, let type), .unsafeTagAccess(let type), .noTagsAllowed(let type):
            Self.hash(type, into: &hasher)
        case .unsafeAttributeAccess(let type, let attribute, _, _),
            .unsafeOptionalAttributeAccess(let type, let attribute):
            Self.hash(type, into: &hasher)
            Bytes.hash(attribute, into: &hasher)
        case .incompatibleTypes(let types, let context):
            for type in types.prefix(4) { Self.hash(type, into: &hasher) }
            hasher.combine(context)
        case .unrecognizedEntityType(let name, _): Bytes.hash(name, into: &hasher)
        case .unrecognizedActionID(let uid, _), .invalidEnumEntity(let uid, _):
            hasher.combine(uid)
        case .entityDereferenceLevel(let allowed, let actual):
            hasher.combine(allowed)
            hasher.combine(actual)
        default: break
        }
    }

    private static func hash(_ type: CedarType, into hasher: inout Hasher) {
        switch type {
        case .entity(let union):
            hasher.combine(union.names.count)
            hasher.combine(union.names.first)
        case .set(let element):
            hasher.combine(0)
            hash(element, into: &hasher)
        case .record(let record):
            hasher.combine(record.size)
            hasher.combine(record.attributes.first?.name)
        default: hasher.combine(type)
        }
    }
}

extension ValidationError {
    /// The same error with the name that was likely meant, where one is known.
    ///
    /// They are looked for at the end, so that an error that comes up again and again costs one.
    fileprivate func suggesting(_ schema: Schema) -> ValidationError {
        let kind: Kind
        switch self.kind {
        case .unrecognizedEntityType(let name, nil):
            kind = .unrecognizedEntityType(
                name, suggestion: Suggestion.nearest(to: name, among: schema.entityTypes.keys))
        case .unrecognizedActionID(let uid, nil):
            kind = .unrecognizedActionID(uid, suggestion: schema.actionNear(uid))
        case .unsafeAttributeAccess(let type, let attribute, nil, let mayExist):
            kind = .unsafeAttributeAccess(
                type: type, attribute: attribute,
                suggestion: Suggestion.nearest(
                    to: attribute, among: schema.attributeNames(of: type)),
                mayExist: mayExist)
        default: return self
        }
        return ValidationError(policyID: policyID, span: span, kind: kind)
    }
}

extension Schema {
    /// The action that was likely meant: one with nearly that name, or of another namespace.
    fileprivate func actionNear(_ uid: EntityUID) -> EntityUID? {
        guard sortedActions.count <= Suggestion.mostCandidates else { return nil }
        let same = sortedActions.map(\.uid).filter { Bytes.equal($0.type, uid.type) }
        if let id = Suggestion.nearest(to: uid.id, among: same.map(\.id)) {
            return EntityUID(type: uid.type, id: id)
        }
        return sortedActions.map(\.uid).first { Bytes.equal($0.id, uid.id) }
    }
}
