// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON

/// Which effects are a source's to see: those of others would be missed in it.
package struct WatchedSubjects: Sendable {
    private let source: DriftSource
    private let snapshots: [Snapshot]
    /// For files: the paths that are watched, with what is below them.
    private let roots: [[UInt8]]
    /// For all others: what the names of their subjects begin with.
    ///
    /// Such a source watches all of these in its scope, for ``DriftConfiguration`` allows no second
    /// one.
    private let kinds: Set<[UInt8]>

    package init(_ source: DriftSource, expected: Snapshot?, live: Snapshot?) {
        self.source = source
        snapshots = [expected, live].compactMap { $0 }
        guard source.kind != .files else {
            roots = (source.settings["paths"]?.arrayValue ?? []).compactMap {
                $0.stringValue.map { Array("file:\($0)".utf8) }
            }
            kinds = []
            return
        }
        roots = []
        kinds = Set(snapshots.flatMap { $0.leaves.map { Self.kind($0.subject) } })
    }

    /// Whether the source should see this effect.
    package func contains(_ effect: DeclaredEffect) -> Bool {
        guard effect.scope.utf8.elementsEqual(source.scope.utf8) else { return false }
        if snapshots.contains(where: { $0[effect.subject] != nil }) { return true }
        guard source.kind == .files else { return kinds.contains(Self.kind(effect.subject)) }
        let subject = Array(effect.subject.utf8)
        return roots.contains { root in
            subject.starts(with: root)
                && (subject.count == root.count || root.last == UInt8(ascii: "/")
                    || subject[root.count] == UInt8(ascii: "/"))
        }
    }

    private static func kind(_ subject: String) -> [UInt8] {
        Array(subject.utf8.prefix { $0 != UInt8(ascii: ":") })
    }
}
