// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import TransparencyLog

/// What the content of files was, for as long as nothing says that it may be another.
///
/// A modification time is no evidence: anybody may set it. A record holds for a file only while
/// device, inode, size, mode and both dates are the same to the nanosecond, and only if nothing
/// had happened to the file for ``settleNanoseconds`` when it was read. All of it is read again
/// within a number of passes anyway. Whoever can set the machine's clock, or write to the disk
/// below the file system, stays unnoticed until then.
package struct DigestCache: Sendable {
    /// How long nothing must have happened to a file for its digest to be remembered.
    ///
    /// Git distrusts what was changed in the moment of being recorded ("racily clean"): it may
    /// have been changed again within the same tick. A minute more covers what was written
    /// through a mapping of memory, which is only dated when the page was clean, and pages are
    /// written back after half a minute.
    package static let settleNanoseconds: Int64 = 60_000_000_000

    /// One file as it was; 80 bytes.
    package struct Record: Sendable, Hashable {
        package let device: UInt64
        package let inode: UInt64
        package let size: Int64
        package let modified: Int64
        package let changed: Int64
        package let mode: UInt32
        /// 1 if it had no extended attributes; setting one would have dated the change.
        package let isBare: UInt32
        package let digest: Hash256

        init(_ entry: clinux_entry, isBare: Bool, digest: Hash256) {
            device = entry.device
            inode = entry.inode
            size = entry.size
            modified = entry.modified
            changed = entry.changed
            mode = entry.mode
            self.isBare = isBare ? 1 : 0
            self.digest = digest
        }

        func isOf(_ entry: clinux_entry) -> Bool {
            inode == entry.inode && device == entry.device && size == entry.size
                && modified == entry.modified && changed == entry.changed && mode == entry.mode
        }
    }

    /// Counts the passes.
    package private(set) var pass: UInt64
    package private(set) var records: [Record]
    /// Open addressing: 0 for nothing, otherwise a place in ``records`` and one.
    private var index: [UInt32]

    package init() { self.init(pass: 0, records: []) }

    init(pass: UInt64, records: [Record]) {
        self.pass = pass
        self.records = records
        index = []
        indexAll()
    }

    /// Where the record of a file is that still holds in this pass; nil if it has to be read.
    func place(of entry: clinux_entry, rereadWithin: Int) -> Int? {
        let hash = Self.hash(entry.device, entry.inode)
        // Reading each in its turn needs no memory of when it was read last.
        if (hash >> 32) % UInt64(max(1, rereadWithin)) == pass % UInt64(max(1, rereadWithin)) {
            return nil
        }
        var slot = Int(hash & UInt64(index.count - 1))
        while index[slot] != 0 {
            let place = Int(index[slot]) - 1
            if records[place].isOf(entry) { return place }
            slot = (slot + 1) & (index.count - 1)
        }
        return nil
    }

    /// Goes on to the next pass: what held and what was read stays; what was not met is forgotten.
    mutating func advance(keeping kept: [UInt32], adding fresh: [Record]) {
        var isKept = [Bool](repeating: false, count: records.count)
        for place in kept { isKept[Int(place)] = true }
        // In place: there may be millions.
        var end = 0
        for place in records.indices where isKept[place] {
            records[end] = records[place]
            end += 1
        }
        records.removeLast(records.count - end)
        records += fresh
        pass += 1
        indexAll()
    }

    /// Of two records of the same file only the second can be found.
    private mutating func indexAll() {
        var capacity = 16
        while capacity * 2 < records.count * 3 { capacity *= 2 }
        index = [UInt32](repeating: 0, count: capacity)
        for (place, record) in records.enumerated() {
            var slot = Int(Self.hash(record.device, record.inode) & UInt64(capacity - 1))
            while index[slot] != 0 {
                let other = records[Int(index[slot]) - 1]
                if other.inode == record.inode, other.device == record.device { break }
                slot = (slot + 1) & (capacity - 1)
            }
            index[slot] = UInt32(place + 1)
        }
    }

    /// Spreads what is mostly consecutive numbers (the finaliser of SplitMix64).
    private static func hash(_ device: UInt64, _ inode: UInt64) -> UInt64 {
        var value = inode &+ device &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
