// SPDX-License-Identifier: Apache-2.0

/// An address with the name that is shown, such as `Exequatur <exequatur@example.org>`.
struct MailAddress: Sendable, Hashable {
    let name: String?
    let address: String

    /// Reads one; nil where a header could be broken out of, or it is no address.
    init?(_ text: String) {
        guard text.utf8.count <= 320, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            return nil
        }
        guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else {
            guard Self.isPlain(text) else { return nil }
            (name, address) = (nil, text)
            return
        }
        let inner = String(text[text.index(after: open)...].dropLast())
        let shown = text[..<open].filter { $0 != "\"" && $0 != "\\" }
        guard Self.isPlain(inner) else { return nil }
        name = shown.split(separator: " ").joined(separator: " ")
        address = inner
    }

    /// True for `local@domain` without quotes, comments or routes.
    static func isPlain(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 254 else { return false }
        return parts.allSatisfy { part in
            !part.isEmpty && !part.hasPrefix(".") && !part.hasSuffix(".") && !part.hasPrefix("-")
                && part.utf8.allSatisfy { byte in
                    let lower = byte | 0x20
                    return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                        || ".-_+=".utf8.contains(byte)
                }
        }
    }

    /// As it stands in a header.
    var header: String { name.map { "\"\($0)\" <\(address)>" } ?? address }
}
