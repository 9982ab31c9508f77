// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

/// Puts deviations of some subjects, and nothing else, into a baseline.
struct BaselineMerge {
    let source: DriftSource
    let expected: Snapshot
    let live: Snapshot
    let unseen: UnseenSubjects
    let difference: SnapshotDifference

    /// - Parameter chosen: what to take over.
    /// - Returns: the new leaves, and the deviations that could be taken over.
    /// - Throws: where a document can't be read, or there would be too many.
    func adopting(
        _ chosen: [Deviation]
    ) throws -> (snapshot: Snapshot, adopted: Set<Hash256>) {
        var leaves: [ByteKey: Leaf?] = [:]
        var adopted: Set<Hash256> = []
        var bySubject: [ByteKey: [Deviation]] = [:]
        for deviation in chosen {
            bySubject[ByteKey(deviation.subject), default: []].append(deviation)
        }
        for (subject, deviations) in bySubject {
            let found = live[subject.text]
            if deviations.contains(where: \.pointer.tokens.isEmpty) {
                leaves[subject] = .some(found)
            } else if let found, let old = expected[subject.text] {
                guard
                    let merged = DocumentMerge.adopting(
                        Set(deviations.map(\.path)), from: try found.json(),
                        into: try old.json(), lists: source.lists)
                else { continue }
                leaves[subject] = .some(try Leaf(subject: subject.text, document: merged))
            } else {
                continue
            }
            for deviation in deviations { adopted.insert(deviation.fingerprint) }
        }
        if adopted.isEmpty { return (expected, []) }
        let merged = try apply(leaves, to: expected)
        return (try refolding(merged), adopted)
    }

    private func apply(_ changes: [ByteKey: Leaf?], to snapshot: Snapshot) throws -> Snapshot {
        var rest = changes
        var leaves: [Leaf] = []
        leaves.reserveCapacity(snapshot.leaves.count + changes.count)
        for leaf in snapshot.leaves {
            if let change = rest.removeValue(forKey: ByteKey(leaf.subject)) {
                if let change { leaves.append(change) }
            } else {
                leaves.append(leaf)
            }
        }
        leaves += rest.values.compactMap { $0 }
        return try Snapshot(leaves)
    }

    /// Lets folders count the subfolders that the new baseline has.
    private func refolding(_ merged: Snapshot) throws -> Snapshot {
        if difference.folded.isEmpty { return merged }
        let rest = try SnapshotDiff.compare(
            source: source, expected: merged, live: live, unseen: unseen)
        var changes: [ByteKey: Leaf?] = [:]
        for folder in difference.folded {
            guard let leaf = merged[folder], let document = try? leaf.json(),
                let count = try live[folder]?.json()[SnapshotDifference.links]?.intValue
            else { continue }
            let expected = count - (rest.subfolders[ByteKey(folder)] ?? 0)
            guard let changed = document.setting(["links"], to: .integer(expected)) else {
                continue
            }
            changes[ByteKey(folder)] = .some(try Leaf(subject: folder, document: changed))
        }
        return try apply(changes, to: merged)
    }
}
