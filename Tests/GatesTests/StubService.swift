// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Foundation
import Synchronization
import Testing
import TransparencyLog

@testable import ExequaturClient

/// A log with real hashes and signatures, in which claims are entries.
struct StubLog {
    let key: SigningKey
    private(set) var frontier = MerkleFrontier()
    private var tiles = TileDictionary()
    private var leaves: [Hash256] = []

    init(seed: UInt8 = 1, origin: String = "test.example/log") throws {
        key = try SigningKey(name: origin, seed: Array(repeating: seed, count: 32))
    }

    var fingerprint: String { String(key.verifierKey.fingerprint.hex.prefix(32)) }

    mutating func append(_ leaf: [UInt8]) {
        let hash = MerkleHash.leaf(leaf)
        leaves.append(hash)
        frontier.append(hash)
        for tile in frontier.takeCompletedTiles() {
            tiles.insert(level: tile.level, index: tile.index, hashes: tile.hashes)
        }
    }

    mutating func grow(_ count: Int, from label: String = "entry") {
        for number in 0..<count { append(Array("\(label) \(number)".utf8)) }
    }

    func checkpoint() throws -> String {
        try Checkpoint(origin: key.name, size: frontier.size, root: frontier.root())
            .signed(by: key)
    }

    func tile(_ path: String) throws -> [UInt8]? {
        guard case .tile(let level, let index, let width) = TilePath.parse(path) else { return nil }
        guard frontier.tileWidth(level: level, index: index) >= width else { return nil }
        let hashes = try frontier.tileHashes(level: level, index: index, tiles: tiles)
        return Tile.encode(hashes.prefix(width))
    }

    /// Appends a claim and returns the `claim` member of an action for it.
    mutating func claim(
        _ claim: ClaimText, growing after: Int = 0
    ) throws -> JSON {
        let salt = Hash256.sha256(Array("salt".utf8))
        let core = try claim.core.canonicalBytes()
        let commitment = Hash256.sha256(Array("exequatur/v1/core\n".utf8) + salt.bytes + core)
        var leaf: JSONObject = [
            "at": .string(claim.at), "body": "sha256:00",
            "core": .string("sha256:" + commitment.hex), "kind": .string(claim.kind),
            "ref": .string(claim.ref), "seq": 3, "v": 1,
        ]
        leaf["prev"] = "sha256:00"
        let bytes = try JSON.object(leaf).canonicalBytes()
        let index = frontier.size
        append(bytes)
        grow(after, from: "after")
        let proof = try TLogProof(
            index: index, hashes: try frontier.inclusionProof(index: index, tiles: tiles),
            checkpoint: try checkpoint())
        return [
            "entry": [
                "core": .string(String(decoding: core, as: UTF8.self)),
                "coreSalt": .string(salt.hex), "index": .int(Int64(index)),
                "leaf": .string(String(decoding: bytes, as: UTF8.self)),
                "proof": .string(proof.text),
            ],
            "gate": claim.core["gate"] ?? .null, "nonce": claim.core["nonce"] ?? .null,
            "startBy": claim.core["startBy"] ?? .null,
        ]
    }
}

/// What a claim entry says; each member can be made to lie.
struct ClaimText {
    var action = "act_test"
    var digest = Hash256.sha256([1])
    var operation = Hash256.sha256([2])
    var gate = "run"
    var nonce = String(repeating: "ab", count: 32)
    var at = "2026-11-21T09:00:00.000Z"
    var startBy = "2026-11-21T09:00:30.000Z"
    var kind = "action.claimed"
    var coreKind = "action.claimed"
    var ref = "act_test"

    var core: JSON {
        [
            "action": .string(action), "digest": .string(digest.hex), "gate": .string(gate),
            "kind": .string(coreKind), "nonce": .string(nonce),
            "operation": .string(operation.hex), "startBy": .string(startBy), "v": 1,
        ]
    }
}

/// The service as a gate sees it, in memory; each answer can be exchanged.
final class StubService: GateTransport {
    struct State {
        var log: StubLog
        var action: String? = nil
        var operation = Hash256.sha256([])
        var status = "pending"
        var version: Int64 = 1
        var nonce: String? = nil
        var claim: JSON? = nil
        /// What policy says to a new action: `allow`, `review` or `deny`.
        var policy = "allow"
        var outcomes: [JSON] = []
        var paths: [String] = []
        var polls = 0
        /// Approves at this poll.
        var approvesAt = 1
        /// Makes the claim of a gate lie.
        var lie: @Sendable (inout ClaimText) -> Void = { _ in }
        /// Takes the place of an answer.
        var instead: @Sendable (GateRequest, Int) -> StubAnswer? = { _, _ in nil }
    }

    enum StubAnswer: Sendable {
        case answer(GateResponse)
        case silence
    }

    let state: Mutex<State>

    init(_ log: StubLog, policy: String = "allow") {
        var state = State(log: log)
        state.policy = policy
        self.state = Mutex(state)
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var outcomes: [JSON] { state.withLock { $0.outcomes } }
    var paths: [String] { state.withLock { $0.paths } }

    func send(_ request: GateRequest) async throws(TransportFailure) -> GateResponse {
        let result = state.withLock { state -> Result<GateResponse, TransportFailure> in
            state.paths.append(request.path)
            switch state.instead(request, state.paths.count) {
            case .answer(let answer): return .success(answer)
            case .silence: return .failure(TransportFailure("nobody there"))
            case nil: break
            }
            do {
                return .success(try Self.answer(request, &state))
            } catch {
                return .failure(TransportFailure("\(error)"))
            }
        }
        return try result.get()
    }

    private static func answer(_ request: GateRequest, _ state: inout State) throws -> GateResponse
    {
        let path = request.path
        if path == "/log/vkey" {
            let line = state.log.key.verifierKey.vkey + "\n"
            return GateResponse(status: 200, body: Array(line.utf8))
        }
        if path.hasPrefix("/log/") {
            guard let tile = try state.log.tile(String(path.dropFirst(5))) else {
                return GateResponse(status: 404, body: [])
            }
            return GateResponse(status: 200, body: tile)
        }
        if path == "/v1/actions" {
            try submit(request.body ?? .null, &state)
        } else if path.hasSuffix("/claim") {
            guard state.status == "cleared" || state.status == "claimed" else {
                return problem(409, "not_cleared")
            }
            try claim(request.body?["nonce"]?.stringValue ?? "", &state)
        } else if path.hasSuffix("/outcome") {
            state.outcomes.append(request.body ?? .null)
        } else if path.contains("?wait=") {
            state.polls += 1
            if state.status == "pending", state.polls >= state.approvesAt {
                state.status = "cleared"
                state.version += 1
            }
        }
        return try action(state)
    }

    private static func submit(_ body: JSON, _ state: inout State) throws {
        let operation = Hash256.sha256(try (body["operation"] ?? .null).canonicalBytes())
        let isAttached =
            state.operation == operation && ["pending", "cleared"].contains(state.status)
            && state.action != nil
        if isAttached { return }
        state.operation = operation
        state.action = "act_test"
        switch state.policy {
        case "allow":
            state.status = "cleared"
            try claim(body["claim"]?["nonce"]?.stringValue ?? "", &state)
        case "deny": state.status = "denied"
        default: state.status = "pending"
        }
    }

    private static func claim(_ nonce: String, _ state: inout State) throws {
        if state.nonce == nonce { return }
        var text = ClaimText()
        text.nonce = nonce
        text.operation = state.operation
        state.lie(&text)
        state.claim = try state.log.claim(text)
        state.nonce = nonce
        state.status = "claimed"
        state.version += 1
    }

    private static func action(_ state: State) throws -> GateResponse {
        let json: JSON = [
            "advisory": true, "claim": state.claim ?? .null, "deadline": .null,
            "digest": .string(Hash256.sha256([1]).hex),
            "gate": ["enforcing": false, "id": "run"], "id": .string(state.action ?? "act_none"),
            "operationDigest": .string(state.operation.hex),
            "review": ["eligible": [["id": "bob", "name": "Bob"]]],
            "state": .string(state.status), "url": "http://localhost/actions/act_test",
            "version": .int(state.version),
        ]
        return GateResponse(status: 200, body: try json.canonicalBytes())
    }

    static func problem(_ status: Int, _ code: String) -> GateResponse {
        let text = #"{"code":"\#(code)","detail":"about \#(code)"}"#
        return GateResponse(status: status, body: Array(text.utf8))
    }
}

/// A clock that only moves when somebody sleeps, and bytes that never repeat.
final class StubEffects: Sendable {
    private let time = Mutex(Duration.seconds(1_000))
    private let counter = Mutex(UInt64(0))

    var effects: GateEffects {
        GateEffects(
            now: { self.time.withLock { $0 } },
            sleep: { pause in
                try Task.checkCancellation()
                self.time.withLock { $0 += pause }
                await Task.yield()
            },
            entropy: { count in
                let number = self.counter.withLock { counter in
                    counter += 1
                    return counter
                }
                let bytes = Hash256.sha256(Array("\(number)".utf8)).bytes
                return (0..<count).map { bytes[$0 % 32] }
            })
    }

    func advance(_ duration: Duration) { time.withLock { $0 += duration } }
}
