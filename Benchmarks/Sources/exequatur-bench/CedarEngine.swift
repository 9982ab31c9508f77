// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import CBench
internal import CanonicalJSON
internal import Cedar
internal import Foundation

/// Our side of `Benchmarks/cedar.py`, which gives the same files and orders to the peer.
///
/// One JSON object per line comes in and one goes out, so that the rounds of both can alternate.
struct CedarEngine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cedar-engine",
        abstract: "Load policies and time decisions as standard input says.")

    private struct Loaded {
        let policies: PolicySet
        let entities: Entities
        let requests: [Request]
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
                // What was loaded before must not count as in use.
                loaded = nil
                let (fresh, figures) = try load(order)
                loaded = fresh
                answer = figures
            case "decide":
                guard let loaded else { throw Failure(description: "nothing is loaded") }
                answer = try decide(order, loaded)
            default: throw Failure(description: "unknown order")
            }
            try FileHandle.standardOutput.write(
                contentsOf: Data((try answer.canonicalString() + "\n").utf8))
        }
    }

    private func file(_ order: JSON, _ member: String) throws -> [UInt8] {
        guard let path = order[member]?.stringValue,
            let data = FileManager.default.contents(atPath: path)
        else { throw Failure(description: "no `\(member)`") }
        return [UInt8](data)
    }

    private func load(_ order: JSON) throws -> (Loaded, JSON) {
        let text = String(decoding: try file(order, "policies"), as: UTF8.self)
        let entities = try JSON(parsing: try file(order, "entities"), limits: .files)
        let requests = try JSON(parsing: try file(order, "requests"), limits: .files)
        var limits = PolicyLimits()
        limits.maximumPolicies = 200_000
        limits.maximumBytes = 256 * 1_048_576
        let before = cbench_bytes_in_use()
        let start = cbench_nanoseconds()
        let set = try PolicySet(parsing: text, limits: limits)
        let parsed = cbench_nanoseconds()
        let after = cbench_bytes_in_use()
        let known = try Entities(json: entities)
        let end = cbench_nanoseconds()
        let loaded = Loaded(
            policies: set, entities: known,
            requests: try (requests.arrayValue ?? []).map { try Request(json: $0) })
        return (
            loaded,
            [
                "bytes": .number(JSONNumber(Int64(clamping: after) - Int64(clamping: before))),
                "entitiesNanoseconds": number(end - parsed),
                "nanoseconds": number(parsed - start),
                "policies": number(UInt64(set.policies.count)),
            ]
        )
    }

    private func decide(_ order: JSON, _ loaded: Loaded) throws -> JSON {
        let count = Int(order["count"]?.intValue ?? 0)
        var times: [JSON] = []
        times.reserveCapacity(count)
        var answers: [JSON] = []
        var allocations: UInt64 = 0
        for place in 0..<count {
            let request = loaded.requests[place % loaded.requests.count]
            let before = cbench_allocations()
            let start = cbench_nanoseconds()
            let answer = loaded.policies.evaluate(request, entities: loaded.entities)
            let end = cbench_nanoseconds()
            allocations += cbench_allocations() - before
            times.append(number(end - start))
            guard place < loaded.requests.count else { continue }
            answers.append([
                "decision": .string(answer.decision.rawValue),
                "errors": .number(JSONNumber(Int64(answer.errors.count))),
                "reasons": .array(answer.reasons.map { .string($0) }),
            ])
        }
        return [
            "allocations": number(allocations), "answers": .array(answers), "times": .array(times),
        ]
    }

    private func number(_ value: UInt64) -> JSON { .number(JSONNumber(Int64(clamping: value))) }
}
