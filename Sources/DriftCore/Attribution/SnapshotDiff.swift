// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// Subjects of which an observation says nothing.
package struct UnseenSubjects: Sendable {
    private let everything: Bool
    private let roots: Set<ByteKey>

    /// Those of the gaps, and everything below them.
    ///
    /// A gap without subject stands for all, save where only events were lost, for which the
    /// sweep makes up.
    package init(_ gaps: [CoverageGap]) {
        everything = gaps.contains { $0.subject == nil && $0.cause != .eventsLost }
        roots = Set(gaps.compactMap { $0.subject.map(ByteKey.init) })
    }

    package static let none = UnseenSubjects([])

    /// Where the name of something larger may end.
    private static let ends: [UInt8] = [
        UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "."),
    ]

    var isEmpty: Bool { !everything && roots.isEmpty }

    /// Whether nothing is said of a subject, because of itself or of a folder above it.
    package func contains(_ subject: String) -> Bool {
        if everything { return true }
        if roots.isEmpty { return false }
        if roots.contains(ByteKey(subject)) { return true }
        let bytes = Array(subject.utf8)
        for position in bytes.indices where Self.ends.contains(bytes[position]) {
            // Without the slash for a folder; with it for the root folder, and with `:` or `.` for
            // all of a class, such as `password:` or `relation:app.`.
            let isFolder = bytes[position] == UInt8(ascii: "/")
            for end in isFolder ? [position, position + 1] : [position + 1]
            where end < bytes.count {
                let above = String(decoding: bytes[..<end], as: UTF8.self)
                if roots.contains(ByteKey(above)) { return true }
            }
        }
        return false
    }
}

/// Comparison of two snapshots.
package enum SnapshotDiff {
    /// What differs, in the order of subjects and then of the documents.
    ///
    /// Only subjects whose documents differ by a byte are read. A subject that is `unseen` is not
    /// removed. The number of links of a folder says nothing where it only counts subfolders that
    /// are in the result themselves: then it is left out.
    /// - Throws: ``DriftError`` for a document that is not canonical JSON.
    package static func deviations(
        source: DriftSource, expected: Snapshot, live: Snapshot, unseen: UnseenSubjects
    ) throws(DriftError) -> [Deviation] {
        try compare(source: source, expected: expected, live: live, unseen: unseen).deviations
    }

    static func compare(
        source: DriftSource, expected: Snapshot, live: Snapshot, unseen: UnseenSubjects
    ) throws(DriftError) -> SnapshotDifference {
        var result = SnapshotDifference(source: source)
        if expected.root == live.root { return result }
        let (old, new) = (expected.leaves, live.leaves)
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            let order =
                left == old.count
                ? 1
                : right == new.count
                    ? -1 : Subject.compare(old[left].subject, new[right].subject)
            if order < 0 {
                if unseen.isEmpty || !unseen.contains(old[left].subject) {
                    try result.add(old[left].subject, before: old[left], after: nil)
                }
                left += 1
            } else if order > 0 {
                try result.add(new[right].subject, before: nil, after: new[right])
                right += 1
            } else {
                if old[left].document != new[right].document {
                    try result.add(old[left].subject, before: old[left], after: new[right])
                }
                left += 1
                right += 1
            }
        }
        result.foldFolders()
        return result
    }
}

/// What two snapshots differ in, and what was left out of it.
struct SnapshotDifference {
    let source: DriftSource
    private(set) var deviations: [Deviation] = []
    /// Folders whose number of links was left out.
    private(set) var folded: [String] = []
    /// How many subfolders each folder has more, or less, than before.
    private(set) var subfolders: [ByteKey: Int64] = [:]
    private var linkChanges: [Int] = []

    init(source: DriftSource) { self.source = source }

    mutating func add(_ subject: String, before: Leaf?, after: Leaf?) throws(DriftError) {
        let old = try before?.json()
        let new = try after?.json()
        let isFile = source.kind == .files
        let isFolder = (old?.isFolder ?? false, new?.isFolder ?? false)
        if isFile, isFolder.0 != isFolder.1, let parent = Self.parent(subject) {
            subfolders[ByteKey(parent), default: 0] += isFolder.1 ? 1 : -1
        }
        guard let old, let new else {
            deviations.append(
                Deviation(
                    source: source.id, scope: source.scope, subject: subject, path: KeyPath(),
                    pointer: JSONPointer(tokens: []), operation: old == nil ? .add : .remove,
                    before: old, after: new))
            return
        }
        for difference in JSONDiff.differences(from: old, to: new, lists: source.lists) {
            if isFile, isFolder.0, isFolder.1, difference.pointer == Self.links {
                linkChanges.append(deviations.count)
            }
            deviations.append(Deviation(difference, source: source, subject: subject))
        }
    }

    /// Leaves out what only counts other deviations.
    mutating func foldFolders() {
        var left: Set<Int> = []
        for position in linkChanges {
            let deviation = deviations[position]
            guard let before = deviation.before?.intValue, let after = deviation.after?.intValue,
                let difference = subfolders[ByteKey(deviation.subject)],
                after.subtractingReportingOverflow(before) == (difference, false)
            else { continue }
            left.insert(position)
            folded.append(deviation.subject)
        }
        if left.isEmpty { return }
        deviations = deviations.enumerated().filter { !left.contains($0.offset) }
            .map { $0.element }
        linkChanges = []
    }

    static let links = JSONPointer(tokens: ["links"])

    /// The folder that a file is in; nil for what is not a file.
    private static func parent(_ subject: String) -> String? {
        let bytes = Array(subject.utf8)
        guard bytes.starts(with: "file:/".utf8), bytes.count > "file:/".utf8.count,
            let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        else { return nil }
        let end = slash == "file:".utf8.count ? slash + 1 : slash
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension JSON {
    fileprivate var isFolder: Bool {
        guard let type = self["type"]?.stringValue else { return false }
        return UTF8Bytes.areEqual(type, "directory")
    }
}

extension Deviation {
    /// A difference of one subject's documents.
    init(_ difference: JSONDifference, source: DriftSource, subject: String) {
        let operation: Operation =
            switch difference.operation {
            case .add: .add
            case .remove: .remove
            case .replace: .replace
            case .retype: .retype
            case .reorder: .reorder
            }
        self.init(
            source: source.id, scope: source.scope, subject: subject, path: difference.path,
            pointer: difference.pointer, operation: operation, before: difference.before,
            after: difference.after)
    }
}
