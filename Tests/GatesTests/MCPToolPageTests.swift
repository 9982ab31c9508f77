// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import HTTPTypes
import Testing

@testable import Gates

@Suite("Lists of tools")
struct MCPToolPageTests {
    private func page(_ text: String) throws -> MCPToolPage {
        let message = try #require(MCPMessage(fromServer: mcp(text)))
        return try #require(MCPToolPage(message))
    }

    private let list =
        (#"{"jsonrpc":"2.0", "id":1,"result":{ "tools" : [ {"name":"a","x":1.0} , {"n"#
            + #"ame":"b"}, {"name":"c"}],"nextCursor":"n","_meta":{}}}"#)

    @Test("A list in which all may be seen is the same bytes")
    func untouched() throws {
        #expect(try page(list).showing(isModern: false) { _ in true } == mcp(list))
        #expect(try page(list).cursor == "n")
    }

    @Test("What may not be seen is taken out, and every other byte stays")
    func filtered() throws {
        let shown = try page(list).showing(isModern: false) { $0.name != "b" }
        #expect(
            String(decoding: shown, as: UTF8.self)
                == (#"{"jsonrpc":"2.0", "id":1,"result":{ "tools" : [{"name":"a","x":1.0},{"name"#
                    + #"":"c"}],"nextCursor":"n","_meta":{}}}"#)
        )
        let none = try page(list).showing(isModern: false) { _ in false }
        #expect(try JSON(parsing: none)["result"]?["tools"] == [])
    }

    @Test("Since 2026-07-28 nobody may keep a list that depends on who asks")
    func uncached() throws {
        let kept =
            #"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"ttlMs":60000,"cacheScope":"public"}}"#
        let shown = try JSON(parsing: try page(kept).showing(isModern: true) { _ in true })
        #expect(shown["result"]?["ttlMs"] == 0)
        #expect(shown["result"]?["cacheScope"] == "private")
        let bare = #"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#
        let added = try JSON(parsing: try page(bare).showing(isModern: true) { _ in true })
        #expect(added["result"]?["ttlMs"] == 0)
        #expect(added["result"]?["tools"]?[0]?["name"] == "a")
    }

    @Test("Of two tools with one name neither is shown, nor one that cannot be named exactly")
    func ambiguous() throws {
        let text =
            (#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"name":"a","x":1}"#
                + #",{"name":"b","n":1,"n":2},{"name":"c"},{"nom":"d"}]}}"#)
        #expect(try page(text).tools.map(\.name) == ["c"])
        let shown = try page(text).showing(isModern: false) { _ in true }
        #expect(try JSON(parsing: shown)["result"]?["tools"]?.arrayValue?.count == 1)
    }

    @Test("Every member of a definition counts, and names are compared as bytes")
    func digests() throws {
        func tool(_ text: String) throws -> MCPTool {
            try #require(MCPTool(try JSON(parsing: text)))
        }
        let plain = try tool(#"{"name":"a","description":"x"}"#)
        #expect(plain.digest == (try tool(#"{"description":"x","name":"a"}"#).digest))
        for other in [
            #"{"name":"a","description":"y"}"#, #"{"name":"a","description":"x","title":"t"}"#,
            #"{"name":"a","description":"x","annotations":{"readOnlyHint":true}}"#,
        ] {
            #expect(plain.digest != (try tool(other).digest))
        }
        let twins = MCPToolPage.unique([
            try tool(#"{"name":"é"}"#), try tool(#"{"name":"e\u0301"}"#),
        ])
        #expect(twins.count == 2)
    }

    @Test("An error, or what is no list, is passed on as it is")
    func others() throws {
        for text in [
            #"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":""}}"#,
            #"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#,
            #"{"jsonrpc":"2.0","id":1,"result":[]}"#,
        ] {
            let message = try #require(MCPMessage(fromServer: mcp(text)))
            #expect(MCPToolPage(message) == nil)
        }
    }
}

@Suite("Headers of the Model Context Protocol")
struct MCPHeadersTests {
    private let modern =
        (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta""#
            + #":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#)
    private let legacy =
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#

    private func check(_ text: String, _ headers: [(String, String)]) throws {
        var fields = HTTPFields()
        for (name, value) in headers {
            fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }
        try MCPHeaders(fields: fields).check(try MCPMessage(fromClient: mcp(text)))
    }

    @Test("Headers that say what the body says are fine, and older clients need none")
    func agreeing() throws {
        try check(
            modern,
            [
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "t"),
            ])
        try check(
            modern,
            [
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "=?base64?dA==?="),
            ])
        try check(legacy, [])
        try check(legacy, [("MCP-Protocol-Version", "2025-11-25")])
    }

    @Test(
        "Header/body mismatch is refused, whichever header it is",
        arguments: [
            [
                ("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "t"),
            ],
            [
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list"),
                ("Mcp-Name", "t"),
            ],
            [
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "u"),
            ],
            [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call")],
            [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Name", "t")],
            [("Mcp-Method", "tools/call"), ("Mcp-Name", "t")],
            [
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "t"), ("Mcp-Name", "u"),
            ],
            [
                ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "=?base64?!?="),
            ],
        ])
    func mismatching(_ headers: [(String, String)]) {
        #expect { try check(modern, headers) } throws: { ($0 as? MCPRefusal)?.code == -32_020 }
    }

    @Test("An older client's headers must not lie either")
    func legacyMismatch() {
        for headers in [[("Mcp-Method", "ping")], [("Mcp-Name", "u")]] {
            #expect(throws: MCPRefusal.self) { try check(legacy, headers) }
        }
        // The newer version in the header and none in the body.
        #expect(throws: MCPRefusal.self) {
            try check(
                legacy,
                [
                    ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"),
                    ("Mcp-Name", "t"),
                ])
        }
    }

    @Test("Headers of a call are written from the call, whatever its client said")
    func mirrored() throws {
        let schema: JSON = [
            "properties": [
                "n": ["x-mcp-header": "Count"], "region": ["x-mcp-header": "Region"],
                "text": ["type": "string"],
            ]
        ]
        let tool = try #require(MCPTool(["inputSchema": schema, "name": "t\r\nX-Evil: 1"]))
        let message: JSON = [
            "method": "tools/call",
            "params": [
                "arguments": ["n": 7, "region": "é", "text": "x"], "name": .string(tool.name),
            ],
        ]
        let fields = MCPHeaders.mirroring(message, tool: tool)
        let names = fields.map(\.0).sorted()
        #expect(names == ["mcp-method", "mcp-name", "mcp-param-count", "mcp-param-region"])
        let found = Dictionary(uniqueKeysWithValues: fields)
        #expect(found["mcp-param-count"] == "7")
        #expect(found["mcp-param-region"] == "=?base64?w6k=?=")
        #expect(found["mcp-name"]?.hasPrefix("=?base64?") ?? false)
        #expect(fields.allSatisfy { $0.1.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
    }

    @Test("Its own pages may connect, where the gateway is sure of its name")
    func ownOrigin() {
        let local = MCPOrigins(allowed: [], listening: "127.0.0.1")
        #expect(local.refusal(origin: ["http://127.0.0.1:1"], host: "127.0.0.1:1") == nil)
        #expect(local.refusal(origin: ["http://127.0.0.1:2"], host: "127.0.0.1:1") != nil)
        let open = MCPOrigins(allowed: [], listening: "0.0.0.0")
        #expect(open.refusal(origin: ["http://evil.example"], host: "evil.example") != nil)
    }

    @Test("Foreign origin and a name that only points here are refused")
    func origins() {
        let local = MCPOrigins(allowed: ["https://ok.example"], listening: "127.0.0.1")
        #expect(local.refusal(origin: [], host: "127.0.0.1:1") == nil)
        #expect(local.refusal(origin: [], host: "localhost:1") == nil)
        #expect(local.refusal(origin: ["https://ok.example"], host: "localhost") == nil)
        #expect(local.refusal(origin: ["https://evil.example"], host: "localhost") != nil)
        #expect(local.refusal(origin: ["null"], host: "localhost") != nil)
        #expect(
            local.refusal(origin: ["https://ok.example", "https://e"], host: "localhost") != nil)
        #expect(local.refusal(origin: [], host: "rebound.example:1") != nil)
        #expect(local.refusal(origin: [], host: nil) != nil)
        let open = MCPOrigins(allowed: [], listening: "0.0.0.0")
        #expect(open.refusal(origin: [], host: "gateway.example") == nil)
    }

    @Test("Messages are taken out of a stream however it is cut")
    func events() {
        let text = ": hi\r\nid: 1\r\ndata: {\"a\":\ndata: 1}\r\n\r\nevent: x\ndata:2\n\ndata: 3\n"
        for size in 1...7 {
            var parser = MCPEventParser()
            var found: [String] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                found += parser.feed(rest.prefix(size)).map { String(decoding: $0, as: UTF8.self) }
                rest = rest.dropFirst(size)
            }
            #expect(found == ["{\"a\":\n1}", "2"])
        }
    }
}
