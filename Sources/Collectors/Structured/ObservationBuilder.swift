// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import DriftCore

/// Why a source, or one subject of it, could not be seen.
struct CollectorFailure: Error, Sendable, Hashable {
    let cause: CoverageGap.Cause
    /// One line; without secrets, and with what is of others escaped.
    let detail: String

    init(_ cause: CoverageGap.Cause, _ detail: String) {
        self.cause = cause
        self.detail = detail
    }

    func gap(subject: String? = nil) -> CoverageGap {
        CoverageGap(subject: subject, cause: cause, detail: detail)
    }
}

/// Gathers the leaves and gaps of one observation.
///
/// What is wrong with one document is a gap of its subject, so that the others are still compared.
/// A subject that comes twice is in no leaf: nobody could say which of both is compared.
struct ObservationBuilder {
    private let started: Timestamp
    private let redactor: Redactor
    private var leaves: [Leaf] = []
    private var gaps: [CoverageGap] = []
    private var seen: Set<JSON> = []
    private var doubled: Set<JSON> = []
    private var hasTooManyGaps = false

    init(started: Timestamp, redactor: Redactor) {
        self.started = started
        self.redactor = redactor
    }

    /// Adds what was found of a subject.
    ///
    /// - Parameters:
    ///   - subject: its name, with its kind before it.
    ///   - document: as it was read, its secrets not yet replaced.
    ///   - isMarked: whether ``StructuredMark`` was applied already.
    mutating func add(_ subject: String, _ document: JSON, isMarked: Bool = false) {
        guard (1...Subject.maximumBytes).contains(subject.utf8.count) else {
            return add(
                CollectorFailure(
                    .tooLarge,
                    "a subject of \(subject.utf8.count) bytes, `\(ShownText.line(subject))`: at "
                        + "most \(Subject.maximumBytes)"), of: nil)
        }
        guard seen.insert(.string(subject)).inserted else {
            if doubled.insert(.string(subject)).inserted {
                leaves.removeAll { $0.subject.utf8.elementsEqual(subject.utf8) }
                add(
                    CollectorFailure(
                        .malformed, "`\(ShownText.line(subject))` is there twice"), of: subject)
            }
            return
        }
        do {
            let marked = isMarked ? document : try StructuredMark.marked(document)
            let leaf = try Leaf(subject: subject, document: redactor.redact(marked))
            guard leaf.document.count <= DriftLimits.documentBytes else {
                return add(
                    CollectorFailure(
                        .tooLarge,
                        "\(leaf.document.count) bytes: at most \(DriftLimits.documentBytes) of a "
                            + "subject are compared"), of: subject)
            }
            leaves.append(leaf)
        } catch {
            add(CollectorFailure(.malformed, ShownText.line("\(error)")), of: subject)
        }
    }

    /// Adds something that was not seen; nil for the source as a whole.
    mutating func add(_ failure: CollectorFailure, of subject: String?) {
        guard gaps.count < DriftLimits.gaps else {
            hasTooManyGaps = true
            return
        }
        gaps.append(failure.gap(subject: subject))
    }

    var isEmpty: Bool { leaves.isEmpty && gaps.isEmpty }

    /// The observation; one that failed where there are too many subjects, or gaps.
    func observation(ended: Timestamp) -> Observation {
        guard !hasTooManyGaps else {
            // A gap that is not told would look like something that was removed.
            let first = gaps.first?.detail ?? ""
            return Observation(
                started: started, ended: ended,
                failure: CoverageGap(
                    subject: nil, cause: .malformed,
                    detail: "more than \(DriftLimits.gaps) subjects could not be read; the first: "
                        + first))
        }
        do throws(DriftError) {
            return Observation(
                started: started, ended: ended, snapshot: try Snapshot(leaves), gaps: gaps)
        } catch {
            return Observation(
                started: started, ended: ended,
                failure: CoverageGap(subject: nil, cause: .tooLarge, detail: error.description))
        }
    }
}

extension Observation {
    /// One that failed for this reason.
    init(started: Timestamp, ended: Timestamp, _ failure: CollectorFailure) {
        self.init(started: started, ended: ended, failure: failure.gap())
    }
}
