// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ExequaturClient
internal import TransparencyLog

/// What became of a call that was held, in words that a client can tell apart (SEP-2848).
enum MCPDisposition: String, Sendable {
    case executed = "approved-executed"
    case notExecuted = "denied-not-executed"
    case failed = "execution-error"
    case unknown = "outcome-unknown"
}

/// What the gateway says by itself: fixed sentences, in which words of others are quoted.
enum MCPAnswers {
    /// Words of a reviewer or of the service, for a model: quoted, visible and not too many.
    static func quoted(_ text: String) -> String {
        let visible = VisibleText.escape(String(text.prefix(1_000)))
        return "“\(visible)”" + (text.count > 1_000 ? " (cut)" : "")
    }

    /// The sentence for a call that was not executed.
    static func text(_ failure: GateFailure, tool: String) -> String {
        let tool = VisibleText.escape(tool)
        let named = failure.action.map { " Action \($0.id), digest \($0.digest)." } ?? ""
        let why = quoted(failure.description)
        switch failure.kind {
        case .pending:
            return "Waiting for approval: `\(tool)` has not run, and nothing was changed. A person "
                + "has to approve it.\(named) To go on waiting, make the very same call again: it "
                + "attaches to this request. The service says: \(why)"
        case .refused:
            return "Denied: `\(tool)` has not run, and nothing was changed.\(named) Do not try to "
                + "reach the same effect in another way; tell the user. The service says: \(why)"
        case .unavailable:
            return "Not executed: the approval service cannot be reached, so `\(tool)` has not run "
                + "and nothing was changed.\(named) Try again later. The gateway says: \(why)"
        }
    }

    /// The result of a call that the gateway answers by itself; always an error of the tool, so
    /// that a model reads it.
    static func result(_ failure: GateFailure, for call: MCPCall) -> [UInt8] {
        result(
            id: call.id, text: text(failure, tool: call.tool), .notExecuted,
            action: failure.action, isModern: call.isModern)
    }

    /// The result of a call that was started and whose end nobody heard of.
    static func unknown(_ grant: Grant, for call: MCPCall) -> [UInt8] {
        let action = grant.action
        return result(
            id: call.id,
            text: "Outcome unknown: `\(VisibleText.escape(call.tool))` was started, and its server "
                + "ended before it answered. It may have taken effect: do not repeat it before you "
                + "have looked. Action \(action.id), digest \(action.digest.hex).", .unknown,
            action: .init(
                id: action.id, digest: action.digest.hex, state: "unknown"),
            isModern: call.isModern)
    }

    private static func result(
        id: MCPID, text: String, _ disposition: MCPDisposition,
        action: GateFailure.ActionName?, isModern: Bool
    ) -> [UInt8] {
        var meta: JSONObject = [MCPName.disposition: .string(disposition.rawValue)]
        if let action {
            meta[MCPName.action] = [
                "digest": .string(action.digest), "id": .string(action.id),
                "state": .string(action.state),
            ]
        }
        var result: JSONObject = [
            "_meta": .object(meta), "content": [["text": .string(text), "type": "text"]],
            "isError": true,
        ]
        if isModern { result["resultType"] = "complete" }
        return bytes(["id": id.json, "jsonrpc": "2.0", "result": .object(result)])
    }

    /// A JSON-RPC error.
    static func error(_ refusal: MCPRefusal) -> [UInt8] {
        var error: JSONObject = [
            "code": .int(refusal.code), "message": .string(refusal.message),
        ]
        if let data = refusal.data { error["data"] = data }
        var message: JSONObject = ["error": .object(error), "jsonrpc": "2.0"]
        // The published schemas know no `null` here.
        if let id = refusal.id { message["id"] = id.json }
        return bytes(.object(message))
    }

    /// Tells a client that wants to know that its call is held.
    static func progress(_ token: JSON, count: Int, _ message: String) -> [UInt8] {
        bytes([
            "jsonrpc": "2.0", "method": "notifications/progress",
            "params": [
                "message": .string(message), "progress": .number(MCPProgress.number(count)),
                "progressToken": token,
            ],
        ])
    }

    static func bytes(_ json: JSON) -> [UInt8] {
        guard let bytes = try? json.canonicalBytes() else {
            preconditionFailure("a message of ours cannot be written")
        }
        return bytes
    }
}

/// Progress while a call is held, which must be below whatever its server counts later.
enum MCPProgress {
    /// Steps of a millionth: a server's own count begins at 0 or 1, and must not go backwards.
    static func number(_ count: Int) -> JSONNumber {
        JSONNumber(Double(count) / 1_000_000) ?? JSONNumber(0)
    }

    /// Whether a server's progress is not above what the gateway said of the same call.
    static func isBelow(_ progress: JSON?, _ count: Int) -> Bool {
        guard count > 0, let value = progress?.numberValue?.double else { return false }
        return value <= Double(count) / 1_000_000
    }
}
