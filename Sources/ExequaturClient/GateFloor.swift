// SPDX-License-Identifier: Apache-2.0

/// The least that a gate wants to see of a decision, whatever the service says.
///
/// Whoever controls the service and its log key can mint clearances; a floor is what the gate
/// checks by itself (invariant 2).
public enum GateFloor: String, Sendable, Hashable, CaseIterable {
    /// The reviewers' own signatures over the digest shown to them.
    case passkey

    /// Refuses at once what cannot be met, rather than claim and then not execute.
    func check() throws(GateFailure) {
        throw .refused(
            "this gate demands \(rawValue) decisions, and this version has no passkeys to sign "
                + "them with: nothing can meet that; remove `--require \(rawValue)` or wait for a "
                + "version that has them")
    }
}
