// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Console
internal import ControlPlane
internal import DriftCore
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// What is watched and what deviates: anybody who is signed in reads it, administrators decide.
extension ConsoleRoutes {
    func addDrift(to router: some RouterMethods<ServerContext>) {
        router.get("/drift") { request, _ in
            try page(request) { renderer.drift(try $0.driftPage()) }
        }
        router.get("/drift/deviations/:id", use: deviation)
        router.get("/drift/sources/:id", use: driftSource)
        router.post("/console/drift/deviations/:id/accept", use: acceptDeviation)
        router.post("/console/drift/deviations/:id/acknowledge", use: acknowledgeDeviation)
        router.post("/console/drift/sources/:id/approve", use: approveBaseline)
        router.post("/console/drift/sources/:id/decide", use: decideDeviations)
    }

    @Sendable private func deviation(
        _ request: Request, _ context: ServerContext
    ) throws -> Response {
        try page(request) { models in
            renderer.deviation(
                try models.deviationPage(
                    try context.parameters.require("id"), notice: Self.driftNotice(request)))
        }
    }

    @Sendable private func driftSource(
        _ request: Request, _ context: ServerContext
    ) throws -> Response {
        try page(request) { models in
            let from = request.uri.queryParameters["from"].flatMap { Int($0) } ?? 0
            return renderer.driftSource(
                try models.driftSourcePage(
                    try Self.sourceID(context), from: from, notice: Self.driftNotice(request)))
        }
    }

    /// Fixed sentences only: nothing from the address is ever shown.
    private static func driftNotice(_ request: Request) -> ConsoleNotice? {
        switch request.uri.queryParameters["done"].map(String.init) {
        case "accept":
            ConsoleNotice(kind: .success, text: "Accepted. The baseline has what was found.")
        case "acknowledge":
            ConsoleNotice(
                kind: .success, text: "Acknowledged. From now on only a change of it is told.")
        case "approve":
            ConsoleNotice(
                kind: .success, text: "Approved. Whatever differs from it is told from now on.")
        case "ask":
            ConsoleNotice(
                kind: .success,
                text: "Asked. Somebody else has to approve it: it waits in the inbox.")
        default: nil
        }
    }

    // MARK: forms

    @Sendable private func acceptDeviation(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await decide(request, deviationIn: context) { form, session, episode in
            try requireFresh(session)
            return try await administer(
                try control.acceptanceChange(
                    episode.source, [episode.fingerprint], expect: form["expect"] ?? ""),
                session, as: .accept)
        }
    }

    @Sendable private func acknowledgeDeviation(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await decide(request, deviationIn: context) { _, session, episode in
            try await control.acknowledgeDrift(
                episode.source, [episode.fingerprint], by: .person(session.person))
            return .acknowledge
        }
    }

    @Sendable private func approveBaseline(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await decide(request, sourceIn: context) { form, session, id in
            try requireFresh(session)
            return try await administer(
                try control.baselineChange(id, expect: form["expect"] ?? ""), session,
                as: .approve)
        }
    }

    @Sendable private func decideDeviations(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try await decide(request, sourceIn: context) { form, session, id in
            let chosen = form.keys.filter { $0.hasPrefix("d_") }.map {
                Hash256(hex: String($0.dropFirst(2)))
            }
            let fingerprints = Set(chosen.compactMap { $0 })
            guard fingerprints.count == chosen.count, !fingerprints.isEmpty else {
                throw CommandError.badRequest(
                    code: "value_invalid", "nothing is chosen: tick at least one deviation")
            }
            let by = Principal.person(session.person)
            switch form["decision"].flatMap(ConsolePath.DriftForm.init(rawValue:)) {
            case .accept:
                try requireFresh(session)
                return try await administer(
                    try control.acceptanceChange(
                        id, fingerprints, expect: form["expect"] ?? ""), session, as: .accept)
            case .acknowledge:
                try await control.acknowledgeDrift(id, fingerprints, by: by)
                return .acknowledge
            default:
                throw CommandError.badRequest(code: "value_invalid", "`decision` is missing")
            }
        }
    }

    // MARK: the common part

    private struct Named: Sendable {
        let source: Handle
        let fingerprint: Hash256
    }

    /// Checks the form and who sends it, carries it out, and goes back to the page of the
    /// deviation; what is refused is said there.
    private func decide(
        _ request: Request, deviationIn context: ServerContext,
        _ body: ([String: String], Session, Named) async throws -> ConsolePath.DriftForm
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let id = try context.parameters.require("id")
        do {
            try requireAdministrator(session)
            guard let hash = Hash256(hex: id), let found = try control.deviation(hash.hex) else {
                throw Problem(.notFound, "not_found", "there is no such deviation")
            }
            let named = Named(source: found.deviation.source, fingerprint: hash)
            let done = try await body(form, session, named)
            return Self.redirect("\(ConsolePath.deviation(id))?done=\(done.rawValue)")
        } catch {
            return try refused(error, session) { models, notice in
                renderer.deviation(try models.deviationPage(id, notice: notice))
            }
        }
    }

    private func decide(
        _ request: Request, sourceIn context: ServerContext,
        _ body: ([String: String], Session, Handle) async throws -> ConsolePath.DriftForm
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let id = try Self.sourceID(context)
        do {
            try requireAdministrator(session)
            let done = try await body(form, session, id)
            return Self.redirect("\(ConsolePath.driftSource(id.text))?done=\(done.rawValue)")
        } catch {
            return try refused(error, session) { models, notice in
                renderer.driftSource(try models.driftSourcePage(id, from: 0, notice: notice))
            }
        }
    }

    /// The page as it is now, with why nothing was done on top.
    private func refused(
        _ error: any Error, _ session: Session,
        _ page: (ConsoleModels, ConsoleNotice) throws -> String
    ) throws -> Response {
        let problem = Problem(error)
        let text =
            problem.code == "state_changed"
            ? "Something else is there by now than what you were shown, so nothing was done. "
                + "This page shows it as it is: look again." : problem.detail
        let models = ConsoleModels(control, session, channels)
        do {
            let notice = ConsoleNotice(kind: .error, text: text)
            return Self.html(try page(models, notice), status: problem.status)
        } catch {
            // There is no page to say it on.
            return try failure(problem, session)
        }
    }

    /// Makes a change, or once the installation is sealed asks for it.
    private func administer(
        _ change: GovernanceChange, _ session: Session, as form: ConsolePath.DriftForm
    ) async throws -> ConsolePath.DriftForm {
        let done = try await control.administer(change, by: control.party(of: session))
        return done.isPending ? .ask : form
    }

    private func requireAdministrator(_ session: Session) throws {
        guard control.isAdministrator(.person(session.person)) else {
            throw CommandError.forbidden(
                code: "administrators_only",
                "only administrators decide what is right; nothing was done")
        }
    }

    /// A baseline says what is right from now on: that takes somebody who is surely there.
    private func requireFresh(_ session: Session) throws {
        guard control.assurance(of: session) >= .console else {
            throw CommandError.forbidden(
                code: "sign_in_again", "sign in again: this needs a sign-in of the last 10 minutes")
        }
    }

    private static func sourceID(_ context: ServerContext) throws -> Handle {
        guard let id = Handle(try context.parameters.require("id")) else {
            throw Problem(.notFound, "not_found", "there is no such source")
        }
        return id
    }
}
