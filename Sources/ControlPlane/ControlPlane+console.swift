// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

extension ControlPlane {
    /// Whom a sign-in link is for, without using it up; nil if it is worth nothing.
    package func peek(link secret: String) throws -> (person: Handle, expires: Timestamp)? {
        guard secret.utf8.count <= 128 else { return nil }
        let key = Hash256.sha256(Array(secret.utf8)).hex
        guard let row = try backend.read({ try $0.operational(space: "link", key: key) }),
            row.expires > now, let bytes = rows.open(row),
            let person = try Self.person(ofLink: bytes, governance)
        else { return nil }
        return (person, row.expires)
    }

    /// Whom a link's content lets in, if he is there and his tokens weren't replaced since.
    static func person(ofLink content: [UInt8], _ governance: Governance) throws -> Handle? {
        let value = try JSON(canonical: content)
        guard let person = value["person"]?.stringValue.flatMap(Handle.init),
            let issuedAt = value["issuedAt"]?.stringValue.flatMap(Timestamp.init),
            governance.isCurrent(person, since: issuedAt)
        else { return nil }
        return person
    }

    /// The command that a decision in the console makes; the page and the form use the same one.
    package func decisionCommand(
        _ detail: ActionDetail, _ kind: ReviewDecision.Kind, _ session: Session, expect: String,
        hasReason: Bool
    ) -> DecisionCommand {
        DecisionCommand(
            principal: .person(session.person), kind: kind, channel: .console,
            assurance: assurance(of: session), expectedDigest: expect, hasReason: hasReason
        ).onRecordedRendering(detail.body)
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
        let surroundings = MachineSurroundings(
            now: max(now, detail.state.updatedAt), directory: governance.directory,
            singleOperator: governance.singleOperator && governance.unsealed,
            evaluate: { environment.evaluate(detail.body.action, at: self.now) })
        do {
            return try machine.decide(command, surroundings).refusal
        } catch {
            return Refusal(.notAllowed, "\(error)")
        }
    }
}
