// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

@testable import Gates

func mcp(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite("Messages of the Model Context Protocol")
struct MCPMessageTests {
    private func refusal(_ text: String) -> MCPRefusal? {
        do {
            _ = try MCPMessage(fromClient: mcp(text))
            return nil
        } catch {
            return error
        }
    }

    @Test("Requests, notifications and answers are told apart")
    func kinds() throws {
        func kind(_ text: String) throws -> MCPMessage.Kind {
            try MCPMessage(fromClient: mcp(text)).kind
        }
        let one = try #require(MCPID(.int(1)))
        #expect(
            try kind(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
                == .request(one, method: "ping"))
        #expect(
            try kind(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
                == .notification(method: "notifications/initialized"))
        #expect(try kind(#"{"jsonrpc":"2.0","id":1,"result":{}}"#) == .response(one))
        #expect(
            try kind(#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}"#)
                == .stray)
    }

    @Test("An id that is a text is not the one that is a number")
    func ids() {
        #expect(MCPID(.int(1)) != MCPID(.string("1")))
        #expect(MCPID(.int(1)) == MCPID(.number(JSONNumber(1.0) ?? JSONNumber(0))))
        #expect(MCPID(.null) == nil)
        #expect(MCPID(.number(JSONNumber(0.5) ?? JSONNumber(0))) == nil)
        #expect(MCPID(.string(String(repeating: "x", count: 1_025))) == nil)
    }

    @Test(
        "Parser differential: what two parsers could read differently is refused",
        arguments: [
            #"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call"}"#,
            #"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","argume"#
                + #"nts":{"x":1,"x":2}}}"#),
            (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","argume"#
                + #"nts":{"x":NaN}}}"#),
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}"#,
            #"[{"jsonrpc":"2.0","id":1,"method":"tools/call"}]"#,
            #"{"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"ping"}//"#,
            #"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
            #"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            #"{"id":1,"method":"ping"}"#,
            #"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            #"{"jsonrpc":"2.0","id":1e400,"method":"ping"}"#,
            #"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
            #"{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":7}"#, "", "null", "\u{FEFF}{}",
        ])
    func strict(_ text: String) {
        #expect(refusal(text) != nil)
    }

    @Test("Line smuggling: a return inside a message ends no line for its server")
    func oneLine() throws {
        let hidden = #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}"#
        for end in ["\r", "\n", "\r\n"] {
            let start = #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"#
            let text =
                start + end + hidden + end
                + "}}"
            let message = try MCPMessage(fromClient: mcp(text))
            #expect(!message.bytes.contains(0x0A) && !message.bytes.contains(0x0D))
            #expect(try JSON(parsing: message.bytes) == JSON(parsing: text))
        }
    }

    @Test("A version of the protocol that the gateway does not know is refused")
    func versions() {
        func text(_ version: String) -> String {
            #"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"#
                + #""\#(MCPName.version)":\#(version)}}}"#
        }
        #expect(refusal(text(#""2026-07-28""#)) == nil)
        for version in [#""2030-01-01""#, #""2025-11-25""#, "7", "null", #""""#] {
            #expect(refusal(text(version))?.code == -32_022)
            #expect(refusal(text(version))?.data?["supported"] != nil)
        }
    }

    @Test("Who sent what is refused hears of it under his id, where it is plain")
    func refusedID() throws {
        let twice = #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":1,"a":2}}"#
        #expect(refusal(twice)?.id == MCPID(.int(7)))
        #expect(refusal(twice)?.code == -32_700)
        #expect(refusal(#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#)?.id == nil)
    }

    @Test(
        "What a careless server could take for a call is not passed on",
        arguments: [
            "Tools/Call", "tools/call ", " tools/call", "tools//call", "tools/call\u{0}",
            "TOOLS/CALL", "tools\\/call", "tools.call", "tools/call\u{200B}",
        ])
    func resembling(_ method: String) {
        #expect(MCPMessage.resemblesCall(method))
    }

    @Test("Other methods are none of it", arguments: ["tools/call", "tools/list", "ping", "call"])
    func others(_ method: String) {
        #expect(!MCPMessage.resemblesCall(method))
    }

    @Test("Parts of a text are found where a parser finds them")
    func spans() throws {
        var random = SeededRandom.forTest()
        for _ in 0..<300 {
            let value = Self.arbitrary(&random, depth: 3)
            let text = Self.write(value, &random)
            let bytes = Array(text.utf8)
            guard case .object(let object) = try JSON(parsing: bytes) else {
                #expect(JSONSpans.members(of: bytes) == nil)
                continue
            }
            let members = try #require(JSONSpans.members(of: bytes))
            #expect(members.count == object.count)
            for member in members {
                #expect(try JSON(parsing: Array(bytes[member.value])) == object[member.key])
                if case .array(let list)? = object[member.key] {
                    let spans = try #require(
                        JSONSpans.elements(of: bytes, in: member.value))
                    #expect(try spans.map { try JSON(parsing: Array(bytes[$0])) } == list)
                }
            }
        }
    }

    private static func arbitrary(_ random: inout SeededRandom, depth: Int) -> JSON {
        let kind = Int(random.next() % (depth > 0 ? 7 : 4))
        let texts = ["", "a", "\"", "\\", "}", "]", ",", "\u{1F600}", "\n", "\\\""]
        switch kind {
        case 0: return .null
        case 1: return .bool(random.next() % 2 == 0)
        case 2: return .int(Int(random.next() % 199) - 99)
        case 3: return .string(texts.randomElement(using: &random) ?? "")
        case 4:
            let count = Int(random.next() % 4)
            return .array((0..<count).map { _ in Self.arbitrary(&random, depth: depth - 1) })
        default:
            var object = JSONObject()
            for text in texts where random.next() % 2 == 0 {
                object[text] = Self.arbitrary(&random, depth: depth - 1)
            }
            return .object(object)
        }
    }

    /// The value as text, with white space where it may be.
    private static func write(_ value: JSON, _ random: inout SeededRandom) -> String {
        func space() -> String {
            ["", "", " ", "\n", "\t "].randomElement(using: &random) ?? ""
        }
        switch value {
        case .array(let list):
            let parts = list.map { space() + write($0, &random) + space() }
            return "[" + parts.joined(separator: ",") + "]"
        case .object(let object):
            let parts = object.map { key, value in
                let name = String(decoding: MCPAnswers.bytes(.string(key)), as: UTF8.self)
                return space() + name + space() + ":" + space() + write(value, &random) + space()
            }
            return "{" + parts.joined(separator: ",") + "}"
        default: return String(decoding: MCPAnswers.bytes(value), as: UTF8.self)
        }
    }
}
