// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import AsyncHTTPClient
internal import CanonicalJSON
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The HTTP API as the command line uses it: JSON in, JSON out, problems as `CLIError`.
///
/// Redirects are never followed, because the token would follow them. Answers are limited to
/// `Limits.answerBytes` and requests to `Limits.timeout`.
struct APIClient: Sendable {
    enum Limits {
        static let answerBytes = 16 * 1_048_576
        static let connectTimeout = TimeAmount.seconds(5)
        static let timeout = TimeAmount.seconds(30)
        /// Longer than the server's heartbeat on an event stream, so that silence means it is gone.
        static let eventSilence = TimeAmount.seconds(90)
    }

    static var answerLimits: JSONLimits {
        var limits = JSONLimits.default
        limits.maximumBytes = Limits.answerBytes
        // What a gate presents is inside of more than what the gate sent.
        limits.maximumDepth = 96
        limits.maximumValues = 2_000_000
        return limits
    }

    private let connection: Connection
    private let http: HTTPClient

    /// Runs `body` with a client and releases its connections afterwards.
    static func with<Result>(
        _ connection: Connection, _ body: (APIClient) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = Limits.connectTimeout
        configuration.timeout.read = Limits.eventSilence
        // A server that refuses is reported at once instead of being tried again for seconds.
        configuration.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(APIClient(connection: connection, http: http))
            try? await http.shutdown()
            return result
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    func get(_ path: APIPath) async throws -> JSON {
        try json(from: try await send(.GET, path, body: nil))
    }

    /// A bare array; anything else is not shown as an empty one.
    func list(_ path: APIPath) async throws -> [JSON] {
        guard let items = try await get(path).arrayValue else { throw notOurs }
        return items
    }

    func post(_ path: APIPath, _ body: JSON = [:]) async throws -> JSON {
        try json(from: try await send(.POST, path, body: body))
    }

    /// A form, as the token endpoint of OAuth takes it.
    func postForm(_ path: APIPath, _ fields: [(String, String)]) async throws -> JSON {
        let text = fields.map { "\(PercentEncoding.encode($0))=\(PercentEncoding.encode($1))" }
        return try json(
            from: try await send(
                .POST, path, Array(text.joined(separator: "&").utf8),
                type: "application/x-www-form-urlencoded"))
    }

    func put(_ path: APIPath, _ body: JSON = [:]) async throws -> JSON {
        try json(from: try await send(.PUT, path, body: body))
    }

    func delete(_ path: APIPath) async throws -> JSON {
        // What is gone may be answered with nothing at all.
        let bytes = try await send(.DELETE, path, body: nil)
        return bytes.isEmpty ? .null : try json(from: bytes)
    }

    /// The bytes of an answer, exactly as they came: receipts must not be re-encoded.
    func bytes(_ path: APIPath) async throws -> [UInt8] {
        try await send(.GET, path, body: nil)
    }

    private func send(_ method: HTTPMethod, _ path: APIPath, body: JSON?) async throws -> [UInt8] {
        try await send(method, path, try body?.canonicalBytes(), type: "application/json")
    }

    private func send(
        _ method: HTTPMethod, _ path: APIPath, _ body: [UInt8]?, type: String
    ) async throws -> [UInt8] {
        var request = self.request(method, path)
        if let body {
            request.headers.replaceOrAdd(name: "content-type", value: type)
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        do {
            let response = try await http.execute(request, timeout: Limits.timeout)
            let answer = try await response.body.collect(upTo: Limits.answerBytes)
            let bytes = [UInt8](answer.readableBytesView)
            guard (200..<300).contains(response.status.code) else {
                throw Problem.error(status: Int(response.status.code), body: bytes)
            }
            return bytes
        } catch let error as CLIError {
            throw error
        } catch is NIOTooManyBytesError {
            throw CLIError(
                "the answer to `\(path.text)` is larger than \(Limits.answerBytes) bytes:"
                    + " ask for less, for example with `--limit`")
        } catch {
            throw unreachable(error)
        }
    }

    private func request(_ method: HTTPMethod, _ path: APIPath) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: connection.address.base + path.text)
        request.method = method
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "user-agent", value: "exequatur-cli")
        if let token = connection.token {
            request.headers.add(name: "authorization", value: "Bearer \(token)")
        }
        return request
    }

    private func json(from bytes: [UInt8]) throws -> JSON {
        do {
            return try JSON(parsing: bytes, limits: Self.answerLimits)
        } catch {
            throw notOurs
        }
    }

    private var notOurs: CLIError {
        CLIError(
            "the answer of `\(connection.address.base)` is not what was asked for: is it an"
                + " Exequatur server?", status: .unavailable)
    }

    private func unreachable(_ error: any Error) -> CLIError {
        CLIError(
            "cannot reach `\(connection.address.base)`: \(Self.reason(error)); start it with"
                + " `exequatur serve` or set EXEQUATUR_URL", status: .unavailable)
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return error.description }
        let first = (error as? NIOConnectionError)?.connectionErrors.first?.error
        if let cause = (first ?? error) as? IOError {
            return String(cString: strerror(cause.errnoCode)).lowercased()
        }
        return "\(first ?? error)"
    }
}

// MARK: Server-sent events

extension APIClient {
    /// Reads `/v1/events` until the server or the network ends it.
    ///
    /// `last` is the id of the last event that was handled, nil to begin with new ones. `receive`
    /// handles one event and says whether to go on; the result is false once it said no.
    func events(
        after last: String?, _ receive: (EventStreamParser.Event) async throws -> Bool
    ) async throws -> Bool {
        var request = self.request(.GET, APIPath("/v1/events"))
        request.headers.replaceOrAdd(name: "accept", value: "text/event-stream")
        if let last { request.headers.add(name: "last-event-id", value: last) }
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, deadline: .distantFuture)
        } catch {
            throw unreachable(error)
        }
        guard response.status.code == 200 else {
            let body = try await response.body.collect(upTo: Limits.answerBytes)
            throw Problem.error(
                status: Int(response.status.code), body: [UInt8](body.readableBytesView))
        }
        var parser = EventStreamParser()
        do {
            for try await chunk in response.body {
                for event in try parser.feed(chunk.readableBytesView) {
                    guard try await receive(event) else { return false }
                }
            }
        } catch let error as CLIError {
            throw error
        } catch let error as HTTPClientError where error == .readTimeout {
            return true  // nothing happened for a while, or the network forgot us: connect again
        } catch {
            throw unreachable(error)
        }
        return true
    }
}

/// A path and query of the API; segments and values are percent-encoded here and only here.
struct APIPath: Sendable {
    private(set) var text: String
    private var hasQuery = false

    /// A fixed path.
    init(_ path: StaticString) { text = path.description }

    /// A path below a fixed one; refuses what could walk out of it.
    func appending(_ segment: String) throws -> APIPath {
        guard !segment.isEmpty, segment != ".", segment != "..", segment.utf8.count <= 256 else {
            throw CLIError.usage("`\(segment)` is not an identifier")
        }
        var copy = self
        copy.text += "/" + PercentEncoding.segment(segment)
        return copy
    }

    func query(_ name: StaticString, _ value: String?) -> APIPath {
        guard let value else { return self }
        var copy = self
        copy.text += (hasQuery ? "&" : "?") + name.description + "=" + PercentEncoding.encode(value)
        copy.hasQuery = true
        return copy
    }
}

/// Problem details (RFC 9457) as the errors of this command line.
enum Problem {
    static func error(status: Int, body: [UInt8]) -> CLIError {
        let problem = try? JSON(parsing: body)
        let code = problem?["code"]?.stringValue
        let detail = problem?["detail"]?.stringValue ?? problem?["title"]?.stringValue
        return CLIError(
            detail ?? "the server answered with status \(status)", code: code,
            status: code == "invalid_grant" ? .refused : exitStatus(for: status))
    }

    /// Refusals are told apart from failures, so that scripts can stop instead of trying again.
    private static func exitStatus(for status: Int) -> ExitStatus {
        switch status {
        case 401, 403, 409, 410, 412: .refused
        case 502, 503, 504: .unavailable
        default: .failure
        }
    }
}
