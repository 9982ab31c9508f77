// SPDX-License-Identifier: Apache-2.0

extension SchemaFragment {
    /// The schema in Cedar syntax; reading it back gives the same meaning.
    ///
    /// An action with principals but no resources, or the other way round, applies to nothing and
    /// is written without either.
    /// - Throws: ``SchemaError`` where the Cedar syntax has no words for something: an entity type
    ///   that goes by the name of a common type, and a shape that is not written as a record.
    public var text: String {
        get throws(SchemaError) {
            var writer = SchemaWriter(self)
            // Declarations outside of namespaces come first, for the reader.
            for namespace in namespaces where namespace.name.isEmpty { try writer.add(namespace) }
            for namespace in namespaces where !namespace.name.isEmpty { try writer.add(namespace) }
            return writer.text
        }
    }
}

private struct SchemaWriter {
    private(set) var text = ""
    private var indentation = ""
    private var namespace = ""
    /// The qualified names of common types.
    private let commons: Set<String>

    init(_ fragment: SchemaFragment) {
        var commons: Set<String> = []
        for namespace in fragment.namespaces {
            for type in namespace.commonTypes {
                commons.insert(SchemaResolver.qualified(type.name, namespace.name))
            }
        }
        self.commons = commons
    }

    mutating func add(_ namespace: SchemaFragment.Namespace) throws(SchemaError) {
        self.namespace = namespace.name
        if !text.isEmpty { text += "\n" }
        if namespace.name.isEmpty {
            try declarations(of: namespace)
            return
        }
        annotations(namespace.annotations)
        text += "namespace \(namespace.name) {\n"
        indentation = "  "
        try declarations(of: namespace)
        indentation = ""
        text += "}\n"
    }

    private mutating func declarations(
        of namespace: SchemaFragment.Namespace
    ) throws(SchemaError) {
        var isFirst = true
        func separator() -> String {
            defer { isFirst = false }
            return isFirst ? "" : "\n"
        }
        for type in namespace.commonTypes {
            text += separator()
            annotations(type.annotations)
            text += "\(indentation)type \(type.name) = \(try written(type.type));\n"
        }
        for type in namespace.entityTypes {
            text += separator()
            annotations(type.annotations)
            text += "\(indentation)entity \(type.name)\(try kind(type));\n"
        }
        for action in namespace.actions {
            text += separator()
            annotations(action.annotations)
            text += "\(indentation)action \(action.name.cedarLiteral)\(try applies(action));\n"
        }
    }

    private mutating func annotations(_ annotations: [SchemaFragment.Annotation]) {
        for line in Self.lines(annotations) { text += "\(indentation)\(line)\n" }
    }

    private static func lines(_ annotations: [SchemaFragment.Annotation]) -> [String] {
        annotations.map { annotation in
            "@\(annotation.name)\(annotation.value.map { "(\($0.cedarLiteral))" } ?? "")"
        }
    }

    private mutating func kind(_ type: SchemaFragment.EntityType) throws(SchemaError) -> String {
        switch type.kind {
        case .enumeration(let choices):
            return " enum [\(choices.map(\.cedarLiteral).joined(separator: ", "))]"
        case .standard(let memberOf, let shape, let tags):
            var line = memberOf.isEmpty ? "" : " in \(Self.list(memberOf))"
            switch shape {
            case nil: break
            case .record(let attributes) where attributes.isEmpty: break
            case .record(let attributes): line += " = \(try record(attributes))"
            default:
                throw SchemaError(
                    .notExpressible, at: type.location,
                    "the shape of entity type `\(type.name)` is not written as a record",
                    hint: "spell it out in the entity type")
            }
            if let tags { line += " tags \(try written(tags))" }
            return line
        }
    }

    private mutating func applies(_ action: SchemaFragment.Action) throws(SchemaError) -> String {
        var line = ""
        if !action.memberOf.isEmpty {
            let groups = action.memberOf.map { group in
                (group.type.map { "\($0)::" } ?? "") + group.id.cedarLiteral
            }
            line += " in [\(groups.joined(separator: ", "))]"
        }
        guard let spec = action.appliesTo, !spec.principals.isEmpty, !spec.resources.isEmpty
        else { return line }
        let outer = indentation
        defer { indentation = outer }
        indentation += "  "
        let context: String
        switch spec.context {
        case nil: context = "{}"
        case .record(let attributes): context = try record(attributes)
        case .common(let reference): context = reference.name
        case .entityOrCommon(let reference): context = reference.name
        default:
            throw SchemaError(
                .notExpressible, at: action.location,
                "the context of action \(action.name.cedarLiteral) is no record and no common type")
        }
        return line
            + " appliesTo {\n\(indentation)principal: \(Self.list(spec.principals)),\n"
            + "\(indentation)resource: \(Self.list(spec.resources)),\n"
            + "\(indentation)context: \(context)\n\(outer)}"
    }

    private static func list(_ references: [SchemaFragment.Reference]) -> String {
        "[\(references.map(\.name).joined(separator: ", "))]"
    }

    private mutating func written(
        _ type: SchemaFragment.TypeExpression
    ) throws(SchemaError) -> String {
        switch type {
        case .bool: return "__cedar::Bool"
        case .long: return "__cedar::Long"
        case .string: return "__cedar::String"
        case .extension(let reference): return "__cedar::\(reference.name)"
        case .set(let element): return "Set<\(try written(element))>"
        case .record(let attributes): return try record(attributes)
        case .common(let reference), .entityOrCommon(let reference): return reference.name
        case .entity(let reference):
            let isHidden =
                commons.contains(reference.name)
                || commons.contains(SchemaResolver.qualified(reference.name, namespace))
            guard !isHidden else {
                throw SchemaError(
                    .notExpressible, at: reference.location,
                    "entity type `\(reference.name)` goes by the name of a common type",
                    hint: "rename one of the two")
            }
            return reference.name
        }
    }

    private mutating func record(
        _ attributes: [SchemaFragment.Attribute]
    ) throws(SchemaError) -> String {
        guard !attributes.isEmpty else { return "{}" }
        let outer = indentation
        defer { indentation = outer }
        indentation += "  "
        var lines: [String] = []
        for attribute in attributes {
            let name =
                TypeName.isPlainIdentifier(attribute.name)
                ? attribute.name : attribute.name.cedarLiteral
            let mark = attribute.isRequired ? "" : "?"
            let all =
                Self.lines(attribute.annotations)
                + ["\(name)\(mark): \(try written(attribute.type))"]
            lines.append(all.map { indentation + $0 }.joined(separator: "\n"))
        }
        return "{\n\(lines.joined(separator: ",\n"))\n\(outer)}"
    }
}
