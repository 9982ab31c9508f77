// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Receipts and the ledger from outside")
struct EvidenceTests {
    /// One action from submission to outcome; answers with its id.
    private func execute(_ name: String, _ server: RunningServer, _ cast: Cast) throws -> String {
        let action = try cast.submit(name, server)
        let id = try #require(action["id"]?.stringValue)
        let steps: [(String, String, JSON)] = [
            ("decisions", cast.bob, ["decision": "approve", "expect": action["digest"] ?? .null]),
            ("claim", cast.agent, ["nonce": .string(String(repeating: "7", count: 64))]),
            (
                "outcome", cast.agent,
                [
                    "nonce": .string(String(repeating: "7", count: 64)), "status": "succeeded",
                    "exitCode": 0,
                ]
            ),
        ]
        for (verb, token, body) in steps {
            let answer = try server.connection().request(
                "POST", "/v1/actions/\(id)/\(verb)", token: token, json: body)
            guard answer.status == 200 else { throw HarnessError("\(verb): \(answer.text)") }
        }
        return id
    }

    @Test("A receipt verifies without the server, and no changed byte does")
    func receipt() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let id = try execute("receipt", server, cast)
        let file = server.folder.path + "/receipt.json"
        let fetched = try server.cli(["receipt", id, "--out", file], token: cast.admin)
        #expect(fetched.status == 0, "\(fetched.err)")
        try server.stop()
        let key = server.data + "/log.vkey"
        let verified = try Program.run(["verify", file, "--key", key])
        #expect(verified.status == 0, "\(verified.out)\(verified.err)")

        let bytes = try #require(FileManager.default.contents(atPath: file))
        // A prime step visits every part of the receipt without taking minutes.
        for position in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 97)) {
            var changed = bytes
            changed[position] ^= 0x01
            let path = server.folder.path + "/changed.json"
            try changed.write(to: URL(fileURLWithPath: path))
            let result = try Program.run(["verify", path, "--key", key])
            #expect(result.status != 0, "byte \(position) was changed")
        }
    }

    @Test("A receipt under another log's key does not verify")
    func foreignKey() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let id = try execute("foreign", server, cast)
        let file = server.folder.path + "/receipt.json"
        #expect(try server.cli(["receipt", id, "--out", file], token: cast.admin).status == 0)
        let other = try RunningServer()
        let result = try Program.run(["verify", file, "--key", other.data + "/log.vkey"])
        #expect(result.status != 0)
    }

    @Test(
        "fsck finds a healthy folder clean, and one that was edited not",
        .enabled(if: Program.hasPython, "needs python3"))
    func fsck() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        _ = try execute("fsck-target", server, cast)
        try server.stop()
        let database = server.data + "/exequatur.sqlite"
        let clean = try Program.run(["fsck", "--data", server.data])
        #expect(clean.status == 0, "\(clean.out)\(clean.err)")

        // Everything into the one file that is edited: the write-ahead log has checksums.
        let checkpoint =
            "import sqlite3, sys; sqlite3.connect(sys.argv[1])"
            + ".execute('PRAGMA wal_checkpoint(TRUNCATE)')"
        let moved = try Program.run(["-c", checkpoint, database], executable: Program.python)
        #expect(moved.status == 0, "\(moved.err)")

        // In a body, in a core and in a state row; in the core a word as long as the true one.
        let healthy = try #require(FileManager.default.contents(atPath: database))
        for (word, other) in [
            ("fsck-target", "fsck-tarket"), ("\"approve\"", "\"dissent\""),
            ("\"succeeded\"", "\"cancelled\""),
        ] {
            let edited = Self.replacing(Array(word.utf8), Array(other.utf8), in: healthy)
            #expect(edited != healthy, "there is no `\(word)` in the database")
            try edited.write(to: URL(fileURLWithPath: database))
            let found = try Program.run(["fsck", "--data", server.data])
            #expect(found.status != 0, "`\(word)` was replaced: \(found.out)")
            #expect(found.status < 64, "\(found.err)")
        }
    }

    private static func replacing(_ word: [UInt8], _ other: [UInt8], in data: Data) -> Data {
        var data = data
        var start = data.startIndex
        while let found = data.range(of: Data(word), in: start..<data.endIndex) {
            data.replaceSubrange(found, with: other)
            start = found.upperBound
        }
        return data
    }

    @Test("The exported ledger is gap-free and ends at the tree size")
    func export() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        _ = try execute("export", server, cast)
        let size = try server.json(["status"], token: cast.admin)["treeSize"]?.intValue
        let exported = try server.cli(["audit", "export"], token: cast.admin)
        #expect(exported.status == 0, "\(exported.err)")
        let entries = try exported.out.split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(entries.map { $0["index"]?.intValue } == (0..<(size ?? 0)).map { Optional($0) })
    }
}
