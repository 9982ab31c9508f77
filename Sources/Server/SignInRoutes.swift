// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Identity
internal import NIOCore
internal import TransparencyLog

/// Signing in by an identity provider, and linking accounts there (OpenID Connect Core 1.0 §3.1).
struct SignInRoutes: Sendable {
    let console: ConsoleRoutes
    let settings: SignInSettings
    let client: SignInClient
    /// A callback has a few parameters of at most 4,096 bytes.
    private static let queryLimit = 32_768
    /// How old the provider's own sign-in may be where somebody has to show anew who he is.
    private static let freshSeconds: Int64 = 60

    /// `documents` reads the keys of providers.
    init(console: ConsoleRoutes, settings: SignInSettings, documents: DocumentSource) {
        self.console = console
        self.settings = settings
        let control = console.control
        client = SignInClient(
            keys: IssuerKeys(source: documents, seconds: control.effects.monotonicSeconds),
            http: .http, allowsLoopback: control.configuration.allowsLoopbackIssuers)
    }

    private var control: ControlPlane { console.control }

    func add(to router: some RouterMethods<ServerContext>) {
        router.post("/console/sign-in/openid/:provider", use: begin)
        router.get("/sign-in/openid/:provider/callback", use: callback)
        router.post("/console/account/openid/:provider/link", use: beginLinking)
        router.post("/console/account/openid/unlink", use: unlink)
    }

    // MARK: beginning

    /// Sends the browser to the provider.
    ///
    /// Fields `return`, a path of this console, and `fresh`, which is `1` where the person has to
    /// show anew who he is; both may stand in the address instead.
    @Sendable func begin(_ request: Request, _ context: ServerContext) async throws -> Response {
        do {
            try control.throttleSignIn(address: context.remote)
            let form = try await console.form(request)
            let query = request.uri.queryParameters
            let isFresh = (form["fresh"] ?? query["fresh"].map(String.init)) == "1"
            let wanted = form["return"] ?? query["return"].map(String.init)
            return try await send(
                to: try provider(context), maxAgeSeconds: isFresh ? Self.freshSeconds : nil,
                returnTo: ConsoleRoutes.localPath(wanted), linking: nil)
        } catch {
            return try console.failure(Self.problem(error), nil)
        }
    }

    /// The same for a person who is signed in and wants to add an account at the provider.
    @Sendable func beginLinking(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (_, session) = try await console.signedForm(request)
        do {
            try control.throttleSignIn(address: context.remote)
            // Whoever finds an open browser must not add a way in of his own.
            try control.requireFresh(session)
            return try await send(
                to: try provider(context), maxAgeSeconds: nil, returnTo: nil,
                linking: KeptAttempt.Linking(person: session.person, session: session.id))
        } catch {
            return try console.failure(Self.problem(error), session)
        }
    }

    private func provider(_ context: ServerContext) throws -> SignInProvider {
        guard let provider = settings.provider(try context.parameters.require("provider")) else {
            throw Problem(.notFound, "not_found", "there is no such provider")
        }
        return provider
    }

    private func send(
        to provider: SignInProvider, maxAgeSeconds: Int64?, returnTo: String?,
        linking: KeptAttempt.Linking?
    ) async throws -> Response {
        let metadata = try await client.metadata(provider)
        let entropy = control.effects.entropy
        let attempt = SignInAttempt(
            provider: provider.name,
            redirectURI:
                "\(control.configuration.publicURL)/sign-in/openid/\(provider.name)/callback",
            random: entropy.bytes(SignInAttempt.randomBytes), now: control.now,
            maxAgeSeconds: maxAgeSeconds)
        let secret = Base64URL.encode(entropy.bytes(32))
        let kept = KeptAttempt(
            attempt: attempt, browser: .sha256(Array(secret.utf8)), returnTo: returnTo,
            linking: linking)
        try await control.keep(signInAttempt: kept.json, state: attempt.state)
        var response = Self.goOn(to: attempt.authorizationURL(metadata, provider), provider.title)
        response.headers[values: .setCookie] = [
            cookieHeader(secret, maximumAge: Int(ControlPlane.attemptSeconds))
        ]
        return response
    }

    /// A page that goes on by itself.
    ///
    /// Not a redirect: `form-action 'self'` of our pages would stop one that answers a form, and so
    /// would it wherever the provider sends the browser on to.
    private static func goOn(to url: String, _ title: String) -> Response {
        var response = ConsoleRoutes.html(
            """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head>
            <body><p><a href="\(escaped(url))">Go on to \(escaped(title))</a></p></body></html>

            """)
        if let refresh = HTTPField.Name("Refresh") {
            response.headers[refresh] = "0; url=\(url)"
        }
        return response
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }

    // MARK: coming back

    /// Where the provider sends the browser back to.
    ///
    /// A GET that changes something, because OpenID Connect has it so: the state is used up and a
    /// session opened. A page of another site can't make it happen in somebody's browser: it would
    /// need an attempt that this very browser began, whose cookie is `HttpOnly`.
    @Sendable func callback(_ request: Request, _ context: ServerContext) async throws -> Response {
        let session = try Wire.session(request, control)
        do {
            try control.throttleSignIn(address: context.remote)
            var response = try await finish(request, context, session)
            response.headers[values: .setCookie].append(cookieHeader("", maximumAge: 0))
            return response
        } catch {
            let problem = Self.problem(error)
            if let refused = problem as? Problem, refused.code == Self.refusedCode {
                try await control.recordFailedSignIn(
                    method: .openID, why: refused.detail, audit: Wire.audit(request, context))
            }
            return try console.failure(problem, session)
        }
    }

    private func finish(
        _ request: Request, _ context: ServerContext, _ session: Session?
    ) async throws -> Response {
        let provider = try provider(context)
        let query = try Self.query(request)
        guard let state = query["state"], let json = try await control.take(signInAttempt: state)
        else {
            throw Self.refused("this sign-in is unknown, was used or is too old: begin again")
        }
        let kept = try KeptAttempt(json)
        guard let secret = request.cookies[cookieName]?.value, secret.utf8.count <= 64,
            Hash256.sha256(Array(secret.utf8)).equalsInConstantTime(kept.browser)
        else {
            throw Self.refused(
                "this sign-in began in another browser, or the browser takes no cookies: begin "
                    + "again at \(control.configuration.publicURL)")
        }
        let identity = try await client.finish(
            callback: query, attempt: kept.attempt, provider: provider, now: control.now)
        guard
            let account = ExternalAccount(issuer: identity.issuer, subject: identity.subject)
        else { throw Self.refused("the provider calls this account by a name with spaces") }
        if let linking = kept.linking {
            return try await link(
                account, linking, session, Self.evidence(identity, provider), request, context)
        }
        let cookie = try await control.signIn(
            ExternalSignIn(
                account: account, authenticatedAt: identity.authenticatedAt,
                memberships: Self.memberships(identity, provider),
                evidence: Self.evidence(identity, provider)),
            audit: Wire.audit(request, context))
        return console.signedIn(cookie, returnTo: kept.returnTo)
    }

    /// Our groups that the provider decides about, all of them, and whether he is in each.
    private static func memberships(
        _ identity: ExternalIdentity, _ provider: SignInProvider
    ) -> [Handle: Bool] {
        guard let groups = provider.groups(of: identity) else { return [:] }
        return Dictionary(
            provider.groups.values.map { ($0, groups.contains($0)) }, uniquingKeysWith: { $1 })
    }

    private static func evidence(_ identity: ExternalIdentity, _ provider: SignInProvider) -> JSON {
        ["claims": .object(identity.claims), "provider": .string(provider.name.text)]
    }

    private static func query(_ request: Request) throws -> [String: String] {
        let text = request.uri.query ?? ""
        guard text.utf8.count <= queryLimit, let fields = FormFields(Array(text.utf8)),
            let query = fields.unique
        else {
            throw refused("the answer of the provider can't be read: begin again")
        }
        return query
    }

    // MARK: accounts

    /// Adds the account to the person who began; once the installation is sealed he asks for it, and
    /// is led to the action that waits.
    private func link(
        _ account: ExternalAccount, _ linking: KeptAttempt.Linking, _ session: Session?,
        _ evidence: JSON, _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        // The same session, not only the same person: one that was revoked meanwhile adds nothing.
        guard let session, session.person == linking.person,
            session.id.utf8.elementsEqual(linking.session.utf8)
        else {
            throw Self.refused("whoever began to link this account is no longer signed in")
        }
        var audit = Wire.auditJSON(request, context).objectValue ?? [:]
        audit["evidence"] = evidence
        let link = ExternalLink(person: session.person, since: control.now)
        let made = try await control.administerOwn(
            .directory([NamedDirectoryChange(.externalLinked(account, link))]), by: session,
            isRemoval: false, audit: .object(audit))
        guard let action = made.request else {
            return ConsoleRoutes.redirect("\(ConsolePath.account)?done=linked")
        }
        return ConsoleRoutes.redirect(ConsolePath.action(action.state.id.text))
    }

    /// Takes one of the person's own accounts away, at once: nobody waits to be less able.
    @Sendable func unlink(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (form, session) = try await console.signedForm(request)
        do {
            guard
                let account = ExternalAccount(
                    issuer: form["issuer"] ?? "", subject: form["subject"] ?? "")
            else {
                throw CommandError.badRequest(
                    code: "value_invalid", "the form names no account: reload the page")
            }
            _ = try await control.administerOwn(
                .directory([NamedDirectoryChange(.externalUnlinked(account))]), by: session,
                isRemoval: true, audit: Wire.auditJSON(request, context))
        } catch {
            return try console.failure(error, session)
        }
        return ConsoleRoutes.redirect("\(ConsolePath.account)?done=unlink")
    }

    // MARK: cookie and errors

    /// With the prefix that no neighbour under the same domain can set, where there is TLS.
    private var cookieName: String {
        isSecure ? "__Host-exequatur_sign_in" : "exequatur_sign_in"
    }

    private var isSecure: Bool { control.configuration.publicURL.hasPrefix("https:") }

    /// `Lax`, because the provider's site is where the browser comes back from.
    private func cookieHeader(_ value: String, maximumAge: Int) -> String {
        "\(cookieName)=\(value); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(maximumAge)"
            + (isSecure ? "; Secure" : "")
    }

    private static let refusedCode = "sign_in_refused"

    private static func refused(_ why: String) -> Problem {
        Problem(.forbidden, "sign_in_refused", "nobody was signed in: \(why)")
    }

    /// What a refusal says is safe to show; see `SignInRefused`.
    private static func problem(_ error: any Error) -> any Error {
        guard let refusal = error as? SignInRefused else { return error }
        switch refusal.code {
        case .providerUnavailable, .keysUnavailable, .exchangeUnavailable:
            return Problem(
                .serviceUnavailable, "issuer_unavailable", "nobody was signed in: \(refusal)")
        default: return refused(refusal.description)
        }
    }
}

/// A sign-in on its way, as it is kept until its browser is back.
struct KeptAttempt: Sendable {
    /// A person who adds an account to his own, in this session.
    struct Linking: Sendable {
        let person: Handle
        let session: String
    }

    let attempt: SignInAttempt
    /// SHA-256 of what the browser's cookie holds.
    let browser: Hash256
    let returnTo: String?
    let linking: Linking?

    init(attempt: SignInAttempt, browser: Hash256, returnTo: String?, linking: Linking?) {
        self.attempt = attempt
        self.browser = browser
        self.returnTo = returnTo
        self.linking = linking
    }

    init(_ json: JSON) throws {
        var reader = try JSONReader(json, path: "sign-in")
        attempt = try SignInAttempt(json: try reader.value("attempt"))
        browser = try reader.hash("browser")
        returnTo = try reader.optionalString("returnTo")
        if var member = try reader.optionalObject("linking") {
            linking = Linking(
                person: try member.handle("person"), session: try member.string("session"))
            try member.finish()
        } else {
            linking = nil
        }
        try reader.finish()
    }

    /// Holds secrets.
    var json: JSON {
        [
            "attempt": attempt.json, "browser": .string(browser.hex),
            "linking": linking.map {
                ["person": .string($0.person.text), "session": .string($0.session)]
            } ?? .null, "returnTo": .optional(returnTo),
        ]
    }
}
