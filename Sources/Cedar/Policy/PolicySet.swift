// SPDX-License-Identifier: Apache-2.0

/// Policies that are evaluated together, ready to evaluate.
///
/// Reading does the work once: conditions are compiled and the policies indexed by action, so
/// that a decision costs time only for policies that may be about the request.
public struct PolicySet: Sendable {
    /// The policies in the order read, links of templates behind the others.
    public let policies: [Policy]
    /// The templates in the order read; they decide nothing until they are linked.
    public let templates: [Template]
    let index: PolicyIndex
    private let places: [ByteKey: Int32]

    /// Reads one text.
    ///
    /// - Parameters:
    ///   - text: any number of static policies in Cedar syntax.
    ///   - idsFromAnnotation: whether `@id("…")` names a policy; without, or where a policy has
    ///     none, its name is `policy0`, `policy1`, … by place.
    ///   - allowingTemplates: whether templates are taken; without, a slot is an error, so that
    ///     nobody takes a template for a policy that holds.
    ///   - limits: how much is read.
    /// - Throws: ``PolicySyntaxErrors`` with every error found.
    public init(
        parsing text: String, idsFromAnnotation: Bool = false, allowingTemplates: Bool = false,
        limits: PolicyLimits = .init()
    ) throws(PolicySyntaxErrors) {
        try self.init(
            parsing: [PolicySource(text: text)], idsFromAnnotation: idsFromAnnotation,
            allowingTemplates: allowingTemplates, limits: limits)
    }

    /// Reads several texts, such as the files of a folder, as one set.
    ///
    /// - Parameters:
    ///   - sources: the texts; places, and so positional names, run on from one to the next.
    ///   - idsFromAnnotation: whether `@id("…")` names a policy; without, or where a policy has
    ///     none, its name is `policy0`, `policy1`, … by place.
    ///   - allowingTemplates: whether templates are taken; without, a slot is an error, so that
    ///     nobody takes a template for a policy that holds.
    ///   - limits: how much is read.
    /// - Throws: ``PolicySyntaxErrors`` with every error found, in all of the texts.
    public init(
        parsing sources: [PolicySource], idsFromAnnotation: Bool = false,
        allowingTemplates: Bool = false, limits: PolicyLimits = .init()
    ) throws(PolicySyntaxErrors) {
        var reader = PolicySetReader(
            limits: limits, idsFromAnnotation: idsFromAnnotation,
            allowsTemplates: allowingTemplates)
        for source in sources { reader.read(source) }
        guard reader.errors.isEmpty else {
            throw PolicySyntaxErrors(
                errors: Array(reader.errors.prefix(limits.maximumErrors)),
                isTruncated: reader.errors.count >= limits.maximumErrors)
        }
        self.init(reader.policies, templates: reader.templates)
    }

    /// Takes policies and templates whose ids are all different.
    init(_ policies: [Policy], templates: [Template]) {
        // What a growing array holds in reserve is a third of a large set.
        var exact: [Policy] = []
        exact.reserveCapacity(policies.count)
        exact.append(contentsOf: policies)
        self.policies = exact
        self.templates = templates
        var places: [ByteKey: Int32] = [:]
        places.reserveCapacity(policies.count)
        for (place, policy) in policies.enumerated() { places[ByteKey(policy.id)] = Int32(place) }
        self.places = places
        index = PolicyIndex(policies)
    }

    /// This set with policies behind those that are there; the work done for those is kept.
    func adding(_ others: [Policy]) -> PolicySet {
        PolicySet(policies + others, templates: templates)
    }

    /// The policy of that id.
    public subscript(id: String) -> Policy? {
        places[ByteKey(id)].map { policies[Int($0)] }
    }

    /// Every entity that a policy names, each once.
    public var entities: [EntityUID] {
        var seen: Set<EntityUID> = []
        return policies.flatMap(\.entities).filter { seen.insert($0).inserted }
    }
}

/// Gathers policies and errors over several sources.
private struct PolicySetReader {
    let limits: PolicyLimits
    let idsFromAnnotation: Bool
    let allowsTemplates: Bool
    private(set) var policies: [Policy] = []
    private(set) var templates: [Template] = []
    private(set) var errors: [PolicySyntaxError] = []
    private var ids: Set<ByteKey> = []
    private var bytes = 0
    private var place = 0

    init(limits: PolicyLimits, idsFromAnnotation: Bool, allowsTemplates: Bool) {
        self.limits = limits
        self.idsFromAnnotation = idsFromAnnotation
        self.allowsTemplates = allowsTemplates
    }

    mutating func read(_ source: PolicySource) {
        let start = SourcePosition(offset: 0, line: 1, column: 1)
        bytes += source.text.utf8.count
        // Places in a text are kept in 32 bits.
        guard bytes <= min(limits.maximumBytes, Int(Int32.max)) else {
            note(
                "policies are longer than \(limits.maximumBytes) bytes",
                at: SourceSpan(start, start), in: source)
            return
        }
        var parser = Parser(source, limits: limits, allowsTemplates: allowsTemplates)
        let parsed = parser.policies()
        errors += parser.errors.sorted { $0.span.start < $1.span.start }
        for policy in parsed { add(policy, from: source) }
        if place > limits.maximumPolicies {
            note(
                "more than \(limits.maximumPolicies) policies", at: SourceSpan(start, start),
                in: source)
        }
    }

    private mutating func add(_ parsed: ParsedPolicy, from source: PolicySource) {
        let annotation =
            idsFromAnnotation ? parsed.annotations.first { Bytes.equal($0.name, "id") } : nil
        if let annotation, annotation.value.isEmpty {
            note("`@id` needs a value", at: annotation.span, in: source, hint: "write `@id(\"…\")`")
        }
        let id = annotation?.value ?? "policy\(place)"
        if !ids.insert(ByteKey(id)).inserted {
            note(
                "duplicate policy id: `\(id.cedarEscaped)`", at: annotation?.span ?? parsed.span,
                in: source, hint: "give each policy an `@id` of its own")
        }
        place += 1
        let template = Template(parsed, id: id, source: source)
        if parsed.isTemplate {
            templates.append(template)
        } else {
            policies.append(Policy(template, link: nil))
        }
    }

    private mutating func note(
        _ message: String, at span: SourceSpan, in source: PolicySource, hint: String? = nil
    ) {
        errors.append(
            PolicySyntaxError(source: source.name, span: span, message: message, hint: hint))
    }
}
