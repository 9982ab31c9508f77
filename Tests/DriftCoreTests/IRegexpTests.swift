// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import DriftCore
import TestSupport
import Testing

@Suite("I-Regexp in JSONPath")
struct IRegexpTests {
    /// Whether `function('text', 'pattern')` is true, or why it is refused.
    private func outcome(_ function: String, _ pattern: String, _ text: String) -> String {
        do {
            // A pattern in the query is compiled with it, one in the document when it is met.
            let literal = JSON.string(pattern).description
            let compiled = try JSONPath("$[?\(function)(@.text,\(literal))]")
            let computed = try JSONPath("$[?\(function)(@.text,$[0].pattern)]")
            let document: JSON = [["text": .string(text), "pattern": .string(pattern)]]
            let answers = try [compiled, computed].map { try $0.nodes(in: document).count == 1 }
            return answers[0] == answers[1] ? "\(answers[0])" : "not the same"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "Expressions match what they should",
        arguments: [
            ("a.c", "abc", true), ("a.c", "a\nc", false), ("a.c", "a\u{2028}c", true),
            ("[^a-c]", "d", true), ("[^a-c]", "b", false), ("[a-]", "-", true),
            ("[-a]", "-", true), ("[a\\-c]", "b", false), ("[$^.]", "^", true),
            ("\\p{Lu}\\P{Lu}", "Aa", true), ("\\p{L}", "é", true), ("[\\p{N}x]+", "1x²", true),
            ("[^\\p{L}]", "a", false), ("\\P{C}", "\u{200B}", false), ("x{2}", "xx", true),
            ("x{2,}", "xxxxx", true), ("x{2,3}", "xxxx", false), ("(ab|c)*", "abcab", true),
            ("", "", true), ("()", "", true), ("a||b", "", true), ("(a*)*", "aaa", true),
            ("\\.\\n\\(", ".\n(", true), ("é", "e\u{301}", false), ("😀?", "😀", true),
            ("^a$", "a", true), ("\\^", "^", true), ("[$]", "$", true),
        ])
    func matching(pattern: String, text: String, isMatch: Bool) {
        #expect(outcome("match", pattern, text) == "\(isMatch)")
    }

    @Test("A search finds a part, and anchors hold it to the ends")
    func searching() {
        #expect(outcome("search", "b+", "abbc") == "true")
        #expect(outcome("search", "^b", "abbc") == "false")
        #expect(outcome("search", "c$", "abbc") == "true")
        #expect(outcome("search", "b$", "abbc") == "false")
        #expect(outcome("search", "", "") == "true")
        #expect(outcome("search", "^$", "a") == "false")
        #expect(outcome("search", "aab", "aaab") == "true")
    }

    @Test(
        "What RFC 9485 does not allow is refused",
        arguments: [
            "\\d", "\\w", "a**", "(a", "a)", "[a", "a]", "[]", "[^]", "[z-a]", "[a-b-c]",
            "[a-\\p{L}]", "[[a]", "{2}", "a{", "a{2", "a{3,2}", "a{,2}", "a{1001}", "\\p{Lx}",
            "\\p{Cs}", "\\p{IsBasicLatin}", "\\p", "\\", "(?:a)", "a+?", "\\$", "[\\d]",
        ])
    func refusals(pattern: String) {
        #expect(outcome("match", pattern, "a").contains("not an I-Regexp"))
    }

    @Test("A pattern from the document that is none matches nothing")
    func computed() throws {
        let document: JSON = ["pattern": "(", "list": ["(", "a"]]
        #expect(try JSONPath("$.list[?match(@,$.pattern)]").nodes(in: document).isEmpty)
        #expect(try JSONPath("$.list[?!search(@,$.pattern)]").nodes(in: document).count == 2)
    }

    @Test("Repetitions that would become too large are refused, those of nothing too")
    func size() {
        for pattern in ["(a{100}){100}", "((){1000}){1000}", "((a|b|){30}){30}"] {
            #expect(outcome("match", pattern, "a").contains("states when its repetitions"))
        }
        #expect(outcome("match", "[ab]{1000}", String(repeating: "a", count: 1_000)) == "true")
        let nested = String(repeating: "(", count: 65) + String(repeating: ")", count: 65)
        #expect(outcome("match", nested, "").contains("inside each other"))
    }

    /// A matcher that tries one way after the other needs longer than the universe for these.
    @Test(
        "Patterns that are traps for others take a step for each character and state",
        arguments: ["(a*)*b", "(a|a)*b", "(a|aa)+b", "(a?){30}(a*)*b", "(.*)(.*)(.*)(.*)(.*)x"])
    func traps(pattern: String) throws {
        let text = String(repeating: "a", count: 5_000)
        let path = try JSONPath("$[?match(@,'\(pattern)')]")
        #expect(try path.nodes(in: [.string(text)], budget: 1_000_000).isEmpty)
        #expect(throws: JSONPathError.self) {
            try path.nodes(in: [.string(text)], budget: 5_000)
        }
    }

    @Test("Random expressions match what sets of positions say")
    func reference() {
        var random = SeededRandom.forTest()
        var matches = 0
        for _ in 0..<1_000 {
            let expression = Expression(&random, depth: 3)
            let text = (0..<Int.random(in: 0..<7, using: &random)).map { _ in
                ["a", "b", "c"][Int.random(in: 0..<3, using: &random)]
            }
            let starts = Array(0...text.count)
            let isMatch = expression.ends(in: text, from: 0).contains(text.count)
            let isFound = starts.contains { !expression.ends(in: text, from: $0).isEmpty }
            #expect(
                outcome("match", expression.text, text.joined()) == "\(isMatch)", "\(expression)")
            #expect(
                outcome("search", expression.text, text.joined()) == "\(isFound)", "\(expression)")
            matches += isMatch ? 1 : 0
        }
        #expect((100...900).contains(matches))
    }

    /// An expression with the plainest meaning there is: where it can end, from where it begins.
    private indirect enum Expression {
        case character(String)
        case any
        case except(String)
        case sequence([Expression])
        case alternatives([Expression])
        case repetition(Expression, Int, Int?)

        init(_ random: inout SeededRandom, depth: Int) {
            func int(_ below: Int) -> Int { Int.random(in: 0..<below, using: &random) }
            func parts() -> [Expression] {
                let count = int(4)
                return (0..<count).map { _ in Expression(&random, depth: depth - 1) }
            }
            switch int(depth > 0 ? 8 : 4) {
            case 0, 1: self = .character(["a", "b", "c"][int(3)])
            case 2: self = .any
            case 3: self = .except(["a", "b"][int(2)])
            case 4: self = .alternatives(parts() + [.character("a")])
            case 5:
                let minimum = int(3)
                self = .repetition(
                    Expression(&random, depth: depth - 1), minimum,
                    int(2) == 0 ? nil : minimum + int(3))
            default: self = .sequence(parts())
            }
        }

        var text: String {
            switch self {
            case .character(let text): text
            case .any: "."
            case .except(let text): "[^\(text)]"
            case .sequence(let parts): parts.map(\.text).joined()
            case .alternatives(let parts): "(\(parts.map(\.text).joined(separator: "|")))"
            case .repetition(let part, let minimum, let maximum):
                "(\(part.text)){\(minimum),\(maximum.map { "\($0)" } ?? "")}"
            }
        }

        func ends(in text: [String], from start: Int) -> Set<Int> {
            switch self {
            case .character(let wanted):
                start < text.count && text[start] == wanted ? [start + 1] : []
            case .any: start < text.count ? [start + 1] : []
            case .except(let other):
                start < text.count && text[start] != other ? [start + 1] : []
            case .sequence(let parts):
                parts.reduce([start]) { places, part in step(places, part, in: text) }
            case .alternatives(let parts):
                parts.reduce([]) { $0.union($1.ends(in: text, from: start)) }
            case .repetition(let part, let minimum, let maximum):
                repeated(part, minimum, maximum, in: text, from: start)
            }
        }

        private func step(_ places: Set<Int>, _ part: Expression, in text: [String]) -> Set<Int> {
            places.reduce([]) { $0.union(part.ends(in: text, from: $1)) }
        }

        private func repeated(
            _ part: Expression, _ minimum: Int, _ maximum: Int?, in text: [String],
            from start: Int
        ) -> Set<Int> {
            var places: Set<Int> = [start]
            for _ in 0..<minimum { places = step(places, part, in: text) }
            var all = places
            // More rounds than characters reach nothing new.
            for _ in 0..<(maximum.map { $0 - minimum } ?? text.count + 1) {
                places = step(places, part, in: text)
                all.formUnion(places)
            }
            return all
        }
    }
}
