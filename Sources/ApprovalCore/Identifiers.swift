// SPDX-License-Identifier: Apache-2.0

/// A handle of the directory: a person, agent, group, gate or credential.
///
/// ASCII lower-case letters, digits and `. _ @ -`, beginning with a letter or digit, at most
/// 64 bytes. Because only ASCII passes, comparing with `==` compares bytes. A handle is chosen
/// once and never given to somebody else, so that an old entry can't come to mean a new person.
package struct Handle: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= Limits.identifierBytes,
            Self.isLetterOrDigit(first),
            bytes.allSatisfy({ Self.isLetterOrDigit($0) || Self.punctuation.contains($0) })
        else { return nil }
        self.text = text
    }

    /// For handles that are constants of this program.
    package init(constant: StaticString) {
        text = constant.description
        precondition(Handle(text) != nil, "not a handle")
    }

    package var description: String { text }

    package static func < (a: Handle, b: Handle) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
    }

    private static let punctuation: [UInt8] = [0x2D, 0x2E, 0x40, 0x5F]
    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
    }
}

extension Handle {
    /// Members may change the directory and publish policies while unsealed.
    package static let administrators = Handle(constant: "administrators")
    /// The group that the starter policies ask.
    package static let reviewers = Handle(constant: "reviewers")
    /// The gate of an agent that has none of its own: `run` as the agent's own user.
    package static let advisoryGate = Handle(constant: "advisory")
    /// What the API calls the gate that asks; no gate has this name.
    package static let thisGate = Handle(constant: "self")
}

/// The opaque name of one action: `act_` and 26 lower-case Crockford base-32 digits.
///
/// The first ten digits are the millisecond it was made, so that rows arrive in key order; the
/// rest is random. It names, it never authorises.
package struct ActionID: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        let bytes = text.utf8
        guard bytes.count == 30, text.hasPrefix("act_"),
            bytes.dropFirst(4).allSatisfy({ Self.alphabet.contains($0) })
        else { return nil }
        self.text = text
    }

    package init(now: Timestamp, random: (UInt64, UInt64)) {
        var bytes = Array("act_".utf8)
        bytes.reserveCapacity(30)
        let time = UInt64(max(0, now.milliseconds))
        for shift in stride(from: 45, through: 0, by: -5) {
            bytes.append(Self.alphabet[Int(time >> UInt64(shift) & 31)])
        }
        for word in [random.0, random.1] {
            for shift in stride(from: 35, through: 0, by: -5) {
                bytes.append(Self.alphabet[Int(word >> UInt64(shift) & 31)])
            }
        }
        text = String(decoding: bytes, as: UTF8.self)
    }

    package var description: String { text }

    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
}
