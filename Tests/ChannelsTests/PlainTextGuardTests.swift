// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import Testing

@testable import Channels

/// STARTTLS injection: CVE-2011-0411 and its many cousins.
@Suite("plain text guard")
struct PlainTextGuardTests {
    private func channel(armed: Bool = true) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: PlainTextGuard())
        if armed {
            channel.pipeline.triggerUserOutboundEvent(
                PlainTextGuard.Event.lastLine, promise: nil)
        }
        return channel
    }

    private func read(_ channel: EmbeddedChannel, _ text: String) throws {
        try channel.writeInbound(ByteBuffer(string: text))
    }

    @Test func oneLineIsLetThroughAlsoInPieces() throws {
        let channel = try channel()
        for piece in ["22", "0 go", " ahead\r\n"] { try read(channel, piece) }
        for piece in ["22", "0 go", " ahead\r\n"] {
            #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: piece))
        }
    }

    @Test(arguments: [
        ["220 go\r\n250 OK\r\n"], ["220 go\r\n", "250 OK\r\n"], ["220 go\r\n", "x"],
    ])
    func moreThanOneLineEndsTheConnection(pieces: [String]) throws {
        let channel = try channel()
        #expect(throws: ChannelSilence.self) {
            for piece in pieces { try read(channel, piece) }
        }
        #expect(!channel.isActive)
    }

    @Test func beforeAndAfterEverythingIsLetThrough() throws {
        let channel = try channel(armed: false)
        try read(channel, "220 hello\r\n250-a\r\n250 b\r\n")
        channel.pipeline.triggerUserOutboundEvent(PlainTextGuard.Event.lastLine, promise: nil)
        try read(channel, "220 go\r\n")
        channel.pipeline.triggerUserOutboundEvent(PlainTextGuard.Event.secured, promise: nil)
        try read(channel, "250-a\r\n250 b\r\n")
        #expect(try channel.readInbound(as: ByteBuffer.self) != nil)
        #expect(try channel.readInbound(as: ByteBuffer.self) != nil)
        #expect(try channel.readInbound(as: ByteBuffer.self) != nil)
    }
}
