// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import HTTPTypes
import ServiceTestSupport
import Storage
import TestSupport
import Testing

@testable import Server

/// A request body that is wrong, and the code that says how.
struct BadBody: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let status: Int
    let code: String

    init(_ name: String, _ bytes: [UInt8], _ status: Int, _ code: String) {
        self.name = name
        self.bytes = bytes
        self.status = status
        self.code = code
    }

    init(_ text: String, _ code: String) {
        self.init(String(text.prefix(60)), Array(text.utf8), 400, code)
    }

    var testDescription: String { name }
}

@Suite("Bad input")
struct BadInputTests {
    private static let good =
        #"{"operation":{"action":"command.run","input":{},"resource":{"id":"x","type":"Host"}}}"#

    private static func operation(_ from: String, _ to: String) -> String {
        good.replacing(from, with: to)
    }

    private static let longText = String(repeating: "x", count: 4097)

    static let bodies: [BadBody] = [
        BadBody("", "json_malformed"),
        BadBody("{", "json_malformed"),
        BadBody("nonsense", "json_malformed"),
        BadBody(good + "x", "json_malformed"),
        BadBody(#"{"operation":1,"operation":2}"#, "json_malformed"),
        BadBody(#"{"operation":NaN}"#, "json_malformed"),
        BadBody(#"{"operation":"\ud800"}"#, "json_malformed"),
        BadBody(
            "invalid UTF-8", Array(#"{"operation":""#.utf8) + [0xC0, 0x80, 0x22, 0x7D], 400,
            "json_malformed"),
        BadBody("a byte order mark", [0xEF, 0xBB, 0xBF] + Array(good.utf8), 400, "json_malformed"),
        BadBody(
            "UTF-16", Array(good.utf16.flatMap { [UInt8($0 & 0xFF), 0] }), 400,
            "json_malformed"),
        BadBody(
            "deep nesting", Array(String(repeating: "[", count: 100_000).utf8), 400,
            "json_malformed"),
        BadBody(
            "ten megabytes", Array(repeating: UInt8(ascii: " "), count: 10 << 20), 413,
            "too_large"),
        BadBody("null", "json_shape"),
        BadBody("[]", "json_shape"),
        BadBody("{}", "json_shape"),
        BadBody(#"{"operation":"x"}"#, "json_shape"),
        BadBody(operation("\"command.run\"", "7"), "json_shape"),
        BadBody(operation("\"input\":{}", "\"input\":[]"), "operation_invalid"),
        BadBody(operation("\"input\":{},", ""), "json_shape"),
        BadBody(operation("\"type\":\"Host\"", "\"type\":\"Host\",\"x\":1"), "json_shape"),
        BadBody(operation("command.run", ""), "operation_invalid"),
        BadBody(operation("command.run", "../../etc"), "operation_invalid"),
        BadBody(operation("\"Host\"", "\"a b\""), "operation_invalid"),
        BadBody(operation("\"id\":\"x\"", "\"id\":\"\""), "operation_invalid"),
        BadBody(operation("{\"operation\"", "{\"extra\":1,\"operation\""), "json_shape"),
        BadBody(
            operation("{\"operation\"", "{\"claim\":{\"nonce\":\"xyz\"},\"operation\""),
            "value_invalid"),
        BadBody(operation("{\"operation\"", "{\"claim\":{},\"operation\""), "json_shape"),
        BadBody(operation("{\"operation\"", "{\"intent\":7,\"operation\""), "json_shape"),
        BadBody(
            operation("\"input\":{}", "\"input\":{\"n\":0.1000000000000000055511151231257827}"),
            "json_not_exact"),
        BadBody(operation("\"input\":{}", "\"input\":{\"n\":9007199254740993}"), "json_not_exact"),
        BadBody(operation("\"input\":{}", "\"input\":{\"n\":1e400}"), "json_malformed"),
        BadBody(
            operation(
                "{\"operation\"",
                "{\"intent\":{\"justification\":\"\(longText)\"},\"operation\""
            ), "operation_invalid"),
        BadBody(
            operation(
                "\"input\":{}", "\"input\":{\"x\":\"\(String(repeating: "x", count: 1 << 20))\"}"),
            "operation_invalid"),
    ]

    @Test("A bad submission is a problem with a stable code, and leaves nothing", arguments: bodies)
    func submission(_ bad: BadBody) async throws {
        try await withServer { api in
            let size = api.control.writer.head.size
            let answer = try await api.request(
                .post, "/v1/actions", as: "deploy-bot", gate: true, bytes: bad.bytes)
            #expect(answer.status == bad.status)
            #expect(answer.code == bad.code, "\(answer.text.prefix(300))")
            #expect(try openAPICodes().contains(answer.code))
            // One line for people, which never repeats what was sent at length.
            #expect(answer.bytes.count < 1000)
            #expect(api.control.writer.head.size == size)
            #expect(try await api.submit("allow").text("state") == "cleared")
        }
    }

    @Test("Every route that takes a body refuses the same rubbish and lives on")
    func everyRoute() async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            let routes =
                (AuthenticationMatrixTests.actions + AuthenticationMatrixTests.administration)
                .filter { $0.body != nil }
            #expect(routes.count > 10)
            let rubbish: [[UInt8]] = [
                [], Array("{".utf8), Array("[]".utf8), Array(#"{"unknown":1}"#.utf8), [0xFF],
                Array(String(repeating: "[", count: 10_000).utf8),
                Array(#"{"id":7,"nonce":7,"decision":7,"status":7,"files":7,"reason":7}"#.utf8),
                Array(#"{"id":"A B","nonce":"x","decision":"x","status":"x","files":[7]}"#.utf8),
            ]
            for route in routes {
                // Somebody who may: what is tested is the body.
                let who = zip(AuthenticationMatrixTests.parties, route.expected)
                    .first { $0.1 < 300 || $0.1 == 409 }?.0
                for bytes in rubbish {
                    let answer = try await api.request(
                        route.method, route.path.replacing("{id}", with: action.id), as: who,
                        gate: who == "deploy-bot", bytes: bytes)
                    #expect(
                        [400, 404, 409].contains(answer.status),
                        "\(route.testDescription): \(answer.text)")
                    #expect(try openAPICodes().contains(answer.code), "\(answer.code)")
                }
            }
            #expect(try await api.get("/readyz", as: nil).status == 200)
        }
    }

    @Test("Another content type is refused")
    func contentType() async throws {
        try await withServer { api in
            for type in [
                "text/plain", "application/x-www-form-urlencoded", "application/xml",
                "application/jsonp", "application/json-seq", "application/json+x",
                "application/json; charset=utf-16", "",
            ] {
                let answer = try await api.request(
                    .post, "/v1/actions", as: "deploy-bot", bytes: Array(Self.good.utf8),
                    headers: [("Content-Type", type)])
                #expect(answer.status == 415)
                #expect(answer.code == "media_type")
            }
            let charset = try await api.request(
                .post, "/v1/actions", as: "deploy-bot", bytes: Array(Self.good.utf8),
                headers: [("Content-Type", "Application/JSON; charset=utf-8")])
            #expect(charset.status == 201)
        }
    }

    @Test("Paths that lead nowhere are problems too")
    func paths() async throws {
        try await withServer { api in
            for path in [
                "/nowhere", "/v1", "/v1/actions/act_x", "/v1/actions/act_x/claim/more",
                "/v1/actions/%00", "/v1/actions/..%2f..%2fetc", "/log/tile/../../etc/passwd",
                "/v1/actions/\(String(repeating: "x", count: 5000))",
            ] {
                let answer = try await api.get(path)
                #expect(answer.status == 404, "\(path)")
                #expect(try openAPICodes().contains(answer.code), "\(path): \(answer.code)")
            }
            for path in ["/v1/persons/Bob", "/v1/groups/a%20b", "/v1/agents/%F0%9F%98%80"] {
                #expect(try await api.get(path).code == "value_invalid", "\(path)")
            }
            for path in ["/v1/persons/nobody", "/v1/agents/bob", "/v1/gates/x", "/v1/groups/x"] {
                #expect(try await api.get(path).code == "not_found", "\(path)")
            }
        }
    }

    @Test("A wrong method is told which ones the path takes")
    func methods() async throws {
        let cases: [(method: HTTPRequest.Method, path: String, allow: String)] = [
            (.put, "/v1/actions", "GET, HEAD, POST"), (.delete, "/v1/actions/act_x/claim", "POST"),
            // The router takes the name before what stands for any name, and so does this.
            (.get, "/v1/gates/self/configuration", "POST"),
            (.post, "/log/tile/0/000", "GET, HEAD"), (.post, "/", "GET, HEAD"),
            (.trace, "/v1/groups/x/members/y", "DELETE, PUT"),
        ]
        try await withServer { api in
            for (method, path, allow) in cases {
                let answer = try await api.request(method, path, as: "bob")
                #expect(answer.status == 405, "\(path)")
                #expect(answer.code == "method_not_allowed")
                #expect(answer.headers[.allow] == allow)
                #expect(try openAPICodes().contains(answer.code))
            }
        }
    }

    @Test("HEAD is answered as GET, without the body")
    func head() async throws {
        try await withServer { api in
            for (path, status) in [
                ("/v1/actions", 200), ("/readyz", 200), ("/nowhere", 404),
                ("/v1/actions/act_x/claim", 405),
            ] {
                let answer = try await api.request(.head, path, as: "bob")
                #expect(answer.status == status, "\(path)")
                #expect(answer.bytes.isEmpty, "\(path)")
            }
        }
    }

    @Test("Values that are out of bounds are refused, not cut")
    func bounds() async throws {
        try await withServer { api in
            let action = try await api.submit("review")
            for path in [
                "/v1/actions?q=\(String(repeating: "x", count: 257))",
                "/v1/actions/\(action.id)?after=-1", "/v1/actions/\(action.id)?after=x",
            ] {
                #expect(try await api.get(path).code == "value_invalid", "\(path)")
            }
            let forever = try await api.post(
                "/v1/agents", ["id": "zoe-bot", "owner": "alice", "expires": .null], as: "admin")
            #expect(forever.code == "value_invalid")
            let long = try await api.post(
                "/v1/persons", ["id": "zoe"], as: "admin",
                headers: [("Exequatur-Reason", String(repeating: "x", count: 4097))])
            #expect(long.code == "value_invalid")
        }
    }

    @Test("The zone of a freeze window is one of IANA's names, UTC too")
    func zones() async throws {
        try await withServer { api in
            func put(_ zone: String) async throws -> Int {
                let body: JSON = [
                    "ranges": ["Fri 14:00 - Mon 08:00"], "zone": .string(zone),
                ]
                return try await api.request(
                    .put, "/v1/freezes/night", as: "admin", bytes: try body.canonicalBytes()
                ).status
            }
            for zone in ["UTC", "Etc/UTC", "Europe/Berlin"] {
                let status = try await put(zone)
                #expect(status == 200, "\(zone)")
            }
            for zone in ["utc", "gmt+2", "GMT+0200", "Mars/Base", ""] {
                let status = try await put(zone)
                #expect(status == 400, "\(zone)")
            }
        }
    }

    @Test("Names that would deceive are refused")
    func names() async throws {
        try await withServer { api in
            for name in [
                "", "a\u{202E}b", "a\u{200B}b", "a\nb\u{0}", String(repeating: "x", count: 201),
            ] {
                let answer = try await api.post(
                    "/v1/persons", ["id": "zoe", "name": .string(name)], as: "admin")
                #expect(answer.code == "value_invalid")
            }
            let good = try await api.post(
                "/v1/persons", ["id": "zoe", "name": "Zo\u{eb} M\u{fc}ller"], as: "admin")
            #expect(good.status == 201)
        }
    }

    @Test("Random bytes never bring the server down")
    func fuzz() async throws {
        try await withServer { api in
            var random = SeededRandom.forTest()
            let template = Array(Self.good.utf8)
            for _ in 0..<300 {
                var bytes = template
                for _ in 0..<(random.next() % 4 + 1) {
                    let place = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 3 {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: place)
                    default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                    }
                }
                let answer = try await api.request(
                    .post, "/v1/actions", as: "deploy-bot", gate: true, bytes: bytes)
                #expect(
                    [200, 201, 400, 429].contains(answer.status),
                    "\(answer.status): \(String(decoding: bytes, as: UTF8.self))")
                if answer.status >= 400 { #expect(try openAPICodes().contains(answer.code)) }
            }
        }
    }
}
