// SPDX-License-Identifier: Apache-2.0

internal import ExequaturClient
internal import Foundation
internal import Hummingbird
internal import Logging
internal import NIOCore
package import ServiceLifecycle

/// A command runner that listens for agents.
package struct RunnerGateway: Sendable {
    /// Where it listens.
    package enum Address: Sendable {
        case socket(RunnerSocket)
        case network(host: String, port: Int)
    }

    private let gate: RunnerGate
    private let address: Address
    private let running: RunningCommands
    private let grace: Duration

    /// Connections at once; more wait until others end.
    private static let connections = 256
    private static let idle = TimeAmount.seconds(30)

    /// Makes a runner.
    /// - Parameters:
    ///   - gate: what runs commands.
    ///   - address: where agents come.
    ///   - running: the commands that the gate's executor counts.
    ///   - grace: how long they may go on when the process is told to end.
    package init(
        gate: RunnerGate, address: Address, running: RunningCommands, grace: Duration
    ) {
        self.gate = gate
        self.address = address
        self.running = running
        self.grace = grace
    }

    /// How long an orderly end takes at most.
    package var longestEnd: Duration {
        grace + RunnerStop.afterTelling + RunnerStop.afterEnding + .seconds(20)
    }

    /// What to run in one group, in this order.
    /// - Parameter ready: told once where it listens.
    /// - Returns: the services; the last one is told first when they are to end.
    package func services(
        ready: @escaping @Sendable (String) -> Void
    ) -> [any Service] {
        let gate = self.gate
        let pool = RunnerPool(effects: gate.effects, settle: { await gate.settle() })
        let stop = RunnerStop(
            pool: pool, running: running, effects: gate.effects, grace: grace, note: gate.note)
        return [pool, application(pool, ready), stop]
    }

    private func application(
        _ pool: RunnerPool, _ ready: @escaping @Sendable (String) -> Void
    ) -> any Service {
        let (address, note) = (self.address, gate.note)
        let bound: BindAddress
        let isLocal: Bool
        switch address {
        case .socket(let socket):
            (bound, isLocal) = (.unixDomainSocket(path: socket.draft), true)
        case .network(let host, let port):
            (bound, isLocal) = (.hostname(host, port: port), false)
        }
        let logger = Logger(label: "runner", factory: { _ in SwiftLogNoOpLogHandler() })
        let routes = RunnerRoutes(gate: gate, pool: pool, isLocal: isLocal)
        return Application(
            router: routes.router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionHangup.Handler()],
                    idleTimeout: Self.idle)),
            configuration: ApplicationConfiguration(
                address: bound, serverName: nil,
                availableConnectionsDelegate: .maximum(Self.connections, logger: logger)),
            onServerRunning: { channel in
                switch address {
                case .network(let host, let port):
                    ready("http://\(host):\(channel.localAddress?.port ?? port)")
                case .socket(let socket):
                    do throws(GateFailure) {
                        try socket.finish()
                        ready(socket.path)
                    } catch {
                        note(error.description)
                        // As if it had been told to end: nobody was let in.
                        kill(getpid(), SIGTERM)
                    }
                }
            },
            logger: logger)
    }
}
