// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Channels
internal import ControlPlane
internal import Hummingbird
internal import Identity
internal import Logging

/// What the Bot Framework sends for Microsoft Teams.
extension ChannelRoutes {
    /// Teams sends no files here; a message of people has at most some 100 KB.
    private static let activityLimit = 262_144

    private static let activityLimits: JSONLimits = {
        var limits = JSONLimits.default
        limits.maximumBytes = activityLimit
        return limits
    }()

    /// Takes an activity; the token is checked before the body is read.
    @Sendable func messages(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        guard let id = Handle(try context.parameters.require("channel")),
            let channel = hub?.teams[id], let verifier = botTokens[id]
        else { throw Self.noChannel }
        let activity: BotActivity
        do {
            let token = try await verifier.verify(
                authorization: request.headers[.authorization], now: control.now)
            activity = try token.activity(
                try await Wire.bytes(request, upTo: Self.activityLimit),
                limits: Self.activityLimits)
        } catch let refusal as BotTokenRefused {
            control.logger.notice(
                "an activity was refused",
                metadata: [
                    "channel": "\(id)", "address": "\(context.remote)", "reason": "\(refusal)",
                ])
            throw control.refuseUnsigned("the token is missing, wrong or not for this activity")
        } catch let failure as IssuerFailure {
            throw unavailable(failure, id)
        }
        let answer = await channel.receive(
            activity.json, audit: Wire.auditJSON(request, context),
            ServiceHost(control: control))
        guard let answer else { return Response(status: .ok) }
        return Wire.answer(answer)
    }

    /// Nothing is believed while the keys can't be asked for.
    private func unavailable(_ failure: IssuerFailure, _ id: Handle) -> Problem {
        control.logger.error(
            "the keys of the Bot Framework can't be read",
            metadata: ["channel": "\(id)", "reason": "\(failure)"])
        var problem = Problem(
            .serviceUnavailable, "issuer_unavailable",
            "the Bot Framework could not be asked for its keys: \(failure)")
        problem.retryAfterSeconds = 5
        return problem
    }
}
