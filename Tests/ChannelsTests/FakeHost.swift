// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Synchronization
import TransparencyLog

@testable import Channels

/// A service that only remembers.
final class FakeHost: ChannelHost {
    struct State {
        var now = Timestamp(milliseconds: 1_800_000_000_000)
        var notices: [ActionID: ReviewNotice] = [:]
        var accounts: [ChatAccount: Handle] = [:]
        var decisions: [ChatDecision] = []
        var links: [String: ChatAccount] = [:]
        /// Whom each code links, once; nil where every code links bob.
        var codes: [String: Handle]?
        var obstacle: String?
        /// What goes wrong where nothing stands in the way.
        var failure: String?
        /// Times that notes were written or removed.
        var writes = 0
        var notes: [String: ChannelNote] = [:]
        var marks: [NoticeMark] = []
        var events: [LedgerEvent] = []
        /// Alerts of drift in the outbox.
        var alerts: [DriftAlertText] = []
        /// All that were ever put there.
        var alertCount = 0
        /// Writes that fail before the next one that does not.
        var failingWrites = 0
    }

    let state = Mutex(State())
    let publicURL = "https://exequatur.example"
    let origin = "exequatur.example/log"
    var checkpoint: String { "exequatur.example/log\n1\nroot\n\n— signature\n" }
    var size: UInt64 { UInt64(state.withLock { $0.events.count }) }

    var now: Timestamp { state.withLock { $0.now } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    func notice(_ id: ActionID) throws -> ReviewNotice? { state.withLock { $0.notices[id] } }

    func marks(after: ActionID?, limit: Int) throws -> [NoticeMark] {
        state.withLock { state in
            let later = state.marks.filter { mark in
                after.map { $0.text < mark.action.text } ?? true
            }
            return Array(later.sorted { $0.action.text < $1.action.text }.prefix(limit))
        }
    }

    func queue(of person: Handle, limit: Int) throws -> [ReviewCard] {
        state.withLock { $0.notices.values.map(\.card) }
    }

    func events(from index: UInt64, limit: Int) throws -> [LedgerEvent] {
        state.withLock { Array($0.events.dropFirst(Int(index)).prefix(limit)) }
    }

    func notes(_ prefix: String) throws -> [ChannelNote] {
        state.withLock { state in
            state.notes.values.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
        }
    }

    /// As in the ledger, a note without a value is none.
    func note(_ key: String) throws -> ChannelNote? {
        state.withLock { $0.notes[key] }.flatMap { $0.value.isEmpty ? nil : $0 }
    }

    func keep(
        _ notes: [ChannelNote], answering marks: [NoticeMark],
        merging: (@Sendable ([UInt8], [UInt8]) -> [UInt8])?
    ) async throws -> [ChannelNote] {
        // As the writer does: others run while a commit is under way.
        await Task.yield()
        try fail()
        let kept = state.withLock { state in
            state.marks.removeAll { marks.contains($0) }
            if !notes.isEmpty { state.writes += 1 }
            return notes.map { note in
                var note = note
                if let merging, let known = state.notes[note.key] {
                    note = ChannelNote(
                        key: note.key, value: merging(known.value, note.value),
                        expires: note.expires)
                }
                state.notes[note.key] = note
                return note
            }
        }
        await Task.yield()
        return kept
    }

    private func fail() throws {
        try state.withLock { state in
            guard state.failingWrites > 0 else { return }
            state.failingWrites -= 1
            throw ChannelSilence("nothing is written now")
        }
    }

    static let alertSeconds: Int64 = 30 * 86_400

    func driftAlerts(after key: String?, limit: Int) throws -> [DriftAlertText] {
        let later = try alerts().filter { alert in key.map { $0 < alert.key } ?? true }
        return Array(later.prefix(limit))
    }

    func driftAlert(_ key: String) throws -> DriftAlertText? {
        try alerts().first { $0.key == key }
    }

    private func alerts() throws -> [DriftAlertText] {
        state.withLock { state in
            state.alerts.filter { $0.at.adding(seconds: Self.alertSeconds) > state.now }
                .sorted { $0.key < $1.key }
        }
    }

    func forgetDriftAlerts(_ keys: [String]) async throws {
        await Task.yield()
        guard !keys.isEmpty else { return }
        try fail()
        state.withLock { state in state.alerts.removeAll { keys.contains($0.key) } }
    }

    func forget(_ keys: [String]) async throws {
        state.withLock { state in
            if !keys.isEmpty { state.writes += 1 }
            for key in keys { state.notes[key] = nil }
        }
    }

    func person(of account: ChatAccount) -> Handle? { state.withLock { $0.accounts[account] } }

    func account(of person: Handle, in channel: Handle) -> ChatAccount? {
        state.withLock { state in
            state.accounts.first { $0.value == person && $0.key.channel == channel }?.key
        }
    }

    func name(of person: Handle) -> String { person.text }

    func link(
        _ account: ChatAccount, code: String, name: String?, audit: JSON
    ) async throws -> Handle {
        try state.withLock { state in
            state.links[code] = account
            guard state.codes != nil else { return Handle(constant: "bob") }
            guard let person = state.codes?.removeValue(forKey: code) else {
                throw ChannelSilence("the code is not good")
            }
            state.accounts[account] = person
            return person
        }
    }

    func decide(_ decision: ChatDecision, audit: JSON) async throws {
        try state.withLock { state in
            if let why = state.obstacle ?? state.failure { throw ChannelSilence(why) }
            state.decisions.append(decision)
            guard let notice = state.notices[decision.action],
                let person = state.accounts[decision.account]
            else { return }
            state.notices[decision.action] = ReviewNotice(
                card: notice.card, groups: notice.groups, eligible: notice.eligible,
                requesters: notice.requesters, deciders: notice.deciders + [person])
        }
    }

    func obstacle(_ decision: ChatDecision) throws -> String? { state.withLock { $0.obstacle } }

    func describe(_ error: any Error) -> String { "\(error)" }
}

/// A vendor that answers what the test says, and keeps what it was asked.
final class FakeVendor: Sendable {
    struct Call: Sendable {
        let url: String
        let headers: [String: String]
        let body: JSON
    }

    private struct State {
        var calls: [Call] = []
        var answers: [String: ChannelResponse] = [:]
    }
    private let state = Mutex(State())

    var calls: [Call] { state.withLock { $0.calls } }

    /// The bodies of calls whose address ends so.
    func bodies(_ suffix: String) -> [JSON] {
        calls.filter { $0.url.hasSuffix(suffix) }.map(\.body)
    }

    /// What is answered to addresses that end so; otherwise `{"ok":true}`.
    func answer(_ suffix: String, _ json: JSON, status: Int = 200, retryAfter: Double? = nil) {
        state.withLock { state in
            state.answers[suffix] = ChannelResponse(
                status: status, retryAfter: retryAfter, body: Array(json.description.utf8))
        }
    }

    var caller: HTTPCaller {
        HTTPCaller { [self] request throws(ChannelSilence) in
            state.withLock { state in
                let body = (try? JSON(parsing: request.body)) ?? .null
                state.calls.append(
                    Call(
                        url: request.url,
                        headers: Dictionary(
                            request.headers, uniquingKeysWith: { first, _ in first }),
                        body: body))
                return state.answers.first { request.url.hasSuffix($0.key) }?.value
                    ?? ChannelResponse(
                        status: 200, retryAfter: nil, body: Array(#"{"ok":true}"#.utf8))
            }
        }
    }
}
