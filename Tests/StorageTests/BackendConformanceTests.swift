// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import Storage
import Testing
import TransparencyLog

/// What every backend must do, whatever it is made of; add a case for each new one.
enum BackendUnderTest: String, CaseIterable, Sendable {
    case sqlite

    /// A fresh, empty store.
    func open() throws -> any LedgerBackend {
        switch self {
        case .sqlite:
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("exequatur-\(ProcessInfo.processInfo.globallyUniqueString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            return try SQLiteBackend(path: folder.appendingPathComponent("x.db").path)
        }
    }
}

@Suite("Backend conformance", .serialized)
struct BackendConformanceTests {
    private struct Stop: Error {}

    private func entry(
        _ index: UInt64, ref: String, seq: UInt64, body: Bool = true
    ) -> RecordedEntry {
        let core = Array("{\"n\":\(index)}".utf8)
        let salt = Hash256.sha256([UInt8(index % 256)])
        let entry = LedgerEntry(
            kind: "test.entry", at: Timestamp(milliseconds: Int64(index)), ref: ref, seq: seq,
            previous: .sha256([0]), core: Commitment.core(salt: salt, bytes: core),
            body: Commitment.body(salt: salt, bytes: core))
        return RecordedEntry(
            index: index, entry: entry, coreSalt: salt, core: core,
            bodySalt: body ? salt : nil, body: body ? core : nil)
    }

    private func row(
        _ number: UInt64, status: ActionStatus = .pending, due: Int64? = nil,
        operation: Hash256 = .sha256([9])
    ) -> ActionRow {
        ActionRow(
            id: ActionID(now: Timestamp(milliseconds: Int64(number)), random: (number, 0)),
            version: number, status: status, agent: Handle(constant: "bot"), credential: "c",
            gate: .advisoryGate, operation: operation,
            due: due.map(Timestamp.init(milliseconds:)),
            updatedAt: Timestamp(milliseconds: 5), document: Array("{}".utf8))
    }

    @Test(
        "entries come back as written, by index, by chain and in pages",
        arguments: BackendUnderTest.allCases)
    func entries(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        try backend.write { (store) throws -> Void in
            for index in 0..<20 as Range<UInt64> {
                try store.insert(
                    entry(
                        index, ref: index % 2 == 0 ? "even" : "odd", seq: index / 2,
                        body: index != 3))
            }
        }
        try backend.read { (store) throws -> Void in
            let all = try store.entries(from: 0, limit: 100, bodies: true)
            #expect(all.map(\.index) == Array(0..<20))
            #expect(all.allSatisfy { $0.matchesCommitments })
            #expect(all[3].body == nil && all[3].bodySalt == nil)
            let bare = try store.entries(from: 5, limit: 4, bodies: false)
            #expect(bare.map(\.index) == [5, 6, 7, 8])
            #expect(bare.allSatisfy { $0.body == nil })
            #expect(try store.chain(of: "odd").map(\.entry.seq) == Array(0..<10))
            #expect(try store.chain(of: "ODD").isEmpty)
            #expect(try store.entry(at: 7)?.entry == entry(7, ref: "odd", seq: 3).entry)
            #expect(try store.entry(at: 20) == nil)
        }
        try backend.close()
    }

    @Test("an index, and a place in a chain, are taken once", arguments: BackendUnderTest.allCases)
    func unique(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        try backend.write { try $0.insert(entry(0, ref: "a", seq: 0)) }
        for other in [entry(0, ref: "b", seq: 0), entry(1, ref: "a", seq: 0)] {
            #expect(throws: (any Error).self) { try backend.write { try $0.insert(other) } }
        }
        #expect(try backend.read { try $0.entries(from: 0, limit: 9, bodies: true).count } == 1)
        try backend.close()
    }

    @Test("a transaction that throws leaves nothing", arguments: BackendUnderTest.allCases)
    func rollback(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        #expect(throws: Stop.self) {
            try backend.write { (store) throws -> Void in
                try store.insert(entry(0, ref: "a", seq: 0))
                try store.put(row(1))
                try store.setCheckpoint(
                    StoredCheckpoint(size: 1, note: "n", at: Timestamp(milliseconds: 1)))
                try store.insertFullTile(
                    level: 0, index: 0, hashes: Array(repeating: .zero, count: 256))
                throw Stop()
            }
        }
        try backend.read { (store) throws -> Void in
            #expect(try store.entries(from: 0, limit: 9, bodies: true).isEmpty)
            #expect(try store.actions(ActionQuery()).isEmpty)
            #expect(try store.checkpoint() == nil)
            #expect(try store.fullTile(level: 0, index: 0) == nil)
        }
        try backend.close()
    }

    @Test(
        "a write sees its own changes; a read under way sees none of them",
        arguments: BackendUnderTest.allCases)
    func isolation(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        try backend.write { try $0.insert(entry(0, ref: "a", seq: 0)) }
        try backend.read { (store) throws -> Void in
            #expect(try store.entries(from: 0, limit: 9, bodies: false).count == 1)
            try backend.write { inner in
                try inner.insert(entry(1, ref: "a", seq: 1))
                #expect(try inner.chain(of: "a").count == 2)
            }
            #expect(try store.entries(from: 0, limit: 9, bodies: false).count == 1)
        }
        #expect(try backend.read { try $0.chain(of: "a").count } == 2)
        try backend.close()
    }

    @Test("tiles and checkpoint", arguments: BackendUnderTest.allCases)
    func tiles(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        let hashes = (0..<256).map { Hash256.sha256([UInt8($0)]) }
        let first = StoredCheckpoint(size: 1, note: "one\n", at: Timestamp(milliseconds: -5))
        let second = StoredCheckpoint(size: 1 << 40, note: "two\n", at: Timestamp(milliseconds: 7))
        try backend.write { (store) throws -> Void in
            try store.insertFullTile(level: 1, index: 1 << 33, hashes: hashes)
            try store.setCheckpoint(first)
            try store.setCheckpoint(second)
        }
        try backend.read { (store) throws -> Void in
            #expect(try store.fullTile(level: 1, index: 1 << 33) == hashes)
            #expect(try store.fullTile(level: 0, index: 1 << 33) == nil)
            #expect(try store.checkpoint() == second)
        }
        try backend.close()
    }

    @Test(
        "state rows: replaced by id, listed newest first, filtered, due in order",
        arguments: BackendUnderTest.allCases)
    func rows(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        try backend.write { (store) throws -> Void in
            try store.put(row(1, due: 300))
            try store.put(row(2, status: .cleared, due: 100))
            try store.put(row(3, status: .denied))
            try store.put(row(4, status: .succeeded, operation: .sha256([1])))
            try store.put(row(1, status: .pending, due: 200))
        }
        try backend.read { (store) throws -> Void in
            #expect(try store.action(row(1).id)?.due == Timestamp(milliseconds: 200))
            #expect(try store.actions(ActionQuery()).map(\.version) == [4, 3, 2, 1])
            var query = ActionQuery()
            query.statuses = [.pending, .denied]
            #expect(try store.actions(query).map(\.version) == [3, 1])
            query.before = row(3).id
            #expect(try store.actions(query).map(\.version) == [1])
            query = ActionQuery()
            query.limit = 1
            #expect(try store.actions(query).map(\.version) == [4])
            query.agent = Handle(constant: "other")
            #expect(try store.actions(query).isEmpty)
            #expect(try store.actions(after: nil, limit: 3).map(\.version) == [1, 2, 3])
            #expect(try store.actions(after: row(3).id, limit: 3).map(\.version) == [4])
            let due = try store.dueActions(at: Timestamp(milliseconds: 150), limit: 9)
            #expect(due.map(\.version) == [2])
            #expect(try store.earliestDeadline() == Timestamp(milliseconds: 100))
            let latest = try store.latest(
                credential: "c", gate: .advisoryGate, operation: .sha256([9]))
            #expect(latest?.version == 3)
            #expect(
                try store.latest(credential: "d", gate: .advisoryGate, operation: .sha256([9]))
                    == nil)
        }
        try backend.close()
    }

    @Test("operational rows: put, replaced, removed, expired", arguments: BackendUnderTest.allCases)
    func operational(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        func operational(_ key: String, _ value: UInt8, _ expires: Int64) -> OperationalRow {
            OperationalRow(
                space: "s", key: key, value: [value], expires: Timestamp(milliseconds: expires))
        }
        try backend.write { (store) throws -> Void in
            try store.put(operational("a", 1, 10))
            try store.put(operational("a", 2, 30))
            try store.put(operational("b", 3, 10))
            try store.put(operational("c", 4, 99))
            try store.removeOperational(space: "s", key: "c")
            try store.removeExpiredOperational(before: Timestamp(milliseconds: 20))
        }
        try backend.read { (store) throws -> Void in
            #expect(try store.operational(space: "s", key: "a") == operational("a", 2, 30))
            #expect(try store.operational(space: "s", key: "b") == nil)
            #expect(try store.operational(space: "s", key: "c") == nil)
            #expect(try store.operational(space: "t", key: "a") == nil)
        }
        try backend.close()
    }

    @Test("the live writer syncs each commit", arguments: BackendUnderTest.allCases)
    func durable(kind: BackendUnderTest) throws {
        let backend = try kind.open()
        try backend.write { try $0.insert(entry(0, ref: "a", seq: 0)) }
        #expect(throws: Never.self) { try backend.assertDurable() }
        try backend.close()
    }
}

@Suite("SQLite backend")
struct SQLiteBackendTests {
    @Test("a second server on the same file is refused, and let in after the first has gone")
    func lock() throws {
        let fixture = try StoreFixture()
        #expect(throws: StorageError.self) { try SQLiteBackend(path: fixture.path) }
        try fixture.backend.close()
        let again = try SQLiteBackend(path: fixture.path)
        try again.assertDurable()
        try again.close()
    }

    @Test("a text search finds bytes, not patterns")
    func search() async throws {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        try await fixture.submit(writer, try fixture.action(41))
        writer.finish()
        for (text, count) in [("41", 1), ("echo", 1), ("%", 0), ("ec_o", 0), ("ECHO", 0)] {
            var query = ActionQuery()
            query.text = text
            let found = try fixture.backend.read { try $0.actions(query) }
            #expect(found.count == count, "\(text)")
        }
    }
}
