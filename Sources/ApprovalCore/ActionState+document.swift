// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
internal import TransparencyLog

extension ActionState {
    /// The state row, in canonical JSON: a function of the cores alone (DESIGN §4.15).
    package var document: [UInt8] {
        var writer = CanonicalWriter(capacity: 768)
        writer.beginObject()
        writer.key("agent")
        writer.string(submission.requester.agent.text)
        writer.key("credential")
        writer.string(submission.requester.credential)
        writer.key("deadline")
        writer.instant(deadline)
        writeDebt(&writer)
        if !decisions.isEmpty {
            writer.key("decisions")
            writer.beginArray()
            for decision in decisions {
                writer.beginObject()
                writer.key("decision")
                writer.string(decision.kind.rawValue)
                writer.key("person")
                writer.string(decision.person.text)
                writer.endObject()
            }
            writer.endArray()
        }
        writer.key("digest")
        writer.hash(digest)
        if escalatedSeconds > 0 {
            writer.key("escalated")
            writer.int(escalatedSeconds)
        }
        writer.key("gate")
        writer.gate(submission.gate)
        writer.key("id")
        writer.string(id.text)
        writeProgress(&writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeDebt(_ writer: inout CanonicalWriter) {
        guard let debt else { return }
        writer.key("debt")
        writer.beginObject()
        if let settlement = debt.settlement {
            writer.key("accepted")
            writer.bool(settlement.accepted)
        }
        writer.key("due")
        writer.instant(debt.due)
        writer.key("overdue")
        writer.bool(debt.isOverdue)
        writer.key("person")
        writer.string(debt.person.text)
        writer.endObject()
    }

    private func writeProgress(_ writer: inout CanonicalWriter) {
        if let claim {
            writer.key("nonce")
            writer.hash(claim.nonce)
        }
        if let clearance {
            writer.key("notAfter")
            writer.instant(clearance.notAfter)
        }
        writer.key("operation")
        writer.hash(submission.operation)
        if !outcomes.isEmpty {
            writer.key("outcomes")
            writer.beginArray()
            for outcome in outcomes { writer.string(outcome.status.rawValue) }
            writer.endArray()
        }
        if let revision {
            writer.key("rendering")
            writer.hash(revision.rendering)
        }
        writer.key("status")
        writer.string(status.rawValue)
        writer.key("submittedAt")
        writer.instant(submittedAt)
        writer.key("updatedAt")
        writer.instant(updatedAt)
        writer.key("version")
        writer.int(Int64(version))
    }
}
