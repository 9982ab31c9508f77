// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Storage
internal import TransparencyLog

/// `/v1/actions`: submit, look, wait, decide, claim, report.
struct ActionRoutes: Sendable {
    let control: ControlPlane

    /// A long poll must end before the sixty seconds that most clients and proxies allow.
    private static let longestWaitSeconds: Int64 = 55
    private static let listLimit = 200
    /// In code points; nobody looks for more than a line.
    private static let longestQuery = 256

    func add(to router: some RouterMethods<ServerContext>) {
        router.post("/v1/actions", use: submit)
        router.get("/v1/actions", use: list)
        router.get("/v1/actions/:id", use: get)
        router.get("/v1/actions/:id/receipt", use: receipt)
        router.post("/v1/actions/:id/decisions", use: decide)
        router.post("/v1/actions/:id/claim", use: claim)
        router.post("/v1/actions/:id/heartbeat", use: heartbeat)
        router.post("/v1/actions/:id/outcome", use: outcome)
        router.post("/v1/actions/:id/cancel", use: cancel)
        router.post("/v1/actions/:id/revoke", use: revoke)
        router.post("/v1/actions/:id/settle", use: settle)
    }

    @Sendable func submit(_ request: Request, _ context: ServerContext) async throws -> Response {
        let submitter = try Wire.submitter(request, context, control)
        let bytes = try await Wire.json(request)
        var reader = try JSONReader(bytes)
        let operation = try Operation(try reader.value("operation"))
        let intent = try reader.optionalValue("intent").map { try Intent($0) } ?? .none
        var nonce: Hash256?
        var known: UInt64?
        if var claim = try reader.optionalObject("claim") {
            nonce = try claim.hash("nonce")
            known = try claim.optionalString("checkpoint").map { try control.checkPinned($0) }
            try claim.finish()
        }
        try reader.finish()
        let key = request.headers[Wire.idempotencyHeader]
        guard (key?.utf8.count ?? 0) <= 255 else {
            throw CommandError.badRequest(
                code: "value_invalid", "`Idempotency-Key` has at most 255 bytes")
        }
        let result = try await control.submit(
            SubmitCommand(
                operation: operation, intent: intent, nonce: nonce, idempotencyKey: key,
                requestDigest: key == nil ? .zero : .sha256(try bytes.canonicalBytes())),
            by: submitter)
        // Only a claim is executed on, and held against the tree that the gate knows.
        let wanted = result.state.status == .claimed ? known : nil
        return Wire.answer(
            try answer(result, knowing: wanted), status: result.isNew ? .created : .ok)
    }

    /// An action, with the proof that the log continues the tree that the gate knows.
    private func answer(_ result: ActionResult, knowing known: UInt64?) throws -> JSON {
        let json = try ActionJSON(control).result(result)
        guard let known, case .object(var members) = json else { return json }
        let head = control.writer.head
        members["consistency"] = [
            "checkpoint": .string(head.checkpoint),
            "from": .integer(Int64(known)),
            "proof": .array(
                try control.consistency(from: known, under: head).map { .string($0.base64) }),
        ]
        return .object(members)
    }

    @Sendable func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.reader(request, control)
        var query = ActionQuery()
        let parameters = request.uri.queryParameters
        if let state = parameters["state"].map(String.init), state != "all" {
            query.statuses = Set(
                try state.split(separator: ",").map { name in
                    guard let status = ActionStatus(rawValue: String(name)) else {
                        throw CommandError.badRequest(
                            code: "value_invalid",
                            "`state`: `\(VisibleText.escape(String(name)))` is unknown")
                    }
                    return status
                })
        }
        if let text = parameters["q"].map(String.init), !text.isEmpty {
            guard text.unicodeScalars.count <= Self.longestQuery else {
                throw CommandError.badRequest(
                    code: "value_invalid", "`q` has at most \(Self.longestQuery) characters")
            }
            query.text = text
        }
        if let before = parameters["before"].map(String.init) {
            guard let id = ActionID(before) else { throw CommandError.noSuchAction }
            query.before = id
        }
        query.limit = try Wire.limit(request, most: Self.listLimit) ?? query.limit
        switch party.principal {
        case .agent(let agent): query.agent = agent
        case .person, .administrator, .action: break
        case .gate: throw CommandError.forbidden(code: "persons_only", "gates don't list")
        }
        let json = ActionJSON(control)
        return Wire.answer(.array(try control.list(query).map(json.listed)))
    }

    @Sendable func get(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.reader(request, control)
        let id = try Wire.actionID(context)
        let parameters = request.uri.queryParameters
        let after = try parameters["after"].map { value in
            guard let version = UInt64(value) else {
                throw CommandError.badRequest(code: "value_invalid", "`after`: expected a version")
            }
            return version
        }
        if let text = parameters["wait"].map(String.init) {
            guard let wait = Span(text) else {
                throw CommandError.badRequest(
                    code: "value_invalid", "`wait`: expected a length such as `55s`")
            }
            try Wire.check(party, sees: try visible(id))
            try await control.wait(
                for: id, by: party.holder, after: after,
                seconds: min(wait.seconds, Self.longestWaitSeconds))
            // The credential may have been revoked meanwhile.
            guard try Wire.reader(request, control).principal == party.principal else {
                throw AuthenticationError.invalid
            }
        }
        let detail = try visible(id)
        try Wire.check(party, sees: detail)
        return Wire.answer(try ActionJSON(control).full(detail))
    }

    @Sendable func receipt(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.reader(request, control)
        let id = try Wire.actionID(context)
        try Wire.check(party, sees: try visible(id))
        let bytes = try control.receipt(id)
        return Wire.receipt(bytes, name: id.text)
    }

    private func visible(_ id: ActionID) throws -> ActionDetail {
        guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
        return detail
    }

    @Sendable func decide(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let kind = try reader.choice("decision", ReviewDecision.Kind.self)
        let expect = try reader.string("expect")
        let reason = try Wire.reason(&reader, "reason")
        let channel = try reader.optionalString("channel").map { text in
            guard let channel = Channel(rawValue: text), channel != .console else {
                throw CommandError.badRequest(
                    code: "value_invalid", "`channel`: `cli` or `api`")
            }
            return channel
        }
        let rendering = try reader.optionalHash("rendering")
        try reader.finish()
        var command = control.command(
            by: party, kind, channel: channel ?? .api, expect: expect,
            hasReason: DecisionCommand.isReason(reason))
        command.shown = rendering
        let result = try await control.decide(
            id, command, reason: reason, audit: Wire.auditJSON(request, context))
        return Wire.answer(try ActionJSON(control).result(result))
    }

    @Sendable func claim(_ request: Request, _ context: ServerContext) async throws -> Response {
        let submitter = try Wire.submitter(request, context, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let nonce = try reader.hash("nonce")
        let pinned = try reader.optionalString("checkpoint")
        try reader.finish()
        let known = try pinned.map { try control.checkPinned($0) }
        let result = try await control.claim(id, nonce: nonce, by: submitter)
        return Wire.answer(try answer(result, knowing: known))
    }

    @Sendable func heartbeat(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let submitter = try Wire.submitter(request, context, control)
        try control.heartbeat(try Wire.actionID(context), by: submitter)
        return Response(status: .noContent)
    }

    @Sendable func outcome(_ request: Request, _ context: ServerContext) async throws -> Response {
        let submitter = try Wire.submitter(request, context, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let nonce = try reader.hash("nonce")
        let status = try reader.choice("status", OutcomeStatus.self)
        let exitCode = try reader.optionalInt("exitCode")
        let detail = try Wire.reason(&reader, "detail")
        let resultDigest = try reader.optionalHash("resultDigest")
        let effects = try ObservedEffect.list(reader.optionalArray("effects"), path: "effects")
        try reader.finish()
        let report = ActionEvent.Report(
            status, exitCode: exitCode, resultDigest: resultDigest, effects: effects)
        let result = try await control.report(
            id, report, detail: detail, nonce: nonce, by: submitter)
        return Wire.answer(try ActionJSON(control).result(result))
    }

    @Sendable func cancel(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let result = try await control.cancel(
            try Wire.actionID(context), by: party,
            audit: Wire.auditJSON(request, context))
        return Wire.answer(try ActionJSON(control).result(result))
    }

    @Sendable func revoke(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let reason = try Wire.reason(&reader, "reason")
        try reader.finish()
        let result = try await control.revoke(
            id, by: party, reason: reason, audit: Wire.auditJSON(request, context))
        return Wire.answer(try ActionJSON(control).result(result))
    }

    @Sendable func settle(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let id = try Wire.actionID(context)
        var reader = try JSONReader(try await Wire.json(request))
        let status = try reader.optionalString("status")
        let debt = try reader.optionalString("debt")
        let reason = try Wire.reason(&reader, "reason")
        try reader.finish()
        let audit = Wire.auditJSON(request, context)
        let result: ActionResult
        switch (status.flatMap(OutcomeStatus.init), debt) {
        case (let status?, nil):
            result = try await control.settle(
                id, status, by: party, reason: reason, audit: audit)
        case (nil, "accepted"), (nil, "rejected"):
            result = try await control.settleDebt(
                id, accepted: debt == "accepted", by: party, reason: reason,
                audit: audit)
        default:
            throw CommandError.badRequest(
                code: "value_invalid",
                "give either `status`, an outcome, or `debt`, which is `accepted` or `rejected`")
        }
        return Wire.answer(try ActionJSON(control).result(result))
    }
}
