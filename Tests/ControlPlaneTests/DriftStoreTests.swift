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
}
