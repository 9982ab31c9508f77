// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

/// The keys by which Cedar's JSON says that an object is something else than a record.
private enum Escape {
    static let entity = "__entity"
    static let call = "__extn"
    static let expression = "__expr"

    static func isReserved(_ key: String) -> Bool {
        key == entity || key == call || key == expression
    }
}

extension Value {
    /// How deeply JSON may nest.
    public static let maximumJSONDepth = 100

    /// Reads a value in the JSON format of Cedar.
    ///
    /// `{"__entity": {"type": …, "id": …}}` is an entity, `{"__extn": {"fn": …, "arg": …}}` (or
    /// `"args": […]`) a value of an extension type. Only for JSON from a trusted side: in JSON
    /// from an agent these would let it name entities, so that is read with ``init(data:path:)``.
    /// - Parameters:
    ///   - json: the value.
    ///   - path: where it is in its document, for messages.
    /// - Throws: `JSONShapeError` for `null`, numbers that are not 64-bit integers, escapes that
    ///   are not whole, and text that an extension function refuses.
    public init(json: JSON, path: String = "") throws(JSONShapeError) {
        try self.init(json: json, place: .root(path))
    }

    init(json: JSON, place: JSONPlace) throws(JSONShapeError) {
        try self.init(json, place, escapes: true) {
            json, path throws(JSONShapeError) in
            throw JSONShapeError(path: path, message: Self.refusal(of: json))
        }
    }

    /// Reads a value of JSON that comes from outside, where every object is a record.
    ///
    /// - Parameters:
    ///   - json: the value.
    ///   - path: where it is in its document, for messages.
    /// - Throws: `JSONShapeError` for `null` and numbers that are not 64-bit integers.
    public init(data json: JSON, path: String = "") throws(JSONShapeError) {
        try self.init(json, .root(path), escapes: false) {
            json, path throws(JSONShapeError) in
            throw JSONShapeError(path: path, message: Self.refusal(of: json))
        }
    }

    /// Reads a value of JSON that comes from outside, where every object is a record.
    ///
    /// - Parameters:
    ///   - json: the value.
    ///   - path: where it is in its document, for messages.
    ///   - unrepresentable: decides on `null` and on numbers that are not 64-bit integers, which
    ///     Cedar does not have; where it answers `nil`, the member or element is left out.
    /// - Throws: `JSONShapeError` for JSON that is too deep or stands for nothing at all, and
    ///   what `unrepresentable` throws.
    public init(
        data json: JSON, path: String = "",
        unrepresentable: (JSON, _ path: String) throws(JSONShapeError) -> Value?
    ) throws(JSONShapeError) {
        try self.init(json, .root(path), escapes: false, unrepresentable)
    }

    private static func refusal(of json: JSON) -> String {
        json.isNull
            ? "`null` is not a Cedar value, leave the member out"
            : "Cedar numbers are 64-bit integers, use an integer or a decimal"
    }

    private init(
        _ json: JSON, _ place: JSONPlace, escapes: Bool,
        _ other: (JSON, String) throws(JSONShapeError) -> Value?
    ) throws(JSONShapeError) {
        let value = try Self.read(json, place, 0, escapes, other)
        guard let value else {
            throw JSONShapeError(path: place.path, message: Self.refusal(of: json))
        }
        self = value
    }

    private static func read(
        _ json: JSON, _ place: JSONPlace, _ depth: Int, _ escapes: Bool,
        _ other: (JSON, String) throws(JSONShapeError) -> Value?
    ) throws(JSONShapeError) -> Value? {
        guard depth < maximumJSONDepth else {
            throw JSONShapeError(
                path: place.path, message: "nested more than \(maximumJSONDepth) levels deep")
        }
        switch json {
        case .bool(let value): return .bool(value)
        case .string(let value): return .string(value)
        case .null: return try other(json, place.path)
        case .number(let number):
            if let value = number.int64 { return .long(value) }
            return try other(json, place.path)
        case .array(let elements):
            var values: [Value] = []
            values.reserveCapacity(elements.count)
            for (index, element) in elements.enumerated() {
                let value = try read(
                    element, .element(place, index), depth + 1, escapes, other)
                if let value { values.append(value) }
            }
            return .set(ValueSet(values))
        case .object(let object):
            if escapes, let value = try escaped(object, place, depth) { return value }
            var pairs: [(String, Value)] = []
            pairs.reserveCapacity(object.count)
            for member in object {
                let value = try read(
                    member.value, .member(place, member.key), depth + 1, escapes, other)
                if let value { pairs.append((member.key, value)) }
            }
            return .record(Record(pairs))
        }
    }

    /// The value that an escape stands for; `nil` for an ordinary record.
    private static func escaped(
        _ object: JSONObject, _ outer: JSONPlace, _ depth: Int
    ) throws(JSONShapeError) -> Value? {
        guard object.contains(where: { Escape.isReserved($0.key) }) else { return nil }
        guard object.count == 1, let member = object.first, member.key != Escape.expression else {
            throw JSONShapeError(
                path: outer.path,
                message: "`\(Escape.entity)`, `\(Escape.call)` and `\(Escape.expression)` are "
                    + "reserved: use one of the first two, as the only key")
        }
        let place = JSONPlace.member(outer, member.key)
        if member.key == Escape.entity {
            return try place.reading { () throws(JSONShapeError) in
                .entity(try EntityUID(typeAndID: member.value, path: ""))
            }
        }
        let (name, all) = try place.reading { () throws(JSONShapeError) in
            try call(member.value)
        }
        var values: [Value] = []
        for (index, argument) in all.enumerated() {
            let value = try read(
                argument, .element(.member(place, "args"), index), depth + 1, true
            ) { json, path throws(JSONShapeError) in
                throw JSONShapeError(path: path, message: refusal(of: json))
            }
            if let value { values.append(value) }
        }
        do throws(EvaluationError.Kind) {
            guard let function = ExtensionFunction(rawValue: name) else {
                throw EvaluationError.Kind.failedExtensionFunctionLookup(name: name)
            }
            return try function.call(values)
        } catch {
            throw JSONShapeError(path: place.path, message: error.message)
        }
    }

    /// The name and the arguments of a call.
    private static func call(_ json: JSON) throws(JSONShapeError) -> (String, [JSON]) {
        var reader = try JSONReader(json)
        let name = try reader.string("fn")
        let arguments = [try? reader.value("arg")].compactMap(\.self)
        let all = try reader.optionalArray("args") ?? arguments
        try reader.finish()
        guard arguments.isEmpty || all.count == arguments.count else {
            throw reader.error("args", "give `arg` or `args`, not both")
        }
        return (name, all)
    }

    /// The value in the JSON format of Cedar; reading it back gives the same value.
    ///
    /// - Throws: `JSONShapeError` for a record with a key that the format reserves, which would
    ///   read back as something else.
    public var json: JSON {
        get throws(JSONShapeError) { try rendered(.root("")) }
    }

    private func rendered(_ place: JSONPlace) throws(JSONShapeError) -> JSON {
        switch self {
        case .bool(let value): return .bool(value)
        case .long(let value): return .int(value)
        case .string(let value): return .string(value)
        case .entity(let uid): return ["__entity": uid.json]
        case .set(let elements):
            var array: [JSON] = []
            for (index, element) in elements.enumerated() {
                array.append(try element.rendered(.element(place, index)))
            }
            return .array(array)
        case .record(let record):
            var pairs: [(String, JSON)] = []
            for (key, value) in record {
                let place = JSONPlace.member(place, key)
                guard !Escape.isReserved(key) else {
                    throw JSONShapeError(
                        path: place.path, message: "this key is reserved, rename it")
                }
                pairs.append((key, try value.rendered(place)))
            }
            return .object(JSONObject(pairs))
        case .extension(let value): return value.json
        }
    }
}

extension ExtensionValue {
    /// The value as a call, in the JSON format of Cedar.
    public var json: JSON {
        switch self {
        case .decimal(let value): Self.call("decimal", .string(value.description))
        case .ip(let value): Self.call("ip", .string(value.description))
        case .duration(let value): Self.call("duration", .string(value.description))
        case .datetime(let value):
            [
                "__extn": [
                    "fn": "offset",
                    "args": [
                        Self.call("datetime", "1970-01-01"),
                        Self.call("duration", .string("\(value.epoch)ms")),
                    ],
                ]
            ]
        }
    }

    private static func call(_ function: String, _ argument: JSON) -> JSON {
        ["__extn": ["fn": .string(function), "arg": argument]]
    }
}

extension EntityUID {
    /// Reads `{"type": …, "id": …}`, with or without `{"__entity": …}` around it.
    ///
    /// - Parameters:
    ///   - json: the name.
    ///   - path: where it is in its document, for messages.
    /// - Throws: `JSONShapeError` for another shape and for types that are not valid names.
    public init(json: JSON, path: String = "") throws(JSONShapeError) {
        if let object = json.objectValue, object.count == 1, let inner = object[Escape.entity] {
            try self.init(typeAndID: inner, path: "\(path).\(Escape.entity)")
        } else {
            try self.init(typeAndID: json, path: path)
        }
    }

    fileprivate init(typeAndID json: JSON, path: String) throws(JSONShapeError) {
        var reader = try JSONReader(json, path: path)
        let type = try reader.string("type")
        let id = try reader.string("id")
        try reader.finish()
        guard TypeName.isValid(type) else {
            throw reader.error(
                "type", "`\(type.cedarEscaped)` is not an entity type, write it like `Photos::User`"
            )
        }
        self.init(type: type, id: id)
    }

    /// `{"type": …, "id": …}`.
    public var json: JSON { ["type": .string(type), "id": .string(id)] }
}
