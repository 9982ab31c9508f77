// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

@Suite("What is stored of drift, held against the ledger")
struct DriftStoreTests {
    private func row(_ at: TestInstallation) throws -> OperationalRow {
        try #require(
            try at.control.backend.read {
                try $0.operational(space: StoredDriftState.space, key: WatchedFolder.id.text)
            })
    }

    private func fsck(_ at: TestInstallation) -> [FsckReport.Finding] {
        Fsck.run(at.control.backend, key: at.control.verifierKey).findings
    }

    private func write(
        _ at: TestInstallation, _ body: (any LedgerWriting) throws -> Void
    ) throws {
        try at.control.backend.write(body)
    }

    @Test("fsck finds a state that was edited, put back, deleted or added, and leaves that were")
    func fsckFinds() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let old = try row(at)
        try await folder.observe(1, mode: "0666")
        let good = try row(at)
        #expect(fsck(at).isEmpty)

        // Its seal is no hurdle for fsck: whoever has the key of rows may have edited it.
        var bytes = good.value
        bytes[bytes.count - 4] ^= 1
        let edited = OperationalRow(
            space: good.space, key: good.key, value: bytes, expires: good.expires)
        for (forged, words) in [(edited, ""), (old, "the newest is")] {
            try write(at) { try $0.put(forged) }
            let found = fsck(at)
            #expect(found.map(\.kind) == [.tampered] && found.map(\.key) == ["app"])
            #expect(words.isEmpty || found.first?.what.contains(words) == true)
        }
        try write(at) { try $0.removeOperational(space: good.space, key: good.key) }
        #expect(fsck(at).map(\.what) == ["its state is missing"])
        let another = OperationalRow(
            space: good.space, key: "other", value: good.value, expires: good.expires)
        try write(at) { store in
            try store.put(good)
            try store.put(another)
        }
        #expect(fsck(at).map(\.key) == ["other"])
        try write(at) { try $0.removeOperational(space: another.space, key: another.key) }
        #expect(fsck(at).isEmpty)

        let root = try #require(try folder.standing.machine.baseline?.root)
        let place = StoredDriftState.snapshotKey(WatchedFolder.id, root)
        try write(at) { try $0.removeOperational(space: place.space, key: place.key) }
        #expect(fsck(at).map(\.what) == ["the leaves of `\(root.hex)` are missing"])
    }

    @Test("a baseline in which nothing is survives a restart")
    func emptyBaseline() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        let root = try #require(try await folder.observe([:]).proposed?.version.root)
        _ = try await at.control.approveBaseline(
            WatchedFolder.id, expect: root.hex, by: TestInstallation.admin)
        try await at.restart()
        #expect(fsck(at).isEmpty)
        let report = try await folder.observe(1)
        #expect(report.opened.map(\.deviation.operation) == [.add])
    }

    @Test("a source that is removed and set anew begins anew, whatever rows are put back")
    func setAnew() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        let old = try row(at)
        try await at.control.configureDrift(
            .sourceRemoved(WatchedFolder.id), by: TestInstallation.admin)
        #expect(fsck(at).isEmpty)
        try await at.restart()
        try await at.control.configureDrift(
            .sourceSet(try WatchedFolder.source()), by: TestInstallation.admin)
        try await at.restart()
        // Nothing is missing: what was known of it went with it.
        #expect(try folder.standing.machine.gaps.isEmpty)
        #expect(fsck(at).isEmpty)

        try write(at) { try $0.put(old) }
        #expect(fsck(at).map(\.key) == ["app"])
        try await at.restart()
        #expect(try folder.standing.machine.baseline == nil)
        #expect(try folder.standing.machine.gaps.map(\.gap.cause) == [.eventsLost])
    }

    @Test("what is large, wide or long is taken and read back, or is a gap; it stops nothing")
    func extremes() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        var wide = JSONObject()
        for number in 0..<12_000 { wide["k\(number)"] = .int(number) }
        var documents: [String: JSON] = ["file:/etc/wide": .object(wide)]
        let subject = String(repeating: "s", count: 4_000)
        for number in 0..<150 {
            documents["file:/\(subject)\(number)"] = [
                "content": ["text": .string(String(repeating: "a", count: 4_000))]
            ]
        }
        let root = try #require(try await folder.observe(documents).proposed?.version.root)
        _ = try await at.control.approveBaseline(
            WatchedFolder.id, expect: root.hex, by: TestInstallation.admin)
        try await at.restart()
        #expect(fsck(at).isEmpty)

        for name in documents.keys where name != "file:/etc/wide" {
            documents[name] = [
                "content": ["text": .string(String(repeating: "b", count: 4_000))]
            ]
        }
        // Slashes double in pointers.
        documents["file:/etc/long"] = [
            String(repeating: "/", count: 400_000): 1, "text": .string(subject),
        ]
        let report = try await folder.observe(documents)
        #expect(report.opened.count == 150)
        #expect(report.gapsOpened.map(\.gap.subject) == ["file:/etc/long"])
        #expect(report.gapsOpened.first?.gap.detail.contains("400000 bytes") == true)
        try await at.restart()
        #expect(try folder.open().count == 150)
        #expect(fsck(at).isEmpty)
    }

    @Test("a plan for another baseline than the one of now is none of this server's")
    func stalePlan() async throws {
        let at = try await TestInstallation()
        let folder = try await WatchedFolder(at)
        try await folder.baseline(1)
        try await folder.observe(1, mode: "0666")
        let ids = Set(try folder.open().map(\.fingerprint))
        let plan = try at.control.planDrift(WatchedFolder.id, ids, allowsBroadening: false)
        let operation = try Operation(
            action: "drift.remediate", resourceType: "DriftSource",
            resourceID: WatchedFolder.id.text, input: plan.json.objectValue ?? [:],
            effects: plan.effects)
        #expect(at.control.remediationFacts(operation)?["inspectable"] == true)
        let root = try #require(try folder.standing.live?.root)
        _ = try await at.control.acceptDrift(
            WatchedFolder.id, ids, expect: root.hex, by: TestInstallation.admin)
        #expect(at.control.remediationFacts(operation)?["inspectable"] == false)
    }

    @Test("nobody stops watching this server's own rules")
    func ownRulesStay() async throws {
        let at = try await TestInstallation()
        let own = try DriftSource(
            id: Handle(constant: "own"), kind: .exequatur, scope: "here", every: 60,
            assetClass: .critical, settings: [:])
        try await at.control.configureDrift(.sourceSet(own), by: TestInstallation.admin)
        await #expect(throws: CommandError.self) {
            try await at.control.configureDrift(.sourceRemoved(own.id), by: TestInstallation.admin)
        }
    }
}
