// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

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

/// `exequatur verify`: the core's verifier, in words.
enum ReceiptCheck {
    /// Verifies with the pinned key.
    ///
    /// Without one, the receipt's own key shows only that it fits together, not whose log it is
    /// from, so the answer is at best `indeterminate`.
    static func verify(bytes: [UInt8], key: String?) -> EvidenceReport {
        guard let text = key ?? embeddedKey(bytes) else {
            return EvidenceReport(
                verdict: .invalid, lines: ["invalid: this is not a receipt"],
                json: ["problems": ["not a receipt"], "status": "invalid"])
        }
        guard let verifier = try? VerifierKey(vkey: text) else {
            return EvidenceReport(
                verdict: key == nil ? .invalid : .indeterminate,
                lines: ["the key can't be read: expected `NAME+HASH+KEY`, as in DIR/log.vkey"],
                json: ["problems": ["the key can't be read"], "status": "indeterminate"])
        }
        let report = ReceiptVerifier.verify(bytes: bytes, key: verifier)
        var verdict: EvidenceReport.Verdict =
            switch report.status {
            case .valid: .valid
            case .invalid: .invalid
            case .incomplete: .incomplete
            }
        var lines = [verdict.rawValue + headline(report)] + report.problems.map(\.description)
        lines += details(report)
        var json = report.json.objectValue ?? [:]
        if key == nil, verdict != .invalid {
            verdict = .indeterminate
            lines[0] = "indeterminate: it fits together, but only under the key it carries itself"
            lines.append("give --key VKEY, got from where you trust it, to know whose log it is")
            json["status"] = "indeterminate"
        }
        return EvidenceReport(verdict: verdict, lines: lines, json: .object(json))
    }

    private static func embeddedKey(_ bytes: [UInt8]) -> String? {
        (try? JSON(parsing: bytes, limits: .files))?["log"]?["vkey"]?.stringValue
    }

    private static func headline(_ report: ReceiptReport) -> String {
        guard let summary = report.summary else { return "" }
        return ": \(summary.action) \(summary.state.rawValue)"
    }

    private static func details(_ report: ReceiptReport) -> [String] {
        guard let summary = report.summary else { return [] }
        var lines = [
            "operation  \(summary.operation ?? "erased") on \(summary.resource ?? "erased")",
            "requester  \(summary.agent), owned by \(summary.owner), at gate \(summary.gate)",
            "submitted  \(summary.submittedAt), policy said \(summary.verdict.rawValue)",
        ]
        for decision in report.decisions {
            let own = decision.selfApproved ? ", self-approved" : ""
            lines.append(
                "\(decision.kind.rawValue)    \(decision.person) at \(decision.at), by "
                    + "\(decision.channel.rawValue), assurance \(decision.assurance.rawValue), "
                    + "\(decision.label)\(own)")
        }
        let outcomes = summary.outcomes.map(\.rawValue).joined(separator: ", then ")
        if !outcomes.isEmpty { lines.append("outcome    \(outcomes)") }
        if let index = report.completeUpTo {
            lines.append("complete   up to log index \(index), as the log's key states")
        }
        if report.flags.unsealed { lines.append("unsealed   made before the set-up was sealed") }
        if report.flags.advisory {
            lines.append("advisory   the gate ran as the agent itself: its reports are claims")
        }
        if !report.flags.erasedBodies.isEmpty {
            lines.append("erased     \(report.flags.erasedBodies.count) bodies")
        }
        return lines
    }
}
