// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Identity
import Logging
import NIOCore
import ServiceTestSupport
import Testing

@testable import Server

/// An answer of the server, read.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The body as JSON; it must be in the canonical form.
    func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> JSON {
        do {
            return try JSON(canonical: bytes)
        } catch {
            Issue.record(
                "not canonical JSON: \(error): \(text.prefix(300))", sourceLocation: sourceLocation)
            throw error
        }
    }

    /// The code of a problem that is well formed, or `none` for an answer that is no problem.
    var code: String {
        guard status >= 400 else { return "none" }
        guard headers[.contentType] == "application/problem+json",
            let json = try? JSON(canonical: bytes), let code = json["code"]?.stringValue,
            json["status"]?.intValue == Int64(status),
            json["type"]?.stringValue == "urn:exequatur:problem:\(code)",
            json["title"]?.stringValue?.isEmpty == false,
            let detail = json["detail"]?.stringValue, !detail.isEmpty
        else { return "not a problem: \(status) \(text.prefix(200))" }
        return code
    }
}

/// A server with its installation, as one client sees it.
struct API: Sendable {
    let client: any TestClientProtocol
    let control: ControlPlane
    let clock: FakeClock
    let storage: FaultyBackend
    let tokens: [String: String]

    /// Sends one request, with the token of `who`, and with the gate's too if asked.
    func request(
        _ method: HTTPRequest.Method, _ path: String, as who: String? = nil, gate: Bool = false,
        bytes: [UInt8]? = nil, headers extra: [(String, String)] = []
    ) async throws -> Answer {
        var headers = HTTPFields()
        if let who { headers[.authorization] = "Bearer \(tokens[who] ?? who)" }
        if gate, let name = HTTPField.Name("Exequatur-Gate-Token") {
            headers[name] = tokens["run"]
        }
        if bytes != nil { headers[.contentType] = "application/json" }
        for (name, value) in extra {
            if let field = HTTPField.Name(name) { headers[field] = value }
        }
        let response = try await client.executeRequest(
            uri: path, method: method, headers: headers, body: bytes.map { ByteBuffer(bytes: $0) })
        return Answer(
            status: response.status.code, headers: response.headers,
            bytes: Array(response.body.readableBytesView))
    }

    func get(_ path: String, as who: String? = "bob") async throws -> Answer {
        try await request(.get, path, as: who)
    }

    func post(
        _ path: String, _ body: JSON = [:], as who: String?, gate: Bool = false,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        try await request(
            .post, path, as: who, gate: gate, bytes: try body.canonicalBytes(), headers: headers)
    }

    /// Submits as `deploy-bot` at the gate, and gives the action's JSON.
    func submit(
        _ mode: String, name: String = "a", nonce: String? = nil, as who: String = "deploy-bot"
    ) async throws -> JSON {
        var body: JSONObject = ["operation": Self.operation(mode, name)]
        if let nonce { body["claim"] = ["nonce": .string(nonce)] }
        let answer = try await post("/v1/actions", .object(body), as: who, gate: true)
        try #require(answer.status < 300, "\(answer.text)")
        return try answer.json()
    }

    static func operation(_ mode: String, _ name: String = "a") -> JSON {
        [
            "action": "command.run",
            "input": ["argv": ["deploy", .string(name), .string("--mode=\(mode)")]],
            "resource": ["id": "web1", "type": "Host"],
        ]
    }

    func approve(_ action: JSON, as who: String = "bob") async throws -> Answer {
        try await post(
            "/v1/actions/\(action.id)/decisions",
            ["decision": "approve", "expect": .string(action.text("digest"))], as: who)
    }
}

extension JSON {
    var id: String { text("id") }
    func text(_ key: String) -> String { self[key]?.stringValue ?? "?" }
}

let nonce1 = String(repeating: "1", count: 64)
let nonce2 = String(repeating: "2", count: 64)

/// Runs a test against a fresh server.
///
/// A live one is on a real socket and has its scheduler running; otherwise requests go straight
/// to the router.
func withServer(
    live: Bool = false, policies: [PolicyFile] = TestInstallation.policies,
    configure: @escaping (inout ControlPlaneConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (API) async throws -> Void
) async throws {
    let installation = try await TestInstallation(policies: policies, configure: configure)
    // The person `admin` has a token of his own beside `admin.token`.
    var tokens = installation.tokens
    tokens["root"] = try await installation.control.rotate(
        .person, ControlPlane.firstAdministrator, by: TestInstallation.admin
    ).token
    let (control, clock, storage, all) = (
        installation.control, installation.clock, installation.storage, tokens
    )
    var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    logger.logLevel = .critical
    if live {
        let application = try ExequaturServer.application(
            control, openAPI: Array("{}".utf8), host: "127.0.0.1", port: 0,
            onRunning: { _ in })
        try await application.test(.live) { client in
            try await body(
                API(
                    client: client, control: control, clock: clock, storage: storage, tokens: all))
        }
    } else {
        let application = Application(
            router: try ExequaturServer.router(control, openAPI: Array("{}".utf8)), logger: logger)
        try await application.test(.router) { client in
            try await body(
                API(
                    client: client, control: control, clock: clock, storage: storage, tokens: all))
        }
    }
    withExtendedLifetime(installation) {}
}

/// Runs a test against the routes of an installation that has channels, without a socket.
func withRoutes(
    of at: TestInstallation, _ hub: ChannelHub, documents: DocumentSource = .http,
    _ body: @escaping @Sendable (API, TestInstallation) async throws -> Void
) async throws {
    let application = Application(
        router: try ExequaturServer.router(
            at.control, openAPI: Array("{}".utf8), documents: documents, channels: hub),
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let (control, clock, storage, tokens) = (at.control, at.clock, at.storage, at.tokens)
    // Only the test's own task touches it while the routes are there.
    nonisolated(unsafe) let installation = at
    try await application.test(.router) { client in
        try await body(
            API(
                client: client, control: control, clock: clock, storage: storage, tokens: tokens),
            installation)
    }
}
