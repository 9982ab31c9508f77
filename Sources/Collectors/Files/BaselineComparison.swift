// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import DriftCore
internal import Foundation

/// One field that is not as the baseline has it, or a whole subject.
package struct FileDeviation: Sendable, Hashable {
    package let subject: String
    package let path: KeyPath
    package let pointer: JSONPointer
    package let operation: Deviation.Operation
    package let before: JSON?
    package let after: JSON?
}

/// Holds a scan against a baseline: both come in the same order, so that two lines that are byte
/// for byte the same are passed over, and only what differs is parsed.
package struct BaselineComparison: FileScanSink {
    package private(set) var deviations: [FileDeviation] = []
    package private(set) var gaps: [CoverageGap] = []
    package private(set) var counts = Counts()

    package struct Counts: Sendable, Hashable {
        package var unchanged = 0
        package var changed = 0
        package var added = 0
        package var removed = 0
        /// In the baseline, and not seen because of a gap.
        package var unobserved = 0
        package var gaps = 0
        package var deviations = 0
    }

    private let baseline: BaselineReader
    /// The baseline's line that comes next; valid until the reader goes on.
    private var expected: UnsafeRawBufferPointer?
    /// Where only a part is scanned: the rest of the baseline is passed over.
    private let only: [UInt8]?
    /// A gap of the leaf that comes next.
    private var noted: CoverageGap?

    /// Begins; `only` is the path that is scanned, where it is not all of the baseline's.
    package init(_ baseline: BaselineReader, only: [UInt8]? = nil) throws {
        self.baseline = baseline
        self.only = only.map { Array(FilePath.prefix.utf8) + FilePath.encoded($0) }
        try advance()
    }

    package mutating func leaf(_ line: UnsafeRawBufferPointer) throws {
        while let expected {
            if BaselineLine.areSame(expected, line) {
                counts.unchanged += 1
                // What cannot be parsed but is, byte for byte, what it was needs no parsing.
                noted = nil
                return try advance()
            }
            let order = try Self.order(expected, line)
            if order < 0 {
                try remove(expected)
                try advance()
                continue
            }
            tellNoted()
            guard order == 0 else { return try add(line) }
            try change(expected, line)
            return try advance()
        }
        tellNoted()
        try add(line)
    }

    package mutating func mark(_ mark: FileMark) throws {
        switch mark {
        case .excluded: return
        case .noted(let gap):
            tellNoted()
            noted = gap
        case .unseen(let gap):
            tell(gap)
            counts.unobserved += try pass(over: gap.subject, withSelf: true, withInside: false)
        case .hidden(let gap):
            tell(gap)
            counts.unobserved += try pass(over: gap.subject, withSelf: true, withInside: true)
        case .notEntered(let subject):
            let passed = try pass(over: subject, withSelf: false, withInside: true)
            counts.unobserved += passed
            guard passed > 0 else { return }
            tell(
                CoverageGap(
                    subject: subject, cause: .unreadable,
                    detail: "another file system is mounted over \(passed) of the baseline's files"
                ))
        }
    }

    /// Takes everything as removed that was not met, and makes sure of the baseline once more.
    package mutating func finish() throws {
        tellNoted()
        while let expected {
            try remove(expected)
            try advance()
        }
    }

    private mutating func advance() throws {
        repeat { expected = try baseline.next() } while try isElsewhere()
    }

    private func isElsewhere() throws -> Bool {
        guard let only, let expected else { return false }
        guard let subject = BaselineLine.subject(expected) else { return false }
        return !FilePath.isInside(try BaselineLine.text(subject), only)
    }

    /// Passes over lines of a subject and what is below it; what comes before it is gone.
    private mutating func pass(
        over subject: String?, withSelf: Bool, withInside: Bool
    ) throws -> Int {
        guard let subject else { return 0 }
        let place = Array(subject.utf8)
        var passed = 0
        while let expected, let found = BaselineLine.subject(expected) {
            let text = try BaselineLine.text(found)
            if text == place ? withSelf : withInside && FilePath.isInside(text, place) {
                passed += 1
            } else if FilePath.precedes(text, place) {
                try remove(expected)
            } else {
                break
            }
            try advance()
        }
        return passed
    }

    private static func order(
        _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer
    ) throws -> Int {
        guard let one = BaselineLine.subject(a), let other = BaselineLine.subject(b) else {
            throw DriftError("a line of the baseline is no leaf: make a new one")
        }
        if BaselineLine.areSame(one, other) { return 0 }
        let texts = (try BaselineLine.text(one), try BaselineLine.text(other))
        return FilePath.precedes(texts.0, texts.1) ? -1 : 1
    }

    private mutating func tell(_ gap: CoverageGap) {
        counts.gaps += 1
        if gaps.count < BaselineWriter.gapLimit { gaps.append(gap) }
    }

    private mutating func tellNoted() {
        if let gap = noted { tell(gap) }
        noted = nil
    }

    private var hasRoom: Bool { deviations.count < DriftLimits.deviations }

    private mutating func add(_ line: UnsafeRawBufferPointer) throws {
        counts.added += 1
        counts.deviations += 1
        guard hasRoom else { return }
        let leaf = try BaselineLine.leaf(line)
        tell(whole: leaf.subject, before: nil, after: leaf.document)
    }

    private mutating func remove(_ line: UnsafeRawBufferPointer) throws {
        counts.removed += 1
        counts.deviations += 1
        guard hasRoom else { return }
        let leaf = try BaselineLine.leaf(line)
        tell(whole: leaf.subject, before: leaf.document, after: nil)
    }

    private mutating func tell(whole subject: String, before: JSON?, after: JSON?) {
        deviations.append(
            FileDeviation(
                subject: subject, path: KeyPath(), pointer: JSONPointer(tokens: []),
                operation: before == nil ? .add : .remove, before: before, after: after))
    }

    private mutating func change(
        _ expected: UnsafeRawBufferPointer, _ line: UnsafeRawBufferPointer
    ) throws {
        counts.changed += 1
        guard hasRoom else {
            counts.deviations += 1
            return
        }
        let (subject, before) = try BaselineLine.leaf(expected)
        let (_, after) = try BaselineLine.leaf(line)
        let differences = JSONDiff.differences(from: before, to: after)
        counts.deviations += differences.count
        deviations += differences.map {
            FileDeviation(
                subject: subject, path: $0.path, pointer: $0.pointer,
                operation: $0.operation.ofDeviation, before: $0.before, after: $0.after)
        }
    }
}

extension JSONDifference.Operation {
    fileprivate var ofDeviation: Deviation.Operation {
        switch self {
        case .add: .add
        case .remove: .remove
        case .replace: .replace
        case .retype: .retype
        case .reorder: .reorder
        }
    }
}
