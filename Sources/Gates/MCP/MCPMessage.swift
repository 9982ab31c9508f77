// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// The id of a JSON-RPC request: a string or an integer, and `"1"` is not `1`.
struct MCPID: Hashable, Sendable {
    let json: JSON

    init?(_ json: JSON) {
        switch json {
        case .string(let text) where text.utf8.count <= 1_024: self.json = json
        case .number(let number) where Self.isExact(number): self.json = json
        default: return nil
        }
    }

    /// Whether every parser reads the same integer.
    static func isExact(_ number: JSONNumber) -> Bool {
        number.int64.map { $0.magnitude < 1 << 53 } ?? false
    }
}

/// Why a message of a client is not passed on; answered with a JSON-RPC error.
struct MCPRefusal: Error, Hashable {
    let code: Int64
    let message: String
    /// The request's id where it could be read.
    var id: MCPID?
    /// More for programs.
    var data: JSON?

    static func invalid(_ message: String, id: MCPID? = nil) -> MCPRefusal {
        MCPRefusal(code: -32_600, message: message, id: id)
    }

    static func params(_ message: String, id: MCPID? = nil) -> MCPRefusal {
        MCPRefusal(code: -32_602, message: message, id: id)
    }
}

/// One JSON-RPC message with the bytes it came in.
struct MCPMessage: Sendable {
    enum Kind: Sendable, Hashable {
        case request(MCPID, method: String)
        case notification(method: String)
        /// A result or an error for that request.
        case response(MCPID)
        /// An error that names no request.
        case stray
    }

    /// The text as it came, without ends of lines.
    let bytes: [UInt8]
    let kind: Kind
    /// The message, read strictly; nil in one direction only, see ``init(fromServer:)``.
    let json: JSON?

    /// How much a client may send in one message.
    static let clientBytes = 16_777_216
    /// How much a server may send in one message.
    static let serverBytes = 67_108_864

    /// Reads a message of a client strictly: what two parsers could read differently is refused.
    /// - Throws: ``MCPRefusal``.
    init(fromClient bytes: [UInt8]) throws(MCPRefusal) {
        var limits = JSONLimits.default
        limits.maximumBytes = Self.clientBytes
        let json: JSON
        do {
            json = try JSON(parsing: bytes, limits: limits)
        } catch {
            throw MCPRefusal(
                code: -32_700, message: "not strict JSON: \(error)", id: Self.onlyID(bytes))
        }
        guard case .object(let object) = json else {
            if case .array = json {
                throw .invalid("batches are not part of this protocol: send one message each")
            }
            throw .invalid("a message is a JSON object")
        }
        self.bytes = Self.onOneLine(bytes)
        self.json = json
        kind = try Self.kind(object)
        try MCPName.checkVersion(json, kind)
    }

    /// The message on one line for every reader: a return or a line feed, which can only be white
    /// space between its parts, ends a line for some, and what follows would be a message to them.
    private static func onOneLine(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return bytes }
        return bytes.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
    }

    /// The id in a text that is refused, where it is plain, so that its sender hears of it.
    private static func onlyID(_ bytes: [UInt8]) -> MCPID? {
        let ids = JSONSpans.members(of: bytes)?.filter { same($0.key, "id") } ?? []
        guard ids.count == 1, let span = ids.first?.value else { return nil }
        return (try? JSON(parsing: Array(bytes[span]))).flatMap(MCPID.init)
    }

    private static func kind(_ object: JSONObject) throws(MCPRefusal) -> Kind {
        let id = object["id"].flatMap(MCPID.init)
        guard object["jsonrpc"]?.stringValue?.utf8.elementsEqual("2.0".utf8) == true else {
            throw .invalid("`jsonrpc` must be \"2.0\"", id: id)
        }
        let isAnswer = object["result"] != nil || object["error"] != nil
        if let method = object["method"] {
            guard let text = method.stringValue, !isAnswer else {
                throw .invalid("neither a request nor a response: `method` is wrong here", id: id)
            }
            guard object["id"] != nil else { return .notification(method: text) }
            guard let id else {
                throw .invalid("`id` must be a string of at most 1,024 bytes or an integer")
            }
            return .request(id, method: text)
        }
        guard isAnswer else {
            throw .invalid("neither `method` nor `result` nor `error`", id: id)
        }
        guard let id else {
            guard object["id"]?.isNull ?? true else {
                throw .invalid("`id` must be a string of at most 1,024 bytes or an integer")
            }
            return .stray
        }
        return .response(id)
    }

    /// Reads of a server's message what it is; the bytes are passed on whatever they are.
    ///
    /// Nothing is executed on what a server says, so a message that is not understood goes to the
    /// client, whose business it is. Large ones are not parsed whole.
    /// - Returns: nil for what is not one JSON-RPC message.
    init?(fromServer bytes: [UInt8]) {
        guard let members = JSONSpans.members(of: bytes) else { return nil }
        var method: String?
        var id: MCPID?
        var isAnswer = false
        for member in members {
            switch member.key {
            case "method":
                method = (try? JSON(parsing: Array(bytes[member.value])))?.stringValue
            case "id": id = (try? JSON(parsing: Array(bytes[member.value]))).flatMap(MCPID.init)
            case "result", "error": isAnswer = true
            default: break
            }
        }
        self.bytes = bytes
        json = nil
        switch (method, id) {
        case (let method?, let id?): kind = .request(id, method: method)
        case (let method?, nil): kind = .notification(method: method)
        case (nil, let id?) where isAnswer: kind = .response(id)
        case (nil, nil) where isAnswer: kind = .stray
        default: return nil
        }
    }

    /// The value of a member of a server's message, read strictly.
    func member(_ key: String) -> JSON? {
        if let json { return json[key] }
        guard let span = span(of: key) else { return nil }
        var limits = JSONLimits.default
        limits.maximumBytes = Self.serverBytes
        limits.maximumValues = 5_000_000
        return try? JSON(parsing: Array(bytes[span]), limits: limits)
    }

    /// Where the value of a member of a server's message stands.
    func span(of key: String) -> Range<Int>? {
        JSONSpans.members(of: bytes)?.last { Self.same($0.key, key) }?.value
    }

    static func same(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }

    /// Whether a method is what a careless server could take for a call of a tool.
    static func resemblesCall(_ method: String) -> Bool {
        let letters = method.lowercased().utf8.filter { (0x61...0x7A).contains($0) }
        return letters.elementsEqual("toolscall".utf8) && !same(method, "tools/call")
    }
}

/// Names of the protocol.
enum MCPName {
    static let version = "io.modelcontextprotocol/protocolVersion"
    static let capabilities = "io.modelcontextprotocol/clientCapabilities"
    static let clientInfo = "io.modelcontextprotocol/clientInfo"
    static let tasks = "io.modelcontextprotocol/tasks"
    static let disposition = "io.modelcontextprotocol/tool-approval-disposition"
    static let action = "exequatur/action"

    /// Versions in which each request names its version.
    static let modernVersions = ["2026-07-28"]
    /// Versions that are agreed on in the beginning.
    static let legacyVersions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]

    /// In a version that this gateway does not know, something else could call a tool.
    static func checkVersion(_ json: JSON, _ kind: MCPMessage.Kind) throws(MCPRefusal) {
        guard let named = json["params"]?["_meta"]?[version] else { return }
        let text = named.stringValue ?? ""
        guard !modernVersions.contains(where: { MCPMessage.same($0, text) }) else { return }
        var id: MCPID?
        if case .request(let found, _) = kind { id = found }
        throw unsupported(id, text)
    }

    static func unsupported(_ id: MCPID?, _ requested: String) -> MCPRefusal {
        MCPRefusal(
            code: -32_022, message: "this version of the protocol is not known to the gateway",
            id: id,
            data: [
                "requested": .string(requested),
                "supported": .array((modernVersions + legacyVersions).map { .string($0) }),
            ])
    }

    /// Whether a request is of the protocol from 2026-07-28 on, which names its version each time.
    static func isModern(_ request: JSON?) -> Bool {
        request?["params"]?["_meta"]?[version] != nil
    }
}
