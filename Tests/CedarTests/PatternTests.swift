// SPDX-License-Identifier: Apache-2.0

import Cedar
import TestSupport
import Testing

@Suite struct PatternTests {
    /// The textbook definition, on code points.
    private func matches(
        _ text: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Pattern.Element>
    )
        -> Bool
    {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case .wildcard:
            return matches(text, rest) || (!text.isEmpty && matches(text.dropFirst(), pattern))
        case .scalar(let scalar):
            return text.first == scalar && matches(text.dropFirst(), rest)
        }
    }

    @Test func agreesWithTheDefinition() {
        var random = SeededRandom.forTest()
        let letters: [Unicode.Scalar] = ["a", "b", "\u{E9}", "\u{301}", "😀", "*"]
        var matched = 0
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0..<8, using: &random)).map { _ in
                letters[Int.random(in: 0..<letters.count, using: &random)]
            }
            let elements = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                let place = Int.random(in: 0..<(letters.count + 3), using: &random)
                return place < letters.count ? Pattern.Element.scalar(letters[place]) : .wildcard
            }
            var string = String.UnicodeScalarView()
            string.append(contentsOf: text)
            let expected = matches(text[...], elements[...])
            matched += expected ? 1 : 0
            #expect(Pattern(elements).matches(String(string)) == expected)
        }
        #expect(matched > 100)
    }

    @Test func writtenStarsAreWildcardsHoweverWritten() throws {
        #expect(try World.outcome(of: #""xyz" like "\u{2a}""#) == .satisfied)
        #expect(try World.outcome(of: #""xyz" like "\x2a""#) == .satisfied)
        #expect(try World.outcome(of: #""*" like "\*" && !("x" like "\*")"#) == .satisfied)
    }

    @Test func normalFormsDiffer() throws {
        #expect(try World.outcome(of: "context.nfc like \"e\u{301}\"") == .unsatisfied)
        #expect(try World.outcome(of: "context.nfd like \"e*\"") == .satisfied)
        #expect(try World.outcome(of: "context.nfc like \"e*\"") == .unsatisfied)
    }
}
