// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// What one connection asks for, one request after the other.
protocol Script: AnyObject {
    /// The next request after an answer (nil at the start); nil ends or pauses the connection.
    func next(after answer: Answer?, context: ScriptContext) throws -> ByteBuffer?
}

/// What a script may know and do besides answering.
struct ScriptContext {
    var now: NIODeadline
    var sentAt: NIODeadline
    var measurements: Measurements

    func record(_ name: String) { measurements.record(name, now - sentAt) }
}

/// A keep-alive connection in a closed loop: the next request leaves when the last was answered.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: any Script
    private let measurements: Measurements
    private var parser = AnswerParser()
    private var sentAt = NIODeadline.now()
    private var context: ChannelHandlerContext?

    init(script: any Script, measurements: Measurements) {
        self.script = script
        self.measurements = measurements
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        advance(after: nil, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        parser.feed(unwrapInboundIn(data).readableBytesView)
        do {
            while let answer = try parser.next() { advance(after: answer, context) }
        } catch {
            fail(error, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !measurements.isOver { measurements.fail("the server closed a connection") }
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    /// Lets a paused script go on.
    func resume() {
        guard let context else { return }
        advance(after: nil, context)
    }

    private func advance(after answer: Answer?, _ context: ChannelHandlerContext) {
        let state = ScriptContext(now: .now(), sentAt: sentAt, measurements: measurements)
        do {
            guard let request = try script.next(after: answer, context: state) else { return }
            sentAt = .now()
            context.writeAndFlush(wrapOutboundOut(request), promise: nil)
        } catch {
            fail(error, context)
        }
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        let text = (error as? Measurements.Failure)?.text ?? "\(error)"
        measurements.fail(text)
        context.close(promise: nil)
    }
}

/// One event loop thread with its connections: all the generator uses of the machine.
struct LoadLoop {
    let loop: any EventLoop
    let host: String
    let port: Int

    /// Opens connections one after the other, so that no accept queue overflows.
    func connect(_ handlers: [LoadConnection]) -> EventLoopFuture<Void> {
        let bound = NIOLoopBound(handlers, eventLoop: loop)
        return connect(bound, from: 0)
    }

    private func connect(
        _ handlers: NIOLoopBound<[LoadConnection]>, from index: Int
    ) -> EventLoopFuture<Void> {
        guard index < handlers.value.count else { return loop.makeSucceededVoidFuture() }
        return ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(handlers.value[index])
                }
            }
            .connect(host: host, port: port)
            .flatMap { _ in self.connect(handlers, from: index + 1) }
    }
}
