// SPDX-License-Identifier: Apache-2.0

extension GateClient {
    /// Reports an outcome of an action that an earlier run of this gate claimed.
    ///
    /// When cancelled it keeps the report for the next run.
    /// - Parameters:
    ///   - outcome: what happened.
    ///   - action: the action's id.
    ///   - nonce: the nonce of its claim.
    /// - Returns: nil when the service has it, else why it does not.
    package func report(
        _ outcome: GateOutcome, ofAction action: String, nonce: String
    ) async -> String? {
        await report(outcome, action: action, nonce: nonce)
    }

    /// Keeps the outcome of an earlier claim, to be sent with the next run.
    /// - Throws: ``GateFailure`` when it cannot be written.
    package func keep(
        _ outcome: GateOutcome, ofAction action: String, nonce: String
    ) throws(GateFailure) {
        try keep(outcome, action: action, nonce: nonce)
    }
}
