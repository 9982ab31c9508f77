// SPDX-License-Identifier: Apache-2.0

extension SchemaParser {
    typealias Reference = SchemaFragment.Reference

    /// Reads everything; what could not be read is in `errors`.
    mutating func fragment() -> SchemaFragment {
        var gathered = NamespaceGatherer()
        while current.kind != .end, !isFull {
            do throws(Recovery) {
                let annotations = try annotations()
                if takeWord("namespace") {
                    try namespace(annotations, &gathered)
                } else {
                    try declaration(annotations, in: nil, &gathered)
                }
            } catch {
                skipDeclaration()
            }
        }
        for error in gathered.errors { note(error.kind, error.message, at: error.span) }
        return SchemaFragment(namespaces: gathered.namespaces)
    }

    private mutating func namespace(
        _ annotations: [SchemaFragment.Annotation], _ gathered: inout NamespaceGatherer
    ) throws(Recovery) {
        let name = try path("the name of a namespace")
        if TypeName.isReservedPath(name.name) { noteReserved(name) }
        try expect(.openBrace)
        let place = gathered.add(name, annotations)
        while current.kind != .closeBrace, current.kind != .end, !isFull {
            do throws(Recovery) {
                let annotations = try self.annotations()
                try declaration(annotations, in: place, &gathered)
            } catch {
                skipDeclaration()
            }
        }
        try expect(.closeBrace)
    }

    private mutating func noteReserved(_ name: Reference) {
        guard let span = name.location.span else { return }
        note(
            .reservedName, "`\(name.name)` is reserved for the language: names with `__cedar`",
            at: span, hint: "choose another name")
    }

    private mutating func declaration(
        _ annotations: [SchemaFragment.Annotation], in place: Int?,
        _ gathered: inout NamespaceGatherer
    ) throws(Recovery) {
        try count()
        if isWord("entity") {
            try entity(annotations, in: place, &gathered)
        } else if isWord("action") {
            try action(annotations, in: place, &gathered)
        } else if isWord("type") {
            try commonType(annotations, in: place, &gathered)
        } else {
            let outside = place == nil ? ", `namespace`" : ""
            throw unexpected("`entity`, `action`, `type`\(outside)")
        }
    }

    private mutating func declaredName() throws(Recovery) -> Reference {
        let token = current
        let name = Reference(name: try identifier(), location: .text(token.span, in: source))
        if Bytes.equal(name.name, TypeName.reservedNamespace) { noteReserved(name) }
        return name
    }

    // MARK: entity types

    private mutating func entity(
        _ annotations: [SchemaFragment.Annotation], in place: Int?,
        _ gathered: inout NamespaceGatherer
    ) throws(Recovery) {
        advance()
        let names = try separated { parser throws(Recovery) in try parser.declaredName() }
        let start = index
        let kind = try takeWord("enum") ? enumeration() : standard()
        try expect(.semicolon)
        guard mayRepeat(names.count, from: start) else { return }
        for name in names {
            gathered.add(
                SchemaFragment.EntityType(
                    name: name.name, kind: kind, annotations: annotations,
                    location: name.location),
                in: place)
        }
    }

    private mutating func enumeration() throws(Recovery) -> SchemaFragment.EntityType.Kind {
        try expect(.openBracket)
        let choices = try separated { parser throws(Recovery) in try parser.string() }
        try expect(.closeBracket, or: "`,`")
        return .enumeration(choices)
    }

    private mutating func standard() throws(Recovery) -> SchemaFragment.EntityType.Kind {
        let parents = try takeWord("in") ? entityTypes() : []
        var shape: SchemaFragment.TypeExpression?
        if take(.assign) {
            shape = try record()
        } else if current.kind == .openBrace {
            shape = try record()
        }
        let tags = try takeWord("tags") ? type() : nil
        return .standard(memberOf: parents, shape: shape, tags: tags)
    }

    // MARK: types

    private mutating func commonType(
        _ annotations: [SchemaFragment.Annotation], in place: Int?,
        _ gathered: inout NamespaceGatherer
    ) throws(Recovery) {
        advance()
        let name = try declaredName()
        if TypeName.builtinKeywords.contains(name.name), let span = name.location.span {
            note(
                .reservedName, "`\(name.name)` is reserved: it is a type of the language",
                at: span, hint: "choose another name")
        }
        try expect(.assign)
        let type = try type()
        try expect(.semicolon)
        gathered.add(
            SchemaFragment.CommonType(
                name: name.name, type: type, annotations: annotations, location: name.location),
            in: place)
    }

    private mutating func type() throws(Recovery) -> SchemaFragment.TypeExpression {
        try enter()
        defer { leave() }
        if current.kind == .openBrace { return try record() }
        if isWord("Set"), next.kind == .less {
            advance()
            advance()
            let element = try type()
            try expect(.greater)
            return .set(element)
        }
        return .entityOrCommon(try path("a type"))
    }

    private mutating func record() throws(Recovery) -> SchemaFragment.TypeExpression {
        try expect(.openBrace)
        var attributes: [SchemaFragment.Attribute] = []
        var names: Set<ByteKey> = []
        while current.kind != .closeBrace {
            let annotations = try annotations()
            let start = current
            let name = try name("an attribute")
            let isRequired = !take(.question)
            try expect(.colon)
            let type = try type()
            if !names.insert(ByteKey(name)).inserted {
                note(
                    .duplicate, "duplicate attribute `\(name.cedarEscaped)`", at: start.span,
                    hint: "declare each attribute once")
            }
            attributes.append(
                .init(
                    name: name, type: type, isRequired: isRequired, annotations: annotations,
                    location: .text(start.span, in: source)))
            guard take(.comma) else { break }
        }
        try expect(.closeBrace, or: "`,`")
        return .record(attributes)
    }

    // MARK: actions

    private mutating func action(
        _ annotations: [SchemaFragment.Annotation], in place: Int?,
        _ gathered: inout NamespaceGatherer
    ) throws(Recovery) {
        advance()
        let names = try separated { parser throws(Recovery) -> (String, Token) in
            let token = parser.current
            return (try parser.name("the name of an action"), token)
        }
        let start = index
        var parents: [SchemaFragment.ActionReference] = []
        if takeWord("in") { parents = try actionReferences() }
        let appliesTo = try takeWord("appliesTo") ? appliesTo(names[0].0) : nil
        if takeWord("attributes") {
            try expect(.openBrace)
            try expect(.closeBrace)
        }
        try expect(.semicolon)
        guard mayRepeat(names.count, from: start) else { return }
        for (name, token) in names {
            gathered.add(
                SchemaFragment.Action(
                    name: name, memberOf: parents, appliesTo: appliesTo,
                    annotations: annotations, location: .text(token.span, in: source)),
                in: place)
        }
    }

    private mutating func actionReferences() throws(Recovery) -> [SchemaFragment.ActionReference] {
        guard take(.openBracket) else { return [try actionReference()] }
        let references = try separated { parser throws(Recovery) in
            try parser.actionReference()
        }
        try expect(.closeBracket, or: "`,`")
        return references
    }

    /// `"id"`, `id` or `Name::Action::"id"`.
    private mutating func actionReference() throws(Recovery) -> SchemaFragment.ActionReference {
        let start = current
        if start.kind == .string {
            let id = try string()
            return .init(type: nil, id: id, location: .text(start.span, in: source))
        }
        let type = try path("the name of an action")
        guard take(.doubleColon) else {
            if type.name.utf8.contains(UInt8(ascii: ":")) {
                throw unexpected("`::` and a string literal")
            }
            return .init(type: nil, id: type.name, location: type.location)
        }
        let id = try string()
        return .init(type: type.name, id: id, location: location(from: start))
    }

    private mutating func appliesTo(
        _ action: String
    ) throws(Recovery) -> SchemaFragment.AppliesTo {
        let start = previous
        try expect(.openBrace)
        var principals: [Reference]?
        var resources: [Reference]?
        var context: SchemaFragment.TypeExpression?
        repeat {
            let word = current
            if takeWord("principal") {
                try expect(.colon)
                let types = try entityTypes()
                checkApplies(types, principals != nil, word, action)
                principals = types
            } else if takeWord("resource") {
                try expect(.colon)
                let types = try entityTypes()
                checkApplies(types, resources != nil, word, action)
                resources = types
            } else if takeWord("context") {
                try expect(.colon)
                let type = try contextType()
                checkApplies(nil, context != nil, word, action)
                context = type
            } else {
                throw unexpected("`principal`, `resource` or `context`")
            }
        } while take(.comma) && current.kind != .closeBrace
        try expect(.closeBrace, or: "`,`")
        for (word, types) in [("principal", principals), ("resource", resources)]
        where types == nil {
            note(
                .syntax, "action `\(action.cedarEscaped)` has no `\(word)` in `appliesTo`",
                at: start.span.through(previous.span), hint: "add `\(word): …`")
        }
        return .init(principals: principals ?? [], resources: resources ?? [], context: context)
    }

    private mutating func contextType() throws(Recovery) -> SchemaFragment.TypeExpression {
        try current.kind == .openBrace
            ? record() : .common(path("a record or the name of a common type"))
    }

    private mutating func checkApplies(
        _ types: [Reference]?, _ isSecond: Bool, _ word: Token, _ action: String
    ) {
        let name = text(word)
        if isSecond {
            note(
                .duplicate, "duplicate `\(name)` of action `\(action.cedarEscaped)`",
                at: word.span, hint: "put all types into one list")
        }
        if types?.isEmpty == true {
            note(
                .syntax, "action `\(action.cedarEscaped)` has an empty list as `\(name)`",
                at: word.span, hint: "leave `appliesTo` out, or name at least one type")
        }
    }
}

/// Puts declarations into their namespaces and notices what comes twice.
private struct NamespaceGatherer {
    private(set) var namespaces: [SchemaFragment.Namespace] = []
    private(set) var errors: [(kind: SchemaError.Kind, message: String, span: SourceSpan)] = []
    /// What is declared already: kind, namespace and name.
    private var seen: Set<[ByteKey]> = []
    private var unqualified: Int?

    mutating func add(
        _ name: SchemaFragment.Reference, _ annotations: [SchemaFragment.Annotation]
    ) -> Int {
        noteTwice("namespace", "", name.name, name.location)
        namespaces.append(
            .init(name: name.name, annotations: annotations, location: name.location))
        return namespaces.count - 1
    }

    mutating func add(_ type: SchemaFragment.EntityType, in place: Int?) {
        let place = resolved(place, type.location)
        noteTwice("entity type", namespaces[place].name, type.name, type.location)
        namespaces[place].entityTypes.append(type)
    }

    mutating func add(_ type: SchemaFragment.CommonType, in place: Int?) {
        let place = resolved(place, type.location)
        noteTwice("common type", namespaces[place].name, type.name, type.location)
        namespaces[place].commonTypes.append(type)
    }

    mutating func add(_ action: SchemaFragment.Action, in place: Int?) {
        let place = resolved(place, action.location)
        noteTwice("action", namespaces[place].name, action.name, action.location)
        namespaces[place].actions.append(action)
    }

    private mutating func resolved(_ place: Int?, _ location: SchemaLocation) -> Int {
        if let place = place ?? unqualified { return place }
        namespaces.append(.init(name: "", location: location))
        unqualified = namespaces.count - 1
        return namespaces.count - 1
    }

    private mutating func noteTwice(
        _ kind: String, _ namespace: String, _ name: String, _ location: SchemaLocation
    ) {
        let key = [ByteKey(kind), ByteKey(namespace), ByteKey(name)]
        guard !seen.insert(key).inserted, let span = location.span else { return }
        errors.append((.duplicate, "duplicate \(kind): `\(name.cedarEscaped)`", span))
    }
}
