// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import DriftCore
internal import TransparencyLog

/// How the API writes what is known of drift.
enum DriftJSON {
    static func source(_ standing: SourceStanding) throws -> JSON {
        let machine = standing.machine
        guard case .object(var object) = machine.source.json else { return machine.source.json }
        let counted = counted(machine)
        object["baseline"] = machine.baseline?.wire ?? .null
        object["entry"] = standing.entry.map { .int(Int64(clamping: $0)) } ?? .null
        object["gaps"] = .array(machine.gaps.map(\.wire))
        object["observedAt"] = .optional(standing.observedAt)
        object["observedRoot"] = .optional(standing.live?.root.hex)
        object["open"] = .int(counted.count)
        object["proposed"] = machine.proposed?.wire ?? .null
        object["specification"] = .string(try machine.source.digest.hex)
        object["status"] = .string(status(standing, open: counted.count))
        object["worst"] = .optional(counted.map(\.severity).max()?.text)
        return .object(object)
    }

    /// What is told as open: not what is explained, ignored or not yet stable.
    private static func counted(_ machine: DriftMachine) -> [Episode] {
        machine.episodes.values.filter { $0.state == .open || $0.state == .acknowledged }
    }

    /// How the sources stand, in Prometheus' text format: what deviates, what can't be seen,
    /// whether a person approved a baseline, and when it was last looked at, in seconds since 1970.
    static func metrics(_ standings: [SourceStanding]) -> String {
        GaugeText.text(
            standings, label: "source", id: { $0.machine.source.id.text },
            [
                ("exequatur_drift_open", { counted($0.machine).count }),
                ("exequatur_drift_gaps", { $0.machine.gaps.count }),
                ("exequatur_drift_baseline_approved", { $0.machine.baseline == nil ? 0 : 1 }),
                (
                    "exequatur_drift_observed_timestamp_seconds",
                    { Int(clamping: ($0.observedAt?.milliseconds ?? 0) / 1000) }
                ),
            ])
    }

    /// One word for a list: the first that applies.
    static func status(_ standing: SourceStanding, open: Int) -> String {
        let machine = standing.machine
        if machine.last == nil { return "not_observed" }
        if !machine.gaps.isEmpty { return "gap" }
        if machine.baseline == nil { return "proposed" }
        return open == 0 ? "clean" : "drift"
    }

    static func report(_ report: DriftReport) -> JSON {
        [
            "alerts": .array(
                report.alerts.map {
                    [
                        "cause": .string($0.cause.rawValue),
                        "severity": .string($0.severity.text), "text": .string($0.text),
                    ]
                }),
            "closed": .array(report.closed.map(\.wire)),
            "explained": .int(report.explained.count),
            "gaps": .array(report.gapsOpened.map(\.wire)),
            "ignored": .int(report.ignored.count), "missing": .int(report.missing.count),
            "opened": .array(report.opened.map(\.wire)),
            "proposed": .optional(report.proposed?.version.root.hex),
            "status": .string(report.observed.rawValue),
        ]
    }

    static func rule(_ rule: IgnoreRule, _ control: ControlPlane) -> JSON {
        guard case .object(var object) = rule.json else { return rule.json }
        let tallies = control.driftStandings().flatMap(\.machine.tallies).filter {
            $0.rule == rule.id
        }
        object["hits"] = .integer(tallies.reduce(0) { $0 + $1.hits })
        object["lastHit"] = .optional(tallies.compactMap(\.lastHit).max())
        object["expired"] = .bool(rule.expires <= control.now)
        return .object(object)
    }
}

/// What a gate sends of a source that it observes.
///
/// Times are told as seconds before it was sent, so that the server's clock alone decides.
struct SentObservation {
    /// As large as a receipt, and as wide and deep as any document that a collector reads.
    static let limits: JSONLimits = {
        var limits = Limits.storedJSON
        limits.maximumDepth = DriftLimits.documentDepth + 16
        limits.maximumMembers = 200_000
        return limits
    }()

    let specification: Hash256
    let observation: Observation

    init(_ json: JSON, arrived: Timestamp) throws {
        var reader = try JSONReader(json)
        specification = try reader.hash("specification")
        let started = arrived.adding(milliseconds: -(try Self.age(&reader, "startedAgo")))
        let ended = arrived.adding(milliseconds: -(try Self.age(&reader, "endedAgo")))
        guard started <= ended else {
            throw CoreError("`startedAgo`: it began before it ended")
        }
        let gaps = try (reader.optionalArray("gaps") ?? []).map(Self.gap)
        guard gaps.count <= DriftLimits.gaps else {
            throw CoreError("`gaps`: at most \(DriftLimits.gaps)")
        }
        let leaves = try reader.optionalArray("leaves")
        try reader.finish()
        guard let leaves else {
            guard let gap = gaps.first else {
                throw CoreError("without `leaves` an observation has a gap that says why")
            }
            observation = Observation(started: started, ended: ended, failure: gap)
            return
        }
        let snapshot = try Snapshot(
            leaves.map { leaf in
                var reader = try JSONReader(leaf, path: "leaves")
                let subject = try reader.string("subject")
                let document = try reader.value("document")
                try reader.finish()
                return try Leaf(subject: try Self.checked(subject, "leaves"), document: document)
            })
        observation = Observation(
            started: started, ended: ended, snapshot: snapshot, gaps: gaps)
    }

    private static func age(_ reader: inout JSONReader, _ key: String) throws -> Int64 {
        let milliseconds = try reader.int(key)
        guard (0...86_400_000).contains(milliseconds) else {
            throw CoreError("`\(key)`: 0 to 86,400,000 milliseconds, a day")
        }
        return milliseconds
    }

    private static func checked(_ subject: String, _ place: String) throws -> String {
        guard (1...Subject.maximumBytes).contains(subject.utf8.count) else {
            throw CoreError("`\(place).subject`: 1 to \(Subject.maximumBytes) bytes")
        }
        return subject
    }

    private static func gap(_ json: JSON) throws -> CoverageGap {
        var reader = try JSONReader(json, path: "gaps")
        let gap = CoverageGap(
            subject: try reader.optionalString("subject").map { try checked($0, "gaps") },
            cause: try reader.choice("cause", CoverageGap.Cause.self),
            detail: VisibleText.escape(try reader.string("detail")).shortened)
        try reader.finish()
        return gap
    }
}
