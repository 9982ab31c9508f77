// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Console
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Storage
internal import TransparencyLog

/// The web console.
///
/// Nothing reached by GET changes anything; every form carries the session's CSRF token and must
/// come from this origin.
struct ConsoleRoutes: Sendable {
    let control: ControlPlane
    let channels: ChannelHub?
    let renderer: ConsoleRenderer
    /// Identity providers that the sign-in page offers, by name and title.
    var signInProviders: [(Handle, String)] = []
    private static let formLimit = 65_536
    private static let historyPage = 50

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/") { request, _ in
            try page(request) { renderer.inbox(try $0.inbox()) }
        }
        router.get("/history", use: history)
        router.get("/ledger", use: ledger)
        router.get("/policies") { request, _ in
            try page(request) { renderer.policies(try $0.policies()) }
        }
        router.get("/directory") { request, _ in
            try page(request) { renderer.directory(try $0.directory()) }
        }
        router.get("/channels") { request, _ in
            try page(request) { renderer.channels(try $0.channelsPage()) }
        }
        addDrift(to: router)
        addPasskeys(to: router)
        addReviews(to: router)
        addBatches(to: router)
        router.get("/account", use: account)
        router.post("/console/account/code", use: linkCode)
        router.post("/console/account/unlink", use: unlink)
        router.get("/actions/:id", use: action)
        router.get("/sign-in", use: signIn)
        router.post("/console/sign-in", use: redeem)
        router.post("/console/sign-out", use: signOut)
        router.post("/console/actions/:id/decide", use: decide)
        router.post("/console/actions/:id/cancel", use: cancel)
        router.post("/console/actions/:id/revoke", use: revoke)
        router.post("/console/actions/:id/settle", use: settle)
        router.get("/assets/:hash/:name", use: asset)
    }

    // MARK: pages

    func page(
        _ request: Request, _ body: (ConsoleModels) throws -> String
    ) throws -> Response {
        guard let session = try Wire.session(request, control) else {
            let wanted = String(request.uri.string.prefix(512))
            return Self.redirect(
                "\(ConsolePath.signIn)?return=\(PercentEncoding.encode(wanted, keeping: "/"))")
        }
        do {
            return Self.html(try body(ConsoleModels(control, session, channels)))
        } catch {
            return try failure(error, session)
        }
    }

    func failure(_ error: any Error, _ session: Session?) throws -> Response {
        let problem = Problem(error)
        let models = ConsoleModels(control, session, channels)
        return Self.html(
            renderer.error(
                ErrorPage(
                    shell: try models.shell(), status: problem.status.code,
                    title: problem.status.reasonPhrase, detail: problem.detail,
                    code: problem.code)), status: problem.status)
    }

    @Sendable func history(_ request: Request, _ context: ServerContext) throws -> Response {
        try page(request) { models in
            let parameters = request.uri.queryParameters
            var query = ActionQuery()
            query.limit = Self.historyPage
            let state = parameters["state"].map(String.init) ?? ""
            if let status = ActionStatus(rawValue: state) { query.statuses = [status] }
            if let text = parameters["q"].map(String.init), !text.isEmpty {
                query.text = String(text.prefix(256))
            }
            query.before = parameters["before"].map(String.init).flatMap(ActionID.init)
            return renderer.history(
                try models.history(query: query, state: query.statuses.isEmpty ? "" : state))
        }
    }

    @Sendable func ledger(_ request: Request, _ context: ServerContext) throws -> Response {
        try page(request) { models in
            let from = request.uri.queryParameters["from"].flatMap { UInt64($0) }
            return renderer.ledger(try models.ledger(from: from.map { min($0, 1 << 53) }))
        }
    }

    @Sendable func action(_ request: Request, _ context: ServerContext) throws -> Response {
        try page(request) { models in
            guard let detail = try control.detail(try Wire.actionID(context)) else {
                throw CommandError.noSuchAction
            }
            let done = request.uri.queryParameters["done"].map(String.init)
            return renderer.action(
                try models.action(detail, notice: done.flatMap(Self.notice)))
        }
    }

    /// Fixed sentences only: nothing from the address is ever shown.
    private static func notice(_ done: String) -> ConsoleNotice? {
        switch done {
        case "approve": ConsoleNotice(kind: .success, text: "Your approval is recorded.")
        case "deny": ConsoleNotice(kind: .success, text: "Your denial is recorded.")
        case "cancel": ConsoleNotice(kind: .success, text: "The action is cancelled.")
        case "revoke": ConsoleNotice(kind: .success, text: "The grant is revoked.")
        case "settle": ConsoleNotice(kind: .success, text: "The outcome is settled.")
        default: reviewNotice(done)
        }
    }

    // MARK: signing in and out

    @Sendable func signIn(_ request: Request, _ context: ServerContext) throws -> Response {
        let parameters = request.uri.queryParameters
        let token = parameters["token"].map(String.init).flatMap { $0.isEmpty ? nil : $0 }
        let found = try token.flatMap { try control.peek(link: $0) }
        let models = ConsoleModels(control, nil)
        let problem =
            token != nil && found == nil
            ? "This link was used already, has expired, or is not of this server. "
                + "Ask an administrator for a new one." : nil
        var page = try signInPage(
            problem: problem, returnTo: parameters["return"].map(String.init))
        page.token = found == nil ? nil : token
        page.person = found.map { models.person($0.person) }
        page.expires = found.map { models.instant($0.expires) }
        return Self.html(renderer.signIn(page))
    }

    /// The page for who has no link.
    func signInPage(problem: String?, returnTo: String?) throws -> SignInPage {
        SignInPage(
            shell: try ConsoleModels(control, nil).shell(), token: nil, person: nil, expires: nil,
            problem: problem, returnTo: Self.localPath(returnTo),
            providers: signInProviders.map { SignInButton(name: $0.0.text, title: $0.1) })
    }

    /// Sets the cookie of a session that was just opened, and goes to where it was asked for.
    func signedIn(_ cookie: String, returnTo: String?) -> Response {
        var response = Self.redirect(Self.localPath(returnTo) ?? ConsolePath.inbox)
        response.headers[.setCookie] = cookieHeader(cookie, maximumAge: 12 * 3600)
        return response
    }

    @Sendable func redeem(_ request: Request, _ context: ServerContext) async throws -> Response {
        let form = try await form(request)
        guard let token = form["token"], token.utf8.count <= 128,
            let cookie = try await control.redeem(
                link: token, audit: Wire.audit(request, context))
        else {
            return Self.redirect("\(ConsolePath.signIn)?token=used")
        }
        return signedIn(cookie, returnTo: form["return"])
    }

    @Sendable func signOut(_ request: Request, _ context: ServerContext) async throws -> Response {
        _ = try await signedForm(request)
        if let cookie = request.cookies[Wire.sessionCookie]?.value {
            try await control.signOut(cookie: cookie)
        }
        var response = Self.redirect(ConsolePath.signIn)
        response.headers[.setCookie] = cookieHeader("", maximumAge: 0)
        return response
    }

    /// `Lax`, so that a link in a chat opens the page; forms are protected by their token.
    private func cookieHeader(_ value: String, maximumAge: Int) -> String {
        let secure = control.configuration.publicURL.hasPrefix("https:") ? "; Secure" : ""
        return "\(Wire.sessionCookie)=\(value); Path=/; HttpOnly; SameSite=Lax; "
            + "Max-Age=\(maximumAge)\(secure)"
    }

    // MARK: forms

    @Sendable func decide(_ request: Request, _ context: ServerContext) async throws -> Response {
        try await act(request, context) { id, form, session in
            let kind = try Self.decision(form)
            let reason = try Self.reason(form)
            guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
            guard form["rendering"] == detail.state.rendering(detail.body).hex else {
                throw Refusal(.staleDigest, "what you were shown has changed: look at it again")
            }
            let command = control.decisionCommand(
                detail, kind, session, expect: form["expect"] ?? "",
                hasReason: DecisionCommand.isReason(reason))
            _ = try await control.decide(
                id, command, reason: reason, audit: Wire.auditJSON(request, context))
            return kind.rawValue
        }
    }

    @Sendable func cancel(_ request: Request, _ context: ServerContext) async throws -> Response {
        try await act(request, context) { id, _, session in
            _ = try await control.cancel(
                id, by: control.party(of: session), audit: Wire.auditJSON(request, context))
            return "cancel"
        }
    }

    @Sendable func revoke(_ request: Request, _ context: ServerContext) async throws -> Response {
        try await act(request, context) { id, form, session in
            _ = try await control.revoke(
                id, by: control.party(of: session), reason: try Self.reason(form),
                audit: Wire.auditJSON(request, context))
            return "revoke"
        }
    }

    @Sendable func settle(_ request: Request, _ context: ServerContext) async throws -> Response {
        try await act(request, context) { id, form, session in
            guard let status = form["status"].flatMap(OutcomeStatus.init(rawValue:)) else {
                throw CommandError.badRequest(code: "value_invalid", "`status` is missing")
            }
            _ = try await control.settle(
                id, status, by: control.party(of: session), reason: try Self.reason(form),
                audit: Wire.auditJSON(request, context))
            return "settle"
        }
    }

    /// Checks the form, carries it out, and goes back to the action's page; what is refused is
    /// said there.
    func act(
        _ request: Request, _ context: ServerContext,
        _ body: (ActionID, [String: String], Session) async throws -> String
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let id = try Wire.actionID(context)
        do {
            guard let shown = form["expect"], let known = try control.detail(id)?.state.digest.hex,
                shown.utf8.count >= 16, known.hasPrefix(shown)
            else {
                throw Refusal(.staleDigest, "this form is not of this action: look at it again")
            }
            let done = try await body(id, form, session)
            return Self.redirect("\(ConsolePath.action(id.text))?done=\(done)")
        } catch {
            let problem = Problem(error)
            guard let detail = try control.detail(id) else { return try failure(error, session) }
            let models = ConsoleModels(control, session, channels)
            let notice = ConsoleNotice(kind: .error, text: problem.detail)
            return Self.html(
                renderer.action(try models.action(detail, notice: notice)),
                status: problem.status)
        }
    }

    func signedForm(
        _ request: Request
    ) async throws -> (form: [String: String], session: Session) {
        guard let session = try Wire.session(request, control) else {
            throw AuthenticationError.missing
        }
        let form = try await form(request)
        guard let csrf = form["csrf"],
            Hash256.sha256(Array(csrf.utf8)) == .sha256(Array(session.csrf.utf8))
        else {
            throw Problem(.forbidden, "csrf", "this form is not from your session: reload the page")
        }
        return (form, session)
    }

    func form(_ request: Request) async throws -> [String: String] {
        // A browser says where a form comes from; another site's is refused.
        if let origin = request.headers[.origin], origin != control.configuration.publicURL {
            guard let host = request.head.authority,
                origin == "http://\(host)" || origin == "https://\(host)"
            else { throw Problem(.forbidden, "origin", "this form comes from another site") }
        }
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: Self.formLimit)
        } catch is NIOTooManyBytesError {
            throw Problem(.contentTooLarge, "too_large", "a form has at most 64 KiB")
        }
        do {
            return try URLEncodedFormDecoder().decode(
                [String: String].self, from: String(buffer: buffer))
        } catch {
            throw CommandError.badRequest(code: "form_malformed", "the form can't be read")
        }
    }

    static func reason(_ form: [String: String]) throws -> String? {
        guard let text = form["reason"], !text.isEmpty else { return nil }
        guard text.utf8.count <= Limits.reasonBytes else {
            throw CommandError.badRequest(
                code: "value_invalid", "a reason has at most \(Limits.reasonBytes) bytes")
        }
        return text
    }

    // MARK: answers

    @Sendable func asset(_ request: Request, _ context: ServerContext) throws -> Response {
        guard let asset = renderer.asset(path: request.uri.path) else {
            throw Problem(.notFound, "not_found", "there is no such file")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: asset.contentType,
                .cacheControl: "public, max-age=31536000, immutable",
                .xContentTypeOptions: "nosniff",
            ], body: .init(byteBuffer: ByteBuffer(bytes: asset.bytes)))
    }

    static func html(
        _ text: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        var headers: HTTPFields = [.contentType: "text/html; charset=utf-8"]
        for (name, value) in ConsoleRenderer.pageHeaders {
            if let field = HTTPField.Name(name) { headers[field] = value }
        }
        return Response(
            status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    static func redirect(_ path: String) -> Response {
        Response(
            status: .seeOther, headers: [.location: path, .cacheControl: "no-store"])
    }

    /// A path of this server and nothing else: `//other.example` is another server.
    static func localPath(_ text: String?) -> String? {
        guard let text, text.hasPrefix("/"), !text.hasPrefix("//"), !text.contains("\\"),
            text.utf8.count <= 512, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return text
    }
}
