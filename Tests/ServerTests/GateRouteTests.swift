// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Testing

@testable import Server

/// What the gate `run` presents in these tests.
func gateDocument(_ tools: [String] = ["create"], words: String = "Does it.") -> JSON {
    [
        "configuration": [
            "command": ["server", "--stdio"], "kind": "mcp", "mode": "enforcing",
            "server": "github",
        ],
        "tools": .array(
            tools.map { name in
                [
                    "definition": [
                        "description": .string(words), "inputSchema": ["type": "object"],
                        "name": .string(name),
                    ], "name": .string(name),
                ]
            }),
    ]
}

@Suite("Gate routes")
struct GateRouteTests {
    private static let path = "/v1/gates/run/configuration"

    private func present(_ api: API, _ document: JSON = gateDocument()) async throws -> JSON {
        let answer = try await api.post("/v1/gates/self/configuration", document, as: "run")
        try #require(answer.status == 200, "\(answer.text)")
        return try answer.json()
    }

    private func submit(
        _ api: API, tool: String = "create", definition: String?, configuration: String?
    ) async throws -> Answer {
        var operation: JSONObject = [
            "action": .string("mcp.github___\(tool)"), "input": [:],
            "resource": ["id": "github", "type": "McpServer"],
        ]
        if let definition { operation["definition"] = .string("sha256:\(definition)") }
        return try await api.post(
            "/v1/actions", ["operation": .object(operation)], as: "deploy-bot", gate: true,
            headers: configuration.map { [("Exequatur-Gate-Configuration", $0)] } ?? [])
    }

    @Test("Present, look, approve, call: the whole way over the API")
    func wholeWay() async throws {
        try await withServer { api in
            let empty = try await api.get(Self.path).json()
            #expect(empty.text("configuration") == "none")
            #expect(empty["presented"] == .null)
            let presented = try await present(api)
            #expect(presented.text("gate") == "run")
            #expect(presented.text("configuration") == "quarantined")
            #expect(presented["tools"]?[0]?["state"]?.stringValue == "new")
            let digest = try #require(presented["tools"]?[0]?["digest"]?.stringValue)
            let configuration = presented.text("configurationDigest")
            let early = try await submit(
                api, definition: digest, configuration: configuration
            ).json()
            #expect(early.text("state") == "denied")
            let looked = try await api.get(Self.path).json()
            #expect(looked["presented"]?.text("digest") == presented.text("digest"))
            #expect(
                looked["presented"]?["tools"]?[0]?["definition"]
                    == gateDocument()["tools"]?[0]?["definition"])
            let approved = try await api.post(
                Self.path + "/approve",
                ["expect": .string(String(presented.text("digest").prefix(16)))], as: "admin")
            #expect(approved.status == 201, "\(approved.text)")
            #expect(try approved.json().text("configuration") == "approved")
            let again = try await api.post(
                Self.path + "/approve", ["expect": .string(presented.text("digest"))], as: "root")
            #expect(again.status == 200)
            #expect(try await present(api).text("configuration") == "approved")
            // The policies of these tests permit commands only: denied, and by policy.
            let action = try await submit(
                api, definition: digest, configuration: configuration
            ).json()
            #expect(action["gate"]?["configuration"]?.stringValue == configuration)
            let full = try await api.get("/v1/actions/\(action.id)").json()
            #expect(full["operation"]?.text("definition") == "sha256:\(digest)")
            #expect(full["verdict"]?["errors"] == [])
            let files = try await api.get("/v1/policies").json()["files"]?.arrayValue ?? []
            #expect(files.contains { $0.text("name") == "mcp-github.cedarschema" })
        }
    }

    @Test("A configuration's header that is malformed or stands alone is refused")
    func header() async throws {
        try await withServer { api in
            for text in ["", "x", String(repeating: "A", count: 64), nonce1 + "0"] {
                let answer = try await submit(api, definition: nil, configuration: text)
                #expect(answer.status == 400, "\(text)")
                #expect(answer.code == "value_invalid")
            }
            let alone = try await api.post(
                "/v1/actions", ["operation": API.operation("allow")], as: "deploy-bot",
                headers: [("Exequatur-Gate-Configuration", nonce1)])
            #expect(alone.status == 400)
            #expect(alone.code == "value_invalid")
            let unknown = try await submit(api, definition: nil, configuration: nonce1)
            #expect(try unknown.json().text("state") == "denied")
        }
    }

    @Test("Presentations are limited in size and number, and bad ones are named")
    func limits() async throws {
        try await withServer { api in
            let large = try await api.post(
                "/v1/gates/self/configuration",
                gateDocument([String](repeating: "x", count: 1001)), as: "run")
            #expect(large.status == 400)
            #expect(large.text.contains("the limit is 1000"))
            let huge = try await api.request(
                .post, "/v1/gates/self/configuration", as: "run",
                bytes: [UInt8](repeating: 0x20, count: 9 << 20))
            #expect(huge.code == "too_large")
            let wrong = try await api.post("/v1/gates/self/configuration", [:], as: "run")
            #expect(wrong.status == 400)
            var codes: Set<String> = []
            for number in 0..<70 {
                codes.insert(
                    try await api.post(
                        "/v1/gates/self/configuration", gateDocument(["t\(number)"]), as: "run"
                    ).code)
            }
            #expect(codes == ["none", "rate_limited"])
            #expect(
                try await api.get("/v1/status", as: "run").status == 200,
                "another kind of request is not slowed down")
        }
    }

    @Test("Four megabytes of tools are presented, approved and shown")
    func largest() async throws {
        try await withServer { api in
            let words = String(repeating: "w", count: 3_900)
            let document = gateDocument((1000..<2000).map { "tool\($0)" }, words: words)
            let presented = try await present(api, document)
            let approved = try await api.post(
                Self.path + "/approve", ["expect": .string(presented.text("digest"))], as: "admin")
            #expect(approved.status == 201, "\(approved.text.prefix(500))")
            let shown = try await api.get(Self.path)
            #expect(shown.status == 200)
            #expect(shown.bytes.count > 7_000_000)
        }
    }

    @Test("Actions that policy never allows, for the gate and for an agent at it")
    func never() async throws {
        try await withServer { api in
            let presented = try await present(api)
            _ = try await api.post(
                Self.path + "/approve", ["expect": .string(presented.text("digest"))], as: "admin")
            // No policy of these tests permits a tool.
            let all: JSON = ["never": ["mcp.github___create"]]
            #expect(try await api.get("/v1/gates/self/actions", as: "run").json() == all)
            let agent = try await api.request(
                .get, "/v1/gates/self/actions", as: "deploy-bot", gate: true)
            #expect(try agent.json() == all)
            let alone = try await api.get("/v1/gates/self/actions", as: "deploy-bot")
            #expect(alone.code == "not_a_gate")
            let person = try await api.request(
                .get, "/v1/gates/self/actions", as: "bob", gate: true)
            #expect(person.code == "agents_only")
        }
    }

    @Test("No gate can have the name by which the API calls the one that asks")
    func selfIsTaken() async throws {
        try await withServer { api in
            let answer = try await api.post("/v1/gates", ["id": "self"], as: "admin")
            #expect(answer.code == "exists")
            let unknown = try await api.get("/v1/gates/nobody/configuration")
            #expect(unknown.status == 404)
        }
    }
}
