// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address, or a range of them in CIDR form.
public struct IPAddressValue: Sendable, Hashable, CustomStringConvertible {
    private static let maximumLength = 43

    /// Whether this is an IPv4 address; otherwise it is IPv6.
    public let isIPv4: Bool
    /// The number of leading bits that belong to the network: at most 32 or 128.
    public let prefix: UInt8
    let address: UInt128

    /// Reads an address such as `10.0.0.1`, `10.0.0.0/8` or `ffee::/64`.
    ///
    /// - Throws: ``ExtensionParseError`` when the text is longer than 43 bytes, is no address,
    ///   embeds IPv4 in IPv6, or has a prefix that is too large or starts with a zero.
    public init(parsing text: String) throws(ExtensionParseError) {
        let shown = text.cedarEscaped
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.maximumLength else {
            throw ExtensionParseError(
                "`\(shown)` is not an IP address: it is longer than \(Self.maximumLength) bytes")
        }
        let slash = bytes.firstIndex(of: UInt8(ascii: "/"))
        let host = bytes[..<(slash ?? bytes.endIndex)]
        if let value = Self.ipv4(host) {
            address = UInt128(value)
            isIPv4 = true
        } else if let value = Self.ipv6(host) {
            address = value
            isIPv4 = false
        } else {
            throw ExtensionParseError(
                "`\(shown)` is not an IP address: write it like `10.0.0.1` or `ff::/64`"
            )
        }
        let widest: UInt8 = isIPv4 ? 32 : 128
        guard let slash else {
            prefix = widest
            return
        }
        let digits = bytes[(slash + 1)...]
        let leadingZero = digits.count > 1 && digits.first == UInt8(ascii: "0")
        guard digits.count <= (isIPv4 ? 2 : 3), !leadingZero,
            let length = Digits.value(digits, as: UInt8.self), length <= widest
        else {
            throw ExtensionParseError(
                "`\(shown)` has an invalid prefix: it must be a number from 0 to \(widest)")
        }
        prefix = length
    }

    private static func ipv4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard part.count <= 3, part.count == 1 || part.first != UInt8(ascii: "0"),
                let octet = Digits.value(part, as: UInt8.self)
            else { return nil }
            address = address << 8 | UInt32(octet)
        }
        return address
    }

    private static func ipv6(_ bytes: ArraySlice<UInt8>) -> UInt128? {
        let colon = UInt8(ascii: ":")
        let gap = zip(bytes.indices, bytes.indices.dropFirst())
            .first { bytes[$0.0] == colon && bytes[$0.1] == colon }
        guard let gap else {
            guard let groups = groups(bytes), groups.count == 8 else { return nil }
            return joined(groups)
        }
        guard let head = groups(bytes[..<gap.0]), let tail = groups(bytes[(gap.1 + 1)...]),
            head.count + tail.count <= 7
        else { return nil }
        let zeros = Array(repeating: UInt16(0), count: 8 - head.count - tail.count)
        return joined(head + zeros + tail)
    }

    private static func groups(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        var groups: [UInt16] = []
        for part in bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            guard (1...4).contains(part.count), part.allSatisfy(isHexDigit),
                let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func joined(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    /// Whether this is IPv6 rather than IPv4.
    public var isIPv6: Bool { !isIPv4 }

    /// Whether the whole range is within `127.0.0.0/8` or is `::1`.
    public var isLoopback: Bool {
        isIPv4 ? prefix >= 8 && address >> 24 == 127 : prefix >= 128 && address == 1
    }

    /// Whether the whole range is within `224.0.0.0/4` or `ff00::/8`.
    public var isMulticast: Bool {
        isIPv4 ? prefix >= 4 && address >> 28 == 0xE : prefix >= 8 && address >> 120 == 0xFF
    }

    /// Whether every address of this range is in the other one; never so across versions.
    public func isInRange(_ other: IPAddressValue) -> Bool {
        guard isIPv4 == other.isIPv4 else { return false }
        return other.first <= first && last <= other.last
    }

    private var hostMask: UInt128 {
        let width: UInt8 = isIPv4 ? 32 : 128
        let bits = width - prefix
        return bits == 128 ? UInt128.max : (UInt128(1) << UInt128(bits)) - 1
    }

    private var first: UInt128 { address & ~hostMask }

    private var last: UInt128 { address | hostMask }

    /// The address with its prefix; IPv6 with its longest run of zeros shortened (RFC 5952).
    public var description: String {
        guard isIPv4 else { return "\(ipv6Text)/\(prefix)" }
        let octets = [24, 16, 8, 0].map { String(address >> UInt128($0) & 0xFF) }
        return octets.joined(separator: ".") + "/\(prefix)"
    }

    private var ipv6Text: String {
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: address >> UInt128(112 - 16 * $0)) }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > longest.count { longest = start..<end }
            start = max(end, start + 1)
        }
        let text = { (part: ArraySlice<UInt16>) in
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard longest.count > 1 else { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }
}
