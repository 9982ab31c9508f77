// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

/// Hashes, page by page, the leaves and cores that a start took from its snapshot.
///
/// Nothing that is used depends on it: every chain is proven when a command needs it. It finds what
/// was changed in the rest; bodies are for `fsck`.
package struct LedgerRecheck: Sendable {
    /// The entries to read; the tree over them has `root`.
    package let size: UInt64
    private let root: Hash256
    private var memory = LedgerWalk.Memory()

    init(size: UInt64, root: Hash256) {
        self.size = size
        self.root = root
    }

    /// The entries read so far.
    package var checked: UInt64 { memory.frontier.size }

    /// Reads the next entries; true when there are none left.
    ///
    /// Throws a `TamperedError` at the first that is wrong, or if the tree over all is another.
    package mutating func page(_ reader: any LedgerReading, limit: Int) throws -> Bool {
        guard checked < size else { return true }
        let count = min(limit, Int(clamping: size - checked))
        let entries = try reader.entries(from: checked, limit: count, bodies: false)
        guard entries.count == count else {
            throw TamperedError("entries after \(checked + UInt64(entries.count)) are missing")
        }
        // Moved out and back: with a second reference to it, each page would copy all of it.
        var walk = LedgerWalk(reader, bodies: false, memory: LedgerWalk.Memory())
        swap(&walk.memory, &memory)
        defer { swap(&walk.memory, &memory) }
        try walk.take(entries) { _, _ in }
        return try isDone(walk.memory)
    }

    private func isDone(_ memory: LedgerWalk.Memory) throws -> Bool {
        guard memory.frontier.size == size else { return false }
        guard memory.frontier.root() == root else {
            throw TamperedError("the first \(size) entries are not those that were signed")
        }
        return true
    }
}
