// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Console
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import TransparencyLog

/// Several actions on one page, and one decision about them.
extension ConsoleRoutes {
    func addBatches(to router: some RouterMethods<ServerContext>) {
        router.get("/batches/:digest") { request, context in
            try page(request) { models in
                let batch = try batch(context, models)
                return renderer.batch(
                    try models.batch(batch, notice: Self.batchNotice(request)))
            }
        }
        router.post("/console/batches/:digest/decide", use: decideBatch)
    }

    private func batch(_ context: ServerContext, _ models: ConsoleModels) throws -> Batch {
        guard let session = models.session,
            let digest = Hash256(hex: try context.parameters.require("digest"))
        else { throw ControlPlane.noSuchBatch }
        return try control.batch(digest, for: .person(session.person))
    }

    /// Fixed sentences only: nothing from the address is ever shown.
    private static func batchNotice(_ request: Request) -> ConsoleNotice? {
        let text: String? =
            switch request.uri.queryParameters["done"].map(String.init) {
            case "approve": "Your approval is recorded for each in which you may decide."
            case "deny": "Your denial is recorded for each in which you may decide."
            default: nil
            }
        return text.map { ConsoleNotice(kind: .success, text: $0) }
    }

    @Sendable private func decideBatch(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (form, session) = try await signedForm(request)
        let models = ConsoleModels(control, session, channels)
        let batch: Batch
        do {
            batch = try self.batch(context, models)
        } catch {
            return try failure(error, session)
        }
        do {
            guard form["expect"].flatMap(Hash256.init(hex:)) == batch.digest,
                let shown = form["shown"].flatMap(Hash256.init(hex:))
            else { throw Refusal(.staleDigest, "this form is not of this batch: look at it again") }
            let kind = try Self.decision(form)
            _ = try await control.decide(
                batch: batch.digest, kind, by: control.party(of: session), channel: .console,
                reason: try Self.reason(form), shown: shown,
                audit: Wire.auditJSON(request, context))
            return Self.redirect(
                "\(ConsolePath.batch(batch.digest.hex))?done=\(kind.rawValue)")
        } catch {
            let problem = Problem(error)
            let notice = ConsoleNotice(kind: .error, text: problem.detail)
            let now = ConsoleModels(control, session, channels)
            return Self.html(
                renderer.batch(try now.batch(batch, notice: notice)), status: problem.status)
        }
    }
}

extension ConsoleModels {
    func batch(_ batch: Batch, notice: ConsoleNotice?) throws -> BatchPage {
        let details = try control.details(of: batch)
        return BatchPage(
            shell: try shell(notice: notice), digest: batch.digest.hex,
            batchTitle: batch.title.map(VisibleText.escape), by: author(batch),
            members: details.map(member), shown: ControlPlane.shown(details).hex)
    }

    private func author(_ batch: Batch) -> String {
        let prefix = "person:"
        guard batch.by.hasPrefix(prefix), let id = Handle(String(batch.by.dropFirst(prefix.count)))
        else { return VisibleText.escape(batch.by) }
        return VisibleText.escape(name(id))
    }

    private func member(_ detail: ActionDetail) -> BatchMember {
        let state = detail.state
        func refusal(_ kind: ReviewDecision.Kind) -> Refusal? {
            guard let session else { return Refusal(.notAllowed, "nobody is signed in") }
            return control.obstacle(detail, kind, session)
        }
        let obstacle = refusal(.approve)
        return BatchMember(
            id: state.id.text, digest: state.digest.hex,
            state: ConsoleState(wire: state.status.rawValue),
            action: detail.body.action.operation.action,
            resource: resource(detail.body.action.operation),
            requester: requester(state.submission.requester), severity: severity(state),
            deadline: state.deadline.map(instant), isAdvisory: !state.submission.gate.enforcing,
            rendering: rendering(detail), mayApprove: obstacle == nil,
            mayDeny: refusal(.deny) == nil, obstacle: obstacle?.description)
    }
}
