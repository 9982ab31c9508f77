// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
package import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import TransparencyLog

/// Sends the entries of the ledger to one receiver, in order, each at least once.
///
/// The ledger itself is the outbox: what is kept is how far the receiver has come. Crash order: the
/// place is noted after the receiver has said yes, so a crash between the two sends an event again,
/// with the same `webhook-id`.
package final class WebhookSender: Service {
    private let settings: WebhookSettings
    private let host: any ChannelHost
    private let caller: HTTPCaller
    private let logger: Logger
    private let random: @Sendable () -> Double
    private let signal: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    package let health = ChannelHealth()
    private let place = Mutex(Place(next: 0))

    /// How far a receiver has come.
    package struct Place: Sendable, Hashable {
        package var next: UInt64
        /// Why nothing is sent any more; an administrator turns it on again by a restart with
        /// another address.
        package var disabled: String?
        /// Events that were given up.
        package var dead = 0
        /// When the event that is next was tried first; nil before it was.
        package var began: Timestamp?
    }

    private static let page = 100
    private static let longestPause = 300.0
    /// An event that was not taken for so long is given up, or nothing after it would ever come.
    private static let patienceSeconds: Int64 = 86_400

    /// Makes one; `random` gives numbers from 0 to 1.
    package init(
        _ settings: WebhookSettings, _ host: any ChannelHost, caller: HTTPCaller = .http,
        logger: Logger, random: @escaping @Sendable () -> Double
    ) {
        self.settings = settings
        self.host = host
        self.caller = caller
        self.logger = logger
        self.random = random
        (signal, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package var standing: Place { place.withLock { $0 } }
    package var id: Handle { settings.id }

    /// Wakes it: something was recorded.
    package func poke() { wake.yield() }

    /// Sends until it is cancelled.
    package func run() async throws {
        try await takeUp()
        wake.yield()
        for await _ in signal {
            await sendAll()
            if Task.isCancelled { return }
        }
    }

    // MARK: where it stands

    private var key: String { "hook/\(settings.id)" }

    /// A new receiver hears what happens from now on, also if it does not answer before a restart.
    private func takeUp() async throws {
        guard let note = try host.note(key),
            let json = try? JSON(parsing: note.value), let next = json["next"]?.intValue
        else {
            place.withLock { $0 = Place(next: host.size) }
            return try await keep()
        }
        // Another address is another receiver: what the one before said does not bind it.
        let known = json["url"]?.stringValue
        let isSame = known?.utf8.elementsEqual(fingerprint.utf8) ?? false
        place.withLock { place in
            place = Place(next: UInt64(clamping: next))
            place.dead = Int(clamping: json["dead"]?.intValue ?? 0)
            place.began = json["began"]?.stringValue.flatMap(Timestamp.init)
            place.disabled = isSame ? json["disabled"]?.stringValue : nil
        }
        if let why = standing.disabled { health.failed(.telling, why) }
    }

    private var fingerprint: String { Hash256.sha256(Array(settings.url.utf8)).hex }

    private func keep() async throws {
        let place = standing
        let json: JSON = [
            "began": place.began.map { .string($0.description) } ?? .null,
            "dead": .int(place.dead), "disabled": place.disabled.map(JSON.string) ?? .null,
            "next": .int(Int64(clamping: place.next)), "url": .string(fingerprint),
        ]
        try await host.keep(
            [ChannelNote(key: key, value: try json.canonicalBytes())], answering: [], merging: nil)
    }

    // MARK: sending

    private func sendAll() async {
        do {
            while standing.disabled == nil, !Task.isCancelled {
                let events = try host.events(from: standing.next, limit: Self.page)
                guard let last = events.last else { return }
                let start = standing.next
                for event in events where settings.takes(event.kind) {
                    guard await send(event) else {
                        return try await keep()
                    }
                    place.withLock { $0.next = event.index + 1 }
                }
                place.withLock { $0.next = last.index + 1 }
                // What was only skipped is skipped again after a restart, which is cheaper than a
                // write each time.
                if events.contains(where: { settings.takes($0.kind) })
                    || standing.next - start >= UInt64(Self.page)
                {
                    try await keep()
                }
            }
        } catch {
            logger.error(
                "a webhook can't go on",
                metadata: ["channel": "\(settings.id)", "error": "\(error)"])
        }
    }

    /// Sends until it is taken; false where the sender is to stop.
    private func send(_ event: LedgerEvent) async -> Bool {
        let began = standing.began ?? host.now
        place.withLock { $0.began = began }
        defer { place.withLock { $0.began = nil } }
        var attempts = 0
        while !Task.isCancelled {
            attempts += 1
            switch await attempt(event) {
            case .taken: return true
            case .gone:
                place.withLock { $0.disabled = "the receiver answered 410 Gone" }
                logger.warning(
                    "a webhook was turned off by its receiver",
                    metadata: ["channel": "\(settings.id)"])
                return false
            case .later(let wait, let why):
                health.failed(.telling, why)
                // So that a restart does not give it another day.
                if attempts == 1 { try? await keep() }
                if host.now.seconds(since: began) > Self.patienceSeconds {
                    place.withLock { $0.dead += 1 }
                    logger.error(
                        "an event was given up",
                        metadata: ["channel": "\(settings.id)", "index": "\(event.index)"])
                    return true
                }
                let backoff = min(Self.longestPause, Double(1 << min(attempts - 1, 9)))
                let pause = max(wait ?? 0, backoff * (0.5 + random() / 2))
                guard (try? await Task.sleep(for: .seconds(pause))) != nil else { return false }
            }
        }
        return false
    }

    private enum Attempt {
        case taken
        case gone
        case later(Double?, String)
    }

    private func attempt(_ event: LedgerEvent) async -> Attempt {
        let body: JSON = [
            "data": event.data, "timestamp": .string(event.at.description),
            "type": .string(event.kind),
        ]
        let bytes = Array(body.description.utf8)
        let now = host.now
        let id = "evt_\(Hash256.sha256(Array(host.origin.utf8)).hex.prefix(8))_\(event.index)"
        let headers = [
            ("content-type", "application/json"), ("webhook-id", id),
            ("webhook-timestamp", String(now.milliseconds / 1000)),
            (
                "webhook-signature",
                WebhookSignature.header(id: id, at: now, body: bytes, secrets: settings.secrets)
            ),
        ]
        do throws(ChannelSilence) {
            let answer = try await caller.call(
                ChannelRequest(url: settings.url, headers: headers, body: bytes))
            switch answer.status {
            case 200..<300:
                health.note(.shown(.null), now: host.now)
                return .taken
            case 410: return .gone
            default: return .later(answer.retryAfter, "the receiver answers \(answer.status)")
            }
        } catch {
            return .later(nil, error.description)
        }
    }
}
