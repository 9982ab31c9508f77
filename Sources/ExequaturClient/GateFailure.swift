// SPDX-License-Identifier: Apache-2.0

internal import TransparencyLog

/// Why nothing was executed.
public struct GateFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What it means for the caller.
    public enum Kind: Sendable, Hashable {
        /// Denied, expired, or in doubt; asking again changes nothing by itself.
        case refused
        /// Still open; the same command finds its action again.
        case pending
        /// The service cannot be reached or is not ready.
        case unavailable
    }

    /// What it means for the caller.
    public let kind: Kind
    /// One line, lowercase, that says what to do next where something can be done.
    public let description: String
    /// True when somebody may have tampered: said loudly.
    public let isAlarm: Bool
    /// The action that it is about, once there is one.
    public private(set) var action: ActionName?

    /// What an action goes by.
    public struct ActionName: Sendable, Hashable {
        /// The action's id.
        public let id: String
        /// The action digest, in hexadecimal.
        public let digest: String
        /// Its state, as the service names it.
        public let state: String

        /// Makes a name.
        public init(id: String, digest: String, state: String) {
            self.id = id
            self.digest = digest
            self.state = state
        }
    }

    private init(_ kind: Kind, _ description: String, isAlarm: Bool = false) {
        self.kind = kind
        self.description = description
        self.isAlarm = isAlarm
    }

    /// The same failure, with the action that it is about.
    func about(_ action: SubmittedAction) -> GateFailure {
        var copy = self
        copy.action = ActionName(
            id: action.id, digest: action.digest.hex, state: action.state.rawValue)
        return copy
    }

    /// Not executed, and not to be tried again as it is.
    public static func refused(_ description: String) -> GateFailure {
        GateFailure(.refused, description)
    }

    /// Not executed because something is not what was approved or signed.
    public static func alarm(_ description: String) -> GateFailure {
        GateFailure(.refused, description, isAlarm: true)
    }

    /// Not executed yet.
    public static func pending(_ description: String) -> GateFailure {
        GateFailure(.pending, description)
    }

    /// Not executed for want of a service.
    public static func unavailable(_ description: String) -> GateFailure {
        GateFailure(.unavailable, description)
    }

    /// The process's exit code: `EX_NOPERM`, `EX_TEMPFAIL` or `EX_UNAVAILABLE` of sysexits(3).
    public var exitCode: Int32 {
        switch kind {
        case .refused: 77
        case .pending: 75
        case .unavailable: 69
        }
    }
}
