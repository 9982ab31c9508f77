// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ExequaturClient
import Foundation
import Synchronization
import Testing

@testable import Gates

@Suite struct RunnerReplyTests {
    private let time = StubEffects()

    private func reply(limit: Int = 1_000_000) throws -> RunnerReply {
        try RunnerReply(outputLimit: limit, now: time.effects.now)
    }

    private func drain(_ reply: RunnerReply) async -> [RunnerFrame] {
        var found: [RunnerFrame] = []
        for await frame in reply.frames {
            reply.taken(frame)
            found.append(frame)
        }
        return found
    }

    /// Writes pieces in a thread of its own and tells how many got through.
    private func write(_ count: Int, to reply: RunnerReply) -> WrittenPieces {
        let written = WrittenPieces()
        Thread.detachNewThread {
            for number in 0..<count {
                reply.write(.output, [UInt8(truncatingIfNeeded: number)])
                written.count.withLock { $0 += 1 }
            }
            reply.finish(RunnerEnd(exitCode: 0, failure: nil))
        }
        return written
    }

    final class WrittenPieces: Sendable {
        let count = Mutex(0)

        func reaches(_ number: Int) async throws -> Bool {
            for _ in 0..<500 {
                if count.withLock({ $0 >= number }) { return true }
                try await Task.sleep(for: .milliseconds(10))
            }
            return false
        }
    }

    @Test func aSlowReaderHoldsTheWriterUpAndGetsEverything() async throws {
        let reply = try reply()
        let written = write(100, to: reply)
        #expect(try await written.reaches(8))
        try await Task.sleep(for: .milliseconds(100))
        #expect(written.count.withLock { $0 } == 8)
        let frames = await drain(reply)
        #expect(frames.count == 101)
        #expect(frames[99] == .output(.output, [99]))
        #expect(frames.last == .end(RunnerEnd(exitCode: 0, failure: nil)))
    }

    @Test func aReaderWhoIsGoneHoldsNothingUp() async throws {
        let reply = try reply()
        let written = write(100, to: reply)
        #expect(try await written.reaches(8))
        reply.leave()
        #expect(try await written.reaches(100))
        #expect(reply.abandonment.isAbandoned)
        #expect(reply.isGone)
    }

    @Test func aReaderWhoTakesNothingIsPassedOverAfterAWhileAndTold() async throws {
        let reply = try reply()
        let written = write(20, to: reply)
        #expect(try await written.reaches(8))
        time.advance(.seconds(599))
        reply.dropIfStuck()
        try await Task.sleep(for: .milliseconds(50))
        #expect(written.count.withLock { $0 } == 8)
        time.advance(.seconds(2))
        reply.dropIfStuck()
        #expect(try await written.reaches(20))
        #expect(!reply.isGone)
        let frames = await drain(reply)
        #expect(frames.count == 9)
        guard case .end(let end)? = frames.last else {
            Issue.record("no end: \(frames)")
            return
        }
        #expect(end.notes.first?.contains("12 bytes of output are missing") == true)
    }

    @Test func outputBeyondTheLimitIsLeftOutAndTold() async throws {
        let reply = try reply(limit: 5)
        reply.write(.output, [1, 2, 3])
        reply.write(.error, [4, 5, 6, 7])
        reply.write(.output, [8])
        reply.finish(RunnerEnd(exitCode: 3, failure: nil))
        let frames = await drain(reply)
        #expect(frames.prefix(2) == [.output(.output, [1, 2, 3]), .output(.error, [4, 5])])
        guard case .end(let end)? = frames.last, frames.count == 3 else {
            Issue.record("\(frames)")
            return
        }
        #expect(end.exitCode == 3)
        #expect(end.notes.first?.contains("3 bytes") == true)
    }

    @Test func beatsDoNotPileUpAndTooMuchUnreadMeansGone() async throws {
        let reply = try reply()
        for _ in 0..<5_000 { reply.send(.beat) }
        #expect(!reply.isGone)
        for _ in 0..<1_000 { reply.send(.reconnecting("x")) }
        #expect(reply.isGone)
    }
}

@Suite struct CommandOutputTests {
    private final class Collected: Sendable {
        private let bytes = Mutex<[CommandStream: [UInt8]]>([:])

        var output: CommandOutput {
            CommandOutput { stream, new in
                self.bytes.withLock { $0[stream, default: []] += new }
            }
        }

        func text(_ stream: CommandStream) -> String {
            String(decoding: bytes.withLock { $0[stream] ?? [] }, as: UTF8.self)
        }
    }

    private func run(
        _ place: CommandFixture, _ script: String, _ collected: Collected,
        _ running: RunningCommands = RunningCommands()
    ) throws -> CommandOutcome {
        let executor = CommandExecutor(
            privateDirectory: place.state, account: nil, running: running)
        let frozen = try place.freeze(["sh", "-c", script])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            throw FreezeError.noCommand
        }
        defer { #expect(running.count == 0) }
        return try executor.execute(command, actionID: "act_1", output: collected.output)
    }

    @Test func bothStreamsArriveWhole() throws {
        let collected = Collected()
        let outcome = try run(
            try CommandFixture(), "seq 100000; echo error >&2; printf end; exit 9", collected)
        #expect(outcome == .exited(9))
        #expect(collected.text(.output) == (1...100_000).map { "\($0)\n" }.joined() + "end")
        #expect(collected.text(.error) == "error\n")
    }

    @Test func whatStaysInTheBackgroundDoesNotHoldTheEndUp() throws {
        let collected = Collected()
        let outcome = try run(
            try CommandFixture(), "echo before; (sleep 60; echo late) & exit 2", collected)
        #expect(outcome == .exited(2))
        #expect(collected.text(.output) == "before\n")
    }

    @Test func whatFloodsFromTheBackgroundDoesNotEither() throws {
        let collected = Collected()
        let outcome = try run(try CommandFixture(), "yes & exit 2", collected)
        #expect(outcome == .exited(2))
        #expect(collected.text(.output).utf8.count < 64_000_000)
    }

    @Test func commandsOfOthersHaveASessionOfTheirOwnAndTheUsualSignals() throws {
        let place = try CommandFixture()
        let collected = Collected()
        let outcome = try run(
            place, "ps -o sid= -p $$; echo $$; grep -E 'Sig(Blk|Ign)' /proc/self/status",
            collected)
        #expect(outcome == .exited(0))
        let words = collected.text(.output).split { $0 == "\n" || $0 == "\t" || $0 == " " }
        #expect(words.count >= 6)
        #expect(words.first == words.dropFirst().first)
        let masks = words.filter { $0.utf8.count == 16 }
        #expect(masks.first == "0000000000000000")
        let ignored = masks.last.flatMap { UInt64($0, radix: 16) } ?? .max
        #expect(ignored & (1 << 12 | 1 << 14 | 1 << 1 | 1 << 0) == 0)
    }

    @Test func aSignalToAllReachesWhatTheyStartedToo() async throws {
        let place = try CommandFixture()
        let running = RunningCommands()
        let executor = CommandExecutor(
            privateDirectory: place.state, account: nil, running: running)
        let frozen = try place.freeze(["sh", "-c", "sleep 100 & : > ready; wait; sleep 100"])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            Issue.record("nothing has changed")
            return
        }
        let output = CommandOutput { _, _ in }
        let result = await withTaskGroup(of: CommandOutcome?.self) { group in
            group.addTask {
                let result = await CommandThread.run(as: nil) {
                    try? executor.execute(command, actionID: "act_1", output: output)
                }
                return (try? result.get()) ?? nil
            }
            for _ in 0..<500 where !place.exists("ready") {
                try? await Task.sleep(for: .milliseconds(10))
            }
            running.send(SIGTERM)
            return await group.next() ?? nil
        }
        #expect(result == .signalled(SIGTERM))
    }

    @Test(.enabled(if: geteuid() == 0, "taking another account needs root"))
    func anotherAccountIsTakenOnForGood() throws {
        let place = try CommandFixture()
        chmod(place.directory, 0o755)
        let account = SwitchedAccount(
            account: CommandAccount(userID: 65_002, name: "65002", home: nil), groups: [65_002])
        let executor = CommandExecutor(
            privateDirectory: place.state, account: account, running: RunningCommands())
        let frozen = try place.freeze(["sh", "-c", "id -u; id -g; id -G; cat /proc/self/status"])
        guard case .ready(let command) = CommandBinding.recheck(frozen) else {
            throw FreezeError.noCommand
        }
        let collected = Collected()
        let outcome = try executor.execute(
            command, actionID: "act_1", output: collected.output)
        #expect(outcome == .exited(0))
        let text = collected.text(.output)
        #expect(text.hasPrefix("65002\n65002\n65002\n"))
        #expect(text.contains("CapEff:\t0000000000000000"))
        #expect(text.contains("CapPrm:\t0000000000000000"))
    }
}
