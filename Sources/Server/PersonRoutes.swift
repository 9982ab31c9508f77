// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import Hummingbird

/// `/v1/persons/{id}/accounts`: accounts at identity providers, by which people sign in.
struct PersonRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.post("/v1/persons/:id/accounts", use: link)
        router.delete("/v1/persons/:id/accounts", use: unlink)
    }

    /// Gives a person an account by its issuer and subject (OpenID Connect Core 1.0 §2).
    @Sendable func link(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let person = try person(context)
        var reader = try JSONReader(try await Wire.json(request))
        let issuer = try reader.string("issuer")
        let subject = try reader.string("subject")
        try reader.finish()
        let account = try Self.account(issuer, subject)
        let extra: JSONObject = ["account": account.json, "id": .string(person.text)]
        let change = GovernanceChange.directory([
            NamedDirectoryChange(
                .externalLinked(account, ExternalLink(person: person, since: control.now)))
        ])
        guard control.unsealed else {
            return try await Wire.ask(change, by: by, request, context, control, extra: extra)
        }
        _ = try await control.administer(
            change, by: by, audit: Wire.auditJSON(request, context))
        return Wire.answer(.object(extra), status: .created)
    }

    /// Takes one of a person's accounts away; `issuer` and `subject` stand in the address.
    @Sendable func unlink(_ request: Request, _ context: ServerContext) async throws -> Response {
        let by = try Wire.administrator(request, control)
        let person = try person(context)
        let query = request.uri.queryParameters
        let account = try Self.account(
            query["issuer"].map(String.init) ?? "", query["subject"].map(String.init) ?? "")
        guard control.governance.directory.externals[account]?.person == person else {
            throw Problem(.notFound, "not_found", "`\(person)` has no such account")
        }
        let change = GovernanceChange.directory([
            NamedDirectoryChange(.externalUnlinked(account))
        ])
        guard control.unsealed else {
            return try await Wire.ask(
                change, by: by, request, context, control, extra: ["id": .string(person.text)])
        }
        _ = try await control.administer(
            change, by: by, audit: Wire.auditJSON(request, context))
        return Wire.answer(["id": .string(person.text), "removed": true])
    }

    private func person(_ context: ServerContext) throws -> Handle {
        let id = try Wire.handle(try context.parameters.require("id"))
        guard control.governance.directory.persons.contains(id) else {
            throw Problem(.notFound, "not_found", "there is no `\(id)`")
        }
        return id
    }

    private static func account(_ issuer: String, _ subject: String) throws -> ExternalAccount {
        guard (try? IssuerURL(issuer)) != nil,
            let account = ExternalAccount(issuer: issuer, subject: subject)
        else {
            throw CommandError.badRequest(
                code: "value_invalid",
                "`issuer`: the address that ID tokens name in `iss`; `subject`: their `sub`, 1 to "
                    + "255 bytes of ASCII without spaces")
        }
        return account
    }
}
