// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// One request to a provider.
package struct SignInRequest: Sendable {
    /// The address, from the provider's description.
    package let url: String
    /// Headers besides `accept` and `user-agent`; may hold the client's secret.
    package let headers: [(String, String)]
    /// What is posted; nil to get.
    package let form: [UInt8]?
    /// Bytes of an answer that are read; a longer one is none.
    package let limit: Int
}

/// An answer of any status.
package struct SignInAnswer: Sendable {
    /// The status code.
    package let status: Int
    /// The body, of at most as many bytes as were asked for.
    package let body: [UInt8]

    /// An answer, for tests.
    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// How providers are spoken with; tests put something else in its place.
package struct SignInHTTP: Sendable {
    /// Sends one request; throws where there is no answer, without naming what was sent.
    let send: @Sendable (SignInRequest) async throws(IssuerFailure) -> SignInAnswer

    /// A caller by this function.
    package init(
        _ send: @escaping @Sendable (SignInRequest) async throws(IssuerFailure) -> SignInAnswer
    ) {
        self.send = send
    }

    /// Over HTTP; redirects are not followed, because codes and secrets go to the address they are
    /// meant for.
    package static let http: SignInHTTP = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(IdentityLimits.fetchSeconds)
        configuration.timeout.read = .seconds(IdentityLimits.fetchSeconds)
        configuration.connectionPool.retryConnectionEstablishment = false
        // One for as long as the process lives, as its event loops.
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        return SignInHTTP { request throws(IssuerFailure) in try await send(request, client) }
    }()

    private static func send(
        _ request: SignInRequest, _ client: HTTPClient
    ) async throws(IssuerFailure) -> SignInAnswer {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.headers.add(name: "accept", value: "application/json")
        outgoing.headers.add(name: "user-agent", value: "exequatur")
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        if let form = request.form {
            outgoing.method = .POST
            outgoing.body = .bytes(ByteBuffer(bytes: form))
        }
        do {
            let answer = try await client.execute(
                outgoing, timeout: .seconds(IdentityLimits.fetchSeconds))
            let body = try await answer.body.collect(upTo: request.limit)
            return SignInAnswer(
                status: Int(answer.status.code), body: Array(body.readableBytesView))
        } catch is NIOTooManyBytesError {
            throw IssuerFailure("it answers with more than \(request.limit) bytes")
        } catch let error as HTTPClientError {
            throw IssuerFailure("it does not answer: \(error.shortDescription)")
        } catch {
            throw IssuerFailure("it does not answer: \(type(of: error))")
        }
    }
}
