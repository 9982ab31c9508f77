// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Channels
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Identity
internal import NIOCore
internal import TransparencyLog

/// What chat systems and integrations send here.
///
/// Signatures are checked on the raw bytes before anything is parsed.
struct ChannelRoutes: Sendable {
    let control: ControlPlane
    let hub: ChannelHub?
    /// Who may send activities to each bot.
    let botTokens: [Handle: BotTokenVerifier]
    /// Slack sends the message along with a click on it.
    private static let payloadLimit = 1_048_576
    private static let integrationLimit = 65_536

    /// `documents` reads what the Bot Framework publishes.
    init(control: ControlPlane, hub: ChannelHub?, documents: DocumentSource) {
        self.control = control
        self.hub = hub
        botTokens = (hub?.teams ?? [:]).mapValues { channel in
            let settings = channel.settings
            return BotTokenVerifier(
                trust: BotTrust(
                    appID: settings.appID, tenant: settings.tenant,
                    serviceURLs: settings.serviceURLs),
                metadata: settings.openIDMetadata, source: documents,
                seconds: control.effects.monotonicSeconds)
        }
    }

    func add(to router: some RouterMethods<ServerContext>) {
        router.get("/v1/channels", use: report)
        router.post("/channels/:channel/interactivity", use: interactivity)
        router.post("/channels/:channel/events", use: events)
        router.post("/channels/:channel/messages", use: messages)
        router.post("/channels/:channel/decisions", use: decide)
        router.post("/channels/:channel/links", use: link)
    }

    @Sendable func report(_ request: Request, _ context: ServerContext) throws -> Response {
        _ = try Wire.person(request, control)
        return Wire.answer(.array(hub?.report().map(\.json) ?? []))
    }

    static let noChannel = Problem(.notFound, "not_found", "there is no such channel")

    func id(_ context: ServerContext) throws -> Handle {
        guard let id = Handle(try context.parameters.require("channel")) else {
            throw Self.noChannel
        }
        return id
    }

    func header(_ request: Request, _ name: String) -> String? {
        HTTPField.Name(name).flatMap { request.headers[$0] }
    }

    // MARK: Slack

    private func slack(
        _ request: Request, _ context: ServerContext
    ) async throws -> (SlackChannel, [UInt8]) {
        guard let channel = hub?.slack[try id(context)],
            let secret = channel.settings.signingSecret
        else { throw Self.noChannel }
        let body = try await Wire.bytes(request, upTo: Self.payloadLimit)
        guard
            SlackSignature.isValid(
                header(request, "X-Slack-Signature"),
                timestamp: header(request, "X-Slack-Request-Timestamp"), body: body,
                secret: secret, now: control.now)
        else { throw control.refuseUnsigned() }
        return (channel, body)
    }

    @Sendable func interactivity(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (channel, body) = try await slack(request, context)
        guard let text = FormFields(body)?.all("payload").first,
            let payload = try? JSON(parsing: Array(text.utf8), limits: Self.payloadLimits)
        else {
            throw CommandError.badRequest(
                code: "value_invalid", "expected a form with the field `payload`, in JSON")
        }
        let answer = await channel.receive(
            interaction: payload, audit: Wire.auditJSON(request, context),
            ServiceHost(control: control))
        guard let answer else { return Response(status: .ok) }
        return Wire.answer(answer)
    }

    @Sendable func events(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (channel, body) = try await slack(request, context)
        let payload = try JSON(parsing: body, limits: Self.payloadLimits)
        if payload["type"]?.stringValue == "url_verification" {
            return Wire.answer(["challenge": payload["challenge"] ?? .null])
        }
        await channel.receive(event: payload, ServiceHost(control: control))
        return Response(status: .ok)
    }

    private static let payloadLimits: JSONLimits = {
        var limits = JSONLimits.default
        limits.maximumBytes = payloadLimit
        return limits
    }()

    // MARK: integrations

    private func integration(
        _ request: Request, _ context: ServerContext
    ) async throws -> (IntegrationSettings, JSONReader) {
        guard let settings = hub?.integrations[try id(context)] else { throw Self.noChannel }
        let body = try await Wire.bytes(request, upTo: Self.integrationLimit)
        let fault = WebhookSignature.fault(
            id: header(request, "webhook-id"), timestamp: header(request, "webhook-timestamp"),
            signature: header(request, "webhook-signature"), body: body,
            secrets: settings.secrets, now: control.now)
        if let fault { throw control.refuseUnsigned(fault) }
        var limits = JSONLimits.default
        limits.maximumBytes = Self.integrationLimit
        return (settings, try JSONReader(try JSON(parsing: body, limits: limits)))
    }

    private func account(
        _ reader: inout JSONReader, _ settings: IntegrationSettings
    ) throws -> ChatAccount {
        var inner = try reader.object("account")
        let workspace = try inner.string("workspace")
        let user = try inner.string("user")
        try inner.finish()
        guard workspace.utf8.elementsEqual(settings.workspace.utf8),
            let account = ChatAccount(channel: settings.id, workspace: workspace, user: user)
        else {
            throw CommandError.badRequest(
                code: "value_invalid",
                "`account`: `workspace` must be `\(settings.workspace)`, and `user` an id")
        }
        return account
    }

    @Sendable func decide(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        var (settings, reader) = try await integration(request, context)
        let account = try account(&reader, settings)
        guard let id = ActionID(try reader.string("action")) else {
            throw CommandError.noSuchAction
        }
        let kind = try reader.choice("decision", ReviewDecision.Kind.self)
        let rendering = try reader.hash("rendering")
        let expect = try reader.optionalString("expect")
        let reason = try reader.optionalString("reason")
        try reader.finish()
        try await ServiceHost(control: control).decide(
            ChatDecision(
                action: id, kind: kind, channel: .integration, account: account,
                rendering: rendering, surfaceShowsAll: true, reason: reason, expect: expect),
            audit: Wire.auditJSON(request, context))
        guard let detail = try control.detail(id) else { throw CommandError.noSuchAction }
        return Wire.answer(try ActionJSON(control).full(detail))
    }

    @Sendable func link(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        var (settings, reader) = try await integration(request, context)
        let account = try account(&reader, settings)
        let code = try reader.string("code")
        let name = try reader.optionalString("name")
        try reader.finish()
        let person = try await control.link(
            account, code: code, name: name, audit: Wire.auditJSON(request, context))
        return Wire.answer(
            ["account": account.json, "person": .string(person.text)], status: .created)
    }
}
