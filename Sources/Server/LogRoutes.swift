// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Storage
internal import TransparencyLog

/// `/log/…`: the log as C2SP tlog-tiles serves it.
///
/// Public: it holds commitments, no content.
struct LogRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/log/checkpoint", use: checkpoint)
        router.get("/log/vkey", use: vkey)
        router.get("/log/tile/**", use: tile)
    }

    @Sendable func checkpoint(_ request: Request, _ context: ServerContext) throws -> Response {
        let note = control.writer.head.checkpoint
        guard !note.isEmpty else {
            throw Problem(.notFound, "empty_log", "the log has no entries yet")
        }
        return Self.text(note, cache: "no-cache")
    }

    @Sendable func vkey(_ request: Request, _ context: ServerContext) throws -> Response {
        Self.text(control.verifierKey.vkey + "\n", cache: "no-cache")
    }

    @Sendable func tile(_ request: Request, _ context: ServerContext) throws -> Response {
        let path =
            request.uri.path.hasPrefix("/log/")
            ? String(request.uri.path.dropFirst(5)) : request.uri.path
        let head = control.writer.head
        switch TilePath.parse(path) {
        case .tile(let level, let index, let width):
            let hashes = try control.backend.read { reader in
                guard head.frontier.tileWidth(level: level, index: index) >= width else {
                    throw Self.missing
                }
                return try head.frontier.tileHashes(
                    level: level, index: index, tiles: StoredTiles(reader))
            }
            return Self.bytes(Tile.encode(hashes.prefix(width)))
        case .entries(let index, let width):
            // Asked of the tree first: an index from outside times 256 may not fit.
            guard head.frontier.tileWidth(level: 0, index: index) >= width else {
                throw Self.missing
            }
            let first = index * 256
            let entries = try control.backend.read {
                try $0.entries(from: first, limit: width, bodies: false)
            }
            guard entries.count == width else { throw Self.missing }
            return Self.bytes(try EntryBundle.encode(entries.map(\.entry.leaf)))
        case .checkpoint, nil: throw Self.missing
        }
    }

    private static let missing = Problem(.notFound, "no_such_tile", "there is no such tile")

    private static func text(_ text: String, cache: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: cache],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private static func bytes(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "application/octet-stream",
                .cacheControl: "public, max-age=31536000, immutable",
            ], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

/// `/v1/audit`: the entries with what they commit to, for persons.
struct AuditRoutes: Sendable {
    let control: ControlPlane
    private static let pageLimit = 1000

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/audit", use: entries)
        router.post("/v1/audit/exports", use: export)
    }

    /// Says that the evidence of a period is taken out; what is in it is read like everything else.
    @Sendable func export(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.person(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let from = try reader.timestamp("from")
        let to = try reader.timestamp("to")
        try reader.finish()
        try await control.noteAuditExport(
            from: from, to: to, by: party, audit: Wire.auditJSON(request, context))
        return Response(status: .noContent)
    }

    @Sendable func entries(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.person(request, control)
        try await control.noteAuditRead(by: party, audit: Wire.auditJSON(request, context))
        let parameters = request.uri.queryParameters
        func number(_ name: String, else fallback: UInt64) throws -> UInt64 {
            guard let text = parameters[name[...]] else { return fallback }
            guard let number = UInt64(text) else {
                throw CommandError.badRequest(
                    code: "value_invalid", "`\(name)`: expected a number")
            }
            return number
        }
        let from = try number("from", else: 0)
        let limit = min(Int(clamping: try number("limit", else: 100)), Self.pageLimit)
        guard from <= UInt64(Int64.max) else { return Wire.answer([]) }
        let entries = try control.backend.read {
            try $0.entries(from: from, limit: limit, bodies: true)
        }
        return Wire.answer(
            .array(
                try entries.map { recorded in
                    [
                        "body": try recorded.body.map {
                            try JSON(parsing: $0, limits: Limits.storedJSON)
                        } ?? .null,
                        "core": try JSON(parsing: recorded.core, limits: Limits.storedJSON),
                        "coreSalt": .string(recorded.coreSalt.hex),
                        "index": .integer(Int64(recorded.index)),
                        "leaf": try JSON(parsing: recorded.entry.leaf),
                    ]
                }))
    }
}
