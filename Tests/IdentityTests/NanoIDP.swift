// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import CanonicalJSON
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport

@testable import Identity

/// nanoidp, an identity provider for tests that others wrote, on a free port of this machine.
///
/// `scripts/bootstrap` puts it into a virtual environment of its own; `EXEQUATUR_NANOIDP` may name
/// another Python that has it.
final class NanoIDP: Sendable {
    static let python =
        ProcessInfo.processInfo.environment["EXEQUATUR_NANOIDP"]
        ?? "\(Corpora.packageRoot)/.build/sign-in-venv/bin/python"
    static let isHere = (try? Child.run([python, "-c", "import nanoidp"], output: .hidden)) == 0

    static let redirect = "http://127.0.0.1:9/sign-in/nano/callback"
    static let secret = "a-secret-of-the-test"

    let url: String
    private let folder: URL
    private let pid: pid_t

    /// Starts it with PKCE required (its profile `oauth21`) and unknown settings refused, gives it
    /// to `body`, and ends it.
    static func run(_ body: (NanoIDP) async throws -> Void) async throws {
        let idp = try NanoIDP()
        defer { idp.stop() }
        try await idp.isUp()
        try await body(idp)
    }

    private init() throws {
        let port = try Self.freePort()
        url = "http://127.0.0.1:\(port)"
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("nanoidp-\(getpid())-\(port)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("keys"), withIntermediateDirectories: true)
        // By itself it would keep its keys, and share them, in the folder where tests are started.
        let keys = "jwt: {keys_dir: \"\(folder.path)/keys\"}\n"
        try Data((Self.settings(port) + keys).utf8).write(
            to: folder.appendingPathComponent("settings.yaml"))
        try Data(Self.users.utf8).write(to: folder.appendingPathComponent("users.yaml"))
        pid = try Self.start(
            [
                Self.python, "-m", "nanoidp", "--config", folder.path, "--profile", "oauth21",
                "--strict-config",
            ], log: folder.appendingPathComponent("log").path)
    }

    private func stop() {
        kill(pid, SIGKILL)
        while waitpid(pid, nil, 0) < 0, errno == EINTR {}
        try? FileManager.default.removeItem(at: folder)
    }

    private static func settings(_ port: UInt16) -> String {
        """
        config_version: 1
        server: {host: "127.0.0.1", port: \(port)}
        oauth:
          issuer: "http://127.0.0.1:\(port)"
          audience: "an-api"
          token_expiry_minutes: 5
          clients:
            - client_id: "exequatur"
              client_secret: "\(secret)"
              redirect_uris: ["\(redirect)"]
            - client_id: "exequatur-public"
              token_endpoint_auth_method: "none"
              redirect_uris: ["\(redirect)"]
            - client_id: "exequatur-shared"
              client_secret: "\(secret)"
              additional_audiences: ["another-client"]
              redirect_uris: ["\(redirect)"]

        """
    }

    private static let users = """
        config_version: 1
        users:
          ada:
            password: "difference-engine"
            email: "ada@example.org"
            tenant: "t-1"
            groups: ["SRE", "MATHEMATICIANS"]
          charles:
            password: "analytical-engine"
            email: "charles@example.org"
            tenant: "t-2"

        """

    // MARK: the program

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
        guard result else { throw NanoIDPFailure("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func start(_ arguments: [String], log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var argv = arguments.map { strdup($0) } + [nil]
        // What others put into PYTHONPATH must not pass for what is installed there.
        var envp = [strdup("PATH=/usr/bin:/bin"), strdup("PYTHONDONTWRITEBYTECODE=1"), nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, arguments[0], &actions, nil, &argv, &envp)
        guard result == 0 else { throw NanoIDPFailure("cannot start nanoidp: \(result)") }
        return pid
    }

    private func isUp() async throws {
        for _ in 0..<300 {
            let answer = try? await SignInHTTP.http.send(
                SignInRequest(url: url + "/api/health", headers: [], form: nil, limit: 65_536))
            if answer?.status == 200 { return }
            guard waitpid(pid, nil, WNOHANG) == 0 else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        let log = try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
        throw NanoIDPFailure("nanoidp does not come up: \(log ?? "")")
    }

    /// Has it sign with a new key from now on.
    func rotateKeys() async throws {
        let answer = try await SignInHTTP.http.send(
            SignInRequest(url: url + "/api/keys/rotate", headers: [], form: [], limit: 65_536))
        guard answer.status == 200 else {
            throw NanoIDPFailure("no rotation: \(answer.status)")
        }
    }
}

/// A browser that follows no redirect, keeps cookies, and fills in the login form.
struct NanoBrowser {
    private var cookies: [String: String] = [:]

    /// Goes to the address, logs in, and gives the query with which the browser would come back.
    mutating func logIn(
        at url: String, user: String, password: String
    ) async throws -> [String: String] {
        let page = try await load(url, form: nil)
        if let location = page.location { return Self.query(location) }
        guard page.status == 200, let transaction = Self.transaction(page.body) else {
            throw NanoIDPFailure("no login form: \(page.status) \(page.body.prefix(500))")
        }
        let form = SignInForm.encode([
            ("transaction_id", transaction), ("username", user), ("password", password),
        ])
        let answer = try await load(
            String(url.prefix { $0 != "?" }), form: Array(form.utf8))
        guard let location = answer.location else {
            throw NanoIDPFailure("no way back: \(answer.status)")
        }
        guard location.hasPrefix(NanoIDP.redirect + "?") else {
            throw NanoIDPFailure("to somewhere else: \(location)")
        }
        return Self.query(location)
    }

    private static func query(_ location: String) -> [String: String] {
        FakeProvider.parse(String(location.drop { $0 != "?" }.dropFirst()))
    }

    private static func transaction(_ page: String) -> String? {
        guard let name = page.range(of: #"name="transaction_id" value=""#) else { return nil }
        return String(page[name.upperBound...].prefix { $0 != "\"" })
    }

    private mutating func load(
        _ url: String, form: [UInt8]?
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
            request.body = .bytes(ByteBuffer(bytes: form))
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
struct NanoIDPFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
