// SPDX-License-Identifier: Apache-2.0

import Cedar
import TestSupport
import Testing

@Suite struct FormatterTests {
    private static let text = """
        // who may what

        // about Alice
        @id("a")@note permit(principal==User::"alice",
          action in[Action::"view",Action::"edit",],// acts
        resource)when{resource.owner==principal&&(resource.size<10||principal has manager.name)}
        unless{ context.input.tags.containsAny(["a very long tag", "another very long tag", "x"]) };
        permit(principal, action, resource); // trailing
        forbid(principal is Bot in ?principal, action, resource)
        when { if context.a then 1 == 1 // c
          // own line
          else -5 > {a: 1, "b c": [1,2,],}["b c"] };
        // the end
        """

    @Test func layout() throws {
        #expect(
            try PolicyFormatter().format(Self.text) == """
                // who may what

                // about Alice
                @id("a")
                @note
                permit (
                  principal == User::"alice",
                  action in [Action::"view", Action::"edit"], // acts
                  resource
                )
                when {
                  resource.owner == principal
                  && (resource.size < 10 || principal has manager.name)
                }
                unless {
                  context.input.tags.containsAny(
                    ["a very long tag", "another very long tag", "x"]
                  )
                };

                permit (principal, action, resource); // trailing

                forbid (
                  principal is Bot in ?principal,
                  action,
                  resource
                )
                when {
                  if context.a
                    then 1 == 1 // c
                    // own line
                    else -5 > {a: 1, "b c": [1, 2]}["b c"]
                };

                // the end

                """)
    }

    @Test func emptyTextStaysEmpty() throws {
        for text in ["", " \n\t\n"] { #expect(try PolicyFormatter().format(text) == "") }
        #expect(try PolicyFormatter().format("\n\n// a \n\n\n// b") == "// a\n\n// b\n")
        #expect(throws: PolicySyntaxErrors.self) { try PolicyFormatter().format("permit") }
    }

    /// Formatting keeps words and comments, and twice is once.
    private func check(_ text: String, _ formatter: PolicyFormatter) throws -> String? {
        let once = try formatter.format(text)
        guard try formatter.format(once) == once else { return "not idempotent" }
        let before = try PolicySet(parsing: text, allowingTemplates: true)
        let after = try PolicySet(parsing: once, allowingTemplates: true)
        guard Self.words(before) == Self.words(after) else { return "other words" }
        let comments = { (text: String) in text.split(separator: "// c").count }
        return comments(text) == comments(once) ? nil : "a comment is lost"
    }

    private static func words(_ set: PolicySet) -> [String] {
        let texts = set.policies.map(\.canonicalText) + set.templates.map(\.canonicalText)
        return texts.map { text in
            [")", "]", "}"].reduce(text) { $0.replacing(" , \($1)", with: " \($1)") }
        }
    }

    @Test func anyLayoutBecomesOne() throws {
        var generator = PolicyGenerator(random: .forTest())
        var failures: [String] = []
        for round in 0..<500 {
            let text = generator.respaced(generator.policySet(generator.pick([1, 2, 3])))
            guard (try? PolicySet(parsing: text, allowingTemplates: true)) != nil else { continue }
            var formatter = PolicyFormatter()
            formatter.lineWidth = [1, 20, 40, 80, 200][round % 5]
            if let failure = try check(text, formatter) { failures.append("\(failure): \(text)") }
        }
        #expect(failures.prefix(3) == [])
    }

    @Test(.corpus("cedar/corpus.tar.xz")) func corpus() throws {
        let corpus = try CorpusFolder("cedar/corpus.tar.xz")
        var failures: [String] = []
        for name in try corpus.sampledTests() {
            let text = try corpus.text("corpus-tests/\(name).cedar")
            if let failure = try check(text, PolicyFormatter()) {
                failures.append("\(name): \(failure)")
            }
        }
        corpus.report("formatter", "\(failures.count) failed")
        #expect(failures.prefix(5) == [])
    }

    @Test(arguments: DepthTests.ways.indices) func deepPolicies(_ way: Int) throws {
        let texts = stride(from: 10, through: 100, by: 5)
            .map { DepthTests.policy(DepthTests.ways[way], $0) }
        guard let text = texts.last(where: { syntaxErrors($0) == [] }) else { return }
        #expect(onSmallStack { try? PolicyFormatter().format(text) } != nil)
    }
}
