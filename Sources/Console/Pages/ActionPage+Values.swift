// SPDX-License-Identifier: Apache-2.0

extension ActionPage: TemplatePage {
    var template: PageTemplate { .action }

    var title: String { "\(action) on \(resource.type) \(resource.id)" }

    var values: TemplateValues {
        headingValues
            .merging(renderingValues) { _, new in new }
            .merging(standingValues) { _, new in new }
            .merging(formValues) { _, new in new }
            .merging(annexValues) { _, new in new }
            .merging(requester.values) { _, new in new }
            .merging(review.values(of: self)) { _, new in new }
    }

    private var now: ConsoleInstant { shell.now }

    private var isSelfApproved: Bool { decisions.contains { $0.isSelfApproved } }

    private var headingValues: TemplateValues {
        [
            "id": id, "action": action, "resourceType": resource.type, "resourceID": resource.id,
            "gate": gate, "version": version, "revision": revision,
            "stateName": state.rawValue, "stateWord": state.word, "tone": state.tone,
            "submittedAt": submittedAt.values(now: now),
            "severity": orAbsent(severity?.values),
            "isAdvisory": isAdvisory, "isActionUnsealed": isUnsealed,
            "isSelfApproved": isSelfApproved, "conditions": conditions,
        ]
    }

    /// What the labels mean, for who is woken by one of them.
    private var conditions: [TemplateValues] {
        var conditions: [(String, String)] = []
        if isAdvisory {
            conditions.append(
                (
                    "Advisory",
                    "The gate runs with the agent’s own rights, so it can only ask it to wait. "
                        + "What it reports afterwards is a claim."
                ))
        }
        if isUnsealed {
            conditions.append(
                ("Unsealed", "Submitted before this installation was sealed; receipts say so."))
        }
        if isSelfApproved {
            conditions.append(
                ("Self-approved", "Approved by a person of its own requester chain."))
        }
        return conditions.map { ["name": $0.0, "text": $0.1] }
    }

    private var standingValues: TemplateValues {
        [
            "stateMeaning": state.meaning, "seal": state.sealValues,
            "endedBecause": orAbsent(endedBecause),
            "isPending": state == .pending,
            "deadline": state == .pending
                ? orAbsent(deadline?.countdownValues(now: now)) : false,
            "grantExpires": state == .cleared
                ? orAbsent(grantExpires?.countdownValues(now: now)) : false,
            "slots": slots.map(\.values), "assurance": orAbsent(assurance),
            "eligible": eligible.map { ["id": $0.id, "name": $0.name] as TemplateValues },
            "jump": state == .pending, "otherPending": orAbsent(otherPending),
            "jumpText": standing.mayDecide ? "Decide" : "Why you cannot decide",
        ]
    }

    /// Reviewers are flooded one request at a time; this says how many more there are.
    private var otherPending: String? {
        switch otherPendingOfAgent {
        case ..<1: nil
        case 1: "One other action of \(requester.agent) is pending."
        default: "\(otherPendingOfAgent) other actions of \(requester.agent) are pending."
        }
    }

    private var formValues: TemplateValues {
        let standing = standing
        return [
            "obstacles": standing.obstacles, "obstaclesTitle": standing.title,
            "mayApprove": standing.mayApprove, "mayDeny": standing.mayDeny,
            "maySignApproval": standing.maySignApproval,
            "maySignDenial": standing.maySignDenial,
            "offersApproval": standing.mayApprove || standing.maySignApproval,
            "offersDenial": standing.mayDeny || standing.maySignDenial,
            "offersPasskey": standing.maySignApproval || standing.maySignDenial,
            "mayCancel": permission.mayCancel && state == .pending,
            "mayRevoke": permission.mayRevoke && state == .cleared,
            "maySettle": permission.maySettle && state == .unknown,
            "decideURL": ConsolePath.form(.decide, action: id),
            "cancelURL": ConsolePath.form(.cancel, action: id),
            "revokeURL": ConsolePath.form(.revoke, action: id),
            "settleURL": ConsolePath.form(.settle, action: id),
            "actionURL": ConsolePath.action(id),
            "receiptURL": state == .pending ? false : ConsolePath.receipt(id),
        ]
    }

    private var annexValues: TemplateValues {
        [
            "verdictDecision": verdict.decision,
            "policySet": hexGroups(verdict.policySet),
            "reasons": verdict.reasons.map(\.values),
            "errors": verdict.errors.map { error in
                ["policy": error.policy, "message": error.message] as TemplateValues
            },
            "decisions": decisions.map { $0.values(now: now) },
            "hasExecution": claim != nil || !outcomes.isEmpty,
            "claim": orAbsent(claim?.values(now: now)),
            "outcomes": outcomes.map { $0.values(now: now) },
            "timeline": timeline.map { $0.values(now: now) },
            "deliveries": deliveries.map { $0.values(now: now) },
        ]
    }

    private var renderingValues: TemplateValues {
        [
            "warnings": rendering.warnings + (standing.isWhole ? [] : [Self.incompleteWarning]),
            "sections": ConsoleRendering.Kind.allCases.flatMap { kind in
                rendering.sections.filter { $0.kind == kind }.map(\.values)
            },
            "digest": digest, "operationDigest": operationDigest,
            "renderingDigest": rendering.digest,
            "shortDigest": hexGroups(digest), "shortRendering": hexGroups(rendering.digest),
        ]
    }

    private static let incompleteWarning =
        "Something here could not be shown in full. What cannot be shown cannot be approved here."
}

/// What the page offers the viewer, from what the server permits and what the page can show.
///
/// It can only take away: a form is missing unless everything speaks for it.
struct ActionStanding {
    var isWhole: Bool
    var mayApprove: Bool
    var mayDeny: Bool
    /// The same with the viewer's passkey.
    var maySignApproval: Bool
    var maySignDenial: Bool
    var obstacles: [String]

    var mayDecide: Bool { mayApprove || mayDeny || maySignApproval || maySignDenial }

    var title: String {
        if maySignApproval { return "You can approve this only with a passkey" }
        return mayDeny || maySignDenial ? "You can only deny this" : "You cannot decide this"
    }
}

extension ActionPage {
    var standing: ActionStanding {
        let kinds = Set(rendering.sections.map(\.kind))
        let isWhole =
            rendering.isComplete && kinds.isSuperset(of: [.who, .what, .policy])
            && Self.isDigest(rendering.digest)
        let isOpen = state == .pending && shell.viewer != nil && Self.isDigest(digest)
        var obstacles = permission.obstacles
        if !isWhole {
            obstacles.append(
                "Something in this action could not be shown in full, so it cannot be approved here."
            )
        }
        let mayApprove = isOpen && permission.mayApprove && obstacles.isEmpty
        let maySign = isOpen && isWhole && review.forms.contains(.approveSigned)
        if !mayApprove && !maySign && obstacles.isEmpty {
            obstacles.append("You are not among those who may approve this action.")
        }
        if permission.needsFreshSignIn {
            obstacles.append(
                "Sign in again: this needs a sign-in that is at most 10 minutes old.")
        }
        return ActionStanding(
            isWhole: isWhole, mayApprove: mayApprove && !permission.needsFreshSignIn,
            mayDeny: isOpen && permission.mayDeny, maySignApproval: maySign,
            maySignDenial: isOpen && review.forms.contains(.denySigned), obstacles: obstacles)
    }

    /// Exactly 64 lower-case hex digits.
    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}
