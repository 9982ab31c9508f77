// SPDX-License-Identifier: Apache-2.0

@testable import Console

/// What happens to a review besides decisions, command lines that wait, and the seal.
extension Samples {
    static let review = ConsoleReview(
        revisions: 0, escalations: [], lookers: [], comments: [], breakGlassGroups: [],
        breakGlassObstacle: nil, debt: nil, change: nil, forms: [])

    static let comments = [
        ConsoleComment(
            author: bob, isAgent: false, kind: .question, text: "Who receives the file?",
            at: before(300)),
        ConsoleComment(
            author: ConsolePersonName(id: "deploy-bot", name: "deploy-bot"), isAgent: true,
            kind: .answer, text: "The acquirer, by SFTP.\nTwo weeks retention.", at: before(240)),
        ConsoleComment(
            author: carol, isAgent: false, kind: .comment, text: "I called them.", at: before(60)),
    ]

    /// Somebody has looked, asked and been answered; what is asked has changed; the viewer has a
    /// passkey and approved before.
    static func busy() -> ActionPage {
        var page = pending()
        page.revision = 3
        page.decisions[0].isLapsed = true
        page.decisions.append(
            ConsoleDecision(
                person: bob, isApproval: true, channel: "console", assurance: "passkey",
                reason: nil, at: before(40), isSelfApproved: false, isLapsed: false,
                isWithdrawn: true, isSigned: true))
        page.review = ConsoleReview(
            revisions: 2,
            escalations: [
                ConsoleEscalation(group: "leads", insteadOf: "reviewers", at: before(140)),
                ConsoleEscalation(group: "board", insteadOf: "reviewers", at: after(1_060)),
                ConsoleEscalation(group: "owners", insteadOf: "dba", at: after(90_000)),
            ], lookers: [carol], comments: comments, breakGlassGroups: ["oncall"],
            breakGlassObstacle: nil, debt: nil, change: nil,
            forms: [
                .approveSigned, .denySigned, .withdraw, .look, .comment, .question, .answer,
                .breakGlass,
            ])
        return page
    }

    /// Three together: one to decide, one that is not the viewer's to decide, and one that is over.
    static func batch() -> BatchPage {
        func member(_ page: ActionPage, _ obstacle: String?) -> BatchMember {
            BatchMember(
                id: page.id, digest: page.digest, state: page.state, action: page.action,
                resource: page.resource, requester: page.requester, severity: page.severity,
                deadline: page.deadline, isAdvisory: page.isAdvisory, rendering: page.rendering,
                mayApprove: obstacle == nil, mayDeny: obstacle == nil, obstacle: obstacle)
        }
        return BatchPage(
            shell: shell(), digest: String(repeating: "5b", count: 32),
            batchTitle: "Quarter end exports", by: "Carol Adeyemi",
            members: [
                member(pending(), nil), member(busy(), "you own the agent that asks"),
                member(denied(), "the action is `denied`"),
            ], shown: String(repeating: "6c", count: 32))
    }

    /// It needs a passkey, and the viewer has one.
    static func needsPasskey() -> ActionPage {
        var page = pending()
        page.assurance = "passkey"
        page.permission.mayApprove = false
        page.permission.mayDeny = false
        page.review.forms = [.approveSigned, .denySigned]
        return page
    }

    static func brokenGlass() -> ActionPage {
        var page = succeeded()
        page.decisions = []
        page.review.forms = [.settleDebt, .comment]
        page.review.debt = ConsoleDebt(
            person: carol, at: before(600), due: after(85_800), isOverdue: false,
            reason: "The card export was due at two and nobody answered.", settlement: nil)
        return page
    }

    static func settledGlass(isAccepted: Bool) -> ActionPage {
        var page = brokenGlass()
        page.review.forms = []
        page.review.debt?.settlement = ConsoleDebt.Settlement(
            by: bob, isAccepted: isAccepted, at: before(30),
            reason: isAccepted ? nil : "Call the second number next time.")
        return page
    }

    static let openDebts = [
        ConsoleOpenDebt(action: "act_1", person: carol, due: after(600), isOverdue: false),
        ConsoleOpenDebt(action: "act_2", person: bob, due: before(600), isOverdue: true),
        ConsoleOpenDebt(action: "act_3", person: bob, due: after(700), isOverdue: false),
        ConsoleOpenDebt(action: "act_4", person: bob, due: after(800), isOverdue: false),
    ]

    // MARK: changes of the server's own rules

    static func directoryChange() -> ActionPage {
        var page = pending()
        page.action = "exequatur.directory.change"
        page.resource = ConsoleResource(type: "Installation", id: "exequatur.kestrel/log")
        page.review.change = ConsoleChange(
            sentences: [
                "Dana Ortiz (dana) is added as a person.",
                "Dana Ortiz (dana) joins group reviewers.",
            ], files: [], comparedWith: nil)
        return page
    }

    static func policyChange() -> ActionPage {
        var page = directoryChange()
        page.action = "exequatur.policies.publish"
        let before = (1...12).map { "// line \($0)" }.joined(separator: "\n")
        page.review.change = ConsoleChange(
            sentences: ["A policy set of 2 files comes into force."],
            files: [
                ConsoleFileChange(
                    name: "10-base.cedar",
                    before: before + "\n@quorum(\"2\")\nforbid (principal, action, resource);\n",
                    after: before + "\n@quorum(\"1\")\nforbid (principal, action, resource);\n"),
                ConsoleFileChange(
                    name: "20-new.cedar", before: nil,
                    after: "permit (principal, action, resource);\n"),
                ConsoleFileChange(
                    name: "30-old.cedar", before: "// nothing any more\n", after: nil),
            ], comparedWith: policySet)
        return page
    }

    // MARK: command lines and the seal

    static func device() -> DevicePage {
        DevicePage(
            shell: shell(), code: "7K3Q-9XVA-M2DT",
            request: DeviceCard(
                code: "7K3Q-9XVA-M2DT", address: "192.0.2.44", client: "exequatur/0.1.0 linux",
                expires: after(540)), mayAnswer: true)
    }

    static let manifest = ManifestCard(
        digest: other,
        people: [
            ManifestCard.Person(
                name: alice, isAdministrator: true,
                credentials: ["passkey mQx8TqvA1dZk…, synced", "account a at https://id.example"]),
            ManifestCard.Person(name: carol, isAdministrator: false, credentials: []),
        ],
        agents: [ManifestCard.Pair(name: "deploy-bot", text: "Alice Moreau")],
        groups: [ManifestCard.Pair(name: "reviewers", text: "alice, bob")], gates: ["run"],
        tokens: [
            ManifestCard.Pair(
                name: "a0123456789abcde",
                text: "agent token of deploy-bot, without an end, seen by alice")
        ],
        others: [ManifestCard.Pair(name: "Freeze window", text: "weekend: Fri 17:00 to Mon 08:00")],
        policySet: policySet, logKey: "exequatur.kestrel+c74f20a3+AZ3grlgtzPICa5OS8npVmf1Myq",
        recoveryKey: "recovery+01020304+AbCdEfGhIjKlMnOpQrStUvWxYz")

    static func seal() -> SealPage {
        SealPage(
            shell: shell(unsealed: true), seal: nil, obstacles: [],
            question: SealPage.Question(
                by: alice, confirmed: [alice], needed: 2, isCurrent: true, mayConfirm: true,
                obstacle: nil), manifest: manifest)
    }

    static func unsealable() -> SealPage {
        SealPage(
            shell: shell(unsealed: true), seal: nil,
            obstacles: ["two administrators need a passkey of their own"], question: nil,
            manifest: nil)
    }

    static func staleSeal() -> SealPage {
        var page = seal()
        page.question?.isCurrent = false
        page.question?.obstacle = "Only administrators confirm the seal."
        return page
    }

    static func sealed() -> SealPage {
        SealPage(
            shell: shell(),
            seal: SealPage.Seal(at: before(90_000), by: [alice, bob], recoveries: 1),
            obstacles: [], question: nil, manifest: manifest)
    }
}
