// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Storage

/// `/v1/events`: server-sent events, one per committed change of an action.
struct EventRoutes: Sendable {
    let control: ControlPlane
    /// Missed changes that a resuming client is sent; one that missed more reads the lists.
    private static let replayLimit = 1000

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/events", use: events)
    }

    @Sendable func events(_ request: Request, _ context: ServerContext) throws -> Response {
        let party = try Wire.reader(request, control)
        let agent: Handle? = if case .agent(let agent) = party.principal { agent } else { nil }
        if case .gate = party.principal {
            throw CommandError.forbidden(code: "persons_only", "gates have no event stream")
        }
        // Subscribed before the missed entries are read, so that nothing falls between; what is
        // then sent twice is dropped by its index.
        guard let stream = control.feed.subscribe() else {
            throw Problem(.serviceUnavailable, "too_many_streams", "too many event streams")
        }
        let last = request.headers[Wire.lastEventHeader].flatMap { UInt64($0) }
        let missed = try last.map { try changes(after: $0) } ?? []
        let control = self.control
        let body = ResponseBody { writer in
            var sent = last
            // A comment at once tells the client, and proxies between, that the stream is open.
            try await writer.write(ByteBuffer(string: ": open\n\n"))
            for change in missed where Self.isVisible(change, agent, control) {
                sent = change.index
                try await writer.write(Self.event(change))
            }
            for await change in stream {
                if let sent, change.index <= sent { continue }
                guard Self.isVisible(change, agent, control) else { continue }
                sent = change.index
                try await writer.write(Self.event(change))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
            ], body: body)
    }

    private static func isVisible(
        _ change: ActionChange, _ agent: Handle?, _ control: ControlPlane
    ) -> Bool {
        guard let agent else { return true }
        let row = try? control.backend.read { try $0.action(change.id) }
        return row?.agent == agent
    }

    private func changes(after index: UInt64) throws -> [ActionChange] {
        guard index < UInt64(Int64.max) else { return [] }
        return try control.backend.read { reader in
            let entries = try reader.entries(
                from: index + 1, limit: Self.replayLimit, bodies: false)
            return try entries.compactMap { recorded in
                guard let id = ActionID(recorded.entry.ref), let row = try reader.action(id) else {
                    return nil
                }
                return ActionChange(
                    id: id, status: row.status, version: row.version, index: recorded.index)
            }
        }
    }

    private static func event(_ change: ActionChange) -> ByteBuffer {
        let data: JSON = [
            "id": .string(change.id.text), "index": .integer(Int64(change.index)),
            "state": .string(change.status.rawValue),
            "version": .integer(Int64(change.version)),
        ]
        let text = String(decoding: WireBytes.of(data), as: UTF8.self)
        return ByteBuffer(string: "id: \(change.index)\nevent: action\ndata: \(text)\n\n")
    }
}
