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
    /// Missed entries that are read at once for a client that resumes.
    private static let replayPage = 1000

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
        guard let stream = try control.feed.subscribe(by: party.holder) else {
            throw Problem(.serviceUnavailable, "too_many_streams", "too many event streams")
        }
        // An index that this log doesn't have is of another log, or of one that was rolled back.
        let size = control.writer.head.size
        let last = request.headers[Wire.lastEventHeader].flatMap { UInt64($0) }
            .flatMap { $0 < size ? $0 : nil }
        let control = self.control
        let body = ResponseBody { writer in
            var sent = last
            // A comment at once tells the client, and proxies between, that the stream is open.
            try await writer.write(ByteBuffer(string: ": open\n\n"))
            // However much it missed: a gap that nobody speaks of would never be noticed.
            while let from = sent, isStillIn(party, request),
                let missed = try changes(after: from)
            {
                for change in missed.changes where Self.isVisible(change, agent, control) {
                    try await writer.write(Self.event(change))
                }
                sent = missed.last
            }
            for await event in stream {
                guard isStillIn(party, request) else { break }
                guard case .change(let change) = event else {
                    try await writer.write(ByteBuffer(string: ": beat\n\n"))
                    continue
                }
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

    /// A stream ends with the credential that it was opened with.
    private func isStillIn(_ party: Authenticated, _ request: Request) -> Bool {
        (try? Wire.reader(request, control))?.principal == party.principal
    }

    private static func isVisible(
        _ change: ActionChange, _ agent: Handle?, _ control: ControlPlane
    ) -> Bool {
        guard let agent else { return true }
        let row = try? control.backend.read { try $0.action(change.id) }
        return row?.agent == agent
    }

    /// The changes of one page of entries after an index, and the last index of the page; nil at
    /// the end of the ledger.
    private func changes(
        after index: UInt64
    ) throws -> (changes: [ActionChange], last: UInt64)? {
        try control.backend.read { reader in
            let entries = try reader.entries(
                from: index + 1, limit: Self.replayPage, bodies: false)
            guard let last = entries.last?.index else { return nil }
            let changes = try entries.compactMap { recorded -> ActionChange? in
                guard let id = ActionID(recorded.entry.ref), let row = try reader.action(id) else {
                    return nil
                }
                return ActionChange(
                    id: id, status: row.status, version: row.version, index: recorded.index)
            }
            return (changes, last)
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
