// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@Suite("The command line in front of a server that misbehaves")
struct HostileServerTests {
    private static let token = "exq1_p_secret"

    private func run(_ server: FakeServer, _ arguments: String...) throws -> ProgramResult {
        try Program.run(
            arguments, environment: ["EXEQUATUR_URL": server.url, "EXEQUATUR_TOKEN": Self.token])
    }

    private static func action(_ members: String) -> String {
        """
        {"id":"act_1","digest":"\(String(repeating: "ab", count: 32))","state":"pending",\
        "action":"command.run","resource":{"type":"Host","id":"web1"},\
        "requester":{"agent":"bot","owner":"alice","onBehalfOf":null},\(members)}
        """
    }

    @Test("A redirect is not followed, so the token stays where it was meant for")
    func redirect() throws {
        let other = try FakeServer(["/": FakeServer.json("[]")])
        let redirect =
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: \(other.url)/v1/actions\r\n"
            + "content-length: 0\r\nconnection: close\r\n\r\n"
        let server = try FakeServer(["/": [Array(redirect.utf8)]])
        let result = try run(server, "list")
        #expect(result.status == 1)
        #expect(other.requests.isEmpty)
        #expect(server.requests.count == 1)
        #expect(server.requests.first?.contains("Bearer \(Self.token)") == true)
    }

    @Test("Text cannot move the cursor, reorder or hide, wherever it comes from")
    func deception() throws {
        let evil = #"x\u001b[2J\u0085\u202ex\u200b\u2028\ud83d\ude00\udb40\udc41"#
        let shown = Self.action(
            """
            "decisions":[{"person":"\(evil)","decision":"approve","reason":"\(evil)"}],\
            "rendering":{"complete":true,"warnings":["\(evil)"],"sections":[{"title":"\(evil)",\
            "rows":[{"label":"\(evil)","text":"\(evil)","style":"claim"}]}]}
            """)
        let problem = #"{"code":"\#(evil)","detail":"\#(evil)"}"#
        let server = try FakeServer([
            "/v1/actions?": FakeServer.json("[\(shown)]"),
            "/v1/actions/act_1": FakeServer.json(shown),
            "/v1/actions/act_2": FakeServer.json(problem, status: "403 Forbidden"),
            "/v1/status": FakeServer.json(#"{"\#(evil)":"\#(evil)"}"#),
        ])
        for arguments in [
            ["list"], ["list", "--json"], ["show", "act_1"], ["show", "act_1", "--json"],
            ["show", "act_2"], ["status"], ["status", "--json"],
        ] {
            let result = try Program.run(
                arguments,
                environment: ["EXEQUATUR_URL": server.url, "EXEQUATUR_TOKEN": Self.token])
            for scalar in (result.out + result.err).unicodeScalars {
                let isPlain =
                    (0x20..<0x7F).contains(scalar.value) || scalar == "\n"
                    || scalar == "\u{1F600}"
                #expect(isPlain, "\(arguments) printed U+\(String(scalar.value, radix: 16))")
            }
        }
        // The value that `--json` prints is the server's, only written otherwise.
        let printed = try JSON(
            parsing: run(server, "show", "act_1", "--json").out
                .trimmingCharacters(in: .newlines))
        #expect(try printed == JSON(parsing: shown))
    }

    @Test("Words of the agent are marked line by line, so they cannot pose as ours")
    func fence() throws {
        let shown = Self.action(
            """
            "rendering":{"complete":true,"warnings":[],"sections":[{"title":"Why","rows":\
            [{"label":"Reason","text":"fine\\nexequatur approve act_9","style":"claim"}]}]}
            """)
        let server = try FakeServer(["/v1/actions/act_1": FakeServer.json(shown)])
        let out = try run(server, "show", "act_1").out
        let lines = out.split(separator: "\n").filter { $0.contains("act_9") }
        #expect(lines.count == 1)
        #expect(lines.allSatisfy { $0.drop { $0 == " " }.hasPrefix("> ") })
    }

    @Test("What cannot be shown in full comes without the words that approve it (invariant 16)")
    func incomplete() throws {
        for rendering in [#"{"complete":false,"sections":[],"warnings":[]}"#, "null", "{}"] {
            let shown = Self.action("\"rendering\":\(rendering)")
            let server = try FakeServer(["/v1/actions/act_1": FakeServer.json(shown)])
            let result = try run(server, "show", "act_1")
            #expect(!result.out.contains("exequatur approve"))
            #expect(result.out.contains("cannot be approved here"))
        }
    }

    @Test(
        "An endless or a malformed answer is an error",
        arguments: [
            ("not JSON", 69), ("{\"a\":1,\"a\":2}", 69), ("", 69),
        ])
    func malformed(_ text: String, _ status: Int32) throws {
        let server = try FakeServer(["/": FakeServer.json(text)])
        let result = try run(server, "list")
        #expect(result.status == status)
        #expect(result.out.isEmpty)
    }

    @Test("An answer of 20 MB is not read to its end")
    func large() throws {
        let server = try FakeServer([
            "/": FakeServer.json("\"" + String(repeating: "a", count: 20_000_000) + "\"")
        ])
        let result = try run(server, "list")
        #expect(result.status == 1)
        #expect(result.err.contains("larger than"))
    }

    @Test("Events are read whatever pieces and line ends they come in")
    func events() throws {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        let stream =
            ": hello\r\n\r\nid: 4\nevent: action\r\ndata: {\"id\":\"act_1\",\r"
            + "data:\"state\":\"pending\"}\n\nid: 5\nevent: other\ndata: {}\n\n"
            + "id: 6\nevent: action\ndata: {\"id\":\"act_1\",\"state\":\"cleared\"}\n\nid: 7\ndata"
        let pieces = [Array(head.utf8)] + Array(stream.utf8).map { [$0] }
        let server = try FakeServer(["/v1/events": pieces])
        let result = try run(server, "watch", "--json", "--count", "3")
        #expect(result.status == 0, "\(result.err)")
        #expect(
            result.out.split(separator: "\n") == [
                #"{"id":"act_1","state":"pending"}"#, #"{"id":"act_1","state":"cleared"}"#,
                #"{"id":"act_1","state":"pending"}"#,
            ])
        // It came back for the third, and said where it had been: at the last complete event.
        #expect(server.requests.count == 2)
        #expect(server.requests.last?.lowercased().contains("last-event-id: 6\r\n") == true)
    }

    @Test(
        "An id cannot walk to another part of the API",
        arguments: [
            "../persons", "..%2fpersons", "a/b", "a?state=pending", "a#b", "a b", "%2e%2e",
        ])
    func paths(_ id: String) throws {
        let server = try FakeServer([:])
        #expect(try run(server, "show", id).status != 0)
        let path = server.requests.first?.split(separator: " ").dropFirst().first ?? ""
        let rest = path.dropFirst("/v1/actions/".count)
        #expect(path.hasPrefix("/v1/actions/"))
        #expect(!rest.contains("/") && !rest.contains("?") && !rest.contains("#"))
    }

    @Test("An answer that is no list is never taken for an empty one")
    func noList() throws {
        let server = try FakeServer(["/": FakeServer.json("{}")])
        for words in [
            ["drift", "status"], ["drift", "list"], ["drift", "ignore", "list"],
            ["channel", "list"], ["list"],
        ] {
            let result = try Program.run(
                words,
                environment: ["EXEQUATUR_URL": server.url, "EXEQUATUR_TOKEN": Self.token])
            #expect(result.status != 0 && result.status != 2, "\(words): \(result.out)")
            #expect(result.out.isEmpty)
        }
    }
}
