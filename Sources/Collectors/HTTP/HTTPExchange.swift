// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import DriftCore
internal import NIOCore
internal import NIOHTTP1

/// What a server answered.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: [(String, String)]
    let body: [UInt8]

    func header(_ name: String) -> String? {
        headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }
}

/// Asks servers; a client of its own for each observation, so that nothing stays open in between.
///
/// Redirects are not followed, proxies of the environment are not used, nothing is compressed.
enum HTTPExchange {
    /// Runs `body` with something to ask by, and closes all connections afterwards.
    ///
    /// - Parameters:
    ///   - seconds: how long it may take in all.
    ///   - body: what to do.
    /// - Returns: what `body` returns.
    /// - Throws: ``CollectorFailure``.
    static func with<Value: Sendable>(
        seconds: Int64,
        _ body: @escaping @Sendable (HTTPClient) async -> Result<Value, CollectorFailure>
    ) async throws(CollectorFailure) -> Value {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(min(10, seconds))
        configuration.timeout.read = .seconds(seconds)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.decompression = .disabled
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<Value, CollectorFailure>
        do throws(CollectorFailure) {
            // Cancelling the task ends a request that is under way.
            result = .success(
                try await TimeLimit.run(seconds: seconds, end: {}) {
                    await body(client)
                })
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        return try result.get()
    }

    /// Sends one request and reads the whole answer.
    ///
    /// - Parameters:
    ///   - method: `GET`, `POST` or `DELETE`.
    ///   - address: whom to ask.
    ///   - headers: what to say besides.
    ///   - body: what to send; nil for nothing.
    ///   - limit: the most bytes of the answer's body.
    ///   - client: by whom.
    ///   - isEnough: reads no further once this is true of what has come.
    /// - Returns: the answer, whatever its status.
    /// - Throws: ``CollectorFailure``.
    static func send(
        _ method: String, _ address: HTTPAddress, headers: [(String, String)], body: [UInt8]?,
        limit: Int, client: HTTPClient, until isEnough: ([UInt8]) -> Bool = { _ in false }
    ) async throws(CollectorFailure) -> HTTPAnswer {
        var request = HTTPClientRequest(url: address.url)
        request.method = HTTPMethod(rawValue: method)
        request.headers.add(name: "user-agent", value: "exequatur-collector")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        do {
            let answer = try await client.execute(request, deadline: .distantFuture)
            var bytes: [UInt8] = []
            for try await part in answer.body {
                bytes += part.readableBytesView
                guard bytes.count <= limit else {
                    throw CollectorFailure(
                        .tooLarge, "`\(address.shown)` answers with more than \(limit) bytes")
                }
                if isEnough(bytes) { break }
            }
            return HTTPAnswer(
                status: Int(answer.status.code),
                headers: answer.headers.map { ($0.name, $0.value) }, body: bytes)
        } catch let failure as CollectorFailure {
            throw failure
        } catch {
            throw CollectorFailure(
                .unreachable,
                "`\(address.shown)` does not answer: \(ShownText.line("\(error)"))")
        }
    }
}
