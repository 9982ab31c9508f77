// SPDX-License-Identifier: Apache-2.0

/// The address by which an OpenID Connect issuer names itself, such as
/// `https://token.actions.githubusercontent.com`.
///
/// Compared as bytes with the `iss` of tokens, never normalised: two spellings are two issuers.
/// ASCII only, so that comparing with `==` compares bytes.
package struct IssuerURL: Sendable, Hashable, CustomStringConvertible {
    package let text: String
    /// Lower-case name or address, without the port.
    package let host: String
    private let path: String
    /// True for plain `http`, which is taken on the loopback interface only.
    package let isPlain: Bool

    /// Reads an address; key sets may lie behind a query, issuers may not.
    package init(_ text: String, allowsQuery: Bool = false) throws(CoreError) {
        let shown = "`\(VisibleText.escape(String(text.prefix(80))))`"
        guard text.utf8.count <= Limits.issuerBytes else {
            throw CoreError("the issuer is longer than \(Limits.issuerBytes) bytes")
        }
        let bytes = Array(text.utf8)
        let isSecure = bytes.starts(with: Array("https://".utf8))
        guard isSecure || bytes.starts(with: Array("http://".utf8)) else {
            throw CoreError("\(shown) does not begin with `https://`")
        }
        let rest = bytes[(isSecure ? 8 : 7)...]
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        guard let host = Self.host(rest[..<slash]) else {
            throw CoreError("\(shown) has no lower-case host name, or more than host and port")
        }
        guard Self.isPath(rest[slash...], allowsQuery: allowsQuery) else {
            throw CoreError("\(shown) has a path that is more than plain segments")
        }
        guard isSecure || Self.isLoopback(host) else {
            throw CoreError("\(shown) is not `https`: whoever is on the way could forge its keys")
        }
        self.text = text
        self.host = host
        path = String(decoding: rest[slash...], as: UTF8.self)
        isPlain = !isSecure
    }

    package var description: String { text }

    /// Where the issuer describes itself (OpenID Connect Discovery 1.0 §4).
    package var discovery: String {
        (text.hasSuffix("/") ? String(text.dropLast()) : text)
            + "/.well-known/openid-configuration"
    }

    /// True for GitHub Actions: github.com, enterprises with data residency, and servers of one's
    /// own.
    package var isGitHub: Bool {
        let name = host.utf8
        return name.elementsEqual("token.actions.githubusercontent.com".utf8)
            || host.hasSuffix(".ghe.com") || path.hasSuffix("/_services/token")
    }

    private static func host(_ authority: ArraySlice<UInt8>) -> String? {
        var name = authority
        if let bracket = authority.firstIndex(of: UInt8(ascii: "]")) {
            name = authority[...bracket]
        } else if let colon = authority.firstIndex(of: UInt8(ascii: ":")) {
            name = authority[..<colon]
        }
        let port = authority[name.endIndex...]
        guard !name.isEmpty, port.isEmpty || isPort(port.dropFirst()) else { return nil }
        let text = String(decoding: name, as: UTF8.self)
        if text == "[::1]" { return text }
        let isName = name.allSatisfy { byte in
            isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        }
        return isName && isLetterOrDigit(name.first ?? 0) ? text : nil
    }

    private static func isPort(_ digits: ArraySlice<UInt8>) -> Bool {
        guard let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0 else {
            return false
        }
        return digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    private static func isPath(_ path: ArraySlice<UInt8>, allowsQuery: Bool) -> Bool {
        let mark = path.firstIndex(of: UInt8(ascii: "?")) ?? path.endIndex
        guard mark == path.endIndex || allowsQuery else { return false }
        let plain = Array("-._~:@!$&'()*+,;=/?".utf8)
        let isPlain = path.allSatisfy { byte in
            isLetterOrDigit(byte) || (byte >= 0x41 && byte <= 0x5A) || plain.contains(byte)
        }
        guard isPlain else { return false }
        return path[..<mark].split(separator: UInt8(ascii: "/")).allSatisfy { segment in
            !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127"
            && octets.allSatisfy { octet in
                UInt8(octet) != nil && octet.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
    }
}
