// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import DriftCore
package import TransparencyLog

/// Stand-alone drift detection of files: a baseline file, and scans against it.
package enum FileBaseline {
    /// What became of writing a baseline.
    package struct Written: Sendable {
        package let header: BaselineHeader
        package let root: Hash256
        package let leaves: UInt64
        /// SHA-256 of the whole file.
        package let digest: Hash256
        package let counts: FileScanner.Counts
        package let gaps: [CoverageGap]
        package let gapCount: Int
        /// Structured files that could not be parsed; they are compared by their digests.
        package let malformed: [CoverageGap]
    }

    /// What a scan found.
    package struct Report: Sendable {
        package let header: BaselineHeader
        package let root: Hash256
        package let digest: Hash256
        package let deviations: [FileDeviation]
        package let gaps: [CoverageGap]
        package let counts: BaselineComparison.Counts
        package let scan: FileScanner.Counts

        package var isClean: Bool { counts.deviations == 0 && counts.gaps == 0 }
    }

    /// Looks at everything the header names, and writes it to `path`.
    ///
    /// - Throws: ``DriftError`` where the file can't be written.
    package static func write(
        to path: String, header: BaselineHeader, fields: FieldReading? = nil,
        cache: inout DigestCache?
    ) throws -> Written {
        var writer = try BaselineWriter(path: path, header: header)
        let counts = try FileScanner(header.options, fields: fields).scan(
            nanoseconds: nanoseconds(header.time), cache: &cache, into: &writer)
        let (root, leaves, digest) = try writer.finish()
        return Written(
            header: header, root: root, leaves: leaves, digest: digest, counts: counts,
            gaps: writer.gaps,
            gapCount: writer.gapCount, malformed: writer.malformed)
    }

    /// Looks again, and holds what is there against a baseline that was verified.
    ///
    /// `options` is how to look: the header's, with what belongs to this scan alone; `only` the path
    /// to look at, where not at all of them. Throws ``DriftError`` where the baseline isn't what it
    /// was when it was verified.
    package static func scan(
        _ baseline: BaselineReader, options: FileScanOptions, fields: FieldReading? = nil,
        only: [UInt8]? = nil, cache: inout DigestCache?, now: Timestamp
    ) throws -> Report {
        var comparison = try BaselineComparison(baseline, only: only)
        let counts = try FileScanner(options, fields: fields).scan(
            nanoseconds: nanoseconds(now), cache: &cache, into: &comparison)
        try comparison.finish()
        return Report(
            header: baseline.header, root: baseline.root, digest: baseline.digest,
            deviations: comparison.deviations, gaps: comparison.gaps, counts: comparison.counts,
            scan: counts)
    }

    private static func nanoseconds(_ time: Timestamp) -> Int64 {
        let (value, overflow) = time.milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .min : value
    }
}
