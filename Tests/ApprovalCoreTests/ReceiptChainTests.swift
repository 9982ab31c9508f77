// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// The operator arranges true entries as he likes and signs that; each check by its own words.
@Suite("Receipt: proofs and places, each by itself")
struct ReceiptChainTests {
    private let ledger: MemoryLedger
    private let action: Action
    private let bytes: [UInt8]

    init() throws {
        var ledger = try MemoryLedger.started()
        (action, _) = try MemoryLedger.finished(ledger: &ledger)
        self.ledger = ledger
        bytes = try ledger.receiptBytes(action.id)
    }

    private func expect(
        _ place: String, _ words: String, _ bytes: [UInt8],
        location: SourceLocation = #_sourceLocation
    ) throws {
        let report = try MemoryLedger.verify(bytes)
        #expect(report.status == .invalid, sourceLocation: location)
        #expect(
            report.problems.contains { $0.place.hasPrefix(place) && $0.what.contains(words) },
            "\(report.problems)", sourceLocation: location)
        // What is not proven tells no story.
        #expect(report.summary == nil && report.state == nil, sourceLocation: location)
    }

    private func expect(
        _ place: String, _ words: String, location: SourceLocation = #_sourceLocation,
        _ change: (inout JSONObject) throws -> Void
    ) throws {
        try expect(
            place, words, try MemoryLedger.resigned(bytes, change), location: location)
    }

    private static func edit(
        _ object: inout JSONObject, _ member: String, _ key: String, _ value: JSON
    ) {
        var inner = object[member]?.objectValue ?? [:]
        inner[key] = .some(value)
        object[member] = .object(inner)
    }

    @Test("another name of the log, another size, another number of entries, another statement")
    func head() throws {
        try expect("log.origin", "not the name of the log's key") {
            Self.edit(&$0, "log", "origin", "log.example/other")
        }
        try expect("complete.size", "the checkpoint covers") {
            Self.edit(&$0, "complete", "size", 9999)
        }
        try expect("complete.entries", "entries are here") {
            Self.edit(&$0, "complete", "entries", 3)
        }
        var other = ledger
        let (second, _) = try MemoryLedger.finished(number: 2, ledger: &other)
        let statement = try JSON(canonical: other.receiptBytes(second.id))["statement"]
        var object = try JSON(canonical: bytes, limits: Limits.storedJSON).objectValue ?? [:]
        object["statement"] = statement ?? .null
        try expect(
            "statement", "made it for another receipt", JSON.object(object).canonicalBytes())
    }

    @Test("an entry that is in no tree that was signed")
    func proofs() throws {
        for (member, path): (String, String) in [
            ("entries", "entries[0]"), ("policies", "policies[0]"),
        ] {
            try expect("\(path).proof", "") { object in
                var entries = object[member]?.arrayValue ?? []
                var entry = entries[0].objectValue ?? [:]
                let proof = entry["proof"]?.arrayValue ?? []
                entry["proof"] = .array([.string(Hash256.zero.base64)] + proof.dropFirst())
                entries[0] = .object(entry)
                object[member] = .array(entries)
            }
        }
    }

    @Test("nothing at all, an entry of another action, one left out, and one twice")
    func entries() throws {
        try expect("entries", "there is none") {
            $0["entries"] = []
            Self.edit(&$0, "complete", "entries", 0)
        }
        var other = ledger
        let second = try Fixtures.action(number: 2)
        _ = try other.submit(second)
        let foreign = try JSON(canonical: other.receiptBytes(second.id), limits: Limits.storedJSON)
        try expect(
            "entries[", "belongs to another action",
            try MemoryLedger.resigned(try other.receiptBytes(action.id)) { object in
                object["entries"] = .array(
                    (object["entries"]?.arrayValue ?? []) + (foreign["entries"]?.arrayValue ?? []))
            })
        try expect("entries[1]", "missing or out of order") { object in
            var entries = object["entries"]?.arrayValue ?? []
            entries.remove(at: 1)
            object["entries"] = .array(entries)
        }
        try expect("policies[1]", "the index is that of another entry here") { object in
            object["policies"] = .array(
                (object["policies"]?.arrayValue ?? []) + (object["policies"]?.arrayValue ?? []))
        }
        try expect("policies[1]", "out of order") { object in
            object["policies"] = .array(
                (object["policies"]?.arrayValue ?? []) + (object["policies"]?.arrayValue ?? []))
        }
    }

    /// A pending action, and the next entry of its chain as it should be.
    private func pending() throws -> (ledger: MemoryLedger, id: ActionID, next: RecordedEntry) {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action()
        let machine = try ledger.submit(action)
        var probe = ledger
        let event = ActionEvent.commented(by: "person:bob", .comment)
        let next = try probe.append(
            kind: event.kind, ref: action.id.text, core: try event.core(machine.coreHeader),
            body: ["audit": [:]])
        return (ledger, action.id, next)
    }

    private func leaf(
        _ next: RecordedEntry, at: Timestamp? = nil, seq: UInt64? = nil, previous: Hash256? = nil
    ) -> LedgerEntry {
        LedgerEntry(
            kind: next.entry.kind, at: at ?? next.entry.at, ref: next.entry.ref,
            seq: seq ?? next.entry.seq, previous: previous ?? next.entry.previous,
            core: next.entry.core, body: next.entry.body)
    }

    @Test("a gap in the numbers, another predecessor, a time before the last entry's")
    func chain() throws {
        let words = "does not follow in the chain"
        var (sound, id, next) = try pending()
        sound.forge(leaf(next), with: next)
        #expect(try MemoryLedger.verify(sound.receiptBytes(id)).problems == [])

        var gap = try pending()
        gap.ledger.forge(leaf(gap.next, seq: gap.next.entry.seq + 1), with: gap.next)
        try expect("entries[1]", words, gap.ledger.receiptBytes(gap.id))

        var torn = try pending()
        torn.ledger.forge(leaf(torn.next, previous: .of("another")), with: torn.next)
        try expect("entries[1]", words, torn.ledger.receiptBytes(torn.id))

        var early = try pending()
        let before = Timestamp.start.adding(seconds: -1)
        early.ledger.forge(leaf(early.next, at: before), with: early.next)
        try expect(
            "entries[1]", "recorded time goes backwards", early.ledger.receiptBytes(early.id))
    }

    @Test("a successor that was written before what it follows")
    func order() throws {
        var (ledger, id, next) = try pending()
        ledger.forge(leaf(next, seq: 2, previous: next.entry.leafHash), with: next)
        ledger.forge(leaf(next), with: next)
        let arranged = try MemoryLedger.resigned(ledger.receiptBytes(id)) { object in
            var entries = object["entries"]?.arrayValue ?? []
            entries.swapAt(1, 2)
            object["entries"] = .array(entries)
        }
        try expect("entries[2]", "out of order", arranged)
    }

    @Test("a policy set that was published elsewhere, or is something else")
    func otherChains() throws {
        let words = "not an entry of `policies`"
        let policies = try Fixtures.policies()
        let core = PolicyPublication(policies, by: "administrator:alice", unsealed: true).core
        let body = PolicyPublication.body(policies)
        var kind = try MemoryLedger.started()
        try kind.append(kind: "policies.other", ref: PolicyPublication.ref, core: core, body: body)
        let first = try Fixtures.action()
        _ = try kind.submit(first)
        try expect("policies[0]", words, kind.receiptBytes(first.id))

        var elsewhere = try MemoryLedger.started()
        try elsewhere.append(kind: PolicyPublication.kind, ref: "elsewhere", core: core, body: body)
        let second = try Fixtures.action()
        _ = try elsewhere.submit(second)
        let key = try MemoryLedger.signer()
        let frontier = elsewhere.frontier
        let receipt = try Receipt(
            chain: elsewhere.chain(second.id.text), policyChain: elsewhere.chain("elsewhere"),
            directoryChain: elsewhere.chain(DirectoryEntry.ref),
            checkpoint: try Checkpoint(
                origin: key.name, size: frontier.size, root: frontier.root()
            ).signed(by: key), treeSize: frontier.size,
            proof: { try frontier.inclusionProof(index: $0) })
        try expect("policies[0]", words, receipt.signed(by: key))
    }

    @Test("a hundred problems are named, and the rest is left")
    func manyProblems() throws {
        var (ledger, id, next) = try pending()
        for _ in 0..<150 { ledger.forge(leaf(next, seq: 9), with: next) }
        #expect(try MemoryLedger.verify(ledger.receiptBytes(id)).problems.count == 100)
    }

    @Test("what is true of the action and of its digest is said under its digest")
    func digest() throws {
        let changed = try MemoryLedger.resigned(bytes) { $0["digest"] = .string(Hash256.zero.hex) }
        let report = try MemoryLedger.verify(changed)
        #expect(report.problems.contains { $0.what == "names another digest" })
    }

    @Test("a directory's extract in another order is not its one form")
    func extract() throws {
        let changed = try MemoryLedger.resigned(bytes) { object in
            var directories = object["directories"]?.arrayValue ?? []
            var pair = directories[0].objectValue ?? [:]
            var extract = pair["extract"]?.objectValue ?? [:]
            extract["persons"] = .array((extract["persons"]?.arrayValue ?? []).reversed())
            pair["extract"] = .object(extract)
            directories[0] = .object(pair)
            object["directories"] = .array(directories)
        }
        let report = try MemoryLedger.verify(changed)
        #expect(report.problems.contains { $0.what.contains("not the directory") })
    }

    @Test("a submission's words in another form than their one form")
    func bodyForm() throws {
        for isForged in [false, true] {
            var ledger = try MemoryLedger.started()
            let action = try Fixtures.action(effect: "key")
            let verdict = try ledger.environment.evaluate(action, at: ledger.now)
            let (machine, events) = try ActionMachine.submit(
                action, verdict: verdict, nonce: nil, unsealed: true, now: ledger.now)
            var body = try SubmissionBody(
                action: action, texts: verdict.bodyJSON, rendering: nil, eligible: [], audit: [:]
            ).json.objectValue
            if isForged {
                // Nobody at all is the same as none, and is left out.
                var words = body?["action"]?.objectValue ?? [:]
                var requester = words["requester"]?.objectValue ?? [:]
                requester["shownTo"] = []
                words["requester"] = .object(requester)
                body?["action"] = .object(words)
            }
            try ledger.append(events[0], machine.coreHeader, body: .object(body ?? [:]))
            let report = try MemoryLedger.verify(ledger.receiptBytes(action.id))
            #expect(report.problems.contains { $0.what.contains("one form") } == isForged)
        }
    }
}
