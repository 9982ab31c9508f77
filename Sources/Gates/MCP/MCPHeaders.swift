// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Foundation
internal import HTTPTypes

/// The headers of the protocol in one HTTP request, and whether they say what the body says.
///
/// The body is what is authorised and what is passed on. A header that says something else is
/// there to deceive somebody on the way, so that the request is refused (2026-07-28, Streamable
/// HTTP, "Server Validation"). Of older clients the same is asked where they send such headers.
struct MCPHeaders {
    static let session = name("Mcp-Session-Id")
    static let version = name("MCP-Protocol-Version")
    static let method = name("Mcp-Method")
    static let subject = name("Mcp-Name")
    private static let parameterPrefix = "mcp-param-"

    let fields: HTTPFields

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("a constant name") }
        return name
    }

    /// Headers of the client that go on to a server with a message that goes on as it is; everything
    /// else stays here, credentials first.
    var passed: [(String, String)] {
        let named = [
            "accept", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name",
            "last-event-id", "traceparent", "tracestate", "baggage",
        ]
        return fields.compactMap { field in
            let name = field.name.canonicalName
            // Sessions ended with the older protocol.
            if isModern, name == "mcp-session-id" || name == "last-event-id" { return nil }
            guard named.contains(name) || name.hasPrefix(Self.parameterPrefix) else { return nil }
            return (name, field.value)
        }
    }

    /// Whether the client speaks the protocol from 2026-07-28 on.
    var isModern: Bool { fields[Self.version].map(Self.isModern) ?? false }

    var sessionID: String? { fields[Self.session] }

    /// Compares headers with a message.
    /// - Throws: ``MCPRefusal`` with the code for headers that disagree.
    func check(_ message: MCPMessage) throws(MCPRefusal) {
        let (id, method): (MCPID?, String)
        switch message.kind {
        case .request(let found, let name): (id, method) = (found, name)
        case .notification(let name): (id, method) = (nil, name)
        case .response, .stray: return
        }
        let params = message.json?["params"]
        let named = params?["_meta"]?[MCPName.version]
        let isModern = named != nil || self.isModern
        if !isModern, let version = fields[Self.version],
            !MCPName.legacyVersions.contains(where: { MCPMessage.same($0, version) })
        {
            throw .invalid("`MCP-Protocol-Version` names a version that is not known here", id: id)
        }
        if id != nil || named != nil {
            try same(
                Self.version, named?.stringValue, id, isNeeded: isModern,
                isCompared: isModern)
        }
        try same(Self.method, method, id, isNeeded: isModern, isCompared: true)
        if let subject = Self.subject(method, params) {
            try same(Self.subject, subject, id, isNeeded: isModern, isCompared: true)
        }
    }

    private static func isModern(_ version: String) -> Bool {
        // Versions are dates, which sort as texts.
        !version.utf8.lexicographicallyPrecedes("2026-07-28".utf8)
    }

    /// What `Mcp-Name` names.
    private static func subject(_ method: String, _ params: JSON?) -> String? {
        switch method {
        case "tools/call", "prompts/get": params?["name"]?.stringValue
        case "resources/read": params?["uri"]?.stringValue
        case "tasks/get", "tasks/update", "tasks/cancel": params?["taskId"]?.stringValue
        default: nil
        }
    }

    private func same(
        _ header: HTTPField.Name, _ expected: String?, _ id: MCPID?, isNeeded: Bool,
        isCompared: Bool
    ) throws(MCPRefusal) {
        let values = fields[values: header]
        guard values.count <= 1 else { throw Self.mismatch(header, "is there twice", id) }
        guard let value = values.first else {
            guard isNeeded else { return }
            throw Self.mismatch(header, "is missing", id)
        }
        guard isCompared else { return }
        guard let decoded = Self.decoded(value), let expected,
            MCPMessage.same(decoded, expected)
        else { throw Self.mismatch(header, "does not say what the body says", id) }
    }

    private static func mismatch(
        _ header: HTTPField.Name, _ what: String, _ id: MCPID?
    ) -> MCPRefusal {
        MCPRefusal(code: -32_020, message: "the header `\(header.rawName)` \(what)", id: id)
    }

    /// The text of a header; what can't be in one as it is comes as `=?base64?…?=`.
    private static func decoded(_ value: String) -> String? {
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else {
            return value
        }
        guard let data = Data(base64Encoded: String(value.dropFirst(9).dropLast(2))) else {
            return nil
        }
        return String(data: data, encoding: .utf8)
    }

    /// Compares `Mcp-Param-…` with the arguments that the tool's definition says they mirror.
    /// - Throws: ``MCPRefusal``.
    func check(_ call: MCPCall, tool: MCPTool) throws(MCPRefusal) {
        let properties = tool.definition["inputSchema"]?["properties"]?.objectValue ?? [:]
        for (key, schema) in properties {
            guard let suffix = schema["x-mcp-header"]?.stringValue,
                let header = HTTPField.Name(Self.parameterPrefix + suffix),
                !fields[values: header].isEmpty
            else { continue }
            try same(
                header, Self.text(call.arguments[key]), call.id, isNeeded: false,
                isCompared: true)
        }
    }

    /// The headers that mirror a message which the gateway writes itself, from that message alone.
    static func mirroring(_ message: JSON, tool: MCPTool?) -> [(String, String)] {
        guard let method = message["method"]?.stringValue else { return [] }
        let params = message["params"]
        var found = [("mcp-method", encoded(method))]
        if let subject = subject(method, params) { found.append(("mcp-name", encoded(subject))) }
        let properties = tool?.definition["inputSchema"]?["properties"]?.objectValue ?? [:]
        for (key, schema) in properties {
            guard let suffix = schema["x-mcp-header"]?.stringValue,
                HTTPField.Name(parameterPrefix + suffix) != nil,
                let value = text(params?["arguments"]?[key])
            else { continue }
            found.append((parameterPrefix + suffix.lowercased(), encoded(value)))
        }
        return found
    }

    /// A text as it can be in a header.
    private static func encoded(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            && text.utf8.first != 0x20 && text.utf8.last != 0x20 && !text.hasPrefix("=?base64?")
        return isPlain ? text : "=?base64?\(Data(text.utf8).base64EncodedString())?="
    }

    private static func text(_ json: JSON?) -> String? {
        switch json {
        case .string(let text): text
        case .bool(let truth): truth ? "true" : "false"
        case .number(let number): number.text
        default: nil
        }
    }
}

/// Which web pages may speak with a gateway.
package struct MCPOrigins: Sendable {
    private let allowed: [String]
    /// Names by which the gateway may be called; empty for any, where it does not listen on the
    /// loopback interface alone.
    private let hosts: [String]

    package init(allowed: [String], listening host: String) {
        self.allowed = allowed
        let isLoopback =
            host == "localhost" || host == "::1" || host == "[::1]" || host.hasPrefix("127.")
        hosts = isLoopback ? ["localhost", "127.0.0.1", "[::1]", host] : []
    }

    /// Why a request is refused; nil when it may pass.
    func refusal(origin: [String], host: String?) -> String? {
        for origin in origin where !isAllowed(origin, host) {
            return "pages of `\(VisibleText.escape(String(origin.prefix(200))))` may not use this "
                + "gateway: `--allow-origin` lets them"
        }
        guard !hosts.isEmpty else { return nil }
        // A name that only points here belongs to whoever points it.
        guard let host, hosts.contains(where: { Self.name(host) == $0.lowercased() }) else {
            return "this gateway is not called by that name"
        }
        return nil
    }

    /// Its own pages may, where it is sure of its own name.
    private func isAllowed(_ origin: String, _ host: String?) -> Bool {
        if allowed.contains(where: { MCPMessage.same($0, origin) }) { return true }
        return !hosts.isEmpty && host.map { MCPMessage.same("http://" + $0, origin) } ?? false
    }

    private static func name(_ authority: String) -> String {
        let text = authority.lowercased()
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else { return text }
        return String(text[..<colon])
    }
}
