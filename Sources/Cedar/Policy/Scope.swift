// SPDX-License-Identifier: Apache-2.0

/// The head of a policy: which principals, actions and resources it is about.
///
/// A scope never fails to evaluate, which is what makes an index on it exact.
public struct Scope: Sendable, Hashable {
    /// The principals.
    public let principal: EntityConstraint
    /// The actions.
    public let action: ActionConstraint
    /// The resources.
    public let resource: EntityConstraint
}

/// What a scope demands of principal or resource.
public enum EntityConstraint: Sendable, Hashable {
    /// Nothing.
    case any
    /// `== uid`.
    case equal(EntityUID)
    /// `in uid`.
    case `in`(EntityUID)
    /// `is Type`.
    case `is`(String)
    /// `is Type in uid`.
    case isIn(String, EntityUID)

    /// The entity named, if any.
    public var entity: EntityUID? {
        switch self {
        case .any, .is: nil
        case .equal(let uid), .in(let uid), .isIn(_, let uid): uid
        }
    }

    /// Whether both demand the same.
    public static func == (left: EntityConstraint, right: EntityConstraint) -> Bool {
        switch (left, right) {
        case (.any, .any): true
        case (.equal(let one), .equal(let two)), (.in(let one), .in(let two)): one == two
        case (.is(let one), .is(let two)): Bytes.equal(one, two)
        case (.isIn(let one, let first), .isIn(let two, let second)):
            Bytes.equal(one, two) && first == second
        default: false
        }
    }
}

/// What a scope demands of the action.
public enum ActionConstraint: Sendable, Hashable {
    /// Nothing.
    case any
    /// `== uid`.
    case equal(EntityUID)
    /// `in uid` or `in [uid, …]`; the empty list never holds.
    case `in`([EntityUID])

    /// The actions and groups named.
    public var entities: [EntityUID] {
        switch self {
        case .any: []
        case .equal(let uid): [uid]
        case .in(let uids): uids
        }
    }
}

/// Where the three parts of a scope were written.
struct ScopeSpans: Sendable {
    let principal: SourceSpan
    let action: SourceSpan
    let resource: SourceSpan

    /// Takes the spans in the order written; a scope that lacks some is in error anyway.
    init(_ spans: [SourceSpan], else span: SourceSpan) {
        principal = spans.first ?? span
        action = spans.count > 1 ? spans[1] : span
        resource = spans.count > 2 ? spans[2] : span
    }

    /// By place: principal, action, resource.
    subscript(part: Int) -> SourceSpan {
        switch part {
        case 0: principal
        case 1: action
        default: resource
        }
    }
}
