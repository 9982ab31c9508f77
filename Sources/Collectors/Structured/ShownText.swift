// SPDX-License-Identifier: Apache-2.0

/// Text of others in messages of ours.
enum ShownText {
    /// One line of at most `limit` bytes: everything but printable ASCII and letters is escaped, so
    /// that it can neither end a line nor steer a terminal nor hide anything.
    static func line(_ text: String, limit: Int = 200) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            let next =
                isPlain(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            guard shown.utf8.count + next.utf8.count <= limit else { return shown + "…" }
            shown += next
        }
        return shown
    }

    /// The same of bytes that may not be UTF-8.
    static func line(_ bytes: some Collection<UInt8>, limit: Int = 200) -> String {
        line(String(decoding: bytes, as: UTF8.self), limit: limit)
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        // The backtick would end the quotation, the backslash would look like an escape.
        if scalar.isASCII {
            return (0x20...0x7E).contains(scalar.value) && scalar != "`" && scalar != "\\"
        }
        return scalar.properties.isAlphabetic && !scalar.properties.isDefaultIgnorableCodePoint
    }
}
