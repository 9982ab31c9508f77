// SPDX-License-Identifier: Apache-2.0

import Cedar
import TestSupport
import Testing

@Suite struct ParserTests {
    static let head = "permit(principal, action, resource)"

    @Test(arguments: [
        "permit(principal,action,resource,);",
        "@a@b(\"x\")@permit@if forbid(principal,action,resource);",
        "permit(principal is principal, action, resource);",
        "permit(principal == permit::\"x\", action == A::Action::\"y\", resource);",
        "permit ( principal\u{A0},action // c\r,\u{2028}resource ) ;",
        "permit(principal, action, resource) when { context.permit.when.principal == 1 };",
        "permit(principal, action, resource) when { User :: \"a\" == principal };",
        "permit(principal, action, resource) when { [1, 2,].contains(1,) && {a: 1,} has a };",
        "permit(principal, action, resource) when { {principal: 1, \"if\": 2} == {} };",
        "permit(principal, action, resource) when { context has principal.action.\npermit };",
        "permit(principal, action, resource) when { ----1 == !!!!true };",
        "permit(principal, action, resource) when { 1.foo == \"x\".bar || true.baz };",
        "permit(principal, action, resource) when { -1.foo == -(2) - -3 };",
        "permit(principal, action, resource) when { context.isEmpty == context.ip };",
        "permit(principal, action, resource) when { if true then 1 else 2 };",
        "permit(principal, action, resource) when { \"line\nbreak\" like \"\\*\\u{2A}*\" };",
        "", "   // only a comment",
    ])
    func accepts(_ text: String) {
        #expect(syntaxErrors(text) == [])
    }

    /// What is wrong with a condition, with the column where it is.
    @Test(arguments: [
        ("a", 44, "invalid variable: `a`"), ("A::b", 44, "invalid variable: `A::b`"),
        ("1 == 2 == 3", 51, "relational operators"), ("1 < 2 in 3", 50, "relational operators"),
        ("context has a has b", 58, "relational operators"),
        ("principal is User == 1", 62, "relational operators"),
        ("context like \"a\" in 1", 61, "relational operators"),
        ("!!!!!true", 44, "too many occurrences of `!`"),
        ("-----1 == 1", 44, "too many occurrences"),
        ("!-1", 45, "unexpected `-`"), ("-!true", 45, "unexpected `!`"),
        ("1 / 2", 46, "division is not supported"), ("1 % 2", 46, "remainder is not supported"),
        ("1 = 2", 46, "`=` is not an operator"), ("foo(1)", 44, "`foo` is not a function"),
        ("A::ip(\"x\")", 44, "`A::ip` is not a function"),
        ("contains([1], 1)", 44, "`contains` is a method, not a function"),
        ("isIpv4(1)", 44, "`isIpv4` is a method, not a function"),
        ("context.ip(1)", 52, "`ip` is a function, not a method"),
        ("context.foo(1)", 52, "`foo` is not a method"),
        ("[1].contains()", 44, "requires exactly 1 argument, but got 0"),
        ("[1].isEmpty(1)", 44, "requires exactly 0 arguments, but got 1"),
        ("principal(1)", 44, "is a variable and cannot be called"),
        ("(principal)(1)", 45, "only functions and methods can be called"),
        ("context.a(1)(2)", 52, "`a` is not a method"), ("A.b", 44, "`A` is not a value"),
        ("A.b()", 44, "`A` is not a value"), ("A[\"b\"]", 44, "`A` is not a value"),
        ("context[a]", 52, "an index must be a string literal"),
        ("context[(\"a\")]", 53, "an index must be a string literal"),
        ("context.if", 52, "reserved"), ("context.__cedar", 52, "reserved"),
        ("context has in", 56, "reserved"), ("context has \"a\".b", 59, "unexpected `.`"),
        ("context has (a)", 56, "expected an attribute after `has`"),
        ("context has 1", 56, "expected an attribute after `has`"),
        ("\"a\" like context.a", 53, "expected a pattern literal"),
        ("principal is \"User\"", 57, "expected an entity type"),
        ("principal is User::\"a\"", 61, "expected an entity type"),
        ("principal is in", 57, "reserved"), ("__cedar::A::\"x\" == 1", 44, "reserved"),
        ("A::if::\"x\" == 1", 47, "reserved"), ("{a: 1, \"a\": 2} == 1", 51, "duplicate key `a`"),
        ("{if: 1} == 1", 45, "reserved"), ("{1: 1} == 1", 45, "expected a key"),
        ("User::{id: 1} == 1", 50, "expected a string literal after `::`"),
        ("[,]", 45, "expected an expression"), ("[1 2]", 47, "unexpected `2`"),
        ("()", 45, "unexpected `)`"),
        ("1 + if true then 1 else 2", 48, "unexpected `if`"),
        ("if true then 1", 59, "expected `else`"),
        ("9223372036854775808 == 1", 44, "integer literal `9223372036854775808` is too large"),
        ("-9223372036854775809 == 1", 45, "is too large"),
        ("-(9223372036854775808) == 1", 46, "is too large"),
        ("18446744073709551616 == 1", 44, "is too large"),
        ("1 & 2", 46, "unexpected character `&`"),
        ("\"\\q\" == 1", 44, "`\\\\q` is not a valid escape"),
        ("\"\\x80\\u{110000}\" == 1", 44, "is not a valid escape"),
        ("\"\\*\" == 1", 44, "is not a valid escape"), ("é == 1", 44, "unexpected character `é`"),
        (
            "principal == ?principal", 57,
            "templates are not allowed here: found the slot `?principal`"
        ),
        ("principal == ?other", 57, "`?other` is not a valid template slot"),
    ])
    func refuses(_ condition: String, _ column: Int, _ message: String) throws {
        let errors = syntaxErrors(
            "\(Self.head) when { \(condition) };")
        let error = try #require(errors.first, "\(condition) is accepted")
        // The condition starts in column 44.
        #expect(error.span.start.line == 1)
        #expect(error.span.start.column == column, "\(error)")
        #expect(error.message.contains(message), "\(error)")
        #expect(!error.message.contains("\n") && error.message.first?.isUppercase != true)
    }

    @Test(arguments: [
        ("permit(principal, action);", "missing `resource`"), ("permit();", "missing `principal`"),
        ("permit(action, principal, resource);", "found `action` in the scope where `principal`"),
        ("permit(principal, action, resource, context);", "extra element"),
        ("permit(principal: User, action, resource);", "type constraints with `:`"),
        ("permit(principal = User::\"a\", action, resource);", "`=` is not an operator"),
        (
            "permit(principal < User::\"a\", action, resource);",
            "invalid operator in the scope: `<`"
        ),
        ("permit(principal == [User::\"a\"], action, resource);", "expected an entity"),
        ("permit(principal in [User::\"a\"], action, resource);", "expected an entity"),
        ("permit(principal == \"a\", action, resource);", "expected an entity, found `\\\"a\\\"`"),
        ("permit(principal == User, action, resource);", "expected an entity, found `User`"),
        ("permit(principal is User == User::\"a\", action, resource);", "together with `==`"),
        ("permit(principal in G::\"a\" is User, action, resource);", "`is` must come first"),
        (
            "permit(principal, action is Action, resource);",
            "`is` cannot appear in the action scope"
        ),
        ("permit(principal, action == User::\"a\", resource);", "is not an action"),
        ("permit(principal, action in [[Action::\"a\"]], resource);", "expected an entity"),
        ("permit(principal, action, resource in ?resource);", "templates are not allowed here"),
        ("permit(principal, action, resource) when {};", "`when` condition cannot be empty"),
        (
            "permit(principal, action, resource) where { true };",
            "invalid policy condition: `where`"
        ),
        ("allow(principal, action, resource);", "invalid policy effect: `allow`"),
        (
            "permit(principal, action, resource)",
            "unexpected end of input: expected `when`, `unless` or `;`"
        ),
        ("permit(principal, action, resource)) ;", "unexpected `)`"),
        ("@a @a permit(principal, action, resource);", "duplicate annotation: `@a`"),
        ("@a(b) permit(principal, action, resource);", "expected a string literal"),
        ("@a() permit(principal, action, resource);", "expected a string literal"),
        ("@ (principal, action, resource);", "expected an identifier"),
        ("; permit(principal, action, resource);", "expected `permit` or `forbid`"),
        ("\u{FEFF}permit(principal, action, resource);", "unexpected character `\\u{feff}`"),
        ("permit(principal, action, resource) when { \"abc };", "string literal is not closed"),
        (
            "permit(principal, action, resource) when { \"a\rb\" == 1 };",
            "`\\r` is not a valid escape"
        ),
        ("permit(principal, action, resource) when { \"a\\\nb\" == 1 };", "is not closed"),
    ])
    func refusesPolicies(_ text: String, _ message: String) throws {
        let errors = syntaxErrors(text)
        #expect(errors.contains { $0.message.contains(message) }, "\(errors)")
    }

    @Test func everyErrorIsReported() {
        let text = """
            permit(principal, action, resource) when { foo(1) && context.if && 1 == 2 == 3 };
            allow(principal, resource) when { 1 + };
            @x @x permit(principal, action, resource) when { [1 2] } unless { a };
            permit(principal, action, resource) when { "\\q\\w" == 1 }
            forbid(principal, action, resource) when { ?principal == ^ };
            permit(principal, action, resource);
            """
        let found = syntaxErrors(text).map { "\($0.span): \($0.message)" }
        #expect(
            found == [
                "1:44: `foo` is not a function",
                "1:62: this identifier is reserved and cannot be used: `if`",
                "1:75: relational operators (`==`, `<`, `in`, `has`, `like`, `is`, …) do not chain",
                "2:1: invalid policy effect: `allow`",
                "2:1: this policy is missing `resource` in the scope",
                "2:18: found `resource` in the scope where `action` must be",
                "2:39: unexpected `}`: expected an expression",
                "3:4: duplicate annotation: `@x`",
                "3:53: unexpected `2`: expected `,` or `]`",
                "3:67: invalid variable: `a`",
                "4:44: `\\\\q` is not a valid escape",
                "4:44: `\\\\w` is not a valid escape",
                "5:1: policy is not closed: expected `;`, `when` or `unless`",
                "5:44: templates are not allowed here: found the slot `?principal`",
                "5:58: unexpected character `^`",
            ])
    }

    @Test func columnsCountCodePoints() throws {
        let error = try #require(
            syntaxErrors("// é\n\(Self.head) when { \"e\u{301}😀\" == x };").last)
        #expect(error.span.start.line == 2)
        #expect(error.span.start.column == 53)
    }

    @Test func sourcesAreNamed() throws {
        let sources = [
            PolicySource(name: "10-base.cedar", text: "permit(principal, action, resource);"),
            PolicySource(name: "20-more.cedar", text: "\n  allow();"),
        ]
        let error = #expect(throws: PolicySyntaxErrors.self) { try PolicySet(parsing: sources) }
        #expect(
            error?.errors.first?.description == """
                20-more.cedar:2:3: invalid policy effect: `allow`; the effect must be `permit` or \
                `forbid`
                """)
        let good = try PolicySet(parsing: [sources[0], sources[0]])
        #expect(good.policies.map(\.id) == ["policy0", "policy1"])
        #expect(good.policies.map(\.source) == ["10-base.cedar", "10-base.cedar"])
    }

    @Test func errorsHaveALimit() {
        var limits = PolicyLimits()
        limits.maximumErrors = 3
        let text = String(repeating: "allow(principal, action, resource);", count: 10)
        let errors = #expect(throws: PolicySyntaxErrors.self) {
            try PolicySet(parsing: text, limits: limits)
        }
        #expect(errors?.errors.count == 3)
        #expect(errors?.isTruncated == true)
    }

    @Test func inputHasLimits() {
        var limits = PolicyLimits()
        limits.maximumBytes = 40
        let text = "permit(principal, action, resource);"
        #expect(syntaxErrors(text, limits: limits) == [])
        #expect(
            syntaxErrors(text + "     ", limits: limits).first?.message.contains("longer than")
                == true)
        limits = PolicyLimits()
        limits.maximumPolicies = 2
        #expect(syntaxErrors(text + text, limits: limits) == [])
        #expect(
            syntaxErrors(text + text + text, limits: limits).first?.message
                == "more than 2 policies")
    }
}
