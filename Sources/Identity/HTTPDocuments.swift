// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

extension DocumentSource {
    /// Over HTTP: redirects are not followed, because they could lead to anybody, and nothing is
    /// sent but the address.
    ///
    /// A client of its own for each document: keys are fetched once in ten minutes, and in between
    /// nothing is kept open.
    package static let http = DocumentSource { url, limit in
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(IdentityLimits.fetchSeconds)
        configuration.timeout.read = .seconds(IdentityLimits.fetchSeconds)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let bytes = try await Self.read(url, limit, client)
            try? await client.shutdown()
            return bytes
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private static func read(
        _ url: String, _ limit: Int, _ client: HTTPClient
    ) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "user-agent", value: "exequatur")
        let answer = try await client.execute(
            request, timeout: .seconds(IdentityLimits.fetchSeconds))
        guard answer.status == .ok else {
            throw IssuerFailure("it answers with status \(answer.status.code)")
        }
        do {
            return [UInt8](try await answer.body.collect(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw IssuerFailure("it answers with more than \(limit) bytes")
        }
    }
}
