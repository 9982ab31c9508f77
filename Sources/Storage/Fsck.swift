// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
package import TransparencyLog

/// Compares a store with its own signed tree, from the first leaf to the last row (DESIGN §6).
///
/// Every leaf, core, body and tile is hashed again, the machine is replayed, directory and policy
/// set are derived again, and each state row must be, byte for byte, what its entries lead to. It
/// reads one snapshot and changes nothing.
package enum Fsck {
    /// Checks everything; what can't be read is a finding, never an error.
    package static func run(_ backend: any LedgerBackend, key: VerifierKey) -> FsckReport {
        do {
            return try backend.read { reader in
                var run = FsckRun(reader, key: key)
                run.all()
                return run.report
            }
        } catch {
            var report = FsckReport()
            report.add(.indeterminate, "store", "", "can't be read: \(error)")
            return report
        }
    }
}

/// One check under way.
struct FsckRun {
    let reader: any LedgerReading
    let key: VerifierKey
    var report = FsckReport()
    private var walk: LedgerWalk
    private var directory = Directory()
    /// After a change that can't be applied, later digests say nothing about themselves.
    private var directoryIsKnown = true
    private var drift = DriftCheck()
    /// False once a leaf is unknown: then no root can be computed.
    private var treeIsKnown = true
    /// True once an entry was missing or unreadable: what depends on it can't be judged.
    private var hasHoles = false
    /// Actions with a finding in their chain; their rows can't be derived.
    private var brokenActions: Set<String> = []

    init(_ reader: any LedgerReading, key: VerifierKey) {
        self.reader = reader
        self.key = key
        walk = LedgerWalk(reader, bodies: true)
    }

    mutating func all() {
        checkEntries()
        checkCheckpoint()
        checkRows()
        drift.checkRows(reader, &report, hasHoles: hasHoles)
    }

    // MARK: entries

    private mutating func checkEntries() {
        let expected = (try? reader.checkpoint())?.size ?? 0
        while true {
            let start = walk.frontier.size
            let page: [RecordedEntry]
            do {
                page = try reader.entries(from: start, limit: LedgerWalk.page, bodies: true)
            } catch {
                // One of the rows can't be read: find it by taking them one by one.
                let goesOn = checkSingly(from: start, expected: expected)
                checkTiles()
                if goesOn { continue }
                report.add(.indeterminate, "entry", "\(start)…", "can't be read: \(error)")
                break
            }
            for recorded in page {
                skipMissing(upTo: recorded.index)
                check(recorded)
            }
            checkTiles()
            if page.count < LedgerWalk.page { break }
        }
        if walk.frontier.size < expected {
            report.add(
                .incomplete, "entry", "\(walk.frontier.size)…\(expected - 1)",
                "missing: the checkpoint covers \(expected) entries")
            treeIsKnown = false
            hasHoles = true
        }
        report.entries = walk.frontier.size
    }

    /// Returns false if there is nothing more to go on with.
    private mutating func checkSingly(from start: UInt64, expected: UInt64) -> Bool {
        let end = min(start + UInt64(LedgerWalk.page), expected)
        guard start < end else { return false }
        for index in start..<end {
            do {
                guard let recorded = try reader.entry(at: index) else { continue }
                skipMissing(upTo: index)
                check(recorded)
            } catch {
                skipMissing(upTo: index)
                report.add(.tampered, "entry", index, Self.reason(error, index))
                skip(index)
            }
        }
        return walk.frontier.size > start
    }

    /// A hole in the sequence of indexes.
    private mutating func skipMissing(upTo index: UInt64) {
        while walk.frontier.size < index {
            report.add(.tampered, "entry", walk.frontier.size, "the row was deleted")
            skip(walk.frontier.size)
        }
    }

    /// Goes on behind a leaf that is gone, with the hash that its tile still has.
    private mutating func skip(_ index: UInt64) {
        hasHoles = true
        let width = UInt64(Tile.fullWidth)
        // `try?` flattens: a tile that is missing and one that can't be read are the same here.
        if let tile = try? reader.fullTile(level: 0, index: index / width),
            tile.count == Tile.fullWidth
        {
            let hash = tile[Int(index % width)]
            walk.skip(leafHash: hash)
        } else {
            treeIsKnown = false
            walk.skip(leafHash: .zero)
        }
    }

    private mutating func check(_ recorded: RecordedEntry) {
        let index = recorded.index
        do {
            let step = walk.step(recorded)
            for problem in step.problems { report.add(.tampered, "entry", index, problem) }
            // Behind a row that is gone, a gap is a consequence and no finding of its own.
            if let gap = step.gap {
                report.add(hasHoles ? .indeterminate : .tampered, "entry", index, gap)
            }
            if !step.problems.isEmpty || step.gap != nil {
                brokenActions.insert(recorded.entry.ref)
            }
            if recorded.body == nil {
                // An erasure would be an entry of its own; there is no such entry yet.
                report.add(.tampered, "body", index, "missing, and no entry says it was erased")
            }
            if step.problems.isEmpty, step.gap == nil { try derive(recorded) }
            if recorded.entry.seq == 0, let id = ActionID(recorded.entry.ref) {
                report.actions += 1
                if try reader.action(id) == nil {
                    report.add(.tampered, "action", id, "the state row is missing")
                }
            }
        } catch {
            report.add(.tampered, "entry", index, Self.reason(error, index))
        }
    }

    /// Directory and policy set, derived again; each digest must be the one that was logged.
    private mutating func derive(_ recorded: RecordedEntry) throws {
        switch recorded.entry.ref {
        case DirectoryEntry.ref:
            guard directoryIsKnown else { return }
            directoryIsKnown = false
            let entry = try DirectoryEntry(
                core: try JSON(canonical: recorded.core, limits: Limits.storedJSON))
            try directory.apply(entry.change)
            guard try directory.digest() == entry.directory else {
                throw TamperedError("the directory after it has another digest")
            }
            directoryIsKnown = true
            if case .gateConfigured(_, let configuration) = entry.change, let body = recorded.body {
                _ = try ApprovedGate(
                    body: try JSON(canonical: body, limits: Limits.storedJSON),
                    configuration: configuration)
            }
        case PolicyPublication.ref:
            let publication = try PolicyPublication(
                core: try JSON(canonical: recorded.core, limits: Limits.storedJSON))
            guard let body = recorded.body else { return }
            _ = try publication.policies(
                body: try JSON(canonical: body, limits: Limits.storedJSON))
        default: try drift.take(recorded)
        }
    }

    // MARK: tree

    private mutating func checkTiles() {
        for tile in walk.endPage() {
            report.tiles += 1
            let name = "\(tile.level)/\(tile.index)"
            do {
                guard let stored = try reader.fullTile(level: tile.level, index: tile.index) else {
                    report.add(.incomplete, "tile", name, "missing; it can be computed again")
                    continue
                }
                if treeIsKnown, stored != tile.hashes {
                    report.add(.tampered, "tile", name, "not the hashes of the entries below it")
                }
            } catch {
                report.add(.tampered, "tile", name, "\(error)")
            }
        }
    }

    private mutating func checkCheckpoint() {
        let stored: StoredCheckpoint?
        do {
            stored = try reader.checkpoint()
        } catch {
            return report.add(.indeterminate, "checkpoint", 1, "can't be read: \(error)")
        }
        guard let stored else {
            if walk.frontier.size > 0 {
                report.add(.tampered, "checkpoint", 1, "missing, although there are entries")
            }
            return
        }
        let checkpoint: Checkpoint
        do {
            checkpoint = try Checkpoint.verified(stored.note, key: key)
        } catch NoteError.noKnownSignature {
            return report.add(.unknownKey, "checkpoint", 1, "not signed by `\(key.vkey)`")
        } catch {
            return report.add(.tampered, "checkpoint", 1, "\(error)")
        }
        if checkpoint.size != stored.size || (!hasHoles && stored.at != walk.lastAt) {
            report.add(.tampered, "checkpoint", 1, "its columns are not those of its note")
        }
        if checkpoint.size < walk.frontier.size {
            report.add(
                .tampered, "entry", "\(checkpoint.size)…\(walk.frontier.size - 1)",
                "beyond the tree that was signed")
        } else if !treeIsKnown || checkpoint.size > walk.frontier.size {
            report.add(
                .indeterminate, "checkpoint", 1, "the root can't be computed without the entries")
        } else if checkpoint.root != walk.frontier.root() {
            report.add(.tampered, "checkpoint", 1, "the entries lead to another root than it signs")
        }
    }

    // MARK: state rows

    private mutating func checkRows() {
        var last: ActionID?
        while true {
            let rows: [ActionRow]
            do {
                rows = try reader.actions(after: last, limit: LedgerWalk.page)
            } catch {
                return report.add(.tampered, "action", "after \(last?.text ?? "-")", "\(error)")
            }
            for row in rows { check(row) }
            guard rows.count == LedgerWalk.page, let end = rows.last?.id else { return }
            last = end
        }
    }

    private mutating func check(_ row: ActionRow) {
        guard !brokenActions.contains(row.id.text),
            let chain = try? reader.chain(of: row.id.text)
        else {
            return report.add(
                .indeterminate, "action", row.id, "its entries have findings of their own")
        }
        do {
            // A row may be right and an entry that it stands on gone.
            let kind: FsckReport.Kind = hasHoles ? .indeterminate : .tampered
            guard let state = try ChainReplay.state(of: chain) else {
                return report.add(kind, "action", row.id, "there is no such action")
            }
            let expected = ActionRow(state)
            if row.document != expected.document {
                report.add(kind, "action", row.id, "`document` is not what the entries say")
            } else if row != expected {
                let columns = row.columns(differingFrom: expected).joined(separator: ", ")
                report.add(kind, "action", row.id, "\(columns): not what the entries say")
            }
        } catch {
            report.add(.indeterminate, "action", row.id, "\(error)")
        }
    }

    /// The reason without the place, which is named beside it.
    private static func reason(_ error: any Error, _ index: UInt64) -> String {
        let text = "\(error)"
        let prefix = "entry \(index): "
        return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    }
}

extension ActionRow {
    /// The names of the columns in which two rows of one action differ.
    func columns(differingFrom other: ActionRow) -> [String] {
        let pairs: [(String, Bool)] = [
            ("version", version == other.version), ("status", status == other.status),
            ("agent", agent == other.agent), ("gate", gate == other.gate),
            ("credential", credential.utf8.elementsEqual(other.credential.utf8)),
            ("operation", operation == other.operation), ("due", due == other.due),
            ("updated_at", updatedAt == other.updatedAt),
        ]
        return pairs.filter { !$0.1 }.map { "`\($0.0)`" }
    }
}
