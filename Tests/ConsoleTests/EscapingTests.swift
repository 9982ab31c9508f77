// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Console

@Suite struct EscapingTests {
    @Test(arguments: [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onfocus='x' &amp;", "&quot; onfocus=&#39;x&#39; &amp;amp;"),
        ("plain text, 100 %\n\tindented", "plain text, 100 %\n\tindented"),
        ("Zoë Łukasz 山田 עברית", "Zoë Łukasz 山田 עברית"),
        ("\\u{202e} is shown already", "\\u{202e} is shown already"),
        ("", ""),
    ])
    func escapes(_ text: String, _ expected: String) {
        #expect(EscapedHTML().escapeText(text).utf8.elementsEqual(expected.utf8))
    }

    /// A quote with a combining mark is one character to Swift and to swift-mustache 2.1.1, whose
    /// own escaping therefore lets it end an attribute.
    @Test(arguments: ["\"", "'", "<", ">", "&"])
    func combiningMarksProtectNothing(_ special: String) {
        for mark in ["\u{301}", "\u{20DD}", "\u{FE0F}", "\u{200D}", "\u{E0100}"] {
            let escaped = EscapedHTML().escapeText("x\(special)\(mark) onload=alert(1)")
            let special = special.unicodeScalars.first
            if special == "&" {
                #expect(escaped.unicodeScalars.starts(with: "x&amp;".unicodeScalars))
            } else {
                #expect(!escaped.unicodeScalars.contains { $0 == special })
            }
        }
    }

    @Test(arguments: [
        "\u{202E}", "\u{2066}", "\u{200B}", "\u{200F}", "\u{FEFF}", "\u{00AD}", "\u{E0041}",
        "\u{FE0F}", "\u{3164}", "\u{115F}", "\u{2028}", "\u{2029}", "\u{85}", "\u{0}", "\u{1B}",
        "\r", "\u{7F}", "\u{180E}", "\u{E000}", "\u{1D173}", "\u{61C}", "\u{34F}",
    ])
    func deceptiveScalarsAreShown(_ scalar: String) throws {
        let value = try #require(scalar.unicodeScalars.first).value
        let expected = "a\\u{\(String(value, radix: 16))}b"
        #expect(EscapedHTML().escapeText("a\(scalar)b").utf8.elementsEqual(expected.utf8))
    }

    @Test func randomTextNeverBreaksOutAndLosesNothing() {
        let seed: UInt64 = 0x5EED_0001
        var random = SplitMix(state: seed)
        for round in 0..<2_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int(random.next() % 24) { text.append(random.scalar()) }
            let escaped = EscapedHTML().escapeText(String(text))
            let inside = escaped.unicodeScalars.contains { "<>\"'".unicodeScalars.contains($0) }
            #expect(!inside, "seed \(seed), round \(round)")
            #expect(
                Self.unescaped(escaped).unicodeScalars.elementsEqual(Self.shown(text)),
                "seed \(seed), round \(round)")
        }
    }

    /// On scalars, as a browser does: a semicolon with a combining mark still ends an entity.
    private static func unescaped(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        for (entity, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&"),
        ] {
            scalars.replace(Array(entity.unicodeScalars), with: Array(character.unicodeScalars))
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func shown(_ text: String.UnicodeScalarView) -> String.UnicodeScalarView {
        var shown = String.UnicodeScalarView()
        for scalar in text {
            if EscapedHTML.deceives(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars
            } else {
                shown.append(scalar)
            }
        }
        return shown
    }
}

/// SplitMix64: small, seedable, the same everywhere.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Half of the time one that means something to HTML or to a reader's eyes.
    mutating func scalar() -> Unicode.Scalar {
        let pool: [Unicode.Scalar] = [
            "<", ">", "&", "\"", "'", "\u{301}", "\u{202E}", "\u{200B}", "\n", "\r", "a", "{", "}",
        ]
        if next() % 2 == 0 { return pool[Int(next() % UInt64(pool.count))] }
        return Unicode.Scalar(UInt32(next() % 0x11_0000)) ?? "z"
    }
}
