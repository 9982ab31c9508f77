// SPDX-License-Identifier: Apache-2.0

/// What running a command does, as far as its program and options tell.
///
/// The order is that of severity, least first: where one command has several effects, the
/// worst is named. `unknown` stands right above `read`: it is what is said where nothing worse
/// is known, and whether a command may do more than is known is said apart from its effect.
public enum Effect: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Only reports; changes nothing and carries no credentials out.
    case read
    /// Not in the table, or an option or operand of it is not.
    case unknown
    /// Changes files or records.
    case write
    /// Carries data in bulk out of where it is kept, or to another machine.
    case export
    /// Changes machines, services, networks, packages or deployments.
    case infrastructure
    /// Changes who may do what: accounts, groups, roles, privileges.
    case role
    /// Reads, makes or changes credentials and keys.
    case key

    /// Tells whether `left` is less severe than `right`.
    public static func < (left: Effect, right: Effect) -> Bool {
        left.severity < right.severity
    }

    private var severity: Int {
        switch self {
        case .read: 0
        case .unknown: 1
        case .write: 2
        case .export: 3
        case .infrastructure: 4
        case .role: 5
        case .key: 6
        }
    }
}
