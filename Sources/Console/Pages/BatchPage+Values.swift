// SPDX-License-Identifier: Apache-2.0

extension BatchPage: TemplatePage {
    var template: PageTemplate { .batch }

    var title: String { batchTitle ?? "\(members.count) actions together" }

    var values: TemplateValues {
        let approvals = members.count { $0.mayApprove && $0.state == .pending }
        let denials = members.count { $0.mayDeny && $0.state == .pending }
        // What is not shown in full is not approved, and no part of a batch is left out quietly.
        let isWhole = members.allSatisfy { $0.state != .pending || $0.isWhole }
        let isOpen = shell.viewer != nil
        return [
            "headline": title, "batchBy": by, "memberCount": members.count,
            "batchDigest": digest, "shortBatch": hexGroups(digest), "shown": shown,
            "members": members.enumerated().map { $1.values(number: $0 + 1, now: shell.now) },
            "batchFormURL": ConsolePath.batchForm(digest),
            "mayApproveBatch": isOpen && isWhole && approvals > 0,
            "mayDenyBatch": isOpen && denials > 0,
            "approvalText": Self.count(approvals, of: members.count),
            "denialText": Self.count(denials, of: members.count),
            "isPartial": isOpen && approvals > 0 && approvals < members.count,
            "isHidden": !isWhole, "isDecided": approvals == 0 && denials == 0,
        ]
    }

    private static func count(_ number: Int, of all: Int) -> String {
        switch number {
        case all: "all \(all)"
        default: "\(number) of \(all)"
        }
    }
}

extension BatchMember {
    var isWhole: Bool {
        rendering.isComplete
            && Set(rendering.sections.map(\.kind)).isSuperset(of: [.who, .what, .policy])
    }

    func values(number: Int, now: ConsoleInstant) -> TemplateValues {
        [
            "number": number, "id": id, "action": action, "resourceType": resource.type,
            "resourceID": resource.id, "actionURL": ConsolePath.action(id),
            "stateWord": state.word, "tone": state.tone, "severity": orAbsent(severity?.values),
            "isAdvisory": isAdvisory, "shortDigest": hexGroups(digest),
            "deadline": state == .pending ? orAbsent(deadline?.countdownValues(now: now)) : false,
            "warnings": rendering.warnings
                + (isWhole ? [] : ["Something here could not be shown in full."]),
            "sections": ConsoleRendering.Kind.allCases.flatMap { kind in
                rendering.sections.filter { $0.kind == kind }.map(\.values)
            },
            "obstacle": orAbsent(
                state == .pending && !mayApprove ? obstacle.map(SealPage.sentence) : nil),
        ].merging(requester.values) { _, new in new }
    }
}
