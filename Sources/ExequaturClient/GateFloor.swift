// SPDX-License-Identifier: Apache-2.0

public import TransparencyLog

/// The least that a gate wants to see of a decision, whatever the service says.
///
/// Whoever controls the service and its log key can mint clearances; a floor is what the gate
/// checks by itself (invariant 2), before it claims anything.
public protocol GateFloor: Sendable {
    /// What is demanded, as it stands in the gate's configuration.
    var name: String { get }

    /// Checks the evidence for one cleared action.
    /// - Parameters:
    ///   - evidence: what is to be executed, and its receipt.
    ///   - fetch: asks the service for something more, by its path; nil where it has no such thing.
    /// - Throws: ``GateFailure`` for anything but enough evidence.
    func check(
        _ evidence: FloorEvidence,
        fetch: @Sendable (_ path: String) async throws(GateFailure) -> [UInt8]?
    ) async throws(GateFailure)
}

/// What a floor looks at: one action that the service says is cleared.
public struct FloorEvidence: Sendable {
    /// The action's receipt so far; nothing of it is verified yet.
    public let receipt: [UInt8]
    /// The action's digest, as it was when it was submitted.
    public let action: Hash256
    /// The digest of the operation that the gate froze itself.
    public let operation: Hash256
    /// The log key that the gate pinned.
    public let logKey: VerifierKey
}

extension GateClient {
    /// Lets the floor look at an action that the service says is cleared.
    func checkFloor(
        _ action: SubmittedAction, _ operation: FrozenOperation, key: VerifierKey
    ) async throws(GateFailure) {
        guard let floor else { return }
        let path = "/v1/actions/\(action.id)/receipt"
        guard let receipt = try await evidence(path) else {
            throw .refused("the service has no receipt of \(action.id)")
        }
        try await floor.check(
            FloorEvidence(
                receipt: receipt, action: action.digest, operation: operation.digest, logKey: key),
            fetch: { path async throws(GateFailure) in try await evidence(path) })
    }

    private func evidence(_ path: String) async throws(GateFailure) -> [UInt8]? {
        switch await exchange(GateRequest(.get, path)) {
        case .answer(let answer) where answer.status == 200: return answer.body
        case .answer(let answer) where answer.status == 404: return nil
        case .answer(let answer): throw .refused(Self.problem(answer))
        case .notNow(let why, _): throw .unavailable(why)
        }
    }
}
