// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Collectors
internal import DriftCore

/// The collectors of this program, and what puts right what they see.
enum DriftCollectors {
    /// - Parameters:
    ///   - contents: where copies of small files are kept; nil where nothing is restored.
    ///   - exequatur: looks at the server itself; nil outside of it.
    /// - Returns: the factory.
    static func factory(
        contents: FileContents?, exequatur: CollectorFactory.Maker?
    ) -> CollectorFactory {
        CollectorFactory(
            files: { source in
                let files = try FilesCollector(source: source, parse: DriftFiles.parse)
                guard let contents, source.secrets.isEmpty else { return files }
                return KeepingCollector(files, contents: contents)
            },
            postgresql: { source in
                PostgreSQLCollector(try PostgreSQLSettings(.object(source.settings)))
            }, exequatur: exequatur)
    }

    /// Which way deviations move rights, for all kinds that are known here.
    static let directions = DirectionRules.standard.adding(
        DirectionComparator("postgresql") { deviation in
            let direction = PostgreSQLDirection.of(
                subject: deviation.subject, path: deviation.path, before: deviation.before,
                after: deviation.after)
            return switch direction {
            case .broadening: .broadening
            case .narrowing: .narrowing
            case .neutral: .neutral
            }
        }, for: .postgresql)

    // MARK: PostgreSQL

    /// Carries a plan out at a PostgreSQL server, subject by subject, each in one transaction that
    /// first checks that it still is what the plan was made against.
    ///
    /// `account` has settings of the role that may make the changes. Without it the observing one is
    /// tried, which should not be allowed to: then the server refuses, and nothing happens.
    static func remediate(
        _ plan: RemediationPlan, of source: DriftSource, action: String, redactor: Redactor,
        account: PostgreSQLSettings?
    ) async -> RemediationResult {
        let settings: PostgreSQLSettings
        let steps: [PostgreSQLRemediation]
        do {
            settings = try PostgreSQLSettings(.object(source.settings))
            let observation = await PostgreSQLCollector(settings).observe(
                now: SystemClock.wall, redactor: redactor)
            guard let live = observation.snapshot else {
                return .notStarted(observation.gaps.first?.detail ?? "it can't be looked at")
            }
            steps = try plan.changes.map { try step($0, live) }
        } catch {
            return .notStarted(VisibleText.escape("\(error)"))
        }
        guard let id = ActionID(action) else { return .notStarted("no action") }
        let executor = PostgreSQLExecutor(account ?? settings)
        var done: [String] = []
        for step in steps {
            switch await executor.run(step, action: id) {
            case .done(let tags): done += tags + step.notes
            case .changed(let why), .failed(let why):
                let text = VisibleText.escape(why)
                return done.isEmpty
                    ? .notStarted(text)
                    : .failed("\(text); before it: \(done.joined(separator: ", "))")
            case .unknown(let why): return .failed(VisibleText.escape(why))
            }
        }
        return .done(done.joined(separator: ", "))
    }

    /// One subject, if it still is what the plan was made against.
    private static func step(
        _ change: RemediationPlan.Change, _ live: Snapshot
    ) throws -> PostgreSQLRemediation {
        let observed = try live[change.subject].map {
            try JSON(canonical: $0.document, limits: Limits.storedJSON)
        }
        do {
            try change.check(against: observed)
        } catch {
            throw DriftError("`\(change.subject)`: \(error)")
        }
        return try PostgreSQLRemediation(
            subject: change.subject, wanted: change.document, observed: observed)
    }
}
