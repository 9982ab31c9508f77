// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import DriftCore
internal import TransparencyLog

/// What `fsck` checks of drift: which sources are watched, derived again, and that the stored state
/// of each is the one that its newest entry commits to, with the leaves that it stands on.
struct DriftCheck {
    private var configuration = DriftConfiguration()
    /// After a change that can't be applied, later digests say nothing about themselves.
    private var isKnown = true
    /// The newest entry about each source that is watched.
    private var newest: [Handle: (index: UInt64, entry: DriftEntry)] = [:]

    /// Takes an entry, of whatever kind.
    ///
    /// - Throws: where it is one about drift and can't be as it is.
    mutating func take(_ recorded: RecordedEntry) throws {
        let ref = recorded.entry.ref
        guard !ref.utf8.elementsEqual(DriftConfigurationEntry.ref.utf8) else {
            guard isKnown else { return }
            isKnown = false
            let entry = try DriftConfigurationEntry(core: try Self.core(recorded))
            try configuration.apply(entry.change)
            guard try configuration.digest() == entry.configuration else {
                throw TamperedError("what is watched for drift after it has another digest")
            }
            // Its rows go with it; a later source of this name begins anew.
            if case .sourceRemoved(let id) = entry.change { newest[id] = nil }
            isKnown = true
            return
        }
        guard DriftEntry.Kind(rawValue: recorded.entry.kind) != nil else { return }
        let entry = try DriftEntry(core: try Self.core(recorded))
        guard ref.utf8.elementsEqual(DriftEntry.ref(entry.source).utf8) else {
            throw TamperedError("it is about the source `\(entry.source)`")
        }
        newest[entry.source] = (recorded.index, entry)
    }

    private static func core(_ recorded: RecordedEntry) throws -> JSON {
        try JSON(canonical: recorded.core, limits: Limits.storedJSON)
    }

    /// Holds the rows against what was taken.
    func checkRows(_ reader: any LedgerReading, _ report: inout FsckReport, hasHoles: Bool) {
        // A row may be right and an entry that it stands on gone.
        let kind: FsckReport.Kind = hasHoles || !isKnown ? .indeterminate : .tampered
        for (source, last) in newest.sorted(by: { $0.key < $1.key }) {
            do {
                try check(source, last.index, last.entry, reader)
            } catch {
                report.add(kind, "drift", source, "\(error)")
            }
        }
        do {
            let rows = try reader.operational(
                space: StoredDriftState.space, prefix: "", after: nil,
                limit: DriftLimits.sources + newest.count + 1)
            for row in rows where Handle(row.key).flatMap({ newest[$0] }) == nil {
                report.add(kind, "drift", row.key, "no entry says that there is such a state")
            }
        } catch {
            report.add(.indeterminate, "drift", "-", "can't be read: \(error)")
        }
    }

    private func check(
        _ source: Handle, _ index: UInt64, _ entry: DriftEntry, _ reader: any LedgerReading
    ) throws {
        guard
            let value = try reader.operational(
                space: StoredDriftState.space, key: source.text)?.sealedValue
        else { throw TamperedError("its state is missing") }
        let stored = try StoredDriftState(value)
        guard stored.entry == index else {
            throw TamperedError(
                "its state is that of entry \(stored.entry), and the newest is \(index)")
        }
        guard try stored.machine.digest == entry.state else {
            throw TamperedError("its state is not the one that entry \(index) commits to")
        }
        for root in stored.machine.snapshotRoots.sorted(by: { $0.hex < $1.hex }) {
            let place = StoredDriftState.snapshotKey(source, root)
            guard
                let lines = try reader.operational(space: place.space, key: place.key)?.sealedValue
            else { throw TamperedError("the leaves of `\(root.hex)` are missing") }
            _ = try Snapshot(lines: lines, root: root)
        }
    }
}
