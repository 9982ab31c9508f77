// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import DriftCore
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

@testable import ControlPlane

/// The outbox of drift: what people are to be told is durable with the entry that it is about.
@Suite("outbox of drift")
struct DriftOutboxTests {
    private func documents(_ count: Int, mode: String) -> [String: JSON] {
        Dictionary(
            uniqueKeysWithValues: (0..<count).map { number in
                ("file:/etc/\(1000 + number)", WatchedFolder.document(1, mode: mode))
            })
    }

    private func watch(_ at: TestInstallation, _ count: Int) async throws -> WatchedFolder {
        let folder = try await WatchedFolder(at)
        let report = try await folder.observe(documents(count, mode: "0644"))
        let root = try #require(report.proposed?.version.root)
        _ = try await at.control.approveBaseline(
            WatchedFolder.id, expect: root.hex, by: TestInstallation.admin)
        return folder
    }

    @Test("an alert waits until it is taken away, through a restart")
    func kept() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        let folder = try await watch(at, 1)
        #expect(try at.control.driftNotices(limit: 10).isEmpty)
        try await folder.observe(documents(1, mode: "0666"))
        try await folder.observe(documents(1, mode: "0666"))
        let notice = try #require(try at.control.driftNotices(limit: 10).first)
        #expect(notice.source == WatchedFolder.id && notice.severity >= .high)
        #expect(notice.text.hasPrefix("file:/etc/1000 at "))
        try await at.restart()
        #expect(try at.control.driftNotices(limit: 10) == [notice])
        #expect(try at.control.driftNotice(notice.key) == notice)
        try await at.control.forgetDriftNotices([notice.key])
        #expect(try at.control.driftNotices(limit: 10).isEmpty)
        #expect(try at.control.driftNotice(notice.key) == nil)
    }

    @Test("nothing waits where nobody is to be told")
    func unwanted() async throws {
        let at = try await TestInstallation()
        let folder = try await watch(at, 1)
        try await folder.observe(documents(1, mode: "0666"))
        #expect(try at.control.driftNotices(limit: 10).isEmpty)
    }

    @Test("of one observation 20 are told apart, the worst first, and the number of the others")
    func flood() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        let folder = try await watch(at, 50)
        try await folder.observe(documents(50, mode: "0666"))
        let notices = try at.control.driftNotices(limit: 100)
        #expect(notices.count == 21)
        #expect(notices.last?.text == "and 30 more of `app`: see the console")
        #expect(Set(notices.map(\.key)).count == 21)
    }

    @Test("later entries have greater keys, and pages go on where the last one ended")
    func order() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        let folder = try await watch(at, 12)
        for mode in ["0666", "0600", "0640"] {
            try await folder.observe(documents(12, mode: mode))
        }
        let all = try at.control.driftNotices(limit: 1000)
        #expect(all.count == 36)
        #expect(all.map(\.at.milliseconds) == all.map(\.at.milliseconds).sorted())
        var paged: [DriftNotice] = []
        while case let page = try at.control.driftNotices(after: paged.last?.key, limit: 5),
            !page.isEmpty
        {
            paged += page
        }
        #expect(paged == all)
    }

    @Test("rows that this server did not write hide none behind them")
    func forged() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        let folder = try await watch(at, 2)
        try await folder.observe(documents(2, mode: "0666"))
        let notices = try at.control.driftNotices(limit: 10)
        let row = try #require(
            try at.control.backend.read {
                try $0.operational(space: DriftOutbox.space, key: notices[0].key)
            })
        try at.control.backend.write { store in
            for number in 0..<30 {
                try store.put(
                    OperationalRow(
                        space: row.space, key: "0-\(100 + number)", value: row.value,
                        expires: row.expires))
            }
        }
        #expect(try at.control.driftNotices(limit: 10) == notices)
        #expect(try at.control.driftNotice("0-100") == nil)
    }

    @Test("an alert of a month ago is gone")
    func expiry() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        let folder = try await watch(at, 1)
        try await folder.observe(documents(1, mode: "0666"))
        at.clock.advance(seconds: 29 * 86_400)
        #expect(try at.control.driftNotices(limit: 10).count == 1)
        at.clock.advance(seconds: 2 * 86_400)
        #expect(try at.control.driftNotices(limit: 10).isEmpty)
    }
}
