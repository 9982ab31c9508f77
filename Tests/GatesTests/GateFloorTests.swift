// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient
@testable import Gates

@Suite("What a gate demands of decisions by itself")
struct GateFloorTests {
    /// A floor that answers as it is told, and remembers what it was shown.
    final class StubFloor: GateFloor {
        let name = "stub"
        let why: String?
        let seen = Mutex<[FloorEvidence]>([])

        init(refuses why: String? = nil) { self.why = why }

        func check(
            _ evidence: FloorEvidence,
            fetch: @Sendable (String) async throws(GateFailure) -> [UInt8]?
        ) async throws(GateFailure) {
            seen.withLock { $0.append(evidence) }
            if let why { throw .refused(why) }
        }
    }

    private let setting: GateSetting
    private static let receipt = Array("what the service calls a receipt".utf8)

    init() throws {
        setting = try GateSetting()
        let digest = try setting.operation().digest
        setting.service.change { state in
            state.status = "cleared"
            state.action = "act_test"
            state.operation = digest
            state.instead = { request, _ in
                guard request.path.hasSuffix("/receipt") else { return nil }
                return .answer(GateResponse(status: 200, body: Self.receipt))
            }
        }
    }

    private func obtain(_ floor: any GateFloor) async throws -> Grant {
        let client = GateClient(
            transport: setting.service, effects: setting.stub.effects, state: setting.state,
            fingerprint: setting.client.fingerprint, floor: floor)
        return try await client.obtain(
            try setting.operation(), reason: nil, wait: .seconds(1)
        ) { _ in }
    }

    private var claims: [String] { setting.service.paths.filter { $0.hasSuffix("/claim") } }

    @Test("What is below the floor is refused before anything is claimed")
    func refused() async throws {
        await #expect(throws: GateFailure.self) {
            try await obtain(StubFloor(refuses: "nobody signed it"))
        }
        #expect(claims.isEmpty)
        #expect(setting.usedNonces == 0)
    }

    @Test("What is above it is claimed, once it was shown what is to be executed")
    func granted() async throws {
        let floor = StubFloor()
        _ = try await obtain(floor)
        #expect(claims.count == 1)
        let seen = try #require(floor.seen.withLock { $0.first })
        #expect(seen.receipt == Self.receipt)
        #expect(seen.operation == (try setting.operation().digest))
        #expect(seen.action == Hash256.sha256([1]))
    }

    @Test("A server that answers at once that it was claimed is not believed")
    func claimedAtOnce() async throws {
        setting.service.change { state in
            state.status = "pending"
            state.instead = { request, _ in
                guard request.path == "/v1/actions", let body = request.body else { return nil }
                #expect(body["claim"] == nil, "nothing is claimed before the floor has looked")
                return nil
            }
            state.action = nil
        }
        let floor = StubFloor()
        await #expect(throws: GateFailure.self) { try await obtain(floor) }
        #expect(floor.seen.withLock { $0.isEmpty })
        #expect(setting.usedNonces == 0)
    }

    @Test("A second claim of what was signed once is not executed")
    func replayed() async throws {
        _ = try await obtain(StubFloor())
        // The same action, cleared and claimed once more under another nonce.
        setting.service.change { state in
            state.status = "cleared"
            state.nonce = nil
            state.claim = nil
        }
        do {
            _ = try await obtain(StubFloor())
            Issue.record("executed twice")
        } catch let failure as GateFailure {
            #expect("\(failure)".contains("executed here before"), "\(failure)")
        }
    }
}
