// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Testing

@testable import ExequaturClient

/// A server for one connection at a time, on a port of its own.
private final class OneAnswerServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let answer: String

    init(_ answer: String) throws {
        self.answer = answer
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = made
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
                bind(made, plain, length) == 0 && listen(made, 4) == 0
                    && getsockname(made, plain, &length) == 0
            }
        }
        try #require(bound)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(listener) }

    /// Takes one connection, answers it, and returns what was asked.
    func serve() -> String {
        let connection = accept(listener, nil, nil)
        defer { close(connection) }
        var request: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { break }
            request += chunk[..<count]
            let text = String(decoding: request, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { continue }
            let length = text.lowercased().split(separator: "\r\n")
                .first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
            if text[end.upperBound...].utf8.count >= (length ?? 0) { break }
        }
        let bytes = Array(answer.utf8)
        _ = write(connection, bytes, bytes.count)
        return String(decoding: request, as: UTF8.self)
    }

    /// Serves on a thread of its own while `body` runs.
    func serving(_ body: (String) async throws -> Void) async throws -> String {
        async let asked = withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: self.serve()) }
        }
        try await body("http://127.0.0.1:\(port)")
        return await asked
    }
}

@Suite struct HTTPTransportTests {
    private static func token(_ kind: String) throws -> GateToken {
        let secret = String(repeating: kind, count: 43)
        return try #require(GateToken("exq1_\(kind)_0123456789abcdef0123456789abcdef_c_\(secret)"))
    }

    private func ask(
        _ request: GateRequest, answer: String, gate: Bool = false
    ) async throws -> (asked: String, response: GateResponse?) {
        let server = try OneAnswerServer(answer)
        let agent = try Self.token("a")
        let gateToken = gate ? try Self.token("g") : nil
        var response: GateResponse?
        let asked = try await server.serving { base in
            response = try await HTTPTransport.with(
                base: base, token: agent, gateToken: gateToken
            ) { try await $0.send(request) }
        }
        return (asked.lowercased(), response)
    }

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\n{}"

    @Test func tokensAreSentAsHeaders() async throws {
        let (asked, response) = try await ask(
            GateRequest(.post, "/v1/actions", body: ["b": 1, "a": [true]]), answer: Self.ok,
            gate: true)
        #expect(asked.hasPrefix("post /v1/actions http/1.1\r\n"))
        #expect(asked.contains("authorization: bearer exq1_a_"))
        #expect(asked.contains("exequatur-gate-token: exq1_g_"))
        #expect(asked.hasSuffix(#"{"a":[true],"b":1}"#))
        #expect(response?.status == 200)
        #expect(response?.retryAfter == 7)
        #expect(response?.body == Array("{}".utf8))
    }

    @Test func publicPagesGetNoToken() async throws {
        let (asked, _) = try await ask(
            GateRequest(.get, "/log/vkey", isAuthenticated: false), answer: Self.ok, gate: true)
        #expect(asked.hasPrefix("get /log/vkey http/1.1\r\n"))
        #expect(!asked.contains("exq1_"))
    }

    @Test func redirectIsNotFollowed() async throws {
        let answer =
            "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n"
        let (_, response) = try await ask(GateRequest(.get, "/v1/actions/act_1"), answer: answer)
        #expect(response?.status == 307)
    }

    @Test func brokenAnswerIsAFailure() async throws {
        await #expect(throws: TransportFailure.self) {
            try await ask(GateRequest(.get, "/"), answer: "nonsense\r\n\r\n")
        }
    }

    @Test func nobodyThereIsAFailureWithoutTheToken() async throws {
        let agent = try Self.token("a")
        do {
            try await HTTPTransport.with(
                base: "http://127.0.0.1:1", token: agent, gateToken: nil
            ) { _ = try await $0.send(GateRequest(.get, "/")) }
            Issue.record("port 1 answered")
        } catch let failure as TransportFailure {
            #expect(!failure.description.contains("exq1_"))
            #expect(failure.description.contains("127.0.0.1:1"))
        }
    }
}
