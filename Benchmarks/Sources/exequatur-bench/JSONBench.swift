// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation

/// Compares our parser and writer with Foundation's on one generated document of about 1 MB.
///
/// Each reader builds a tree of the whole document, except for the typed one, which is
/// Foundation's best case: it knows what to expect and keeps five members. Runs are interleaved, so
/// that a busy machine slows all of them alike, and medians are compared. Our parser also refuses
/// duplicate members, keeps numbers exactly and sorts members; Foundation's do none of this.
func benchJSON() {
    let document = JSONBench.document()
    let data = Data(document)
    guard let value = try? JSON(parsing: document, limits: .files),
        let canonical = try? value.canonicalBytes(),
        let tree = try? JSONDecoder().decode(JSONBench.Tree.self, from: data)
    else {
        print("json: the generated document was refused")
        return
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let decoder = JSONDecoder()
    let readers: [JSONBench.Task] = [
        ("CanonicalJSON, parse", { (try? JSON(parsing: document, limits: .files)) != nil }),
        ("CanonicalJSON, canonical", { (try? JSON(canonical: canonical, limits: .files)) != nil }),
        ("JSONDecoder, tree", { (try? decoder.decode(JSONBench.Tree.self, from: data)) != nil }),
        (
            "JSONDecoder, typed",
            { (try? decoder.decode([JSONBench.Action].self, from: data)) != nil }
        ),
        ("JSONSerialization", { (try? JSONSerialization.jsonObject(with: data)) != nil }),
    ]
    let writers: [JSONBench.Task] = [
        ("CanonicalJSON, write", { (try? value.canonicalBytes()) != nil }),
        ("JSONEncoder, sorted keys", { (try? encoder.encode(tree)) != nil }),
    ]
    let times = JSONBench.interleaved(readers + writers, runs: 21)
    JSONBench.report(readers, Array(times[..<readers.count]), size: document.count)
    JSONBench.report(writers, Array(times[readers.count...]), size: canonical.count)
}

private enum JSONBench {
    typealias Task = (name: String, run: () -> Bool)

    /// Part of an action, for a decoder that knows what it reads.
    struct Action: Codable {
        var id: String
        var digest: String
        var state: String
        var version: Int
        var submittedAt: String
    }

    /// The smallest Codable type that holds any JSON.
    indirect enum Tree: Codable {
        case null, bool(Bool), number(Double), string(String), array([Tree]), object([String: Tree])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(String.self) {
                self = .string(value)
            } else if let value = try? container.decode([String: Tree].self) {
                self = .object(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode([Tree].self) {
                self = .array(value)
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else {
                self = .null
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .null: try container.encodeNil()
            case .bool(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .string(let value): try container.encode(value)
            case .array(let value): try container.encode(value)
            case .object(let value): try container.encode(value)
            }
        }
    }

    /// Actions as the server answers them, members in the order in which people write them.
    static func document() -> [UInt8] {
        let digest = String(repeating: "0123456789abcdef", count: 4)
        var text = "[\n"
        for index in 0..<1_250 {
            if index > 0 { text += ",\n" }
            text += """
                {"id": "act_\(index)", "digest": "\(digest)",
                 "state": "pending", "version": \(index % 7), "advisory": true, "unsealed": false,
                 "resource": {"type": "Host", "id": "web\(index % 50)"}, "claim": null,
                 "requester": {"agent": "deploy-bot", "owner": "alice", "onBehalfOf": null},
                 "operation": {"action": "command.run", "input": {"argv": ["kubectl", "rollout",
                  "restart", "deployment/shop-\(index)"], "cwd": "/srv/größe", "timeout": 30.5}},
                 "intent": {"justification": "line one\\nline \\"two\\" \\u00e9\\ud83d\\ude00",
                  "trigger": {"kind": "prompt", "id": "p\(index)"}}, "amount": -12.75,
                 "reasons": [{"policy": "export", "review": true, "severity": "high",
                  "reason": "Exports of more than 1000 rows need a second pair of eyes."}],
                 "submittedAt": "2026-01-02T03:04:05.678Z", "index": \(index * 1_000_003)}
                """
        }
        return Array((text + "\n]").utf8)
    }

    /// The seconds of every run of every task; each round runs all tasks once.
    static func interleaved(_ tasks: [Task], runs: Int) -> [[Double]] {
        var times = tasks.map { _ in [Double]() }
        // One round more than counted, to warm up.
        for round in 0...runs {
            for (index, task) in tasks.enumerated() {
                let clock = ContinuousClock()
                var succeeded = false
                let duration = clock.measure { succeeded = task.run() }
                precondition(succeeded, "`\(task.name)` failed")
                guard round > 0 else { continue }
                times[index].append(duration / .seconds(1))
            }
        }
        return times
    }

    /// Prints the medians of `tasks`, the first of which the others are compared with.
    static func report(_ tasks: [Task], _ times: [[Double]], size: Int) {
        let medians = times.map { $0.sorted()[$0.count / 2] }
        print("json: \(size) bytes, medians of \(times[0].count) interleaved runs")
        for (task, median) in zip(tasks, medians) {
            let milliseconds = rounded(median * 1_000)
            let speed = rounded(Double(size) / median / 1_000_000)
            let ratio = rounded(median / medians[0])
            print("json: \(task.name): \(milliseconds) ms, \(speed) MB/s, ratio \(ratio)")
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
