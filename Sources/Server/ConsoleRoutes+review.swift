// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Console
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// What people do about a review besides deciding; and command lines and the seal.
extension ConsoleRoutes {
    func addReviews(to router: some RouterMethods<ServerContext>) {
        router.post("/console/actions/:id/withdraw", use: withdraw)
        router.post("/console/actions/:id/look", use: look)
        router.post("/console/actions/:id/comment", use: comment)
        router.post("/console/actions/:id/break-glass", use: breakGlass)
        router.post("/console/actions/:id/settle-debt", use: settleDebt)
        router.get("/device") { request, _ in
            try page(request) {
                renderer.device(
                    try $0.device(nil, code: nil, notice: Self.deviceNotice(request)))
            }
        }
        router.post("/console/device", use: lookUpDevice)
        router.post("/console/device/answer", use: answerDevice)
        router.get("/seal") { request, _ in
            try page(request) { renderer.seal(try $0.seal(notice: Self.sealNotice(request))) }
        }
        router.post("/console/seal", use: confirmSeal)
    }

    // MARK: reviews

    @Sendable private func withdraw(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await act(request, context) { id, form, session in
            _ = try await control.withdraw(
                id, by: control.party(of: session), reason: try Self.reason(form),
                audit: Wire.auditJSON(request, context))
            return "withdraw"
        }
    }

    @Sendable private func look(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await act(request, context) { id, _, session in
            try await control.look(id, by: control.party(of: session))
            return "look"
        }
    }

    @Sendable private func comment(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await act(request, context) { id, form, session in
            guard let kind = form["kind"].flatMap(CommentKind.init(rawValue:)) else {
                throw CommandError.badRequest(code: "value_invalid", "`kind` is missing")
            }
            _ = try await control.comment(
                id, kind, text: form["text"] ?? "", by: control.party(of: session),
                audit: Wire.auditJSON(request, context))
            return kind.rawValue
        }
    }

    @Sendable private func breakGlass(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await act(request, context) { id, form, session in
            let reason = try Self.reason(form)
            guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
            guard let shown = form["rendering"].flatMap(Hash256.init(hex:)) else {
                throw CommandError.badRequest(code: "value_invalid", "`rendering` is missing")
            }
            _ = try await control.breakGlass(
                id,
                control.breakGlassCommand(
                    detail, session, expect: form["expect"] ?? "",
                    hasReason: DecisionCommand.isReason(reason), shown: shown), reason: reason,
                audit: Wire.auditJSON(request, context))
            return "break-glass"
        }
    }

    @Sendable private func settleDebt(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await act(request, context) { id, form, session in
            let accepted: Bool
            switch form["judgement"] {
            case "accept": accepted = true
            case "reject": accepted = false
            default:
                throw CommandError.badRequest(code: "value_invalid", "`judgement` is missing")
            }
            _ = try await control.settleDebt(
                id, accepted: accepted, by: control.party(of: session),
                reason: try Self.reason(form), audit: Wire.auditJSON(request, context))
            return "debt"
        }
    }

    /// Fixed sentences only: nothing from the address is ever shown.
    static func reviewNotice(_ done: String) -> ConsoleNotice? {
        let text: String? =
            switch done {
            case "withdraw": "Your approval is taken back."
            case "look": "The others see that you are looking."
            case "comment": "Your comment is recorded."
            case "question": "Your question is recorded; the agent reads it."
            case "answer": "Your answer is recorded."
            case "break-glass": "The glass is broken. Another person has to look at it."
            case "debt": "Your word on it is recorded."
            case "asked": "Asked. Somebody else has to approve it: it waits in the inbox."
            default: nil
            }
        return text.map { ConsoleNotice(kind: .success, text: $0) }
    }

    // MARK: command lines

    private static func deviceNotice(_ request: Request) -> ConsoleNotice? {
        switch request.uri.queryParameters["done"].map(String.init) {
        case "confirm":
            ConsoleNotice(
                kind: .success, text: "Confirmed. The command line is signed in for 12 hours.")
        case "deny":
            ConsoleNotice(kind: .success, text: "Refused. Whoever asked has nothing.")
        default: nil
        }
    }

    /// The code never goes into an address, and no link can enter it for somebody.
    @Sendable private func lookUpDevice(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let code = String((form["code"] ?? "").prefix(32))
        return try await onDevicePage(session, code) {
            guard let found = try control.deviceRequest(code: code, for: session.person) else {
                throw CommandError.badRequest(
                    code: "code_invalid", "this code is wrong, used or too old: begin again")
            }
            let models = ConsoleModels(control, session, channels)
            return Self.html(
                renderer.device(try models.device(found, code: code, notice: nil)))
        }
    }

    @Sendable private func answerDevice(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let code = String((form["code"] ?? "").prefix(32))
        return try await onDevicePage(session, code) {
            let confirm: Bool
            switch form["decision"] {
            case "confirm": confirm = true
            case "deny": confirm = false
            default:
                throw CommandError.badRequest(code: "value_invalid", "`decision` is missing")
            }
            try await control.answerDevice(code: code, confirm: confirm, by: session)
            return Self.redirect("\(ConsolePath.device)?done=\(confirm ? "confirm" : "deny")")
        }
    }

    private func onDevicePage(
        _ session: Session, _ code: String, _ body: () async throws -> Response
    ) async throws -> Response {
        do {
            return try await body()
        } catch {
            let problem = Problem(error)
            let models = ConsoleModels(control, session, channels)
            let notice = ConsoleNotice(kind: .error, text: problem.detail)
            return Self.html(
                renderer.device(try models.device(nil, code: code, notice: notice)),
                status: problem.status)
        }
    }

    // MARK: the seal

    private static func sealNotice(_ request: Request) -> ConsoleNotice? {
        switch request.uri.queryParameters["done"].map(String.init) {
        case "confirm":
            ConsoleNotice(
                kind: .success, text: "Confirmed. Another administrator has to confirm it too.")
        case "sealed": ConsoleNotice(kind: .success, text: "The installation is sealed.")
        default: nil
        }
    }

    @Sendable private func confirmSeal(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        do {
            guard let manifest = form["expect"].flatMap(Hash256.init(hex:)) else {
                throw CommandError.badRequest(code: "value_invalid", "`expect` is missing")
            }
            let isSealed = try await control.confirmSeal(
                expect: manifest, by: session, audit: Wire.auditJSON(request, context))
            return Self.redirect("\(ConsolePath.seal)?done=\(isSealed ? "sealed" : "confirm")")
        } catch {
            let problem = Problem(error)
            let models = ConsoleModels(control, session, channels)
            let notice = ConsoleNotice(kind: .error, text: problem.detail)
            return Self.html(
                renderer.seal(try models.seal(notice: notice)), status: problem.status)
        }
    }
}
