// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import Cedar

/// One conversion, with the place where it is.
struct InputConverter {
    let schema: Schema
    let options: TypedInput.Options
    /// The steps of the pointer to the value at hand.
    private(set) var tokens: [String]
    private(set) var entities: [Entity] = []
    private(set) var omitted: [JSONPointer] = []
    private var steps = 0
    /// How many unions are being tried around the value; hints are for the last word only.
    private var trials = 0

    init(schema: Schema, options: TypedInput.Options, tokens: [String]) {
        self.schema = schema
        self.options = options
        self.tokens = tokens
    }

    func error(_ kind: TypedInputError.Kind, _ message: String) -> TypedInputError {
        TypedInputError(kind: kind, pointer: JSONPointer(tokens: tokens), message: message)
    }

    func wrong(_ json: JSON, _ expected: String) -> TypedInputError {
        error(.wrongType, "expected \(expected), found \(Shown.kind(json))")
    }

    mutating func value(
        _ json: JSON, _ type: CedarType, depth: Int
    ) throws(TypedInputError) -> Value {
        steps += 1
        guard steps <= options.maximumSteps else {
            throw error(
                .limit, "converting takes more than \(options.maximumSteps) steps: send less")
        }
        guard depth < options.maximumDepth else {
            throw error(.limit, "nested more than \(options.maximumDepth) levels: nest less")
        }
        switch type {
        case .bool:
            guard let value = json.boolValue else { throw wrong(json, "`true` or `false`") }
            return .bool(value)
        case .long: return .long(try integer(json))
        case .string:
            guard let text = json.stringValue else { throw wrong(json, "a string") }
            return .string(text)
        case .extension(let type): return try extensionValue(json, type)
        case .set(let element): return try set(json, element, depth: depth)
        case .record(let record): return try self.record(json, record, depth: depth)
        case .entity(let union):
            guard let name = union.single else { throw undeclarable(type) }
            return try entity(json, name, depth: depth)
        case .never, .true, .false, .anyEntity, .anySet: throw undeclarable(type)
        }
    }

    private func undeclarable(_ type: CedarType) -> TypedInputError {
        error(
            .unknownType,
            "\(Shown.type(type)) is no type of values: use one that a schema declares")
    }

    private mutating func within<Result>(
        _ token: String,
        _ body: (inout InputConverter) throws(TypedInputError) -> Result
    ) throws(TypedInputError) -> Result {
        tokens.append(token)
        let result = try body(&self)
        tokens.removeLast()
        return result
    }

    // MARK: sets and records

    private mutating func set(
        _ json: JSON, _ type: CedarType, depth: Int
    ) throws(TypedInputError) -> Value {
        guard let elements = json.arrayValue else { throw wrong(json, "an array") }
        var values: [Value] = []
        values.reserveCapacity(elements.count)
        for (place, element) in elements.enumerated() {
            values.append(
                try within(String(place)) { inner throws(TypedInputError) in
                    try inner.value(element, type, depth: depth + 1)
                })
        }
        return .set(ValueSet(values))
    }

    private mutating func record(
        _ json: JSON, _ type: RecordType, depth: Int
    ) throws(TypedInputError) -> Value {
        guard !type.isOpen else { throw undeclarable(.record(type)) }
        switch RecordConvention(type) {
        case .union(let choices):
            steps += choices.count
            return try union(json, choices, depth: depth)
        case .tuple(let types):
            steps += types.count
            if let elements = json.arrayValue {
                return try tuple(elements, types, depth: depth)
            }
            guard let object = json.objectValue else {
                throw wrong(json, "an array of \(types.count) elements")
            }
            return .record(Value.Record(try members(object, type, tags: nil, depth: depth).0))
        case .plain:
            guard let object = json.objectValue else { throw wrong(json, "an object") }
            return .record(Value.Record(try members(object, type, tags: nil, depth: depth).0))
        }
    }

    private mutating func tuple(
        _ elements: [JSON], _ types: [CedarType], depth: Int
    ) throws(TypedInputError) -> Value {
        guard elements.count == types.count else {
            throw error(
                .wrongType,
                "expected an array of \(types.count) elements, found \(elements.count)")
        }
        var pairs: [(String, Value)] = []
        for (place, (element, type)) in zip(elements, types).enumerated() {
            let value = try within(String(place)) { inner throws(TypedInputError) in
                try inner.value(element, type, depth: depth + 1)
            }
            pairs.append(("\(RecordConvention.tuplePrefix)\(place)", value))
        }
        return .record(Value.Record(pairs))
    }

    private mutating func union(
        _ json: JSON, _ choices: [RecordType.Attribute], depth: Int
    ) throws(TypedInputError) -> Value {
        let before = (tokens.count, entities.count, omitted.count)
        trials += 1
        defer { trials -= 1 }
        var only: TypedInputError?
        for choice in choices {
            do throws(TypedInputError) {
                let value = try value(json, choice.type, depth: depth + 1)
                return .record(Value.Record([(choice.name, value)]))
            } catch {
                // Passing a limit says nothing of the choice; another one must not hide it.
                guard error.kind != .limit else { throw error }
                tokens.removeSubrange(before.0...)
                entities.removeSubrange(before.1...)
                omitted.removeSubrange(before.2...)
                only = error
            }
        }
        if choices.count == 1, let only { throw only }
        let types = choices.prefix(8).map { Shown.type($0.type) }.joined(separator: ", ")
        let more = choices.count > 8 ? ", …" : ""
        throw error(
            .noChoiceFits, "\(Shown.kind(json)) is none of \(types)\(more): send one of them")
    }

    /// Attributes, and tags where other members may be.
    private mutating func members(
        _ object: JSONObject, _ type: RecordType, tags: CedarType?, depth: Int
    ) throws(TypedInputError) -> (attributes: [(String, Value)], tags: [(String, Value)]) {
        // Looking for each declared attribute costs, whatever the object holds.
        steps += type.attributes.count
        if tags == nil { try checkDeclared(object, type) }
        var attributes: [(String, Value)] = []
        for attribute in type.attributes {
            let given = object[attribute.name]
            guard let given, !given.isNull || takesNull(attribute.type, levels: 8) else {
                guard !attribute.isRequired else { throw missing(attribute, given) }
                if given != nil {
                    omitted.append(JSONPointer(tokens: tokens + [attribute.name]))
                }
                continue
            }
            let value = try within(attribute.name) { inner throws(TypedInputError) in
                try inner.value(given, attribute.type, depth: depth + 1)
            }
            attributes.append((attribute.name, value))
        }
        guard let tags else { return (attributes, []) }
        var others: [(String, Value)] = []
        for member in object where type[member.key] == nil {
            let value = try within(member.key) { inner throws(TypedInputError) in
                try inner.value(member.value, tags, depth: depth + 1)
            }
            others.append((member.key, value))
        }
        return (attributes, others)
    }

    private func checkDeclared(_ object: JSONObject, _ type: RecordType) throws(TypedInputError) {
        for member in object where type[member.key] == nil {
            var advice = "leave it out or declare it"
            if trials == 0,
                let near = Suggestion.nearest(to: member.key, among: type.attributes.map(\.name))
            {
                advice = "did you mean `\(Shown.text(near))`?"
            }
            throw error(
                .undeclaredMember,
                "member `\(Shown.text(member.key))` is not declared: \(advice)")
        }
    }

    private func missing(
        _ attribute: RecordType.Attribute, _ given: JSON?
    ) -> TypedInputError {
        let name = Shown.text(attribute.name)
        let type = Shown.type(attribute.type)
        return error(
            .missingMember,
            given == nil
                ? "member `\(name)` is missing: add \(type)"
                : "member `\(name)` is null but required: use \(type)")
    }

    /// Whether `null` is a value of the type.
    private mutating func takesNull(_ type: CedarType, levels: Int) -> Bool {
        steps += 1
        switch type {
        case .entity(let union):
            guard let name = union.single, let entity = schema.entityTypes[name] else {
                return false
            }
            guard case .opaque = EntityConvention(entity, options)
            else { return false }
            return true
        case .record(let record):
            guard levels > 0, case .union(let choices) = RecordConvention(record) else {
                return false
            }
            for choice in choices where takesNull(choice.type, levels: levels - 1) { return true }
            return false
        default: return false
        }
    }

    // MARK: entities

    private mutating func entity(
        _ json: JSON, _ name: String, depth: Int
    ) throws(TypedInputError) -> Value {
        guard let type = schema.entityTypes[name] else {
            let uid = try reference(json, name)
            guard schema.actions[uid] != nil else {
                throw error(
                    .unknownType,
                    "`\(Shown.text(uid.description))` is not declared: use the schema of the type")
            }
            return .entity(uid)
        }
        switch EntityConvention(type, options) {
        case .enumeration(let choices):
            steps += choices.count
            return .entity(try choice(json, name, choices))
        case .opaque: return .entity(EntityUID(type: name, id: try canonicalText(json)))
        case .reference: return .entity(try reference(json, name))
        case .built(let type): return .entity(try build(json, type, depth: depth))
        }
    }

    private func choice(
        _ json: JSON, _ type: String, _ choices: [String]
    ) throws(TypedInputError) -> EntityUID {
        guard let text = json.stringValue else {
            throw wrong(json, "a string of the enumeration `\(Shown.text(type))`")
        }
        guard choices.contains(where: { UTF8Bytes.areEqual($0, text) }) else {
            let shown = choices.prefix(16).map { "`\(Shown.text($0))`" }
            let more = choices.count > shown.count ? ", …" : ""
            throw error(
                .notAChoice,
                "`\(Shown.text(text))` is not a choice: use one of "
                    + "\(shown.joined(separator: ", "))\(more)")
        }
        return EntityUID(type: type, id: text)
    }

    private func canonicalText(_ json: JSON) throws(TypedInputError) -> String {
        let text: String
        do throws(CanonicalizationError) {
            text = try json.canonicalString()
        } catch {
            let kind: TypedInputError.Kind = error.code == .tooDeep ? .limit : .notExact
            throw self.error(kind, error.message)
        }
        guard text.utf8.count <= options.maximumOpaqueBytes else {
            throw error(
                .limit,
                "value of \(text.utf8.count) bytes without a type of its own: "
                    + "use at most \(options.maximumOpaqueBytes)")
        }
        return text
    }

    private func reference(_ json: JSON, _ type: String) throws(TypedInputError) -> EntityUID {
        if let id = json.stringValue { return EntityUID(type: type, id: id) }
        var inner = json
        if let object = json.objectValue, object.count == 1, let escaped = object["__entity"] {
            inner = escaped
        }
        guard let object = inner.objectValue, object.count == 2,
            let given = object["type"]?.stringValue, let id = object["id"]?.stringValue
        else {
            throw wrong(
                json, "the id of a `\(Shown.text(type))`, or `{\"type\": …, \"id\": …}`")
        }
        guard UTF8Bytes.areEqual(given, type) else {
            throw error(
                .wrongType,
                "expected an entity of type `\(Shown.text(type))`, found `\(Shown.text(given))`")
        }
        return EntityUID(type: type, id: id)
    }

    /// Makes an entity of an object; the place names it, so that equal arguments give equal names.
    private mutating func build(
        _ json: JSON, _ type: Schema.EntityType, depth: Int
    ) throws(TypedInputError) -> EntityUID {
        guard let object = json.objectValue else { throw wrong(json, "an object") }
        let (attributes, tags) = try members(
            object, type.attributes, tags: type.tags, depth: depth)
        let id = JSONPointer(tokens: tokens).description
        guard id.utf8.count <= options.maximumPointerBytes else {
            throw error(
                .limit,
                "the place has a pointer of \(id.utf8.count) bytes: "
                    + "use at most \(options.maximumPointerBytes)")
        }
        guard entities.count < options.maximumEntities else {
            throw error(
                .limit, "more than \(options.maximumEntities) objects become entities: send fewer")
        }
        let uid = EntityUID(type: type.name, id: id)
        entities.append(
            Entity(uid: uid, attributes: Value.Record(attributes), tags: Value.Record(tags)))
        return uid
    }
}
