// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What is to be done with a message.
enum MCPAction: Sendable {
    /// To the client; `about` names the request that it belongs to, where it belongs to one.
    case toClient([UInt8], about: MCPID?)
    case toServer([UInt8])
    /// A call that needs leave.
    case gate(MCPCall)
    /// A question about a task of the gateway's.
    case task(MCPTaskRequest)
    /// The client no longer wants the result of a call that still waits for leave.
    case abandon(MCPID)
    /// A call that ran came to an end; the message goes to the client as well.
    case ended(MCPID, MCPMessage)
    /// The client no longer wants the result of a call that runs.
    case cancelled(MCPID)
    /// The client no longer wants the answer of a request that was passed on.
    case dropped(MCPID)
    /// An answer to a list that the client asked for, to be shown with less in it.
    case list(MCPMessage, id: MCPID, isModern: Bool, isWhole: Bool)
    /// An answer to a list that the gateway asked for.
    case listed(MCPID, MCPMessage)
    /// The server's tools are no longer what they were.
    case toolsChanged
}

/// One client's session with one server: which message is which, without input or output.
///
/// Everything is passed on as it came, in order, but for calls of tools, lists of tools, and what
/// the gateway itself asked for.
struct MCPSessionMachine {
    private enum Flight {
        case relayed(token: JSON?)
        case initialize
        case list(isModern: Bool, isWhole: Bool)
        /// Not with the server yet.
        case held(token: JSON?, progress: Int)
        /// Taken back before it was with the server. Its id is not free before all that was begun
        /// for it is over: that would pass for another call of the same id.
        case abandoned
        /// With the server since it was cleared.
        case running(token: JSON?, progress: Int)
    }

    /// What may still come under an id whose request was taken back.
    private struct Cancelled {
        /// How many answers.
        var due = 0
        /// Whether one of them must not pass for that of any other request: one of a call would be
        /// taken for the outcome of another, one of a list would be seen whole.
        var isStrict = false
    }

    private var flights: [MCPID: Flight] = [:]
    /// Requests that the client took back.
    ///
    /// The server may still answer them, so that their ids are not free again at once; nothing is
    /// forgotten of them before it does.
    private var cancelled: [MCPID: Cancelled] = [:]
    private var injected: Set<MCPID> = []
    private var injections = 0
    /// Nobody outside can guess the ids of what the gateway asks for.
    private let prefix: String

    /// Requests of one client that may be open at once.
    static let flightLimit = 1_000
    /// Ids of requests that were taken back and never answered.
    private static let cancelledLimit = 65_536

    init(prefix: String) { self.prefix = prefix }

    /// Whether a request may go by that id; a call only by one that no answer is due under.
    func isFree(_ id: MCPID, forCall isCall: Bool) -> Bool {
        guard flights[id] == nil, !injected.contains(id), !isFull else { return false }
        return cancelled[id].map { !$0.isStrict && !isCall } ?? true
    }

    /// Whether so many answers are due that no more requests are taken.
    private var isFull: Bool { cancelled.count >= Self.cancelledLimit }

    /// Whether a call waits for leave or runs.
    var hasCalls: Bool {
        flights.values.contains { flight in
            switch flight {
            case .held, .running: true
            default: false
            }
        }
    }

    // MARK: client

    /// A line, or a body, of the client.
    mutating func fromClient(_ bytes: [UInt8]) -> [MCPAction] {
        do throws(MCPRefusal) {
            return try take(try MCPMessage(fromClient: bytes))
        } catch {
            return [.toClient(MCPAnswers.error(error), about: error.id)]
        }
    }

    mutating func take(_ message: MCPMessage) throws(MCPRefusal) -> [MCPAction] {
        switch message.kind {
        case .response, .stray: return [.toServer(message.bytes)]
        case .notification(let method): return notification(method, message)
        case .request(let id, let method):
            guard !isFull else {
                throw .invalid("too many requests were taken back: begin a new session", id: id)
            }
            guard isFree(id, forCall: MCPMessage.same(method, "tools/call")) else {
                // Without an id of its own: the answer would pass for that of the open request.
                throw .invalid("the id of this request is in use by one that is still open")
            }
            guard flights.count < Self.flightLimit else {
                throw .invalid("more than \(Self.flightLimit) requests are open", id: id)
            }
            guard !MCPMessage.resemblesCall(method) else {
                throw MCPRefusal(
                    code: -32_601, message: "no such method: did you mean `tools/call`?", id: id)
            }
            return try request(id, method, message)
        }
    }

    private mutating func request(
        _ id: MCPID, _ method: String, _ message: MCPMessage
    ) throws(MCPRefusal) -> [MCPAction] {
        if MCPMessage.same(method, "tools/call") {
            let call = try MCPCall(message, id: id)
            flights[id] = .held(token: call.progressToken, progress: 0)
            return [.gate(call)]
        }
        if let task = MCPTaskRequest(message) { return [.task(task)] }
        if MCPMessage.same(method, "tools/list") {
            // What asks for a part, in whatever words, is not all.
            let isWhole = message.json?["params"]?.objectValue?.keys.allSatisfy {
                MCPMessage.same($0, "_meta")
            }
            flights[id] = .list(
                isModern: MCPName.isModern(message.json), isWhole: isWhole ?? true)
        } else {
            let token = message.json?["params"]?["_meta"]?["progressToken"]
            flights[id] =
                MCPMessage.same(method, "initialize") ? .initialize : .relayed(token: token)
        }
        return [.toServer(message.bytes)]
    }

    private mutating func notification(_ method: String, _ message: MCPMessage) -> [MCPAction] {
        // Nobody could be told what became of it.
        guard !MCPMessage.resemblesCall(method), !MCPMessage.same(method, "tools/call") else {
            return []
        }
        guard MCPMessage.same(method, "notifications/cancelled"),
            let id = message.json?["params"]?["requestId"].flatMap(MCPID.init)
        else { return [.toServer(message.bytes)] }
        return cancel(id, message.bytes)
    }

    /// The client takes a request back.
    private mutating func cancel(_ id: MCPID, _ bytes: [UInt8]) -> [MCPAction] {
        switch flights[id] {
        // The server has not heard of it.
        case .held:
            flights[id] = .abandoned
            return [.abandon(id)]
        // It may still be answered, and that must not pass for the answer of another call.
        case .running:
            giveUp(id, isStrict: true)
            return [.toServer(bytes), .cancelled(id)]
        case .initialize, .list:
            giveUp(id, isStrict: true)
            return [.toServer(bytes), .dropped(id)]
        case .relayed:
            giveUp(id, isStrict: false)
            return [.toServer(bytes), .dropped(id)]
        case .abandoned: return []
        case nil: return [.toServer(bytes)]
        }
    }

    /// The server need not answer any more, but may.
    private mutating func giveUp(_ id: MCPID, isStrict: Bool) {
        flights[id] = nil
        cancelled[id, default: Cancelled()].due += 1
        if isStrict { cancelled[id]?.isStrict = true }
    }

    /// Nobody waits any more for what the gateway asked for.
    mutating func giveUp(injected id: MCPID) {
        if injected.remove(id) != nil { giveUp(id, isStrict: true) }
    }

    // MARK: calls

    /// A call was cleared and goes to the server; false when the client took it back meanwhile.
    mutating func run(_ id: MCPID) -> Bool {
        guard case .held(let token, let progress) = flights[id] else {
            if case .abandoned = flights[id] { flights[id] = nil }
            return false
        }
        flights[id] = .running(token: token, progress: progress)
        return true
    }

    /// A call that the gateway answers by itself is over; false when nobody waits for it.
    mutating func finish(_ id: MCPID) -> Bool {
        switch flights.removeValue(forKey: id) {
        case nil, .abandoned: false
        default: true
        }
    }

    /// An id under which the gateway sends a call whose client does not wait for it.
    mutating func detached() -> MCPID? {
        injections += 1
        guard let id = MCPID(.string("\(prefix)-\(injections)")) else { return nil }
        injected.insert(id)
        return id
    }

    /// What a client is told while its call is held, if it wants to know.
    mutating func progress(_ id: MCPID, _ text: String) -> [MCPAction] {
        guard case .held(let token?, let count) = flights[id] else { return [] }
        flights[id] = .held(token: token, progress: count + 1)
        return [.toClient(MCPAnswers.progress(token, count: count + 1, text), about: id)]
    }

    /// The request by which the gateway asks for a page of tools.
    mutating func list(cursor: String?, version: String?) -> (MCPID, [UInt8])? {
        guard let id = detached() else { return nil }
        var params: JSONObject = [:]
        if let cursor { params["cursor"] = .string(cursor) }
        if let version {
            params["_meta"] = [
                MCPName.version: .string(version), MCPName.capabilities: [:],
                MCPName.clientInfo: ["name": "exequatur-gateway", "version": "1"],
            ]
        }
        let bytes = MCPAnswers.bytes([
            "id": id.json, "jsonrpc": "2.0", "method": "tools/list", "params": .object(params),
        ])
        return (id, bytes)
    }

    /// Requests whose server ended before it answered.
    mutating func takeOpen() -> [MCPID] {
        let open = flights.compactMap { id, flight -> MCPID? in
            switch flight {
            case .relayed, .initialize, .list: id
            // Those who wait for these answer them.
            case .held, .abandoned, .running: nil
            }
        }
        for id in open { flights[id] = nil }
        return open
    }

    // MARK: server

    /// A line of the server.
    mutating func fromServer(_ bytes: [UInt8]) -> [MCPAction] {
        guard let message = MCPMessage(fromServer: bytes) else {
            return [.toClient(bytes, about: nil)]
        }
        switch message.kind {
        case .response(let id): return response(id, message)
        case .notification(let method) where MCPMessage.same(method, "notifications/progress"):
            return progress(message)
        case .notification(let method)
        where MCPMessage.same(method, "notifications/tools/list_changed"):
            return [.toolsChanged, .toClient(bytes, about: subscription(message))]
        case .notification: return [.toClient(bytes, about: subscription(message))]
        case .request, .stray: return [.toClient(bytes, about: nil)]
        }
    }

    private mutating func response(_ id: MCPID, _ message: MCPMessage) -> [MCPAction] {
        if injected.remove(id) != nil { return [.listed(id, message)] }
        switch flights.removeValue(forKey: id) {
        case .running: return [.ended(id, message), .toClient(message.bytes, about: id)]
        case .list(let isModern, let isWhole):
            return [.list(message, id: id, isModern: isModern, isWhole: isWhole)]
        case .held(let token, let progress):
            // An answer to what was not asked: the call is still held.
            flights[id] = .held(token: token, progress: progress)
            return []
        case .abandoned:
            flights[id] = .abandoned
            return []
        case .relayed: return [.toClient(message.bytes, about: id)]
        case .initialize:
            let agreed = message.member("result")?["protocolVersion"]?.stringValue
            if let agreed,
                !MCPName.legacyVersions.contains(where: { MCPMessage.same($0, agreed) })
            {
                return [.toClient(MCPAnswers.error(MCPName.unsupported(id, agreed)), about: id)]
            }
            return [.toClient(message.bytes, about: id)]
        case nil:
            guard let due = cancelled[id]?.due else {
                return [.toClient(message.bytes, about: id)]
            }
            // Nobody waits for it any more; for the others of that id one answer fewer is due.
            cancelled[id]?.due = due - 1
            if due <= 1 { cancelled[id] = nil }
            return []
        }
    }

    /// Progress of a call that was held must not fall behind what the client was told already.
    private func progress(_ message: MCPMessage) -> [MCPAction] {
        let params = message.member("params")
        let token = params?["progressToken"]
        let found = flights.first { _, flight in
            switch flight {
            case .running(let own?, _), .relayed(let own?): own == token
            default: false
            }
        }
        if case .running(_, let count)? = found?.value,
            MCPProgress.isBelow(params?["progress"], count)
        {
            return []
        }
        return [.toClient(message.bytes, about: found?.key)]
    }

    private func subscription(_ message: MCPMessage) -> MCPID? {
        message.member("params")?["_meta"]?["io.modelcontextprotocol/subscriptionId"]
            .flatMap(MCPID.init)
    }
}
