// SPDX-License-Identifier: Apache-2.0

/// A resource of a tiled log below its URL prefix (c2sp.org/tlog-tiles).
///
/// `checkpoint`, `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`. Each resource has exactly
/// one path: unneeded zeroes, a missing zero or `.p/256` are refused, so that a cache or a file
/// system never holds the same tile under two names.
public enum TilePath: Sendable, Hashable {
    /// The signed tree head.
    case checkpoint
    /// A tile of hashes; the width is 1 to 256, 256 being a full tile.
    case tile(level: Int, index: UInt64, width: Int)
    /// A bundle of entries; the width is 1 to 256, 256 being a full bundle.
    case entries(index: UInt64, width: Int)

    /// The longest path that is looked at, in bytes; the longest valid one is shorter.
    public static let maximumBytes = 64

    /// Reads a path without its prefix and leading slash, or nil when there is no such resource.
    public static func parse(_ path: String) -> TilePath? {
        guard path.utf8.count <= maximumBytes else { return nil }
        var parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Array($0) }
        if parts == [Array("checkpoint".utf8)] { return .checkpoint }
        guard parts.count >= 3, parts[0] == Array("tile".utf8) else { return nil }
        var width = Tile.fullWidth
        if parts.count >= 4, parts[parts.count - 2].suffix(2) == Array(".p".utf8)[...] {
            guard let partial = Decimal.decode(parts.removeLast()), (1...255).contains(partial)
            else { return nil }
            width = Int(partial)
            parts[parts.count - 1].removeLast(2)
        }
        guard let index = index(parts[2...]) else { return nil }
        if parts[1] == Array("entries".utf8) { return .entries(index: index, width: width) }
        guard let level = Decimal.decode(parts[1]), level <= 63 else { return nil }
        return .tile(level: Int(level), index: index, width: width)
    }

    /// The path below the log's prefix, without a leading slash.
    public var path: String {
        switch self {
        case .checkpoint: "checkpoint"
        case .tile(let level, let index, let width):
            "tile/\(level)/\(Self.elements(index))\(Self.suffix(width))"
        case .entries(let index, let width):
            "tile/entries/\(Self.elements(index))\(Self.suffix(width))"
        }
    }

    /// Returns the path of a resource, which is `resource.path`.
    public static func path(_ resource: TilePath) -> String {
        resource.path
    }

    /// Returns the tiles of hashes that a tree of some size consists of, partial ones last in each
    /// level, lowest level first, each level as one range of full tiles and a partial width.
    ///
    /// For size 70,000: 273 full and 112 wide, 1 full and 17 wide, 0 full and 1 wide.
    public static func levels(size: UInt64) -> [(full: UInt64, partialWidth: Int)] {
        (0..<8).map { level in
            let count = shiftRight(size, 8 * level)
            return (count / UInt64(Tile.fullWidth), Int(count % UInt64(Tile.fullWidth)))
        }
        .prefix { $0.full > 0 || $0.partialWidth > 0 }
        .map { $0 }
    }

    private static func suffix(_ width: Int) -> String {
        width == Tile.fullWidth ? "" : ".p/\(width)"
    }

    /// 1234067 → `x001/x234/067`.
    private static func elements(_ index: UInt64) -> String {
        func digits(_ value: UInt64) -> String {
            let text = String(value)
            return String(repeating: "0", count: 3 - text.utf8.count) + text
        }
        var text = digits(index % 1_000)
        var rest = index / 1_000
        while rest > 0 {
            text = "x\(digits(rest % 1_000))/\(text)"
            rest /= 1_000
        }
        return text
    }

    private static func index(_ elements: ArraySlice<[UInt8]>) -> UInt64? {
        guard let last = elements.last else { return nil }
        var index: UInt64 = 0
        for (position, element) in elements.dropLast().enumerated() {
            guard element.first == UInt8(ascii: "x"), let value = group(element.dropFirst()),
                // A leading x000 would be a second spelling of a shorter path.
                position > 0 || value > 0, let sum = appending(value, to: index)
            else { return nil }
            index = sum
        }
        guard let value = group(last[...]) else { return nil }
        return appending(value, to: index)
    }

    private static func group(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard digits.count == 3 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        return value
    }

    private static func appending(_ group: UInt64, to index: UInt64) -> UInt64? {
        let (product, overflow) = index.multipliedReportingOverflow(by: 1_000)
        guard !overflow, product <= Decimal.maximum - group else { return nil }
        return product + group
    }
}
