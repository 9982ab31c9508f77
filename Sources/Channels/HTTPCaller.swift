// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// One request to a vendor, and its answer.
package struct ChannelRequest: Sendable {
    package var url: String
    package var method = "POST"
    package var headers: [(String, String)]
    package var body: [UInt8]
    package var timeoutSeconds: Int64 = 15

    package init(
        url: String, method: String = "POST", headers: [(String, String)], body: [UInt8],
        timeoutSeconds: Int64 = 15
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.timeoutSeconds = timeoutSeconds
    }
}

/// An answer of any status.
package struct ChannelResponse: Sendable {
    package let status: Int
    package let retryAfter: Double?
    package let body: [UInt8]

    package init(status: Int, retryAfter: Double?, body: [UInt8]) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
    }
}

/// No answer; says so without the address, which may be a secret.
package struct ChannelSilence: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// How requests are made; tests put something else in its place.
package struct HTTPCaller: Sendable {
    package let call: @Sendable (ChannelRequest) async throws(ChannelSilence) -> ChannelResponse

    package init(
        _ call:
            @escaping @Sendable (ChannelRequest) async throws(ChannelSilence) -> ChannelResponse
    ) {
        self.call = call
    }

    /// Bytes of an answer that are read.
    private static let answerBytes = 1_048_576
    /// The longest wait that a vendor may ask for.
    static let longestWait = 3600.0

    /// Over HTTP; redirects are not followed, because tokens go to the address they are meant for.
    package static let http: HTTPCaller = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.retryConnectionEstablishment = false
        // One for as long as the process lives, as its event loops.
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        return HTTPCaller { request throws(ChannelSilence) in
            try await send(request, client)
        }
    }()

    private static func send(
        _ request: ChannelRequest, _ client: HTTPClient
    ) async throws(ChannelSilence) -> ChannelResponse {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        outgoing.headers.add(name: "user-agent", value: "exequatur")
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        if request.method != "GET" { outgoing.body = .bytes(ByteBuffer(bytes: request.body)) }
        do {
            let answer = try await client.execute(
                outgoing, timeout: .seconds(request.timeoutSeconds))
            let body = try await answer.body.collect(upTo: answerBytes)
            let seconds = answer.headers.first(name: "retry-after").flatMap { Double($0) }
            return ChannelResponse(
                status: Int(answer.status.code),
                retryAfter: seconds.map { min(max(0, $0), longestWait) },
                body: Array(body.readableBytesView))
        } catch let error as HTTPClientError {
            throw ChannelSilence("no answer: \(error.shortDescription)")
        } catch {
            throw ChannelSilence("no answer: \(type(of: error))")
        }
    }
}
