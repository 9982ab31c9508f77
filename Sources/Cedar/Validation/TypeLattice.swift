// SPDX-License-Identifier: Apache-2.0

/// How strictly policies are validated.
public enum ValidationMode: String, Sendable, Hashable, CaseIterable {
    /// What is compared or collected must have one type (RFC 19). The rule to use.
    case strict
    /// Whatever cannot fail to evaluate is valid.
    case permissive
}

/// Subtypes and least upper bounds, as the typing rules of Cedar define them.
extension CedarType {
    func isSubtype(of other: CedarType, _ mode: ValidationMode) -> Bool {
        switch (self, other) {
        case (.never, _): true
        case (.true, .bool), (.false, .bool), (.bool, .bool), (.true, .true), (.false, .false),
            (.long, .long), (.string, .string), (.anyEntity, .anyEntity), (.anySet, .anySet),
            (.set, .anySet):
            true
        case (.set(let one), .set(let two)): one.isSubtype(of: two, mode)
        case (.record(let one), .record(let two)): one.isSubtype(of: two, mode)
        case (.entity(let one), .entity(let two)):
            mode == .strict ? one == two : one.isSubset(of: two)
        case (.entity, .anyEntity): mode == .permissive
        case (.extension(let one), .extension(let two)): one == two
        default: false
        }
    }

    /// The smallest type that has the values of both; `nil` where there is none.
    func leastUpperBound(_ other: CedarType, _ mode: ValidationMode) -> CedarType? {
        if isSubtype(of: other, mode) { return other }
        if other.isSubtype(of: self, mode) { return self }
        switch (self, other) {
        case (_, _) where isBoolean && other.isBoolean: return .bool
        case (.anySet, .set), (.set, .anySet): return .anySet
        case (.set(let one), .set(let two)): return one.leastUpperBound(two, mode).map { .set($0) }
        case (.record(let one), .record(let two)):
            return one.leastUpperBound(two, mode).map { .record($0) }
        case (.entity(let one), .entity(let two)):
            return mode == .strict ? nil : .entity(one.union(two))
        case (.anyEntity, .entity), (.entity, .anyEntity):
            return mode == .strict ? nil : .anyEntity
        default: return nil
        }
    }

    /// Whether no value has both types; only entity types are ever sure of that.
    func isDisjoint(with other: CedarType) -> Bool {
        guard case .entity(let one) = self, case .entity(let two) = other else { return false }
        return one.isDisjoint(with: two)
    }
}

extension RecordType {
    func isSubtype(of other: RecordType, _ mode: ValidationMode) -> Bool {
        guard !isOpen || other.isOpen else { return false }
        let mayBeWider = other.isOpen && mode == .permissive
        guard mayBeWider || hasSameNames(as: other) else { return false }
        return other.attributes.allSatisfy { two in
            guard let one = self[two.name] else { return false }
            let isRequirementKept =
                mode == .strict
                ? one.isRequired == two.isRequired : one.isRequired || !two.isRequired
            return isRequirementKept && one.type.isSubtype(of: two.type, mode)
        }
    }

    func leastUpperBound(_ other: RecordType, _ mode: ValidationMode) -> RecordType? {
        if mode == .strict, !hasSameNames(as: other) { return nil }
        var shared: [Attribute] = []
        for one in attributes {
            guard let two = other[one.name], let type = one.type.leastUpperBound(two.type, mode),
                mode == .permissive || one.isRequired == two.isRequired
            else {
                if mode == .strict { return nil }
                continue
            }
            shared.append(
                Attribute(
                    name: one.name, type: type, isRequired: one.isRequired && two.isRequired))
        }
        // Attributes that only one side has may be there, and nothing more is known of them.
        let isComplete =
            shared.count == attributes.count && shared.count == other.attributes.count
        return RecordType(shared, isOpen: isOpen || other.isOpen || !isComplete)
    }
}

extension Schema {
    /// What is known of the attributes of entities that have one of these types.
    func attributes(of union: EntityTypeUnion) -> RecordType {
        let types = union.names.map { entityType($0)?.attributes ?? RecordType([]) }
        return types.dropFirst().reduce(types[0]) { bound, next in
            // Permissive bounds always exist; what they lose is lost here too.
            bound.leastUpperBound(next, .permissive) ?? RecordType([])
        }
    }

    /// What it takes to look up an attribute or the tags of a type, beyond one step.
    func lookupCost(of type: CedarType) -> Int {
        guard case .entity(let union) = type, union.single == nil else { return 0 }
        return union.names.reduce(0) { cost, name in
            let type = entityTypes[name]
            return cost + 1 + (type?.attributes.size ?? 0) + (type?.tags?.size ?? 0)
        }
    }

    /// The attribute of that name, if values of the type are known to have it.
    func attribute(_ name: String, of type: CedarType) -> RecordType.Attribute? {
        switch type {
        case .record(let record): record[name]
        case .entity(let union):
            union.single.map { entityType($0)?.attributes[name] } ?? attributes(of: union)[name]
        default: nil
        }
    }

    /// Whether values of the type may have such an attribute.
    func mayHave(_ name: String, _ type: CedarType) -> Bool {
        switch type {
        case .never, .anyEntity: true
        case .entity(let union):
            union.names.contains { entity in
                guard let declared = entityType(entity) else {
                    return !EntityUID.isActionType(entity)
                }
                return declared.attributes[name] != nil
            }
        case .record(let record): record.isOpen || record[name] != nil
        default: false
        }
    }

    /// The names of all attributes that values of the type are known to have.
    func attributeNames(of type: CedarType) -> [String] {
        switch type {
        case .record(let record): record.attributes.map(\.name)
        case .entity(let union): attributes(of: union).attributes.map(\.name)
        default: []
        }
    }

    /// The types of the tags that entities of these types may have, each once.
    func tagTypes(of type: CedarType) -> [CedarType] {
        var found: [CedarType] = []
        var seen: Set<CedarType> = []
        let names: [String]
        switch type {
        case .entity(let union): names = union.names
        case .anyEntity: names = entityTypes.keys.sorted()
        default: names = []
        }
        for name in names {
            guard let tags = entityTypes[name]?.tags, seen.insert(tags).inserted else { continue }
            found.append(tags)
        }
        return found
    }

    /// Whether an entity of one of the left types can be one of the right types or in it.
    func canBe(_ left: EntityTypeUnion, in right: EntityTypeUnion) -> Bool {
        left.names.contains { one in
            right.names.contains { two in
                Bytes.equal(one, two) || entityTypes[one]?.ancestors.contains(two) == true
                    || canActionBe(one, in: two)
            }
        }
    }

    private func canActionBe(_ one: String, in two: String) -> Bool {
        guard EntityUID.isActionType(one), EntityUID.isActionType(two) else { return false }
        return actionTypeAncestors[one]?.contains(two) == true
    }
}
