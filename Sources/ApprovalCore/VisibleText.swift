// SPDX-License-Identifier: Apache-2.0

/// Makes text safe to look at: what could deceive a reader is escaped, visibly.
///
/// Escaped as `\u{…}`: C0 and C1 controls (but `\n` and `\t` in multi-line text), bidirectional
/// controls, zero-width and other default-ignorable code points, tag characters, variation
/// selectors, line and paragraph separators, private use, non-characters and unassigned code
/// points, white space other than U+0020, and the general combining marks, which can strike text
/// out or make one spelling look like another. A backslash is doubled wherever it could be read
/// as the beginning of an escape, so that two different texts never look the same.
///
/// Source: Unicode 15 `Default_Ignorable_Code_Point`, `Bidi_Control`; UTS #39.
package enum VisibleText {
    /// `text` for one line: line breaks and tabs are escaped too.
    package static func escape(_ text: String) -> String {
        transform(text, multiline: false)
    }

    /// `text` for a block that keeps its line breaks and tabs.
    package static func escapeLines(_ text: String) -> String {
        transform(text, multiline: true)
    }

    /// True if one of the two functions above would change the text.
    package static func isDeceptive(_ text: String) -> Bool {
        text.unicodeScalars.contains { needsEscape($0, multiline: true) }
    }

    private static func transform(_ text: String, multiline: Bool) -> String {
        let plain = text.utf8.allSatisfy { byte in
            (byte >= 0x20 && byte < 0x7F && byte != 0x5C)
                || (multiline && (byte == 0x0A || byte == 0x09))
        }
        if plain { return text }
        var result = String.UnicodeScalarView()
        let scalars = Array(text.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            if scalar == "\\",
                beginsEscape(scalars[(index + 1)...], multiline: multiline)
            {
                result.append(contentsOf: "\\\\".unicodeScalars)
            } else if needsEscape(scalar, multiline: multiline) {
                result.append(contentsOf: escaped(scalar).unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// True if a backslash before `rest` would look like one that was written here.
    private static func beginsEscape(
        _ rest: ArraySlice<Unicode.Scalar>, multiline: Bool
    ) -> Bool {
        switch rest.first {
        case "\\", "n", "t", "r": true
        case "u": rest.dropFirst().first == "{"
        case let next?: needsEscape(next, multiline: multiline)
        case nil: false
        }
    }

    static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\t": "\\t"
        case "\r": "\\r"
        default: "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    static func needsEscape(_ scalar: Unicode.Scalar, multiline: Bool) -> Bool {
        let value = scalar.value
        if value < 0x7F {
            if value >= 0x20 { return false }
            return !(multiline && (value == 0x0A || value == 0x09))
        }
        let properties = scalar.properties
        if properties.isDefaultIgnorableCodePoint || properties.isBidiControl
            || properties.isVariationSelector || properties.isNoncharacterCodePoint
        {
            return true
        }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator, .spaceSeparator:
            return true
        default:
            // Hangul fillers and the braille blank render as nothing at all.
            return value == 0x2800 || value == 0x3164 || value == 0xFFA0
                || combining.contains { $0.contains(value) }
        }
    }

    /// Marks that belong to no script; those that a script needs to be written are left alone.
    private static let combining: [ClosedRange<UInt32>] = [
        0x300...0x36F, 0x483...0x489, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x20D0...0x20FF,
        0xFE20...0xFE2F,
    ]

    /// True if letters of more than one script that can be mistaken for each other are mixed
    /// within one word: Latin with Cyrillic, Greek, Armenian, Cherokee or full-width forms.
    package static func mixesScripts(_ text: String) -> Bool {
        var seenLatin = false
        var seenOther = false
        for scalar in text.unicodeScalars {
            guard scalar.properties.isAlphabetic else {
                seenLatin = false
                seenOther = false
                continue
            }
            let value = scalar.value
            if value < 0x250 || (value >= 0x1E00 && value < 0x1F00) {
                seenLatin = true
            } else if isConfusable(value) {
                seenOther = true
            }
            if seenLatin && seenOther { return true }
        }
        return false
    }

    /// True if a word is written with letters of another script that all look Latin, so that it
    /// can't be told from a Latin word at all (UTS #39, whole-script confusables).
    package static func imitatesLatin(_ text: String) -> Bool {
        var letters = 0
        var imitations = 0
        for scalar in text.unicodeScalars {
            if scalar.properties.isAlphabetic {
                letters += 1
                if latinLookalikes.contains(scalar) { imitations += 1 }
            } else {
                if letters > 1, letters == imitations { return true }
                letters = 0
                imitations = 0
            }
        }
        return letters > 1 && letters == imitations
    }

    private static let latinLookalikes = Set(
        ("асԁеһіјӏорԛѕԝхуѵү" + "АВСЕНІЈКМОРЅТХУҮԌԚԜ" + "αικνορυχ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
            .unicodeScalars)

    private static func isConfusable(_ value: UInt32) -> Bool {
        let ranges: [ClosedRange<UInt32>] = [
            0x370...0x3FF, 0x400...0x52F, 0x530...0x58F, 0x13A0...0x13FF, 0x1F00...0x1FFF,
            0x2C60...0x2DFF, 0xA640...0xA69F, 0xFF21...0xFF5A, 0x1D400...0x1D7FF,
        ]
        return ranges.contains { $0.contains(value) }
    }

    /// True if a label of a host name in the text is punycode (`xn--`).
    package static func hasPunycode(_ text: String) -> Bool {
        let bytes = text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        let needle = Array("xn--".utf8)
        guard bytes.count >= needle.count else { return false }
        return (0...(bytes.count - needle.count)).contains { start in
            bytes[start..<(start + needle.count)].elementsEqual(needle)
        }
    }
}
