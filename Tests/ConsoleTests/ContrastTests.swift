// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Console

/// WCAG 2.2 contrast of every pair of colours that the style sheet puts together, in both themes.
@Suite struct ContrastTests {
    private static let surfaces = ["paper", "sheet", "well"]
    private static let texts = [
        "ink", "ink-2", "seal", "blood", "ochre", "low", "medium", "high", "critical",
    ]
    private static let pairs: [(String, String)] =
        surfaces.flatMap { surface in texts.map { ($0, surface) } } + [
            ("ink", "seal-wash"), ("ink-2", "seal-wash"), ("seal", "seal-wash"),
            ("ink", "blood-wash"), ("blood", "blood-wash"), ("seal", "blood-wash"),
            ("ink", "ochre-wash"), ("ochre", "ochre-wash"), ("on-seal", "seal"),
            ("on-blood", "blood"), ("sheet", "ink"), ("paper", "ink"),
        ]

    /// Text: success criterion 1.4.3, level AA.
    @Test(arguments: ["light", "dark"])
    func textStandsOut(_ theme: String) throws {
        let colours = try colours(theme)
        for (text, surface) in Self.pairs {
            let ratio = try contrast(#require(colours[text]), #require(colours[surface]))
            #expect(ratio >= 4.5, "\(theme): \(text) on \(surface) is \(ratio)")
        }
    }

    /// Borders of fields and the focus ring: success criterion 1.4.11.
    @Test(arguments: ["light", "dark"])
    func controlsStandOut(_ theme: String) throws {
        let colours = try colours(theme)
        for surface in Self.surfaces {
            for line in ["rule-2", "focus"] {
                let ratio = try contrast(#require(colours[line]), #require(colours[surface]))
                #expect(ratio >= 3, "\(theme): \(line) on \(surface) is \(ratio)")
            }
        }
    }

    @Test func theFormulaIsTheOneOfWCAG() {
        #expect(abs(contrast(0x000000, 0xFFFFFF) - 21) < 0.001)
        #expect(abs(contrast(0x777777, 0xFFFFFF) - 4.478) < 0.001)
    }

    /// The variables of the first `:root` block, or of the one in the dark media query.
    private func colours(_ theme: String) throws -> [String: Int] {
        let asset = try #require(try Shared.renderer().asset(named: "app.css"))
        let sheet = String(decoding: asset.bytes, as: UTF8.self)
        let blocks = sheet.components(separatedBy: ":root {")
        let block = try #require(blocks.dropFirst(theme == "light" ? 1 : 2).first)
            .prefix { $0 != "}" }
        var colours: [String: Int] = [:]
        for declaration in block.split(separator: ";") {
            let parts = declaration.split(separator: ":").map {
                $0.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            guard parts.count == 2, parts[0].hasPrefix("--"), parts[1].hasPrefix("#"),
                parts[1].utf8.count == 7
            else { continue }
            colours[String(parts[0].dropFirst(2))] = Int(parts[1].dropFirst(), radix: 16)
        }
        return colours
    }

    private func contrast(_ left: Int, _ right: Int) -> Double {
        let (one, other) = (luminance(left), luminance(right))
        return (max(one, other) + 0.05) / (min(one, other) + 0.05)
    }

    private func luminance(_ colour: Int) -> Double {
        let channels = [16, 8, 0].map { shift -> Double in
            let value = Double(colour >> shift & 0xFF) / 255
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
    }
}
