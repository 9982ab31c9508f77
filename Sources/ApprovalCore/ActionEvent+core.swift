// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
internal import TransparencyLog

extension ActionEvent {
    /// The core that an entry of this event commits to, in canonical JSON.
    ///
    /// Members in the order of RFC 8785, those of the header among the event's own. Throws
    /// `CanonicalizationError` for a verdict that was read from elsewhere and has no such form.
    package func coreBytes(_ header: CoreHeader) throws -> [UInt8] {
        var core = CoreWriter(header, kind: kind)
        switch self {
        case .submitted(let submission): try core.write(submission)
        case .decided(let decision, let rendering): try core.write(decision, rendering)
        case .withdrawn(let person): core.write(by: person.text)
        case .revised(let revision): try core.write(revision)
        case .escalated(let groups): core.write(groups: groups)
        case .commented(let principal, let comment): core.write(by: principal, comment: comment)
        case .glassBroken(let broken): core.write(broken)
        case .debtOverdue: core.writeHeaderOnly()
        case .debtSettled(let accepted, let person): core.write(accepted: accepted, by: person)
        case .refused(let principal, let attempt, let code):
            core.write(attempt: attempt, code: code, principal: principal)
        case .cleared(let clearance): core.write(clearance)
        case .claimed(let claim): core.write(claim)
        case .reported(let report): try core.write(report)
        case .settled(let status, let person): core.write(by: person.text, status)
        case .cancelled(let principal): core.write(by: principal)
        case .revoked(let person): core.write(by: person.text)
        case .silent, .expired, .lapsed: core.writeHeaderOnly()
        case .invalidated(let cause, let policySet, let directory):
            core.write(cause: cause, policySet: policySet, directory: directory)
        }
        return core.bytes
    }

    /// The core as a value, for those who look into it.
    package func core(_ header: CoreHeader) throws -> JSON {
        try JSON(canonical: try coreBytes(header), limits: Limits.storedJSON)
    }
}

/// One core under way; the writer stops the program if a member is out of order.
private struct CoreWriter {
    private let header: CoreHeader
    private let kind: String
    private var writer = CanonicalWriter(capacity: 1024)

    init(_ header: CoreHeader, kind: String) {
        self.header = header
        self.kind = kind
        writer.beginObject()
        writer.key("action")
        writer.string(header.action.text)
    }

    var bytes: [UInt8] { writer.bytes }

    // Each part of the header stands where the order of names wants it.

    private mutating func digest() {
        writer.key("digest")
        writer.hash(header.digest)
    }

    private mutating func kindMember() {
        writer.key("kind")
        writer.string(kind)
    }

    private mutating func end() {
        writer.key("unsealed")
        writer.bool(header.unsealed)
        writer.key("v")
        writer.int(1)
    }

    private mutating func hash(_ key: String, _ value: Hash256) {
        writer.key(key)
        writer.hash(value)
    }

    private mutating func text(_ key: String, _ value: String) {
        writer.key(key)
        writer.string(value)
    }

    // MARK: one function for each kind of event

    mutating func write(_ submission: ActionEvent.Submission) throws {
        writer.key("deadline")
        writer.instant(submission.deadline)
        digest()
        writer.key("gate")
        writer.gate(submission.gate)
        kindMember()
        hash("operation", submission.operation)
        writer.key("requester")
        writer.requester(submission.requester)
        end()
        writer.key("verdict")
        try writer.value(submission.verdict)
        writer.endObject()
    }

    mutating func write(_ decision: ReviewDecision, _ rendering: Hash256) throws {
        text("assurance", decision.assurance.rawValue)
        writer.key("at")
        writer.instant(decision.at)
        if let batch = decision.batch { hash("batch", batch) }
        text("channel", decision.channel.rawValue)
        if let account = decision.account {
            writer.key("chatAccount")
            try writer.value(account.json)
        }
        text("decision", decision.kind.rawValue)
        digest()
        kindMember()
        if let method = decision.method { text("method", method.rawValue) }
        text("person", decision.person.text)
        hash("rendering", rendering)
        writer.key("selfApproved")
        writer.bool(decision.selfApproved)
        if let signature = decision.signature {
            writer.key("signature")
            try writer.value(signature.json)
        }
        end()
        writer.endObject()
    }

    mutating func write(_ revision: ActionEvent.Revision) throws {
        writer.key("complete")
        writer.bool(revision.isShownInFull)
        writer.key("deadline")
        writer.instant(revision.deadline)
        digest()
        kindMember()
        hash("rendering", revision.rendering)
        end()
        writer.key("verdict")
        try writer.value(revision.verdict)
        writer.endObject()
    }

    mutating func write(groups: [Handle]) {
        digest()
        writer.key("groups")
        writer.handles(groups)
        kindMember()
        end()
        writer.endObject()
    }

    mutating func write(by principal: String, comment: CommentKind) {
        text("by", principal)
        text("comment", comment.rawValue)
        digest()
        kindMember()
        end()
        writer.endObject()
    }

    mutating func write(_ broken: ActionEvent.BrokenGlass) {
        text("assurance", broken.assurance.rawValue)
        text("channel", broken.channel.rawValue)
        digest()
        writer.key("due")
        writer.instant(broken.due)
        kindMember()
        text("method", broken.method.rawValue)
        text("person", broken.person.text)
        hash("rendering", broken.rendering)
        end()
        writer.endObject()
    }

    mutating func write(accepted: Bool, by person: Handle) {
        text("by", person.text)
        digest()
        kindMember()
        text("settlement", accepted ? "accepted" : "rejected")
        end()
        writer.endObject()
    }

    mutating func write(attempt: String, code: String, principal: String) {
        text("attempt", attempt)
        text("code", code)
        digest()
        kindMember()
        text("principal", principal)
        end()
        writer.endObject()
    }

    mutating func write(_ clearance: ActionEvent.Clearance) {
        writer.key("approvals")
        writer.beginObject()
        // Handles are ASCII, so their order is that of RFC 8785.
        for (group, persons) in clearance.approvals.sorted(by: { $0.key < $1.key }) {
            writer.key(group.text)
            writer.handles(persons)
        }
        writer.endObject()
        if let person = clearance.breakGlass { text("breakGlass", person.text) }
        digest()
        hash("directory", clearance.directory)
        writer.key("gate")
        writer.gate(clearance.gate)
        kindMember()
        writer.key("notAfter")
        writer.instant(clearance.notAfter)
        hash("operation", clearance.operation)
        hash("policySet", clearance.policySet)
        writer.key("selfApproved")
        writer.bool(clearance.selfApproved)
        end()
        text("verdict", clearance.verdict.rawValue)
        writer.endObject()
    }

    mutating func write(_ claim: Claim) {
        digest()
        hash("directory", claim.directory)
        text("gate", claim.gate.text)
        kindMember()
        hash("nonce", claim.nonce)
        hash("operation", claim.operation)
        hash("policySet", claim.policySet)
        writer.key("startBy")
        writer.instant(claim.startBy)
        end()
        text("verdict", claim.verdict.rawValue)
        writer.endObject()
    }

    mutating func write(_ report: ActionEvent.Report) throws {
        digest()
        if !report.effects.isEmpty {
            writer.key("effects")
            try writer.value(.array(report.effects.map(\.json)))
        }
        writer.key("exitCode")
        writer.int(report.exitCode)
        kindMember()
        writer.key("resultDigest")
        writer.hash(report.resultDigest)
        text("status", report.status.rawValue)
        end()
        writer.endObject()
    }

    mutating func write(by principal: String, _ status: OutcomeStatus? = nil) {
        text("by", principal)
        digest()
        kindMember()
        if let status { text("status", status.rawValue) }
        end()
        writer.endObject()
    }

    mutating func write(cause: String, policySet: Hash256, directory: Hash256) {
        text("cause", cause)
        digest()
        hash("directory", directory)
        kindMember()
        hash("policySet", policySet)
        end()
        writer.endObject()
    }

    mutating func writeHeaderOnly() {
        digest()
        kindMember()
        end()
        writer.endObject()
    }
}
