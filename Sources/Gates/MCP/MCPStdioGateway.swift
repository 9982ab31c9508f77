// SPDX-License-Identifier: Apache-2.0

package import ExequaturClient
internal import Foundation
internal import Synchronization

/// The gateway in front of one server, for one client: both speak over standard input and output.
package struct MCPStdioGateway: Sendable {
    private let gatekeeper: MCPGatekeeper
    private let agent: MCPAgent
    private let command: MCPServerCommand

    package init(gatekeeper: MCPGatekeeper, agent: MCPAgent, command: MCPServerCommand) {
        self.gatekeeper = gatekeeper
        self.agent = agent
        self.command = command
    }

    /// How long reports may take when the session is over; the next run sends what is left.
    private static let reporting = Duration.seconds(5)

    /// How a session ended.
    package enum End: Sendable {
        /// The client closed its side.
        case clientLeft
        /// The server ended by itself.
        case serverEnded
        /// A message was longer than allowed.
        case tooLong
    }

    /// Passes messages on until one side ends.
    /// - Parameters:
    ///   - input: where the client writes.
    ///   - output: where it reads.
    /// - Returns: which side ended.
    /// - Throws: ``GateFailure`` when the server does not start.
    package func run(input: Int32, output: Int32) async throws(GateFailure) -> End {
        let server = try MCPServerProcess(command)
        let client = LineWriter(output, isOwn: false)
        let session = MCPSession(
            gatekeeper: gatekeeper, agent: agent,
            ends: MCPSession.Ends(
                client: { bytes, _ in client.write(bytes, always: true) },
                server: { server.send($0) }))
        let (ended, announce) = AsyncStream.makeStream(of: End.self)
        // Nothing more is read of either side while the client does not read: nothing is lost.
        server.read(
            line: {
                client.waitForRoom()
                session.fromServer($0)
            }, ended: { announce.yield(.serverEnded) })
        LineReader.start(
            input, limit: MCPMessage.clientBytes,
            line: {
                client.waitForRoom()
                session.fromClient($0)
            }, ended: { announce.yield($0 == .ended ? .clientLeft : .tooLong) })
        let end = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await session.run()
                return true
            }
            group.addTask {
                await tidyUp()
                return false
            }
            let end = await ended.first { _ in true } ?? .clientLeft
            // Having let it say what it has still to say.
            await server.stop(sleep: gatekeeper.effects.sleep)
            session.finish()
            // What was claimed and not started, and what ran, is reported first.
            group.addTask {
                try? await gatekeeper.effects.sleep(Self.reporting)
                return true
            }
            while let isOver = await group.next(), !isOver {}
            group.cancelAll()
            return end
        }
        // What was said last, for a client that still reads.
        for _ in 0..<100 where !client.isIdle {
            try? await gatekeeper.effects.sleep(.milliseconds(20))
        }
        return end
    }

    /// Every second what is only in memory is written down.
    private func tidyUp() async {
        // Who it is, so that what earlier runs could not report is sent.
        _ = try? await gatekeeper.holder(of: agent)
        while (try? await gatekeeper.effects.sleep(.seconds(1))) != nil {
            await gatekeeper.settle()
        }
        await gatekeeper.settle()
    }
}
