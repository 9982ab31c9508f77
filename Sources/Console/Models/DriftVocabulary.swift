// SPDX-License-Identifier: Apache-2.0

/// How a watched source stands, by its name on the wire; the first that applies.
package enum ConsoleDriftStatus: String, Sendable, Hashable, CaseIterable {
    case clean, drift, gap, proposed
    case notObserved = "not_observed"
    case unrecognised

    /// Reads a status from its wire name.
    package init(wire: String) { self = Self(rawValue: wire) ?? .unrecognised }

    /// The word on the page.
    var word: String {
        switch self {
        case .clean: "Clean"
        case .drift: "Drift"
        case .gap: "Gap"
        case .proposed: "Proposed"
        case .notObserved: "Not observed"
        case .unrecognised: "Unrecognised status"
        }
    }

    /// One sentence for who does not know the word.
    var meaning: String {
        switch self {
        case .clean: "All of it was seen, and is as the approved baseline has it."
        case .drift: "Something is not as the approved baseline has it."
        case .gap: "Not all of it was seen. Of what was not seen, nothing is known."
        case .proposed: "What was found waits for an administrator to approve it as the baseline."
        case .notObserved: "Nobody has looked yet, so nothing is known."
        case .unrecognised: "This console does not know the status that the server reports."
        }
    }

    /// Class that colours it: what was not seen is never the colour of what is right.
    var tone: String {
        switch self {
        case .clean: "good"
        case .drift: "bad"
        case .proposed: "open"
        case .gap, .notObserved, .unrecognised: "doubt"
        }
    }
}

/// What explains a deviation, by its name on the wire: the first step of the ladder that holds.
package enum ConsoleDriftVerdict: String, Sendable, Hashable, CaseIterable {
    case explained, derived, system, partial
    case outOfWindow = "out_of_window"
    case replayed, revoked
    case missingEffect = "missing_effect"
    case unauthorised, undetermined, unrecognised

    /// Reads a verdict from its wire name.
    package init(wire: String) { self = Self(rawValue: wire) ?? .unrecognised }

    /// The steps, in the order in which they are tried.
    static let ladder = allCases.filter { $0 != .unrecognised }

    /// The word on the page.
    var word: String {
        switch self {
        case .outOfWindow: "Out of window"
        case .missingEffect: "Missing effect"
        case .unrecognised: "Unrecognised verdict"
        default: rawValue.prefix(1).uppercased() + rawValue.dropFirst()
        }
    }

    /// One sentence for who does not know the word.
    var meaning: String {
        switch self {
        case .explained:
            "An approved action declared exactly this value, here and at this time, and had not "
                + "explained anything before."
        case .derived: "An approved action declared it as a side effect."
        case .system:
            "Reserved for a controller that may set this field by itself: this version never "
                + "gives it."
        case .partial: "An approved action covers this place, with another value."
        case .outOfWindow: "An approved action declared it, but at another time."
        case .replayed: "An approved action declared it once, and it happened a second time."
        case .revoked: "An action declared it whose grant was taken back before it ran."
        case .missingEffect: "An approved action succeeded, and what it declared is not there."
        case .unauthorised: "No approved action covers this place."
        case .undetermined:
            "Something was not seen or does not verify, so nothing can be said. That is never "
                + "taken for no drift."
        case .unrecognised: "This console does not know the verdict that the server reports."
        }
    }

    /// Class that colours it, never the only sign of it.
    var tone: String {
        switch self {
        case .explained, .derived, .system: "good"
        case .partial, .outOfWindow, .missingEffect: "open"
        case .replayed, .revoked, .unauthorised: "bad"
        case .undetermined, .unrecognised: "doubt"
        }
    }
}

/// Where a deviation is in its life, by its name on the wire.
package enum ConsoleDriftState: String, Sendable, Hashable, CaseIterable {
    case pending, open, acknowledged, explained, ignored, closed, unrecognised

    /// Reads a state from its wire name.
    package init(wire: String) { self = Self(rawValue: wire) ?? .unrecognised }

    /// The word on the page.
    var word: String {
        switch self {
        case .pending: "Not told yet"
        case .unrecognised: "Unrecognised state"
        default: rawValue.prefix(1).uppercased() + rawValue.dropFirst()
        }
    }

    /// One sentence for who does not know the word.
    var meaning: String {
        switch self {
        case .pending: "Too few observations agree yet."
        case .open: "It is there, and nobody has said that it is right."
        case .acknowledged: "A person has seen it. Only a change of it is told."
        case .explained: "It is explained, by nothing that moves the baseline."
        case .ignored: "A rule hides it from alerts, never from this page."
        case .closed: "It is over."
        case .unrecognised: "This console does not know the state that the server reports."
        }
    }

    /// What the seal says.
    var sealWord: String {
        switch self {
        case .open: "DRIFT"
        case .acknowledged: "SEEN"
        case .pending, .unrecognised: "?"
        default: rawValue.uppercased()
        }
    }

    /// Class that colours it, never the only sign of it.
    var tone: String {
        switch self {
        case .open: "bad"
        case .acknowledged: "open"
        case .explained: "good"
        case .ignored, .closed: "void"
        case .pending, .unrecognised: "doubt"
        }
    }
}

/// Which way a deviation moves what somebody may do, by its name on the wire.
package enum ConsoleDriftDirection: String, Sendable, Hashable, CaseIterable {
    case broadening, narrowing, neutral

    /// Reads a direction from its wire name; of an unknown one nothing is said.
    package init(wire: String) { self = Self(rawValue: wire) ?? .neutral }

    /// The word on the page.
    var word: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    /// One sentence for who does not know the word.
    var meaning: String {
        switch self {
        case .broadening: "More is allowed than before."
        case .narrowing: "Less is allowed than before."
        case .neutral: "Neither more nor less is allowed, as far as is known."
        }
    }
}
