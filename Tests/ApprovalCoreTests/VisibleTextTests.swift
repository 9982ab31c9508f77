// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ApprovalCore

@Suite("Visible text")
struct VisibleTextTests {
    @Test("plain text stays as it is, in many scripts")
    func unchanged() {
        for text in [
            "", "plain text 123 !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", "Grüße", "привет", "日本語",
            "नमस्ते", "שלום", "สวัสดี", "😀", "C:\\Users\\Bob", "\\", "a\\",
        ] {
            #expect(VisibleText.escape(text) == text, "\(text)")
            #expect(!VisibleText.isDeceptive(text))
        }
    }

    @Test("every scalar of Unicode that deceives is escaped, and only ASCII is written for it")
    func everyScalar() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let properties = scalar.properties
            let mustEscape =
                value < 0x20 || (value >= 0x7F && value < 0xA0)
                || properties.isDefaultIgnorableCodePoint || properties.isBidiControl
                || (0xE0000...0xE0FFF).contains(value) || (0xFE00...0xFE0F).contains(value)
                || properties.generalCategory == .privateUse
                || properties.generalCategory == .lineSeparator
                || (properties.isWhitespace && value != 0x20)
            let escaped = VisibleText.needsEscape(scalar, multiline: false)
            // No macro for each of a million code points: it would take longer than the work.
            if mustEscape, !escaped { Issue.record("U+\(String(value, radix: 16)) is shown") }
            if escaped, value % 97 == 0 || value < 0x3000 {
                let text = VisibleText.escape(String(scalar))
                let isASCII = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
                if !isASCII { Issue.record("U+\(String(value, radix: 16)): \(text)") }
            }
        }
    }

    @Test("line breaks and tabs stay in blocks and are escaped on a line")
    func lines() {
        #expect(VisibleText.escape("a\nb\tc\rd") == "a\\nb\\tc\\rd")
        #expect(VisibleText.escapeLines("a\nb\tc\rd") == "a\nb\tc\\rd")
        #expect(VisibleText.escapeLines("a\r\nb") == "a\\r\nb")
    }

    @Test("no two texts look the same: what reads like an escape is told from one")
    func injective() {
        let pairs = [
            ("\u{200B}", "\\u{200b}"), ("\n", "\\n"), ("\t", "\\t"), ("\\\u{200B}", "\\\\u{200b}"),
            ("\\\n", "\\\\n"), ("\\\\n", "\\\n"), ("\\\\", "\\"),
        ]
        for (one, other) in pairs {
            #expect(VisibleText.escape(one) != VisibleText.escape(other), "\(one.debugDescription)")
        }
        var random = SeededRandom.forTest()
        let alphabet: [Unicode.Scalar] = [
            "\\", "n", "t", "u", "{", "a", "}", "\n", "\u{A}", "\u{202E}",
        ]
        var seen: [String: [UInt8]] = [:]
        for _ in 0..<20_000 {
            var view = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                view.append(alphabet.randomElement(using: &random) ?? "a")
            }
            let text = String(view)
            let shown = VisibleText.escape(text)
            if let earlier = seen[shown] { #expect(earlier == Array(text.utf8), "\(shown)") }
            seen[shown] = Array(text.utf8)
        }
    }

    @Test("mixed scripts, imitations and punycode")
    func confusables() {
        for text in ["p\u{430}ypal", "\u{410}dmin", "gο\u{43E}gle", "\u{FF41}bc"] {
            #expect(VisibleText.mixesScripts(text), "\(text)")
        }
        for text in ["paypal", "привет мир", "file привет", "日本語abc", "Grüße"] {
            #expect(!VisibleText.mixesScripts(text), "\(text)")
        }
        #expect(VisibleText.imitatesLatin("\u{441}\u{43E}\u{440}"))
        #expect(VisibleText.imitatesLatin("x.\u{430}\u{440}\u{440}.com"))
        #expect(!VisibleText.imitatesLatin("привет"))
        #expect(!VisibleText.imitatesLatin("paypal"))
        #expect(VisibleText.hasPunycode("https://XN--80ak6aa92e.com"))
        #expect(!VisibleText.hasPunycode("xn-"))
    }
}
