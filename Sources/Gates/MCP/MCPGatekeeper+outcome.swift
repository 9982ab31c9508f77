// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import TransparencyLog

extension MCPGatekeeper {
    /// What a server's answer to a call says of its outcome; nil when the server asks for more.
    ///
    /// Only the few members that say so are read, whatever else is in it. What two readers could
    /// read differently, and what only says that the work has begun, is `unknown`.
    func outcome(of message: MCPMessage) -> GateOutcome? {
        let digest = Hash256.sha256(message.bytes)
        guard let result = message.span(of: "result") else {
            let text = message.member("error")?["message"]?.stringValue ?? "an error"
            return GateOutcome(.failed, detail: "the server answered: \(text)")
        }
        let unclear = GateOutcome(
            .unknown, detail: "the server's result cannot be read", resultDigest: digest)
        guard let members = JSONSpans.members(of: message.bytes, in: result) else {
            return unclear
        }
        var found: [String: JSON] = [:]
        for member in members
        where Self.telling.contains(where: { MCPMessage.same($0, member.key) }) {
            // A task is there or not; what it says is the server's business.
            let isTask = MCPMessage.same(member.key, "task")
            let value = isTask ? JSON.null : try? JSON(parsing: Array(message.bytes[member.value]))
            guard let value, found.updateValue(value, forKey: member.key) == nil else {
                return unclear
            }
        }
        let kind = found["resultType"]?.stringValue
        if kind == "input_required" { return nil }
        if found["task"] != nil || kind == "task" {
            return GateOutcome(
                .unknown, detail: "the server goes on with it as a task", resultDigest: digest)
        }
        switch found["isError"] {
        case nil, .bool(false): return GateOutcome(.succeeded, resultDigest: digest)
        case .bool(true):
            return GateOutcome(.failed, detail: "the tool failed", resultDigest: digest)
        default: return unclear
        }
    }

    private static let telling = ["isError", "resultType", "task"]
}
