// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import TransparencyLog

/// Runs `scripts/referee/verify.sh`: Go's checksum database code judges what this module writes.
private enum Referee {
    static let script = "\(Corpora.packageRoot)/scripts/referee/verify.sh"

    /// Builds the referee once; false where neither Go nor a network is at hand.
    static let isAvailable: Bool = {
        let result = try? run(["build"])
        if let result, result.status != 0 {
            FileHandle.standardError.write(Data(result.output.utf8))
        }
        return result?.status == 0
    }()

    static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent(
                "log-referee-\(ProcessInfo.processInfo.globallyUniqueString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let status = try Child.run(["/bin/sh", script] + arguments, output: .file(file.path))
        return (status, try Corpora.text(at: file.path))
    }
}

@Suite(
    .enabled(
        if: Referee.isAvailable,
        """
        the referee cannot be built: apt-get install golang-go golang-golang-x-mod-dev, or run \
        scripts/referee/verify.sh build to see why
        """))
struct RefereeTests {
    private struct Evidence: Codable {
        var vkey: String
        var checkpoint: String?
        var leaf: String?
        var proof: String?
        var older: String?
        var consistency: [String]?
    }

    private let origin = "example.com/referee"

    private func checkpoint(_ frontier: MerkleFrontier, _ key: SigningKey) throws -> String {
        try Checkpoint(origin: key.name, size: frontier.size, root: frontier.root())
            .signed(by: key)
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let name = "exequatur-referee-\(ProcessInfo.processInfo.globallyUniqueString)"
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private func judge(_ evidence: [Evidence]) throws -> (status: Int32, output: String) {
        var result: (status: Int32, output: String) = (-1, "")
        try withFolder { folder in
            let file = folder.appendingPathComponent("evidence.json")
            try JSONEncoder().encode(evidence).write(to: file)
            result = try Referee.run(["evidence", file.path])
        }
        return result
    }

    /// Proofs of entries and between checkpoints of a growing log, judged in one run.
    @Test func acceptsOurProofs() throws {
        let signer = try key(origin, seed: 77)
        let entries = sampleEntries(1_700)
        var random = SeededRandom.forTest()
        var log = SampleLog()
        var older: (note: String, size: UInt64)?
        var evidence: [Evidence] = []
        while log.frontier.size < entries.count {
            let start = Int(log.frontier.size)
            let count = 1 + Int(random.next() % 200)
            log.append(entries[start..<min(entries.count, start + count)])
            log.storeTiles()
            if random.next() % 4 == 0 { log.frontier = try log.rebuilt() }
            let note = try checkpoint(log.frontier, signer)
            for _ in 0..<4 {
                let index = random.next() % log.frontier.size
                evidence.append(
                    Evidence(
                        vkey: signer.verifierKey.vkey, leaf: hex(entries[Int(index)]),
                        proof: try log.proof(index, key: signer).text))
            }
            if let older {
                let proof = try log.frontier.consistencyProof(from: older.size, tiles: log.tiles)
                evidence.append(
                    Evidence(
                        vkey: signer.verifierKey.vkey, checkpoint: note, older: older.note,
                        consistency: proof.map(\.base64)))
            }
            older = (note, log.frontier.size)
        }
        let result = try judge(evidence)
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output == "ok (\(evidence.count) verified)\n")
    }

    /// The referee is no rubber stamp.
    @Test func refusesWhatIsWrong() throws {
        let signer = try key(origin, seed: 77)
        let entries = sampleEntries(9)
        var log = SampleLog()
        log.append(entries[..<5])
        let older = try checkpoint(log.frontier, signer)
        log.append(entries[5...])
        let good = Evidence(
            vkey: signer.verifierKey.vkey, leaf: hex(entries[3]),
            proof: try log.proof(3, key: signer).text, older: older,
            consistency: try log.frontier.consistencyProof(from: 5).map(\.base64))
        #expect(try judge([good]).status == 0)
        let changes: [(inout Evidence) throws -> Void] = [
            { $0.leaf = hex(entries[4]) },
            { $0.vkey = try key(origin, seed: 78).verifierKey.vkey },
            { $0.vkey = try key("example.com/other", seed: 77).verifierKey.vkey },
            { $0.proof = $0.proof?.replacing("index 3", with: "index 4") },
            { $0.proof = $0.proof?.replacing("\n9\n", with: "\n8\n") },
            { $0.consistency?.removeLast() },
            { $0.older = $0.older?.replacing("\n5\n", with: "\n4\n") },
        ]
        for (number, change) in changes.enumerated() {
            var evidence = good
            try change(&evidence)
            let result = try judge([evidence])
            #expect(result.status == 1, "change \(number): \(result.output)")
            #expect(result.output.hasPrefix("refused: "))
        }
    }

    /// A whole log as static files, with tiles of three levels.
    @Test(arguments: [0, 1, 255, 256, 257, 66_000])
    func acceptsOurTiles(size: Int) throws {
        let signer = try key(origin, seed: 77)
        let entries = sampleEntries(size)
        var log = SampleLog()
        log.append(entries)
        log.storeTiles()
        try withFolder { folder in
            func write(_ path: String, _ bytes: [UInt8]) throws {
                let file = folder.appendingPathComponent(path)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: file)
            }
            try write("log.vkey", Array("\(signer.verifierKey.vkey)\n".utf8))
            try write(TilePath.checkpoint.path, Array(checkpoint(log.frontier, signer).utf8))
            for (level, shape) in TilePath.levels(size: UInt64(size)).enumerated() {
                for index in 0...shape.full where index < shape.full || shape.partialWidth > 0 {
                    let hashes = try log.frontier.tileHashes(
                        level: level, index: index, tiles: log.tiles)
                    let path = TilePath.tile(level: level, index: index, width: hashes.count)
                    try write(path.path, Tile.encode(hashes))
                    guard level == 0 else { continue }
                    let first = Int(index) * 256
                    try write(
                        TilePath.entries(index: index, width: hashes.count).path,
                        EntryBundle.encode(Array(entries[first..<first + hashes.count])))
                }
            }
            let result = try Referee.run(["log", folder.path])
            #expect(result.status == 0, "\(result.output)")
            #expect(result.output == "ok (\(size) verified)\n")
            guard size > 0 else { return }
            // One flipped bit in the last bundle is found.
            let last = TilePath.entries(index: UInt64(size - 1) / 256, width: (size - 1) % 256 + 1)
            let bundle = folder.appendingPathComponent(last.path)
            var bytes = Array(try Data(contentsOf: bundle))
            bytes[bytes.count - 1] ^= 1
            try Data(bytes).write(to: bundle)
            #expect(try Referee.run(["log", folder.path]).status == 1)
        }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0\(digits)" : digits
        }.joined()
    }
}
