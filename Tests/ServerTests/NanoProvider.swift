// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport

/// nanoidp, an identity provider for tests that others wrote, which knows this server's callback.
///
/// IdentityTests has another one, which ends before the server comes in.
final class NanoProvider: Sendable {
    static let python =
        ProcessInfo.processInfo.environment["EXEQUATUR_NANOIDP"]
        ?? "\(Corpora.packageRoot)/.build/sign-in-venv/bin/python"
    static let isHere = (try? Child.run([python, "-c", "import nanoidp"], output: .hidden)) == 0
    static let secret = "a-secret-of-the-test"

    /// The issuer.
    let url: String
    private let folder: URL
    private let pid: pid_t

    /// Starts one whose user `ada` is in these groups, gives it to `body`, and ends it.
    static func run(
        callback: String, _ body: (NanoProvider) async throws -> Void
    ) async throws {
        let provider = try NanoProvider(callback)
        defer { provider.stop() }
        try await provider.isUp()
        try await body(provider)
    }

    private init(_ callback: String) throws {
        let port = try Self.freePort()
        url = "http://127.0.0.1:\(port)"
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("nanoidp-server-\(getpid())-\(port)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("keys"), withIntermediateDirectories: true)
        let settings = """
            config_version: 1
            jwt: {keys_dir: "\(folder.path)/keys"}
            server: {host: "127.0.0.1", port: \(port)}
            oauth:
              issuer: "http://127.0.0.1:\(port)"
              audience: "an-api"
              token_expiry_minutes: 5
              clients:
                - client_id: "exequatur"
                  client_secret: "\(Self.secret)"
                  redirect_uris: ["\(callback)"]

            """
        let users = """
            config_version: 1
            users:
              ada:
                password: "difference-engine"
                email: "ada@example.org"
                groups: ["SRE", "MATHEMATICIANS"]
              charles:
                password: "analytical-engine"
                email: "charles@example.org"

            """
        try Data(settings.utf8).write(to: folder.appendingPathComponent("settings.yaml"))
        try Data(users.utf8).write(to: folder.appendingPathComponent("users.yaml"))
        // What others put into PYTHONPATH must not pass for what is installed there.
        let command =
            "exec env -i PATH=/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 '\(Self.python)' -m nanoidp "
            + "--config '\(folder.path)' --profile oauth21 --strict-config "
            + ">'\(folder.path)/log' 2>&1"
        let started = "(\(command)) & echo $! >'\(folder.path)/pid'"
        guard try Child.run(["/bin/sh", "-c", started]) == 0,
            let text = try? String(
                contentsOf: folder.appendingPathComponent("pid"), encoding: .utf8),
            let pid = pid_t(text.trimmingCharacters(in: .newlines))
        else { throw NanoFailure("cannot start nanoidp") }
        self.pid = pid
    }

    private func stop() {
        kill(pid, SIGKILL)
        try? FileManager.default.removeItem(at: folder)
    }

    private func isUp() async throws {
        for _ in 0..<300 {
            var browser = NanoVisitor()
            if let answer = try? await browser.load(url + "/api/health", form: nil),
                answer.status == 200
            {
                return
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        let log = try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
        throw NanoFailure("nanoidp does not come up: \(log ?? "")")
    }

    private static func freePort() throws -> UInt16 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(socket, pointer, size) == 0 && getsockname(socket, pointer, &size) == 0
            }
        }
        guard result else { throw NanoFailure("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// A browser at the provider: it follows no redirect, keeps cookies, and fills in the login form.
struct NanoVisitor {
    private var cookies: [String: String] = [:]

    /// Goes to the address, logs in, and gives the query with which the browser would come back.
    mutating func logIn(at url: String, user: String, password: String) async throws -> String {
        let page = try await load(url, form: nil)
        if let location = page.location { return Self.query(location) }
        guard page.status == 200,
            let name = page.body.range(of: #"name="transaction_id" value=""#)
        else { throw NanoFailure("no login form: \(page.status) \(page.body.prefix(500))") }
        let transaction = page.body[name.upperBound...].prefix { $0 != "\"" }
        let answer = try await load(
            String(url.prefix { $0 != "?" }),
            form: "transaction_id=\(transaction)&username=\(user)&password=\(password)")
        guard let location = answer.location else {
            throw NanoFailure("no way back: \(answer.status)")
        }
        return Self.query(location)
    }

    private static func query(_ location: String) -> String {
        String(location.drop { $0 != "?" }.dropFirst())
    }

    mutating func load(
        _ url: String, form: String?
    ) async throws -> (status: UInt, location: String?, body: String) {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: HTTPClient.Configuration(redirectConfiguration: .disallow))
        var request = HTTPClientRequest(url: url)
        if !cookies.isEmpty {
            let pairs = cookies.map { "\($0.key)=\($0.value)" }.sorted()
            request.headers.add(name: "cookie", value: pairs.joined(separator: "; "))
        }
        if let form {
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: form))
        }
        do {
            let answer = try await client.execute(request, timeout: .seconds(20))
            let body = try await answer.body.collect(upTo: 1_048_576)
            try await client.shutdown()
            for cookie in answer.headers["set-cookie"] {
                let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
                if pair.count == 2 { cookies[String(pair[0])] = String(pair[1]) }
            }
            return (
                answer.status.code, answer.headers.first(name: "location"),
                String(decoding: body.readableBytesView, as: UTF8.self)
            )
        } catch {
            try? await client.shutdown()
            throw error
        }
    }
}

/// The provider, or the way through it, is not as the tests need it.
struct NanoFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
