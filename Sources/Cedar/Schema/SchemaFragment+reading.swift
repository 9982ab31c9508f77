// SPDX-License-Identifier: Apache-2.0

public import CanonicalJSON

extension SchemaFragment {
    /// Reads a schema in Cedar syntax.
    ///
    /// - Parameters:
    ///   - text: any number of namespaces and declarations (RFC 24).
    ///   - source: how errors and warnings call the text, such as the name of a file.
    ///   - limits: how much is read.
    /// - Throws: ``SchemaErrors`` with every error that the syntax alone shows.
    public init(
        parsing text: String, named source: String? = nil, limits: SchemaLimits = .init()
    ) throws(SchemaErrors) {
        // Places in a text are kept in 32 bits.
        guard text.utf8.count <= min(limits.maximumBytes, Int(Int32.max)) else {
            let start = SourcePosition(offset: 0, line: 1, column: 1)
            let error = SchemaError(
                .limit, at: .text(SourceSpan(start, start), in: source),
                "schema is longer than \(limits.maximumBytes) bytes")
            throw SchemaErrors([error], limits: limits)
        }
        var parser = SchemaParser(text, named: source, limits: limits)
        self = parser.fragment()
        guard parser.errors.isEmpty else {
            let sorted = parser.errors.sorted { left, right in
                (left.location.span?.start.offset ?? 0) < (right.location.span?.start.offset ?? 0)
            }
            throw SchemaErrors(sorted, limits: limits)
        }
    }

    /// Reads a schema in JSON syntax.
    ///
    /// - Parameters:
    ///   - json: an object with the namespaces, `""` for declarations outside of any.
    ///   - source: how errors and warnings call the document, such as the name of a file.
    ///   - limits: how much is read; of them only those on declarations, depth and errors count.
    /// - Throws: ``SchemaErrors`` with every error that the shape alone shows, at most one for
    ///   each declaration.
    public init(
        json: JSON, named source: String? = nil, limits: SchemaLimits = .init()
    ) throws(SchemaErrors) {
        var reader = SchemaJSONReader(named: source, limits: limits)
        namespaces = reader.namespaces(json)
        guard reader.errors.isEmpty else { throw SchemaErrors(reader.errors, limits: limits) }
    }
}

/// Reads the JSON syntax; an error ends the declaration that it is in.
private struct SchemaJSONReader {
    typealias Fragment = SchemaFragment

    let source: String?
    let limits: SchemaLimits
    private(set) var errors: [SchemaError] = []
    private var declarations = 0

    init(named source: String?, limits: SchemaLimits) {
        self.source = source
        self.limits = limits
    }

    mutating func namespaces(_ json: JSON) -> [Fragment.Namespace] {
        var namespaces: [Fragment.Namespace] = []
        let root = Place(json, .root(""), source)
        attempt { reader throws(SchemaError) in
            for (name, value) in try root.object() {
                let place = root.child(name, value)
                reader.attempt { reader throws(SchemaError) in
                    namespaces.append(try reader.namespace(name, place))
                }
            }
        }
        return namespaces
    }

    private mutating func attempt(
        _ body: (inout SchemaJSONReader) throws(SchemaError) -> Void
    ) {
        guard errors.count <= limits.maximumErrors else { return }
        do throws(SchemaError) { try body(&self) } catch { errors.append(error) }
    }

    private mutating func namespace(
        _ name: String, _ place: Place
    ) throws(SchemaError) -> Fragment.Namespace {
        guard name.isEmpty || TypeName.isValid(name) else {
            throw place.error("invalid namespace: `\(name.cedarEscaped)`")
        }
        var namespace = Fragment.Namespace(name: name, location: place.location)
        let members = try place.members(
            ["commonTypes", "entityTypes", "actions", "annotations"])
        namespace.annotations = try annotations(members["annotations"])
        guard !name.isEmpty || namespace.annotations.isEmpty else {
            throw place.error("annotations are not allowed on the empty namespace")
        }
        for (name, place) in try members["commonTypes"]?.children() ?? [] {
            attempt { reader throws(SchemaError) in
                namespace.commonTypes.append(try reader.commonType(name, place))
            }
        }
        for (name, place) in try place.required("entityTypes", members).children() {
            attempt { reader throws(SchemaError) in
                namespace.entityTypes.append(try reader.entityType(name, place))
            }
        }
        for (name, place) in try place.required("actions", members).children() {
            attempt { reader throws(SchemaError) in
                namespace.actions.append(try reader.action(name, place))
            }
        }
        return namespace
    }

    private mutating func count(_ place: Place) throws(SchemaError) {
        declarations += 1
        guard declarations <= limits.maximumDeclarations else {
            throw place.error("more than \(limits.maximumDeclarations) declarations", .limit)
        }
    }

    private func annotations(_ place: Place?) throws(SchemaError) -> [Fragment.Annotation] {
        var annotations: [Fragment.Annotation] = []
        for (name, place) in try place?.children() ?? [] {
            guard TypeName.isIdentifier(name.utf8) else {
                throw place.error("invalid annotation: `\(name.cedarEscaped)`")
            }
            annotations.append(
                .init(name: name, value: place.json.isNull ? nil : try place.string()))
        }
        return annotations
    }

    private func checkDeclared(_ name: String, _ place: Place) throws(SchemaError) {
        guard TypeName.isPlainIdentifier(name) else {
            throw place.error("`\(name.cedarEscaped)` cannot be the name of a type", .reservedName)
        }
    }

    // MARK: declarations

    private mutating func commonType(
        _ name: String, _ place: Place
    ) throws(SchemaError) -> Fragment.CommonType {
        try count(place)
        try checkDeclared(name, place)
        guard !TypeName.builtinKeywords.contains(name) else {
            throw place.error("`\(name)` is reserved: it is a type of the language", .reservedName)
        }
        var members = try place.members(["annotations"], andTypes: true)
        let annotations = try annotations(members.removeValue(forKey: "annotations"))
        return .init(
            name: name, type: try type(members, place, depth: 0), annotations: annotations,
            location: place.location)
    }

    private mutating func entityType(
        _ name: String, _ place: Place
    ) throws(SchemaError) -> Fragment.EntityType {
        try count(place)
        try checkDeclared(name, place)
        let members = try place.members(["memberOfTypes", "shape", "tags", "enum", "annotations"])
        let kind: Fragment.EntityType.Kind
        if let choices = members["enum"] {
            for other in ["memberOfTypes", "shape", "tags"] {
                guard let place = members[other] else { continue }
                throw place.error("an enumerated entity type has no `\(other)`")
            }
            let all = try choices.array()
            guard !all.isEmpty else { throw choices.error("an enumeration needs a choice") }
            var names: [String] = []
            for choice in all { names.append(try choice.string()) }
            kind = .enumeration(names)
        } else {
            kind = .standard(
                memberOf: try references(members["memberOfTypes"]),
                shape: try members["shape"].map { place throws(SchemaError) in
                    try type(place, depth: 0)
                },
                tags: try members["tags"].map { place throws(SchemaError) in
                    try type(place, depth: 0)
                })
        }
        return .init(
            name: name, kind: kind, annotations: try annotations(members["annotations"]),
            location: place.location)
    }

    private mutating func action(
        _ name: String, _ place: Place
    ) throws(SchemaError) -> Fragment.Action {
        try count(place)
        let members = try place.members(["attributes", "appliesTo", "memberOf", "annotations"])
        if let attributes = members["attributes"], !attributes.json.isNull {
            throw attributes.error(
                "action `\(name.cedarEscaped)` has attributes: actions have none", .unsupported)
        }
        var parents: [Fragment.ActionReference] = []
        if let groups = members["memberOf"], !groups.json.isNull {
            for group in try groups.array() {
                let members = try group.members(["id", "type"])
                let type = members["type"].flatMap { $0.json.isNull ? nil : $0 }
                parents.append(
                    .init(
                        type: try type.map { place throws(SchemaError) in
                            try typeName(place).name
                        },
                        id: try group.required("id", members).string(), location: group.location))
            }
        }
        var appliesTo: Fragment.AppliesTo?
        if let place = members["appliesTo"], !place.json.isNull {
            let members = try place.members(["principalTypes", "resourceTypes", "context"])
            appliesTo = .init(
                principals: try references(place.required("principalTypes", members)),
                resources: try references(place.required("resourceTypes", members)),
                context: try members["context"].map { place throws(SchemaError) in
                    try type(place, depth: 0)
                })
        }
        return .init(
            name: name, memberOf: parents, appliesTo: appliesTo,
            annotations: try annotations(members["annotations"]), location: place.location)
    }

    // MARK: types

    private func references(_ place: Place?) throws(SchemaError) -> [Fragment.Reference] {
        var references: [Fragment.Reference] = []
        for element in try place?.array() ?? [] { references.append(try typeName(element)) }
        return references
    }

    private func typeName(_ place: Place) throws(SchemaError) -> Fragment.Reference {
        let name = try place.string()
        guard TypeName.isValidReference(name) else {
            throw place.error("`\(name.cedarEscaped)` is not the name of a type")
        }
        return .init(name: name, location: place.location)
    }

    private func type(
        _ place: Place, depth: Int
    ) throws(SchemaError) -> Fragment.TypeExpression {
        try type(try place.members([], andTypes: true), place, depth: depth)
    }

    private func type(
        _ members: [String: Place], _ place: Place, depth: Int
    ) throws(SchemaError) -> Fragment.TypeExpression {
        guard depth < limits.maximumDepth else {
            throw place.error(
                "type is nested more than \(limits.maximumDepth) levels deep", .limit)
        }
        let named = try place.required("type", members)
        let word = try named.string()
        let allowed: Set<String> =
            switch word {
            case "Set": ["type", "element"]
            case "Record": ["type", "attributes", "additionalAttributes"]
            case "Entity", "EntityOrCommon", "Extension": ["type", "name"]
            default: ["type"]
            }
        for (key, place) in members.sorted(by: { $0.key < $1.key }) where !allowed.contains(key) {
            throw place.error("a type `\(word.cedarEscaped)` has no `\(key)`")
        }
        switch word {
        case "String": return .string
        case "Long": return .long
        case "Boolean": return .bool
        case "Set":
            return .set(try type(try place.required("element", members), depth: depth + 1))
        case "Record": return try record(members, place, depth: depth)
        case "Entity": return .entity(try typeName(try place.required("name", members)))
        case "EntityOrCommon":
            return .entityOrCommon(try typeName(try place.required("name", members)))
        case "Extension":
            return .extension(try typeName(try place.required("name", members)))
        default: return .common(try typeName(named))
        }
    }

    private func record(
        _ members: [String: Place], _ place: Place, depth: Int
    ) throws(SchemaError) -> Fragment.TypeExpression {
        if let additional = members["additionalAttributes"], try additional.bool() {
            throw additional.error("records with additional attributes", .unsupported)
        }
        var attributes: [Fragment.Attribute] = []
        for (name, place) in try place.required("attributes", members).children() {
            var members = try place.members(["required", "annotations"], andTypes: true)
            let required = members.removeValue(forKey: "required")
            let annotations = try annotations(members.removeValue(forKey: "annotations"))
            attributes.append(
                .init(
                    name: name, type: try type(members, place, depth: depth + 1),
                    isRequired: try required?.bool() ?? true, annotations: annotations,
                    location: place.location))
        }
        return .record(attributes)
    }
}

/// A value with its pointer.
private struct Place {
    let json: JSON
    private let pointer: JSONPlace
    private let source: String?

    private static let typeMembers = [
        "type", "element", "attributes", "additionalAttributes", "name",
    ]

    init(_ json: JSON, _ pointer: JSONPlace, _ source: String?) {
        self.json = json
        self.pointer = pointer
        self.source = source
    }

    var location: SchemaLocation { .json(pointer: pointer, in: source) }

    func error(_ message: String, _ kind: SchemaError.Kind = .shape) -> SchemaError {
        SchemaError(kind, at: location, message)
    }

    func child(_ key: String, _ json: JSON) -> Place {
        Place(json, .member(pointer, key), source)
    }

    func object() throws(SchemaError) -> JSONObject {
        guard let object = json.objectValue else { throw error("expected an object") }
        return object
    }

    func children() throws(SchemaError) -> [(String, Place)] {
        try object().map { ($0.key, child($0.key, $0.value)) }
    }

    func array() throws(SchemaError) -> [Place] {
        guard let array = json.arrayValue else { throw error("expected an array") }
        return array.enumerated().map { index, json in
            Place(json, .element(pointer, index), source)
        }
    }

    func string() throws(SchemaError) -> String {
        guard let text = json.stringValue else { throw error("expected a string") }
        return text
    }

    func bool() throws(SchemaError) -> Bool {
        guard let value = json.boolValue else { throw error("expected a boolean") }
        return value
    }

    /// The members by their names, none of which may be another one.
    func members(
        _ allowed: [String], andTypes: Bool = false
    ) throws(SchemaError) -> [String: Place] {
        var members: [String: Place] = [:]
        let known = allowed + (andTypes ? Self.typeMembers : [])
        for (key, place) in try children() {
            guard known.contains(where: { Bytes.equal($0, key) }) else {
                throw place.error(
                    "unknown member `\(key.cedarEscaped)`: known are "
                        + known.map { "`\($0)`" }.joined(separator: ", "))
            }
            members[key] = place
        }
        return members
    }

    func required(_ key: String, _ members: [String: Place]) throws(SchemaError) -> Place {
        guard let place = members[key] else { throw error("`\(key)` is missing") }
        return place
    }
}
