// SPDX-License-Identifier: Apache-2.0

/// A ZIP archive of files that are stored as they are (APPNOTE 6.3.10, method 0).
///
/// Without times and attributes: the same files give the same bytes.
struct StoredZip {
    private struct Entry {
        let name: [UInt8]
        let checksum: UInt32
        let size: UInt32
        let offset: UInt32
    }

    private var files: [UInt8] = []
    private var entries: [Entry] = []

    /// The version of the format that is needed to read it, 1.0.
    private static let version: UInt16 = 10
    /// 1980-01-01, the first day that the format knows.
    private static let date: UInt16 = 0x21

    init() {}

    /// Adds a file; names are ASCII, and all files together stay far below 4 GB.
    mutating func add(_ name: String, _ bytes: [UInt8]) {
        let entry = Entry(
            name: Array(name.utf8), checksum: Checksums.crc32(bytes), size: UInt32(bytes.count),
            offset: UInt32(files.count))
        files.append(little: 0x0403_4B50 as UInt32)
        Self.describe(entry, in: &files)
        files += entry.name
        files += bytes
        entries.append(entry)
    }

    /// The fields that stand both before a file and in the directory.
    private static func describe(_ entry: Entry, in bytes: inout [UInt8]) {
        for field in [version, 0, 0, 0, date] as [UInt16] { bytes.append(little: field) }
        for field in [entry.checksum, entry.size, entry.size] { bytes.append(little: field) }
        bytes.append(little: UInt16(entry.name.count))
        bytes.append(little: 0 as UInt16)
    }

    /// The whole archive.
    var bytes: [UInt8] {
        var bytes = files
        for entry in entries {
            bytes.append(little: 0x0201_4B50 as UInt32)
            bytes.append(little: Self.version)
            Self.describe(entry, in: &bytes)
            // No comment, the first disk, no attributes.
            for _ in 0..<3 { bytes.append(little: 0 as UInt16) }
            bytes.append(little: 0 as UInt32)
            bytes.append(little: entry.offset)
            bytes += entry.name
        }
        let size = UInt32(bytes.count - files.count)
        bytes.append(little: 0x0605_4B50 as UInt32)
        let count = UInt16(entries.count)
        for field in [0, 0, count, count] { bytes.append(little: field) }
        bytes.append(little: size)
        bytes.append(little: UInt32(files.count))
        bytes.append(little: 0 as UInt16)
        return bytes
    }
}

/// The checksums of ZIP, PNG and zlib.
enum Checksums {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { rest, _ in
            rest & 1 == 1 ? 0xEDB8_8320 ^ (rest >> 1) : rest >> 1
        }
    }

    /// CRC-32 of ISO-HDLC.
    static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { rest, byte in
            table[Int((rest ^ UInt32(byte)) & 0xFF)] ^ (rest >> 8)
        }
    }

    /// Adler-32 (RFC 1950).
    static func adler32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let (a, b) = bytes.reduce((UInt32(1), UInt32(0))) { sums, byte in
            let a = (sums.0 + UInt32(byte)) % 65_521
            return (a, (sums.1 + a) % 65_521)
        }
        return b << 16 | a
    }
}

extension [UInt8] {
    /// Appends a number with its lowest byte first, as ZIP does.
    mutating func append<Number: FixedWidthInteger>(little number: Number) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// Appends a number with its highest byte first, as PNG does.
    mutating func append<Number: FixedWidthInteger>(big number: Number) {
        append(
            contentsOf: (0..<Number.bitWidth / 8).reversed().map { position in
                UInt8(truncatingIfNeeded: number >> (position * 8))
            })
    }
}
