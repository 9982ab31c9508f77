// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON

/// What the benchmark of attribution works on: many deviations, and many more effects.
///
/// The same for the same numbers, without randomness.
package struct AttributionWorkload: Sendable {
    package let source: DriftSource
    package let expected: Snapshot
    package let live: Snapshot
    package let deviations: [Deviation]
    package let effects: [ApprovedEffect]
    private let at: Timestamp

    /// Every second deviation is explained by one effect; the others by none, though all subjects
    /// have effects on other places, of other values, and in other times.
    ///
    /// - Parameters:
    ///   - count: how many deviations; each of a subject of its own.
    ///   - total: how many effects in all.
    /// - Throws: ``DriftError`` for more than a source may have.
    package init(deviations count: Int, effects total: Int) throws {
        at = Timestamp(milliseconds: 1_800_000_000_000)
        source = try DriftSource(
            id: Handle(constant: "bench"), kind: .files, scope: "host-a", every: 60,
            assetClass: .medium, settings: [:])
        func document(_ port: Int) -> JSON {
            [
                "content": ["host": "a.example", "port": .int(port), "tags": ["a", "b"]],
                "mode": "0644", "type": "file", "uid": 0,
            ]
        }
        let subjects = (0..<count).map { "file:/srv/app-\($0 % 100)/etc/service-\($0).conf" }
        expected = try Snapshot(
            subjects.map { try Leaf(subject: $0, document: document(80)) })
        live = try Snapshot(
            subjects.map { try Leaf(subject: $0, document: document(8080)) })
        deviations = try SnapshotDiff.deviations(
            source: source, expected: expected, live: live, unseen: .none)
        let paths = ["/content/port", "/content", "/mode", "/uid", "/content/host", ""]
        var effects: [ApprovedEffect] = []
        effects.reserveCapacity(total)
        for number in 0..<total {
            let subject = number % count
            let isTruth = number < count && subject % 2 == 0
            let path = isTruth ? paths[0] : paths[number / count % paths.count]
            effects.append(
                ApprovedEffect(
                    action: ActionID(now: at, random: (UInt64(number), 0)), number: 0,
                    effect: DeclaredEffect(
                        scope: source.scope, subject: subjects[subject],
                        path: try JSONPointer(parsing: path),
                        post: .value(isTruth ? 8080 : .int(number))),
                    standing: .succeeded, index: UInt64(number),
                    began: at.adding(seconds: isTruth ? 10 : -Int64(number)),
                    ended: at.adding(seconds: 20), isObserved: false))
        }
        self.effects = effects
    }

    /// Attributes all deviations, and returns how many are explained.
    package func run() throws -> Int {
        var attributor = Attributor(
            source: source, effects: effects, expected: expected, live: live, unseen: .none,
            ledgerIsSound: true, now: at.adding(seconds: 60))
        let interval = ChangeInterval(from: at, to: at.adding(seconds: 60))
        var explained = 0
        for deviation in deviations {
            let attribution = try attributor.attribute(
                deviation, interval: interval, until: interval.to)
            if attribution.verdict == .explained { explained += 1 }
        }
        return explained
    }
}
