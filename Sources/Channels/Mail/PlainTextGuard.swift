// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Sees to it that nothing in the clear is taken for what comes under TLS (STARTTLS injection).
///
/// Between our `STARTTLS` and the first byte of TLS the server says one line. Whatever else comes,
/// in the same segment or a later one, somebody between could have put there.
final class PlainTextGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Event: Sendable {
        /// The next line is the last in the clear.
        case lastLine
        /// What comes from now on came under TLS.
        case secured
    }

    private enum Phase {
        case open
        case lastLine
        case silent
    }

    private var phase = Phase.open

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard let event = event as? Event else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        switch event {
        case .lastLine: phase = .lastLine
        // A guard that has seen too much stays closed.
        case .secured: phase = .open
        }
        promise?.succeed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        switch phase {
        case .open: return context.fireChannelRead(data)
        case .lastLine:
            let view = bytes.readableBytesView
            guard let end = view.firstIndex(of: 0x0A) else { return context.fireChannelRead(data) }
            guard end == view.index(before: view.endIndex) else { return refuse(context) }
            phase = .silent
            context.fireChannelRead(data)
        case .silent: refuse(context)
        }
    }

    private func refuse(_ context: ChannelHandlerContext) {
        context.fireErrorCaught(
            ChannelSilence("the mail server went on in the clear after STARTTLS"))
        context.close(promise: nil)
    }
}
