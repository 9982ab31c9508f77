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
        case credentialShown = "credential_shown"
        case credentialTooNew = "credential_too_new"
        case signatureInvalid = "signature_invalid"
        case debtOpen = "debt_open"
        case noDebt = "no_debt"
        case tooManyComments = "too_many_comments"
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// Somebody acts in a person's name with what others have seen (DESIGN §4.13).
    package static let shownCredential = Refusal(
        .credentialShown,
        "somebody else has seen this credential, so it does nothing in its holder's name: sign in "
            + "by single sign-on or a passkey of your own, or replace the token yourself")
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
    /// Digest of the rendering that the surface showed, where it says so.
    package var shown: Hash256?
    /// How the person showed who he is.
    package var method: SignInMethod?
    /// The manifest of which this is one member.
    package var batch: Hash256?
    /// What his passkey signed.
    package var signature: SignedDecision?
    /// True if somebody else has seen the credential.
    package var isCredentialShown = false
    /// Since when the credential is the person's; nil where nobody knows.
    package var credentialSince: Timestamp?
    /// Digest of what the person was shown.
    package private(set) var rendering: Hash256
    /// False where something could not be shown in full on the surface used.
    package private(set) var shownInFull: Bool
    /// True for an action that changes this server's own rules.
    package private(set) var isGovernance = false
    /// Who could have decided when the review began.
    private var eligibleBefore: Set<Handle> = []

    package init(
        principal: Principal, kind: ReviewDecision.Kind, channel: Channel, assurance: Assurance,
        expectedDigest: String, hasReason: Bool, account: ChatAccount? = nil,
        surfaceShowsAll: Bool = true, rendering: Hash256 = .zero, shownInFull: Bool = false,
        method: SignInMethod? = nil
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
        self.method = method
    }

    /// Whether the surface showed what is on record now, as far as it says.
    var isOfCurrentRendering: Bool { shown.map { $0 == rendering } ?? true }

    /// Whether this person could have decided when the review began.
    func wasEligible(_ person: Handle) -> Bool { eligibleBefore.contains(person) }

    /// Whether a text says anything: blanks alone are no reason.
    package static func isReason(_ text: String?) -> Bool {
        text?.unicodeScalars.contains { !$0.properties.isWhitespace } ?? false
    }

    /// The same decision on the one rendering that all surfaces show, the recorded one.
    package func onRecordedRendering(
        _ body: SubmissionBody, _ state: ActionState
    ) -> DecisionCommand {
        var command = self
        command.rendering = state.rendering(body)
        command.shownInFull = state.isShownInFull(body) && surfaceShowsAll
        command.isGovernance = body.action.operation.isGovernance
        command.eligibleBefore = Set(body.eligible)
        return command
    }
}

/// Somebody who wants to go past a review, as authenticated by the surface.
package struct BreakGlassCommand: Sendable {
    package let principal: Principal
    package let channel: Channel
    package let assurance: Assurance
    package let method: SignInMethod
    package let expectedDigest: String
    package let hasReason: Bool
    package let isCredentialShown: Bool
    /// Digest of the rendering that the surface showed, where it says so.
    package let shown: Hash256?
    package private(set) var rendering = Hash256.zero
    package private(set) var shownInFull = false
    package private(set) var isGovernance = false

    package init(
        principal: Principal, channel: Channel, assurance: Assurance, method: SignInMethod,
        expectedDigest: String, hasReason: Bool, isCredentialShown: Bool, shown: Hash256?
    ) {
        self.principal = principal
        self.channel = channel
        self.assurance = assurance
        self.method = method
        self.expectedDigest = expectedDigest
        self.hasReason = hasReason
        self.isCredentialShown = isCredentialShown
        self.shown = shown
    }

    var isOfCurrentRendering: Bool { shown.map { $0 == rendering } ?? true }

    /// The same on the one rendering that all surfaces show, the recorded one.
    package func onRecordedRendering(
        _ body: SubmissionBody, _ state: ActionState
    ) -> BreakGlassCommand {
        var command = self
        command.rendering = state.rendering(body)
        command.shownInFull = state.isShownInFull(body)
        command.isGovernance = body.action.operation.isGovernance
        return command
    }
}

extension ActionState {
    /// Digest of what reviewers are shown now.
    package func rendering(_ body: SubmissionBody) -> Hash256 {
        revision?.rendering ?? body.renderingDigest ?? .zero
    }

    /// True if reviewers are shown everything.
    package func isShownInFull(_ body: SubmissionBody) -> Bool {
        revision?.isShownInFull ?? body.isShownInFull
    }
}

/// An authenticated party.
package enum Principal: Sendable, Hashable, CustomStringConvertible {
    case person(Handle)
    case agent(Handle)
    case gate(Handle)
    /// The bearer of `admin.token`.
    case administrator(Handle)
    /// A change that a person asked for and others approved, as this server carries it out.
    case action(ActionID, for: Handle)

    package static let actionPrefix = "action:"

    package var description: String {
        switch self {
        case .person(let id): "person:\(id)"
        case .agent(let id): "agent:\(id)"
        case .gate(let id): "gate:\(id)"
        case .administrator(let id): "administrator:\(id)"
        case .action(let id, _): "\(Self.actionPrefix)\(id)"
        }
    }
}

/// Who has broken the glass, and for whom, without anybody having looked at it since.
package struct OpenDebts: Sendable, Hashable {
    package var persons: Set<Handle>
    package var agents: Set<Handle>

    package init(persons: Set<Handle> = [], agents: Set<Handle> = []) {
        self.persons = persons
        self.agents = agents
    }
}

/// What people would be shown, in short.
package struct ShownRendering: Sendable, Hashable {
    package let digest: Hash256
    package let isComplete: Bool

    package init(_ rendering: Rendering) {
        digest = rendering.hash
        isComplete = rendering.isComplete
    }

    private init() {
        digest = .zero
        isComplete = false
    }

    /// For those who never begin a revision.
    package static let none = ShownRendering()
}

/// What the machine has to know besides the chain itself; all of it passed in.
package struct MachineSurroundings {
    package let now: Timestamp
    package let directory: Directory
    /// DESIGN §4.5: only while unsealed; stamps `self-approved`.
    package let singleOperator: Bool
    package let openDebts: OpenDebts
    /// Whether what the action was made against is another by now.
    package let isTargetChanged: Bool
    /// Evaluates the action against the policy set and directory in force now.
    package let evaluate: () throws -> Verdict
    /// Renders the action for a review by this verdict, until this deadline.
    package let render: (Verdict, Timestamp) -> ShownRendering

    package init(
        now: Timestamp, directory: Directory, singleOperator: Bool,
        openDebts: OpenDebts = OpenDebts(), isTargetChanged: Bool = false,
        evaluate: @escaping () throws -> Verdict,
        render: @escaping (Verdict, Timestamp) -> ShownRendering
    ) {
        self.now = now
        self.directory = directory
        self.singleOperator = singleOperator
        self.openDebts = openDebts
        self.isTargetChanged = isTargetChanged
        self.evaluate = evaluate
        self.render = render
    }
}
