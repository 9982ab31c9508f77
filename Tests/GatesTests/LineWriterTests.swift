// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

@testable import ExequaturClient
@testable import Gates

@Suite("Writing lines to somebody who may not read them")
struct LineWriterTests {
    private struct Pipe {
        let reading: Int32
        let writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
        }

        /// Everything to the end, in a thread of its own.
        func drain(into result: Collected) {
            Thread.detachNewThread {
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = read(reading, &buffer, buffer.count)
                    guard count > 0 else { break }
                    result.bytes.withLock { $0 += buffer[..<count] }
                }
                close(reading)
                result.isOver.withLock { $0 = true }
            }
        }
    }

    private final class Collected: Sendable {
        let bytes = Mutex<[UInt8]>([])
        let isOver = Mutex(false)

        func whole() async throws -> [UInt8] {
            for _ in 0..<5_000 where !isOver.withLock({ $0 }) {
                try await Task.sleep(for: .milliseconds(2))
            }
            #expect(isOver.withLock { $0 })
            return bytes.withLock { $0 }
        }
    }

    private static func line(_ length: Int, _ letter: Character) -> [UInt8] {
        Array(String(repeating: letter, count: length).utf8)
    }

    @Test("Lines larger than the pipe arrive whole and in order", arguments: [true, false])
    func order(isOwn: Bool) async throws {
        let pipe = try Pipe()
        let writer = LineWriter(pipe.writing, isOwn: isOwn)
        let lines = [
            Self.line(10, "a"), Self.line(6_000_000, "b"), Self.line(5_000_000, "c"),
            Self.line(3, "d"),
        ]
        for line in lines.prefix(3) { #expect(writer.write(line)) }
        #expect(writer.write(lines[3], always: true))
        writer.close()
        #expect(!writer.write(lines[0]))
        let collected = Collected()
        pipe.drain(into: collected)
        let found = try await collected.whole().split(separator: UInt8(ascii: "\n"))
        #expect(found.map { Array($0) } == lines)
    }

    @Test("A line that is being written takes no room from those behind it")
    func room() async throws {
        let pipe = try Pipe()
        let writer = LineWriter(pipe.writing, isOwn: true)
        #expect(writer.write(Self.line(9_000_000, "a")))
        for _ in 0..<4 { #expect(writer.write(Self.line(1_000_000, "b"))) }
        #expect(!writer.write(Self.line(1_000_000, "c")))
        #expect(writer.write(Self.line(1_000_000, "d"), always: true))
        let collected = Collected()
        pipe.drain(into: collected)
        // Whoever waits is let go when the other side has read.
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                writer.waitForRoom()
                continuation.resume()
            }
        }
        #expect(writer.write(Self.line(10, "e")))
        writer.close()
        #expect(try await collected.whole().count == 9_000_001 + 5 * 1_000_001 + 11)
    }

    @Test("A reader who is gone is noticed, and holds nobody up")
    func gone() async throws {
        signal(SIGPIPE, SIG_IGN)
        let pipe = try Pipe()
        let writer = LineWriter(pipe.writing, isOwn: true)
        #expect(writer.write(Self.line(9_000_000, "a")))
        #expect(writer.write(Self.line(9_000_000, "b")))
        close(pipe.reading)
        writer.waitForRoom()
        for _ in 0..<5_000 where writer.write(Self.line(1, "c")) {
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(!writer.write(Self.line(1, "c")))
    }
}

@Suite("The program of a server behind the gateway")
struct MCPServerCommandTests {
    @Test("A program that is exchanged after the start of the gateway is not started")
    func exchanged() throws {
        let place = try CommandFixture()
        let path = place.directory + "/server"
        func write(_ text: String) throws {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            chmod(path, 0o755)
        }
        try write("#!/bin/sh\nexit 0\n")
        let command = MCPServerCommand(arguments: [path], environment: [:])
        #expect(try command.checked() == path)
        // The same length, and the times of before.
        var before = stat()
        stat(path, &before)
        try write("#!/bin/sh\nexit 1\n")
        var times = [before.st_atim, before.st_mtim]
        utimensat(AT_FDCWD, path, &times, 0)
        let failure = #expect(throws: GateFailure.self) { try command.checked() }
        #expect(failure?.isAlarm == true)
        try write("#!/bin/sh\nexit 0\n")
        #expect(try command.checked() == path)
        unlink(path)
        #expect(throws: GateFailure.self) { try command.checked() }
    }
}
