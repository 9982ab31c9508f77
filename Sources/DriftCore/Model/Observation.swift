// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore

/// Something that was not seen, so that nothing can be said of it.
///
/// "Not observed" is never "no drift", and never "everything was removed".
package struct CoverageGap: Sendable, Hashable {
    /// Why; the words are stable, clients may look for them.
    package enum Cause: String, Sendable, Hashable, CaseIterable {
        /// The source could not be reached or asked at all.
        case unreachable
        /// One thing is there and could not be read.
        case unreadable
        /// It changed while it was read, again and again.
        case changing
        /// There was more than may be read.
        case tooLarge = "too_large"
        /// It is not what the source should give: not JSON, another version, refused by a parser.
        case malformed
        /// Events were lost; the sweep that follows makes up for it.
        case eventsLost = "events_lost"
        /// Nobody has reported for too long.
        case silent
        /// The collector is not the one that was approved.
        case collectorChanged = "collector_changed"
    }

    /// The subject, or nil where it concerns the whole source.
    package let subject: String?
    package let cause: Cause
    /// One line for people.
    package let detail: String

    package init(subject: String?, cause: Cause, detail: String) {
        self.subject = subject
        self.cause = cause
        self.detail = detail
    }
}

/// What a collector found, once.
package struct Observation: Sendable {
    package enum Status: String, Sendable, Hashable, CaseIterable {
        /// All of it was seen.
        case ok
        /// The snapshot is right, but the gaps' subjects are not in it.
        case partial
        /// Nothing can be said.
        case failed
    }

    /// When it began and ended; what it shows was so at some time between.
    package let started: Timestamp
    package let ended: Timestamp
    package let status: Status
    /// Nil if and only if the status is `failed`.
    package let snapshot: Snapshot?
    package let gaps: [CoverageGap]

    /// A complete or partial observation; partial if there are gaps.
    package init(
        started: Timestamp, ended: Timestamp, snapshot: Snapshot, gaps: [CoverageGap] = []
    ) {
        self.started = started
        self.ended = ended
        self.snapshot = snapshot
        self.gaps = gaps
        status = gaps.isEmpty ? .ok : .partial
    }

    /// One that failed.
    package init(started: Timestamp, ended: Timestamp, failure: CoverageGap) {
        self.started = started
        self.ended = ended
        status = .failed
        snapshot = nil
        gaps = [failure]
    }
}

/// Reads one source; the shells in `Collectors` implement it.
package protocol SourceCollector: Sendable {
    /// Looks once. Never throws: what goes wrong is a gap of the observation.
    ///
    /// - Parameters:
    ///   - now: the clock to stamp with.
    ///   - redactor: replaces what is secret; nothing secret leaves the collector.
    /// - Returns: what was found, or why nothing was.
    func observe(
        now: @escaping @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation
    /// Says that something may have changed, where the source can tell; nil where it can't.
    ///
    /// Hints are only hints: a lost one costs a sweep's time, never a finding.
    func hints() -> AsyncStream<SourceHint>?
}

/// What a source that tells of changes says.
package enum SourceHint: Sendable, Hashable {
    /// Look now.
    case changed
    /// Events were lost: look now, and say so.
    case lost(String)
}
