// SPDX-License-Identifier: Apache-2.0

import Cedar
import Testing

@Suite struct EvaluatorTests {
    @Test(
        arguments: [
            // equality goes by type and content
            ("1 == 1", true), ("1 == \"1\"", false), ("1 != true", true),
            ("principal == resource", false),
            ("User::\"alice\" == principal", true), ("[1, 2] == [2, 1, 1]", true),
            ("[1, 2] == [1]", false), ("{a: 1, b: 2} == {b: 2, a: 1}", true),
            ("{a: 1} == {}", false),
            ("[] == {}", false), ("[[1], [2]] == [[2], [1]]", true), ("[1] == 1", false),
            ("context.nfc == context.nfd", false), ("context.nfc == \"\\u{e9}\"", true),
            ("[context.nfc, context.nfd] == [context.nfc]", false),
            ("User::\"\u{E9}\" == User::\"e\u{301}\"", false),
            ("{\"\u{E9}\": 1} has \"e\u{301}\"", false),
            // integers
            ("1 + 2 * 3 == 7", true), ("10 - 3 - 2 == 5", true), ("-(-5) == 5", true),
            ("--5 == 5", true), ("-9223372036854775808 == context.small", true),
            ("2 < 3 && 3 <= 3 && 4 > 3 && 3 >= 3", true),
            ("3 < 2", false), ("!(3 <= 2)", true), ("007 == 7", true),
            // logic stops early, and what is not reached may be wrong
            ("false && (1 + true == 2)", false), ("true || 1", true),
            ("true && true && false && 1", false), ("false || false || true || 1", true),
            ("if true then true else 1 + true == 2", true), ("(if false then 1 else 2) == 2", true),
            // hierarchy
            ("principal in Group::\"admins\"", true), ("principal in Group::\"staff\"", true),
            ("principal in principal", true), ("principal in Group::\"other\"", false),
            ("User::\"nobody\" in User::\"nobody\"", true),
            ("principal in [Group::\"other\", Group::\"staff\"]", true), ("principal in []", false),
            ("action in Action::\"readOnly\"", true), ("Group::\"staff\" in principal", false),
            // types
            ("principal is User", true), ("principal is Group", false),
            ("principal is NS::User", false),
            ("principal is User in Group::\"staff\"", true),
            ("principal is Group in 1", false), ("principal is User in [Group::\"staff\"]", true),
            // attributes
            ("principal.name == \"Alice\"", true), ("principal[\"name\"] == \"Alice\"", true),
            ("principal.home.zip.code == 89073", true), ("principal.self.self.level == 5", true),
            ("context.input[\"has space\"] == 1", true), ("{a: {b: 3}}.a.b == 3", true),
            ("principal has name", true), ("principal has missing", false),
            ("User::\"nobody\" has name", false), ("principal has home.zip.code", true),
            ("principal has home.zip.other", false), ("principal has ghost.name", false),
            ("principal has home.other.code", false), ("context has input", true),
            ("context.input has \"has space\"", true), ("{} has a", false),
            // sets
            ("[1, 2].contains(2)", true), ("[1].contains(\"1\")", false),
            ("[].contains([])", false),
            ("[[]].contains([])", true), ("[1, 2, 3].containsAll([3, 1])", true),
            ("[1].containsAll([])", true), ("[1].containsAll([1, 2])", false),
            ("[1, 2].containsAny([2, 3])", true), ("[1].containsAny([])", false),
            ("[].isEmpty()", true), ("[1].isEmpty()", false),
            ("principal.langs.contains(\"de\")", true),
            ("[1,2,3,4,5,6,7,8,9,10,11].contains(11)", true),
            ("[1,2,3,4,5,6,7,8,9,10,11] == [11,10,9,8,7,6,5,4,3,2,1]", true),
            // tags
            ("principal.hasTag(\"team\")", true), ("principal.hasTag(\"name\")", false),
            ("principal.getTag(\"team\") == \"red\"", true),
            ("principal.getTag(\"\") == \"empty\"", true),
            ("User::\"nobody\".hasTag(\"team\")", false),
            // text
            ("\"abc\" like \"a*c\"", true), ("\"abc\" like \"abc\"", true),
            ("\"abc\" like \"a*b\"", false),
            ("\"a*c\" like \"a\\*c\"", true), ("\"abc\" like \"a\\*c\"", false),
            ("\"\" like \"\"", true),
            ("\"\" like \"*\"", true),
        ] as [(String, Bool)])
    func values(_ expression: String, _ expected: Bool) throws {
        #expect(try World.outcome(of: expression) == (expected ? .satisfied : .unsatisfied))
    }

    @Test(
        arguments: [
            ("User::\"nobody\".name == 1", .entityDoesNotExist),
            ("principal.ghost.name == 1", .entityDoesNotExist),
            ("User::\"nobody\".getTag(\"x\") == 1", .entityDoesNotExist),
            ("principal.missing == 1", .entityAttrDoesNotExist),
            ("principal.team == 1", .entityAttrDoesNotExist),
            ("principal.getTag(\"name\") == 1", .entityAttrDoesNotExist),
            ("context.missing == 1", .recordAttrDoesNotExist),
            ("{a: 1}.b == 1", .recordAttrDoesNotExist),
            ("context[\"inpu\"] == 1", .recordAttrDoesNotExist),
            ("1", .typeError), ("principal", .typeError), ("!1", .typeError),
            ("-true == 1", .typeError),
            ("true && 1", .typeError), ("1 && true", .typeError), ("false || \"x\"", .typeError),
            ("if 1 then true else true", .typeError), ("\"a\" < \"b\"", .typeError),
            ("1 < \"b\"", .typeError), ("1 + true == 2", .typeError),
            ("\"a\" + \"b\" == \"ab\"", .typeError),
            ("1 in principal", .typeError), ("principal in 1", .typeError),
            ("principal in [principal, 1]", .typeError), ("context.flag in [\"a\"]", .typeError),
            ("1 is User", .typeError), ("principal is User in 1", .typeError),
            ("1 like \"1\"", .typeError),
            ("1 has a", .typeError), ("principal has name.length", .typeError),
            ("1.a == 1", .typeError),
            ("\"x\".length == 1", .typeError), ("principal.contains(1)", .typeError),
            ("[1].containsAll(1)", .typeError), ("1.containsAny([1])", .typeError),
            ("{}.isEmpty()", .typeError), ("\"\".isEmpty()", .typeError),
            ("principal.hasTag(1)", .typeError),
            ("context.hasTag(\"a\")", .typeError), ("ip(1).isIpv4()", .typeError),
            ("\"1.0\".lessThan(decimal(\"1.0\"))", .typeError),
            ("datetime(\"2024-01-01\") < duration(\"1d\")", .typeError),
            ("decimal(\"1.0\") < decimal(\"2.0\")", .typeError),
            ("context.big + 1 == 0", .integerOverflow),
            ("context.small - 1 == 0", .integerOverflow),
            ("context.big * 2 == 0", .integerOverflow), ("-context.small == 0", .integerOverflow),
            ("--9223372036854775808 == 0", .integerOverflow),
            ("context.small * -1 == 0", .integerOverflow),
            ("decimal(\"x\") == 1", .failedExtensionFunctionExecution),
            ("ip(\"300.0.0.1\").isIpv4()", .failedExtensionFunctionExecution),
            ("datetime(\"2024-13-01\") == 1", .failedExtensionFunctionExecution),
            ("duration(\"\") == 1", .failedExtensionFunctionExecution),
            ("decimal() == 1", .wrongNumArguments), ("ip(\"::1\", 2) == 1", .wrongNumArguments),
            ("ip(\"::1\").isIpv4(1)", .wrongNumArguments),
            ("ip(\"::1\").isInRange()", .wrongNumArguments),
            // arguments come before the call, operands before the operator
            ("decimal(principal.missing, 2) == 1", .entityAttrDoesNotExist),
            ("(1 < true) == (context.missing == 1)", .typeError),
            ("1 + principal.missing == \"x\"", .entityAttrDoesNotExist),
            ("true + principal.missing == 1", .entityAttrDoesNotExist),
            ("\"x\" in principal.missing", .entityAttrDoesNotExist),
        ] as [(String, EvaluationError.Category)])
    func errors(_ expression: String, _ category: EvaluationError.Category) throws {
        #expect(try World.outcome(of: expression) == .failed(category))
    }

    @Test func unlessTurnsTheBodyRound() throws {
        let head = "permit(principal, action, resource)"
        #expect(try World.outcome(ofPolicy: "\(head) unless { false };") == .satisfied)
        #expect(try World.outcome(ofPolicy: "\(head) unless { true };") == .unsatisfied)
        #expect(try World.outcome(ofPolicy: "\(head) unless { 1 };") == .failed(.typeError))
        #expect(
            try World.outcome(ofPolicy: "\(head) when { true } unless { false } when { 1 == 1 };")
                == .satisfied)
        #expect(
            try World.outcome(ofPolicy: "\(head) when { false } unless { 1 };") == .unsatisfied)
    }

    @Test(arguments: [
        ("principal == User::\"alice\", action, resource", true),
        ("principal == User::\"bob\", action, resource", false),
        ("principal in Group::\"staff\", action, resource", true),
        ("principal is User, action, resource", true),
        ("principal is Photo, action, resource", false),
        ("principal is User in Group::\"admins\", action, resource", true),
        ("principal is User in Group::\"x\", action, resource", false),
        ("principal, action == Action::\"view\", resource", true),
        ("principal, action == Action::\"readOnly\", resource", false),
        ("principal, action in Action::\"readOnly\", resource", true),
        ("principal, action in [Action::\"edit\", Action::\"view\"], resource", true),
        ("principal, action in [], resource", false),
        ("principal, action, resource == Photo::\"trip.jpg\"", true),
        ("principal, action, resource in Group::\"staff\"", false),
        ("principal, action, resource is NS::Photo", false),
        ("principal == (User::\"alice\"), action in ([Action::\"view\"]), resource,", true),
    ])
    func scopes(_ scope: String, _ matches: Bool) throws {
        #expect(
            try World.outcome(ofPolicy: "forbid(\(scope));")
                == (matches ? .satisfied : .unsatisfied))
    }

    @Test func scopeThatDoesNotMatchHidesErrors() throws {
        let text = "permit(principal == User::\"bob\", action, resource) when { 1 };"
        #expect(try World.outcome(ofPolicy: text) == .unsatisfied)
    }

    @Test func nothingIsCutShortAcrossPolicies() throws {
        let text = """
            @id("p1") permit(principal, action, resource);
            @id("f1") forbid(principal, action, resource);
            @id("e1") forbid(principal, action, resource) when { context.missing };
            @id("p2") permit(principal, action == Action::"view", resource);
            @id("no") permit(principal, action == Action::"edit", resource);
            @id("f2") forbid(principal, action in Action::"readOnly", resource);
            @id("e2") permit(principal, action, resource) when { 1 + context.big == 0 };
            """
        let set = try PolicySet(parsing: text, idsFromAnnotation: true)
        let answer = set.evaluate(World.request, entities: try World.entities())
        #expect(answer.satisfiedPermits == ["p1", "p2"])
        #expect(answer.satisfiedForbids == ["f1", "f2"])
        #expect(answer.errors.map(\.id) == ["e1", "e2"])
        #expect(answer.decision == .deny)
        #expect(answer.reasons == ["f1", "f2"])
        #expect(
            answer.errors.map { "\($0.error)" } == [
                "3:54: record does not have the attribute `missing`: guard it with `has`",
                "7:54: integer overflow in `1 + 9223372036854775807`: the result does not fit into "
                    + "64 bits",
            ])
    }

    @Test func erroringForbidIsNamedThoughPlainCedarAllows() throws {
        let text = """
            permit(principal, action, resource);
            forbid(principal, action, resource) when { context.input.currency in ["EUR"] };
            """
        let set = try PolicySet(parsing: text)
        let answer = set.evaluate(World.request, entities: try World.entities())
        #expect(answer.decision == .allow)
        #expect(answer.reasons == ["policy0"])
        #expect(answer.errors.map(\.id) == ["policy1"])
        #expect(answer.errors.first?.error.kind == .typeError(expected: [.entity], actual: .string))
    }

    @Test func noPolicyDenies() throws {
        let set = try PolicySet(parsing: " // nothing\n")
        let answer = set.evaluate(World.request, entities: Entities())
        #expect(answer.decision == .deny)
        #expect(answer.reasons == [])
    }

    @Test func unknownEntitiesHaveNothingAboveThem() throws {
        let set = try PolicySet(
            parsing: "permit(principal in Group::\"admins\", action, resource);")
        #expect(set.evaluate(World.request, entities: Entities()).decision == .deny)
    }
}
