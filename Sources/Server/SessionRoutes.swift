// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird

/// `/v1/sessions`: browsers and command lines that are signed in; `/v1/device/…`: signing a command
/// line in (RFC 8628).
///
/// The code that a command line shows is confirmed in the console: `GET /device` shows what asks,
/// `POST /console/device` answers.
struct SessionRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/sessions", use: sessions)
        router.delete("/v1/sessions/:id", use: revoke)
        router.post("/v1/device/authorize", use: authorize)
        router.post("/v1/device/token", use: token)
    }

    // MARK: sessions

    /// One's own; for administrators everybody's, or with `person` those of one.
    @Sendable func sessions(_ request: Request, _ context: ServerContext) throws -> Response {
        let party = try Wire.person(request, control)
        let wanted = try request.uri.queryParameters["person"].map { try Wire.handle(String($0)) }
        let person: Handle?
        if control.isAdministrator(party.principal) {
            person = wanted
        } else {
            guard let own = party.principal.personID, wanted == nil || wanted == own else {
                throw CommandError.forbidden(
                    code: "administrators_only",
                    "only administrators see the sessions of others: leave `person` out")
            }
            person = own
        }
        let browsers = try control.sessions(of: person).map { session -> JSON in
            [
                "address": .optional(session.address),
                "authenticatedAt": .string(session.authenticatedAt.description),
                "current": .bool(party.credential == "session-\(session.id)"),
                "expires": .string(session.expires.description), "id": .string(session.id),
                "kind": "browser", "method": .string(session.method.rawValue),
                "person": .string(session.person.text),
                "signedInAt": .string(session.signedInAt.description),
                "userAgent": .optional(session.userAgent),
            ]
        }
        let devices = try control.devices(of: person).map { device -> JSON in
            [
                "address": .null, "authenticatedAt": .null,
                "current": .bool(party.credential == device.id),
                "expires": .string(device.expires.description), "id": .string(device.id),
                "kind": "command-line", "method": "token",
                "person": .string(device.person.text),
                "signedInAt": .string(device.signedInAt.description), "userAgent": .null,
            ]
        }
        return Wire.answer(.array(browsers + devices))
    }

    @Sendable func revoke(_ request: Request, _ context: ServerContext) async throws -> Response {
        let party = try Wire.bearer(request, control)
        guard party.principal.personID != nil else {
            throw CommandError.forbidden(
                code: "persons_only", "this needs a person's token")
        }
        let id = try context.parameters.require("id")
        try await control.revoke(session: id, by: party.principal)
        return Wire.answer(["id": .string(id), "removed": true])
    }

    // MARK: device flow

    /// Begins (RFC 8628 §3.1): anybody may, so it is slowed down by address and makes no entry.
    @Sendable func authorize(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let form = try await FormFields.read(request)
        guard let client = try OAuth.one("client_id", form) else {
            throw OAuth.invalidRequest("`client_id` is missing: say what is to be signed in")
        }
        // Shown to whoever is to confirm it.
        guard client.utf8.count <= 200, !VisibleText.isDeceptive(client),
            !client.utf8.contains(where: { $0 < 0x20 })
        else {
            throw OAuth.invalidRequest("`client_id`: at most 200 bytes of visible text")
        }
        guard try OAuth.one("scope", form) == nil else { throw OAuth.invalidScope }
        let made = try await control.beginDevice(address: context.remote, client: client)
        return Wire.answer([
            "device_code": .string(made.deviceCode),
            "expires_in": .integer(made.expiresInSeconds),
            "interval": .integer(made.intervalSeconds), "user_code": .string(made.userCode),
            "verification_uri": .string(made.verification),
        ])
    }

    /// Asks whether the code was confirmed (§3.4); the token is handed out once.
    @Sendable func token(_ request: Request, _ context: ServerContext) async throws -> Response {
        try control.throttleDevicePoll(address: context.remote)
        let form = try await FormFields.read(request)
        guard let grant = try OAuth.one("grant_type", form) else {
            throw OAuth.invalidRequest("`grant_type` is missing")
        }
        guard grant.utf8.elementsEqual(OAuth.deviceGrant.utf8) else {
            throw OAuth.unsupportedGrantType(OAuth.deviceGrant)
        }
        guard let code = try OAuth.one("device_code", form) else {
            throw OAuth.invalidRequest("`device_code` is missing")
        }
        guard !control.isPolledTooOften(code) else { throw OAuth.slowDown }
        switch try await control.pollDevice(code, audit: Wire.auditJSON(request, context)) {
        case .pending: throw OAuth.authorizationPending
        case .denied: throw OAuth.accessDenied
        case .expired: throw OAuth.expiredToken
        case .token(let token, let person, let expires):
            return Wire.answer([
                "access_token": .string(token),
                "expires_in": .integer(expires.seconds(since: control.now)),
                "person": .string(person.text), "token_type": "Bearer",
            ])
        }
    }
}
