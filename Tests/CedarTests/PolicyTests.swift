// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import TestSupport
import Testing

@Suite struct PolicyTests {
    private let text = """
        // before
        @id("export") @review("sre,dba")
        @severity("high") @note
        forbid (principal is Agent in Group::"bots", // who
          action in [Action::"export", Action::"dump"], resource == Table::"users")
        when { resource.owner == User::"bob" || User::"bob" in Group::"x" };
        permit(principal, action, resource);
        """

    @Test func partsAreKept() throws {
        let set = try PolicySet(parsing: text, idsFromAnnotation: true)
        let policy = try #require(set["export"])
        #expect(set.policies.map(\.id) == ["export", "policy1"])
        #expect(policy.effect == .forbid)
        #expect(policy.annotations.map(\.name) == ["id", "review", "severity", "note"])
        #expect(policy.annotation("review") == "sre,dba")
        #expect(policy.annotation("note") == "")
        #expect(policy.annotation("missing") == nil)
        #expect(policy.annotations.map(\.hasValue) == [true, true, true, false])
        #expect(policy.text.hasPrefix("@id(\"export\")") && policy.text.hasSuffix("};"))
        #expect(policy.text.contains("// who"))
        #expect(policy.span.start.line == 2 && policy.span.end.line == 6)
        #expect(
            policy.canonicalText == """
                @ id ( "export" ) @ review ( "sre,dba" ) @ severity ( "high" ) @ note forbid \
                ( principal is Agent in Group :: "bots" , action in [ Action :: "export" , \
                Action :: "dump" ] , resource == Table :: "users" ) when { resource . owner == \
                User :: "bob" || User :: "bob" in Group :: "x" } ;
                """)
        #expect(
            policy.entities.map(\.description) == [
                #"Group::"bots""#, #"Action::"export""#, #"Action::"dump""#, #"Table::"users""#,
                #"User::"bob""#, #"Group::"x""#,
            ])
        #expect(policy.actions.map(\.id) == ["export", "dump"])
        #expect(set.entities.count == 6)
        var names: [String] = []
        policy.walk { if case .attribute(_, let name) = $0.kind { names.append(name) } }
        #expect(names == ["owner"])
    }

    @Test func idsMustDiffer() {
        let twice = "@id(\"a\") permit(principal, action, resource);"
        #expect(syntaxErrors(twice + twice) == [])
        let errors = syntaxErrors(twice + "\n" + twice, idsFromAnnotation: true)
        #expect(
            errors.map(\.description) == [
                "2:1: duplicate policy id: `a`; give each policy an `@id` of its own"
            ])
        let shadow =
            "permit(principal, action, resource);" + twice.replacing("\"a\"", with: "\"policy0\"")
        #expect(syntaxErrors(shadow, idsFromAnnotation: true).count == 1)
        let empty = "@id permit(principal, action, resource);"
        #expect(
            syntaxErrors(empty, idsFromAnnotation: true).first?.message == "`@id` needs a value")
    }

    /// What the canonical text says is what the text said, and it is a fixed point.
    @Test func canonicalTextReadsTheSame() throws {
        var generator = PolicyGenerator(random: .forTest())
        for _ in 0..<300 {
            let text = generator.policySet(3)
            let set = try PolicySet(parsing: text)
            let canonical = set.policies.map(\.canonicalText).joined(separator: "\n")
            let again = try PolicySet(parsing: canonical)
            #expect(again.policies.map(\.canonicalText) == set.policies.map(\.canonicalText))
            #expect(try again.policies.map { try $0.json } == set.policies.map { try $0.json })
            let slices = set.policies.map(\.text).joined(separator: "\n")
            #expect(slices == text)
        }
    }

    /// Any text is read or refused with errors that lie within it; none crashes the reader.
    @Test func anyTextIsReadOrRefused() {
        var generator = PolicyGenerator(random: .forTest())
        let scalars: [Unicode.Scalar] = [
            "\"", "\\", "\n", "\r", "{", "}", "(", ")", ";", "@", "?", "/", ":", "a", "1", "é",
            "\u{301}",
            "\u{2028}", "😀", "\0", "=", "!", "-", ".", "*",
        ]
        for round in 0..<4_000 {
            var text = generator.broken(generator.broken(generator.policySet(2)))
            if round % 4 == 0 {
                var view = String.UnicodeScalarView()
                for _ in 0..<generator.pick([1, 5, 40]) { view.append(generator.pick(scalars)) }
                text = String(view)
            }
            let errors = syntaxErrors(text)
            for error in errors {
                #expect(error.span.bytes.upperBound <= text.utf8.count)
                #expect(!error.description.contains("\n"))
            }
            #expect(errors.map(\.span.start.offset) == errors.map(\.span.start.offset).sorted())
        }
    }
}
