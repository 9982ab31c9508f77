// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// An address that may be asked: `https`, or `http` of this very machine.
struct HTTPAddress: Sendable, Hashable {
    let url: String
    /// In lower case, as the system resolves it.
    let host: String
    private let scheme: String
    private let port: Int

    private static let maximumBytes = 8_192

    /// Reads an address.
    ///
    /// - Parameters:
    ///   - text: the address, absolute or, with a base, relative.
    ///   - base: what it is relative to.
    init?(_ text: String, relativeTo base: HTTPAddress? = nil) {
        // What is not plain ASCII two parsers could read differently.
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C }
        guard isPlain, (1...Self.maximumBytes).contains(text.utf8.count) else { return nil }
        let whole = base.flatMap { URL(string: $0.url) }
        guard let found = URL(string: text, relativeTo: whole)?.absoluteURL,
            let scheme = found.scheme?.lowercased(), let host = found.host?.lowercased(),
            !host.isEmpty, found.user == nil, found.password == nil, found.fragment == nil
        else { return nil }
        let isLocal = Self.isLoopback(host)
        guard scheme == "https" || (scheme == "http" && isLocal) else { return nil }
        url = found.absoluteString
        self.host = host
        self.scheme = scheme
        port = found.port ?? (scheme == "https" ? 443 : 80)
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" || host == "[::1]" { return true }
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0].elementsEqual("127".utf8)
            && parts.allSatisfy { part in
                UInt8(String(decoding: part, as: UTF8.self)) != nil
                    && part.allSatisfy { (0x30...0x39).contains($0) }
            }
    }

    /// Whether both lead to the same server, so that what one may know the other knows.
    func hasOrigin(of other: HTTPAddress) -> Bool {
        scheme == other.scheme && port == other.port && host.utf8.elementsEqual(other.host.utf8)
    }

    /// The address without its query, which may hold what others should not see.
    var shown: String { String(url.prefix { $0 != "?" }) }

    /// The host, with the port where it is not the scheme's own, as allow lists name it.
    var authority: String {
        port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)"
    }
}
