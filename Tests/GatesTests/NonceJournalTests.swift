// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ExequaturClient

@Suite("Nonces that are written down while the service is asked")
struct NonceJournalTests {
    private static func nonce(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 64 - text.count) + text
    }

    @Test("invariant4: A nonce counts once, reserved or not, and is on the disk by then")
    func once() async throws {
        let place = try CommandFixture()
        let path = place.directory + "/journal"
        let journal = NonceJournal(open(path, O_RDWR | O_CREAT | O_EXCL, 0o600))
        defer { journal.end() }
        journal.reserve(Self.nonce(1))
        for number in 1...2 {
            try await journal.use(Self.nonce(number))
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains(Self.nonce(number) + "\n"))
            journal.release(Self.nonce(number))
            journal.reserve(Self.nonce(number))
            await #expect(throws: GateFailure.self) { try await journal.use(Self.nonce(number)) }
        }
    }

    @Test("Many at once lose nothing, and of two uses of one only one succeeds")
    func many() async throws {
        let place = try CommandFixture()
        let path = place.directory + "/journal"
        let journal = NonceJournal(open(path, O_RDWR | O_CREAT | O_EXCL, 0o600))
        defer { journal.end() }
        let successes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<2_000 {
                group.addTask {
                    journal.reserve(Self.nonce(number / 2))
                    return (try? await journal.use(Self.nonce(number / 2))) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(successes == 1_000)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = Set(text.split(separator: "\n").map(String.init).filter { $0.count == 64 })
        #expect(lines == Set((0..<1_000).map(Self.nonce)))
    }

    @Test("invariant1: Where the disk takes nothing, nothing is executed")
    func full() async throws {
        let journal = NonceJournal(open("/dev/full", O_RDWR))
        defer { journal.end() }
        journal.reserve(Self.nonce(1))
        await #expect(throws: GateFailure.self) { try await journal.use(Self.nonce(1)) }
        await #expect(throws: GateFailure.self) { try await journal.use(Self.nonce(1)) }
    }
}
