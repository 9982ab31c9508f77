// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import CanonicalJSON
package import ExequaturClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// The agent's side of a command runner.
package struct RunnerClient: Sendable {
    /// Where the runner is.
    package enum Address: Sendable, Hashable {
        /// The absolute path of a local socket.
        case socket(String)
        /// Scheme, host and port, without a slash at the end.
        case network(String)
    }

    private let address: Address
    private let token: GateToken

    /// The exit code when the runner was lost while the command may have run (`EX_IOERR`).
    package static let lost: Int32 = 74

    /// How long nothing at all may come; a runner that is there sends something every five seconds.
    private static let patience = TimeAmount.seconds(60)
    private static let longest = TimeAmount.hours(24 * 30)
    private static let refusalBytes = 65_536

    /// Makes a client.
    /// - Parameters:
    ///   - address: where the runner is.
    ///   - token: the agent's own.
    package init(address: Address, token: GateToken) {
        self.address = address
        self.token = token
    }

    /// Has a command run.
    /// - Parameters:
    ///   - request: the command.
    ///   - show: told what comes, in order, but the end.
    /// - Returns: how it ended, or why it did not begin.
    /// - Throws: what `show` throws.
    package func run(
        _ request: RunnerRequest, show: (RunnerFrame) throws -> Void
    ) async throws -> RunnerEnd {
        if case .socket(let path) = address {
            do throws(GateFailure) {
                try RunnerSocket.checkForClient(path)
            } catch {
                return RunnerEnd(exitCode: error.exitCode, failure: error.description)
            }
        }
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.timeout.read = Self.patience
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let end = try await exchange(request, client, show)
            try? await client.shutdown()
            return end
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private var url: String? {
        switch address {
        case .socket(let path):
            URL(httpURLWithSocketPath: path, uri: "/v1/run")?.absoluteString
        case .network(let base): base + "/v1/run"
        }
    }

    private func exchange(
        _ request: RunnerRequest, _ client: HTTPClient, _ show: (RunnerFrame) throws -> Void
    ) async throws -> RunnerEnd {
        guard let url else {
            return RunnerEnd(exitCode: 64, failure: "the runner's address cannot be used")
        }
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = .POST
        // A socket has no name that could stand there.
        if case .socket = address { outgoing.headers.add(name: "host", value: "runner") }
        outgoing.headers.add(name: "accept", value: "application/x-ndjson")
        outgoing.headers.add(name: "content-type", value: "application/json")
        outgoing.headers.add(name: "authorization", value: "Bearer \(token.secret)")
        outgoing.body = .bytes(ByteBuffer(bytes: try request.json.canonicalBytes()))
        let answer: HTTPClientResponse
        do {
            answer = try await client.execute(outgoing, timeout: Self.longest)
        } catch {
            return RunnerEnd(exitCode: 69, failure: "the runner does not answer: \(error)")
        }
        guard answer.status == .ok else { return try await refusal(answer) }
        return try await follow(answer, show)
    }

    /// What a runner says that does not take a request.
    private func refusal(_ answer: HTTPClientResponse) async throws -> RunnerEnd {
        let code = Int(answer.status.code)
        let bytes = (try? await answer.body.collect(upTo: Self.refusalBytes)).map {
            Array($0.readableBytesView)
        }
        let json = bytes.flatMap { try? JSON(parsing: $0) }
        let why = json?["detail"]?.stringValue ?? "the runner answers with status \(code)"
        let isLater = code == 429 || code >= 500
        return RunnerEnd(exitCode: isLater ? 69 : 77, failure: why)
    }

    private func follow(
        _ answer: HTTPClientResponse, _ show: (RunnerFrame) throws -> Void
    ) async throws -> RunnerEnd {
        var cutter = LineCutter(limit: RunnerFrame.maximumBytes)
        var waiting: String?
        var cleared: String?
        do {
            for try await part in answer.body {
                for line in try cutter.take(part.readableBytesView) {
                    guard let frame = try RunnerFrame.read(line) else { continue }
                    switch frame {
                    case .end(let end): return end
                    case .waiting(let action): waiting = action.id
                    case .cleared(let action): cleared = action
                    default: break
                    }
                    do {
                        try show(frame)
                    } catch {
                        throw ShowFailure(cause: error)
                    }
                }
            }
        } catch let failure as ShowFailure {
            throw failure.cause
        } catch let refusal as RunnerRefusal {
            return Self.lost(waiting: waiting, cleared: cleared, refusal.description)
        } catch {
            return Self.lost(waiting: waiting, cleared: cleared, "it fell silent")
        }
        return Self.lost(waiting: waiting, cleared: cleared, "it ended the connection")
    }

    /// What the caller's own side could not do; not the runner's fault.
    private struct ShowFailure: Error {
        let cause: any Error
    }

    private static func lost(waiting: String?, cleared: String?, _ why: String) -> RunnerEnd {
        if let cleared {
            return RunnerEnd(
                exitCode: lost,
                failure: "the runner was lost (\(why)) while \(cleared) ran: it may go on; how it "
                    + "ends is told by `exequatur show \(cleared)`")
        }
        if let waiting {
            return RunnerEnd(
                exitCode: 75,
                failure: "the runner was lost (\(why)); \(waiting) is still pending: run the same "
                    + "command again to go on waiting")
        }
        return RunnerEnd(
            exitCode: 69, failure: "the runner was lost (\(why)): run the same command again")
    }
}
