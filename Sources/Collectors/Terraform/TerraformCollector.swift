// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore

/// Reads what Terraform or OpenTofu found, from a file that another program writes.
///
/// It runs neither: whoever may refresh a state holds credentials that a watcher should not have.
/// Subjects are `resource:ADDRESS`, `output:NAME` and, of a plan, `drift:ADDRESS`.
package struct TerraformCollector: SourceCollector {
    /// The largest file that is read.
    package static let maximumBytes = 67_108_864
    /// How old a file may be unless the settings say so: pipelines that refresh run daily.
    private static let maximumAge: Int64 = 86_400
    private static let limits = JSONLimits(
        maximumBytes: maximumBytes, maximumDepth: 128, maximumMembers: 200_000,
        maximumValues: 5_000_000)

    private let path: String
    private let maximumAge: Int64
    private let mayBeEmpty: Bool

    /// Reads `{"path":"/var/lib/ci/plan.json","maximumAge":86400,"mayBeEmpty":false}`; all but the
    /// path may be left out.
    package init(settings: JSONObject) throws {
        var reader = try JSONReader(.object(settings), path: "settings")
        path = try reader.string("path")
        maximumAge = try reader.optionalInt("maximumAge") ?? Self.maximumAge
        mayBeEmpty = try reader.optionalBool("mayBeEmpty") ?? false
        try reader.finish()
        guard path.hasPrefix("/") else { throw reader.error("path", "use an absolute path") }
        guard maximumAge > 0 else { throw reader.error("maximumAge", "at least 1 second") }
    }

    package func observe(
        now: @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let started = now()
        do throws(CollectorFailure) {
            // Large files take seconds.
            let builder = try await OwnThread.run { () -> Result<_, CollectorFailure> in
                do throws(CollectorFailure) {
                    return .success(try self.read(started, redactor))
                } catch {
                    return .failure(error)
                }
            }.get()
            return builder.observation(ended: now())
        } catch {
            return Observation(started: started, ended: now(), error)
        }
    }

    package func hints() -> AsyncStream<SourceHint>? { nil }

    private func read(
        _ started: Timestamp, _ redactor: Redactor
    ) throws(CollectorFailure) -> ObservationBuilder {
        let (bytes, modified) = try BoundedFile.read(path, limit: Self.maximumBytes)
        let age = started.milliseconds / 1_000 - modified
        guard age <= maximumAge else {
            throw CollectorFailure(
                .silent,
                "`\(ShownText.line(path))` is \(age) seconds old, at most \(maximumAge) are fine: "
                    + "see whether the program that writes it still runs")
        }
        let json: JSON
        do {
            json = try StructuredMark.marked(JSON(parsing: bytes, limits: Self.limits))
        } catch {
            throw CollectorFailure(
                .malformed, "`\(ShownText.line(path))`: \(ShownText.line("\(error)"))")
        }
        let document = try TerraformDocument(json, redactor: redactor)
        guard !document.isErrored else {
            // Which of its resources were refreshed by then it does not say.
            throw CollectorFailure(
                .unreadable, "the plan ended with an error, so that not all of it was refreshed")
        }
        var builder = ObservationBuilder(started: started, redactor: redactor)
        for item in document.items {
            builder.add(item.subject, item.document, isMarked: true)
        }
        guard mayBeEmpty || !builder.isEmpty else {
            // This is also what is written where there is no state at all.
            throw CollectorFailure(
                .malformed,
                "`\(ShownText.line(path))` has no resources and no outputs: either there is no "
                    + "state where it was written, or all is gone; `mayBeEmpty` says it is fine")
        }
        return builder
    }
}
