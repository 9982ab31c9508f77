// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import TransparencyLog

@testable import ApprovalCore

/// A ledger in memory: the real entries, tree, keys and machine, without a store.
struct MemoryLedger {
    static let key = try? SigningKey(name: "log.example/test", seed: Array(repeating: 7, count: 32))
    static let otherKey = try? SigningKey(
        name: "log.example/test", seed: Array(repeating: 8, count: 32))

    var now = Timestamp.start
    var unsealed = true
    var singleOperator = false
    var debts = OpenDebts()
    var isTargetChanged = false
    var directory = Directory()
    var policies: PublishedPolicies?
    private(set) var entries: [RecordedEntry] = []
    private(set) var tips: [String: (next: UInt64, last: Hash256)] = [:]
    private(set) var frontier = MerkleFrontier()
    private var random = SeededRandom(seed: 11)

    struct Missing: Error {}

    static func signer() throws -> SigningKey {
        guard let key else { throw Missing() }
        return key
    }

    /// The fixtures' directory and policies, published.
    static func started(policy: String = Fixtures.policyText) throws -> MemoryLedger {
        var ledger = MemoryLedger()
        for change in Fixtures.changes { try ledger.change(change) }
        try ledger.publish(policy)
        return ledger
    }

    // MARK: writing

    @discardableResult
    mutating func append(kind: String, ref: String, core: JSON, body: JSON) throws -> RecordedEntry
    {
        let draft = try EntryDraft(
            kind: kind, ref: ref, core: core, body: body,
            salts: (Hash256(random: &random), Hash256(random: &random)))
        let tip = tips[ref] ?? (0, .zero)
        let entry = LedgerEntry(
            kind: kind, at: now, ref: ref, seq: tip.next, previous: tip.last,
            core: draft.coreCommitment, body: draft.bodyCommitment)
        let recorded = RecordedEntry(
            index: frontier.size, entry: entry, coreSalt: draft.coreSalt, core: draft.core,
            bodySalt: draft.bodySalt, body: draft.body)
        frontier.append(entry.leafHash)
        tips[ref] = (tip.next + 1, entry.leafHash)
        entries.append(recorded)
        return recorded
    }

    /// Writes any leaf at all over what another entry holds, as whoever has the log's key may.
    mutating func forge(_ leaf: LedgerEntry, with recorded: RecordedEntry) {
        entries.append(
            RecordedEntry(
                index: frontier.size, entry: leaf, coreSalt: recorded.coreSalt,
                core: recorded.core, bodySalt: recorded.bodySalt, body: recorded.body))
        frontier.append(leaf.leafHash)
    }

    mutating func change(_ change: DirectoryChange) throws {
        try directory.apply(change)
        let entry = DirectoryEntry(
            change: change, by: "administrator:alice", directory: try directory.digest(),
            unsealed: unsealed)
        try append(
            kind: DirectoryEntry.kind, ref: DirectoryEntry.ref, core: entry.core,
            body: ["name": nil])
    }

    mutating func publish(_ text: String) throws {
        try publish(try Fixtures.policies(text))
    }

    mutating func publish(_ set: PublishedPolicies) throws {
        policies = set
        try append(
            kind: PolicyPublication.kind, ref: PolicyPublication.ref,
            core: PolicyPublication(set, by: "administrator:alice", unsealed: unsealed).core,
            body: PolicyPublication.body(set))
    }

    var environment: PolicyEnvironment {
        get throws {
            guard let policies else { throw Missing() }
            return try PolicyEnvironment(
                policies: policies, directory: directory, singleOperator: singleOperator,
                unsealed: unsealed)
        }
    }

    mutating func append(_ event: ActionEvent, _ header: CoreHeader, body: JSON) throws {
        try append(
            kind: event.kind, ref: header.action.text, core: try event.core(header), body: body)
    }

    /// Submits and records; the rendering is the real one.
    mutating func submit(
        _ action: Action, nonce: Hash256? = nil, complete: Bool = true
    ) throws -> ActionMachine {
        let verdict = try environment.evaluate(action, at: now)
        let (machine, events) = try ActionMachine.submit(
            action, verdict: verdict, nonce: nonce, unsealed: unsealed, now: now)
        let rendering =
            verdict.requirement == nil
            ? nil
            : Renderer.render(
                action: action, verdict: verdict, deadline: machine.state.submission.deadline,
                name: { _ in nil })
        let body = SubmissionBody(
            action: action, texts: verdict.bodyJSON, rendering: rendering,
            eligible: verdict.requirement.map {
                $0.persons(in: directory, after: $0.expires.seconds).sorted()
            } ?? [],
            audit: ["source": "127.0.0.1"])
        for (position, event) in events.enumerated() {
            try append(
                event, machine.coreHeader, body: position == 0 ? try body.json : ["audit": [:]])
        }
        return machine
    }

    func surroundings(_ action: Action) throws -> MachineSurroundings {
        let environment = try environment
        let now = now
        return MachineSurroundings(
            now: now, directory: directory, singleOperator: singleOperator, openDebts: debts,
            isTargetChanged: isTargetChanged,
            evaluate: { environment.evaluate(action, at: now) },
            render: { ShownRendering(Self.rendering(action, $0, $1)) })
    }

    static func rendering(
        _ action: Action, _ verdict: Verdict, _ deadline: Timestamp?
    ) -> Rendering {
        Renderer.render(action: action, verdict: verdict, deadline: deadline, name: { _ in nil })
    }

    /// The submission's body of an action, as stored.
    func submission(of id: ActionID) throws -> SubmissionBody {
        guard let body = entries.first(where: { $0.entry.ref == id.text })?.body else {
            throw Missing()
        }
        return try SubmissionBody(try JSON(canonical: body))
    }

    /// One person's decision through the machine; what it leads to is recorded.
    @discardableResult
    mutating func decide(
        _ machine: inout ActionMachine, _ action: Action, _ person: Handle,
        _ kind: ReviewDecision.Kind = .approve, assurance: Assurance = .console,
        principal: Principal? = nil, shownInFull: Bool = true,
        method: SignInMethod? = .openID, _ adjust: (inout DecisionCommand) -> Void = { _ in }
    ) throws -> MachineResult {
        let body = try submission(of: action.id)
        var command = DecisionCommand(
            principal: principal ?? .person(person), kind: kind, channel: .console,
            assurance: assurance, expectedDigest: String(action.digest.hex.prefix(16)),
            hasReason: true, surfaceShowsAll: shownInFull, method: method)
        adjust(&command)
        let result = try machine.decide(
            command.onRecordedRendering(body, machine.state), surroundings(action))
        try record(result, machine)
        return result
    }

    /// Any other command; what it leads to is recorded.
    @discardableResult
    mutating func run(
        _ machine: inout ActionMachine, _ action: Action,
        _ command: (inout ActionMachine, MachineSurroundings) throws -> MachineResult
    ) throws -> MachineResult {
        let result = try command(&machine, try surroundings(action))
        try record(result, machine)
        return result
    }

    /// Somebody breaks the glass.
    @discardableResult
    mutating func breakGlass(
        _ machine: inout ActionMachine, _ action: Action, _ person: Handle,
        assurance: Assurance = .console, channel: Channel = .console, hasReason: Bool = true,
        method: SignInMethod = .openID
    ) throws -> MachineResult {
        let body = try submission(of: action.id)
        let command = BreakGlassCommand(
            principal: .person(person), channel: channel, assurance: assurance, method: method,
            expectedDigest: action.digest.hex, hasReason: hasReason, isCredentialShown: false,
            shown: nil
        ).onRecordedRendering(body, machine.state)
        return try run(&machine, action) { try $0.breakGlass(command, $1) }
    }

    mutating func claim(
        _ machine: inout ActionMachine, _ action: Action, nonce: Hash256 = .of("claim")
    ) throws -> MachineResult {
        let result = try machine.claim(
            nonce: nonce, gate: action.gate, agent: .bot, surroundings(action))
        try record(result, machine)
        return result
    }

    mutating func report(
        _ machine: inout ActionMachine, _ action: Action, _ status: OutcomeStatus = .succeeded,
        nonce: Hash256 = .of("claim")
    ) throws {
        let result = try machine.report(
            ActionEvent.Report(status, exitCode: 0), nonce: nonce, gate: action.gate,
            agent: .bot, now: now)
        try record(result, machine)
    }

    mutating func record(_ result: MachineResult, _ machine: ActionMachine) throws {
        for event in result.events {
            var body: JSONObject = ["audit": [:], "reason": "because"]
            if case .revised(let revision) = event {
                let action = try submission(of: machine.state.id).action
                body["rendering"] =
                    Self.rendering(
                        action, try environment.evaluate(action, at: now), revision.deadline
                    ).json
            }
            try append(event, machine.coreHeader, body: .object(body))
        }
    }

    // MARK: receipts

    func chain(_ ref: String) -> [RecordedEntry] { entries.filter { $0.entry.ref == ref } }

    func receipt(_ id: ActionID) throws -> Receipt {
        let key = try Self.signer()
        let frontier = frontier
        let checkpoint = try Checkpoint(
            origin: key.name, size: frontier.size, root: frontier.root()
        ).signed(by: key)
        // Replayed as far as it goes: forged chains get a receipt too.
        var state: ActionState?
        for recorded in chain(id.text) {
            guard let next = try? ActionReplay.next(state, recorded) else { break }
            state = next
        }
        guard let state else { throw Missing() }
        return try Receipt(
            state: state, chain: chain(id.text), policyChain: chain(PolicyPublication.ref),
            directoryChain: chain(DirectoryEntry.ref), checkpoint: checkpoint,
            treeSize: frontier.size, proof: { try frontier.inclusionProof(index: $0) })
    }

    func receiptBytes(_ id: ActionID) throws -> [UInt8] {
        try receipt(id).signed(by: try Self.signer())
    }

    /// A receipt after somebody with the log key changed it and signed it again.
    static func resigned(
        _ bytes: [UInt8], _ change: (inout JSONObject) throws -> Void
    ) throws
        -> [UInt8]
    {
        var object = try JSON(canonical: bytes, limits: Limits.storedJSON).objectValue ?? [:]
        try change(&object)
        let action = object["action"]?.stringValue ?? ""
        let text = try Receipt.statementText(object, action: action)
        object["statement"] = .string(try signer().sign(noteText: text))
        return try JSON.object(object).canonicalBytes()
    }

    static func verify(_ bytes: [UInt8]) throws -> ReceiptReport {
        ReceiptVerifier.verify(bytes: bytes, key: try signer().verifierKey)
    }

    /// A reviewed export by two persons, claimed and reported.
    static func finished(
        number: UInt64 = 1, ledger: inout MemoryLedger
    ) throws -> (action: Action, machine: ActionMachine) {
        let action = try Fixtures.action(effect: "export", number: number)
        var machine = try ledger.submit(action)
        ledger.now = ledger.now.adding(seconds: 60)
        try ledger.decide(&machine, action, .bob)
        ledger.now = ledger.now.adding(seconds: 60)
        try ledger.decide(&machine, action, .carol)
        ledger.now = ledger.now.adding(seconds: 1)
        _ = try ledger.claim(&machine, action)
        ledger.now = ledger.now.adding(seconds: 2)
        try ledger.report(&machine, action)
        return (action, machine)
    }
}
