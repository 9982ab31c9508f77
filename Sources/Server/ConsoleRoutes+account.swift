// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Console
internal import ControlPlane
internal import Hummingbird

/// A person's own page, and his accounts of chats.
extension ConsoleRoutes {
    @Sendable func account(_ request: Request, _ context: ServerContext) throws -> Response {
        try page(request) { models in
            let done = request.uri.queryParameters["done"].map(String.init)
            let text: String? =
                switch done {
                case "unlink": "The account is unlinked."
                case "passkey": "The passkey is yours. It counts from now on."
                case "passkey-removed": "The passkey is removed, and worth nothing here."
                case "session": "The session is ended."
                default: nil
                }
            let notice = text.map { ConsoleNotice(kind: .success, text: $0) }
            return renderer.account(try models.accountPage(code: nil, notice: notice))
        }
    }

    /// The code stands only in the answer to this form: no address leads to it.
    @Sendable func linkCode(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (_, session) = try await signedForm(request)
        let models = ConsoleModels(control, session, channels)
        do {
            let made = try await control.linkCode(for: session)
            return Self.html(renderer.account(try models.accountPage(code: made, notice: nil)))
        } catch {
            let problem = Problem(error)
            let notice = ConsoleNotice(kind: .error, text: problem.detail)
            return Self.html(
                renderer.account(try models.accountPage(code: nil, notice: notice)),
                status: problem.status)
        }
    }

    @Sendable func unlink(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (form, session) = try await signedForm(request)
        guard let channel = form["channel"].flatMap(Handle.init),
            let account = ChatAccount(
                channel: channel, workspace: form["workspace"] ?? "", user: form["user"] ?? "")
        else {
            throw CommandError.badRequest(code: "value_invalid", "the form names no account")
        }
        do {
            try await control.unlink(
                account, by: control.party(of: session), audit: Wire.auditJSON(request, context))
        } catch {
            return try failure(error, session)
        }
        return Self.redirect("\(ConsolePath.account)?done=unlink")
    }
}
