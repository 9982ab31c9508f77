// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore
internal import Foundation
internal import Synchronization

/// Observes files and folders, and the fields of structured files.
///
/// The settings of its source:
/// `{"paths":["/etc"],"exclude":["*.log"],"oneFileSystem":true,`
/// `"fields":{"json":["/etc/app/*.json"]},"attributes":["mode","sha256"],`
/// `"maximumFileBytes":1048576,"always":["/etc/sudoers*"],"rereadWithin":24}`; only `paths` must be
/// there. What is secret in structured files is named by
/// the source's `secrets`; such a file's own digest is under the same key, and its size is left out.
///
/// A gap of a folder speaks for all that is below it. With `oneFileSystem`, every place where
/// another file system is mounted is one, until it is excluded or named among the paths.
package final class FilesCollector: SourceCollector {
    private let options: FileScanOptions
    private let parse: FieldParser
    private let hasSecrets: Bool
    /// What was read in earlier observations; of two at the same time the later one's.
    private let cache = Mutex<DigestCache?>(DigestCache())

    /// - Parameters:
    ///   - source: what to observe.
    ///   - parse: reads `json`, `yaml`, `toml` and `ini`.
    /// - Throws: where the settings are not as they should be.
    package init(source: DriftSource, parse: @escaping FieldParser) throws {
        options = try FileScanOptions(settings: .object(source.settings))
        hasSecrets = !source.secrets.isEmpty
        self.parse = parse
    }

    package func observe(
        now: @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let started = now()
        let stop = StopFlag()
        let work = Work(
            options: options,
            fields: FieldReading(parse: parse, redactor: redactor, hasSecrets: hasSecrets),
            cache: cache.withLock { $0 }, started: started, stop: stop)
        let done = await withTaskCancellationHandler {
            // Reading blocks: on a thread of its own, not on one of those that all tasks share.
            await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: work.run()) }
            }
        } onCancel: {
            stop.stop()
        }
        switch done {
        case .success(let found):
            cache.withLock { $0 = found.cache }
            return Observation(
                started: started, ended: now(), snapshot: found.snapshot, gaps: found.gaps)
        case .failure(let error):
            return Observation(
                started: started, ended: now(),
                failure: CoverageGap(
                    subject: nil, cause: error.cause, detail: error.description))
        }
    }

    package func hints() -> AsyncStream<SourceHint>? { FilesWatcher.hints(of: options) }

    private struct Found: Sendable {
        let snapshot: Snapshot
        let gaps: [CoverageGap]
        let cache: DigestCache?
    }

    private struct Failure: Error {
        let cause: CoverageGap.Cause
        let description: String
    }

    private struct Work: Sendable {
        let options: FileScanOptions
        let fields: FieldReading
        let cache: DigestCache?
        let started: Timestamp
        let stop: StopFlag

        func run() -> Result<Found, Failure> {
            var cache = cache
            var leaves = LeafCollection()
            do {
                _ = try FileScanner(options, fields: fields).scan(
                    nanoseconds: started.milliseconds.multipliedReportingOverflow(by: 1_000_000)
                        .partialValue,
                    cache: &cache, into: &leaves, stop: stop)
                return .success(
                    Found(
                        snapshot: try Snapshot(leaves.leaves), gaps: leaves.allGaps, cache: cache))
            } catch {
                let isFull = leaves.leaves.count >= DriftLimits.leaves
                return .failure(
                    Failure(cause: isFull ? .tooLarge : .unreachable, description: "\(error)"))
            }
        }
    }
}

/// Keeps leaves and gaps as the server wants them.
struct LeafCollection: FileScanSink {
    private(set) var leaves: [Leaf] = []
    private var gaps: [CoverageGap] = []
    private var gapCount = 0

    mutating func leaf(_ line: UnsafeRawBufferPointer) throws {
        guard leaves.count < DriftLimits.leaves else {
            throw DriftError(
                "more than \(DriftLimits.leaves) files: exclude some, or split the source")
        }
        guard let subject = BaselineLine.subject(line) else {
            throw DriftError("a line without a subject")
        }
        let head = #"{"document":"#.utf8.count
        let tail = #","subject":""#.utf8.count + subject.count + 2
        leaves.append(
            Leaf(
                subject: String(decoding: try BaselineLine.text(subject), as: UTF8.self),
                document: Array(line[head..<line.count - tail])))
    }

    mutating func mark(_ mark: FileMark) throws {
        switch mark {
        case .excluded: return
        case .hidden(let gap), .unseen(let gap), .noted(let gap): add(gap)
        case .notEntered(let subject):
            add(
                CoverageGap(
                    subject: subject, cause: .unreadable,
                    detail: "another file system is mounted here: exclude it, or name its path"))
        }
    }

    private mutating func add(_ gap: CoverageGap) {
        gapCount += 1
        if gaps.count < DriftLimits.gaps { gaps.append(gap) }
    }

    /// Where there are more than can be told apart, the last one speaks for the whole source.
    var allGaps: [CoverageGap] {
        guard gapCount > gaps.count else { return gaps }
        let more = gapCount - gaps.count + 1
        return gaps.dropLast() + [
            CoverageGap(subject: nil, cause: .unreadable, detail: "\(more) more gaps")
        ]
    }
}

extension FileScanOptions {
    /// Reads a source's settings; see ``FilesCollector``.
    package init(settings: JSON) throws {
        var reader = try JSONReader(settings, path: "settings")
        try self.init(roots: try reader.strings("paths").map { Array($0.utf8) })
        exclude = try PathGlobs(try reader.optionalStrings("exclude") ?? [])
        always = try PathGlobs(try reader.optionalStrings("always") ?? [])
        staysOnFileSystem = try reader.optionalBool("oneFileSystem") ?? false
        if let fields = reader.optionalValue("fields") {
            self.fields = try FieldRules(fields, path: "settings.fields")
        }
        if let names = try reader.optionalStrings("attributes") {
            attributes = try FileAttributes(names: names)
        }
        if let bytes = try reader.optionalInt("maximumFileBytes") {
            guard bytes >= 0 else { throw reader.error("maximumFileBytes", "at least 0") }
            maximumFileBytes = bytes
        }
        if let passes = try reader.optionalInt("rereadWithin") {
            guard (1...10_000).contains(passes) else {
                throw reader.error("rereadWithin", "from 1 to 10,000 observations")
            }
            rereadWithin = Int(passes)
        }
        try reader.finish()
    }
}
