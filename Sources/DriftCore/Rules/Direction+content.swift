// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

extension DirectionComparator {
    /// Words in structured settings: what allows, what denies, and address ranges.
    ///
    /// A rule that denies is as good as a right when it is gone. What has no such word on its way
    /// is not judged.
    package static let content = DirectionComparator("content") { deviation in
        if let direction = addresses(deviation.before, deviation.after) { return direction }
        if let direction = effect(deviation.before, deviation.after) { return direction }
        guard let isDenying = polarity(deviation) else { return nil }
        switch (deviation.before, deviation.after) {
        case (nil, _): return isDenying ? .narrowing : .broadening
        case (_, nil): return isDenying ? .broadening : .narrowing
        // Replaced: something else is allowed, or no longer denied.
        default: return .broadening
        }
    }

    /// True for a place that denies, false for one that allows, nil for neither.
    ///
    /// A rule says it itself; else the innermost word on the way to it counts.
    private static func polarity(_ deviation: Deviation) -> Bool? {
        for value in [deviation.before, deviation.after] {
            if let own = word(value?["effect"] ?? value?["action"]) { return own }
        }
        for step in deviation.path.steps.reversed() {
            guard let name = step.member else { continue }
            let lower = lowercase(name)
            if denying.contains(where: lower.contains) { return true }
            if allowing.contains(where: lower.contains) { return false }
        }
        return nil
    }

    private static let denying = [
        "deny", "denied", "denies", "block", "forbid", "disallow", "restrict", "exclude",
    ]
    private static let allowing = [
        "allow", "permit", "grant", "role", "member", "principal", "admin", "sudo", "trusted",
        "scope", "privilege", "authorized",
    ]

    private static func effect(_ before: JSON?, _ after: JSON?) -> DriftDirection? {
        switch (word(before), word(after)) {
        case (true?, false?): .broadening
        case (false?, true?): .narrowing
        default: nil
        }
    }

    /// True for a word that denies, false for one that allows.
    private static func word(_ value: JSON?) -> Bool? {
        switch value?.stringValue.map(lowercase) {
        case "deny", "forbid", "block", "reject", "drop": true
        case "allow", "permit", "accept", "grant": false
        default: nil
        }
    }

    /// ASCII letters only, so that no other letter is taken for one of them.
    private static func lowercase(_ text: String) -> String {
        String(
            decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 },
            as: UTF8.self)
    }

    /// Which way a range of addresses went; nil unless one is there.
    private static func addresses(_ before: JSON?, _ after: JSON?) -> DriftDirection? {
        let old = before?.stringValue.flatMap(AddressRange.init)
        let new = after?.stringValue.flatMap(AddressRange.init)
        switch (old, new) {
        case (let old?, let new?):
            if old == new { return .neutral }
            // Beside each other: whoever is in the new one could not come in before.
            return old.contains(new) ? .narrowing : .broadening
        default: return nil
        }
    }
}

/// A range of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
struct AddressRange: Equatable {
    /// 4 bytes or 16, with the bits behind the prefix cleared.
    let bytes: [UInt8]
    let length: Int

    init?(_ text: String) {
        let parts = text.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Self.decimal(parts[1], maximum: 128),
            let bytes = Self.four(parts[0]) ?? Self.sixteen(parts[0]), length <= bytes.count * 8
        else { return nil }
        self.length = length
        self.bytes = bytes.enumerated().map { position, byte in
            let kept = min(max(length - position * 8, 0), 8)
            return byte & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
    }

    func contains(_ other: AddressRange) -> Bool {
        guard bytes.count == other.bytes.count, length <= other.length else { return false }
        return zip(bytes, other.bytes).enumerated().allSatisfy { position, pair in
            let kept = min(max(length - position * 8, 0), 8)
            return pair.0 == pair.1 & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
    }

    private static func decimal(_ digits: Substring.UTF8View, maximum: Int) -> Int? {
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return value <= maximum ? value : nil
    }

    private static func four(_ text: Substring.UTF8View) -> [UInt8]? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard let value = decimal(part, maximum: 255) else { return nil }
            bytes.append(UInt8(value))
        }
        return bytes
    }

    private static func sixteen(_ text: Substring.UTF8View) -> [UInt8]? {
        let colon = UInt8(ascii: ":")
        var groups = text.split(separator: colon, omittingEmptySubsequences: false)
        guard (3...9).contains(groups.count) else { return nil }
        // A leading or trailing `::` gives two empty groups; one of them stands for the gap.
        if groups[0].isEmpty, groups[1].isEmpty { groups.removeFirst() }
        if groups.count > 1, groups[groups.count - 1].isEmpty, groups[groups.count - 2].isEmpty {
            groups.removeLast()
        }
        let gaps = groups.filter(\.isEmpty).count
        guard gaps == 0 ? groups.count == 8 : gaps == 1 && groups.count <= 8 else { return nil }
        var bytes: [UInt8] = []
        for group in groups {
            if group.isEmpty {
                bytes += Array(repeating: 0, count: (9 - groups.count) * 2)
                continue
            }
            guard group.count <= 4, let word = UInt16(hex: group) else { return nil }
            bytes += [UInt8(word >> 8), UInt8(word & 0xFF)]
        }
        return bytes
    }
}

extension UInt16 {
    fileprivate init?(hex digits: Substring.UTF8View) {
        self = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: self = self << 4 | UInt16(digit - 0x30)
            case 0x41...0x46, 0x61...0x66: self = self << 4 | UInt16((digit | 0x20) - 0x57)
            default: return nil
            }
        }
    }
}
