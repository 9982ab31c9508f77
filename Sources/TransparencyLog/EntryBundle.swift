// SPDX-License-Identifier: Apache-2.0

/// A bundle of log entries: each preceded by its length as a big-endian 16-bit number
/// (c2sp.org/tlog-tiles).
public enum EntryBundle {
    /// The longest entry, in bytes.
    public static let maximumEntryBytes = 65_535
    /// The largest number of entries in a bundle.
    public static let maximumEntries = Tile.fullWidth

    /// Returns the bytes of a bundle of 1 to 256 entries.
    public static func encode(_ entries: [[UInt8]]) throws(TileError) -> [UInt8] {
        guard (1...maximumEntries).contains(entries.count) else {
            throw .bundleEntryCount(entries.count)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + 2 + $1.count })
        for entry in entries {
            guard entry.count <= maximumEntryBytes else {
                throw .entryTooLong(byteCount: entry.count)
            }
            bytes.append(UInt8(entry.count >> 8))
            bytes.append(UInt8(entry.count & 0xFF))
            bytes.append(contentsOf: entry)
        }
        return bytes
    }

    /// Returns the 1 to 256 entries of a bundle; nothing may follow the last.
    public static func decode(_ bytes: [UInt8]) throws(TileError) -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var offset = 0
        while offset < bytes.count {
            guard entries.count < maximumEntries else {
                throw .bundleEntryCount(maximumEntries + 1)
            }
            guard bytes.count - offset >= 2 else { throw .truncatedBundle(offset: offset) }
            let length = Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
            let start = offset + 2
            guard bytes.count - start >= length else { throw .truncatedBundle(offset: offset) }
            entries.append(Array(bytes[start..<start + length]))
            offset = start + length
        }
        guard !entries.isEmpty else { throw .bundleEntryCount(0) }
        return entries
    }
}
