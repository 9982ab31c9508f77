// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ExequaturClient
import Storage
import TransparencyLog

@testable import ControlPlane

/// A gate's side: the nonces that it used, which survive it.
struct SimulatedGate: Sendable {
    fileprivate(set) var used: Set<Hash256> = []
    /// The nonce that a gate made for each action.
    var nonces: [ActionID: Hash256] = [:]
}

/// What a claim could be on its way to a gate, besides genuine.
private enum Tampering: String, CaseIterable {
    case nonce = "bound to another nonce"
    case operation = "for other bytes"
    case core = "with another core"
    case leaf = "with another leaf"
    case place = "proven at another place"
    case key = "of another log"
}

extension Simulation {
    /// Has the gate verify a claim, as it came and tampered with, and execute it once.
    func execute(_ result: ActionResult, _ nonce: Hash256, _ head: LedgerHead) {
        let id = result.state.id
        do {
            let chain = try control.backend.read { try $0.chain(of: id.text) }
            guard let recorded = chain.last(where: { $0.entry.kind == "action.claimed" }) else {
                failures.append("\(id): claimed without an entry")
                return
            }
            let claim = try Self.wire(
                recorded, proof: try control.proof(of: recorded.index, under: head))
            let operation = result.body.action.operation
            let expectation = ClaimExpectation(
                nonce: nonce.hex, gate: result.state.submission.gate.id.text, action: id.text,
                actionDigest: result.body.action.digest, operationDigest: try operation.digest(),
                logKey: control.verifierKey)
            if chance(30) { try offerTampered(claim, expectation, id) }
            let isTaken = offer(claim, expectation, id, "as it came", isGenuine: true)
            // A gate that has used a nonce does not run again, whatever it is told.
            guard isTaken, gate.used.insert(nonce).inserted else { return }
            note("execution")
            history.executions.append(
                SimulatedExecution(
                    action: id, nonce: nonce, operation: try operation.digest(),
                    durable: control.writer.head.size))
        } catch {
            failures.append("\(id): the gate could not look at its claim: \(error)")
        }
    }

    private func offer(
        _ claim: JSON, _ expectation: ClaimExpectation, _ id: ActionID, _ what: String,
        isGenuine: Bool
    ) -> Bool {
        let isTaken = (try? ClaimVerifier.verify(claim: claim, expectation: expectation)) != nil
        history.offers.append(
            SimulatedOffer(action: id, what: what, isGenuine: isGenuine, isTaken: isTaken))
        return isTaken
    }

    private func offerTampered(
        _ claim: JSON, _ expectation: ClaimExpectation, _ id: ActionID
    ) throws {
        var claim = claim
        var expectation = expectation
        let what = pick(Tampering.allCases)
        switch what {
        case .nonce: expectation.nonce = Hash256.sha256([1]).hex
        case .operation: expectation.operationDigest = .sha256([2])
        case .core: claim = Self.edited(claim, "core", #""startBy":"2"#, #""startBy":"3"#)
        case .leaf: claim = Self.edited(claim, "leaf", #""seq":"#, #""seq":1"#)
        case .place: claim = Self.edited(claim, "proof", "index ", "index 1")
        case .key:
            expectation.logKey = try SigningKey(
                name: control.verifierKey.name, seed: Array(repeating: 7, count: 32)
            ).verifierKey
        }
        note("forged claim")
        _ = offer(claim, expectation, id, what.rawValue, isGenuine: false)
    }

    private static func wire(_ recorded: RecordedEntry, proof: String) throws -> JSON {
        [
            "entry": [
                "core": .string(String(decoding: recorded.core, as: UTF8.self)),
                "coreSalt": .string(recorded.coreSalt.hex),
                "index": .integer(Int64(recorded.index)),
                "leaf": .string(String(decoding: recorded.entry.leaf, as: UTF8.self)),
                "proof": .string(proof),
            ]
        ]
    }

    /// A claim in which a piece of one member is another.
    private static func edited(
        _ claim: JSON, _ member: String, _ old: String, _ new: String
    ) -> JSON {
        guard case .object(var outer) = claim, case .object(var entry) = outer["entry"] ?? .null,
            let text = entry[member]?.stringValue
        else { return .null }
        entry[member] = .string(text.replacing(old, with: new, maxReplacements: 1))
        outer["entry"] = .object(entry)
        return .object(outer)
    }
}
