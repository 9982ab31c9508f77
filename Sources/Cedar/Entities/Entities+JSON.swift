// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

extension Entities {
    /// Reads entities in the JSON format of Cedar.
    ///
    /// An array of `{"uid", "attrs", "parents", "tags"}`; only `tags` may be absent, and nothing
    /// else is taken. Without a schema, entities and extension values in attributes are written
    /// with `__entity` and `__extn`.
    /// - Throws: ``EntitiesError`` for another shape, and for what ``init(_:)`` refuses.
    public init(json: JSON) throws(EntitiesError) {
        try self.init(try Self.list(json, Entity.init(json:path:)))
    }

    /// Reads an array of entities with a reader for one of them, which is told its place.
    static func list(
        _ json: JSON, _ read: (_ json: JSON, _ path: String) throws(JSONShapeError) -> Entity
    ) throws(EntitiesError) -> [Entity] {
        guard let elements = json.arrayValue else {
            throw EntitiesError("entities must be an array of objects")
        }
        var entities: [Entity] = []
        entities.reserveCapacity(elements.count)
        for (place, element) in elements.enumerated() {
            do throws(JSONShapeError) {
                entities.append(try read(element, "entities[\(place)]"))
            } catch {
                throw EntitiesError(error.description)
            }
        }
        return entities
    }
}

extension Entity {
    /// Reads one entity in the JSON format of Cedar.
    ///
    /// - Parameters:
    ///   - json: `{"uid", "attrs", "parents", "tags"}`; only `tags` may be absent.
    ///   - path: where it is in its document, for messages.
    /// - Throws: `JSONShapeError` for another shape, and for an action in something that is none.
    public init(json: JSON, path: String = "") throws(JSONShapeError) {
        var reader = try JSONReader(json, path: path)
        let uid = try EntityUID(json: try reader.value("uid"), path: "\(path).uid")
        let attributes = try reader.value("attrs")
        let tags = reader.optionalValue("tags") ?? [:]
        var parents: [EntityUID] = []
        for (place, parent) in try reader.array("parents").enumerated() {
            parents.append(try EntityUID(json: parent, path: "\(path).parents[\(place)]"))
        }
        try reader.finish()
        if uid.isAction, let other = parents.first(where: { !$0.isAction }) {
            throw reader.error("parents", "action `\(uid)` cannot be in `\(other)`, which is none")
        }
        self.init(
            uid: uid, attributes: try Value.Record(members: attributes, path: "\(path).attrs"),
            parents: parents, tags: try Value.Record(members: tags, path: "\(path).tags"))
    }

    /// The entity in the JSON format of Cedar.
    ///
    /// - Throws: `JSONShapeError` for a record with a key that the format reserves.
    public var json: JSON {
        get throws(JSONShapeError) {
            var members: [(String, JSON)] = [
                ("uid", uid.json), ("attrs", try attributes.jsonMembers),
                ("parents", .array(parents.map(\.json))),
            ]
            if !tags.isEmpty { members.append(("tags", try tags.jsonMembers)) }
            return .object(JSONObject(members))
        }
    }
}

extension Value.Record {
    /// Reads the members of an object that is never itself an escape.
    init(members json: JSON, path: String) throws(JSONShapeError) {
        guard let object = json.objectValue else {
            throw JSONShapeError(path: path, message: "expected an object")
        }
        var pairs: [(String, Value)] = []
        for member in object {
            pairs.append(
                (member.key, try Value(json: member.value, path: "\(path).\(member.key)")))
        }
        self.init(pairs)
    }

    fileprivate var jsonMembers: JSON {
        get throws(JSONShapeError) {
            var pairs: [(String, JSON)] = []
            for (key, value) in self { pairs.append((key, try value.json)) }
            return .object(JSONObject(pairs))
        }
    }
}

extension Request {
    /// Reads a request: `{"principal", "action", "resource", "context"}`.
    ///
    /// The first three are `"User::\"alice\""`, `{"type": …, "id": …}` or that within
    /// `{"__entity": …}`. The context is a record in the JSON format of Cedar, or absent.
    /// - Throws: `JSONShapeError` for another shape.
    public init(json: JSON, path: String = "") throws(JSONShapeError) {
        var reader = try JSONReader(json, path: path)
        let principal = try Self.entity("principal", &reader)
        let action = try Self.entity("action", &reader)
        let resource = try Self.entity("resource", &reader)
        let context = reader.optionalValue("context") ?? [:]
        try reader.finish()
        let prefix = path.isEmpty ? "" : "\(path)."
        let value = try Value(json: context, path: "\(prefix)context")
        guard case .record(let record) = value else {
            throw reader.error("context", "expected a record")
        }
        self.init(principal: principal, action: action, resource: resource, context: record)
    }

    private static func entity(
        _ key: String, _ reader: inout JSONReader
    ) throws(JSONShapeError) -> EntityUID {
        let json = try reader.value(key)
        guard let text = json.stringValue else {
            let prefix = reader.path.isEmpty ? "" : "\(reader.path)."
            return try EntityUID(json: json, path: prefix + key)
        }
        guard let uid = EntityUID(parsing: text) else {
            throw reader.error(
                key, "`\(text.cedarEscaped)` is not an entity, write it like `User::\"alice\"`")
        }
        return uid
    }
}
