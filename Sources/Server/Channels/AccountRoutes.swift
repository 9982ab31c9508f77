// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import Hummingbird

/// `/v1/accounts`: whose decisions the accounts of chats are.
struct AccountRoutes: Sendable {
    let control: ControlPlane

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/accounts", use: list)
        router.delete("/v1/persons/:id/accounts/:channel", use: unlink)
    }

    @Sendable func list(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        let accounts = control.governance.directory.accounts.sorted { $0.key < $1.key }
        return Wire.answer(
            .array(
                accounts.map { account, person in
                    var json = account.json.objectValue ?? [:]
                    json["person"] = .string(person.text)
                    return .object(json)
                }))
    }

    /// A person has one account of each channel.
    @Sendable func unlink(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let party = try Wire.bearer(request, control)
        let person = try Wire.handle(try context.parameters.require("id"))
        let channel = try Wire.handle(try context.parameters.require("channel"))
        guard let account = control.governance.directory.account(of: person, in: channel) else {
            throw CommandError.conflict(
                code: "directory_conflict", "`\(person)` has no account of `\(channel)`")
        }
        try await control.unlink(
            account, by: party, audit: Wire.auditJSON(request, context))
        return Wire.answer(["id": .string(person.text), "removed": true])
    }
}
