// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

/// A source of files at `web1`, observed by the gate `run`, and what is found of it.
struct WatchedFolder {
    let at: TestInstallation
    static let id = Handle(constant: "app")
    static let file = "file:/etc/app.conf"

    init(_ at: TestInstallation) async throws {
        self.at = at
        try await at.control.configureDrift(
            .sourceSet(try Self.source()), by: TestInstallation.admin)
    }

    static func source(every: Int64 = 60, assetClass: AssetClass = .high) throws -> DriftSource {
        try DriftSource(
            id: id, kind: .files, scope: "web1", every: every, assetClass: assetClass,
            settings: ["paths": ["/etc"]], observer: TestInstallation.gate)
    }

    static func document(_ port: Int, mode: String = "0644") -> JSON {
        [
            "content": ["port": .int(port)], "mode": .string(mode),
            "sha256": .string(Hash256.sha256(Array("port \(port)".utf8)).hex), "type": "file",
        ]
    }

    /// Observes the file with this port.
    @discardableResult
    func observe(_ port: Int, mode: String = "0644") async throws -> DriftReport {
        try await observe([Self.file: Self.document(port, mode: mode)])
    }

    @discardableResult
    func observe(_ documents: [String: JSON], gaps: [CoverageGap] = []) async throws -> DriftReport
    {
        at.clock.advance(seconds: 1)
        let now = at.control.now
        let snapshot = try Snapshot(
            documents.map { try Leaf(subject: $0.key, document: $0.value) })
        let report = try await at.control.observe(
            Self.id, Observation(started: now, ended: now, snapshot: snapshot, gaps: gaps),
            by: TestInstallation.gate)
        at.clock.advance(seconds: 1)
        return report
    }

    /// A first observation, approved.
    func baseline(_ port: Int) async throws {
        let report = try await observe(port)
        let root = try #require(report.proposed?.version.root)
        _ = try await at.control.approveBaseline(
            Self.id, expect: root.hex, by: TestInstallation.admin)
    }

    /// An action that declares the port and its digest.
    static func operation(
        port: Int, mode: String = "review", name: String = "set-port"
    ) throws
        -> Operation
    {
        let wanted = document(port)
        return try Operation(
            action: "command.run", resourceType: "Host", resourceID: "web1",
            input: ["argv": ["deploy", .string(name), .string("--mode=\(mode)")]],
            effects: ["/content/port", "/sha256"].map { path in
                let pointer = try JSONPointer(parsing: path)
                return DeclaredEffect(
                    scope: "web1", subject: file, path: pointer,
                    post: .value(wanted[pointer] ?? .null))
            })
    }

    /// An action that declares the port and its digest, approved and claimed but not reported.
    func claimed(port: Int) async throws -> ActionResult {
        let asked = try await at.submit(try Self.operation(port: port))
        return try await at.claim(try await at.decide(asked, by: TestInstallation.bob))
    }

    var standing: SourceStanding {
        get throws { try at.control.driftStanding(Self.id) }
    }

    func open() throws -> [Episode] {
        var query = DriftQuery()
        query.source = Self.id
        return try at.control.deviations(query)
    }
}

@Suite("Drift at the service")
struct DriftServiceTests {
    @Test("a first capture is proposed, and counts once a person approved just that")
    func proposal() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        let root = try #require(try await folder.observe(1).proposed?.version.root)
        #expect(try folder.standing.machine.baseline == nil)
        await #expect(throws: CommandError.self) {
            _ = try await at.control.approveBaseline(
                WatchedFolder.id, expect: String(repeating: "0", count: 16),
                by: TestInstallation.admin)
        }
        await #expect(throws: CommandError.self) {
            _ = try await at.control.approveBaseline(
                WatchedFolder.id, expect: root.hex, by: .person(TestInstallation.bob))
        }
        let version = try await at.control.approveBaseline(
            WatchedFolder.id, expect: root.hex, by: TestInstallation.admin)
        #expect(version.root == root)
        #expect(version.approvedBy == ControlPlane.firstAdministrator)
        #expect(try await folder.observe(1).opened.isEmpty)
    }

    @Test("a change that no approval covers is unauthorised, told once, and over when it is gone")
    func unauthorised() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let report = try await folder.observe(1, mode: "0666")
        let episode = try #require(report.opened.first)
        #expect(episode.attribution.verdict == .unauthorised)
        #expect(report.alerts.count == 1)
        #expect(try await folder.observe(1, mode: "0666").alerts.isEmpty)
        let healed = try await folder.observe(1)
        #expect(healed.closed.map(\.fingerprint) == [episode.fingerprint])
    }

    @Test("only the observer that the source names is heard, and gates see nothing else")
    func observer() async throws {
        let at = try await TestInstallation()
        _ = try await WatchedFolder(at)
        let now = at.control.now
        let observation = Observation(
            started: now, ended: now, snapshot: try Snapshot([]))
        for other in [nil, Handle(constant: "another")] {
            await #expect(throws: CommandError.self) {
                _ = try await at.control.observe(WatchedFolder.id, observation, by: other)
            }
        }
    }

    @Test("state survives a restart; a state that the ledger does not commit to is not believed")
    func restart() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        try await folder.observe(3)
        let before = try folder.standing.machine
        try await at.restart()
        #expect(try folder.standing.machine == before)
        #expect(try folder.open().count == 2)

        let row = try #require(
            try at.control.backend.read {
                try $0.operational(space: StoredDriftState.space, key: WatchedFolder.id.text)
            })
        var bytes = row.value
        bytes[bytes.count - 4] ^= 1
        let forged = OperationalRow(
            space: row.space, key: row.key, value: bytes, expires: row.expires)
        try at.control.backend.write { try $0.put(forged) }
        try await at.restart()
        #expect(try folder.standing.machine.baseline == nil)
        let report = try await folder.observe(3)
        #expect(report.proposed != nil)
    }

    @Test("a state of before, or none, is not believed either", arguments: [true, false])
    func rolledBack(_ isPutBack: Bool) async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let old = try #require(
            try at.control.backend.read {
                try $0.operational(space: StoredDriftState.space, key: WatchedFolder.id.text)
            })
        // What was found since would be forgotten with the state of before.
        try await folder.observe(1, mode: "0666")
        #expect(try folder.open().count == 1)
        try at.control.backend.write { store in
            if isPutBack {
                try store.put(old)
            } else {
                try store.removeOperational(space: old.space, key: old.key)
            }
        }
        try await at.restart()
        #expect(try folder.standing.machine.baseline == nil)
        #expect(try folder.standing.machine.gaps.map(\.gap.cause) == [.eventsLost])
        // Whatever is observed first is an entry, a look that saw nothing as well.
        let size = at.control.writer.head.size
        let now = at.control.now
        let gap = CoverageGap(subject: nil, cause: .unreachable, detail: "down")
        let report = try await at.control.observe(
            WatchedFolder.id, Observation(started: now, ended: now, failure: gap),
            by: TestInstallation.gate)
        #expect(at.control.writer.head.size == size + 1)
        #expect(report.gapsOpened.contains { $0.gap.cause == .eventsLost })
        #expect(report.alerts.contains { $0.gap?.cause == .eventsLost })
        #expect(try await folder.observe(1, mode: "0666").proposed != nil)
        #expect(try folder.standing.machine.baseline == nil)
    }

    @Test("every change is an entry, and unchanged observations are one in an hour")
    func entries() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let size = at.control.writer.head.size
        for _ in 0..<5 { try await folder.observe(1) }
        #expect(at.control.writer.head.size == size)
        try await folder.observe(4)
        #expect(at.control.writer.head.size == size + 1)
        at.clock.advance(seconds: 3700)
        try await folder.observe(4)
        #expect(at.control.writer.head.size == size + 2)
        let entry = try #require(try at.control.backend.read { try $0.entry(at: size) })
        let core = try DriftEntry(core: try JSON(canonical: entry.core))
        #expect(core.kind == .observed)
        #expect(core.summary["opened"]?.intValue == 2)
    }

    @Test("what people accept, and only that, becomes the baseline")
    func accept() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        try await folder.observe(1, mode: "0600")
        let episode = try #require(try folder.open().first)
        let root = try #require(try folder.standing.live?.root)
        await #expect(throws: CommandError.self) {
            _ = try await at.control.acceptDrift(
                WatchedFolder.id, [episode.fingerprint],
                expect: String(repeating: "0", count: 16), by: TestInstallation.admin)
        }
        let closed = try await at.control.acceptDrift(
            WatchedFolder.id, [episode.fingerprint], expect: root.hex, by: TestInstallation.admin)
        #expect(closed.count == 1)
        #expect(try folder.standing.machine.baseline?.origin == .promoted)
        #expect(try await folder.observe(1, mode: "0600").opened.isEmpty)
    }

    @Test("an ignore rule hides from alerts, is counted, and ends")
    func ignoring() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let now = at.control.now
        let rule = try IgnoreRule(
            [
                "approvedAt": .string(now.description), "approvedBy": "admin",
                "expires": .string(now.adding(seconds: 600).description), "id": "modes",
                "owner": "admin", "pointer": "/mode", "reason": "a tool of ours does that",
                "source": "app", "subject": "file:*",
            ], path: "rule")
        try await at.control.configureDrift(.ignoreRuleSet(rule), by: TestInstallation.admin)
        let report = try await folder.observe(1, mode: "0600")
        #expect(report.alerts.isEmpty)
        #expect(report.ignored.count == 1)
        #expect(try folder.open().isEmpty)
        at.clock.advance(seconds: 700)
        #expect(try await folder.observe(1, mode: "0600").alerts.count == 1)
    }

    @Test("nobody watches: that is a gap, and it is told")
    func silence() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        at.clock.advance(seconds: 3600)
        try await at.control.watchSilence(of: try WatchedFolder.source())
        #expect(try folder.standing.machine.gaps.map(\.gap.cause) == [.silent])
        try await folder.observe(1)
        #expect(try folder.standing.machine.gaps.isEmpty)
    }

    @Test("this server's own rules are watched, and agree with the ledger")
    func ownRules() async throws {
        let at = try await TestInstallation()
        let control = at.control
        let observation = control.observeSelf(["program": "x"], now: { control.now })
        let snapshot = try #require(observation.snapshot)
        let policies = try #require(snapshot["policies:active"])
        #expect(policies.document == Array(#"{"agrees":true}"#.utf8))
        try await at.control.addGroup(Handle(constant: "more"), by: TestInstallation.admin)
        let later = control.observeSelf(["program": "x"], now: { control.now })
        #expect(later.snapshot == snapshot)
    }
}
