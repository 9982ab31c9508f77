// SPDX-License-Identifier: Apache-2.0

extension Typechecker {
    private static func target(_ type: CedarType?) -> TypedNode.Target {
        switch type {
        case .entity: .entity
        case .record: .record
        default: .unknown
        }
    }

    mutating func attribute(
        _ expression: Expression, _ target: Expression, _ name: String
    ) -> Answer {
        let inner = expect(target, [.anyEntity, .anyRecord])
        let node = TypedNode.attribute(
            inner.node, Self.target(inner.type), name, expression.span)
        guard let type = inner.type else { return .failed(nil, node) }
        charge(schema.lookupCost(of: type))
        guard !isExhausted else { return .failed(nil, node) }
        guard let found = schema.attribute(name, of: type) else {
            note(
                .unsafeAttributeAccess(
                    type: type, attribute: name, suggestion: nil,
                    mayExist: schema.mayHave(name, type)),
                at: expression.span)
            return .failed(nil, node)
        }
        let isSafe = found.isRequired || isKnown(capability(target, attribute: name))
        if !isSafe {
            note(
                .unsafeOptionalAttributeAccess(type: type, attribute: name), at: expression.span)
        }
        return Answer(found.type, isValid: isSafe && inner.isValid, node)
    }

    mutating func has(
        _ expression: Expression, _ target: Expression, _ name: String
    ) -> Answer {
        let inner = expect(target, [.anyEntity, .anyRecord])
        let node = TypedNode.has(inner.node, Self.target(inner.type), expression.span)
        guard let type = inner.type else { return .failed(.bool, node) }
        charge(schema.lookupCost(of: type))
        guard !isExhausted else { return .failed(.bool, node) }
        guard let found = schema.attribute(name, of: type) else {
            let answer = schema.mayHave(name, type) ? CedarType.bool : .false
            return Answer(answer, isValid: inner.isValid, node)
        }
        let capability = capability(target, attribute: name)
        var isCertain = isKnown(capability)
        // An entity may be missing altogether, a record is always there.
        if case .record = type, found.isRequired { isCertain = true }
        var answer = Answer(isCertain ? .true : .bool, isValid: inner.isValid, node)
        if inner.isValid { answer.capabilities = [capability] }
        return answer
    }

    mutating func isType(_ expression: Expression) -> Answer {
        guard case .isType(let target, let name, _) = expression.kind else {
            return .failed(.bool, .constant)
        }
        let inner = expect(target, [.anyEntity])
        let node = TypedNode.operands([inner.node])
        switch inner.type {
        case .entity(let union):
            let type: CedarType =
                if !union.contains(name) { .false } else if union.single != nil { .true } else {
                    .bool
                }
            return Answer(type, isValid: inner.isValid, node)
        case .anyEntity: return Answer(.bool, isValid: inner.isValid, node)
        default: return .failed(.bool, node)
        }
    }

    // MARK: methods of the language

    mutating func method(
        _ expression: Expression, _ method: Expression.Method, _ receiver: Expression,
        _ argument: Expression?
    ) -> Answer {
        guard let argument else {
            let inner = expect(receiver, [.anySet])
            return Answer(.bool, isValid: inner.isValid, .operands([inner.node]))
        }
        switch method {
        case .getTag, .hasTag: return tag(expression, method, receiver, argument)
        case .contains, .isEmpty: return contains(expression, receiver, argument)
        case .containsAll, .containsAny:
            let one = expect(receiver, [.anySet])
            let two = expect(argument, [.anySet])
            let isCompatible =
                mode == .permissive
                || areCompatible(one.type, two.type, .containsAnyAll, at: expression.span)
            return Answer(
                .bool, isValid: one.isValid && two.isValid && isCompatible,
                .operands([one.node, two.node]))
        }
    }

    private mutating func contains(
        _ expression: Expression, _ receiver: Expression, _ argument: Expression
    ) -> Answer {
        let set = expect(receiver, [.anySet])
        let element = check(argument)
        var elementType: CedarType?
        if case .set(let type) = set.type { elementType = type }
        let isCompatible =
            mode == .permissive
            || areCompatible(elementType, element.type, .contains, at: expression.span)
        return Answer(
            .bool, isValid: set.isValid && element.isValid && isCompatible,
            .operands([set.node, element.node]))
    }

    /// Whether two types have a bound; unknown types do not matter here.
    mutating func areCompatible(
        _ one: CedarType?, _ two: CedarType?, _ context: ValidationError.Context,
        at span: SourceSpan
    ) -> Bool {
        guard let one, let two else { return true }
        charge(one.size + two.size)
        guard !isExhausted, one.leastUpperBound(two, mode) == nil else { return true }
        note(.incompatibleTypes([one, two], context), at: span)
        return false
    }

    private mutating func tag(
        _ expression: Expression, _ method: Expression.Method, _ receiver: Expression,
        _ argument: Expression
    ) -> Answer {
        let entity = expect(receiver, [.anyEntity])
        let key = expect(argument, [.string])
        let isValid = entity.isValid && key.isValid
        let node: TypedNode =
            method == .getTag
            ? .tag(entity.node, key.node, expression.span)
            : .lookup(entity.node, key.node, expression.span)
        guard let type = entity.type else { return .failed(nil, node) }
        charge(schema.lookupCost(of: type))
        guard !isExhausted else { return .failed(nil, node) }
        let types = schema.tagTypes(of: type)
        let capability = capability(receiver, tag: argument)
        if method == .hasTag {
            let isCertain = isKnown(capability)
            let answer: CedarType = types.isEmpty ? .false : isCertain ? .true : .bool
            var result = Answer(answer, isValid: isValid, node)
            if isValid { result.capabilities = [capability] }
            return result
        }
        guard isKnown(capability) else {
            note(.unsafeTagAccess(type: type), at: expression.span)
            return .failed(nil, node)
        }
        guard !types.isEmpty else {
            note(.noTagsAllowed(type: type), at: expression.span)
            return .failed(nil, node)
        }
        guard let bound = bound(types, .getTag, at: expression.span) else {
            return .failed(nil, node)
        }
        return Answer(bound, isValid: isValid, node)
    }

    // MARK: sets and records

    mutating func set(
        _ expression: Expression, _ elements: [Expression]
    ) -> Answer {
        let answers = elements.map { check($0) }
        let node = TypedNode.operands(answers.map(\.node))
        let element = bound(answers.map(\.type), .set, at: expression.span)
        if mode == .strict, elements.isEmpty {
            note(.emptySetForbidden, at: expression.span)
            return .failed(nil, node)
        }
        guard let element else { return .failed(nil, node) }
        return Answer(.set(element), isValid: answers.allSatisfy(\.isValid), node)
    }

    mutating func record(
        _ fields: [Expression.RecordField]
    ) -> Answer {
        var attributes: [RecordType.Attribute] = []
        var nodes: [(name: String, value: TypedNode)] = []
        var isValid = true
        for field in fields {
            let answer = check(field.value)
            isValid = isValid && answer.isValid
            nodes.append((field.key, answer.node))
            guard let type = answer.type else { continue }
            attributes.append(.init(name: field.key, type: type, isRequired: true))
        }
        guard attributes.count == fields.count else { return .failed(nil, .record(nodes)) }
        return Answer(.record(RecordType(attributes)), isValid: isValid, .record(nodes))
    }

    // MARK: extension functions

    mutating func call(
        _ expression: Expression, _ function: ExtensionFunction, _ arguments: [Expression]
    ) -> Answer {
        let (expected, result) = function.signature
        var isValid = true
        if arguments.count != expected.count {
            note(
                .wrongNumberOfArguments(
                    function: function, expected: expected.count, actual: arguments.count),
                at: expression.span)
            isValid = false
        }
        if function.isFunction {
            isValid = checkConstructor(expression, function, arguments) && isValid
        }
        // After a mistake in the call only the arguments' own mistakes count.
        let isGoodCall = isValid
        var nodes: [TypedNode] = []
        for (place, argument) in arguments.enumerated() {
            let answer =
                isGoodCall ? expect(argument, [expected[place]]) : check(argument)
            nodes.append(answer.node)
            isValid = isValid && answer.isValid
        }
        return Answer(result, isValid: isValid, .operands(nodes))
    }

    /// Text that makes an extension value must be good, and stand there as it is.
    private mutating func checkConstructor(
        _ expression: Expression, _ function: ExtensionFunction, _ arguments: [Expression]
    ) -> Bool {
        var isValid = true
        let literals = arguments.map { argument -> Value? in
            guard case .literal(let value) = argument.kind else { return nil }
            return value
        }
        if literals.count == 1, case .string(let text) = literals[0] {
            do throws(EvaluationError.Kind) {
                _ = try function.call([.string(text)])
            } catch {
                note(
                    .functionArgumentValidation(function: function, reason: error.message),
                    at: expression.span)
                isValid = false
            }
        }
        if mode == .strict, literals.contains(where: { $0 == nil }) {
            note(.nonLiteralExtensionConstructor(function: function), at: expression.span)
            isValid = false
        }
        return isValid
    }
}

extension ExtensionFunction {
    /// The types of the arguments, a method's receiver first, and of the result.
    var signature: (arguments: [CedarType], result: CedarType) {
        switch self {
        case .decimal: ([.string], .extension(.decimal))
        case .ip: ([.string], .extension(.ipaddr))
        case .datetime: ([.string], .extension(.datetime))
        case .duration: ([.string], .extension(.duration))
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual:
            ([.extension(.decimal), .extension(.decimal)], .bool)
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast: ([.extension(.ipaddr)], .bool)
        case .isInRange: ([.extension(.ipaddr), .extension(.ipaddr)], .bool)
        case .offset: ([.extension(.datetime), .extension(.duration)], .extension(.datetime))
        case .durationSince:
            ([.extension(.datetime), .extension(.datetime)], .extension(.duration))
        case .toDate: ([.extension(.datetime)], .extension(.datetime))
        case .toTime: ([.extension(.datetime)], .extension(.duration))
        case .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays:
            ([.extension(.duration)], .long)
        }
    }
}
