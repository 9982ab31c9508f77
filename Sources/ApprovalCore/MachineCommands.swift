// SPDX-License-Identifier: Apache-2.0

package import TransparencyLog

/// Why a command was not carried out; the code is stable and goes to the client.
package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case notPending = "not_pending"
        case staleDigest = "stale_digest"
        case expired
        case notAReviewer = "not_a_reviewer"
        case selfApproval = "self_approval"
        case notEligible = "not_eligible"
        case alreadyDecided = "already_decided"
        case assuranceTooLow = "assurance_too_low"
        case notShownInFull = "not_shown_in_full"
        case reasonRequired = "reason_required"
        case notCleared = "not_cleared"
        case alreadyClaimed = "already_claimed"
        case grantLapsed = "grant_lapsed"
        case invalidated
        case wrongGate = "wrong_gate"
        case notClaimed = "not_claimed"
        case alreadyReported = "already_reported"
        case notRequester = "not_requester"
        case notUnknown = "not_unknown"
        case notAllowed = "not_allowed"
        case notLinked = "not_linked"
        case notInChat = "not_in_chat"
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// What a command led to: events to append, and the refusal to tell, if there is one.
///
/// A refusal may come with events: an attempt that is not allowed is itself recorded, and a
/// command that comes too late finds the deadline that nobody had enforced yet.
package struct MachineResult: Sendable, Hashable {
    package var events: [ActionEvent] = []
    package var refusal: Refusal?
}

/// Who decides, as authenticated by the surface that took the decision.
package struct DecisionCommand: Sendable {
    package let principal: Principal
    package let kind: ReviewDecision.Kind
    package let channel: Channel
    package let assurance: Assurance
    /// At least 16 hex digits of the action digest that the person saw.
    package let expectedDigest: String
    package let hasReason: Bool
    /// The account that decides, if and only if the channel is a chat.
    package let account: ChatAccount?
    /// Whether the surface showed all of the rendering.
    package let surfaceShowsAll: Bool
    /// Digest of what the person was shown.
    package private(set) var rendering: Hash256
    /// False where something could not be shown in full on the surface used.
    package private(set) var shownInFull: Bool
    /// True for an action that changes this server's own rules.
    package private(set) var isGovernance = false

    package init(
        principal: Principal, kind: ReviewDecision.Kind, channel: Channel, assurance: Assurance,
        expectedDigest: String, hasReason: Bool, account: ChatAccount? = nil,
        surfaceShowsAll: Bool = true, rendering: Hash256 = .zero, shownInFull: Bool = false
    ) {
        self.principal = principal
        self.kind = kind
        self.channel = channel
        self.assurance = assurance
        self.expectedDigest = expectedDigest
        self.hasReason = hasReason
        self.account = account
        self.surfaceShowsAll = surfaceShowsAll
        self.rendering = rendering
        self.shownInFull = shownInFull
    }

    /// Whether a text says anything: blanks alone are no reason.
    package static func isReason(_ text: String?) -> Bool {
        text?.unicodeScalars.contains { !$0.properties.isWhitespace } ?? false
    }

    /// The same decision on the one rendering that all surfaces show, the recorded one.
    package func onRecordedRendering(_ body: SubmissionBody) -> DecisionCommand {
        var command = self
        command.rendering = body.renderingDigest ?? .zero
        command.shownInFull = body.isShownInFull && surfaceShowsAll
        command.isGovernance = body.action.operation.isGovernance
        return command
    }
}

/// An authenticated party.
package enum Principal: Sendable, Hashable, CustomStringConvertible {
    case person(Handle)
    case agent(Handle)
    case gate(Handle)
    /// The bearer of `admin.token`.
    case administrator(Handle)

    package var description: String {
        switch self {
        case .person(let id): "person:\(id)"
        case .agent(let id): "agent:\(id)"
        case .gate(let id): "gate:\(id)"
        case .administrator(let id): "administrator:\(id)"
        }
    }
}

/// What the machine has to know besides the chain itself; all of it passed in.
package struct MachineSurroundings {
    package let now: Timestamp
    package let directory: Directory
    /// DESIGN §4.5: only while unsealed; stamps `self-approved`.
    package let singleOperator: Bool
    /// Evaluates the action against the policy set and directory in force now.
    package let evaluate: () throws -> Verdict

    package init(
        now: Timestamp, directory: Directory, singleOperator: Bool,
        evaluate: @escaping () throws -> Verdict
    ) {
        self.now = now
        self.directory = directory
        self.singleOperator = singleOperator
        self.evaluate = evaluate
    }
}
