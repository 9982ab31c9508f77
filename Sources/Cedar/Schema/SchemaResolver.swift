// SPDX-License-Identifier: Apache-2.0

/// Looks up every name of a schema and works out what each declaration means.
///
/// An unqualified name is looked for in its own namespace, then outside of all; in each, common
/// types go before entity types (RFC 24, RFC 70).
struct SchemaResolver {
    typealias Fragment = SchemaFragment

    /// What a name may stand for.
    enum Sort {
        case common, entity, commonOrEntity
    }

    let limits: SchemaLimits
    private let namespaces: [Fragment.Namespace]
    private(set) var errors: [SchemaError] = []
    private var warnings: [SchemaWarning] = []
    private var memberships = 0
    private(set) var entities: [String: Fragment.EntityType] = [:]
    /// The declarations with the namespaces they are in.
    private(set) var commons: [String: (type: Fragment.CommonType, namespace: String)] = [:]
    private(set) var actions: [EntityUID: SchemaLocation] = [:]
    /// The entity types that only actions have.
    private var actionTypes: Set<String> = []
    /// Common types by their qualified names, as far as they are worked out.
    var resolved: [String: CedarType] = [:]

    init(_ fragments: [SchemaFragment], limits: SchemaLimits) {
        self.limits = limits
        namespaces = fragments.flatMap(\.namespaces)
        for type in ["Bool", "Long", "String"] + ExtensionType.allCases.map(\.rawValue) {
            resolved["__cedar::\(type)"] = Self.builtin(type)
        }
    }

    private static func builtin(_ name: String) -> CedarType? {
        switch name {
        case "Bool": .bool
        case "Long": .long
        case "String": .string
        default: ExtensionType(rawValue: name).map(CedarType.extension)
        }
    }

    mutating func note(
        _ kind: SchemaError.Kind, at location: SchemaLocation, _ message: String,
        hint: String? = nil
    ) {
        guard errors.count <= limits.maximumErrors else { return }
        errors.append(SchemaError(kind, at: location, message, hint: hint))
    }

    static func qualified(_ name: String, _ namespace: String) -> String {
        namespace.isEmpty ? name : "\(namespace)::\(name)"
    }

    mutating func schema() -> Schema {
        collect()
        checkShadowing()
        resolveCommonTypes()
        guard errors.isEmpty else {
            return Schema(entityTypes: [:], actions: [:], warnings: [])
        }
        let entityTypes = entityTypes()
        let actions = resolvedActions(entityTypes)
        return Schema(entityTypes: entityTypes, actions: actions, warnings: warnings)
    }

    // MARK: declarations

    private mutating func collect() {
        var count = 0
        for namespace in namespaces {
            count +=
                namespace.commonTypes.count + namespace.entityTypes.count
                + namespace.actions.count
            collect(namespace)
        }
        if count > limits.maximumDeclarations, let first = namespaces.first {
            note(
                .limit, at: first.location, "more than \(limits.maximumDeclarations) declarations")
        }
    }

    private mutating func collect(_ namespace: Fragment.Namespace) {
        for type in namespace.entityTypes {
            let name = Self.qualified(type.name, namespace.name)
            if Bytes.equal(type.name, "Action") {
                note(
                    .actionEntityType, at: type.location,
                    "entity type `Action` cannot be declared: it is the type of actions",
                    hint: "declare actions with `action`, or choose another name")
            }
            if entities.updateValue(type, forKey: name) != nil {
                note(.duplicate, at: type.location, "duplicate entity type: `\(name)`")
            }
            warnIfBuiltin(type.name, type.location)
        }
        for type in namespace.commonTypes {
            let name = Self.qualified(type.name, namespace.name)
            if commons.updateValue((type, namespace.name), forKey: name) != nil {
                note(.duplicate, at: type.location, "duplicate common type: `\(name)`")
            }
            warnIfBuiltin(type.name, type.location)
            if entities[name] != nil {
                warnings.append(
                    .init(
                        kind: .shadowsEntityType, location: type.location,
                        message: "common type `\(type.name)` shadows the entity type of that name"
                    ))
            }
        }
        let actionType = Self.qualified("Action", namespace.name)
        for action in namespace.actions {
            let uid = EntityUID(type: actionType, id: action.name)
            actionTypes.insert(actionType)
            if actions.updateValue(action.location, forKey: uid) != nil {
                note(.duplicate, at: action.location, "duplicate action: `\(uid)`")
            }
        }
    }

    private mutating func warnIfBuiltin(_ name: String, _ location: SchemaLocation) {
        let isBuiltin =
            Self.builtin(name) != nil || ["Set", "Record", "Entity"].contains(name)
        guard isBuiltin else { return }
        warnings.append(
            .init(
                kind: .shadowsBuiltin, location: location,
                message: "`\(name)` shadows the type of that name: write `__cedar::\(name)` for it"
            ))
    }

    /// Refuses declarations outside of namespaces that one inside hides (RFC 70).
    private mutating func checkShadowing() {
        var inside: [String: String] = [:]
        // In order of names, so that the same schema always gives the same messages.
        let names = (Array(entities.keys) + Array(commons.keys)).sorted(by: Bytes.precedes)
        for name in names where name.contains("::") {
            inside[Self.base(name)] = name
        }
        let outside =
            entities.filter { !$0.key.contains("::") }.map { ($0.key, $0.value.location) }
            + commons.filter { !$0.key.contains("::") }.map { ($0.key, $0.value.type.location) }
        for (name, location) in outside.sorted(by: { $0.0 < $1.0 }) {
            guard let other = inside[name] else { continue }
            note(
                .shadowing, at: location, "`\(name)` is hidden by `\(other)`",
                hint: "rename one of the two")
        }
        var insideActions: [ByteKey: EntityUID] = [:]
        let sorted = actions.sorted { Bytes.precedes($0.key.description, $1.key.description) }
        for (uid, _) in sorted where uid.type.contains("::") {
            insideActions[ByteKey(uid.id)] = uid
        }
        for (uid, location) in sorted where !uid.type.contains("::") {
            guard let other = insideActions[ByteKey(uid.id)] else { continue }
            note(
                .shadowing, at: location, "`\(uid)` is hidden by `\(other)`",
                hint: "rename one of the two")
        }
    }

    private static func base(_ name: String) -> String {
        name.split(separator: ":").last.map(String.init) ?? name
    }

    // MARK: names

    private static func candidates(_ name: String, _ namespace: String) -> [String] {
        if namespace.isEmpty || name.contains("::") { return [name] }
        return ["\(namespace)::\(name)", name]
    }

    private func isCommon(_ name: String) -> Bool {
        if commons[name] != nil || (name.hasPrefix("__cedar::") && resolved[name] != nil) {
            return true
        }
        return Self.builtin(name) != nil && entities[name] == nil
    }

    /// The qualified name of a common type.
    enum Target {
        case common(String)
        case entity(String)
    }

    func target(_ name: String, in namespace: String, as sort: Sort) -> Target? {
        for candidate in Self.candidates(name, namespace) {
            if sort != .entity, isCommon(candidate) { return .common(candidate) }
            if sort != .common, entities[candidate] != nil || actionTypes.contains(candidate) {
                return .entity(candidate)
            }
        }
        return nil
    }

    /// The name that was likely meant; only the first errors have one.
    private func suggestion(for name: String, among known: () -> [String]) -> String? {
        guard errors.count < Suggestion.mostInOneText else { return nil }
        return Suggestion.nearest(to: name, among: known())
    }

    mutating func noteUndeclared(
        _ reference: Fragment.Reference, in namespace: String, as sort: Sort
    ) {
        guard errors.count <= limits.maximumErrors else { return }
        let words =
            switch sort {
            case .common: "a common type"
            case .entity: "an entity type"
            case .commonOrEntity: "a common or entity type"
            }
        let candidates = Self.candidates(reference.name, namespace).map { "`\($0)`" }
        let near = suggestion(for: reference.name) {
            Array(entities.keys) + (sort == .entity ? [] : Array(commons.keys))
        }
        note(
            .undeclaredType, at: reference.location,
            "\(candidates.joined(separator: " and ")) not declared as \(words)",
            hint: near.map { "did you mean `\($0)`?" })
    }

    /// The name of a declared entity type, not the one of an action.
    mutating func entityType(
        _ reference: Fragment.Reference, in namespace: String
    ) -> String? {
        if case .entity(let name) = target(reference.name, in: namespace, as: .entity),
            entities[name] != nil
        {
            return name
        }
        noteUndeclared(reference, in: namespace, as: .entity)
        return nil
    }

    func action(_ reference: Fragment.ActionReference, in namespace: String) -> EntityUID? {
        for type in Self.candidates(reference.type ?? "Action", namespace) {
            let uid = EntityUID(type: type, id: reference.id)
            if actions[uid] != nil { return uid }
        }
        return nil
    }

    // MARK: entity types and actions

    private mutating func entityTypes() -> [String: Schema.EntityType] {
        var parents: [String: Set<String>] = [:]
        var shapes: [String: (RecordType, CedarType?)] = [:]
        for namespace in namespaces {
            for type in namespace.entityTypes {
                guard case .standard(let memberOf, let shape, let tags) = type.kind else {
                    continue
                }
                let name = Self.qualified(type.name, namespace.name)
                for parent in memberOf {
                    guard let parent = entityType(parent, in: namespace.name) else { continue }
                    parents[name, default: []].insert(parent)
                }
                let what = "the shape of entity type `\(name)`"
                let record = record(shape, in: namespace.name, what, type.location)
                shapes[name] = (record, tags.flatMap { self.type($0, in: namespace.name) })
            }
        }
        let ancestors = ancestors(parents)
        var types: [String: Schema.EntityType] = [:]
        for (name, declared) in entities {
            let (attributes, tags) = shapes[name] ?? (RecordType([]), nil)
            var choices: [String]?
            if case .enumeration(let all) = declared.kind { choices = all }
            types[name] = Schema.EntityType(
                name: name, parents: parents[name] ?? [], ancestors: ancestors[name] ?? [],
                attributes: attributes, tags: tags, enumeration: choices,
                annotations: Self.sorted(declared.annotations))
        }
        return types
    }

    private mutating func resolvedActions(
        _ entityTypes: [String: Schema.EntityType]
    ) -> [EntityUID: Schema.Action] {
        var parents: [EntityUID: Set<EntityUID>] = [:]
        for namespace in namespaces {
            let type = Self.qualified("Action", namespace.name)
            for action in namespace.actions {
                let uid = EntityUID(type: type, id: action.name)
                for group in action.memberOf {
                    guard let parent = self.action(group, in: namespace.name) else {
                        noteUndeclared(group)
                        continue
                    }
                    parents[uid, default: []].insert(parent)
                }
            }
        }
        let reachable = ancestors(parents)
        var all: [EntityUID: Schema.Action] = [:]
        for namespace in namespaces {
            let type = Self.qualified("Action", namespace.name)
            for action in namespace.actions {
                let uid = EntityUID(type: type, id: action.name)
                let ancestors = reachable[uid] ?? []
                if ancestors.contains(uid) {
                    note(
                        .actionCycle, at: action.location, "action `\(uid)` is in itself",
                        hint: "take it out of one of its groups")
                }
                let what = "the context of action `\(uid)`"
                all[uid] = Schema.Action(
                    uid: uid, parents: parents[uid] ?? [], ancestors: ancestors,
                    principals: applicable(action.appliesTo?.principals, in: namespace.name),
                    resources: applicable(action.appliesTo?.resources, in: namespace.name),
                    context: record(
                        action.appliesTo?.context, in: namespace.name, what, action.location),
                    annotations: Self.sorted(action.annotations))
            }
        }
        return all
    }

    private static func sorted(
        _ annotations: [Fragment.Annotation]
    ) -> [Fragment.Annotation] {
        annotations.sorted { Bytes.precedes($0.name, $1.name) }
    }

    private mutating func noteUndeclared(_ group: Fragment.ActionReference) {
        let near = suggestion(for: group.id) { actions.keys.map(\.id) }
        note(
            .undeclaredAction, at: group.location,
            "action `\((group.type.map { "\($0)::" } ?? "") + group.id.cedarLiteral)` is not "
                + "declared",
            hint: near.map { "did you mean `\($0.cedarLiteral)`?" })
    }

    private mutating func applicable(
        _ references: [Fragment.Reference]?, in namespace: String
    ) -> [String] {
        var names: Set<String> = []
        for reference in references ?? [] {
            if let name = entityType(reference, in: namespace) { names.insert(name) }
        }
        return names.sorted()
    }

    /// What can be reached from each over one or more steps.
    private mutating func ancestors<Node: Hashable>(
        _ parents: [Node: Set<Node>]
    ) -> [Node: Set<Node>] {
        var all: [Node: Set<Node>] = [:]
        for start in parents.keys {
            var reached: Set<Node> = []
            var pending = Array(parents[start] ?? [])
            while let node = pending.popLast() {
                memberships += 1
                if reached.insert(node).inserted { pending += parents[node] ?? [] }
                guard memberships <= limits.maximumMemberships else {
                    noteMemberships()
                    return all
                }
            }
            all[start] = reached
        }
        return all
    }

    private mutating func noteMemberships() {
        guard let first = namespaces.first else { return }
        note(
            .limit, at: first.location,
            "it takes more than \(limits.maximumMemberships) steps to find out what entity types "
                + "and actions are in",
            hint: "use fewer groups in groups, or raise the limit")
    }
}
