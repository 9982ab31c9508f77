// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Foundation
import GRDB
import Logging
import Storage
import Synchronization
import TransparencyLog

/// A store on disk in a folder of its own, with a writer and a clock that tests set.
final class StoreFixture: Sendable {
    static let agent = Handle(constant: "bot")
    static let owner = Handle(constant: "alice")

    let path: String
    let key: SigningKey
    let backend: SQLiteBackend
    let clock = Mutex(Timestamp(milliseconds: 1_795_251_600_000))
    private let salts = Mutex(UInt64(0))

    init(path: String? = nil) throws {
        if let path {
            self.path = path
        } else {
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent(
                    "exequatur-store-\(ProcessInfo.processInfo.globallyUniqueString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            self.path = folder.appendingPathComponent("ledger.db").path
        }
        key = try SigningKey(name: "log.example/test", seed: Array(repeating: 7, count: 32))
        backend = try SQLiteBackend(path: self.path)
    }

    deinit {
        try? backend.close()
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Reads the ledger back and starts a writer on it.
    func writer(_ other: (any LedgerBackend)? = nil) throws -> LedgerWriter {
        let store = other ?? backend
        let recovered = try store.read {
            try RecoveredLedger.recover($0, key: key.verifierKey) { _ in }
        }
        return LedgerWriter(
            backend: store, recovered: recovered, key: key,
            wallClock: { [self] in clock.withLock { $0 } }, logger: Logger(label: "test"))
    }

    /// A connection past the server's own, as a database administrator has one.
    func tamper(_ sql: String, _ arguments: StatementArguments = []) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: sql, arguments: arguments) }
        try queue.close()
    }

    /// `column = …` with some text of a stored document exchanged.
    static func exchanging(_ column: String, _ old: String, _ new: String) -> String {
        "\(column) = CAST(replace(CAST(\(column) AS TEXT), '\(old)', '\(new)') AS BLOB)"
    }

    func fsck() -> FsckReport { Fsck.run(backend, key: key.verifierKey) }

    func advance(_ seconds: Int64) { clock.withLock { $0 = $0.adding(seconds: seconds) } }

    /// Two salts nobody else has; tests need them different, not secret.
    func draft(kind: String, ref: String, core: JSON, body: JSON) throws -> EntryDraft {
        let number = salts.withLock { salts in
            salts += 2
            return salts
        }
        return try EntryDraft(
            kind: kind, ref: ref, core: core, body: body,
            salts: (.sha256([UInt8]("c\(number)".utf8)), .sha256([UInt8]("b\(number)".utf8))))
    }

    // MARK: content

    static let policyText = """
        @id("all") permit (principal, action in Action::"command", resource);
        @id("ask") @review("reviewers") forbid (principal, action in Action::"command", resource)
        unless { context.facts has effect && context.facts.effect == "read" };
        """

    static func directoryChanges() -> [DirectoryChange] {
        [
            .personAdded(owner), .personAdded(Handle(constant: "bob")),
            .groupAdded(.reviewers),
            .memberAdded(group: .reviewers, member: Handle(constant: "bob")),
            .agentAdded(agent, owner: owner),
        ]
    }

    static func environment() throws -> PolicyEnvironment {
        var directory = Directory()
        for change in directoryChanges() { try directory.apply(change) }
        return try PolicyEnvironment(
            policies: try PublishedPolicies(files: [PolicyFile(name: "a.cedar", text: policyText)]),
            directory: directory, singleOperator: false, unsealed: true)
    }

    /// Directory and policies as the server would log them.
    func begin(_ writer: LedgerWriter) async throws {
        var directory = Directory()
        var drafts: [EntryDraft] = []
        for change in Self.directoryChanges() {
            try directory.apply(change)
            let entry = DirectoryEntry(
                change: change, by: "administrator:alice", directory: try directory.digest(),
                unsealed: true)
            drafts.append(
                try draft(
                    kind: DirectoryEntry.kind, ref: DirectoryEntry.ref, core: entry.core,
                    body: ["name": nil]))
        }
        let policies = try Self.environment().policies
        drafts.append(
            try draft(
                kind: PolicyPublication.kind, ref: PolicyPublication.ref,
                core: PolicyPublication(policies, by: "administrator:alice", unsealed: true).core,
                body: PolicyPublication.body(policies)))
        let all = drafts
        _ = try await writer.submit { _ in LedgerPlan((), drafts: all) }
    }

    func action(_ number: UInt64, effect: String = "write") throws -> Action {
        try Action(
            id: ActionID(now: clock.withLock { $0 }, random: (number, number)),
            nonce: .sha256([UInt8]("nonce \(number)".utf8)),
            operation: try Operation(
                action: "command.run", resourceType: "Host", resourceID: "h",
                input: ["argv": ["echo", .string("\(number)")]]),
            intent: .none,
            requester: Requester(
                agent: Self.agent, owner: Self.owner, onBehalfOf: nil, credential: "c1"),
            gate: GateReference(id: .advisoryGate, enforcing: false),
            facts: ["effect": .string(effect), "inspectable": true])
    }

    /// Submits through the real machine and returns what was recorded.
    @discardableResult
    func submit(
        _ writer: LedgerWriter, _ action: Action, claim: Bool = false
    ) async throws -> Recorded<ActionState> {
        let environment = try Self.environment()
        return try await writer.submit { [self] view in
            let verdict = environment.evaluate(action, at: view.now)
            let (machine, events) = try ActionMachine.submit(
                action, verdict: verdict, nonce: claim ? .sha256([1]) : nil, unsealed: true,
                now: view.now)
            let body = SubmissionBody(
                action: action, texts: verdict.bodyJSON, rendering: nil, eligible: [], audit: [:])
            let drafts = try events.enumerated().map { position, event in
                try draft(
                    kind: event.kind, ref: action.id.text, core: try event.core(machine.coreHeader),
                    body: position == 0 ? try body.json : ["audit": [:]])
            }
            return LedgerPlan(
                machine.state, drafts: drafts, state: machine.state, body: body)
        }
    }

    /// Runs a command on a proven chain, as the server does.
    @discardableResult
    func run(
        _ writer: LedgerWriter, _ id: ActionID,
        _ command: @escaping @Sendable (inout ActionMachine, Timestamp) throws -> MachineResult
    ) async throws -> Recorded<MachineResult> {
        try await writer.submit { [self] view in
            guard let (state, _) = try view.action(id) else { throw StorageError("no action") }
            var machine = ActionMachine(state: state, unsealed: true)
            let result = try command(&machine, view.now)
            let drafts = try result.events.map { event in
                try draft(
                    kind: event.kind, ref: id.text, core: try event.core(machine.coreHeader),
                    body: ["audit": [:]])
            }
            return LedgerPlan(
                result, drafts: drafts, state: result.events.isEmpty ? nil : machine.state)
        }
    }

    /// A started ledger with some actions in different states.
    static func filled(actions: UInt64 = 6) async throws -> StoreFixture {
        let fixture = try StoreFixture()
        let writer = try fixture.writer()
        try await fixture.begin(writer)
        for number in 0..<actions {
            fixture.advance(1)
            let action = try fixture.action(number, effect: number % 2 == 0 ? "read" : "write")
            try await fixture.submit(writer, action, claim: true)
            if number % 3 == 1 {
                try await fixture.run(writer, action.id) { machine, now in
                    try machine.cancel(by: .agent(agent), now: now)
                }
            }
        }
        writer.finish()
        return fixture
    }
}
