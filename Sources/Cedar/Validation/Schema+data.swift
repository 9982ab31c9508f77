// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// Validates a request: its action, principal, resource and context.
    ///
    /// - Throws: ``RequestValidationError`` with the first thing that does not fit.
    public func validate(_ request: Request) throws(RequestValidationError) {
        let action = try validateScope(of: request)
        if let problem = reference(in: .record(request.context)) {
            throw problem.request
        }
        if let mismatch = mismatch(.record(request.context), .record(action.context)) {
            throw RequestValidationError(.invalidContext(action: action.uid, mismatch))
        }
    }

    /// Validates all of a request but its context, and says what its action is.
    func validateScope(of request: Request) throws(RequestValidationError) -> Action {
        guard let principal = entityType(request.principal.type) else {
            throw RequestValidationError(.undeclaredPrincipalType(request.principal.type))
        }
        try check(request.principal, principal)
        guard let resource = entityType(request.resource.type) else {
            throw RequestValidationError(.undeclaredResourceType(request.resource.type))
        }
        try check(request.resource, resource)
        guard let action = actions[request.action] else {
            throw RequestValidationError(.undeclaredAction(request.action))
        }
        guard action.principals.contains(principal.name) else {
            throw RequestValidationError(
                .invalidPrincipalType(
                    principal.name, action: action.uid, valid: action.principals))
        }
        guard action.resources.contains(resource.name) else {
            throw RequestValidationError(
                .invalidResourceType(resource.name, action: action.uid, valid: action.resources))
        }
        return action
    }

    private func check(
        _ uid: EntityUID, _ type: EntityType
    ) throws(RequestValidationError) {
        guard type.allows(id: uid.id) else {
            throw RequestValidationError(
                .invalidEnumEntity(uid, choices: type.enumeration ?? []))
        }
    }

    /// Validates an entity: its type, attributes, tags and parents.
    ///
    /// An action must be in the groups that its declaration says and in no others; it need not be
    /// given at all, see ``actionEntities``.
    /// - Throws: ``EntityValidationError`` with the first thing that does not fit.
    public func validate(_ entity: Entity) throws(EntityValidationError) {
        guard !entity.uid.isAction else {
            try validateAction(entity, ancestors: closure(entity.parents))
            return
        }
        guard let type = entityType(entity.uid.type) else {
            let base = entity.uid.type.split(separator: ":").last.map(String.init) ?? ""
            let same = entityTypes.keys.sorted().first { $0.hasSuffix("::\(base)") }
            let near = Suggestion.nearest(to: entity.uid.type, among: entityTypes.keys)
            throw EntityValidationError(
                uid: entity.uid, kind: .unexpectedEntityType(suggestion: same ?? near))
        }
        if let problem = reference(entity.uid) { throw problem.error(of: entity.uid) }
        try validateAttributes(of: entity, type)
        for parent in entity.parents {
            if let problem = reference(parent) { throw problem.error(of: entity.uid) }
            guard type.ancestors.contains(parent.type), entityType(parent.type) != nil else {
                throw EntityValidationError(uid: entity.uid, kind: .invalidParent(parent))
            }
        }
        try validateTags(of: entity, type)
    }

    private func closure(_ parents: [EntityUID]) -> Set<EntityUID> {
        parents.reduce(into: Set(parents)) { all, parent in
            all.formUnion(actions[parent]?.ancestors ?? [])
        }
    }

    /// An action may be given as the schema declares it and not otherwise.
    func validateAction(
        _ entity: Entity, ancestors: Set<EntityUID>
    ) throws(EntityValidationError) {
        guard let action = actions[entity.uid] else {
            throw EntityValidationError(uid: entity.uid, kind: .undeclaredAction(entity.uid))
        }
        guard ancestors == action.ancestors, entity.attributes.isEmpty, entity.tags.isEmpty else {
            throw EntityValidationError(uid: entity.uid, kind: .actionDeclarationMismatch)
        }
    }

    private func validateAttributes(
        of entity: Entity, _ type: EntityType
    ) throws(EntityValidationError) {
        for declared in type.attributes.attributes where declared.isRequired {
            guard entity.attributes[declared.name] != nil else {
                throw EntityValidationError(uid: entity.uid, kind: .missingAttribute(declared.name))
            }
        }
        for (name, value) in entity.attributes {
            guard let declared = type.attributes[name] else {
                throw EntityValidationError(uid: entity.uid, kind: .unexpectedAttribute(name))
            }
            if let mismatch = mismatch(value, declared.type) {
                throw EntityValidationError(
                    uid: entity.uid, kind: .attributeTypeMismatch(name, mismatch))
            }
            if let problem = reference(in: value) { throw problem.error(of: entity.uid) }
        }
    }

    private func validateTags(
        of entity: Entity, _ type: EntityType
    ) throws(EntityValidationError) {
        for (name, value) in entity.tags {
            guard let tags = type.tags else {
                throw EntityValidationError(uid: entity.uid, kind: .unexpectedTag(name))
            }
            if let mismatch = mismatch(value, tags) {
                throw EntityValidationError(
                    uid: entity.uid, kind: .tagTypeMismatch(name, mismatch))
            }
            if let problem = reference(in: value) { throw problem.error(of: entity.uid) }
        }
    }

    // MARK: references

    /// What is wrong with a name of an entity.
    private enum ReferenceProblem {
        case undeclaredAction(EntityUID)
        case invalidEnumEntity(EntityUID, choices: [String])

        var request: RequestValidationError {
            switch self {
            case .undeclaredAction(let uid): RequestValidationError(.undeclaredAction(uid))
            case .invalidEnumEntity(let uid, let choices):
                RequestValidationError(.invalidEnumEntity(uid, choices: choices))
            }
        }

        func error(of uid: EntityUID) -> EntityValidationError {
            switch self {
            case .undeclaredAction(let action):
                EntityValidationError(uid: uid, kind: .undeclaredAction(action))
            case .invalidEnumEntity(let other, let choices):
                EntityValidationError(uid: uid, kind: .invalidEnumEntity(other, choices: choices))
            }
        }
    }

    private func reference(_ uid: EntityUID) -> ReferenceProblem? {
        if uid.isAction { return actions[uid] == nil ? .undeclaredAction(uid) : nil }
        guard let type = entityType(uid.type), !type.allows(id: uid.id) else { return nil }
        return .invalidEnumEntity(uid, choices: type.enumeration ?? [])
    }

    private func reference(in value: Value) -> ReferenceProblem? {
        switch value {
        case .entity(let uid): return reference(uid)
        case .set(let elements):
            for element in elements { if let problem = reference(in: element) { return problem } }
            return nil
        case .record(let record):
            for (_, value) in record { if let problem = reference(in: value) { return problem } }
            return nil
        case .bool, .long, .string, .extension: return nil
        }
    }

    // MARK: types

    /// Where and how a value does not have a type; `nil` where it does.
    private func mismatch(_ value: Value, _ type: CedarType) -> TypeMismatch? {
        switch (value, type) {
        case (.bool, .bool), (.long, .long), (.string, .string): return nil
        case (.entity(let uid), .entity(let union)) where union.contains(uid.type): return nil
        case (.extension(let value), .extension(let type)) where value.cedarType == type:
            return nil
        case (.set(let elements), .set(let type)):
            for element in elements {
                if let problem = mismatch(element, type) { return problem.within("[]") }
            }
            return nil
        case (.record(let record), .record(let type)): return mismatch(record, type)
        default: return TypeMismatch(path: "", expected: type, actual: value.type)
        }
    }

    private func mismatch(_ record: Value.Record, _ type: RecordType) -> TypeMismatch? {
        for declared in type.attributes where declared.isRequired {
            if record[declared.name] == nil {
                return TypeMismatch(path: declared.name, expected: declared.type, actual: nil)
            }
        }
        for (name, value) in record {
            guard let declared = type[name] else {
                return TypeMismatch(path: name, expected: .record(type), actual: value.type)
            }
            if let problem = mismatch(value, declared.type) { return problem.within(name) }
        }
        return nil
    }
}

extension TypeMismatch {
    fileprivate func within(_ outer: String) -> TypeMismatch {
        let separator = path.isEmpty || path.hasPrefix("[") ? "" : "."
        return TypeMismatch(
            path: "\(outer)\(separator)\(path)", expected: expected, actual: actual)
    }
}

extension ExtensionValue {
    fileprivate var cedarType: ExtensionType {
        switch self {
        case .decimal: .decimal
        case .ip: .ipaddr
        case .datetime: .datetime
        case .duration: .duration
        }
    }
}
