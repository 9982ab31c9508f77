// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Storage
internal import TransparencyLog

/// What people do about a review besides deciding: `/v1/actions/{id}/…`, and batches.
struct ReviewRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.post("/v1/actions/:id/withdraw", use: withdraw)
        router.post("/v1/actions/:id/comments", use: comment)
        router.get("/v1/actions/:id/comments", use: comments)
        router.post("/v1/actions/:id/looking", use: look)
        router.post("/v1/actions/:id/breakglass", use: breakGlass)
        router.get("/v1/debts", use: debts)
        router.post("/v1/batches", use: addBatch)
        router.get("/v1/batches/:digest", use: batch)
        router.post("/v1/batches/:digest/decisions", use: decideBatch)
    }

    @Sendable func withdraw(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let reason = try Wire.reason(&reader, "reason")
        try reader.finish()
        let result = try await control.withdraw(
            id, by: party, reason: reason, audit: Wire.auditJSON(request, context))
        return Wire.answer(try ActionJSON(control).result(result))
    }

    // MARK: words

    @Sendable func comment(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let kind = try reader.choice("kind", CommentKind.self)
        let text = try reader.string("text")
        try reader.finish()
        let result = try await control.comment(
            id, kind, text: text, by: party, audit: Wire.auditJSON(request, context))
        return Wire.answer(try ActionJSON(control).result(result), status: .created)
    }

    @Sendable func comments(_ request: Request, _ context: ServerContext) throws -> Response {
        let party = try Wire.reader(request, control)
        guard let detail = try control.detail(try Wire.actionID(context)) else {
            throw CommandError.noSuchAction
        }
        try Wire.check(party, sees: detail)
        return Wire.answer(.array(try detail.comments().map(\.json)))
    }

    @Sendable func look(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        try await control.look(try Wire.actionID(context), by: party)
        return Response(status: .noContent)
    }

    // MARK: break-glass

    @Sendable func breakGlass(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let expect = try reader.string("expect")
        let reason = try Wire.reason(&reader, "reason")
        try reader.finish()
        let command = BreakGlassCommand(
            principal: party.principal, channel: .api, assurance: party.assurance,
            method: party.method, expectedDigest: expect,
            hasReason: DecisionCommand.isReason(reason),
            isCredentialShown: !party.shownTo.isEmpty, shown: nil)
        let result = try await control.breakGlass(
            id, command, reason: reason, audit: Wire.auditJSON(request, context))
        return Wire.answer(try ActionJSON(control).result(result))
    }

    /// Everything that somebody broke the glass for and nobody has looked at since.
    @Sendable func debts(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        return Wire.answer(
            .array(
                control.openDebts.map { debt in
                    [
                        "action": .string(debt.action.text), "due": .string(debt.due.description),
                        "overdue": .bool(debt.isOverdue), "person": .string(debt.person.text),
                    ]
                }))
    }

    // MARK: batches

    @Sendable func addBatch(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.bearer(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let ids = try reader.strings("actions").map { text in
            guard let id = ActionID(text) else { throw CommandError.noSuchAction }
            return id
        }
        let title = try reader.optionalString("title")
        try reader.finish()
        let batch = try await control.addBatch(
            ids, title: title, by: party, audit: Wire.auditJSON(request, context))
        return Wire.answer(try json(batch), status: .created)
    }

    @Sendable func batch(_ request: Request, _ context: ServerContext) throws -> Response {
        let party = try Wire.reader(request, control)
        return Wire.answer(try json(try control.batch(try digest(context), for: party.principal)))
    }

    @Sendable func decideBatch(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let digest = try digest(context)
        var reader = try JSONReader(try await Wire.json(request))
        let kind = try reader.choice("decision", ReviewDecision.Kind.self)
        let expect = try reader.string("expect")
        let reason = try Wire.reason(&reader, "reason")
        try reader.finish()
        guard expect.utf8.count >= 16, digest.hex.hasPrefix(expect) else {
            throw Refusal(.staleDigest, "the digest is not that of this batch: look at it again")
        }
        let results = try await control.decide(
            batch: digest, kind, by: party, channel: .api, reason: reason,
            audit: Wire.auditJSON(request, context))
        return Wire.answer(
            .array(
                results.map { result in
                    [
                        "action": .string(result.action.text),
                        "code": .optional(result.refusal?.code.rawValue),
                        "detail": .optional(result.refusal?.description),
                        "state": .optional(result.status?.rawValue),
                    ]
                }))
    }

    private func digest(_ context: ServerContext) throws -> Hash256 {
        guard let digest = Hash256(hex: try context.parameters.require("digest")) else {
            throw ControlPlane.noSuchBatch
        }
        return digest
    }

    private func json(_ batch: Batch) throws -> JSON {
        [
            "by": .string(batch.by), "digest": .string(batch.digest.hex),
            "members": .array(
                try batch.members.map { member in
                    let detail = try control.detail(member.action)
                    return [
                        "action": .string(member.action.text), "digest": .string(member.digest.hex),
                        "state": .optional(detail?.state.status.rawValue),
                    ]
                }), "title": .optional(batch.title),
            "url": .string("\(control.configuration.publicURL)/batches/\(batch.digest.hex)"),
        ]
    }
}

extension ActionComment {
    fileprivate var json: JSON {
        [
            "at": .string(at.description), "by": .string(by), "kind": .string(kind.rawValue),
            "text": .string(text),
        ]
    }
}
