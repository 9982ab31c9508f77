// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import TransparencyLog

/// What people are shown of an action, and why.
extension ConsoleModels {
    func verdict(_ detail: ActionDetail) -> ConsoleVerdict {
        var texts: [String: JSON] = [:]
        let body = (try? detail.texts()) ?? detail.body.texts
        for text in body["reasons"]?.arrayValue ?? [] {
            if let policy = text["policy"]?.stringValue { texts[policy] = text }
        }
        let fired = detail.verdict["reasons"]?.arrayValue ?? []
        let errors = body["errors"]?.arrayValue ?? []
        return ConsoleVerdict(
            decision: detail.verdict["decision"]?.stringValue
                ?? detail.state.submission.decision.rawValue,
            reasons: fired.map { reason in
                let policy = reason["policy"]?.stringValue ?? ""
                let text = texts[policy]
                return ConsoleReason(
                    policy: VisibleText.escape(policy),
                    effect: reason["effect"]?.stringValue ?? "",
                    isReview: reason["review"]?.boolValue ?? false,
                    severity: (text?["severity"]?.stringValue).flatMap(
                        ConsoleSeverity.init(rawValue:)),
                    reason: (text?["reason"]?.stringValue).map(VisibleText.escape),
                    advice: (text?["advice"]?.stringValue).map(VisibleText.escape))
            },
            errors: errors.map { error in
                ConsolePolicyError(
                    policy: VisibleText.escape(error["policy"]?.stringValue ?? ""),
                    message: VisibleText.escape(error["message"]?.stringValue ?? ""))
            },
            policySet: (detail.state.revision?.policySet ?? detail.state.submission.policySet).hex)
    }

    /// What reviewers were shown is stored; an action nobody reviewed is rendered for this page.
    func rendering(_ detail: ActionDetail) -> ConsoleRendering {
        let action = detail.body.action
        let rendering =
            (try? detail.rendering())
            ?? Renderer.render(
                action: action,
                verdict: Verdict(
                    decision: detail.state.submission.decision, reasons: [], errors: [],
                    requirement: nil, policySet: detail.state.submission.policySet,
                    directory: detail.state.submission.directory,
                    evaluatedAt: detail.state.submittedAt), deadline: nil,
                run: WorkloadRun(audit: detail.body.audit),
                name: { governance.names[$0] })
        return ConsoleRendering(
            sections: rendering.sections.map { section in
                ConsoleRendering.Section(
                    kind: ConsoleRendering.Kind(rawValue: section.kind.rawValue) ?? .what,
                    title: section.title,
                    rows: section.rows.map { row in
                        ConsoleRendering.Row(
                            label: row.label, text: row.text,
                            style: ConsoleRendering.Style(rawValue: row.style.rawValue) ?? .plain)
                    })
            }, warnings: rendering.warnings, isComplete: rendering.isComplete,
            digest: rendering.digest)
    }
}
