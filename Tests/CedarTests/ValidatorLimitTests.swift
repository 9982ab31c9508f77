// SPDX-License-Identifier: Apache-2.0

import Cedar
import Testing

/// What bounds the work and the answer of the validator.
@Suite struct ValidatorLimitTests {
    private static let view = "permit(principal, action == Action::\"view\", resource)"

    private func validator(_ text: String = ValidatorTests.schema) throws -> Validator {
        Validator(try Schema(parsing: text))
    }

    private func condition(_ text: String) throws -> PolicySet {
        try PolicySet(parsing: "\(Self.view) when { \(text) };")
    }

    private func kinds(_ result: ValidationResult) -> Set<String> {
        Set(result.errors.map { String("\($0.kind)".prefix { $0 != "(" }) })
    }

    // MARK: errors

    @Test func errorsAreCutOff() throws {
        var validator = try validator()
        let wrong = (0..<3_000).map { "principal.wrong\($0) == 1" }.joined(separator: " && ")
        let set = try condition(wrong)
        let result = validator.validate(set, mode: .strict)
        #expect(result.errors.count == 1_000 && result.isTruncated && !result.isValid)
        #expect(result == validator.validate(set, mode: .strict))
        validator.maximumErrors = 3_000
        let all = validator.validate(set, mode: .strict)
        // The same error in the second request environment is none more.
        #expect(all.errors.count == 3_000 && !all.isTruncated)
        #expect(Array(all.errors.prefix(1_000)) == result.errors)
        // A policy of its own each, so that none hides what is wrong with another.
        let two = try PolicySet(
            parsing: "\(Self.view) when { \(wrong) };\n\(Self.view) when { principal.nope };")
        let both = try self.validator().validate(two, mode: .strict)
        #expect(both.errors.count == 1_001 && both.isTruncated)
        #expect(both.errors.last?.policyID == "policy1")
    }

    @Test func anInvalidPolicyNeverLooksValid() throws {
        var validator = try validator()
        validator.maximumErrors = 0
        let result = validator.validate(
            try condition("principal.a && principal.b"), mode: .strict)
        #expect(result.errors.count == 1 && result.isTruncated && !result.isValid)
    }

    @Test func limitsAreNamedBesidesTheErrors() throws {
        var validator = try validator()
        validator.maximumErrors = 1
        // Those of `edit` come first, and for them the condition does not matter.
        validator.maximumRequestEnvironments = 3
        let result = validator.validate(try condition("principal.a == 1"), mode: .strict)
        #expect(result.errors.count == 2 && !result.isTruncated)
        #expect(kinds(result) == ["unsafeAttributeAccess", "tooManyRequestEnvironments"])
    }

    @Test func warningsAreCutOff() throws {
        let odd = (0..<2_000).map { "principal.name == \"p\u{430}y\($0)\"" }
            .joined(separator: " || ")
        let result = try validator().validate(try condition(odd), mode: .strict)
        #expect(result.isValid && result.isTruncated && result.warnings.count == 1_000)
    }

    @Test func namesAndLevelsAreCutOff() throws {
        let names = (0..<2_000).map { "principal is Nobody\($0)" }.joined(separator: " || ")
        let result = try validator().validate(try condition(names), mode: .strict)
        #expect(result.errors.count == 1_000 && result.isTruncated)
        let levels = (0..<2_000).map { "User::\"\($0)\".level == 1" }.joined(separator: " || ")
        let literals = try validator().validate(
            try condition(levels), mode: .strict, maximumLevel: 1)
        #expect(literals.errors.count == 1_000 && literals.isTruncated)
        #expect(kinds(literals) == ["literalDereference"])
    }

    /// Messages stay short however large the types are that they are about.
    @Test func messagesAreShort() throws {
        let attributes = (0..<5_000).map { "attribute\($0): Long" }.joined(separator: ", ")
        let validator = try validator(
            """
            entity E { big: { \(attributes) }, bigs: Set<{ \(attributes) }> };
            action view appliesTo { principal: E, resource: E };
            """)
        let wrong = "principal.big == 1 || principal.bigs == 1 || principal.big.nothing"
        let result = validator.validate(try condition(wrong), mode: .strict)
        #expect(result.errors.count == 3)
        for error in result.errors { #expect(error.description.utf8.count < 500) }
    }

    // MARK: work

    /// Long chains of what is asked for and used take time that goes with their length.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            (" && ", "context has mfa"), (" && ", "(context has mfa && principal has nick)"),
            (" && ", "(principal.hasTag(\"NR\") && principal.getTag(\"NR\") == \"a\")"),
            (" && ", "(if principal.hasTag(\"NR\") then context has mfa else true)"),
            (" || ", "(principal.hasTag(\"NR\") && principal.hasTag(\"NRb\"))"),
            (" && ", "(principal.hasTag(\"NR\") || principal.hasTag(\"NR\"))"),
            (" && ", "(principal.hasTag(\"NR\") && principal.hasTag(\"NRb\"))"),
        ]) func longChains(_ joint: String, _ part: String) throws
    {
        let parts = (0..<8_000).map { part.replacing("NR", with: "\($0)") }
        let set = try condition(parts.joined(separator: joint))
        let result = try validator().validate(set, mode: .strict, maximumLevel: 1)
        #expect(kinds(result).subtracting(["tooManySteps"]) == [])
    }

    /// Everything that is certain is handed on to each of many small conditions.
    @Test(.timeLimit(.minutes(1))) func muchIsKnownInManyPlaces() throws {
        let tests = (0..<8_000).map { "principal.hasTag(\"t\($0)\")" }.joined(separator: " && ")
        let uses = (0..<8_000).map { place in
            "(if principal.hasTag(\"u\(place)\") then principal.getTag(\"u\(place)\") == "
                + "principal.getTag(\"t\(place)\") else true)"
        }.joined(separator: " && ")
        let result = try validator().validate(
            try condition("\(tests) && \(uses)"), mode: .strict)
        #expect(kinds(result).subtracting(["tooManySteps"]) == [])
    }

    /// What a condition has made certain is not certain behind it.
    @Test func whatIsKnownGoesAgain() throws {
        for text in [
            "(principal has nick || true) && principal.nick == \"\"",
            "(if principal has nick then principal.nick == \"a\" else principal.nick == \"b\")",
            "(if (principal has nick && principal.level > 1) then true else false) "
                + "|| principal.nick == \"\"",
            "[principal has nick && principal.nick == \"\", principal.nick == \"\"].contains(true)",
        ] {
            let result = try validator().validate(try condition(text), mode: .strict)
            #expect(
                result.errors.map { String("\($0.kind)".prefix { $0 != "(" }) }
                    == ["unsafeOptionalAttributeAccess"], "\(text)")
        }
    }

    /// An expression that is never evaluated costs nothing to check and much to remember.
    @Test(.timeLimit(.minutes(1))) func largeTargets() throws {
        let never = (0..<10_000).map { "\"\($0)\"" }.joined(separator: ", ")
        let deep =
            String(repeating: "(if (", count: 30)
            + "(if true then principal else [\(never)].contains(1))"
            + String(repeating: " has home.city) then principal else principal)", count: 30)
        var validator = try validator()
        validator.maximumSteps = 200_000
        let result = validator.validate(
            try condition("\(deep) == principal"), mode: .strict)
        #expect(kinds(result).contains("tooManySteps"))
    }

    @Test(.timeLimit(.minutes(1))) func largeTypes() throws {
        let attributes = (0..<10_000).map { "a\($0): Long" }.joined(separator: ", ")
        var validator = try validator(
            """
            entity E { one: { \(attributes) }, two: { \(attributes) } };
            action view appliesTo { principal: E, resource: E };
            """)
        validator.maximumSteps = 1_000_000
        let comparisons = Array(repeating: "principal.one == principal.two", count: 1_000)
            .joined(separator: " && ")
        let result = validator.validate(try condition(comparisons), mode: .strict)
        #expect(kinds(result) == ["tooManySteps"])
        #expect(
            validator.validate(try condition("principal.one == principal.two"), mode: .strict)
                .isValid)
    }

    @Test(.timeLimit(.minutes(1))) func manyEntityTypes() throws {
        let names = (0..<1_000).map { "E\($0)" }
        var validator = try validator(
            """
            entity \(names.joined(separator: ", ")) { a: Long } tags String;
            action view appliesTo { principal: E0, resource: E0 };
            """)
        validator.maximumSteps = 200_000
        let union = "[\(names.map { "\($0)::\"x\"" }.joined(separator: ", "))]"
        for text in ["\(union) == \(union)", "principal in \(union)", "\(union).contains(1)"] {
            let result = validator.validate(try condition(text), mode: .permissive)
            #expect(kinds(result).subtracting(["tooManySteps"]) == [], "\(text.suffix(20))")
        }
    }

    /// Two slots with thousands of types each make more choices than fit into memory.
    @Test(.timeLimit(.minutes(1))) func slotsWithManyTypes() throws {
        let groups = (0..<3_000).map { "G\($0)" }.joined(separator: ", ")
        var validator = try validator(
            """
            entity \(groups);
            entity E in [\(groups)];
            action view appliesTo { principal: E, resource: E };
            """)
        validator.maximumRequestEnvironments = 10_000
        let set = try PolicySet(
            parsing: "permit(principal in ?principal, action, resource in ?resource);",
            allowingTemplates: true)
        #expect(
            kinds(validator.validate(set, mode: .strict)) == ["tooManyRequestEnvironments"])
    }

    @Test(.timeLimit(.minutes(1))) func longEnumerations() throws {
        let choices = (0..<20_000).map { "\"choice\($0)\"" }.joined(separator: ", ")
        let validator = try validator(
            """
            entity E enum [\(choices)];
            action view appliesTo { principal: E, resource: E };
            """)
        let uses = (0..<20_000).map { "principal == E::\"choice\($0)\"" }
            .joined(separator: " || ")
        #expect(validator.validate(try condition(uses), mode: .strict).isValid)
        let wrong = uses.replacing("choice", with: "chance")
        let result = validator.validate(try condition(wrong), mode: .strict)
        #expect(result.isTruncated && result.errors.count == 1_000)
    }

    // MARK: suggestions

    private func suggestion(_ name: String, _ attributes: [String]) throws -> String? {
        let declared = attributes.map { "\"\($0)\": Long" }.joined(separator: ", ")
        let validator = try validator(
            """
            entity E { \(declared) };
            action view appliesTo { principal: E, resource: E };
            """)
        let result = validator.validate(try condition("principal.\(name) == 1"), mode: .strict)
        guard case .unsafeAttributeAccess(_, _, let suggestion, _) = result.errors.first?.kind
        else { return nil }
        return suggestion
    }

    @Test func swappedLettersAreOneMistake() throws {
        for (name, attributes, expected) in [
            ("agrv", ["argv", "env"], "argv"), ("agvr", ["argv"], nil), ("eb", ["be"], "be"),
            ("nmae", ["name", "mane"], "name"), ("ownr", ["owner", "own"], "own"),
            ("principla", ["principal", "principle"], "principal"), ("xyz", ["abc"], nil),
            ("a", ["b", "ab"], "ab"), ("colour", ["color", "colours"], "color"),
        ] as [(String, [String], String?)] {
            #expect(try suggestion(name, attributes) == expected, "\(name)")
        }
    }

    @Test func suggestionsHaveLimits() throws {
        let many = (0..<2_001).map { "attribute\($0)" }
        #expect(try suggestion("atribute7", many) == nil)
        #expect(try suggestion("atribute7", Array(many.dropLast())) == "attribute7")
        let long = String(repeating: "a", count: 70)
        #expect(try suggestion(long, [long + "b"]) == nil)
        let wrong = (0..<300).map { "principal.nam == \($0) && principal.nam\($0 + 10) == 1" }
        let result = try validator().validate(
            try condition(wrong.joined(separator: " && ")), mode: .strict)
        let suggested = result.errors.filter { $0.hint != nil }
        #expect(result.errors.count == 600 && suggested.count <= 100 && !suggested.isEmpty)
    }
}
