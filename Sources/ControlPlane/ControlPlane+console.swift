// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
package import TransparencyLog

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

    /// A decision in the console that the person's passkey signed.
    ///
    /// It counts as `passkey` however old the sign-in is: the signature is not older than minutes.
    package func signedCommand(
        _ detail: ActionDetail, _ kind: ReviewDecision.Kind, _ session: Session, expect: String,
        hasReason: Bool, signature: SignedDecision?, shown: Hash256?
    ) -> DecisionCommand {
        var command = command(
            by: party(of: session), kind, channel: .console, expect: expect, hasReason: hasReason,
            as: .passkey)
        command.signature = signature
        command.shown = shown
        return command.onRecordedRendering(detail.body, detail.state)
    }

    /// A decision of an authenticated party, with what is known of its credential.
    ///
    /// It counts as the party's own assurance, or as `stated`, which only a signature bears out.
    package func command(
        by party: Authenticated, _ kind: ReviewDecision.Kind, channel: Channel, expect: String,
        hasReason: Bool, as stated: Assurance? = nil
    ) -> DecisionCommand {
        var command = DecisionCommand(
            principal: party.principal, kind: kind, channel: channel,
            assurance: stated ?? party.assurance, expectedDigest: expect, hasReason: hasReason,
            method: party.method)
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

    /// The same for a decision that the person's passkey is to sign: nothing but the signature,
    /// which the machine looks at last, may be missing.
    package func obstacle(
        signing detail: ActionDetail, _ kind: ReviewDecision.Kind, _ session: Session
    ) -> Refusal? {
        guard !governance.directory.passkeys(of: session.person).isEmpty else {
            return Refusal(
                .assuranceTooLow, "you have no passkey yet: add one on the page of your account")
        }
        let refusal = obstacle(
            detail,
            signedCommand(
                detail, kind, session, expect: detail.state.digest.hex, hasReason: true,
                signature: nil, shown: nil))
        return refusal?.code == .signatureInvalid ? nil : refusal
    }

    func obstacle(_ detail: ActionDetail, _ command: DecisionCommand) -> Refusal? {
        obstacle(detail) { try $0.decide(command, $1) }
    }

    /// The same for what is done only with a credential of one's own.
    func obstacle(
        _ detail: ActionDetail, in session: Session,
        _ command: (inout ActionMachine, MachineSurroundings) throws -> MachineResult
    ) -> Refusal? {
        obstacle(inCredentialOf: party(of: session)) ?? obstacle(detail, command)
    }

    /// What the machine would answer to any command, without carrying it out.
    func obstacle(
        _ detail: ActionDetail,
        _ command: (inout ActionMachine, MachineSurroundings) throws -> MachineResult
    ) -> Refusal? {
        let governance = self.governance
        guard let environment = governance.environment else {
            return Refusal(.notAllowed, "no policy set is published")
        }
        var machine = ActionMachine(state: detail.state, unsealed: governance.unsealed)
        let surroundings = surroundings(
            detail.body, governance, environment, at: max(now, detail.state.updatedAt))
        do {
            return try command(&machine, surroundings).refusal
        } catch {
            return Refusal(.notAllowed, "\(error)")
        }
    }
}
