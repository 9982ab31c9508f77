// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// What an offline check of evidence came to.
struct EvidenceReport: Sendable {
    enum Verdict: String, Sendable {
        case valid, invalid, incomplete, indeterminate

        /// nil when the process should end with 0.
        var status: ExitStatus? {
            switch self {
            case .valid: nil
            case .invalid: .failure
            case .incomplete, .indeterminate: .undecided
            }
        }
    }

    var verdict: Verdict
    /// For people; escaped where they are printed.
    var lines: [String]
    var json: JSON
}

enum ReceiptVerifier {
    static func verify(bytes: [UInt8], key: String?) -> EvidenceReport {
        EvidenceReport(
            verdict: .indeterminate, lines: ["this build has no receipt verifier"],
            json: ["verdict": "indeterminate"])
    }
}

enum LedgerCheck {
    static func fsck(data: String) async -> EvidenceReport {
        EvidenceReport(
            verdict: .indeterminate, lines: ["this build has no ledger check"],
            json: ["verdict": "indeterminate"])
    }
}
