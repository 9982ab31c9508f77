// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import TransparencyLog

/// What a server's answer to a call says of its outcome.
///
/// Only the few members that say so are read, whatever else is in it. What two readers could read
/// differently, and what only says that the work has begun, is `unknown`.
extension MCPMessage {
    private static let telling = ["isError", "resultType", "task"]

    /// Whether the server asks for more before it goes on.
    var asksForMore: Bool { span(of: "result").flatMap(words)?["resultType"] == "input_required" }

    /// The outcome; nil when the server asks for more.
    var outcome: GateOutcome? {
        guard let result = span(of: "result") else {
            let text = member("error")?["message"]?.stringValue ?? "an error"
            return GateOutcome(.failed, detail: "the server answered: \(text)")
        }
        let words = words(result)
        guard words?["resultType"] != "input_required" else { return nil }
        let digest = Hash256.sha256(bytes)
        if let words, words["task"] != nil || words["resultType"] == "task" {
            return GateOutcome(
                .unknown, detail: "the server goes on with it as a task", resultDigest: digest)
        }
        switch words.map({ $0["isError"] ?? false }) {
        case .bool(false): return GateOutcome(.succeeded, resultDigest: digest)
        case .bool(true):
            return GateOutcome(.failed, detail: "the tool failed", resultDigest: digest)
        default:
            return GateOutcome(
                .unknown, detail: "the server's result cannot be read", resultDigest: digest)
        }
    }

    /// The members of a result that tell; nil where they cannot be read in one way only.
    private func words(_ result: Range<Int>) -> [String: JSON]? {
        guard let members = JSONSpans.members(of: bytes, in: result) else { return nil }
        var found: [String: JSON] = [:]
        for member in members
        where Self.telling.contains(where: { Self.same($0, member.key) }) {
            // A task is there or not; what it says is the server's business.
            let isTask = Self.same(member.key, "task")
            let value = isTask ? JSON.null : try? JSON(parsing: Array(bytes[member.value]))
            guard let value, found.updateValue(value, forKey: member.key) == nil else { return nil }
        }
        return found
    }
}
