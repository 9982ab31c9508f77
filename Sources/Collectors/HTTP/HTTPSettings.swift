// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import DriftCore

/// Where something is asked over HTTP, and what is said of oneself.
///
/// `{"url":"https://api.example.com/settings","headers":[{"header":"Authorization",
/// "prefix":"Bearer ","file":"/etc/exequatur/token"}],"allow":["cdn.example.com"],"timeout":15}`
///
/// Secrets are named by the files they are in, and read anew each time. They are sent to the
/// address's own scheme, host and port only.
struct HTTPSettings: Sendable, Hashable {
    /// A header whose value stands in a file.
    struct Header: Sendable, Hashable {
        let name: String
        let prefix: String
        let file: String
    }

    let address: HTTPAddress
    let headers: [Header]
    /// Further hosts, with `:port` where it is not the scheme's own, that pages may lead to.
    let allowed: [String]
    /// Seconds that all of it may take.
    let timeout: Int64

    private static let maximumHeaders = 16
    private static let secretBytes = 65_536
    private static let defaultTimeout: Int64 = 15
    private static let maximumTimeout: Int64 = 300
    /// What belongs to the transport.
    private static let reserved = [
        "connection", "content-length", "content-type", "host", "if-none-match", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// Reads the members; others are left for the caller.
    init(_ reader: inout JSONReader) throws(JSONShapeError) {
        let text = try reader.string("url")
        guard let address = HTTPAddress(text) else {
            throw reader.error(
                "url",
                "use an `https` address, or `http` of this machine, without name, password and "
                    + "fragment")
        }
        self.address = address
        headers = try Self.headers(&reader)
        allowed = try reader.optionalStrings("allow") ?? []
        guard allowed.count <= 64 else { throw reader.error("allow", "at most 64 hosts") }
        timeout = try reader.optionalInt("timeout") ?? Self.defaultTimeout
        guard (1...Self.maximumTimeout).contains(timeout) else {
            throw reader.error("timeout", "from 1 to \(Self.maximumTimeout) seconds")
        }
    }

    private static func headers(_ reader: inout JSONReader) throws(JSONShapeError) -> [Header] {
        let objects = try reader.optionalObjects("headers") ?? []
        guard objects.count <= maximumHeaders else {
            throw reader.error("headers", "at most \(maximumHeaders)")
        }
        var headers: [Header] = []
        for var object in objects {
            let header = Header(
                name: try object.string("header"),
                prefix: try object.optionalString("prefix") ?? "",
                file: try object.string("file"))
            try object.finish()
            let isToken = header.name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte) || "!#$%&'*+-.^_|~".utf8.contains(byte)
            }
            guard isToken, !header.name.isEmpty, !reserved.contains(header.name.lowercased())
            else { throw object.error("header", "no header that can be set here") }
            guard isVisible(header.prefix) else { throw object.error("prefix", "not plain ASCII") }
            guard header.file.hasPrefix("/") else {
                throw object.error("file", "use an absolute path")
            }
            headers.append(header)
        }
        return headers
    }

    private static func isVisible(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// Whether a page may be asked.
    func mayAsk(_ page: HTTPAddress) -> Bool {
        page.hasOrigin(of: address)
            || allowed.contains { $0.lowercased().utf8.elementsEqual(page.authority.utf8) }
    }

    /// The headers for a page, their secrets read now; none for another server.
    /// - Throws: ``CollectorFailure``.
    func values(for page: HTTPAddress) throws(CollectorFailure) -> [(String, String)] {
        guard page.hasOrigin(of: address) else { return [] }
        var values: [(String, String)] = []
        for header in headers {
            let (bytes, _) = try BoundedFile.read(header.file, limit: Self.secretBytes)
            var text = bytes[...]
            while let last = text.last, last == 0x0A || last == 0x0D || last == 0x20 {
                text = text.dropLast()
            }
            let value = String(decoding: text, as: UTF8.self)
            guard !value.isEmpty, Self.isVisible(value) else {
                throw CollectorFailure(
                    .unreadable,
                    "`\(ShownText.line(header.file))` does not hold one line of plain ASCII")
            }
            values.append((header.name, header.prefix + value))
        }
        return values
    }
}
