// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CanonicalJSON
internal import Foundation

/// Our side of `Benchmarks/drift-json.py`, which gives the same documents to the peers.
///
/// One JSON object per line comes in and one goes out, so that the rounds of all can alternate.
/// Times are of the processor, as the machine is shared.
struct DiffEngine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "json-diff",
        abstract: "Read two documents and time their differences as standard input says.")

    private struct Loaded {
        let expected: JSON
        let live: JSON
        let lists: ListSemantics
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    func run() throws {
        var loaded: Loaded?
        while let line = readLine() {
            let order = try JSON(parsing: line)
            let answer: JSON
            switch order["order"]?.stringValue {
            case "load":
                loaded = nil
                let (fresh, time) = try load(order)
                loaded = fresh
                answer = ["nanoseconds": .int(time)]
            case "diff":
                guard let loaded else { throw Failure(description: "nothing is loaded") }
                answer = diff(loaded, rounds: Int(order["rounds"]?.intValue ?? 1))
            case "patch":
                guard let loaded else { throw Failure(description: "nothing is loaded") }
                answer = try patch(loaded)
            default: throw Failure(description: "unknown order")
            }
            try FileHandle.standardOutput.write(
                contentsOf: Data((try answer.canonicalString() + "\n").utf8))
        }
    }

    private func load(_ order: JSON) throws -> (Loaded, Int64) {
        func bytes(_ member: String) throws -> [UInt8] {
            guard let path = order[member]?.stringValue,
                let data = FileManager.default.contents(atPath: path)
            else { throw Failure(description: "no `\(member)`") }
            return [UInt8](data)
        }
        let (expected, live) = (try bytes("expected"), try bytes("live"))
        let lists = try ListSemantics(order["lists"]?.arrayValue ?? [])
        let start = Self.processorTime()
        let documents = try [expected, live].map { try JSON(parsing: $0, limits: .files) }
        let time = Self.processorTime() - start
        return (Loaded(expected: documents[0], live: documents[1], lists: lists), time)
    }

    private func diff(_ loaded: Loaded, rounds: Int) -> JSON {
        var times: [JSON] = []
        var count = 0
        for _ in 0..<rounds {
            let start = Self.processorTime()
            count =
                JSONDiff.differences(
                    from: loaded.expected, to: loaded.live, lists: loaded.lists
                ).count
            times.append(.int(Self.processorTime() - start))
        }
        return ["differences": .int(count), "nanoseconds": .array(times)]
    }

    private func patch(_ loaded: Loaded) throws -> JSON {
        let start = Self.processorTime()
        let patch = JSONDiff.patch(
            from: loaded.expected, to: loaded.live, lists: loaded.lists)
        let time = Self.processorTime() - start
        let patched = try patch.applied(to: loaded.expected, limits: .files)
        return [
            "isRight": .bool(JSONDiff.areEqual(patched, loaded.live, lists: loaded.lists)),
            "nanoseconds": .int(time), "operations": .int(patch.operations.count),
        ]
    }

    /// Nanoseconds of this process on processors.
    private static func processorTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
