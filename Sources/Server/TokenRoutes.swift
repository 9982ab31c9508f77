// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Identity
internal import Logging

/// `/v1/token`: a workload's token of its issuer in exchange for a short-lived token of an agent
/// (RFC 8693); `/v1/trusts`: whose tokens are taken.
struct TokenRoutes: Sendable {
    let control: ControlPlane
    let verifier: WorkloadVerifier

    /// `documents` reads what issuers publish.
    init(control: ControlPlane, documents: DocumentSource) {
        self.control = control
        verifier = WorkloadVerifier(
            keys: IssuerKeys(source: documents, seconds: control.effects.monotonicSeconds),
            allowsLoopback: control.configuration.allowsLoopbackIssuers)
    }

    func add(to router: some RouterMethods<ServerContext>) {
        router.post("/v1/token", use: exchange)
        router.get("/v1/trusts", use: trusts)
        router.post("/v1/trusts", use: addTrust)
        router.delete("/v1/trusts/:id", use: removeTrust)
    }

    // MARK: exchange

    @Sendable func exchange(_ request: Request, _ context: ServerContext) async throws -> Response {
        try control.throttleExchange(address: context.remote)
        let subject = try subjectToken(try await FormFields.read(request))
        do {
            let identity = try await verifier.verify(
                subject, trusts: control.governance.directory.trusts.values, now: control.now)
            let issued = try await control.exchange(
                identity, audit: Wire.auditJSON(request, context))
            return Wire.answer([
                "access_token": .string(issued.token), "agent": .string(issued.agent.text),
                "expires_in": .integer(issued.lifetimeSeconds),
                "issued_token_type": .string(OAuth.accessToken), "token_type": "Bearer",
            ])
        } catch let refusal as GrantRefused {
            control.noteRefusedExchange(refusal, address: context.remote)
            throw OAuth.invalidGrant
        } catch let failure as IssuerFailure {
            control.logger.error("an issuer failed", metadata: ["reason": "\(failure)"])
            var problem = Problem(
                .serviceUnavailable, "issuer_unavailable",
                "the issuer of the token could not be asked for its keys: \(failure)")
            problem.retryAfterSeconds = 5
            throw problem
        }
    }

    /// The token that is offered, once the rest of the request is one that this server can meet.
    private func subjectToken(_ form: FormFields) throws -> String {
        func one(_ name: String) throws -> String? { try OAuth.one(name, form) }
        guard let grant = try one("grant_type") else {
            throw OAuth.invalidRequest("`grant_type` is missing")
        }
        guard grant == OAuth.exchangeGrant else {
            throw OAuth.unsupportedGrantType(OAuth.exchangeGrant)
        }
        guard let token = try one("subject_token") else {
            throw OAuth.invalidRequest("`subject_token` is missing")
        }
        let type = try one("subject_token_type")
        guard type == OAuth.jwt || type == OAuth.idToken else {
            throw OAuth.invalidRequest(
                "`subject_token_type` must be `\(OAuth.jwt)` or `\(OAuth.idToken)`")
        }
        if let wanted = try one("requested_token_type"), wanted != OAuth.accessToken {
            throw OAuth.invalidRequest("only `\(OAuth.accessToken)` is issued here")
        }
        guard try one("actor_token") == nil, try one("actor_token_type") == nil else {
            throw OAuth.invalidRequest("`actor_token` is not supported")
        }
        guard try one("scope") == nil else { throw OAuth.invalidScope }
        let names = [control.configuration.publicURL, control.configuration.origin]
        for target in form.all("audience") + form.all("resource") where !target.isEmpty {
            guard names.contains(where: { $0.utf8.elementsEqual(target.utf8) }) else {
                throw OAuth.invalidTarget
            }
        }
        return token
    }

    // MARK: trusts

    @Sendable func trusts(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let all = control.governance.directory.trusts.values.sorted { $0.id < $1.id }
        return Wire.answer(.array(all.map(\.json)))
    }

    @Sendable func addTrust(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        var reader = try JSONReader(try await Wire.json(request))
        let agent = try reader.handle("agent")
        let issuer = try IssuerURL(try reader.string("issuer"))
        let audience = try reader.string("audience")
        let claims = try WorkloadTrust.claims(try reader.value("claims"), path: "claims")
        let lifetime = try reader.optionalInt("lifetime") ?? Limits.workloadTokenSeconds
        let onBehalfOf = try reader.optionalBool("onBehalfOf") ?? false
        try reader.finish()
        let trust = try control.newTrust(
            agent: agent, issuer: issuer, audience: audience, claims: claims,
            lifetimeSeconds: lifetime, onBehalfOf: onBehalfOf)
        guard control.unsealed else {
            return try await Wire.ask(
                .directory([NamedDirectoryChange(.trustAdded(trust))]), by: by, request, context,
                control, extra: ["trust": trust.json])
        }
        try await control.apply(.trustAdded(trust), by: by.principal)
        return Wire.answer(trust.json, status: .created)
    }

    @Sendable func removeTrust(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let id = try context.parameters.require("id")
        guard WorkloadTrust.isID(id) else {
            throw CommandError.badRequest(code: "value_invalid", "not an id of a trust")
        }
        guard control.unsealed else {
            return try await Wire.ask(
                .directory([NamedDirectoryChange(.trustRemoved(id))]), by: by, request, context,
                control, extra: ["id": .string(id)])
        }
        try await control.apply(.trustRemoved(id), by: by.principal)
        return Wire.answer(["id": .string(id), "removed": true])
    }
}

/// Names and errors of the token endpoints (RFC 6749 §5.2, RFC 8693, RFC 8628 §3.5).
enum OAuth {
    static let deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
    static let exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
    static let accessToken = "urn:ietf:params:oauth:token-type:access_token"
    static let jwt = "urn:ietf:params:oauth:token-type:jwt"
    static let idToken = "urn:ietf:params:oauth:token-type:id_token"

    /// Says nothing of what exactly was not right: see `GrantRefused`.
    static var invalidGrant: Problem {
        error(
            Problem(
                .badRequest, "invalid_grant",
                "this token gets nothing here: it is not one that an agent's trust describes, is "
                    + "too old, or was exchanged before; the server's log says why"))
    }

    static func unsupportedGrantType(_ expected: String) -> Problem {
        error(
            Problem(
                .badRequest, "unsupported_grant_type", "`grant_type` must be `\(expected)`"))
    }

    static var authorizationPending: Problem {
        error(
            Problem(
                .badRequest, "authorization_pending",
                "nobody has confirmed the code yet: ask again in a moment"))
    }

    static var slowDown: Problem {
        error(
            Problem(
                .badRequest, "slow_down", "ask less often: add five seconds to the interval"))
    }

    static var accessDenied: Problem {
        error(
            Problem(.badRequest, "access_denied", "the code was refused in the console"))
    }

    static var expiredToken: Problem {
        error(
            Problem(
                .badRequest, "expired_token",
                "this code is unknown, was used or is too old: begin again"))
    }

    /// The value of a field that stands once at most; nil where it is missing or empty.
    static func one(_ name: String, _ form: FormFields) throws -> String? {
        let values = form.all(name)
        guard values.count < 2 else {
            throw invalidRequest("`\(name)` is there more than once")
        }
        return values.first.flatMap { $0.isEmpty ? nil : $0 }
    }

    static var invalidScope: Problem {
        error(Problem(.badRequest, "invalid_scope", "there are no scopes here: leave `scope` out"))
    }

    static var invalidTarget: Problem {
        error(
            Problem(
                .badRequest, "invalid_target",
                "`audience` and `resource` can only be this server: leave them out"))
    }

    static func invalidRequest(_ detail: String) -> Problem {
        error(Problem(.badRequest, "invalid_request", detail))
    }

    /// Ours and theirs in one: programs for OAuth look for `error`.
    private static func error(_ problem: Problem) -> Problem {
        var problem = problem
        problem.extra["error"] = .string(problem.code)
        problem.extra["error_description"] = .string(problem.detail)
        problem.mediaType = "application/json"
        return problem
    }
}
