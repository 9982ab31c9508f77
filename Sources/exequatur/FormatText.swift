// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// Text that came from somewhere else, made safe to print.
///
/// The server escapes what it renders, but the terminal must stay safe from a server that does
/// not, and from text that is no rendering (names, reasons, error details).
enum TerminalText {
    /// `text` on one line, unchanged where nothing in it can deceive.
    ///
    /// What the server has escaped already holds nothing deceptive and is not escaped again.
    static func escaped(_ text: String) -> String {
        let isSafe =
            !VisibleText.isDeceptive(text)
            && !text.utf8.contains { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\t") }
        return isSafe ? text : VisibleText.escape(text)
    }

    /// `text` split at its line feeds, each line escaped.
    static func lines(_ text: String) -> [String] {
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { escaped(String($0)) }
    }

    /// JSON text with every deceptive code point written as a JSON escape: the same value.
    ///
    /// Correct because canonical JSON has nothing but ASCII outside of strings.
    static func escapedJSON(_ json: String) -> String {
        guard VisibleText.isDeceptive(json) else { return json }
        var result = ""
        for scalar in json.unicodeScalars {
            guard scalar.value >= 0x7F, VisibleText.isDeceptive(String(scalar)) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }

    /// The number of terminal columns of already escaped text.
    static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
    }

    private static func width(of scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
            0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default:
            return 1
        }
    }

    static func withoutTrailingSpaces(_ line: String) -> String {
        var line = line[...]
        while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
        return String(line)
    }

    static func padded(_ text: String, to columns: Int) -> String {
        text + String(repeating: " ", count: max(0, columns - width(text)))
    }
}
