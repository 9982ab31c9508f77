// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Channels
internal import ControlPlane
internal import Storage
internal import TransparencyLog

/// The service, as channels see it.
struct ServiceHost: ChannelHost {
    let control: ControlPlane

    var now: Timestamp { control.now }
    var publicURL: String { control.configuration.publicURL }
    var origin: String { control.configuration.origin }
    var size: UInt64 { control.writer.head.size }
    var checkpoint: String { control.writer.head.checkpoint }

    func notice(_ id: ActionID) throws -> ReviewNotice? { try control.notice(id) }

    func marks(after: ActionID?, limit: Int) throws -> [NoticeMark] {
        try control.marks(after: after, limit: limit)
    }

    /// Pending actions that are looked at for one person's queue.
    private static let queueScan = 500

    func queue(of person: Handle, limit: Int) throws -> [ReviewCard] {
        var query = ActionQuery()
        query.statuses = [.pending]
        query.limit = Self.queueScan
        let rows = try control.backend.read { try $0.actions(query) }
        // One that can't be read must not hide the others; its own page tells what is wrong.
        let notices = rows.compactMap { (try? control.notice($0.id)).flatMap(\.self) }
            .filter { $0.eligible.contains(person) && !$0.deciders.contains(person) }
        let cards = notices.map(\.card).sorted { a, b in
            if a.severity != b.severity { return (a.severity ?? .low) > (b.severity ?? .low) }
            return (a.deadline ?? a.submittedAt) < (b.deadline ?? b.submittedAt)
        }
        return Array(cards.prefix(limit))
    }

    // MARK: drift

    func driftAlerts(after key: String?, limit: Int) throws -> [DriftAlertText] {
        try control.driftNotices(after: key, limit: limit).map(alert)
    }

    func driftAlert(_ key: String) throws -> DriftAlertText? {
        try control.driftNotice(key).map(alert)
    }

    func forgetDriftAlerts(_ keys: [String]) async throws {
        try await control.forgetDriftNotices(keys)
    }

    private var driftPage: String { "\(publicURL)/drift" }

    private func alert(_ notice: DriftNotice) -> DriftAlertText {
        DriftAlertText(
            key: notice.key, severity: notice.severity, source: notice.source, text: notice.text,
            at: notice.at, url: driftPage)
    }

    // MARK: events

    /// A core that is larger stays behind; receivers are told to expect less than 20 KB.
    private static let coreBytes = 12_288

    func events(from index: UInt64, limit: Int) throws -> [LedgerEvent] {
        let size = self.size
        guard index < size else { return [] }
        let entries = try control.backend.read { reader in
            try reader.entries(
                from: index, limit: min(limit, Int(clamping: size - index)), bodies: false)
        }
        return try entries.filter { $0.index < size }.map(event)
    }

    private func event(_ recorded: RecordedEntry) throws -> LedgerEvent {
        let entry = recorded.entry
        var data: JSONObject = [
            "index": .int(Int64(clamping: recorded.index)), "leaf": .string(entry.leafHash.hex),
            "log": .string(origin), "ref": .string(entry.ref),
            "seq": .int(Int64(clamping: entry.seq)),
        ]
        if recorded.core.count <= Self.coreBytes {
            data["core"] = try JSON(canonical: recorded.core, limits: Limits.storedJSON)
        } else {
            data["coreOmitted"] = true
        }
        if let id = ActionID(entry.ref) {
            data["url"] = .string("\(publicURL)/actions/\(id)")
        } else if entry.kind.hasPrefix("drift.") {
            data["url"] = .string(driftPage)
        }
        return LedgerEvent(
            index: recorded.index, kind: entry.kind, at: entry.at, data: .object(data))
    }

    // MARK: notes

    func notes(_ prefix: String) throws -> [ChannelNote] { try control.notes(prefix) }

    func note(_ key: String) throws -> ChannelNote? { try control.note(key) }

    func keep(
        _ notes: [ChannelNote], answering marks: [NoticeMark],
        merging: (@Sendable ([UInt8], [UInt8]) -> [UInt8])?
    ) async throws -> [ChannelNote] {
        try await control.keep(notes, answering: marks, merging: merging)
    }

    func forget(_ keys: [String]) async throws { try await control.forgetNotes(keys) }

    // MARK: people

    func person(of account: ChatAccount) -> Handle? {
        control.governance.directory.accounts[account]
    }

    func account(of person: Handle, in channel: Handle) -> ChatAccount? {
        control.governance.directory.account(of: person, in: channel)
    }

    func name(of person: Handle) -> String {
        control.governance.names[person].map(VisibleText.escape) ?? person.text
    }

    func link(
        _ account: ChatAccount, code: String, name: String?, audit: JSON
    ) async throws -> Handle {
        try await control.link(account, code: code, name: name, audit: audit)
    }

    func decide(_ decision: ChatDecision, audit: JSON) async throws {
        do {
            _ = try await control.decide(decision, audit: audit)
        } catch let refusal as Refusal where refusal.code == .alreadyDecided {
            // What a chat delivers a second time is no mistake of the person's.
            guard try isRepeated(decision) else { throw refusal }
        } catch let refusal as Refusal where refusal.code == .notPending {
            guard try isRepeated(decision) else { throw refusal }
        }
    }

    /// Whether just this account has decided just this already.
    private func isRepeated(_ decision: ChatDecision) throws -> Bool {
        let decisions = try control.detail(decision.action)?.state.decisions ?? []
        return decisions.contains {
            $0.account == decision.account && $0.kind == decision.kind
        }
    }

    func obstacle(_ decision: ChatDecision) throws -> String? {
        try control.obstacle(decision)?.description
    }

    func describe(_ error: any Error) -> String { Problem(error).detail }
}
