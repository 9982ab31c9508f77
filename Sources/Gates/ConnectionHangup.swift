// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// A request with the connection that it came over.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Whether the other side of a connection is gone.
///
/// A handler in the connection's pipeline notices at once; writing would notice only when there is
/// something to write.
final class ConnectionHangup: Sendable {
    private struct State {
        var isOver = false
        var body: Body?
    }

    private struct Body: Sendable {
        let run: @Sendable () -> Void
    }

    private let state = Mutex(State())

    /// Calls `body` once the other side is gone, at once if it is already; takes the place of what
    /// an earlier request on the connection asked for.
    func whenOver(_ body: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if !state.isOver { state.body = Body(run: body) }
            return state.isOver
        }
        if isOver { body() }
    }

    fileprivate func end() {
        let body = state.withLock { state in
            state.isOver = true
            defer { state.body = nil }
            return state.body
        }
        body?.run()
    }

    /// The hangup of a connection that has a ``Handler``.
    /// - Throws: what NIO throws where it has none.
    static func of(_ channel: any Channel) async throws -> ConnectionHangup {
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: Handler.self).hangup
        }.get()
    }

    /// Passes everything on, and notices the end of what comes in.
    final class Handler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = NIOAny

        let hangup = ConnectionHangup()

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { hangup.end() }
            context.fireUserInboundEventTriggered(event)
        }

        func channelInactive(context: ChannelHandlerContext) {
            hangup.end()
            context.fireChannelInactive()
        }
    }
}
