// SPDX-License-Identifier: Apache-2.0

extension String {
    /// This text as a Cedar string literal, quotes included.
    ///
    /// Everything that does not show as itself (controls, format and bidirectional characters,
    /// combining marks, unusual spaces) is written as `\u{…}`, so that a message never displays
    /// as other text than it holds.
    var cedarLiteral: String {
        "\"" + cedarEscaped + "\""
    }

    var cedarEscaped: String {
        var text = ""
        text.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\0": text += "\\0"
            default:
                if scalar.showsAsItself {
                    text.unicodeScalars.append(scalar)
                } else {
                    text += "\\u{" + String(scalar.value, radix: 16) + "}"
                }
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var showsAsItself: Bool {
        if value < 0x80 { return value >= 0x20 && value != 0x7F }
        if properties.isDefaultIgnorableCodePoint { return false }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator,
            .privateUse, .surrogate, .unassigned, .nonspacingMark, .enclosingMark:
            return false
        default:
            return true
        }
    }
}
