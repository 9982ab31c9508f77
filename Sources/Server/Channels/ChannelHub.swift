// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
package import Channels
package import ControlPlane
package import Logging
internal import ServiceLifecycle

/// The channels of a server, wired to it.
package final class ChannelHub: Service {
    let host: ServiceHost
    let settings: [ChannelSettings]
    let slack: [Handle: SlackChannel]
    let teams: [Handle: TeamsChannel]
    let webhooks: [Handle: WebhookSender]
    let integrations: [Handle: IntegrationSettings]
    let courier: Courier
    private let checkpoints: CheckpointPoster
    private let drift: DriftPoster
    private let cards: [any CardChannel]
    private let control: ControlPlane
    private let sockets: [SlackSocket]
    private let logger: Logger

    /// How often each channel is asked whether it is there.
    private static let checkSeconds = 300.0
    private static let restartPause = Duration.seconds(5)

    /// Makes the channels of these settings; nothing is sent before ``run()``.
    ///
    /// `caller` reaches the vendors.
    package init(
        _ control: ControlPlane, _ settings: [ChannelSettings], logger: Logger,
        caller: HTTPCaller = .http
    ) {
        self.control = control
        // Before the first request: what was submitted earlier is found when the channels start.
        // Of drift nothing earlier is: what nobody was to be told of is on the console's page.
        control.beginNotices()
        self.settings = settings
        self.logger = logger
        let host = ServiceHost(control: control)
        self.host = host
        let entropy = control.effects.entropy
        let random: @Sendable () -> Double = { Double(entropy.bytes(1)[0]) / 255 }
        var slack: [Handle: SlackChannel] = [:]
        var teams: [Handle: TeamsChannel] = [:]
        var cards: [any CardChannel] = []
        var webhooks: [Handle: WebhookSender] = [:]
        var integrations: [Handle: IntegrationSettings] = [:]
        for one in settings {
            switch one {
            case .slack(let settings):
                let channel = SlackChannel(settings, caller: caller)
                slack[settings.id] = channel
                cards.append(channel)
            case .teams(let settings):
                let channel = TeamsChannel(settings, caller: caller)
                teams[settings.id] = channel
                cards.append(channel)
            case .workflow(let settings):
                cards.append(WorkflowChannel(settings, caller: caller))
            case .mail(let settings):
                cards.append(MailChannel(settings))
            case .webhook(let settings):
                webhooks[settings.id] = WebhookSender(
                    settings, host, caller: caller, logger: logger, random: random)
            case .integration(let settings): integrations[settings.id] = settings
            }
        }
        self.slack = slack
        self.teams = teams
        self.webhooks = webhooks
        self.integrations = integrations
        sockets = slack.values.filter { $0.settings.appToken != nil }
            .map { SlackSocket($0, host, logger: logger, random: { entropy.bytes($0) }) }
        courier = Courier(
            host, channels: cards, logger: logger, random: random)
        checkpoints = CheckpointPoster(host, channels: cards, logger: logger)
        drift = DriftPoster(host, channels: cards, logger: logger, random: random)
        self.cards = cards
    }

    /// What is known of a channel that shows cards.
    func health(of id: Handle) -> ChannelHealth? { cards.first { $0.id == id }?.health }

    package func run() async throws {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        await withGracefulShutdownHandler {
            await serveAll(until: ends)
        } onGracefulShutdown: {
            end.finish()
        }
    }

    /// Everything ends by cancellation: what is under way to a vendor is sent again later.
    private func serveAll(until ends: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.serve("start", self.markOpenActions) }
            group.addTask { await self.serve("courier", self.courier) }
            group.addTask { await self.serve("checkpoints", self.checkpoints) }
            group.addTask { await self.serve("alerts of drift", self.drift) }
            for socket in sockets {
                group.addTask { await self.serve("socket mode", socket) }
            }
            for (id, webhook) in webhooks {
                group.addTask { await self.serve("webhook \(id)", webhook) }
            }
            group.addTask { await self.passOnWakes() }
            group.addTask { await self.checkAll() }
            for await _ in ends {}
            group.cancelAll()
        }
    }

    private func markOpenActions() async throws { try await control.markOpenActions() }

    private func serve(_ name: String, _ service: some Service) async {
        await serve(name, service.run)
    }

    /// Runs a part until it ends well or is cancelled; one that fails is run again.
    ///
    /// Nothing of it gets out: a channel must not end the server.
    private func serve(_ name: String, _ run: @Sendable () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                return try await run()
            } catch is CancellationError {
                return
            } catch {
                logger.error(
                    "a channel failed and is started again",
                    metadata: ["part": "\(name)", "error": "\(error)"])
            }
            guard (try? await Task.sleep(for: Self.restartPause)) != nil else { return }
        }
    }

    private func passOnWakes() async {
        for await _ in control.news.wakes {
            courier.poke()
            drift.poke()
            for webhook in webhooks.values { webhook.poke() }
        }
    }

    private func checkAll() async {
        while !Task.isCancelled {
            for channel in cards { await channel.check(now: control.now) }
            guard (try? await Task.sleep(for: .seconds(Self.checkSeconds))) != nil else { return }
        }
    }
}
