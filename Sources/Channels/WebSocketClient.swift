// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket
internal import Synchronization

/// A WebSocket to a vendor (RFC 6455), text messages only.
struct WebSocketClient: Sendable {
    typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// A message of so many bytes ends the connection.
    private static let messageBytes = 4_194_304
    private static let connectSeconds: Int64 = 10

    private let frames: Frames
    private let random: @Sendable (Int) -> [UInt8]

    /// Connects; the address is a secret, so no error names it.
    ///
    /// - Parameters:
    ///   - url: `ws://` or `wss://`.
    ///   - random: gives so many random bytes.
    /// - Returns: the connection, to be run once.
    /// - Throws: ``ChannelSilence`` when it is no `ws` address, or nobody answers as a WebSocket.
    static func connect(
        to url: String, random: @escaping @Sendable (Int) -> [UInt8]
    ) async throws -> WebSocketClient {
        guard let target = Target(url) else { throw ChannelSilence("not a WebSocket address") }
        let tls =
            target.isSecure ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let opened = Opened()
        return try await withTaskCancellationHandler {
            let upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(connectSeconds))
                .connect(host: target.host, port: target.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            // An address of numbers has no name that could be asked for.
                            let handler = try NIOSSLClientHandler(
                                context: tls, serverHostname: target.isNumeric ? nil : target.host)
                            try channel.pipeline.syncOperations.addHandler(handler)
                        }
                        opened.set(channel)
                        let pipeline = channel.pipeline.syncOperations
                        return try pipeline.configureUpgradableHTTPClientPipeline(
                            configuration: NIOUpgradableHTTPClientPipelineConfiguration(
                                upgradeConfiguration: upgrading(target)))
                    }
                }
            // Whoever takes the connection and then says nothing is not waited for.
            let alarm = upgrade.eventLoop.scheduleTask(in: .seconds(connectSeconds)) {
                opened.close()
            }
            defer { alarm.cancel() }
            return WebSocketClient(frames: try await upgrade.get(), random: random)
        } onCancel: {
            opened.close()
        }
    }

    /// The connection that is being opened, so that it can be given up.
    private final class Opened: Sendable {
        private let channel = Mutex<(any Channel)?>(nil)
        func set(_ channel: any Channel) { self.channel.withLock { $0 = channel } }
        func close() { channel.withLock { $0 }?.close(promise: nil) }
    }

    private static func upgrading(
        _ target: Target
    ) -> NIOTypedHTTPClientUpgradeConfiguration<Frames> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Frames>(
            maxFrameSize: messageBytes,
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 4096,
                            maxAccumulatedFrameSize: messageBytes))
                    return try Frames(wrappingChannelSynchronously: channel)
                }
            })
        var headers = HTTPHeaders()
        headers.add(name: "host", value: target.authority)
        headers.add(name: "user-agent", value: "exequatur")
        return NIOTypedHTTPClientUpgradeConfiguration(
            upgradeRequestHead: HTTPRequestHead(
                version: .http1_1, method: .GET, uri: target.path, headers: headers),
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.eventLoop.makeFailedFuture(
                    ChannelSilence("the other side does not speak WebSocket"))
            })
    }

    /// Sends over one connection; several tasks may.
    struct Sender: Sendable {
        fileprivate let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
        fileprivate let random: @Sendable (Int) -> [UInt8]

        func send(_ text: String) async throws {
            try await write(.text, ByteBuffer(string: text))
        }

        func ping() async throws { try await write(.ping, ByteBuffer(string: "exequatur")) }

        func close() async throws {
            // 1000: normal closure.
            try await write(.connectionClose, ByteBuffer(integer: UInt16(1000)))
        }

        fileprivate func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
            // Masks keep scripts in browsers from writing what proxies would take for HTTP, so they
            // must not be guessed (RFC 6455 §5.3).
            let mask = WebSocketMaskingKey(random(4))
            try await outbound.write(
                WebSocketFrame(fin: true, opcode: opcode, maskKey: mask, data: data))
        }
    }

    /// Something that came in.
    enum Incoming: Sendable {
        case text([UInt8])
        /// A sign of life.
        case pong
    }

    /// Runs `body` with what comes in, and closes the connection afterwards.
    func run(
        _ body: @escaping @Sendable (Sender, AsyncStream<Incoming>) async throws -> Void
    ) async throws {
        try await frames.executeThenClose { inbound, outbound in
            let sender = Sender(outbound: outbound, random: random)
            let (incoming, feed) = AsyncStream.makeStream(of: Incoming.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { feed.finish() }
                    for try await frame in inbound {
                        guard try await Self.take(frame, sender, feed) else { return }
                    }
                }
                group.addTask { try await body(sender, incoming) }
                // Whoever ends first ends both.
                try await group.next()
                feed.finish()
                group.cancelAll()
            }
        }
    }

    private static func take(
        _ frame: WebSocketFrame, _ sender: Sender, _ feed: AsyncStream<Incoming>.Continuation
    ) async throws -> Bool {
        switch frame.opcode {
        case .text: feed.yield(.text(Array(frame.unmaskedData.readableBytesView)))
        case .ping:
            try await sender.write(.pong, frame.unmaskedData)
            feed.yield(.pong)
        case .pong: feed.yield(.pong)
        case .connectionClose: return false
        default: break
        }
        return true
    }

    private struct Target: Sendable {
        let isSecure: Bool
        let host: String
        let port: Int
        let authority: String
        let path: String

        init?(_ url: String) {
            guard url.utf8.count <= 4096, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                return nil
            }
            let rest: Substring
            if url.hasPrefix("wss://") {
                (isSecure, rest) = (true, url.dropFirst(6))
            } else if url.hasPrefix("ws://") {
                (isSecure, rest) = (false, url.dropFirst(5))
            } else {
                return nil
            }
            let slash = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            authority = String(rest[..<slash])
            let tail = String(rest[slash...])
            path = tail.hasPrefix("/") ? tail : "/" + tail
            let colon = authority.lastIndex(of: ":") ?? authority.endIndex
            host = String(authority[..<colon])
            port =
                colon == authority.endIndex
                ? (isSecure ? 443 : 80) : Int(authority[authority.index(after: colon)...]) ?? 0
            guard !host.isEmpty, (1...65_535).contains(port), !authority.contains("@") else {
                return nil
            }
            // Without TLS only to this machine, where tests are.
            guard isSecure || host == "127.0.0.1" || host == "localhost" else { return nil }
        }

        var isNumeric: Bool { host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) } }
    }
}
