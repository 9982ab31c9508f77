// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import ControlPlane
internal import Storage

/// Runs a command and names how it failed; `none` if it did not.
///
/// The names are the codes that clients see, so that a test reads as the API does.
package func failure<Value>(_ command: () async throws -> Value) async -> String {
    do {
        _ = try await command()
        return "none"
    } catch {
        return failureCode(error)
    }
}

/// The code of an error of the control plane.
package func failureCode(_ error: any Error) -> String {
    switch error {
    case let refusal as Refusal: refusal.code.rawValue
    case let error as CommandError: code(error)
    case let error as AuthenticationError: error.rawValue
    case is PolicyProblems: "policies_invalid"
    case is LedgerUnavailable: "ledger_unavailable"
    case is TamperedError: "tampered"
    default: "\(error)"
    }
}

private func code(_ error: CommandError) -> String {
    switch error {
    case .noSuchAction: "no_such_action"
    case .rateLimited: "rate_limited"
    case .noPolicies: "no_policies"
    case .clockStepped: "clock_stepped"
    case .idempotencyMismatch: "idempotency_mismatch"
    case .unsigned: "signature_invalid"
    case .badRequest(let code, _), .forbidden(let code, _), .conflict(let code, _): code
    }
}
