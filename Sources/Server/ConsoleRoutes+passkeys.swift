// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// Passkeys: enrolling, removing, signing in and signing decisions.
///
/// A script asks for options, which answer with JSON, and sends what the browser made back as the
/// field `answer` of an ordinary form.
extension ConsoleRoutes {
    /// What browsers answer is far smaller; attestation statements may carry certificates.
    private static let answerLimits: JSONLimits = {
        var limits = JSONLimits.default
        limits.maximumBytes = 32_768
        return limits
    }()

    func addPasskeys(to router: some RouterMethods<ServerContext>) {
        router.post("/console/sign-in/passkey/options", use: signInOptions)
        router.post("/console/sign-in/passkey", use: signInByPasskey)
        router.post("/console/account/passkeys/options", use: enrolmentOptions)
        router.post("/console/account/passkeys", use: enrol)
        router.post("/console/account/passkeys/remove", use: removePasskey)
        router.post("/console/account/sessions/revoke", use: revokeSession)
        router.post("/console/actions/:id/passkey-options", use: signingOptions)
        router.post("/console/actions/:id/decide-passkey", use: decideSigned)
    }

    private static func answer(_ form: [String: String]) throws -> JSON {
        guard let text = form["answer"], !text.isEmpty else {
            throw CommandError.badRequest(
                code: "value_invalid", "the browser made no answer: passkeys need JavaScript")
        }
        return try JSON(parsing: Array(text.utf8), limits: answerLimits)
    }

    // MARK: signing in

    @Sendable private func signInOptions(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        _ = try await form(request)
        let options = try await control.signInOptions(address: context.remote)
        return Wire.answer(["publicKey": options])
    }

    @Sendable private func signInByPasskey(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let form = try await form(request)
        do {
            let cookie = try await control.signIn(
                passkey: try Self.answer(form), audit: Wire.audit(request, context))
            return signedIn(cookie, returnTo: form["return"])
        } catch {
            let problem = Problem(error)
            guard problem.status.code < 500 else { throw error }
            return Self.html(
                renderer.signIn(
                    try signInPage(problem: "\(problem.detail).", returnTo: form["return"])),
                status: problem.status)
        }
    }

    // MARK: one's own

    @Sendable private func enrolmentOptions(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (_, session) = try await signedForm(request)
        return Wire.answer(["publicKey": try await control.enrolmentOptions(for: session)])
    }

    @Sendable private func enrol(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        return try await changeOwn(session, done: "passkey") {
            let passkey = try await control.enrol(try Self.answer(form), for: session)
            return try await control.administerOwn(
                .directory([NamedDirectoryChange(.passkeyAdded(passkey))]), by: session,
                isRemoval: false, audit: Wire.auditJSON(request, context)
            ).request
        }
    }

    @Sendable private func removePasskey(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        return try await changeOwn(session, done: "passkey-removed") {
            try await control.administerOwn(
                .directory([NamedDirectoryChange(.passkeyRemoved(form["passkey"] ?? ""))]),
                by: session, isRemoval: true, audit: Wire.auditJSON(request, context)
            ).request
        }
    }

    @Sendable private func revokeSession(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        return try await changeOwn(session, done: "session") {
            try await control.revoke(
                session: form["session"] ?? "", by: .person(session.person))
            return nil
        }
    }

    /// Carries out what a form of the account asks for; what waits leads to where it waits.
    private func changeOwn(
        _ session: Session, done: String, _ body: () async throws -> ActionResult?
    ) async throws -> Response {
        do {
            if let asked = try await body() {
                return Self.redirect("\(ConsolePath.action(asked.state.id.text))?done=asked")
            }
            return Self.redirect("\(ConsolePath.account)?done=\(done)")
        } catch {
            let problem = Problem(error)
            let models = ConsoleModels(control, session, channels)
            let notice = ConsoleNotice(kind: .error, text: problem.detail)
            return Self.html(
                renderer.account(try models.accountPage(code: nil, notice: notice)),
                status: problem.status)
        }
    }

    // MARK: decisions

    @Sendable private func signingOptions(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let (made, options) = try await control.signingOptions(
            try Wire.actionID(context), try Self.decision(form), for: session)
        return Wire.answer(["nonce": .string(made.nonce.hex), "publicKey": options])
    }

    @Sendable private func decideSigned(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await act(request, context) { id, form, session in
            let kind = try Self.decision(form)
            let reason = try Self.reason(form)
            guard let nonce = form["nonce"].flatMap(Hash256.init(hex:)),
                let shown = form["rendering"].flatMap(Hash256.init(hex:))
            else {
                throw CommandError.badRequest(
                    code: "value_invalid", "`nonce` or `rendering` is missing")
            }
            guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
            let (signature, question) = try control.signedDecision(
                try Self.answer(form), nonce: nonce)
            let command = control.signedCommand(
                detail, kind, session, expect: form["expect"] ?? "",
                hasReason: DecisionCommand.isReason(reason), signature: signature, shown: shown)
            _ = try await control.decide(
                id, command, reason: reason, audit: Wire.auditJSON(request, context),
                using: [question])
            return kind.rawValue
        }
    }

    static func decision(_ form: [String: String]) throws -> ReviewDecision.Kind {
        guard let kind = form["decision"].flatMap(ReviewDecision.Kind.init(rawValue:)) else {
            throw CommandError.badRequest(code: "value_invalid", "`decision` is missing")
        }
        return kind
    }
}
