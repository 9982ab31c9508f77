// SPDX-License-Identifier: Apache-2.0

/// A policy with places that are filled in later: `?principal`, `?resource` or both.
///
/// A template decides nothing by itself. Linking it, with an entity for each slot, gives a policy
/// that does.
public struct Template: Sendable {
    /// A place to fill in.
    public enum Slot: String, Sendable, Hashable, CaseIterable {
        /// In the principal part of the scope.
        case principal = "?principal"
        /// In the resource part of the scope.
        case resource = "?resource"
    }

    /// What a scope compares with.
    public enum Reference: Sendable, Hashable {
        /// An entity that is named.
        case entity(EntityUID)
        /// The one that a link gives.
        case slot
    }

    /// What a template's scope demands of principal or resource.
    public enum Constraint: Sendable, Hashable {
        /// Nothing.
        case any
        /// `== uid` or `== ?slot`.
        case equal(Reference)
        /// `in uid` or `in ?slot`.
        case `in`(Reference)
        /// `is Type`.
        case `is`(String)
        /// `is Type in uid` or `is Type in ?slot`.
        case isIn(String, Reference)

        init(_ constraint: EntityConstraint) {
            self =
                switch constraint {
                case .any: .any
                case .equal(let uid): .equal(.entity(uid))
                case .in(let uid): .in(.entity(uid))
                case .is(let type): .is(type)
                case .isIn(let type, let uid): .isIn(type, .entity(uid))
                }
        }

        private var reference: Reference? {
            switch self {
            case .any, .is: nil
            case .equal(let reference), .in(let reference), .isIn(_, let reference): reference
            }
        }

        /// The constraint with an entity for the slot.
        func filled(_ uid: EntityUID?) -> EntityConstraint {
            func entity(_ reference: Reference) -> EntityUID? {
                guard case .entity(let uid) = reference else { return uid }
                return uid
            }
            switch self {
            case .any: return .any
            case .is(let type): return .is(type)
            case .equal(let other): return entity(other).map { .equal($0) } ?? .any
            case .in(let other): return entity(other).map { .in($0) } ?? .any
            case .isIn(let type, let other):
                return entity(other).map { .isIn(type, $0) } ?? .is(type)
            }
        }

        /// Whether a link has to give an entity.
        public var hasSlot: Bool { reference == .slot }

        /// The entity named, if any.
        public var entity: EntityUID? {
            guard case .entity(let uid) = reference else { return nil }
            return uid
        }

        /// The entity type after `is`, if any.
        public var type: String? {
            switch self {
            case .is(let type), .isIn(let type, _): type
            case .any, .equal, .in: nil
            }
        }
    }

    /// How the template is named: `policy0`, `policy1`, … by place among all policies, or its
    /// `@id`.
    public let id: String
    /// What its links do when satisfied.
    public let effect: Policy.Effect
    /// The annotations in the order written, each name once; its links have them too.
    public let annotations: [Policy.Annotation]
    /// The principals.
    public let principal: Constraint
    /// The actions.
    public let action: ActionConstraint
    /// The resources.
    public let resource: Constraint
    /// Where `principal`, `action` and `resource` were written.
    let scopeSpans: ScopeSpans
    /// The conditions in the order written; all of them must be met.
    public var conditions: [Policy.Condition] { compiled.written }
    let compiled: CompiledConditions
    /// The name of the source it was read from, where that has one.
    public let source: String?
    /// The text exactly as written, from the first annotation to the semicolon.
    public let text: String
    /// Where in its source the text was written.
    public let span: SourceSpan
    /// The words of the text separated by single spaces, without comments.
    public var canonicalText: String { CanonicalText(of: text).text }
    /// The levels of nesting of the deepest condition; 0 without conditions.
    public var depth: Int { compiled.depth }

    /// Takes what was read, whether it has slots or not.
    init(_ parsed: ParsedPolicy, id: String, source: PolicySource) {
        self.id = id
        self.source = source.name
        effect = parsed.effect
        annotations = parsed.annotations
        principal = parsed.principal
        action = parsed.action
        resource = parsed.resource
        scopeSpans = parsed.scopeSpans
        compiled = CompiledConditions(parsed.conditions)
        span = parsed.span
        let utf8 = source.text.utf8
        let start = utf8.index(utf8.startIndex, offsetBy: parsed.span.start.offset)
        let end = utf8.index(start, offsetBy: parsed.span.bytes.count)
        text = String(source.text[start..<end])
    }

    /// The value of an annotation: `nil` where it is absent, empty where it has no value.
    public func annotation(_ name: String) -> String? {
        annotations.first { Bytes.equal($0.name, name) }?.value
    }

    /// The places to fill in; at least one.
    public var slots: Set<Slot> {
        var slots: Set<Slot> = []
        if principal.hasSlot { slots.insert(.principal) }
        if resource.hasSlot { slots.insert(.resource) }
        return slots
    }
}
