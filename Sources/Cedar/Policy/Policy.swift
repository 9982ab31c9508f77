// SPDX-License-Identifier: Apache-2.0

/// One policy: a static one, or a template that is linked.
public struct Policy: Sendable {
    /// What a satisfied policy does.
    public enum Effect: String, Sendable, Hashable {
        /// Allows, unless something forbids.
        case permit
        /// Denies, whatever permits.
        case forbid
    }

    /// `@name("value")` or `@name` before a policy.
    public struct Annotation: Sendable, Hashable {
        /// The name, without the `@`.
        public let name: String
        /// The value; empty where none was written.
        public let value: String
        /// Whether a value was written.
        public let hasValue: Bool
        /// Where it was written.
        public let span: SourceSpan
    }

    /// `when { … }` or `unless { … }`.
    public struct Condition: Sendable {
        /// Whether the body must hold or must not.
        public enum Kind: String, Sendable, Hashable {
            /// The body must hold.
            case when
            /// The body must not hold.
            case unless
        }

        /// Whether the body must hold or must not.
        public let kind: Kind
        /// The expression in braces.
        public let body: Expression
        /// Where the condition was written.
        public let span: SourceSpan
    }

    /// How results name the policy: `policy0`, `policy1`, … by place, its `@id`, or as a link or
    /// JSON says.
    public let id: String
    /// What it does when satisfied.
    public let effect: Effect
    /// The annotations in the order written, each name once.
    public let annotations: [Annotation]
    /// Which requests it is about.
    public let scope: Scope
    /// Where `principal`, `action` and `resource` were written.
    let scopeSpans: ScopeSpans
    /// The conditions in the order written; all of them must be met.
    ///
    /// They are put together anew whenever they are asked for.
    public var conditions: [Condition] { compiled.written }
    let compiled: CompiledConditions
    /// The name of the source it was read from, where that has one.
    public let source: String?
    /// The text exactly as written, from the first annotation to the semicolon; that of the
    /// template for a link, and text made up for a policy read from JSON.
    public let text: String
    /// Where in its source the text was written.
    public let span: SourceSpan
    /// The words of the text separated by single spaces, without comments.
    ///
    /// Two texts that differ only in layout and comments have the same one, so it is what a
    /// digest of the policy is taken over. Text within quotes stays as it was written; slots of a
    /// template are filled.
    ///
    /// It is made anew whenever it is asked for.
    public var canonicalText: String { CanonicalText(of: text).filled(link?.values ?? [:]) }
    /// The levels of nesting of the deepest condition; 0 without conditions.
    public var depth: Int { compiled.depth }
    /// The template and the values it was linked with; `nil` for a static policy.
    public let link: TemplateLink?

    /// Fills in a template; a static policy has no slots to fill.
    init(_ template: Template, link: TemplateLink?) {
        let values = link?.values ?? [:]
        id = link?.newID ?? template.id
        source = template.source
        effect = template.effect
        annotations = template.annotations
        scope = Scope(
            principal: template.principal.filled(values[.principal]), action: template.action,
            resource: template.resource.filled(values[.resource]))
        scopeSpans = template.scopeSpans
        compiled = template.compiled
        span = template.span
        text = template.text
        self.link = link
    }

    /// The value of an annotation: `nil` where it is absent, empty where it has no value.
    public func annotation(_ name: String) -> String? {
        annotations.first { Bytes.equal($0.name, name) }?.value
    }

    /// Every entity that the policy names, scope first, in the order written and each once.
    public var entities: [EntityUID] {
        var found: [EntityUID] = []
        if let uid = scope.principal.entity { found.append(uid) }
        found += scope.action.entities
        if let uid = scope.resource.entity { found.append(uid) }
        for condition in conditions {
            condition.body.walk { expression in
                if case .literal(.entity(let uid)) = expression.kind { found.append(uid) }
            }
        }
        var seen: Set<EntityUID> = []
        return found.filter { seen.insert($0).inserted }
    }

    /// Every action and action group that the policy names, each once.
    public var actions: [EntityUID] {
        entities.filter(\.isAction)
    }

    /// Visits every expression of the conditions, each before its parts.
    public func walk(_ visit: (Expression) -> Void) {
        for condition in conditions { condition.body.walk(visit) }
    }
}
