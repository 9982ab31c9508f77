// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import TransparencyLog

/// What every core of an action repeats, so that each entry can be read on its own.
package struct CoreHeader: Sendable, Hashable {
    package let action: ActionID
    package let digest: Hash256
    /// True until the installation is sealed; stamped into every entry.
    package let unsealed: Bool

    package init(action: ActionID, digest: Hash256, unsealed: Bool) {
        self.action = action
        self.digest = digest
        self.unsealed = unsealed
    }
}

extension ActionEvent {
    /// Reads a core back; an unknown kind or member is refused.
    package static func read(_ core: JSON) throws -> (header: CoreHeader, event: ActionEvent) {
        var reader = try JSONReader(core, path: "core")
        guard try reader.int("v") == 1 else { throw CoreError("`core.v`: unknown version") }
        let kind = try reader.string("kind")
        let header = CoreHeader(
            action: try reader.actionID("action"), digest: try reader.hash("digest"),
            unsealed: try reader.bool("unsealed"))
        let event = try event(kind, &reader)
        try reader.finish()
        return (header, event)
    }

    private static func event(
        _ kind: String, _ reader: inout JSONReader
    ) throws -> ActionEvent {
        switch kind {
        case "action.submitted": return .submitted(try Submission(&reader))
        case "action.decided": return try decided(&reader)
        case "action.withdrawn": return .withdrawn(by: try reader.handle("by"))
        case "action.revised": return .revised(try Revision(&reader))
        case "action.escalated": return .escalated(try reader.handles("groups"))
        case "action.commented":
            return .commented(
                by: try reader.string("by"), try reader.choice("comment", CommentKind.self))
        case "action.break-glass": return .glassBroken(try BrokenGlass(&reader))
        case "action.debt-overdue": return .debtOverdue
        case "action.debt-settled":
            return .debtSettled(
                accepted: try settlement(&reader), by: try reader.handle("by"))
        case "action.attempt-refused":
            return .refused(
                principal: try reader.string("principal"),
                attempt: try reader.string("attempt"), code: try reader.string("code"))
        case "action.cleared": return .cleared(try Clearance(&reader))
        case "action.claimed": return .claimed(try Claim(&reader))
        case "action.reported":
            return .reported(
                Report(
                    try reader.choice("status", OutcomeStatus.self),
                    exitCode: try reader.optionalInt("exitCode"),
                    resultDigest: try reader.optionalHash("resultDigest"),
                    effects: try ObservedEffect.list(
                        reader.optionalArray("effects"), path: "effects")))
        case "action.silent": return .silent
        case "action.settled":
            return .settled(
                try reader.choice("status", OutcomeStatus.self), by: try reader.handle("by"))
        case "action.cancelled": return .cancelled(by: try reader.string("by"))
        case "action.revoked": return .revoked(by: try reader.handle("by"))
        case "action.expired": return .expired
        case "action.lapsed": return .lapsed
        case "action.invalidated":
            return .invalidated(
                cause: try reader.string("cause"), policySet: try reader.hash("policySet"),
                directory: try reader.hash("directory"))
        default: throw CoreError("`core.kind`: `\(VisibleText.escape(kind))` is unknown")
        }
    }

    private static func settlement(_ reader: inout JSONReader) throws -> Bool {
        switch try reader.string("settlement") {
        case "accepted": true
        case "rejected": false
        default: throw CoreError("`core.settlement`: neither `accepted` nor `rejected`")
        }
    }

    private static func decided(_ reader: inout JSONReader) throws -> ActionEvent {
        let account = try reader.optionalValue("chatAccount").map { json in
            try ChatAccount(json, path: "core.chatAccount")
        }
        let decision = ReviewDecision(
            person: try reader.handle("person"),
            kind: try reader.choice("decision", ReviewDecision.Kind.self),
            channel: try reader.choice("channel", Channel.self),
            assurance: try reader.choice("assurance", Assurance.self), account: account,
            selfApproved: try reader.bool("selfApproved"), at: try reader.timestamp("at"),
            method: try reader.optionalChoice("method", SignInMethod.self),
            batch: try reader.hashIfPresent("batch"),
            signature: try reader.optionalValue("signature").map { json in
                try SignedDecision(json, path: "core.signature")
            })
        guard (decision.signature != nil) == (decision.assurance == .passkey) else {
            throw CoreError("`core.signature`: with assurance `passkey`, and only with it")
        }
        guard (account != nil) == decision.channel.isChat else {
            throw CoreError("`core.chatAccount`: with decisions in a chat, and only with them")
        }
        return .decided(decision, rendering: try reader.hash("rendering"))
    }
}

extension ActionEvent.Submission {
    fileprivate init(_ reader: inout JSONReader) throws {
        operation = try reader.hash("operation")
        requester = try Requester(try reader.value("requester"), path: "core.requester")
        gate = try GateReference(try reader.value("gate"), path: "core.gate")
        deadline = try reader.optionalTimestamp("deadline")
        verdict = try reader.value("verdict")
        var inner = try JSONReader(verdict, path: "core.verdict")
        decision = try inner.choice("decision", Verdict.Decision.self)
        policySet = try inner.hash("policySet")
        directory = try inner.hash("directory")
        let demanded = try inner.value("requirement")
        requirement = demanded == .null ? nil : try Requirement(demanded)
        guard (decision == .review) == (requirement != nil),
            (decision == .review) == (deadline != nil)
        else { throw CoreError("`core.verdict`: a review has a requirement and a deadline") }
    }
}

extension ActionEvent.Revision {
    fileprivate init(_ reader: inout JSONReader) throws {
        isShownInFull = try reader.bool("complete")
        deadline = try reader.timestamp("deadline")
        rendering = try reader.hash("rendering")
        verdict = try reader.value("verdict")
        var inner = try JSONReader(verdict, path: "core.verdict")
        guard try inner.choice("decision", Verdict.Decision.self) == .review else {
            throw CoreError("`core.verdict.decision`: a revision is of a review")
        }
        policySet = try inner.hash("policySet")
        directory = try inner.hash("directory")
        requirement = try Requirement(try inner.value("requirement"))
    }
}

extension ActionEvent.BrokenGlass {
    fileprivate init(_ reader: inout JSONReader) throws {
        person = try reader.handle("person")
        channel = try reader.choice("channel", Channel.self)
        assurance = try reader.choice("assurance", Assurance.self)
        method = try reader.choice("method", SignInMethod.self)
        rendering = try reader.hash("rendering")
        due = try reader.timestamp("due")
    }
}

extension ActionEvent.Clearance {
    fileprivate init(_ reader: inout JSONReader) throws {
        operation = try reader.hash("operation")
        gate = try GateReference(try reader.value("gate"), path: "core.gate")
        verdict = try reader.choice("verdict", Verdict.Decision.self)
        policySet = try reader.hash("policySet")
        directory = try reader.hash("directory")
        selfApproved = try reader.bool("selfApproved")
        notAfter = try reader.timestamp("notAfter")
        breakGlass = try reader.optionalValue("breakGlass").map { json in
            guard let person = json.stringValue.flatMap(Handle.init) else {
                throw CoreError("`core.breakGlass`: not a person")
            }
            return person
        }
        var approvals: [Handle: [Handle]] = [:]
        let filled = try reader.value("approvals")
        guard case .object(let object) = filled else {
            throw CoreError("`core.approvals`: expected an object")
        }
        for (key, value) in object {
            guard let group = Handle(key), let persons = value.arrayValue else {
                throw CoreError("`core.approvals`: expected groups of persons")
            }
            approvals[group] = try persons.map { person in
                guard let handle = Handle(person.stringValue ?? "") else {
                    throw CoreError("`core.approvals`: expected groups of persons")
                }
                return handle
            }
        }
        self.approvals = approvals
    }
}

extension Claim {
    fileprivate init(_ reader: inout JSONReader) throws {
        nonce = try reader.hash("nonce")
        gate = try reader.handle("gate")
        operation = try reader.hash("operation")
        startBy = try reader.timestamp("startBy")
        verdict = try reader.choice("verdict", Verdict.Decision.self)
        policySet = try reader.hash("policySet")
        directory = try reader.hash("directory")
    }
}
