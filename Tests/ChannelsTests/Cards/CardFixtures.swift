// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import TransparencyLog

@testable import ApprovalCore
@testable import Channels

/// Cards that tests look at: alice's `deploy-bot` dumps a database; bob and carol review.
enum CardFixtures {
    static let start = Timestamp(milliseconds: 1_795_251_600_000)
    static let deadline = start.adding(seconds: 1800)
    static let page = "https://exequatur.example.org/actions/act_06dzpqn8r00000000000000001"

    static func action(
        argv: [String] = ["sqlite3", "app.db", ".dump"], input: JSONObject = [:],
        name: String = "command.run", resource: String = "build-7", justification: String? = nil,
        facts: JSON = ["effect": "export", "inspectable": true, "program": "sqlite3"]
    ) throws -> Action {
        var input = input
        if name == "command.run" {
            input["argv"] = .array(argv.map(JSON.string))
            input["cwd"] = "/srv/app"
            input["stdin"] = ["kind": "null"]
        }
        return try Action(
            id: ActionID(now: start, random: (1, 2)), nonce: .sha256([1]),
            operation: try Operation(
                action: name, resourceType: "Host", resourceID: resource, input: input),
            intent: Intent(justification: justification, trigger: nil),
            requester: Requester(
                agent: Handle(constant: "deploy-bot"), owner: Handle(constant: "alice"),
                onBehalfOf: nil, credential: "ci-token"),
            gate: GateReference(id: Handle(constant: "runner"), enforcing: true), facts: facts)
    }

    static func verdict(reason: String = "The command exports data.") -> Verdict {
        let slots = [
            Slot(group: Handle(constant: "reviewers"), quorum: 1),
            Slot(group: Handle(constant: "security"), quorum: 1),
        ]
        let span = Span(seconds: 1800)
        return Verdict(
            decision: .review,
            reasons: [
                Verdict.Reason(
                    policy: "commands", permits: true, review: false, severity: nil, reason: nil,
                    advice: nil),
                Verdict.Reason(
                    policy: "commands.export", permits: false, review: true, severity: .medium,
                    reason: reason, advice: nil),
            ], errors: [],
            requirement: span.flatMap {
                Requirement(
                    slots: slots, expires: $0, grant: $0, severity: .medium, assurance: .chat)
            }, policySet: .sha256([2]), directory: .sha256([3]), evaluatedAt: start)
    }

    static func rendering(_ action: Action, reason: String? = nil) -> Rendering {
        Renderer.render(
            action: action, verdict: reason.map { verdict(reason: $0) } ?? verdict(),
            deadline: deadline, name: { $0.text == "alice" ? "Alice Aubert" : nil })
    }

    static func card(
        _ action: Action? = nil, rendering: Rendering? = nil, status: ActionStatus = .pending,
        decisions: [ReviewCard.Decision] = [], ending: String? = nil, isAdvisory: Bool = false,
        isUnsealed: Bool = false, offer: ReviewCard.Offer = .buttons, page: String = page,
        glass: ReviewCard.Glass? = nil
    ) throws -> ReviewCard {
        let action = try action ?? Self.action()
        let resource = VisibleText.escape(action.operation.resourceID)
        let filled = decisions.filter(\.isApproval).map(\.person)
        return ReviewCard(
            id: action.id, digest: action.digest, version: 2, status: status,
            action: action.operation.action, resource: "Host::\"\(resource)\"", severity: .medium,
            assurance: .chat, rendering: rendering ?? Self.rendering(action), submittedAt: start,
            deadline: deadline,
            slots: [
                ReviewCard.Slot(group: "reviewers", quorum: 1, filled: Array(filled.prefix(1))),
                ReviewCard.Slot(
                    group: "security", quorum: 1, filled: Array(filled.dropFirst().prefix(1))),
            ], decisions: decisions, ending: ending, isAdvisory: isAdvisory,
            isUnsealed: isUnsealed, page: page, offer: offer, glass: glass)
    }

    static func decision(
        _ person: String = "Bob Example (bob)", approves: Bool = true, reason: String? = nil,
        isSelfApproved: Bool = false
    ) -> ReviewCard.Decision {
        ReviewCard.Decision(
            person: person, isApproval: approves, channel: "slack", reason: reason,
            at: start.adding(seconds: 90), isSelfApproved: isSelfApproved)
    }

    /// A rendering whose section of what exactly has these rows.
    static func rendering(rows: [Rendering.Row], warnings: [String] = []) -> Rendering {
        Rendering(
            sections: [Rendering.Section(kind: .what, title: "What exactly", rows: rows)],
            warnings: warnings, isComplete: true)
    }

    static let note = """
        exequatur.example.org/log
        42
        qINuzBIU0a0KR5ZQJJ2iSlQEAHO2Si6WnCw3wQpBZ3k=

        \u{2014} exequatur.example.org/log WlmTFwEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

        """

    static let driftPage = "https://exequatur.example.org/drift"

    static func alert(
        _ text: String = "file:/etc/app.conf at $.content.limit: unauthorised, no approved action",
        number: Int = 1, severity: Severity = .high, at: Timestamp = start
    ) -> DriftAlertText {
        let digits = "\(number)"
        return DriftAlertText(
            key: String(repeating: "0", count: 20 - digits.utf8.count) + digits + "-100",
            severity: severity, source: Handle(constant: "app-settings"), text: text, at: at,
            url: driftPage)
    }

    /// Named cards, one for each golden file.
    static func samples() throws -> [(name: String, card: ReviewCard)] {
        let claim = "Nightly copy.\nSee https://wiki.example.org/backup, <!channel>"
        let mixed = try action(
            argv: ["sqlite3", "\u{430}pp.db", ".dump\u{202E}txt.exe"], justification: claim)
        let long = try action(argv: ["sh", "-c", String(repeating: "echo 1; ", count: 1200)])
        return [
            ("pending", try card(try action(justification: claim))),
            ("warnings", try card(mixed, isAdvisory: true, isUnsealed: true)),
            (
                "approved",
                try card(
                    status: .cleared,
                    decisions: [decision(reason: "Looks right"), decision("Carol (carol)")],
                    offer: .nothing)
            ),
            (
                "denied",
                try card(
                    status: .denied, decisions: [decision(approves: false, reason: "Not today")],
                    ending: "denied by Bob Example (bob)", offer: .nothing)
            ),
            ("expired", try card(status: .expired, ending: "nobody decided", offer: .nothing)),
            ("executed", try card(status: .succeeded, ending: "exit code 0", offer: .nothing)),
            (
                "page-only",
                try card(offer: .page("policy asks for a decision in the console"))
            ),
            ("too-long", try card(long)),
        ]
    }
}
