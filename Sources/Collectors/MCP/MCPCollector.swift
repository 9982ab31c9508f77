// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import AsyncHTTPClient
package import CanonicalJSON
package import DriftCore

/// Watches what an MCP server offers: the whole definitions, since a schema or an annotation
/// changes what a tool does as much as its description.
///
/// Settings are `{"protocol":"2025-11-25"}` or `"2026-07-28"`, and either those of a program that
/// speaks over its standard input and output or those of an address with streamable HTTP. Subjects
/// are `tool:NAME`, `prompt:NAME`, `resource:URI`, `resourceTemplate:TEMPLATE` and
/// `server:identity`.
package struct MCPCollector: SourceCollector {
    private enum Server: Sendable {
        case program(ProgramSettings)
        case address(HTTPSettings)
    }

    /// Milliseconds that a program has to end once its input has closed.
    private static let patience = 1_000

    private let revision: MCPRevision
    private let server: Server

    package init(settings: JSONObject) throws {
        var reader = try JSONReader(.object(settings), path: "settings")
        let name = try reader.string("protocol")
        guard let revision = MCPRevision(rawValue: name) else {
            let known = MCPRevision.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or ")
            throw reader.error("protocol", "expected \(known)")
        }
        self.revision = revision
        if settings["url"] != nil {
            server = .address(try HTTPSettings(&reader))
        } else {
            server = .program(try ProgramSettings(&reader))
        }
        try reader.finish()
    }

    package func observe(
        now: @Sendable () -> Timestamp, redactor: Redactor
    ) async -> Observation {
        let started = now()
        do throws(CollectorFailure) {
            let items = try await list()
            var builder = ObservationBuilder(started: started, redactor: redactor)
            for item in items { builder.add(item.subject, item.document) }
            return builder.observation(ended: now())
        } catch {
            return Observation(started: started, ended: now(), error)
        }
    }

    package func hints() -> AsyncStream<SourceHint>? { nil }

    private func list() async throws(CollectorFailure) -> [MCPListingMachine.MCPItem] {
        let revision = revision
        switch server {
        case .program(let settings):
            let running = ProgramRun()
            return try await TimeLimit.run(seconds: settings.timeout, end: { running.end() }) {
                await OwnThread.run {
                    () -> Result<[MCPListingMachine.MCPItem], CollectorFailure> in
                    do throws(CollectorFailure) {
                        return .success(try Self.ask(settings, running, revision))
                    } catch {
                        return .failure(error)
                    }
                }
            }
        case .address(let settings):
            return try await HTTPExchange.with(seconds: settings.timeout) { client in
                do throws(CollectorFailure) {
                    var session = MCPHTTPSession(settings, revision, client)
                    return .success(try await session.list())
                } catch {
                    return .failure(error)
                }
            }
        }
    }

    // MARK: standard input and output

    private static func ask(
        _ settings: ProgramSettings, _ running: ProgramRun, _ revision: MCPRevision
    ) throws(CollectorFailure) -> [MCPListingMachine.MCPItem] {
        let program = try PinnedProgram(settings)
        let limit = MCPMessages.maximumBytes
        let (items, _) = try running.run(program, limit: limit, patience: patience) {
            (talk) throws(CollectorFailure) in
            var machine = MCPListingMachine(revision)
            while true {
                switch try machine.next() {
                case .done(let items): return items
                case .tell(let message): try send(message, &talk)
                case .ask(let request):
                    try send(request, &talk)
                    try machine.take(try response(to: request, &talk))
                }
            }
        }
        return items
    }

    private static func send(
        _ message: JSON, _ talk: inout ProgramTalk
    ) throws(CollectorFailure) {
        try talk.send(MCPMessages.bytes(message) + [UInt8(ascii: "\n")])
    }

    private static func response(
        to request: JSON, _ talk: inout ProgramTalk
    ) throws(CollectorFailure) -> JSON {
        while let line = try talk.readLine() {
            guard line.contains(where: { $0 > 0x20 }) else { continue }
            let message = try MCPMessages.parse(line)
            if MCPMessages.isResponse(message, to: request) { return message }
            if let answer = MCPMessages.answer(to: message) { try send(answer, &talk) }
        }
        throw CollectorFailure(.unreachable, "the server ended in the middle of a question")
    }
}
