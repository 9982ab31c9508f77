// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import ExequaturClient
import Testing
import TransparencyLog

@testable import Gates

@Suite("A session of the Model Context Protocol")
struct MCPSessionMachineTests {
    /// A machine that can be stepped inside an expectation.
    private final class Session {
        private var machine = MCPSessionMachine(prefix: "gw")

        func fromClient(_ bytes: [UInt8]) -> [MCPAction] { machine.fromClient(bytes) }
        func fromServer(_ bytes: [UInt8]) -> [MCPAction] { machine.fromServer(bytes) }
        func run(_ id: MCPID) -> Bool { machine.run(id) }
        func progress(_ id: MCPID, _ text: String) -> [MCPAction] { machine.progress(id, text) }
        func list() -> (MCPID, [UInt8])? { machine.list(cursor: nil, version: nil) }
    }

    private let machine = Session()

    private func text(_ actions: [MCPAction]) -> [String] {
        actions.map { action in
            func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
            switch action {
            case .toClient(let bytes, _): return "client " + text(bytes)
            case .toServer(let bytes): return "server " + text(bytes)
            case .gate(let call): return "gate \(call.tool)"
            case .task: return "task"
            case .abandon: return "abandon"
            case .ended: return "ended"
            case .cancelled: return "cancelled"
            case .dropped: return "dropped"
            case .list: return "list"
            case .listed: return "listed"
            case .toolsChanged: return "changed"
            }
        }
    }

    private let call =
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}}"#

    @Test("All that is no call is passed on as it came, both ways")
    func relays() {
        let lines = [
            #"{ "jsonrpc" : "2.0", "id":0,"method":"initialize","params":{},"unknown":[1.0,1e2]}"#,
            #"{"jsonrpc":"2.0","method":"notifications/initialized","\u0061":null}"#,
            #"{"jsonrpc":"2.0","id":"r","method":"resources/read","params":{"uri":"x"}}"#,
            #"{"jsonrpc":"2.0","id":"s1","result":{"role":"user"}}"#,
        ]
        for line in lines { #expect(text(machine.fromClient(mcp(line))) == ["server \(line)"]) }
        let answers = [
            #"{"jsonrpc":"2.0","id":0,"result":{"a":1.0}}"#,
            #"{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{}}"#,
            #"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"\u0041"}}"#,
            "not json at all", #"{"jsonrpc":"2.0","id":1,"id":2,"result":{}}"#,
        ]
        for line in answers { #expect(text(machine.fromServer(mcp(line))) == ["client \(line)"]) }
    }

    @Test("A call goes nowhere before it is cleared")
    func gated() throws {
        #expect(text(machine.fromClient(mcp(call))) == ["gate t"])
        let id = try #require(MCPID(.int(1)))
        // A server that answers what it was not asked changes nothing.
        #expect(machine.fromServer(mcp(#"{"jsonrpc":"2.0","id":1,"result":{}}"#)).isEmpty)
        #expect(machine.run(id))
        #expect(!machine.run(id))
        let answer = #"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#
        #expect(text(machine.fromServer(mcp(answer))) == ["ended", "client \(answer)"])
    }

    @Test("Reused tool-call id: a second request under an open id reaches nobody")
    func reusedID() {
        #expect(text(machine.fromClient(mcp(call))) == ["gate t"])
        for again in [call, #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#] {
            let actions = text(machine.fromClient(mcp(again)))
            #expect(actions.count == 1)
            // The refusal does not go by that id: it would pass for the answer of the first.
            #expect(!actions[0].contains(#""id""#) && actions[0].contains("-32600"))
        }
        // "1" is another id.
        let other = #"{"jsonrpc":"2.0","id":"1","method":"ping"}"#
        #expect(text(machine.fromClient(mcp(other))) == ["server \(other)"])
    }

    @Test("A call without an id is not passed on", arguments: ["tools/call", "Tools/Call"])
    func notification(_ method: String) {
        let line = #"{"jsonrpc":"2.0","method":"\#(method)","params":{"name":"t"}}"#
        #expect(machine.fromClient(mcp(line)).isEmpty)
    }

    @Test("Taking back a call that is held is not told to the server, one that runs is")
    func cancels() throws {
        let cancel =
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
        _ = machine.fromClient(mcp(call))
        #expect(text(machine.fromClient(mcp(cancel))) == ["abandon"])
        let id = try #require(MCPID(.int(1)))
        // What was begun for it may still end, and must not pass for another call of that id.
        #expect(text(machine.fromClient(mcp(call)))[0].contains("in use"))
        #expect(!machine.run(id))
        #expect(text(machine.fromClient(mcp(call))) == ["gate t"])
        #expect(machine.run(id))
        #expect(text(machine.fromClient(mcp(cancel))) == ["server \(cancel)", "cancelled"])
        // Its late answer is nobody's, and its id is not free before that.
        #expect(text(machine.fromClient(mcp(call)))[0].contains("in use"))
        let late = #"{"jsonrpc":"2.0","id":1,"result":{}}"#
        #expect(machine.fromServer(mcp(late)).isEmpty)
        #expect(text(machine.fromClient(mcp(call))) == ["gate t"])
    }

    @Test("A late answer to what was taken back passes for no call's, and no list is seen whole")
    func late() throws {
        let cancel = #"""
            {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}
            """#
        let late = #"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden"}]}}"#
        for method in ["resources/read", "tools/list", "initialize"] {
            let machine = Session()
            let asked = #"{"jsonrpc":"2.0","id":1,"method":"\#(method)"}"#
            #expect(text(machine.fromClient(mcp(asked))) == ["server \(asked)"])
            #expect(text(machine.fromClient(mcp(cancel))) == ["server \(cancel)", "dropped"])
            #expect(text(machine.fromClient(mcp(call)))[0].contains("in use"))
            #expect(machine.fromServer(mcp(late)).isEmpty)
            #expect(text(machine.fromClient(mcp(call))) == ["gate t"])
        }
    }

    @Test("Reused tool-call id: a call waits until every answer under its id has come")
    func reused() throws {
        let machine = Session()
        let cancel = #"""
            {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}
            """#
        let asked = #"{"jsonrpc":"2.0","id":1,"method":"resources/read"}"#
        for _ in 0..<2 {
            #expect(text(machine.fromClient(mcp(asked))) == ["server \(asked)"])
            _ = machine.fromClient(mcp(cancel))
        }
        let late = #"{"jsonrpc":"2.0","id":1,"result":{}}"#
        for _ in 0..<2 {
            #expect(text(machine.fromClient(mcp(call)))[0].contains("in use"))
            #expect(machine.fromServer(mcp(late)).isEmpty)
        }
        #expect(text(machine.fromClient(mcp(call))) == ["gate t"])
        #expect(machine.run(try #require(MCPID(1))))
        #expect(text(machine.fromServer(mcp(late))) == ["ended", "client \(late)"])
    }

    @Test("However many requests are taken back, none is forgotten before it is answered")
    func manyTakenBack() throws {
        let machine = Session()
        for number in 0..<2_000 {
            let asked = #"{"jsonrpc":"2.0","id":\#(number),"method":"tools/list"}"#
            _ = machine.fromClient(mcp(asked))
            _ = machine.fromClient(
                mcp(
                    #"""
                    {"jsonrpc":"2.0","method":"notifications/cancelled",\#
                    "params":{"requestId":\#(number)}}
                    """#))
        }
        #expect(text(machine.fromClient(mcp(call)))[0].contains("in use"))
    }

    @Test("Progress of what is passed on belongs to the request that asked for it")
    func relayedProgress() throws {
        let machine = Session()
        for id in [7, 8] {
            let asked = #"""
                {"jsonrpc":"2.0","id":\#(id),"method":"resources/read","params":\#
                {"_meta":{"progressToken":"p\#(id)"}}}
                """#
            _ = machine.fromClient(mcp(asked))
        }
        let line = #"""
            {"jsonrpc":"2.0","method":"notifications/progress","params":\#
            {"progressToken":"p7","progress":1}}
            """#
        guard case .toClient(_, let about) = machine.fromServer(mcp(line)).first else {
            Issue.record("progress did not reach the client")
            return
        }
        #expect(about == MCPID(7))
    }

    @Test("What the gateway asks for itself does not reach the client")
    func injected() throws {
        let asked = try #require(machine.list())
        let bytes = asked.1
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""id":"gw-1""#))
        #expect(
            text(machine.fromServer(mcp(#"{"jsonrpc":"2.0","id":"gw-1","result":{"tools":[]}}"#)))
                == ["listed"])
        // Nor can a client ask under such an id while it is open.
        _ = machine.list()
        let squat = #"{"jsonrpc":"2.0","id":"gw-2","method":"ping"}"#
        #expect(text(machine.fromClient(mcp(squat)))[0].contains("in use"))
    }

    @Test("Progress never goes back: of a held call, and then of its server")
    func progress() throws {
        let line =
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta""#
                + #":{"progressToken":"p"}}}"#)
        _ = machine.fromClient(mcp(line))
        let id = try #require(MCPID(.int(1)))
        #expect(text(machine.progress(id, "waits"))[0].contains("0.000001"))
        #expect(text(machine.progress(id, "waits"))[0].contains("0.000002"))
        #expect(machine.run(id))
        #expect(machine.progress(id, "waits").isEmpty)
        func server(_ value: String) -> [UInt8] {
            mcp(
                (#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToke"#
                    + #"n":"p","progress":\#(value)}}"#)
            )
        }
        #expect(machine.fromServer(server("0")).isEmpty)
        #expect(machine.fromServer(server("0.5")).count == 1)
    }

    @Test("A client that opens requests without end is refused")
    func limit() {
        for number in 0..<MCPSessionMachine.flightLimit {
            _ = machine.fromClient(mcp(#"{"jsonrpc":"2.0","id":\#(number),"method":"ping"}"#))
        }
        let more = #"{"jsonrpc":"2.0","id":"more","method":"ping"}"#
        #expect(text(machine.fromClient(mcp(more)))[0].contains("-32600"))
    }
}

@Suite("Calls of tools")
struct MCPCallTests {
    private func call(_ params: String) throws -> MCPCall {
        let line = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":\#(params)}"#
        let message = try MCPMessage(fromClient: mcp(line))
        let id = try #require(MCPID(.int(1)))
        return try MCPCall(message, id: id)
    }

    @Test("The server gets the frozen arguments, and nothing that was not approved")
    func frozen() throws {
        let call = try call(
            (#"{"name":"t","arguments":{"b":1.0,"a":"\u0041"},"_meta":{"progressToken":3,"#
                + #""x/hidden":1,"traceparent":"00-"}}"#)
        )
        let operation = try call.operation(server: "s", definition: nil)
        #expect(operation.json["action"] == "mcp.s___t")
        #expect(operation.json["resource"] == ["id": "s", "type": "McpServer"])
        let text = String(decoding: try call.bytes(executing: operation), as: UTF8.self)
        #expect(
            text
                == (#"{"id":1,"jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"progress"#
                    + #"Token":3,"traceparent":"00-"},"arguments":{"a":"A","b":1},"name":"t"}}"#)
        )
    }

    @Test("Argument swap: the bytes for the server are those of the operation, not of the message")
    func swapped() throws {
        let asked = try call(#"{"name":"t","arguments":{"to":"alice"}}"#)
        let approved = try asked.operation(server: "s", definition: nil)
        let other = try call(#"{"name":"t","arguments":{"to":"mallory"}}"#)
        let bytes = try other.bytes(executing: approved)
        #expect(String(decoding: bytes, as: UTF8.self).contains("alice"))
        #expect(try other.operation(server: "s", definition: nil).digest != approved.digest)
    }

    @Test("No arguments and empty arguments are one operation, and sent as they came")
    func absent() throws {
        let absent = try call(#"{"name":"t"}"#)
        let empty = try call(#"{"name":"t","arguments":{}}"#)
        let operation = try absent.operation(server: "s", definition: nil)
        #expect(operation == (try empty.operation(server: "s", definition: nil)))
        #expect(
            !String(decoding: try absent.bytes(executing: operation), as: UTF8.self).contains(
                "arguments"))
    }

    @Test("The definition of the tool is part of what is approved")
    func definition() throws {
        let one = try call(#"{"name":"t"}"#)
        let first = try one.operation(server: "s", definition: .sha256([1]))
        let second = try one.operation(server: "s", definition: .sha256([2]))
        #expect(first.digest != second.digest)
    }

    @Test(
        "What would travel unseen is refused",
        arguments: [
            #"{"name":"t","args":{}}"#, #"{"name":"t","arguments":[1]}"#,
            #"{"name":"t","arguments":null}"#, #"{"name":"","arguments":{}}"#,
            #"{"name":7}"#, #"{"arguments":{}}"#, #"{"name":"t","_meta":"x"}"#, "[]", "null",
        ])
    func refused(_ params: String) {
        #expect(throws: MCPRefusal.self) { try call(params) }
    }

    @Test("A number that no two programs read alike cannot be frozen")
    func numbers() throws {
        let call = try call(#"{"name":"t","arguments":{"n":12345678901234567890}}"#)
        #expect(throws: MCPRefusal.self) { try call.operation(server: "s", definition: nil) }
    }
}
