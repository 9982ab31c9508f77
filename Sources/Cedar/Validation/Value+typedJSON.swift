// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

extension Value {
    /// Reads a value whose type a schema gives.
    ///
    /// Where an entity is expected, `{"type": …, "id": …}` is one without `__entity` around it;
    /// where an extension value is, its text alone or `{"fn": …, "arg": …}` without `__extn` is
    /// enough; where a record is, every object is one.
    ///
    /// A call may hold calls, so the type alone does not bound how deep it goes.
    init(
        json: JSON, type: CedarType, place: JSONPlace, depth: Int = 0
    ) throws(JSONShapeError) {
        guard depth < Self.maximumJSONDepth else {
            throw JSONShapeError(
                path: place.path, message: "nested more than \(Self.maximumJSONDepth) levels deep")
        }
        switch type {
        case .entity, .anyEntity:
            self = try place.reading { () throws(JSONShapeError) in
                .entity(try EntityUID(json: json))
            }
        case .extension(let type):
            self = try Self.call(
                json, constructor: type.constructor, place: place, depth: depth + 1)
        case .set(let element):
            guard let elements = json.arrayValue else {
                throw JSONShapeError(
                    path: place.path,
                    message: "expected an array: a set of `\(element.summary)`")
            }
            var values: [Value] = []
            for (index, inner) in elements.enumerated() {
                values.append(
                    try Value(
                        json: inner, type: element, place: .element(place, index),
                        depth: depth + 1))
            }
            self = .set(ValueSet(values))
        case .record(let record):
            self = .record(
                try Value.Record(json: json, type: record, place: place, depth: depth + 1))
        case .never, .bool, .true, .false, .long, .string, .anySet:
            self = try Value(json: json, place: place)
        }
    }

    private static func call(
        _ json: JSON, constructor: ExtensionFunction, place: JSONPlace, depth: Int
    ) throws(JSONShapeError) -> Value {
        var inner = json
        if let object = json.objectValue, object.count == 1, let escaped = object["__extn"] {
            inner = escaped
        }
        let isCall = inner["fn"] != nil && (inner["arg"] != nil || inner["args"] != nil)
        let function: ExtensionFunction
        let arguments: [JSON]
        if isCall {
            (function, arguments) = try place.reading { () throws(JSONShapeError) in
                try known(inner)
            }
        } else {
            (function, arguments) = (constructor, [json])
        }
        let expected = function.signature.arguments
        guard arguments.count == expected.count else {
            throw JSONShapeError(
                path: place.path,
                message: "`\(function.rawValue)` takes \(expected.count) arguments, "
                    + "found \(arguments.count)")
        }
        var values: [Value] = []
        for (argument, type) in zip(arguments, expected) {
            values.append(try Value(json: argument, type: type, place: place, depth: depth))
        }
        do throws(EvaluationError.Kind) {
            return try function.call(values)
        } catch {
            throw JSONShapeError(path: place.path, message: error.message)
        }
    }

    /// The function and the arguments of a call.
    private static func known(
        _ json: JSON
    ) throws(JSONShapeError) -> (ExtensionFunction, [JSON]) {
        var reader = try JSONReader(json)
        let name = try reader.string("fn")
        let single = reader.optionalValue("arg").map { [$0] }
        let several = try reader.optionalArray("args")
        try reader.finish()
        guard let known = ExtensionFunction(rawValue: name) else {
            throw JSONShapeError(
                path: "", message: "extension function `\(name.cedarEscaped)` does not exist")
        }
        guard let given = several ?? single, single == nil || several == nil else {
            throw JSONShapeError(path: "", message: "give `arg` or `args`, not both")
        }
        return (known, given)
    }
}

extension Value.Record {
    /// Reads a record whose type a schema gives; it must have all that is required and no more.
    init(
        json: JSON, type: RecordType, place: JSONPlace, depth: Int = 0
    ) throws(JSONShapeError) {
        guard let object = json.objectValue else {
            throw JSONShapeError(path: place.path, message: "expected an object")
        }
        var pairs: [(String, Value)] = []
        for (key, value) in object {
            let inner = JSONPlace.member(place, key)
            guard let attribute = type[key] else {
                throw JSONShapeError(
                    path: inner.path, message: "the schema declares no such attribute")
            }
            pairs.append(
                (key, try Value(json: value, type: attribute.type, place: inner, depth: depth)))
        }
        self.init(pairs)
        for attribute in type.attributes where attribute.isRequired {
            guard self[attribute.name] != nil else {
                throw JSONShapeError(
                    path: place.path,
                    message: "lacks the attribute `\(attribute.name.cedarEscaped)`")
            }
        }
    }
}

extension Entities {
    /// Reads entities in the JSON format of Cedar, with the help of a schema and against it.
    ///
    /// The schema says where entities and extension values are, so that they may be written
    /// without `__entity` and `__extn`; it adds its actions with their groups.
    /// - Parameters:
    ///   - json: an array of `{"uid", "attrs", "parents", "tags"}`; only `tags` may be absent.
    ///   - schema: what every entity must fit.
    /// - Throws: ``EntitiesError`` for another shape, for what does not fit the schema, and for
    ///   what ``init(_:)`` refuses.
    public init(json: JSON, schema: Schema) throws(EntitiesError) {
        let entities = try Self.list(json) { element, path throws(JSONShapeError) in
            try Entity(json: element, schema: schema, path: path)
        }
        try self.init(entities, schema: schema)
    }

    /// Takes entities that fit a schema, and the schema's actions with their groups.
    ///
    /// - Parameters:
    ///   - entities: the entities; actions need not be among them.
    ///   - schema: what every entity must fit.
    /// - Throws: ``EntitiesError`` for what does not fit, see ``EntitiesError/validation``, and
    ///   for what ``init(_:)`` refuses.
    public init(_ entities: [Entity], schema: Schema) throws(EntitiesError) {
        let actions = try Entities(entities.filter(\.uid.isAction))
        do throws(EntityValidationError) {
            for entity in entities {
                if entity.uid.isAction {
                    try schema.validateAction(
                        entity, ancestors: actions.ancestors(of: entity.uid))
                } else {
                    try schema.validate(entity)
                }
            }
        } catch {
            throw EntitiesError(error)
        }
        try self.init(entities.filter { !$0.uid.isAction } + schema.actionEntities)
    }
}

extension Entity {
    /// Reads one entity in the JSON format of Cedar, with the help of a schema.
    ///
    /// - Parameters:
    ///   - json: `{"uid", "attrs", "parents", "tags"}`; only `tags` may be absent.
    ///   - schema: says what attributes and tags are; whether the entity fits it otherwise is not
    ///     checked, see ``Schema``.
    ///   - path: where it is in its document, for messages.
    /// - Throws: `JSONShapeError` for another shape.
    public init(json: JSON, schema: Schema, path: String = "") throws(JSONShapeError) {
        var reader = try JSONReader(json, path: path)
        let uid = try EntityUID(json: try reader.value("uid"), path: "\(path).uid")
        guard !uid.isAction else {
            try self.init(json: json, path: path)
            return
        }
        guard let type = schema.entityType(uid.type) else {
            throw reader.error("uid", "entity type `\(uid.type)` is not declared")
        }
        let attributes = try reader.value("attrs")
        let tags = reader.optionalValue("tags") ?? [:]
        var parents: [EntityUID] = []
        for (place, parent) in try reader.array("parents").enumerated() {
            parents.append(try EntityUID(json: parent, path: "\(path).parents[\(place)]"))
        }
        try reader.finish()
        self.init(
            uid: uid,
            attributes: try Value.Record(
                json: attributes, type: type.attributes, place: .root("\(path).attrs")),
            parents: parents, tags: try Self.tags(tags, type, path: "\(path).tags"))
    }

    private static func tags(
        _ json: JSON, _ type: Schema.EntityType, path: String
    ) throws(JSONShapeError) -> Value.Record {
        guard let object = json.objectValue else {
            throw JSONShapeError(path: path, message: "expected an object")
        }
        var pairs: [(String, Value)] = []
        for (key, value) in object {
            guard let tags = type.tags else {
                throw JSONShapeError(path: path, message: "`\(type.name)` has no tags")
            }
            pairs.append(
                (key, try Value(json: value, type: tags, place: .member(.root(path), key))))
        }
        return Value.Record(pairs)
    }
}

extension Request {
    /// Reads a request with the help of a schema and against it.
    ///
    /// The schema says where entities and extension values are in the context, so that they may be
    /// written without `__entity` and `__extn`.
    /// - Parameters:
    ///   - json: `{"principal", "action", "resource", "context"}` as ``init(json:path:)`` reads it.
    ///   - schema: what the request must fit.
    /// - Throws: ``RequestValidationError`` with the first thing that is wrong.
    public init(json: JSON, schema: Schema) throws(RequestValidationError) {
        var context: JSON = [:]
        do throws(JSONShapeError) {
            guard var object = json.objectValue else {
                throw JSONShapeError(path: "", message: "expected an object")
            }
            context = object["context"] ?? [:]
            object["context"] = [:] as JSON
            self = try Request(json: .object(object))
        } catch {
            throw RequestValidationError(.malformed(path: error.path, message: error.message))
        }
        let action = try schema.validateScope(of: self)
        do throws(JSONShapeError) {
            self.context = try Value.Record(
                json: context, type: action.context, place: .root("context"))
        } catch {
            throw RequestValidationError(.malformed(path: error.path, message: error.message))
        }
        try schema.validate(self)
    }
}
