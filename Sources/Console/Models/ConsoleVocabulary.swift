// SPDX-License-Identifier: Apache-2.0

/// State of an action, by its name on the wire.
///
/// A name that the console does not know is `unrecognised`, and offers nobody anything to press.
public enum ConsoleState: String, Sendable, Hashable, CaseIterable {
    case submitted, denied, cleared, pending, expired, cancelled, invalidated, claimed, revoked
    case lapsed, succeeded, failed
    case notStarted = "not_started"
    case unknown, unrecognised

    /// Reads a state from its wire name.
    public init(wire: String) {
        // Raw values are compared by canonical equivalence, which cannot matter here: all of them
        // are ASCII, and nothing but the same ASCII text is equivalent to that.
        self = ConsoleState(rawValue: wire) ?? .unrecognised
    }

    /// The word on the page.
    var word: String {
        switch self {
        case .notStarted: "Not started"
        case .unknown: "Outcome unknown"
        case .unrecognised: "Unrecognised state"
        default: rawValue.prefix(1).uppercased() + rawValue.dropFirst()
        }
    }

    /// One sentence for who does not know the word.
    var meaning: String {
        switch self {
        case .submitted: "Received; policy has not answered yet."
        case .denied: "Refused. It will not run."
        case .cleared: "Granted, and not used yet."
        case .pending: "Waiting for people to decide. Silence is a denial."
        case .expired: "Nobody decided in time, which is a denial."
        case .cancelled: "Withdrawn by its requester."
        case .invalidated: "Policy, people or the target changed, and no longer allow it."
        case .claimed: "A gate has used the grant and is executing."
        case .revoked: "The grant was taken back before it was used."
        case .lapsed: "The grant ran out before it was used."
        case .succeeded: "Executed; the gate reports success."
        case .failed: "Executed; the gate reports failure."
        case .notStarted: "The grant was used, but the gate reports that nothing was started."
        case .unknown: "The grant was used and the gate fell silent. A person has to settle it."
        case .unrecognised: "This console does not know the state that the server reports."
        }
    }

    /// Class that colours the state: by how it went, never the only sign of it.
    var tone: String {
        switch self {
        case .pending, .submitted: "open"
        case .cleared, .claimed, .succeeded: "good"
        case .denied, .failed, .revoked, .invalidated: "bad"
        case .expired, .cancelled, .lapsed, .notStarted: "void"
        case .unknown, .unrecognised: "doubt"
        }
    }
}

/// Severity of a review.
public enum ConsoleSeverity: String, Sendable, Hashable, CaseIterable {
    case low, medium, high, critical

    /// The word on the page.
    var word: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    /// Number of bars lit in the gauge, 1 to 4: severity is never told by colour alone.
    var rank: Int {
        switch self {
        case .low: 1
        case .medium: 2
        case .high: 3
        case .critical: 4
        }
    }
}
