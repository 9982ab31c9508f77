// SPDX-License-Identifier: Apache-2.0

extension SchemaResolver {
    /// Works out every common type after those that it uses.
    ///
    /// Nothing here recurses over the chain of common types, which may be as long as the schema.
    mutating func resolveCommonTypes() {
        enum Visit { case enter, leave }
        var open: Set<String> = []
        var failed: Set<String> = []
        for start in commons.keys.sorted() where resolved[start] == nil {
            var pending: [(name: String, visit: Visit)] = [(start, .enter)]
            while let (name, visit) = pending.popLast() {
                guard resolved[name] == nil, !failed.contains(name),
                    let (declared, namespace) = commons[name]
                else { continue }
                if visit == .leave {
                    open.remove(name)
                    resolved[name] = type(declared.type, in: namespace)
                    if resolved[name] == nil { failed.insert(name) }
                    continue
                }
                guard open.insert(name).inserted else {
                    noteCycle(name, declared.location)
                    failed.insert(name)
                    continue
                }
                pending.append((name, .leave))
                for used in uses(declared.type, in: namespace) {
                    if open.contains(used) {
                        noteCycle(used, commons[used]?.type.location ?? declared.location)
                        failed.formUnion([used, name])
                    } else {
                        pending.append((used, .enter))
                    }
                }
            }
        }
        resolveAliases()
    }

    /// The types of the language go by their short names too where nothing else does.
    private mutating func resolveAliases() {
        for (name, type) in resolved where name.hasPrefix("__cedar::") {
            let short = String(name.dropFirst("__cedar::".count))
            if entities[short] == nil, commons[short] == nil { resolved[short] = type }
        }
    }

    private mutating func noteCycle(_ name: String, _ location: SchemaLocation) {
        note(
            .commonTypeCycle, at: location, "common type `\(name)` is part of itself",
            hint: "use an entity type to refer to something of the same kind")
    }

    /// The common types that a type names.
    private func uses(_ type: SchemaFragment.TypeExpression, in namespace: String) -> [String] {
        switch type {
        case .set(let element): return uses(element, in: namespace)
        case .record(let attributes): return attributes.flatMap { uses($0.type, in: namespace) }
        case .common(let reference):
            return common(target(reference.name, in: namespace, as: .common))
        case .entityOrCommon(let reference):
            return common(target(reference.name, in: namespace, as: .commonOrEntity))
        case .bool, .long, .string, .entity, .extension: return []
        }
    }

    private func common(_ target: Target?) -> [String] {
        guard case .common(let name) = target, commons[name] != nil else { return [] }
        return [name]
    }

    /// What a type stands for; `nil` after noting why it stands for nothing.
    mutating func type(
        _ type: SchemaFragment.TypeExpression, in namespace: String
    ) -> CedarType? {
        switch type {
        case .bool: return .bool
        case .long: return .long
        case .string: return .string
        case .set(let element):
            return self.type(element, in: namespace).map { CedarType.set($0) }
        case .record(let attributes): return record(attributes, in: namespace)
        case .entity(let reference): return named(reference, in: namespace, as: .entity)
        case .common(let reference): return named(reference, in: namespace, as: .common)
        case .entityOrCommon(let reference):
            return named(reference, in: namespace, as: .commonOrEntity)
        case .extension(let reference):
            if let type = ExtensionType(rawValue: reference.name) { return .extension(type) }
            let known = ExtensionType.allCases.map { "`\($0.rawValue)`" }
            note(
                .unknownExtensionType, at: reference.location,
                "unknown extension type: `\(reference.name)`",
                hint: "the extension types are \(known.joined(separator: ", "))")
            return nil
        }
    }

    private mutating func named(
        _ reference: SchemaFragment.Reference, in namespace: String, as sort: Sort
    ) -> CedarType? {
        switch target(reference.name, in: namespace, as: sort) {
        case .entity(let name): return .entity(name)
        case .common(let name):
            if let type = resolved[name] ?? resolved["__cedar::\(name)"] {
                return checked(type, at: reference.location)
            }
            // Why it could not be worked out has been noted at its declaration.
            return nil
        case nil:
            noteUndeclared(reference, in: namespace, as: sort)
            return nil
        }
    }

    private mutating func record(
        _ attributes: [SchemaFragment.Attribute], in namespace: String
    ) -> CedarType? {
        var resolved: [RecordType.Attribute] = []
        var size = 1
        for attribute in attributes {
            guard let type = type(attribute.type, in: namespace) else { continue }
            size += type.size
            guard size <= limits.maximumTypeSize, type.depth < limits.maximumDepth else {
                return checked(nil, at: attribute.location)
            }
            resolved.append(
                .init(name: attribute.name, type: type, isRequired: attribute.isRequired))
        }
        return resolved.count == attributes.count ? .record(RecordType(resolved)) : nil
    }

    /// Refuses types that pass a limit.
    private mutating func checked(_ type: CedarType?, at location: SchemaLocation) -> CedarType? {
        if let type, type.size <= limits.maximumTypeSize, type.depth < limits.maximumDepth {
            return type
        }
        note(
            .limit, at: location,
            "type has more than \(limits.maximumTypeSize) parts or \(limits.maximumDepth) levels",
            hint: "use entity types for parts of it, or raise the limit")
        return nil
    }

    /// What must be a record: a context or the shape of an entity type.
    mutating func record(
        _ type: SchemaFragment.TypeExpression?, in namespace: String, _ what: String,
        _ location: SchemaLocation
    ) -> RecordType {
        guard let type, let resolved = self.type(type, in: namespace) else { return RecordType([]) }
        if case .record(let record) = resolved { return record }
        note(.notRecord, at: location, "\(what) is `\(resolved)`: it must be a record")
        return RecordType([])
    }
}
