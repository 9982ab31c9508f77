// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// The command that a decision in the console makes; the page and the form use the same one.
    package func decisionCommand(
        _ detail: ActionDetail, _ kind: ReviewDecision.Kind, _ session: Session, expect: String,
        hasReason: Bool
    ) -> DecisionCommand {
        command(
            by: party(of: session), kind, channel: .console, expect: expect, hasReason: hasReason
        ).onRecordedRendering(detail.body, detail.state)
    }

    /// A decision of an authenticated party, with what is known of its credential.
    package func command(
        by party: Authenticated, _ kind: ReviewDecision.Kind, channel: Channel, expect: String,
        hasReason: Bool
    ) -> DecisionCommand {
        var command = DecisionCommand(
            principal: party.principal, kind: kind, channel: channel, assurance: party.assurance,
            expectedDigest: expect, hasReason: hasReason, method: party.method)
        command.isCredentialShown = !party.shownTo.isEmpty
        command.credentialSince = party.credentialSince
        return command
    }

    /// What the machine would answer to a decision, without deciding: the page asks the same
    /// function that decides, so that a button is there if and only if it would work.
    package func obstacle(
        _ detail: ActionDetail, _ kind: ReviewDecision.Kind, _ session: Session
    ) -> Refusal? {
        obstacle(
            detail,
            decisionCommand(
                detail, kind, session, expect: detail.state.digest.hex, hasReason: true))
    }

    func obstacle(_ detail: ActionDetail, _ command: DecisionCommand) -> Refusal? {
        let governance = self.governance
        guard let environment = governance.environment else {
            return Refusal(.notAllowed, "no policy set is published")
        }
        var machine = ActionMachine(state: detail.state, unsealed: governance.unsealed)
        let surroundings = surroundings(
            detail.body, governance, environment, at: max(now, detail.state.updatedAt))
        do {
            return try machine.decide(command, surroundings).refusal
        } catch {
            return Refusal(.notAllowed, "\(error)")
        }
    }
}
