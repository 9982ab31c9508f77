// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

@Suite("Handles, ids, operations and actions")
struct IdentifierTests {
    @Test("handles: lower-case ASCII only, so that equal means equal bytes")
    func handles() {
        for text in [
            "a", "bob", "deploy-bot", "0x", "a.b_c@d-e", String(repeating: "a", count: 64),
        ] {
            #expect(Handle(text)?.text == text)
        }
        for text in [
            "", "Bob", "-a", ".a", "_a", "@a", "a b", "a/b", "a:b", "é", "a\u{301}", "a\u{200B}",
            "\u{430}lice", "ａ", "a\n", String(repeating: "a", count: 65), "a\u{0}",
        ] {
            #expect(Handle(text) == nil, "\(text.debugDescription)")
        }
    }

    @Test("action ids sort by their time, and are read back")
    func actionIDs() {
        var random = SeededRandom.forTest()
        var previous: ActionID?
        var instant = Timestamp.start
        for _ in 0..<1000 {
            instant = Timestamp(
                milliseconds: instant.milliseconds + Int64.random(in: 1...100_000, using: &random))
            let id = ActionID(now: instant, random: (random.next(), random.next()))
            #expect(ActionID(id.text) == id)
            if let previous {
                #expect(previous.text.utf8.lexicographicallyPrecedes(id.text.utf8))
            }
            previous = id
        }
        for text in [
            "", "act_", "act_" + String(repeating: "i", count: 26),
            "act_" + String(repeating: "0", count: 25), "ACT_" + String(repeating: "0", count: 26),
        ] {
            #expect(ActionID(text) == nil, "\(text)")
        }
    }

    @Test("the operation digest depends on content, not on the order or spelling of the JSON")
    func operationDigest() throws {
        func digest(_ text: String) throws -> Hash256 {
            try Operation(try JSON(parsing: text)).digest()
        }
        let one = try digest(
            #"{"action":"a.b","resource":{"type":"T","id":"i"},"input":{"x":1,"y":"é"}}"#)
        let same = try digest(
            #"{ "input":{"y":"\u00e9","x":1.0},"resource":{"id":"i","type":"T"},"action":"a.b" }"#)
        #expect(one == same)
        for other in [
            #"{"action":"a.c","resource":{"type":"T","id":"i"},"input":{"x":1,"y":"é"}}"#,
            #"{"action":"a.b","resource":{"type":"U","id":"i"},"input":{"x":1,"y":"é"}}"#,
            #"{"action":"a.b","resource":{"type":"T","id":"j"},"input":{"x":1,"y":"é"}}"#,
            #"{"action":"a.b","resource":{"type":"T","id":"i"},"input":{"x":"1","y":"é"}}"#,
            #"{"action":"a.b","resource":{"type":"T","id":"i"},"input":{"x":1,"y":"e\u0301"}}"#,
            #"{"action":"a.b","resource":{"type":"T","id":"i"},"input":{"x":1,"y":"é","z":null}}"#,
        ] {
            #expect(try digest(other) != one, "\(other)")
        }
        // The fixed form: two implementations in other languages must arrive at this digest.
        let bytes = Array(
            #"{"action":"a.b","input":{"x":1,"y":"é"},"resource":{"id":"i","type":"T"}}"#.utf8)
        #expect(one == .sha256(bytes))
    }

    @Test(
        "operations that can't be frozen are refused",
        arguments: [
            #"{"action":"a b","resource":{"type":"T","id":"i"},"input":{}}"#,
            #"{"action":"","resource":{"type":"T","id":"i"},"input":{}}"#,
            #"{"action":"1a","resource":{"type":"T","id":"i"},"input":{}}"#,
            #"{"action":"a","resource":{"type":"T:é","id":"i"},"input":{}}"#,
            #"{"action":"a","resource":{"type":"T","id":""},"input":{}}"#,
            #"{"action":"a","resource":{"type":"T","id":"i"},"input":[]}"#,
            #"{"action":"a","resource":{"type":"T","id":"i"}}"#,
            #"{"action":"a","resource":{"type":"T","id":"i","more":1},"input":{}}"#,
            #"{"action":"a","resource":{"type":"T","id":"i"},"input":{},"more":1}"#,
            #"{"action":"a","resource":{"type":"T","id":"i"},"input":{"x":1,"x":2}}"#,
            #"{"action":"a","resource":{"type":"T","id":"i"},"input":{"n":9007199254740993}}"#,
        ])
    func operationRefused(text: String) {
        #expect(throws: (any Error).self) {
            _ = try Operation(try JSON(parsing: text)).digest()
        }
    }

    @Test("no two actions share a digest, and each is read back as it was")
    func actions() throws {
        let one = try Fixtures.action(number: 1)
        let two = try Fixtures.action(number: 2)
        #expect(one.operationDigest == two.operationDigest)
        #expect(one.digest != two.digest)
        let intent = Intent(
            justification: "why", trigger: Intent.Trigger(kind: "prompt", id: "p", parent: "q"))
        for action in [one, try Fixtures.action(intent: intent, onBehalfOf: .bob, enforcing: true)]
        {
            let read = try Action(try JSON(canonical: action.canonical))
            #expect(read == action)
            #expect(read.digest == action.digest)
            #expect(Hash256.sha256(action.canonical) == action.digest)
        }
        #expect(try Fixtures.action(onBehalfOf: .bob).digest != one.digest)
        #expect(try Fixtures.action(enforcing: true).digest != one.digest)
        var changed = try JSON(canonical: one.canonical).objectValue ?? [:]
        changed["extra"] = true
        #expect(throws: (any Error).self) { try Action(.object(changed)) }
    }

    @Test("an action larger than its limit is refused")
    func largeAction() {
        #expect(throws: OperationError.self) {
            try Fixtures.action(argv: [String(repeating: "x", count: Limits.actionBytes)])
        }
    }
}

@Suite("Ledger entries")
struct LedgerEntryTests {
    private func entry(_ random: inout SeededRandom) -> LedgerEntry {
        LedgerEntry(
            kind: ["action.submitted", "directory.changed"].randomElement(using: &random) ?? "a",
            at: Timestamp(milliseconds: Int64.random(in: 0...9_000_000_000_000, using: &random)),
            ref: ["directory", "act_x9"].randomElement(using: &random) ?? "a",
            seq: UInt64.random(in: 0...9_007_199_254_740_991, using: &random),
            previous: Hash256(random: &random), core: Hash256(random: &random),
            body: Hash256(random: &random))
    }

    @Test("leaf bytes are canonical JSON and read back to the same entry")
    func roundTrip() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<500 {
            let entry = entry(&random)
            #expect(try LedgerEntry(leaf: entry.leaf) == entry)
            #expect(try JSON(canonical: entry.leaf).canonicalBytes() == entry.leaf)
            #expect(entry.leafHash == MerkleHash.leaf(entry.leaf))
        }
    }

    @Test("every changed byte is refused or gives another entry")
    func everyByte() throws {
        var random = SeededRandom.forTest()
        let entry = entry(&random)
        for index in entry.leaf.indices {
            var leaf = entry.leaf
            leaf[index] ^= UInt8.random(in: 1...255, using: &random)
            guard let read = try? LedgerEntry(leaf: leaf) else { continue }
            #expect(read != entry)
            #expect(read.leaf == leaf)
            #expect(read.leafHash != entry.leafHash)
        }
    }

    @Test("other forms of the same JSON are refused")
    func otherForms() throws {
        var random = SeededRandom.forTest()
        let text = String(decoding: entry(&random).leaf, as: UTF8.self)
        for changed in [
            " " + text, text + "\n", text.replacing(",", with: ", "),
            text.replacing("\"v\":1", with: "\"v\":1,\"w\":1"),
            text.replacing("\"v\":1", with: "\"v\":1.0"),
            text.replacing("\"v\":1", with: "\"v\":2"),
            text.replacing("sha256:", with: "sha512:"),
            text.replacing("\"kind\"", with: "\"kine\""),
            text.replacing("sha256:", with: "SHA256:"),
        ] {
            #expect(throws: (any Error).self, "\(changed)") {
                try LedgerEntry(leaf: Array(changed.utf8))
            }
        }
        #expect(throws: (any Error).self) {
            try LedgerEntry(leaf: [UInt8](repeating: 0x20, count: Limits.leafBytes + 1))
        }
    }

    @Test("a core can't stand for a body, nor one salt for another")
    func commitments() {
        let bytes = Array("{}".utf8)
        let salts = [Hash256.zero, .of("salt")]
        var seen: Set<Hash256> = []
        for salt in salts {
            #expect(seen.insert(Commitment.core(salt: salt, bytes: bytes)).inserted)
            #expect(seen.insert(Commitment.body(salt: salt, bytes: bytes)).inserted)
        }
        #expect(
            Commitment.core(salt: .zero, bytes: bytes)
                == .sha256(
                    Array("exequatur/v1/core\n".utf8) + [UInt8](repeating: 0, count: 32) + bytes))
    }

    @Test("every event's core is read back as it was, and refuses other members and kinds")
    func cores() throws {
        let header = CoreHeader(
            action: ActionID(now: .start, random: (1, 2)), digest: .of("d"), unsealed: true)
        for event in try Events.all() {
            let core = try event.core(header)
            let read = try ActionEvent.read(core)
            #expect(read.event == event, "\(event.kind)")
            #expect(read.header == header)
            var object = core.objectValue ?? [:]
            object["more"] = 1
            #expect(throws: (any Error).self) { try ActionEvent.read(.object(object)) }
            for key in core.objectValue?.keys ?? []
            where ![
                "batch", "deadline", "effects", "exitCode", "method", "resultDigest",
            ].contains(key) {
                var less = core.objectValue ?? [:]
                less[key] = Optional<JSON>.none
                #expect(throws: (any Error).self, "\(event.kind) without \(key)") {
                    try ActionEvent.read(.object(less))
                }
            }
            var other = core.objectValue ?? [:]
            other["kind"] = "action.approved"
            #expect(throws: (any Error).self) { try ActionEvent.read(.object(other)) }
            other["kind"] = .string(event.kind)
            other["v"] = 2
            #expect(throws: (any Error).self) { try ActionEvent.read(.object(other)) }
        }
    }

    @Test("cores of directory and policies are read back")
    func governance() throws {
        let credential = Credential(
            id: "c1", kind: .person, subject: .bob, secretHash: .of("s"), notAfter: .start,
            shownTo: [.alice])
        let changes =
            Fixtures.changes + [
                .credentialIssued(credential), .credentialRevoked("c1"), .personRemoved(.bob),
                .agentRemoved(.bot), .groupRemoved(.security), .gateAdded(Handle(constant: "g")),
                .gateRemoved(Handle(constant: "g")),
                .memberRemoved(group: .reviewers, member: .bob),
            ]
        for change in changes {
            let entry = DirectoryEntry(
                change: change, by: "person:alice", directory: .of("d"), unsealed: false)
            #expect(try DirectoryEntry(core: entry.core) == entry)
            var object = entry.core.objectValue ?? [:]
            object["more"] = true
            #expect(throws: (any Error).self) { try DirectoryEntry(core: .object(object)) }
        }
        let policies = try Fixtures.policies()
        let publication = PolicyPublication(policies, by: "person:alice", unsealed: true)
        #expect(try PolicyPublication(core: publication.core) == publication)
        let body = PolicyPublication.body(policies)
        #expect(try publication.policies(body: body).digest == policies.digest)
        let other = try Fixtures.policies("permit (principal, action, resource);")
        #expect(throws: (any Error).self) {
            try publication.policies(body: PolicyPublication.body(other))
        }
        #expect(throws: (any Error).self) { try PolicyPublication(core: [:]) }
        #expect(throws: (any Error).self) { try DirectoryEntry(core: publication.core) }
    }
}
