// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

/// The one renderer (DESIGN §9): frozen action and verdict in, what a reviewer sees out.
///
/// Deterministic: the same arguments give the same digest on every machine. Nothing here is
/// taken from the agent's narration but the last section, which says so.
package enum Renderer {
    /// Renders an action for review.
    ///
    /// `deadline` is when the review expires; `name` gives what people call a person or agent,
    /// or nil to show the handle alone. `catalogued` is what the directory knows of the resource.
    /// `run` is the job that holds the credential, where it was
    /// exchanged for a job's token.
    package static func render(
        action: Action, verdict: Verdict, deadline: Timestamp?, run: WorkloadRun? = nil,
        catalogued: ResourceRule? = nil, name: (Handle) -> String?
    ) -> Rendering {
        var shown = ShownText()
        // What exactly comes first into the account of what fits: it matters most.
        let what = whatSection(action, catalogued, &shown)
        let who = whoSection(action, run, name, &shown)
        let policy = policySection(verdict, deadline, &shown)
        let why = whySection(action.intent, &shown)
        return Rendering(
            sections: [who, what, policy, why], warnings: shown.allWarnings,
            isComplete: shown.isComplete)
    }

    // MARK: who

    private static func whoSection(
        _ action: Action, _ run: WorkloadRun?, _ name: (Handle) -> String?,
        _ shown: inout ShownText
    ) -> Rendering.Section {
        func called(_ handle: Handle, _ field: String) -> String {
            guard let name = name(handle), !name.utf8.elementsEqual(handle.text.utf8) else {
                return handle.text
            }
            return "\(shown.value(name, in: field)) (\(handle.text))"
        }
        let requester = action.requester
        var rows: [Rendering.Row] = []
        if let person = requester.onBehalfOf {
            rows.append(
                Rendering.Row(
                    label: "On behalf of", text: called(person, "the name of a person")))
        }
        if requester.isPerson {
            rows.append(
                Rendering.Row(
                    label: "Person", text: called(requester.owner, "the name of the person")))
        } else {
            rows.append(
                Rendering.Row(
                    label: "Owner of the agent",
                    text: called(requester.owner, "the name of the owner")))
            rows.append(
                Rendering.Row(label: "Agent", text: called(requester.agent, "the agent's name")))
        }
        if let run { rows += runRows(run, &shown) }
        rows.append(Rendering.Row(label: "Gate", text: action.gate.id.text))
        if let configuration = action.gate.configuration {
            rows.append(
                Rendering.Row(
                    label: "Gate's configuration", text: configuration.hex, style: .code))
        }
        if !action.gate.enforcing {
            rows.append(
                Rendering.Row(
                    label: "Advisory",
                    text: "this gate has no credential of its own: the agent could run without "
                        + "it, and what it reports is only a claim", style: .warning))
        }
        let parties = [requester.onBehalfOf, requester.owner, requester.agent].compactMap(\.self)
        let chain = (requester.isPerson ? [requester.owner] : parties).map(\.text)
        rows.append(Rendering.Row(label: "Chain", text: chain.joined(separator: " \u{2192} ")))
        rows.append(
            Rendering.Row(
                label: "Credential", text: shown.value(requester.credential, in: "credential"),
                style: .code))
        rows.append(Rendering.Row(label: "Action id", text: action.id.text, style: .code))
        rows.append(
            Rendering.Row(label: "Action digest", text: action.digest.hex, style: .code))
        return Rendering.Section(kind: .who, title: "Who", rows: rows)
    }

    /// Signed by the issuer of the job's token, and still the issuer's word, not ours.
    private static func runRows(
        _ run: WorkloadRun, _ shown: inout ShownText
    ) -> [Rendering.Row] {
        let claims = run.shown.map { name, text in
            "\(shown.line(name, in: "a claim's name")): \(shown.value(text, in: "a claim"))"
        }
        return [
            Rendering.Row(label: "Started by", text: shown.line(run.title, in: "the run")),
            Rendering.Row(
                label: "Claims of \(shown.line(run.issuer, in: "the issuer"))",
                text: claims.joined(separator: "\n"), style: .code),
        ]
    }

    // MARK: within policy?

    private static func policySection(
        _ verdict: Verdict, _ deadline: Timestamp?, _ shown: inout ShownText
    ) -> Rendering.Section {
        var rows: [Rendering.Row] = []
        let decision =
            switch verdict.decision {
            case .allow: "allowed without a review"
            case .review: "needs a review"
            case .deny: "denied"
            }
        rows.append(Rendering.Row(label: "Policy says", text: decision))
        for reason in verdict.reasons {
            rows += reasonRows(reason, &shown)
        }
        for error in verdict.errors {
            rows.append(
                Rendering.Row(
                    label: "Error in \(shown.line(error.policy, in: "a policy id"))",
                    text: shown.line(error.message, in: "a policy error"), style: .warning))
        }
        if let requirement = verdict.requirement {
            let slots = requirement.slots.map { slot in
                "\(slot.quorum) of \(slot.group.text)"
            }
            rows.append(
                Rendering.Row(label: "Needs", text: slots.joined(separator: " and ")))
            rows += escalationRows(requirement)
            rows.append(
                Rendering.Row(label: "Severity", text: requirement.severity.rawValue))
            rows.append(
                Rendering.Row(
                    label: "Assurance", text: "\(requirement.assurance.rawValue) or better"))
            rows.append(
                Rendering.Row(
                    label: "Grant",
                    text: "usable once, for \(requirement.grant.seconds) s "
                        + "after it is cleared"))
        }
        if let deadline {
            rows.append(
                Rendering.Row(
                    label: "Deadline", text: "\(deadline), then denied as expired"))
        }
        rows.append(
            Rendering.Row(label: "Policy set", text: verdict.policySet.hex, style: .code))
        return Rendering.Section(kind: .policy, title: "Within policy?", rows: rows)
    }

    /// Who is asked later, and who may go past the review.
    private static func escalationRows(_ requirement: Requirement) -> [Rendering.Row] {
        var rows: [Rendering.Row] = []
        for slot in requirement.slots {
            for escalation in slot.escalations {
                rows.append(
                    Rendering.Row(
                        label: "Escalates",
                        text: "after \(escalation.after.seconds) s \(escalation.group.text) may "
                            + "decide for \(slot.group.text)"))
            }
        }
        guard !requirement.breakGlass.isEmpty else { return rows }
        let groups = requirement.breakGlass.map(\.text).joined(separator: " or ")
        rows.append(
            Rendering.Row(
                label: "Break-glass",
                text: "somebody of \(groups) may go past this review; another person must look at "
                    + "it afterwards"))
        return rows
    }

    private static func reasonRows(
        _ reason: Verdict.Reason, _ shown: inout ShownText
    ) -> [Rendering.Row] {
        let effect = reason.permits ? "permits" : (reason.review ? "asks for a review" : "forbids")
        let severity = reason.severity.map { ", severity \($0.rawValue)" } ?? ""
        let words = reason.reason.map { ": \(shown.line($0, in: "a policy's reason"))" } ?? ""
        let label = "Rule \(shown.line(reason.policy, in: "a policy id"))"
        var rows = [Rendering.Row(label: label, text: effect + severity + words)]
        if let advice = reason.advice {
            rows.append(
                Rendering.Row(
                    label: "\(label), advice", text: shown.line(advice, in: "a policy's advice")))
        }
        return rows
    }

    // MARK: why

    private static func whySection(
        _ intent: Intent, _ shown: inout ShownText
    ) -> Rendering.Section {
        var rows: [Rendering.Row] = []
        if let justification = intent.justification, !justification.isEmpty {
            rows.append(
                Rendering.Row(
                    label: "The agent claims",
                    text: shown.claim(justification, in: "the agent's claim"), style: .claim))
        } else {
            rows.append(Rendering.Row(label: "The agent claims", text: "nothing: no reason given"))
        }
        if let trigger = intent.trigger {
            let parts = [
                ("Claimed trigger", trigger.kind), ("Claimed trigger id", trigger.id),
                ("Claimed parent", trigger.parent ?? ""),
            ]
            for (label, text) in parts where !text.isEmpty {
                rows.append(
                    Rendering.Row(
                        label: label, text: shown.claim(text, in: "the agent's claim"),
                        style: .claim))
            }
        }
        return Rendering.Section(kind: .why, title: "Why (the agent's claim)", rows: rows)
    }
}
