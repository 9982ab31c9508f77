// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Socket Mode: Slack's payloads over connections that we open, so that no address of ours is
/// needed.
///
/// A connection that Slack announces to end is replaced first and closed then, so that there is
/// always one. A decision is acknowledged once it is durable.
package final class SlackSocket: Service {
    private let channel: SlackChannel
    private let host: any ChannelHost
    private let logger: Logger
    private let events: AsyncStream<Event>
    private let report: AsyncStream<Event>.Continuation
    private let open = Mutex(0)
    private let random: @Sendable (Int) -> [UInt8]

    private enum Event: Sendable {
        case ready
        /// Slack will end a connection soon.
        case retiring
        case ended(wasReplaced: Bool, why: String, pause: Double)
    }

    /// Slack allows ten for an app, other processes of ours included.
    private static let connectionLimit = 4
    private static let pingSeconds = 15.0
    private static let silenceSeconds: Int64 = 45
    /// How long a replaced connection goes on for what is still on its way.
    private static let drainSeconds = 10.0

    /// Makes one; `random` gives so many random bytes.
    package init(
        _ channel: SlackChannel, _ host: any ChannelHost, logger: Logger,
        random: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.random = random
        self.channel = channel
        self.host = host
        self.logger = logger
        (events, report) = AsyncStream.makeStream()
    }

    /// Keeps connected until it is cancelled.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            var failures = 0
            group.addTask { await self.connect(after: 0) }
            for await event in events {
                switch event {
                case .ready: failures = 0
                case .retiring:
                    guard open.withLock({ $0 < Self.connectionLimit }) else { continue }
                    group.addTask { await self.connect(after: 0) }
                case .ended(let wasReplaced, let why, let pause):
                    guard !wasReplaced else { continue }
                    channel.health.failed(.hearing, why)
                    logger.warning(
                        "a connection to Slack ended",
                        metadata: ["channel": "\(channel.id)", "why": "\(why)"])
                    let backoff = min(30, Double(1 << min(failures, 5)) * 0.5)
                    failures += 1
                    group.addTask { await self.connect(after: max(pause, backoff)) }
                }
            }
            group.cancelAll()
        }
    }

    private func connect(after seconds: Double) async {
        if seconds > 0, (try? await Task.sleep(for: .seconds(seconds))) == nil { return }
        guard let token = channel.settings.appToken else { return }
        let answer = await channel.api.call("apps.connections.open", form: [], token: token)
        guard case .ok(let json) = answer, let url = json["url"]?.stringValue else {
            let (why, pause) = Self.trouble(answer)
            report.yield(.ended(wasReplaced: false, why: why, pause: pause))
            return
        }
        let life = Life()
        do {
            let socket = try await WebSocketClient.connect(to: url, random: random)
            count(1)
            defer { count(-1) }
            try await socket.run { sender, incoming in
                try await self.serve(sender, incoming, life)
            }
            report.yield(.ended(wasReplaced: life.isReplaced, why: life.reason, pause: life.pause))
        } catch {
            let why = (error as? ChannelSilence)?.description ?? "connection lost"
            report.yield(.ended(wasReplaced: life.isReplaced, why: why, pause: 0))
        }
    }

    private func count(_ change: Int) {
        let count = open.withLock { open in
            open += change
            return open
        }
        channel.health.connections(count)
    }

    private static func trouble(_ answer: SlackAnswer) -> (String, Double) {
        switch answer {
        case .ok: ("apps.connections.open: no address in the answer", 30)
        case .limited(let seconds): ("Slack asks to wait before connecting", seconds)
        case .unavailable(let why): (why, 0)
        case .failed(let code):
            (
                "apps.connections.open: \(code): check the app-level token, which needs "
                    + "`connections:write`, and that Socket Mode is on", 30
            )
        }
    }

    /// What happened to one connection.
    private final class Life: Sendable {
        private struct State {
            var isReplaced = false
            var reason = "Slack closed it"
            var pause = 0.0
            var seen: Timestamp?
        }
        private let state = Mutex(State())

        var isReplaced: Bool { state.withLock { $0.isReplaced } }
        var reason: String { state.withLock { $0.reason } }
        var pause: Double { state.withLock { $0.pause } }
        var seen: Timestamp? { state.withLock { $0.seen } }
        func see(_ now: Timestamp) { state.withLock { $0.seen = now } }

        /// True the first time.
        func replace() -> Bool {
            state.withLock { state in
                defer { state.isReplaced = true }
                return !state.isReplaced
            }
        }

        func end(_ reason: String, pause: Double) {
            state.withLock { state in
                state.reason = reason
                state.pause = pause
            }
        }
    }

    private func serve(
        _ sender: WebSocketClient.Sender, _ incoming: AsyncStream<WebSocketClient.Incoming>,
        _ life: Life
    ) async throws {
        life.see(host.now)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.watch(sender, life) }
            for await item in incoming {
                life.see(host.now)
                guard case .text(let bytes) = item, let message = try? JSON(parsing: bytes) else {
                    continue
                }
                switch message["type"]?.stringValue {
                case "hello":
                    channel.health.reached(.hearing, host.now)
                    report.yield(.ready)
                case "disconnect":
                    guard let drain = retire(message["reason"]?.stringValue ?? "", life) else {
                        group.cancelAll()
                        return
                    }
                    group.addTask {
                        try await Task.sleep(for: .seconds(drain))
                        try await sender.close()
                    }
                default:
                    group.addTask { await self.take(message, sender) }
                }
            }
            group.cancelAll()
        }
    }

    /// Seconds to go on for; nil to end at once.
    private func retire(_ reason: String, _ life: Life) -> Double? {
        switch reason {
        case "link_disabled":
            life.end("Socket Mode was turned off in the app's settings: turn it on", pause: 60)
            return nil
        case "too_many_websockets":
            life.end("the app has ten connections already: stop other servers of it", pause: 30)
            return nil
        default:
            if life.replace() { report.yield(.retiring) }
            return Self.drainSeconds
        }
    }

    /// Asks whether the other side is there, and ends a connection that is silent.
    private func watch(_ sender: WebSocketClient.Sender, _ life: Life) async throws {
        while true {
            try await Task.sleep(for: .seconds(Self.pingSeconds))
            if let seen = life.seen, host.now.seconds(since: seen) > Self.silenceSeconds {
                throw ChannelSilence("Slack was silent for \(Self.silenceSeconds) s")
            }
            try await sender.ping()
        }
    }

    private func take(_ envelope: JSON, _ sender: WebSocketClient.Sender) async {
        guard let id = envelope["envelope_id"]?.stringValue, let payload = envelope["payload"]
        else { return }
        do {
            switch envelope["type"]?.stringValue {
            case "interactive":
                let isSubmission = payload["type"]?.stringValue == "view_submission"
                // A button only opens a dialog, for which there are three seconds.
                if !isSubmission { try await acknowledge(id, nil, sender) }
                let answer = await channel.receive(
                    interaction: payload, audit: ["by": "slack socket"], host)
                if isSubmission { try await acknowledge(id, answer, sender) }
            case "events_api":
                try await acknowledge(id, nil, sender)
                await channel.receive(event: payload, host)
            default: try await acknowledge(id, nil, sender)
            }
        } catch {
            // What was decided stays decided; Slack sends the envelope again or shows an error.
            logger.notice(
                "an acknowledgement did not reach Slack", metadata: ["channel": "\(channel.id)"])
        }
    }

    private func acknowledge(
        _ id: String, _ payload: JSON?, _ sender: WebSocketClient.Sender
    ) async throws {
        var answer: JSONObject = ["envelope_id": .string(id)]
        if let payload { answer["payload"] = payload }
        try await sender.send(JSON.object(answer).description)
    }
}
