// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Hands mails over by SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS from the start (RFC 8314),
/// and AUTH PLAIN (RFC 4954).
///
/// One connection per mail: there are few, and a connection that was kept may be gone.
struct SMTPClient: Sendable {
    let settings: MailSettings

    /// A reply that says no.
    struct Refused: Error {
        let code: Int
        let text: String
        /// 5yz: it is no use to try again as it is (RFC 5321 §4.2.1).
        var isPermanent: Bool { code >= 500 }
    }

    private static let timeout = TimeAmount.seconds(30)
    private typealias Bytes = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Hands one mail over.
    /// - Throws: ``Refused`` when the server says no, ``ChannelSilence`` when it does not speak.
    func send(_ message: MailMessage) async throws {
        do {
            try await handOver(message)
        } catch let error as NIOSSLError {
            throw ChannelSilence("TLS with the mail server failed: \(error)")
        } catch let error as BoringSSLError {
            throw ChannelSilence("TLS with the mail server failed: \(error)")
        }
    }

    private func handOver(_ message: MailMessage) async throws {
        let context = settings.security == .none ? nil : try tls()
        let channel: any Channel
        let bytes: Bytes
        do {
            (channel, bytes) = try await connect(context)
        } catch let error as NIOSSLError {
            throw error
        } catch {
            throw ChannelSilence("the mail server does not answer")
        }
        // Whatever hangs ends: a reply is due within half a minute (RFC 5321 asks for minutes, which
        // nobody who waits for an approval has).
        let alarm = channel.eventLoop.scheduleTask(in: Self.timeout) {
            channel.close(promise: nil)
        }
        defer { alarm.cancel() }
        try await bytes.executeThenClose { inbound, outbound in
            var session = Session(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            try await open(&session, channel, context)
            try await hand(message, over: &session)
        }
    }

    private func tls() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let text = settings.certificates {
            configuration.trustRoots = .certificates(
                try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private func handler(_ context: NIOSSLContext) throws -> NIOSSLClientHandler {
        let isNumeric = settings.host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
        return try NIOSSLClientHandler(
            context: context, serverHostname: isNumeric ? nil : settings.host)
    }

    private func connect(_ context: NIOSSLContext?) async throws -> (any Channel, Bytes) {
        let secure = settings.security == .tls ? context : nil
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(10))
            .connect(host: settings.host, port: settings.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let secure {
                        try channel.pipeline.syncOperations.addHandler(handler(secure))
                    }
                    try channel.pipeline.syncOperations.addHandler(PlainTextGuard())
                    return (channel, try Bytes(wrappingChannelSynchronously: channel))
                }
            }
    }

    // MARK: the conversation

    private struct Session {
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        var read: [UInt8] = []

        private static let lineBytes = 4096

        mutating func line() async throws -> String {
            while true {
                if let end = read.firstIndex(of: 0x0A) {
                    let line = read[..<end].filter { $0 != 0x0D }
                    read.removeSubrange(...end)
                    return String(decoding: line, as: UTF8.self)
                }
                guard read.count <= Self.lineBytes else {
                    throw ChannelSilence("the mail server sends no lines")
                }
                guard let more = try await inbound.next(isolation: #isolation) else {
                    throw ChannelSilence("the mail server hung up")
                }
                read += Array(more.readableBytesView)
            }
        }

        /// A reply of one or several lines; anything but the expected class is thrown.
        mutating func reply(_ expected: Int) async throws -> [String] {
            var lines: [String] = []
            while lines.count < 100 {
                let line = try await line()
                guard let code = Int(line.prefix(3)), (200...599).contains(code) else {
                    throw ChannelSilence("the mail server does not speak SMTP")
                }
                lines.append(String(line.dropFirst(4)))
                guard line.dropFirst(3).first == "-" else {
                    guard code / 100 == expected else {
                        throw Refused(
                            code: code, text: String(lines.joined(separator: " ").prefix(300)))
                    }
                    return lines
                }
            }
            throw ChannelSilence("the mail server does not end its reply")
        }

        mutating func say(_ text: String, expecting: Int) async throws -> [String] {
            try await outbound.write(ByteBuffer(string: text + "\r\n"))
            return try await reply(expecting)
        }
    }

    private func open(
        _ session: inout Session, _ channel: any Channel, _ context: NIOSSLContext?
    ) async throws {
        _ = try await session.reply(2)
        var offers = try await session.say("EHLO localhost", expecting: 2)
        if settings.security == .starttls, let context {
            guard Self.offers("STARTTLS", offers) else {
                throw Refused(code: 500, text: "the mail server offers no STARTTLS")
            }
            try await channel.triggerUserOutboundEvent(PlainTextGuard.Event.lastLine)
            _ = try await session.say("STARTTLS", expecting: 2)
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(handler(context), position: .first)
                channel.pipeline.triggerUserOutboundEvent(
                    PlainTextGuard.Event.secured, promise: nil)
            }.get()
            offers = try await session.say("EHLO localhost", expecting: 2)
        }
        guard let user = settings.user, let password = settings.password else { return }
        guard offers.contains(where: { $0.uppercased().hasPrefix("AUTH") }) else {
            throw Refused(code: 500, text: "the mail server takes no login")
        }
        let plain = Data("\0\(user)\0\(password.text)".utf8).base64EncodedString()
        _ = try await session.say("AUTH PLAIN \(plain)", expecting: 2)
    }

    private static func offers(_ name: String, _ lines: [String]) -> Bool {
        lines.contains { $0.uppercased().utf8.elementsEqual(name.utf8) }
    }

    private func hand(_ message: MailMessage, over session: inout Session) async throws {
        _ = try await session.say("MAIL FROM:<\(message.from.address)>", expecting: 2)
        _ = try await session.say("RCPT TO:<\(message.to)>", expecting: 2)
        _ = try await session.say("DATA", expecting: 3)
        // A line that begins with a full stop would end the mail (RFC 5321 §4.5.2).
        let lines = message.lines.map { $0.hasPrefix(".") ? "." + $0 : $0 }
        _ = try await session.say(lines.joined(separator: "\r\n") + "\r\n.", expecting: 2)
        // It has the mail; whether it says good-bye does not matter.
        _ = try? await session.say("QUIT", expecting: 2)
    }
}
