// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("Input that nobody should send")
struct BadInputTests {
    struct Body: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]

        init(_ description: String, _ bytes: [UInt8]) {
            testDescription = description
            self.bytes = bytes
        }

        init(_ description: String, _ text: String) { self.init(description, Array(text.utf8)) }
    }

    private static let operation =
        #""operation":{"action":"command.run","input":{"argv":["ls"]},"#
        + #""resource":{"id":"h","type":"Host"}}"#

    static let malformed = [
        Body("nothing", ""),
        Body("no JSON", "hello"),
        Body("cut off", #"{"operation":"#),
        Body("two values", "{\(operation)} {}"),
        Body("a comment", "{\(operation)/**/}"),
        Body("a duplicate member", "{\(operation),\(operation)}"),
        Body("a lone surrogate", #"{"\#u{5C}ud800":1,"# + operation + "}"),
        Body("invalid UTF-8", Array(#"{"a":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)),
        Body("overlong UTF-8", Array(#"{"a":""#.utf8) + [0xC0, 0xAF] + Array(#""}"#.utf8)),
        Body("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{\(operation)}".utf8)),
        Body("not a number", "{\(operation),\"x\":NaN}"),
        Body("an unknown member", "{\(operation),\"approved\":true}"),
        Body("a member of the wrong type", #"{"operation":"ls"}"#),
        Body("no operation", "{}"),
        Body("an array", "[]"),
        Body("deep nesting", String(repeating: "[", count: 10_000)),
        Body(
            "a short nonce",
            "{\"claim\":{\"nonce\":\"abc\"},\(operation)}"),
    ]

    @Test("Malformed bodies are refused with a problem, and the connection and server live on")
    func bodies() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        for body in Self.malformed {
            let answer = try server.connection().request(
                "POST", "/v1/actions", token: cast.agent, body: body.bytes)
            #expect((400..<423).contains(answer.status), "\(body.testDescription): \(answer.text)")
            #expect(
                answer.headers["content-type"]?.hasPrefix("application/problem+json") == true,
                "\(body.testDescription): \(answer.headers)")
            #expect(answer.code?.isEmpty == false, "\(body.testDescription): \(answer.text)")
        }
        #expect(try server.json(["list"], token: cast.admin) == [])
        _ = try cast.submit("after-bad-bodies", server)
    }

    @Test("A body of 10 MB is refused with 413")
    func large() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let text =
            "{\"intent\":{\"justification\":\""
            + String(repeating: "a", count: 10_000_000) + "\"},\(Self.operation)}"
        let connection = try server.connection()
        // The server may answer and close before all of it has been sent.
        try? connection.send("POST", "/v1/actions", token: cast.agent, body: Array(text.utf8))
        if let answer = try? connection.receive() { #expect(answer.status == 413) }
        _ = try cast.submit("after-a-large-body", server)
    }

    @Test("Requests that are no HTTP end their connection and nothing else")
    func requests() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        for text in [
            "\r\n\r\n\r\n", "GET\r\n\r\n", "\u{0}\u{1}\u{2}",
            "GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            "POST /v1/actions HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n"
                + "transfer-encoding: chunked\r\n\r\nzz\r\n",
            "GET /" + String(repeating: "a", count: 200_000) + " HTTP/1.1\r\nhost: h\r\n\r\n",
        ] {
            let connection = try HTTPConnection(port: server.port, seconds: 5)
            try? connection.send(Array(text.utf8))
            if let answer = try? connection.receive() { #expect(answer.status >= 400) }
        }
        _ = try cast.submit("after-bad-requests", server)
    }

    @Test("Credentials that are none are refused alike")
    func credentials() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let other = String(cast.agent.dropLast(4)) + "AAAA"
        for token in ["x", "exq1", other, cast.agent + "a", String(cast.agent.dropLast())] {
            let answer = try server.connection().request("GET", "/v1/actions", token: token)
            #expect(answer.status == 401, "\(answer.text)")
        }
        #expect(try server.connection().request("GET", "/v1/actions").status == 401)
        let twice = try server.connection().request(
            "GET", "/v1/actions", token: cast.agent,
            headers: [("authorization", "Bearer \(cast.bob)")])
        #expect((400..<402).contains(twice.status), "two credentials: \(twice.status)")
    }

    @Test("A rotated token ends at once, a removed agent too")
    func rotated() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let rotated = try server.json(["agent", "rotate", "deploy-bot"], token: cast.admin)
        let fresh = try #require(rotated["token"]?.stringValue)
        func status(_ token: String) throws -> Int {
            try server.connection().request("GET", "/v1/whoami", token: token).status
        }
        #expect(try status(cast.agent) == 401)
        #expect(try status(fresh) == 200)
        #expect(try server.cli(["agent", "remove", "deploy-bot"], token: cast.admin).status == 0)
        #expect(try status(fresh) == 401)
    }

    @Test("A policy set with an error is not published and the old one stays in force")
    func policy() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        let before = try server.json(["policy", "show"], token: cast.admin)["digest"]
        for text in [
            "permit (principal, action, resource)",
            "@review(\"reviewers\") permit (principal,"
                + " action, resource);", "@reviewers(\"x\") forbid (principal, action, resource);",
            "@review(\"reviewers\") @quorum(\"0\") forbid (principal, action, resource);",
        ] {
            let body: JSON = ["files": [["name": "10-bad.cedar", "text": .string(text)]]]
            let check = try server.connection().request(
                "POST", "/v1/policies/check", token: cast.admin, json: body)
            #expect(check.json?["ok"]?.boolValue != true, "`\(text)`: \(check.text)")
            let answer = try server.connection().request(
                "POST", "/v1/policies", token: cast.admin, json: body)
            #expect((400..<423).contains(answer.status), "`\(text)`: \(answer.text)")
        }
        #expect(try server.json(["policy", "show"], token: cast.admin)["digest"] == before)
        _ = try cast.submit("after-bad-policies", server)
    }

    @Test("Agents and strangers change nothing")
    func permissions() throws {
        let server = try RunningServer()
        let cast = try Cast(server)
        for token in [cast.agent, cast.bob] {
            for command in [
                ["person", "add", "eve"], ["agent", "add", "x", "--owner", "eve"],
                ["group", "member", "add", "reviewers", "deploy-bot"], ["gate", "add", "g"],
            ] {
                let result = try server.cli(command, token: token)
                #expect(result.status == 77, "\(command): \(result.err)")
            }
        }
    }
}
