// SPDX-License-Identifier: Apache-2.0

/// A bearer token: who its holder is, and which log its holder trusts.
///
/// `exq1_<kind>_<fingerprint>_<credential>_<secret>`; only the parts that a gate needs are read.
public struct GateToken: Sendable, CustomStringConvertible {
    /// What every token begins with.
    private static let mark = "exq1_"

    /// Whose credential it is.
    public enum Kind: String, Sendable { case agent = "a", person = "p", gate = "g", admin = "m" }

    /// Whose credential it is.
    public let kind: Kind
    /// The first 32 hexadecimal digits of SHA-256 of the log key's `vkey` line.
    public let keyFingerprint: String
    /// The token itself, for the `Authorization` header and nothing else.
    public let secret: String

    /// Reads a token, nil when it has another form; surrounding white space is dropped.
    public init?(_ text: String) {
        let trimmed = text.drop { $0.isWhitespace }
        let token = String(trimmed.prefix { !$0.isWhitespace })
        guard trimmed.dropFirst(token.count).allSatisfy(\.isWhitespace) else { return nil }
        let parts = token.split(
            separator: "_", maxSplits: 3, omittingEmptySubsequences: false)
        guard token.utf8.count <= 512, token.hasPrefix(Self.mark), parts.count == 4,
            let kind = Kind(rawValue: String(parts[1])), parts[2].utf8.count == 32,
            parts[2].utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
            }), parts[3].utf8.count >= 45,
            parts[3].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.kind = kind
        self.keyFingerprint = String(parts[2])
        self.secret = token
    }

    /// Tells whether a text contains what looks like a token: nothing that is shown may.
    public static func isContained(in text: String) -> Bool {
        let bytes = Array(text.utf8)
        let mark = Array(mark.utf8)
        // The mark, the kind, a fingerprint between underlines.
        let shortest = mark.count + 35
        guard bytes.count >= shortest else { return false }
        return (0...(bytes.count - shortest)).contains { start in
            let kind = start + mark.count
            return bytes[start..<kind].elementsEqual(mark)
                && bytes[kind + 1] == UInt8(ascii: "_") && bytes[kind + 34] == UInt8(ascii: "_")
                && bytes[(kind + 2)..<(kind + 34)].allSatisfy {
                    (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
                }
        }
    }

    /// The kind and the fingerprint; never the secret.
    public var description: String { "exq1_\(kind.rawValue)_\(keyFingerprint)_…" }
}
