// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import CanonicalJSON
internal import NIOCore
internal import NIOHTTP1

/// The service over HTTP.
///
/// Redirects are not followed: a token goes to the address it is meant for and nowhere else.
public struct HTTPTransport: GateTransport, GateConnection {
    private static let answerBytes = 4_194_304

    private let client: HTTPClient
    private let base: String
    private let token: GateToken
    private let gateToken: GateToken?
    private let configuration: String?

    private init(
        _ client: HTTPClient, base: String, token: GateToken, gateToken: GateToken?,
        configuration: String? = nil
    ) {
        self.client = client
        self.base = base
        self.token = token
        self.gateToken = gateToken
        self.configuration = configuration
    }

    /// A transport on the same connections that speaks for another requester.
    public func transport(
        as token: GateToken, at gateToken: GateToken?, configuration: String?
    ) -> any GateTransport {
        HTTPTransport(
            client, base: base, token: token, gateToken: gateToken, configuration: configuration)
    }

    /// Runs `body` with a transport and closes its connections afterwards.
    /// - Parameters:
    ///   - base: scheme, host, port and path prefix, without a slash at the end.
    ///   - token: the requester's credential.
    ///   - gateToken: the gate's own credential; nil makes the gate advisory.
    ///   - body: what to do with it.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    public static func with<Result>(
        base: String, token: GateToken, gateToken: GateToken?,
        _ body: (HTTPTransport) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(
                HTTPTransport(client, base: base, token: token, gateToken: gateToken))
            try? await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// Sends one request and reads the whole answer.
    public func send(_ request: GateRequest) async throws(TransportFailure) -> GateResponse {
        var outgoing = HTTPClientRequest(url: base + request.path)
        outgoing.method = request.method == .get ? .GET : .POST
        outgoing.headers.add(name: "accept", value: "application/json")
        outgoing.headers.add(name: "user-agent", value: "exequatur-gate")
        if request.isAuthenticated {
            outgoing.headers.add(name: "authorization", value: "Bearer \(token.secret)")
            if let gateToken {
                outgoing.headers.add(name: "exequatur-gate-token", value: gateToken.secret)
                if let configuration {
                    outgoing.headers.add(
                        name: "exequatur-gate-configuration", value: configuration)
                }
            }
        }
        let seconds = max(1, request.timeout.components.seconds)
        do {
            if let body = request.body {
                outgoing.headers.add(name: "content-type", value: "application/json")
                outgoing.body = .bytes(ByteBuffer(bytes: try body.canonicalBytes()))
            }
            let answer = try await client.execute(outgoing, timeout: .seconds(seconds))
            let body = try await answer.body.collect(upTo: Self.answerBytes)
            return GateResponse(
                status: Int(answer.status.code), body: Array(body.readableBytesView),
                retryAfter: answer.headers.first(name: "retry-after").flatMap { Int($0) })
        } catch {
            // Neither address nor token is in these errors' descriptions.
            throw TransportFailure("`\(base)` does not answer: \(error)")
        }
    }
}
