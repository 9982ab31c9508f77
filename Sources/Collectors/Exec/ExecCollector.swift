// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import DriftCore

/// Asks a program of the operator's own; see `docs/how-to/write-a-collector.md`.
///
/// It writes one JSON object to standard output, `{"subjects":{"NAME":document,…}}`, and may say
/// what it could not see: `"gaps":[{"subject":"NAME","detail":"…"}]`. Everything else is refused:
/// other members, an exit code, more output than allowed, more time than allowed.
package struct ExecCollector: SourceCollector {
    private static let defaultBytes: Int64 = 16_777_216
    private static let maximumBytes: Int64 = 67_108_864

    private let program: ProgramSettings
    private let limit: Int

    /// Reads the settings of a program, and `outputBytes`, the most that it may write.
    package init(settings: JSONObject) throws {
        var reader = try JSONReader(.object(settings), path: "settings")
        program = try ProgramSettings(&reader)
        let bytes = try reader.optionalInt("outputBytes") ?? Self.defaultBytes
        guard (1...Self.maximumBytes).contains(bytes) else {
            throw reader.error("outputBytes", "from 1 to \(Self.maximumBytes)")
        }
        limit = Int(bytes)
        try reader.finish()
    }

    package func observe(
        now: @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let started = now()
        do throws(CollectorFailure) {
            let output = try await run()
            var builder = ObservationBuilder(started: started, redactor: redactor)
            try read(output, into: &builder)
            return builder.observation(ended: now())
        } catch {
            return Observation(started: started, ended: now(), error)
        }
    }

    package func hints() -> AsyncStream<SourceHint>? { nil }

    private func run() async throws(CollectorFailure) -> [UInt8] {
        let running = ProgramRun()
        let (settings, limit) = (program, limit)
        return try await TimeLimit.run(seconds: settings.timeout, end: { running.end() }) {
            await OwnThread.run { () -> Result<[UInt8], CollectorFailure> in
                do throws(CollectorFailure) {
                    return .success(try Self.output(of: settings, running, limit: limit))
                } catch {
                    return .failure(error)
                }
            }
        }
    }

    private static func output(
        of settings: ProgramSettings, _ running: ProgramRun, limit: Int
    ) throws(CollectorFailure) -> [UInt8] {
        let program = try PinnedProgram(settings)
        let (bytes, end) = try running.run(program, limit: limit, patience: nil) {
            (talk) throws(CollectorFailure) in
            talk.closeInput()
            return try talk.readAll()
        }
        guard end.code == 0 else {
            let how = end.code.map { "ended with code \($0)" } ?? "did not end by itself"
            throw CollectorFailure(.unreachable, "the program \(how)\(end.saying)")
        }
        return bytes
    }

    private func read(
        _ output: [UInt8], into builder: inout ObservationBuilder
    ) throws(CollectorFailure) {
        do {
            let limits = JSONLimits(
                maximumBytes: limit, maximumDepth: 66, maximumMembers: DriftLimits.leaves,
                maximumValues: 5_000_000)
            var reader = try JSONReader(JSON(parsing: output, limits: limits), path: "output")
            guard case .object(let subjects) = try reader.value("subjects") else {
                throw reader.error("subjects", "expected an object")
            }
            let gaps = try reader.optionalObjects("gaps") ?? []
            try reader.finish()
            for var gap in gaps {
                let subject = try gap.string("subject")
                let detail = ShownText.line(try gap.string("detail"))
                try gap.finish()
                guard subjects[subject] == nil else {
                    throw gap.error("subject", "it is among the subjects; leave it out of one")
                }
                builder.add(CollectorFailure(.unreadable, detail), of: "exec:\(subject)")
            }
            for (name, document) in subjects { builder.add("exec:\(name)", document) }
        } catch {
            throw CollectorFailure(
                .malformed, "what the program wrote: \(ShownText.line("\(error)"))")
        }
    }
}
