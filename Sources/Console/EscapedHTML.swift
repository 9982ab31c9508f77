// SPDX-License-Identifier: Apache-2.0

import Mustache

/// The escaping that every value in every template goes through.
///
/// The library's own HTML escaping compares grapheme clusters, so a quote or an angle bracket that
/// is followed by a combining mark passes unescaped and can end an attribute. This one works on
/// Unicode scalars. It also makes visible whatever could deceive a reader, should a value arrive
/// that nobody has escaped: control characters, bidirectional controls, zero-width and tag
/// characters leave as `\u{…}`, as the canonical rendering writes them.
struct EscapedHTML: MustacheContentType {
    /// Name under which templates select it.
    static let name = "EXEQUATUR"

    func escapeText(_ text: String) -> String {
        if text.utf8.allSatisfy(Self.isPlain) { return text }
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "&": escaped += "&amp;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case _ where Self.deceives(scalar):
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Printable ASCII that means nothing to HTML, and line breaks and tabs.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"), UInt8(ascii: "\""),
            UInt8(ascii: "'"):
            false
        case 0x09, 0x0A, 0x20...0x7E: true
        default: false
        }
    }

    /// Whether a reader could not see the scalar, or could see others in a false order because of
    /// it (general categories Cc, Cf, Zl, Zp, Co, Cn and default-ignorable code points).
    static func deceives(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\n" || scalar == "\t" { return false }
        if scalar.properties.isDefaultIgnorableCodePoint { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned,
            .surrogate:
            return true
        default: return false
        }
    }
}
