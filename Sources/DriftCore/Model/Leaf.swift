// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// One thing that is watched, as it was found: a file, a role, a tool.
///
/// Its canonical line, `{"document":…,"subject":…}`, is what baselines are made of: a line of a
/// baseline file, and a leaf of the tree whose root names the baseline.
package struct Leaf: Sendable, Hashable {
    /// What it is of, such as `file:/etc/app.conf`; see ``Subject``.
    package let subject: String
    /// The RFC 8785 bytes of what was found, normalised, secrets replaced by keyed digests.
    package let document: [UInt8]

    package init(subject: String, document: [UInt8]) {
        self.subject = subject
        self.document = document
    }

    /// Writes `document` in canonical form.
    ///
    /// - Throws: `CanonicalizationError` for a number that RFC 8785 would round.
    package init(subject: String, document: JSON) throws {
        self.init(subject: subject, document: try document.canonicalBytes())
    }

    /// The canonical line, without an end of line.
    package var line: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(document.count + subject.utf8.count + 32)
        bytes += #"{"document":"#.utf8
        bytes += document
        bytes += #","subject":"#.utf8
        var writer = CanonicalWriter(capacity: subject.utf8.count + 16)
        writer.string(subject)
        bytes += writer.bytes
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    package static func == (a: Leaf, b: Leaf) -> Bool {
        a.document == b.document && a.subject.utf8.elementsEqual(b.subject.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        document.hash(into: &hasher)
        for byte in subject.utf8 { hasher.combine(byte) }
    }
}

/// How subjects are named and ordered.
///
/// A subject begins with what kind of thing it is: `file:` and an absolute path, `role:`,
/// `tool:`, `resource:`, `response:`. It is unique within the scope of its source, and the same
/// words name it in the effects that actions declare.
package enum Subject {
    /// The most bytes of one; a path has 4,096.
    package static let maximumBytes = 8192

    /// Whether `a` comes before `b`: byte by byte, with `/` before every other byte, so that what
    /// is in a folder follows the folder directly.
    package static func precedes(_ a: String, _ b: String) -> Bool {
        compare(a, b) < 0
    }

    /// Negative, zero or positive as `a` comes before, is, or comes after `b`.
    package static func compare(_ a: String, _ b: String) -> Int {
        var (a, b) = (a.utf8.makeIterator(), b.utf8.makeIterator())
        while true {
            switch (a.next(), b.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let left?, let right?) where left == right: continue
            case (UInt8(ascii: "/"), _): return -1
            case (_, UInt8(ascii: "/")): return 1
            case (let left?, let right?): return left < right ? -1 : 1
            }
        }
    }
}

/// Everything of one source at one time: leaves in the order of ``Subject``, each subject once.
package struct Snapshot: Sendable, Hashable {
    package let leaves: [Leaf]
    /// The RFC 6962 root of the tree over the leaves' lines.
    package let root: Hash256

    /// Orders the leaves.
    ///
    /// - Throws: ``DriftError`` where two have the same subject, or there are too many.
    package init(_ leaves: [Leaf]) throws(DriftError) {
        guard leaves.count <= DriftLimits.leaves else {
            throw DriftError(
                "\(leaves.count) subjects: a source may have \(DriftLimits.leaves); split it")
        }
        var sorted = leaves
        let isSorted = zip(leaves, leaves.dropFirst()).allSatisfy {
            Subject.compare($0.subject, $1.subject) < 0
        }
        if !isSorted { sorted.sort { Subject.precedes($0.subject, $1.subject) } }
        for (one, next) in zip(sorted, sorted.dropFirst())
        where Subject.compare(one.subject, next.subject) == 0 {
            throw DriftError("`\(one.subject)` is there twice")
        }
        self.leaves = sorted
        var tree = MerkleFrontier()
        for leaf in sorted { tree.append(MerkleHash.leaf(leaf.line)) }
        root = tree.root()
    }

    /// The leaf of a subject; found by halving.
    package subscript(subject: String) -> Leaf? {
        var (low, high) = (0, leaves.count)
        while low < high {
            let middle = (low + high) / 2
            let order = Subject.compare(leaves[middle].subject, subject)
            if order == 0 { return leaves[middle] }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    package static func == (a: Snapshot, b: Snapshot) -> Bool { a.root == b.root }
    package func hash(into hasher: inout Hasher) { hasher.combine(root) }
}

/// Why something of drift detection can't be taken as it is: what, where, what to do.
package struct DriftError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

extension Leaf {
    /// The document.
    ///
    /// - Throws: ``DriftError`` where it is not canonical JSON.
    package func json() throws(DriftError) -> JSON {
        do {
            return try JSON(canonical: document, limits: .files)
        } catch {
            throw DriftError("`\(subject)`: its document is not canonical JSON: \(error)")
        }
    }
}

/// Every limit of drift detection in one place, each with its reason.
package enum DriftLimits {
    /// Subjects of one source at the server, which keeps them in memory; stand-alone scans stream.
    package static let leaves = 200_000
    /// One document: what a person could still read a difference of.
    package static let documentBytes = 1_048_576
    /// Levels of arrays and objects in one document.
    package static let documentDepth = 192
    /// One member's name in a document: it is part of the name of a place.
    package static let nameBytes = 1_024
    /// Open deviations of a source that are told apart; of more only the number is kept, and the
    /// source is said to be flooded.
    package static let deviations = 10_000
    /// Ignore rules of all sources together.
    package static let ignoreRules = 256
    package static let sources = 256
    /// Gaps of one observation that are told apart.
    package static let gaps = 100
    /// Closed episodes of a source that are remembered, so that it is known when one comes back.
    package static let closedEpisodes = 1_000
    package static let closedSeconds: Int64 = 30 * 86_400
    /// An effect that was settled is remembered for so long after it was last handed in.
    package static let settledSeconds: Int64 = 90 * 86_400
    /// What is open is told again after a day; what somebody has acknowledged, after a week.
    package static let reminderSeconds: Int64 = 86_400
    package static let acknowledgedSeconds: Int64 = 7 * 86_400
    /// Changes of one episode within a day that are told one by one; then once an hour.
    package static let flips: Int64 = 3
    package static let flappingSeconds: Int64 = 3_600
    /// How far ahead of this server's the clock of an observer may be.
    package static let clockSkewSeconds: Int64 = 60
    /// How often a plan may put a thing back that comes again; then people have to talk.
    package static let reverts: Int64 = 2
    /// How long after its action ended an effect may still show, unless it declares otherwise.
    package static let settleSeconds: Int64 = 300
    /// An ignore rule ends at the latest a year after it was approved.
    package static let longestIgnoreSeconds: Int64 = 366 * 86_400
    package static let shortestCadenceSeconds: Int64 = 1
    package static let longestCadenceSeconds: Int64 = 7 * 86_400
}
