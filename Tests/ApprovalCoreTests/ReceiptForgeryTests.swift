// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import TestSupport
import Testing
import TransparencyLog

@testable import ApprovalCore

/// Receipts that were changed, with and without the log's key.
@Suite("Receipt: forgeries are never valid")
struct ReceiptForgeryTests {
    private func finished() throws -> (MemoryLedger, Action, [UInt8]) {
        var ledger = try MemoryLedger.started()
        let (action, _) = try MemoryLedger.finished(ledger: &ledger)
        return (ledger, action, try ledger.receiptBytes(action.id))
    }

    /// Changed by somebody who can sign statements: never valid, and the reason is named.
    private func expectInvalid(
        _ bytes: [UInt8], _ comment: String, naming words: String? = nil,
        _ change: (inout JSONObject) throws -> Void
    ) throws {
        let forged = try MemoryLedger.resigned(bytes, change)
        #expect(forged != bytes, "\(comment): nothing changed")
        let report = try MemoryLedger.verify(forged)
        #expect(report.status == .invalid, "\(comment)")
        #expect(!report.problems.isEmpty, "\(comment)")
        if let words {
            #expect(
                report.problems.contains { $0.what.contains(words) },
                "\(comment): \(report.problems)")
        }
    }

    @Test("every single byte changed: never valid")
    func everyByte() throws {
        // A small one, because each of its bytes is changed.
        var ledger = try MemoryLedger.started(policy: "permit (principal, action, resource);")
        let action = try Fixtures.action(argv: ["ls"], effect: "read")
        var machine = try ledger.submit(action, nonce: .of("claim"))
        try ledger.report(&machine, action)
        let bytes = try ledger.receiptBytes(action.id)
        let key = try MemoryLedger.signer().verifierKey
        var random = SeededRandom.forTest()
        var changed = bytes
        // The text of the shipped schema is most of the file, and one of its bytes is like another.
        let schema = try #require(bytes.firstRange(of: Array("// What policies may".utf8)))
        let end = try #require(bytes.firstRange(of: Array("exequatur.key.change".utf8)))
        let bulk = schema.upperBound..<end.lowerBound
        let isFull = ProcessInfo.processInfo.environment["EXEQUATUR_TEST_FULL"] == "1"
        for index in bytes.indices
        where isFull || !bulk.contains(index) || index.isMultiple(of: 32) {
            let flip = UInt8.random(in: 1...255, using: &random)
            changed[index] ^= flip
            let status = ReceiptVerifier.verify(bytes: changed, key: key).status
            if status != .invalid { Issue.record("byte \(index) xor \(flip): \(status)") }
            changed[index] = bytes[index]
        }
        #expect(ReceiptVerifier.verify(bytes: bytes, key: key).status == .valid)
    }

    @Test("truncated, extended or empty: never valid")
    func truncated() throws {
        let (_, _, bytes) = try finished()
        for count in stride(from: 0, to: bytes.count, by: 97) {
            #expect(try MemoryLedger.verify(Array(bytes.prefix(count))).status == .invalid)
        }
        #expect(try MemoryLedger.verify(Array(bytes.dropLast())).status == .invalid)
        for more: [UInt8] in [[0x0A], [0x20], [0], Array("{}".utf8)] {
            #expect(try MemoryLedger.verify(bytes + more).status == .invalid)
            #expect(try MemoryLedger.verify(more + bytes).status == .invalid)
        }
    }

    @Test("not canonical: white space, order, escapes, upper-case hex, padded base64")
    func notCanonical() throws {
        let (_, action, bytes) = try finished()
        let text = String(decoding: bytes, as: UTF8.self)
        let variants = [
            text.replacing("{\"action\"", with: "{ \"action\""),
            text.replacing(
                "\"kind\":\"exequatur.receipt\"", with: "\"kind\":\"exequatur\\u002ereceipt\""),
            text.replacing(action.digest.hex, with: action.digest.hex.uppercased()),
            text.replacing("=\"", with: "\""),
        ]
        for variant in variants {
            #expect(variant != text)
            #expect(try MemoryLedger.verify(Array(variant.utf8)).status == .invalid)
        }
    }

    @Test("a foreign key, embedded and used for everything, is not the one you trust")
    func otherKey() throws {
        let (ledger, action, bytes) = try finished()
        guard let other = MemoryLedger.otherKey else { throw MemoryLedger.Missing() }
        let frontier = ledger.frontier
        let receipt = try Receipt(
            chain: ledger.chain(action.id.text), policyChain: ledger.chain("policies"),
            directoryChain: ledger.chain("directory"),
            checkpoint: try Checkpoint(
                origin: other.name, size: frontier.size, root: frontier.root()
            ).signed(by: other), treeSize: frontier.size,
            proof: { try frontier.inclusionProof(index: $0) })
        let foreign = try receipt.signed(by: other)
        #expect(try MemoryLedger.verify(foreign).status == .invalid)
        #expect(ReceiptVerifier.verify(bytes: foreign, key: other.verifierKey).status == .valid)
        #expect(ReceiptVerifier.verify(bytes: bytes, key: other.verifierKey).status == .invalid)
        // The right key embedded, signatures by the other.
        try expectInvalid(bytes, "foreign checkpoint") { object in
            object["checkpoint"] = .string(receipt.checkpoint)
        }
    }

    @Test("every entry left out, with the rest made to fit: never valid")
    func entryLeftOut() throws {
        let (_, _, bytes) = try finished()
        let count = try JSON(canonical: bytes)["entries"]?.arrayValue?.count ?? 0
        #expect(count == 6)
        for index in 0..<count {
            try expectInvalid(bytes, "entry \(index)") { object in
                var entries = object["entries"]?.arrayValue ?? []
                entries.remove(at: index)
                object["entries"] = .array(entries)
                object["complete"] = [
                    "entries": .integer(Int64(entries.count)),
                    "size": object["complete"]?["size"] ?? .null,
                ]
            }
        }
    }

    @Test("cut short by the operator himself it is incomplete at best, never valid")
    func lastEntriesLeftOut() throws {
        let (ledger, action, _) = try finished()
        let receipt = try ledger.receipt(action.id)
        let bytes = try MemoryLedger.resigned(try receipt.signed(by: MemoryLedger.signer())) {
            object in
            let entries = (object["entries"]?.arrayValue ?? []).dropLast(2)
            object["entries"] = .array(Array(entries))
            object["state"] = "cleared"
            object["complete"] = [
                "entries": .integer(Int64(entries.count)),
                "size": object["complete"]?["size"] ?? .null,
            ]
        }
        #expect(try MemoryLedger.verify(bytes).status == .incomplete)
    }

    @Test("an entry of another action, or in another place: never valid")
    func swappedEntries() throws {
        var ledger = try MemoryLedger.started()
        let (one, _) = try MemoryLedger.finished(ledger: &ledger)
        let (two, _) = try MemoryLedger.finished(number: 2, ledger: &ledger)
        let bytes = try ledger.receiptBytes(one.id)
        let other = try JSON(canonical: ledger.receiptBytes(two.id))["entries"]?.arrayValue ?? []
        for index in other.indices {
            try expectInvalid(bytes, "entry \(index) of another action") { object in
                var entries = object["entries"]?.arrayValue ?? []
                entries[index] = other[index]
                object["entries"] = .array(entries)
            }
        }
        try expectInvalid(bytes, "two decisions exchanged") { object in
            var entries = object["entries"]?.arrayValue ?? []
            entries.swapAt(1, 2)
            object["entries"] = .array(entries)
        }
        try expectInvalid(bytes, "an entry twice") { object in
            var entries = object["entries"]?.arrayValue ?? []
            entries.append(entries[5])
            object["entries"] = .array(entries)
            object["complete"] = ["entries": 7, "size": object["complete"]?["size"] ?? .null]
        }
    }

    @Test("every member of the file is known: another one, anywhere, is refused")
    func unknownMembers() throws {
        let (_, _, bytes) = try finished()
        func extend(_ json: JSON, _ path: ArraySlice<String>) -> JSON {
            guard let step = path.first else {
                var object = json.objectValue ?? [:]
                object["zzz"] = true
                return .object(object)
            }
            if var elements = json.arrayValue, let index = Int(step) {
                elements[index] = extend(elements[index], path.dropFirst())
                return .array(elements)
            }
            var object = json.objectValue ?? [:]
            object[step] = extend(object[step] ?? .null, path.dropFirst())
            return .object(object)
        }
        let places = [
            "", "log", "complete", "entries/0", "entries/0/leaf", "entries/0/core",
            "entries/0/core/verdict", "entries/0/body", "entries/0/body/action", "entries/1/core",
            "policies/0", "policies/0/core", "policies/0/body", "directories/0",
            "directories/0/entry", "directories/0/entry/core", "directories/0/extract",
        ]
        for place in places {
            let path = place.split(separator: "/").map(String.init)
            try expectInvalid(bytes, "unknown member in `\(place)`") { object in
                object = extend(.object(object), path[...]).objectValue ?? [:]
            }
        }
    }

    @Test("every member of the file is needed")
    func missingMembers() throws {
        let (_, _, bytes) = try finished()
        let object = try JSON(canonical: bytes).objectValue ?? [:]
        for key in object.keys where key != "statement" {
            try expectInvalid(bytes, "without `\(key)`") { object in
                object[key] = Optional<JSON>.none
            }
        }
    }

    @Test("policy text, directory, rendering, salt, proof, checkpoint changed: never valid")
    func changedContent() throws {
        let (_, _, bytes) = try finished()
        let text = String(decoding: bytes, as: UTF8.self)
        func expectChanged(_ name: String, _ from: String, _ to: String) throws {
            let changed = text.replacing(from, with: to)
            #expect(changed != text, "\(name)")
            let object = try JSON(parsing: changed, limits: Limits.storedJSON).objectValue ?? [:]
            try expectInvalid(bytes, name) { $0 = object }
        }
        try expectChanged("policy text", "The command exports data.", "The command imports data.")
        try expectChanged("policy id", "commands.export", "commands.expert")
        try expectChanged("member", "[\"carol\",\"dave\"]", "[\"bob\",\"dave\"]")
        try expectChanged("owner", "\"deploy-bot\":\"alice\"", "\"deploy-bot\":\"dave\"")
        try expectChanged("argument", "app.db", "app.dB")
        try expectChanged("person", "\"person\":\"carol\"", "\"person\":\"dave\"")
        try expectChanged("assurance", "\"assurance\":\"console\"", "\"assurance\":\"token\"")
        try expectChanged("state", "\"state\":\"succeeded\"", "\"state\":\"failed\"")
        try expectChanged("exit code", "\"exitCode\":0", "\"exitCode\":1")
        try expectChanged("seal", "\"unsealed\":true", "\"unsealed\":false")
    }

    @Test("NFC and NFD: a body in the other form is another body")
    func normalisation() throws {
        var ledger = try MemoryLedger.started()
        let action = try Fixtures.action(argv: ["cat", "caf\u{E9}"], effect: "read")
        var machine = try ledger.submit(action, nonce: .of("claim"))
        try ledger.report(&machine, action)
        let bytes = try ledger.receiptBytes(action.id)
        #expect(try MemoryLedger.verify(bytes).status == .valid)
        let text = String(decoding: bytes, as: UTF8.self)
        var view = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\u{E9}" {
                view.append("e")
                view.append("\u{301}")
            } else {
                view.append(scalar)
            }
        }
        let object = try JSON(parsing: String(view), limits: Limits.storedJSON).objectValue ?? [:]
        try expectInvalid(bytes, "NFD") { $0 = object }
    }

    @Test("huge input is refused before it is read")
    func huge() throws {
        let bytes = [UInt8](repeating: 0x5B, count: Limits.receiptBytes + 1)
        let report = try MemoryLedger.verify(bytes)
        #expect(report.status == .invalid)
        #expect(report.problems.first?.what.contains("larger than") == true)
        let deep = [UInt8](repeating: 0x5B, count: 1_000_000)
        #expect(try MemoryLedger.verify(deep).status == .invalid)
    }

    @Test("random bytes and random edits never crash and never verify")
    func random() throws {
        let (_, _, bytes) = try finished()
        let key = try MemoryLedger.signer().verifierKey
        var random = SeededRandom.forTest()
        for _ in 0..<300 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<changed.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: changed[at] = UInt8.random(in: 0...255, using: &random)
                case 1: changed.remove(at: at)
                default: changed.insert(UInt8.random(in: 0x20...0x7E, using: &random), at: at)
                }
            }
            if changed == bytes { continue }
            #expect(ReceiptVerifier.verify(bytes: changed, key: key).status == .invalid)
        }
    }
}
