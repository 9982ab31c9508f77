// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import ExequaturClient
internal import Synchronization
internal import TransparencyLog

/// A question about a task (SEP-2663), as a client asks it.
struct MCPTaskRequest: Sendable {
    enum Kind: String, Sendable {
        case get = "tasks/get"
        case update = "tasks/update"
        case cancel = "tasks/cancel"
    }

    let id: MCPID
    let kind: Kind
    let task: String
    let isDeclared: Bool

    /// Whether a request is about a task of the gateway's own; all others are the server's.
    init?(_ message: MCPMessage) {
        guard case .request(let id, let method) = message.kind,
            let kind = Kind(rawValue: method),
            let task = message.json?["params"]?["taskId"]?.stringValue,
            task.utf8.starts(with: MCPTasks.prefix.utf8)
        else { return nil }
        self.id = id
        self.kind = kind
        self.task = task
        let capabilities = message.json?["params"]?["_meta"]?[MCPName.capabilities]
        isDeclared = capabilities?["extensions"]?[MCPName.tasks]?.objectValue != nil
    }
}

/// Calls that wait for a person as tasks, so that their clients need not wait with them.
///
/// A task is an open action: whoever asks for one whose gateway was restarted is told to make the
/// call again, which attaches to that action.
final class MCPTasks: Sendable {
    /// Nobody guesses what follows it.
    static let prefix = "exequatur_"
    private static let limit = 1_000
    private static let noResult = Array("{\"code\":-32603,\"message\":\"no result\"}".utf8)
    /// How long a task may wait for people and then be asked for.
    static let life = Duration.seconds(3_600)

    private enum Status: Sendable {
        /// Waits for a person; ends when this is abandoned.
        case waiting(Abandonment)
        case running
        /// With the result or the error as it came, to be passed on as it is.
        case ended(status: String, member: String, text: [UInt8], MCPDisposition)
        case cancelled
    }

    private struct Entry: Sendable {
        let agent: String
        let action: SubmittedAction
        let until: Duration
        var status: Status
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let effects: GateEffects

    init(effects: GateEffects) { self.effects = effects }

    /// Whether another call may become a task.
    var hasRoom: Bool {
        let now = effects.now()
        return entries.withLock { $0.count { $0.value.until > now } < Self.limit }
    }

    /// Makes a task of an action that waits; nil where there are too many.
    func open(_ action: SubmittedAction, for agent: MCPAgent, _ abandonment: Abandonment) -> String?
    {
        let id = Self.prefix + Hex.encode(effects.entropy(16))
        let now = effects.now()
        return entries.withLock { entries in
            entries = entries.filter { $0.value.until > now }
            guard entries.count < Self.limit else { return nil }
            entries[id] = Entry(
                agent: agent.key, action: action, until: now + Self.life,
                status: .waiting(abandonment))
            return id
        }
    }

    /// The call was cleared and runs; false when its client took it back meanwhile.
    func run(_ id: String) -> Bool {
        entries.withLock { entries in
            guard case .waiting = entries[id]?.status else { return false }
            entries[id]?.status = .running
            return true
        }
    }

    /// The call is over: with a result, or with an error of the protocol.
    func end(_ id: String, _ message: [UInt8], _ disposition: MCPDisposition) {
        let members = JSONSpans.members(of: message) ?? []
        func text(_ name: String) -> [UInt8]? {
            members.first { MCPMessage.same($0.key, name) }.map { Array(message[$0.value]) }
        }
        let status: Status
        if let result = text("result") {
            status = .ended(status: "completed", member: "result", text: result, disposition)
        } else {
            let error = text("error") ?? Self.noResult
            status = .ended(status: "failed", member: "error", text: error, disposition)
        }
        entries.withLock { entries in
            if case .cancelled = entries[id]?.status { return }
            entries[id]?.status = status
        }
    }

    /// Answers a question about a task.
    ///
    /// - Parameters:
    ///   - request: the question.
    ///   - agent: who asks.
    /// - Returns: the answer, and the action that is to be cancelled with the task.
    /// - Throws: ``MCPRefusal`` where it has no such task.
    func answer(
        _ request: MCPTaskRequest, for agent: MCPAgent
    ) throws(MCPRefusal) -> (answer: [UInt8], withdrawn: String?) {
        guard request.isDeclared else {
            throw MCPRefusal(
                code: -32_021, message: "declare the extension `\(MCPName.tasks)`",
                id: request.id)
        }
        let found = entries.withLock { $0[request.task] }
        guard let found, MCPMessage.same(found.agent, agent.key), found.until > effects.now() else {
            throw .params(
                "no such task: make the same call again, it attaches to its action if that is "
                    + "still open", id: request.id)
        }
        switch request.kind {
        case .get:
            let task = Self.task(request.task, found)
            return (Self.message(request.id, task, found.status), nil)
        case .update: return (Self.message(request.id, [:], nil), nil)
        case .cancel:
            let isTaken = cancel(request.task)
            return (Self.message(request.id, [:], nil), isTaken ? found.action.id : nil)
        }
    }

    /// Only what has not been claimed can be taken back.
    private func cancel(_ id: String) -> Bool {
        let waiting = entries.withLock { entries -> Abandonment? in
            guard case .waiting(let abandonment) = entries[id]?.status else { return nil }
            entries[id]?.status = .cancelled
            return abandonment
        }
        waiting?.abandon()
        return waiting != nil
    }

    /// The answer to a call that became a task.
    func created(_ id: String, for call: MCPID) -> [UInt8]? {
        guard let entry = entries.withLock({ $0[id] }) else { return nil }
        var members = Self.task(id, entry)
        members["resultType"] = "task"
        return Self.message(call, members, nil)
    }

    private static func task(_ id: String, _ entry: Entry) -> JSONObject {
        let action = entry.action
        let made = JSON.string(action.createdAt ?? "1970-01-01T00:00:00.000Z")
        var meta: JSONObject = [
            MCPName.action: [
                "digest": .string(action.digest.hex), "id": .string(action.id),
                "state": .string(action.state.rawValue),
            ]
        ]
        var members: JSONObject = [
            "createdAt": made, "lastUpdatedAt": made, "pollIntervalMs": 2_000,
            "taskId": .string(id), "ttlMs": .int(life.components.seconds * 1_000),
        ]
        switch entry.status {
        case .waiting:
            members["status"] = "working"
            members["statusMessage"] = .string(
                "\(action.id) waits for approval by a person; nothing ran yet")
        case .running:
            members["status"] = "working"
            members["statusMessage"] = "approved; it runs"
        case .ended(let status, _, _, let disposition):
            members["status"] = .string(status)
            meta[MCPName.disposition] = .string(disposition.rawValue)
        case .cancelled:
            members["status"] = "cancelled"
            members["statusMessage"] = "taken back; nothing ran"
        }
        members["_meta"] = .object(meta)
        return members
    }

    /// An answer; what a server said is put into it as it came.
    private static func message(
        _ id: MCPID, _ members: JSONObject, _ status: Status?
    ) -> [UInt8] {
        var members = members
        if members["resultType"] == nil { members["resultType"] = "complete" }
        let bytes = MCPAnswers.bytes([
            "id": id.json, "jsonrpc": "2.0", "result": .object(members),
        ])
        guard case .ended(_, let name, let text, let disposition) = status else { return bytes }
        // `result` is the last member, and has members before this one.
        let said = name == "result" ? marked(text, disposition) : text
        return Array(bytes.dropLast(2)) + Array(",\"\(name)\":".utf8) + said + Array("}}".utf8)
    }

    /// A result with the word that tells what became of the call in its `_meta`; else as it was.
    private static func marked(_ text: [UInt8], _ disposition: MCPDisposition) -> [UInt8] {
        guard let members = JSONSpans.members(of: text) else { return text }
        let word = "\"\(MCPName.disposition)\":\"\(disposition.rawValue)\""
        let meta = members.last { MCPMessage.same($0.key, "_meta") }?.value
        let (place, isEmpty): (Int, Bool)
        if let meta, let inner = JSONSpans.members(of: text, in: meta) {
            guard !inner.contains(where: { MCPMessage.same($0.key, MCPName.disposition) }) else {
                return text
            }
            (place, isEmpty) = (meta.lowerBound + 1, inner.isEmpty)
            return text[..<place] + Array((word + (isEmpty ? "" : ",")).utf8) + text[place...]
        }
        guard let brace = text.firstIndex(of: UInt8(ascii: "{")) else { return text }
        (place, isEmpty) = (brace + 1, members.isEmpty)
        let added = "\"_meta\":{\(word)}" + (isEmpty ? "" : ",")
        return text[..<place] + Array(added.utf8) + text[place...]
    }
}

/// How many tasks of one session are open.
final class MCPOpenTasks: Sendable {
    private let count = Mutex(0)

    var isEmpty: Bool { count.withLock { $0 == 0 } }

    func begin() { count.withLock { $0 += 1 } }

    /// One is over; true when it was the last.
    func end() -> Bool {
        count.withLock { count in
            count -= 1
            return count == 0
        }
    }
}
