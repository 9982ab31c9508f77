// SPDX-License-Identifier: Apache-2.0

/// Policies that are evaluated together, ready to evaluate.
///
/// Reading does the work once: conditions are compiled and the policies indexed by action, so
/// that a decision costs time only for policies that may be about the request.
public struct PolicySet: Sendable {
    /// The policies in the order read.
    public let policies: [Policy]
    let compiled: [CompiledPolicy]
    let index: PolicyIndex
    private let places: [ByteKey: Int]

    /// Reads one text.
    ///
    /// - Parameters:
    ///   - text: any number of static policies in Cedar syntax.
    ///   - idsFromAnnotation: whether `@id("…")` names a policy; without, or where a policy has
    ///     none, its name is `policy0`, `policy1`, … by place.
    ///   - limits: how much is read.
    /// - Throws: ``PolicySyntaxErrors`` with every error found.
    public init(
        parsing text: String, idsFromAnnotation: Bool = false, limits: PolicyLimits = .init()
    ) throws(PolicySyntaxErrors) {
        try self.init(
            parsing: [PolicySource(text: text)], idsFromAnnotation: idsFromAnnotation,
            limits: limits)
    }

    /// Reads several texts, such as the files of a folder, as one set.
    ///
    /// - Parameters:
    ///   - sources: the texts; places, and so positional names, run on from one to the next.
    ///   - idsFromAnnotation: whether `@id("…")` names a policy; without, or where a policy has
    ///     none, its name is `policy0`, `policy1`, … by place.
    ///   - limits: how much is read.
    /// - Throws: ``PolicySyntaxErrors`` with every error found, in all of the texts.
    public init(
        parsing sources: [PolicySource], idsFromAnnotation: Bool = false,
        limits: PolicyLimits = .init()
    ) throws(PolicySyntaxErrors) {
        var reader = PolicySetReader(limits: limits, idsFromAnnotation: idsFromAnnotation)
        for source in sources { reader.read(source) }
        guard reader.errors.isEmpty else {
            throw PolicySyntaxErrors(
                errors: Array(reader.errors.prefix(limits.maximumErrors)),
                isTruncated: reader.errors.count >= limits.maximumErrors)
        }
        self.init(reader.policies, places: reader.places)
    }

    private init(_ policies: [Policy], places: [ByteKey: Int]) {
        self.policies = policies
        self.places = places
        compiled = policies.map(CompiledPolicy.init)
        index = PolicyIndex(policies)
    }

    /// The policy of that id.
    public subscript(id: String) -> Policy? {
        places[ByteKey(id)].map { policies[$0] }
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
    private(set) var policies: [Policy] = []
    private(set) var errors: [PolicySyntaxError] = []
    private(set) var places: [ByteKey: Int] = [:]
    private var bytes = 0
    private var place = 0

    init(limits: PolicyLimits, idsFromAnnotation: Bool) {
        self.limits = limits
        self.idsFromAnnotation = idsFromAnnotation
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
        var parser = Parser(source, limits: limits)
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
        if places.updateValue(policies.count, forKey: ByteKey(id)) != nil {
            note(
                "duplicate policy id: `\(id.cedarEscaped)`", at: annotation?.span ?? parsed.span,
                in: source, hint: "give each policy an `@id` of its own")
        }
        place += 1
        policies.append(Policy(parsed, id: id, source: source))
    }

    private mutating func note(
        _ message: String, at span: SourceSpan, in source: PolicySource, hint: String? = nil
    ) {
        errors.append(
            PolicySyntaxError(source: source.name, span: span, message: message, hint: hint))
    }
}
