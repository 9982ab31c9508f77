// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import AsyncHTTPClient
internal import CanonicalJSON
internal import NIOCore
internal import NIOHTTP1

/// The token that a runner of GitHub Actions gives to its job.
enum RunnerToken {
    private static let answerBytes = 65_536

    /// Asks the runner; the address and the secret are those in the job's environment.
    static func fetch(_ place: String, secret: String, audience: String) async throws -> String {
        // Checked as our own servers are: the secret goes to this machine or behind TLS.
        guard let address = try? ServerAddress(String(place.prefix { $0 != "?" })),
            address.isConfidential, place.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw CLIError.usage("ACTIONS_ID_TOKEN_REQUEST_URL does not hold an https address")
        }
        guard secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CLIError.usage("ACTIONS_ID_TOKEN_REQUEST_TOKEN does not hold a token")
        }
        let mark = place.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        let url = "\(place)\(mark)audience=\(PercentEncoding.encode(audience))"
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let token = try await ask(url, secret, client)
            try? await client.shutdown()
            return token
        } catch {
            try? await client.shutdown()
            if let error = error as? CLIError { throw error }
            throw CLIError("the runner does not answer: \(error)", status: .unavailable)
        }
    }

    private static func ask(
        _ url: String, _ secret: String, _ client: HTTPClient
    ) async throws -> String {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "authorization", value: "bearer \(secret)")
        request.headers.add(name: "user-agent", value: "exequatur-cli")
        let answer = try await client.execute(request, timeout: .seconds(30))
        guard answer.status == .ok else {
            throw CLIError(
                "the runner answered with status \(answer.status.code)", status: .unavailable)
        }
        let bytes = [UInt8](try await answer.body.collect(upTo: answerBytes).readableBytesView)
        guard let token = try? JSON(parsing: bytes)["value"]?.stringValue, !token.isEmpty else {
            throw CLIError("the runner's answer holds no token", status: .unavailable)
        }
        return token
    }
}
