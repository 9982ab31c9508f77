// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import CanonicalJSON
internal import DriftCore

/// One conversation with a server over streamable HTTP.
struct MCPHTTPSession {
    private static let sessionBytes = 1_024

    private let settings: HTTPSettings
    private let revision: MCPRevision
    private let client: HTTPClient
    private var session: String?
    /// The revision that was agreed on; nil before.
    private var version: String?
    private var bytes = 0

    init(_ settings: HTTPSettings, _ revision: MCPRevision, _ client: HTTPClient) {
        self.settings = settings
        self.revision = revision
        self.client = client
    }

    /// Lists everything.
    /// - Throws: ``CollectorFailure``.
    mutating func list() async throws(CollectorFailure) -> [MCPListingMachine.MCPItem] {
        do throws(CollectorFailure) {
            let items = try await ask()
            await close()
            return items
        } catch {
            await close()
            throw error
        }
    }

    private mutating func ask() async throws(CollectorFailure) -> [MCPListingMachine.MCPItem] {
        var machine = MCPListingMachine(revision)
        while true {
            switch try machine.next() {
            case .done(let items): return items
            case .tell(let message): _ = try await post(message)
            case .ask(let request):
                try machine.take(try await response(to: request))
                version = machine.version
            }
        }
    }

    private mutating func response(to request: JSON) async throws(CollectorFailure) -> JSON {
        let (messages, answer) = try await post(request)
        for message in messages where MCPMessages.isResponse(message, to: request) {
            return message
        }
        guard answer.status < 300 else { throw refused(answer) }
        throw CollectorFailure(
            .malformed, "`\(settings.address.shown)` does not answer what was asked")
    }

    private func headers(_ message: JSON) throws(CollectorFailure) -> [(String, String)] {
        var headers = [
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
        ]
        headers += try settings.values(for: settings.address)
        switch revision {
        case .session:
            if let session { headers.append(("mcp-session-id", session)) }
            if let version { headers.append(("mcp-protocol-version", version)) }
        case .stateless:
            headers.append(("mcp-protocol-version", revision.rawValue))
            headers.append(("mcp-method", message["method"]?.stringValue ?? ""))
        }
        return headers
    }

    /// Sends a message and returns those that come back.
    private mutating func post(
        _ message: JSON
    ) async throws(CollectorFailure) -> ([JSON], HTTPAnswer) {
        let request = message["id"] == nil ? Optional<JSON>.none : message
        let answer = try await HTTPExchange.send(
            "POST", settings.address, headers: headers(message),
            body: MCPMessages.bytes(message), limit: MCPMessages.maximumBytes - bytes,
            client: client
        ) { bytes in
            // A stream may stay open after the response; what ends it is an empty line.
            guard let request, bytes.last == 0x0A || bytes.last == 0x0D else { return false }
            return MCPMessages.events(bytes).contains { event in
                (try? MCPMessages.parse(event)).map { MCPMessages.isResponse($0, to: request) }
                    ?? false
            }
        }
        bytes += answer.body.count
        // Errors of the protocol may come with a status of their own and a message all the same.
        guard answer.status < 300 || (400..<500).contains(answer.status) && request != nil else {
            throw refused(answer)
        }
        if session == nil, let id = answer.header("mcp-session-id") {
            let isVisible = id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard (1...Self.sessionBytes).contains(id.utf8.count), isVisible else {
                throw CollectorFailure(.malformed, "a session id that is none")
            }
            session = id
        }
        guard request != nil else { return ([], answer) }
        let isStream = answer.header("content-type")?.lowercased().hasPrefix("text/event-stream")
        do throws(CollectorFailure) {
            var messages: [JSON] = []
            let parts = isStream == true ? MCPMessages.events(answer.body) : [answer.body]
            for part in parts { messages.append(try MCPMessages.parse(part)) }
            return (messages, answer)
        } catch {
            throw answer.status < 300 ? error : refused(answer)
        }
    }

    private func refused(_ answer: HTTPAnswer) -> CollectorFailure {
        let hint = (300..<400).contains(answer.status) ? ": redirects are not followed" : ""
        return CollectorFailure(
            .unreachable,
            "`\(settings.address.shown)` answers with status \(answer.status)\(hint)")
    }

    /// Ends the session, where there is one; a server may not allow it, which is fine.
    private func close() async {
        guard let session else { return }
        var headers = [
            ("mcp-session-id", session), ("mcp-protocol-version", version ?? revision.rawValue),
        ]
        headers += (try? settings.values(for: settings.address)) ?? []
        _ = try? await HTTPExchange.send(
            "DELETE", settings.address, headers: headers, body: nil, limit: 65_536, client: client)
    }
}
