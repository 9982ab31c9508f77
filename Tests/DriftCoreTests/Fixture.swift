// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import TransparencyLog

/// Short words for the tests of drift detection.
enum Fixture {
    static let alice = Handle(constant: "alice")
    static let file = "file:/etc/app.conf"

    static func source(
        kind: DriftSource.Kind = .http, assetClass: AssetClass = .medium,
        lists: ListSemantics = ListSemantics(), stability: Int64 = 1
    ) throws -> DriftSource {
        try DriftSource(
            id: Handle(constant: "host"), kind: kind, scope: "host-a", every: 60,
            assetClass: assetClass, settings: [:], lists: lists, stability: stability)
    }

    static func lists(_ rules: JSON...) throws -> ListSemantics { try ListSemantics(rules) }

    /// Seconds after the beginning of the test.
    static func at(_ seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: 1_800_000_000_000).adding(seconds: seconds)
    }

    static func action(_ number: UInt64) -> ActionID {
        ActionID(now: at(0), random: (number, number))
    }

    static func pointer(_ text: String) throws -> JSONPointer { try JSONPointer(parsing: text) }

    static func snapshot(_ documents: [(String, JSON)]) throws -> Snapshot {
        try Snapshot(documents.map { try Leaf(subject: $0.0, document: $0.1) })
    }

    /// One document, of ``file``.
    static func snapshot(_ document: JSON) throws -> Snapshot { try snapshot([(file, document)]) }

    /// An effect of an action that ran from 10 to 20 seconds, unless told otherwise.
    static func effect(
        _ path: String = "/port", _ post: DeclaredEffect.Post, subject: String = file,
        scope: String = "host-a", action number: UInt64 = 1,
        standing: ApprovedEffect.Standing = .succeeded, index: UInt64? = nil,
        began: Int64 = 10, ended: Int64? = 20, within: Int64? = nil,
        derived: [DeclaredEffect.Place] = [], isObserved: Bool = false
    ) throws -> ApprovedEffect {
        ApprovedEffect(
            action: action(number), number: 0,
            effect: DeclaredEffect(
                scope: scope, subject: subject, path: try pointer(path), post: post,
                within: within, derived: derived),
            standing: standing, index: index ?? number, began: at(began),
            ended: ended.map { at($0) }, isObserved: isObserved)
    }

    static func observation(
        _ snapshot: Snapshot, _ started: Int64, gaps: [CoverageGap] = []
    ) -> Observation {
        Observation(
            started: at(started), ended: at(started + 1), snapshot: snapshot, gaps: gaps)
    }

    static func gap(
        _ subject: String? = file, _ cause: CoverageGap.Cause = .unreadable
    ) -> CoverageGap {
        CoverageGap(subject: subject, cause: cause, detail: "permission denied")
    }

    static func rule(
        _ id: StaticString = "rule", source: Handle? = nil, subject: String = "*",
        pointer text: String = "", valueGuard: IgnoreRule.Guard? = nil, expires: Int64 = 86_400
    ) throws -> IgnoreRule {
        try IgnoreRule(
            id: Handle(constant: id), source: source, subject: subject,
            selector: .pointer(try pointer(text)), valueGuard: valueGuard, reason: "autoscaled",
            owner: alice, approvedBy: alice, approvedAt: at(0), expires: at(expires))
    }
}

/// A machine with the snapshots that a shell would keep for it.
struct Watch {
    var machine: DriftMachine
    var expected: Snapshot?
    var proposal: BaselineChange?
    var live: Snapshot?
    var effects: [ApprovedEffect] = []
    var rules: [IgnoreRule] = []
    var ledgerIsSound = true
    /// Whether the state is written and read back after every observation.
    var comesBack = true

    init(_ source: DriftSource) { machine = DriftMachine(source: source, now: Fixture.at(-100)) }

    /// With an approved baseline, captured at 0 seconds.
    init(_ source: DriftSource, baseline: Snapshot) throws {
        self.init(source)
        try observe(baseline, 0)
        try approve(1)
    }

    @discardableResult
    mutating func observe(
        _ snapshot: Snapshot, _ started: Int64, gaps: [CoverageGap] = []
    ) throws -> DriftReport {
        try observe(Fixture.observation(snapshot, started, gaps: gaps))
    }

    @discardableResult
    mutating func observe(_ document: JSON, _ started: Int64) throws -> DriftReport {
        try observe(Fixture.snapshot(document), started)
    }

    @discardableResult
    mutating func fail(_ started: Int64) throws -> DriftReport {
        try observe(
            Observation(
                started: Fixture.at(started), ended: Fixture.at(started + 1),
                failure: Fixture.gap(nil, .unreachable)))
    }

    @discardableResult
    mutating func observe(_ observation: Observation) throws -> DriftReport {
        let report = try machine.observe(
            observation, expected: expected, effects: effects, rules: rules,
            directions: .standard, ledgerIsSound: ledgerIsSound,
            now: observation.ended.adding(seconds: 1))
        if let change = report.newBaseline { expected = change.snapshot }
        if let change = report.proposed { proposal = change }
        if let snapshot = observation.snapshot { live = snapshot }
        guard comesBack else { return report }
        // Whatever happens, what is stored must come back as it was.
        let json = machine.json
        let again = try DriftMachine(JSON(canonical: json.canonicalBytes(), limits: .files))
        guard try again.digest == machine.digest else {
            throw DriftError("the state changed on its way")
        }
        return report
    }

    mutating func approve(_ now: Int64) throws {
        guard let proposal else { throw DriftError("nothing is proposed") }
        _ = try machine.approveBaseline(
            root: proposal.version.root, by: Fixture.alice, now: Fixture.at(now))
        expected = proposal.snapshot
    }

    mutating func accept(_ fingerprints: Set<Hash256>, _ now: Int64) throws -> AcceptedDrift {
        guard let expected, let live else { throw DriftError("nothing was seen") }
        let accepted = try machine.accept(
            fingerprints, expected: expected, live: live, by: Fixture.alice,
            now: Fixture.at(now))
        if let change = accepted.baseline { self.expected = change.snapshot }
        return accepted
    }

    var open: [Episode] { machine.episodes.values.filter { $0.state == .open } }
}

extension DriftReport {
    var causes: [DriftAlert.Cause] { alerts.map(\.cause) }
    var verdicts: [DriftVerdict] {
        (opened + changed).map(\.attribution.verdict) + explained.map(\.attribution.verdict)
    }
}
