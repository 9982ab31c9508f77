// SPDX-License-Identifier: Apache-2.0

import Cedar
import Testing

@Suite struct ValidatorTests {
    static let schema = """
        entity Group in [Group];
        entity User in [Group] {
          name: String, level: Long, manager: User, nick?: String,
          home: { city: String, zip?: Long }, langs: Set<String>,
        } tags String;
        entity Photo in [Album] { owner: User, taken: datetime, price: decimal };
        entity Album;
        entity Color enum ["red", "blue"];
        action read;
        action view, edit in [read] appliesTo {
          principal: [User], resource: [Photo, Album],
          context: { ip: ipaddr, now: datetime, mfa?: Bool, color: Color },
        };
        """

    private func validate(
        _ text: String, _ mode: ValidationMode = .strict, level: Int? = nil
    ) throws -> ValidationResult {
        let validator = Validator(try Schema(parsing: Self.schema))
        return validator.validate(try PolicySet(parsing: text), mode: mode, maximumLevel: level)
    }

    private func condition(_ text: String, _ mode: ValidationMode = .strict) throws -> [String] {
        let policy = "permit(principal, action == Action::\"view\", resource) when { \(text) };"
        return try validate(policy, mode).errors.map { Self.name($0.kind) }
    }

    private static func name(_ kind: ValidationError.Kind) -> String {
        String("\(kind)".prefix { $0 != "(" })
    }

    @Test(arguments: [
        "principal.name == \"a\"", "principal has nick && principal.nick like \"a*\"",
        "principal.manager.manager.level > 1 + 2 * 3", "principal.langs.contains(\"de\")",
        "resource is Photo && resource.owner == principal",
        "if resource is Photo then resource.price.lessThan(decimal(\"1.0\")) else false",
        "context.ip.isInRange(ip(\"10.0.0.0/8\"))", "context has mfa && context.mfa",
        "principal.hasTag(\"team\") && principal.getTag(\"team\") == \"red\"",
        "principal in Group::\"staff\"", "context.now < datetime(\"2024-01-01\")",
        "principal has home.zip && principal.home.zip == 1", "context.color == Color::\"red\"",
        // Both are literals, so the answer is certain whatever their types.
        "1 == \"a\" || true",
        "principal has \"nick\" && [principal[\"nick\"]].contains(\"\")",
        "action in Action::\"read\" && {a: 1, b: \"x\"}.a == 1",
        // What can never be evaluated is not checked.
        "false && principal.nothing == 1", "resource is Color && resource.nothing == 1",
        "action == Action::\"edit\" && 1", "true || principal.nothing",
    ]) func valid(_ text: String) throws {
        #expect(try condition(text) == [])
    }

    @Test(arguments: [
        ("principal.nothing == 1", "unsafeAttributeAccess"), ("\"a\" + 1 == 2", "unexpectedType"),
        ("principal.nick == \"a\"", "unsafeOptionalAttributeAccess"), ("1", "unexpectedType"),
        ("principal.getTag(\"team\") == \"red\"", "unsafeTagAccess"),
        ("principal is Nobody", "unrecognizedEntityType"),
        ("principal.level == \"a\"", "incompatibleTypes"),
        ("action == Action::\"viwe\"", "unrecognizedActionID"),
        ("context.color == Color::\"green\"", "invalidEnumEntity"),
        ("decimal(\"x\") == decimal(\"1.0\")", "functionArgumentValidation"),
        ("ip(principal.name).isIpv4()", "nonLiteralExtensionConstructor"),
        ("decimal(\"1.0\", 2) == decimal(\"1.0\")", "wrongNumberOfArguments"),
        ("principal.langs.containsAll([])", "emptySetForbidden"),
        ("[1, \"a\"].contains(1)", "incompatibleTypes"), ("context.now < 1", "unexpectedType"),
        ("principal has home && principal.home.zip == 1", "unsafeOptionalAttributeAccess"),
        ("(principal has nick || true) && principal.nick == \"\"", "unsafeOptionalAttributeAccess"),
        ("!(principal has nick) || principal.nick == \"\"", "unsafeOptionalAttributeAccess"),
        ("resource.owner == principal", "unsafeAttributeAccess"),
        ("principal.manager.isEmpty()", "unexpectedType"),
        ("(if principal.level > 1 then 1 else \"a\") == 1", "incompatibleTypes"),
    ]) func invalid(_ text: String, _ kind: String) throws {
        #expect(try condition(text) == [kind])
    }

    @Test func noTags() throws {
        let text = """
            (if resource.hasTag("a") then true else resource.hasTag("a")) \
            && resource.getTag("a") == "b"
            """
        #expect(try condition(text) == [])
        #expect(
            try condition("!resource.hasTag(\"a\") && resource.getTag(\"a\") == \"b\"")
                == ["unsafeTagAccess", "unsafeTagAccess"])
    }

    @Test func permissiveModeAllowsWhatCannotFail() throws {
        for text in [
            "1 == \"a\" || true", "principal.langs.containsAll([])", "[1, \"a\"].contains(1)",
            "ip(principal.name).isIpv4()", "(if principal.level > 1 then 1 else \"a\") == 1",
        ] {
            let errors = try condition(text, .permissive)
            #expect(errors == [] || errors == ["incompatibleTypes"], "\(text)")
        }
        #expect(try condition("principal.nothing", .permissive) == ["unsafeAttributeAccess"])
        let union =
            "(if principal.level > 1 then principal else resource) in Group::\"a\""
        #expect(try condition(union) == ["incompatibleTypes", "incompatibleTypes"])
        #expect(try condition(union, .permissive) == [])
    }

    @Test func scopesMustFitSomeAction() throws {
        let result = try validate(
            """
            permit(principal == Album::"a", action == Action::"view", resource);
            permit(principal, action == Action::"read", resource);
            permit(principal is User, action in Action::"read", resource is Photo in Album::"a");
            permit(principal == Group::"g", action == Action::"view", resource);
            """)
        #expect(
            result.errors.map(\.kind) == [
                .invalidActionApplication(wouldInFixPrincipal: false, wouldInFixResource: false),
                .invalidActionApplication(wouldInFixPrincipal: false, wouldInFixResource: false),
                .invalidActionApplication(wouldInFixPrincipal: true, wouldInFixResource: false),
            ])
        #expect(result.errors.map(\.policyID) == ["policy0", "policy1", "policy3"])
        #expect(result.warnings.map(\.policyID) == ["policy0", "policy1", "policy3"])
    }

    @Test func errorsSayWhereAndWhat() throws {
        let result = try validate(
            """
            permit(principal is Usr, action == Action::"viw", resource)
            when { principal.level == 1 && resource.ownr == principal };
            permit(principal, action == Action::"view", resource is Photo)
            when { resource.ownr == principal && principal.nick == "a" };
            """)
        #expect(
            result.errors.map(\.description) == [
                "policy `policy0`: 1:1: unable to find an applicable action given the policy scope "
                    + "constraints",
                "policy `policy0`: 1:8: unrecognized entity type: `Usr`; did you mean `User`?",
                "policy `policy0`: 1:26: unrecognized action: `Action::\"viw\"`; did you mean "
                    + "`Action::\"view\"`?",
                "policy `policy1`: 4:8: attribute `ownr` does not exist on `Photo`; did you mean "
                    + "`owner`?",
                "policy `policy1`: 4:38: unable to guarantee safety of access to optional "
                    + "attribute `nick` on `User`; guard it with `has`",
            ])
    }

    @Test func warningsDoNotMakePoliciesInvalid() throws {
        let result = try validate(
            """
            permit(principal, action == Action::"view", resource) when { resource is Color };
            permit(principal, action == Action::"view", resource)
            when { principal.name == "\\u{202e}x" || principal.name == "p\u{430}y"
              || principal.name like "\\u{2066}*" || principal in Group::"sa\u{200b}y"
              || principal in Group::"s\u{441}ope" || principal.name == "\u{6771}\u{306e}" };
            """)
        #expect(result.isValid)
        #expect(
            result.warnings.map { String("\($0.kind)".prefix { $0 != "(" }) } == [
                "impossiblePolicy", "bidirectionalString", "mixedScriptString",
                "bidirectionalString", "confusableIdentifier", "mixedScriptIdentifier",
            ])
    }

    @Test func levelsAreCounted() throws {
        let scope = "permit(principal, action == Action::\"view\", resource)"
        for (text, level) in [
            ("context.color == Color::\"red\"", 0), ("principal.level == 1", 1),
            ("principal.manager.level == 1", 2), ("principal.manager == principal", 1),
            ("{a: principal}.a.manager.level == 1", 2), ("principal in Group::\"g\"", 1),
            ("principal.manager in Group::\"g\"", 2), ("principal has home.city", 1),
            ("principal.manager.hasTag(principal.manager.manager.name)", 3),
            ("(if principal.level == 1 then principal.manager else principal).level == 1", 2),
        ] {
            let policy = "\(scope) when { \(text) };"
            for maximum in 0...3 {
                let errors = try validate(policy, level: maximum).errors
                #expect(errors.isEmpty == (maximum >= level), "\(text) at \(maximum)")
            }
        }
        let literal = "\(scope) when { User::\"a\".level == 1 };"
        #expect(try validate(literal, level: 3).errors.map(\.kind) == [.literalDereference])
        #expect(try validate(literal).isValid)
    }

    @Test func requestEnvironmentsHaveALimit() throws {
        var validator = Validator(try Schema(parsing: Self.schema))
        validator.maximumRequestEnvironments = 3
        let set = try PolicySet(parsing: "permit(principal, action, resource);")
        // Two actions, one type of principal and two of resource make four.
        #expect(
            validator.validate(set, mode: .strict).errors.map(\.kind)
                == [.tooManyRequestEnvironments(3)])
        validator.maximumRequestEnvironments = 4
        #expect(validator.validate(set, mode: .strict).isValid)
    }

    @Test func workHasALimit() throws {
        var validator = Validator(try Schema(parsing: Self.schema))
        validator.maximumSteps = 100_000
        // Each level is looked at twice by the one around it.
        for (before, after) in [
            ("(if (", " is User in Group::\"g\") then principal else principal)"),
            ("(if (", " has home.city) then principal else principal)"),
        ] {
            let levels = 24
            let text =
                "permit(principal, action == Action::\"view\", resource) when { "
                + String(repeating: before, count: levels) + "principal"
                + String(repeating: after, count: levels) + " == principal };"
            let set = try PolicySet(parsing: text)
            let result = validator.validate(set, mode: .strict, maximumLevel: 1)
            #expect(result.errors.map(\.kind).contains(.tooManySteps(100_000)))
        }
        let certain =
            String(repeating: "(if true then ", count: 40) + "principal"
            + String(repeating: " else principal)", count: 40) + ".level == 1"
        let policy = "permit(principal, action == Action::\"view\", resource) when { \(certain) };"
        #expect(try validate(policy, level: 1).isValid)
    }

    @Test func deepAndLongPolicies() throws {
        let schema = try Schema(parsing: Self.schema)
        for way in DepthTests.ways {
            let text = DepthTests.policy(way, 90)
            guard let set = try? PolicySet(parsing: text) else { continue }
            let result = onSmallStack {
                Validator(schema).validate(set, mode: .strict, maximumLevel: 1)
            }
            #expect(result != nil)
        }
        let chain = Array(repeating: "principal has nick", count: 20_000)
            .joined(separator: " && ")
        #expect(try condition(chain + " && principal.nick == \"a\"") == [])
        var limits = PolicyLimits()
        limits.maximumDepth = 400
        let deep = try PolicySet(
            parsing: DepthTests.policy(("!(", "true", ")"), 250), limits: limits)
        #expect(
            Validator(schema).validate(deep, mode: .strict).errors.map(\.kind)
                == [.recursionLimit(200)])
    }
}
