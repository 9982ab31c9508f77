// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import ControlPlane
internal import Storage
internal import TransparencyLog

/// An action as the API shows it.
struct ActionJSON {
    let control: ControlPlane
    let governance: Governance

    init(_ control: ControlPlane) {
        self.control = control
        governance = control.governance
    }

    /// The members that lists have; `claim` is filled in where an entry is at hand.
    func summary(
        _ state: ActionState, _ body: SubmissionBody, claim: RecordedEntry?, head: LedgerHead
    ) throws -> JSONObject {
        let action = body.action
        let submission = state.submission
        return [
            "action": .string(action.operation.action),
            "advisory": .bool(!submission.gate.enforcing),
            "claim": try self.claim(state, claim, head),
            "comments": .integer(Int64(state.comments)),
            "deadline": .optional(state.deadline), "debt": debt(state),
            "decisions": .array(state.decisions.map { decision($0, reason: nil) }),
            "digest": .string(state.digest.hex), "gate": submission.gate.json,
            "grantExpires": .optional(state.clearance?.notAfter), "id": .string(state.id.text),
            "operationDigest": .string(submission.operation.hex),
            "outcome": outcome(state),
            "requester": requester(submission.requester),
            "resource": [
                "id": .string(action.operation.resourceID),
                "type": .string(action.operation.resourceType),
            ],
            "review": review(state, body), "state": .string(state.status.rawValue),
            "submittedAt": .string(state.submittedAt.description),
            "unsealed": .bool(governance.unsealed),
            "updatedAt": .string(state.updatedAt.description),
            "url": .string("\(control.configuration.publicURL)/actions/\(state.id)"),
            "verdict": verdict(
                state.revision?.verdict ?? submission.verdict,
                state.revision == nil ? body.texts : .null),
            "version": .integer(Int64(state.version)),
        ]
    }

    func result(_ result: ActionResult) throws -> JSON {
        var claim = result.claimEntry
        // A repeated claim is answered with the entry that the first one appended.
        if claim == nil, result.state.status == .claimed {
            claim = try control.detail(result.state.id)?.claimEntry
        }
        return .object(
            try summary(result.state, result.body, claim: claim, head: control.writer.head))
    }

    func listed(_ detail: ActionDetail) throws -> JSON {
        .object(
            try summary(
                detail.state, detail.body, claim: detail.claimEntry, head: detail.head))
    }

    /// Everything, for the page of one action.
    func full(_ detail: ActionDetail) throws -> JSON {
        var object = try summary(
            detail.state, detail.body, claim: detail.claimEntry, head: detail.head)
        let action = detail.body.action
        object["decisions"] = .array(
            detail.state.decisions.map { decision($0, reason: detail.reason(of: $0)) })
        object["operation"] = action.operation.json
        object["facts"] = action.facts
        object["intent"] = action.intent.json
        object["nonce"] = .string(action.nonce.hex)
        object["lookers"] = .handles(try control.lookers(detail.state.id))
        object["rendering"] = try detail.rendering().map(rendering) ?? .null
        object["verdict"] = verdict(detail.verdict, try detail.texts())
        object["timeline"] = .array(
            detail.entries.map { recorded in
                [
                    "at": .string(recorded.entry.at.description),
                    "index": .integer(Int64(recorded.index)),
                    "kind": .string(recorded.entry.kind),
                    "seq": .integer(Int64(recorded.entry.seq)),
                ]
            })
        return .object(object)
    }

    private func requester(_ requester: Requester) -> JSON {
        [
            "agent": .string(requester.agent.text), "onBehalfOf": .optional(requester.onBehalfOf),
            "owner": .string(requester.owner.text),
        ]
    }

    private func decision(_ decision: ReviewDecision, reason: String?) -> JSON {
        [
            "account": decision.account?.json ?? .null,
            "assurance": .string(decision.assurance.rawValue),
            "at": .string(decision.at.description),
            "channel": .string(decision.channel.rawValue),
            "batch": .optional(decision.batch?.hex),
            "decision": .string(decision.kind.rawValue),
            "method": .optional(decision.method?.rawValue),
            "person": .string(decision.person.text), "reason": .optional(reason),
            "selfApproved": .bool(decision.selfApproved),
            "signed": .bool(decision.signature != nil),
        ]
    }

    private func verdict(_ core: JSON, _ stored: JSON) -> JSON {
        var texts: [String: JSON] = [:]
        for text in stored["reasons"]?.arrayValue ?? [] {
            if let policy = text["policy"]?.stringValue { texts[policy] = text }
        }
        let reasons = (core["reasons"]?.arrayValue ?? []).map { fired -> JSON in
            let policy = fired["policy"]?.stringValue ?? ""
            var object = fired.objectValue ?? [:]
            for key in ["severity", "reason", "advice"] {
                object[key] = texts[policy]?[key] ?? .null
            }
            return .object(object)
        }
        return [
            "decision": core["decision"] ?? .null, "errors": stored["errors"] ?? [],
            "policySet": core["policySet"] ?? .null, "reasons": .array(reasons),
        ]
    }

    private func review(_ state: ActionState, _ body: SubmissionBody) -> JSON {
        guard let requirement = state.requirement else { return .null }
        let age = state.age(at: max(control.now, state.updatedAt))
        let filled = SlotMatching.match(
            requirement, approvers: state.approvers, in: governance.directory, after: age)
        let slots = requirement.slots.map { slot -> JSON in
            [
                "escalations": .array(
                    slot.escalations.map {
                        [
                            "at": .string(
                                state.submittedAt.adding(seconds: $0.after.seconds).description),
                            "group": .string($0.group.text),
                        ]
                    }),
                "filled": .handles(filled[slot.group] ?? []), "group": .string(slot.group.text),
                "quorum": .integer(Int64(slot.quorum)),
            ]
        }
        let eligible = governance.eligible(
            requirement, requester: state.submission.requester, after: age)
        return [
            "assurance": .string(requirement.assurance.rawValue),
            "eligible": .array(
                eligible.map { person in
                    [
                        "id": .string(person.text),
                        "name": .string(governance.names[person] ?? person.text),
                    ]
                }),
            "breakGlass": .handles(requirement.breakGlass),
            "revision": .integer(Int64(state.revisions)),
            "severity": .string(requirement.severity.rawValue), "slots": .array(slots),
        ]
    }

    /// What is owed for a break-glass, or null.
    private func debt(_ state: ActionState) -> JSON {
        guard let debt = state.debt else { return .null }
        return [
            "accepted": debt.settlement.map { .bool($0.accepted) } ?? .null,
            "due": .string(debt.due.description), "overdue": .bool(debt.isOverdue),
            "person": .string(debt.person.text), "settledBy": .optional(debt.settlement?.by),
        ]
    }

    private func outcome(_ state: ActionState) -> JSON {
        guard let last = state.outcomes.last else { return .null }
        return [
            "at": .string(last.at.description),
            "claimed": .bool(!state.submission.gate.enforcing),
            "exitCode": last.exitCode.map(JSON.integer) ?? .null,
            "resultDigest": .optional(last.resultDigest?.hex),
            "settledBy": .optional(last.settledBy), "status": .string(last.status.rawValue),
        ]
    }

    private func claim(
        _ state: ActionState, _ recorded: RecordedEntry?, _ head: LedgerHead
    ) throws -> JSON {
        guard let claim = state.claim else { return .null }
        var object: JSONObject = [
            "gate": .string(claim.gate.text), "nonce": .string(claim.nonce.hex),
            "startBy": .string(claim.startBy.description),
        ]
        if let recorded {
            let proof = try control.proof(of: recorded.index, under: head)
            object["entry"] = [
                "core": .string(String(decoding: recorded.core, as: UTF8.self)),
                "coreSalt": .string(recorded.coreSalt.hex),
                "index": .integer(Int64(recorded.index)),
                "leaf": .string(String(decoding: recorded.entry.leaf, as: UTF8.self)),
                "proof": .string(proof),
            ]
        }
        return .object(object)
    }

    private func rendering(_ rendering: Rendering) -> JSON {
        let sections = rendering.sections.map { section -> JSON in
            [
                "kind": .string(section.kind.rawValue),
                "rows": .array(
                    section.rows.map { row in
                        [
                            "label": .string(row.label), "style": .string(row.style.rawValue),
                            "text": .string(row.text),
                        ]
                    }), "title": .string(section.title),
            ]
        }
        return [
            "complete": .bool(rendering.isComplete), "digest": .string(rendering.digest),
            "sections": .array(sections), "warnings": .array(rendering.warnings.map(JSON.string)),
        ]
    }
}
