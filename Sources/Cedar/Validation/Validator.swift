// SPDX-License-Identifier: Apache-2.0

/// Validates policies against a schema.
///
/// A policy that passes never fails to evaluate for requests and entities that fit the schema,
/// except for integer overflow, missing entities and extension functions whose results do not fit
/// (Cedar's validation soundness).
public struct Validator: Sendable {
    /// The nesting of policies that is followed; validating recurses this deep.
    public static let maximumDepth = 200

    /// What policies are validated against.
    public let schema: Schema
    /// The combinations of action, principal and resource that are tried for one policy; 1,000,000
    /// unless set.
    ///
    /// Each takes a microsecond at least. With more the policy is not valid.
    public var maximumRequestEnvironments = 1_000_000
    /// The expressions that are looked at for one policy, in all request environments together;
    /// 10,000,000 unless set.
    ///
    /// Types that are compared count with all their parts, and so does what goes with the size of
    /// something else.
    /// It is far more than a policy needs that a person can read, and a few seconds of work. With
    /// more the policy is not valid.
    public var maximumSteps = 10_000_000
    /// The errors, and the warnings, that are kept for one policy; 1,000 unless set.
    ///
    /// With more errors the rest of the policy is not looked at; the result says so in
    /// ``ValidationResult/isTruncated``. One that says which limit ended validation comes on top.
    public var maximumErrors = 1_000

    /// Validates against a schema.
    public init(_ schema: Schema) {
        self.schema = schema
    }

    /// Validates every policy, template and link of a set.
    ///
    /// - Parameters:
    ///   - policies: the policies; each is validated on its own. Of a link only the values are
    ///     looked at: its template is valid for whatever fills the slots.
    ///   - mode: the rules.
    ///   - maximumLevel: how many times policies may go on from one entity to the next (RFC 76);
    ///     not limited where it is `nil`.
    /// - Returns: every error and warning, policy by policy.
    public func validate(
        _ policies: PolicySet, mode: ValidationMode, maximumLevel: Int? = nil
    ) -> ValidationResult {
        var result = ValidationResult()
        for policy in policies.policies {
            result.add(
                policy.link == nil
                    ? validate(policy, mode: mode, maximumLevel: maximumLevel)
                    : validateLink(policy))
        }
        for template in policies.templates {
            result.add(validate(template, mode: mode, maximumLevel: maximumLevel))
        }
        return result
    }

    /// Validates one template for whatever may fill its slots.
    ///
    /// - Parameters:
    ///   - template: the template.
    ///   - mode: the rules.
    ///   - maximumLevel: how many times it may go on from one entity to the next (RFC 76); not
    ///     limited where it is `nil`.
    /// - Returns: every error and warning, each once, in the order of the text.
    public func validate(
        _ template: Template, mode: ValidationMode, maximumLevel: Int? = nil
    ) -> ValidationResult {
        validate(PolicyUnderValidation(template), mode, maximumLevel)
    }

    /// Validates the values of a link: their types, and that some action applies to them.
    private func validateLink(_ policy: Policy) -> ValidationResult {
        let subject = PolicyUnderValidation(policy)
        var findings = Findings(maximum: maximumErrors)
        for slot in Template.Slot.allCases {
            guard let type = policy.link?.values[slot]?.type, !schema.isKnownEntityType(type)
            else { continue }
            findings.add(
                ValidationError(
                    policyID: policy.id, span: nil,
                    kind: .unrecognizedEntityType(type, suggestion: nil)))
        }
        if let kind = NameChecker(schema, subject).scopeError() {
            findings.add(ValidationError(policyID: policy.id, span: policy.span, kind: kind))
        }
        return findings.result(warnings: [], schema)
    }

    /// Validates one policy.
    ///
    /// - Parameters:
    ///   - policy: the policy.
    ///   - mode: the rules.
    ///   - maximumLevel: how many times it may go on from one entity to the next (RFC 76); not
    ///     limited where it is `nil`.
    /// - Returns: every error and warning, each once, in the order of the text.
    public func validate(
        _ policy: Policy, mode: ValidationMode, maximumLevel: Int? = nil
    ) -> ValidationResult {
        validate(PolicyUnderValidation(policy), mode, maximumLevel)
    }

    func validate(
        _ policy: PolicyUnderValidation, _ mode: ValidationMode, _ maximumLevel: Int?
    ) -> ValidationResult {
        var findings = Findings(maximum: maximumErrors)
        guard policy.depth <= Self.maximumDepth else {
            findings.end(with: policy.error(.recursionLimit(Self.maximumDepth)))
            return findings.result(warnings: [], schema)
        }
        NameChecker(schema, policy).check(&findings)
        let outcome = check(policy, mode, maximumLevel, &findings)
        switch outcome {
        case .ended: return findings.result(warnings: [], schema)
        case .possible, .impossible:
            var warnings = TextChecker.warnings(of: policy, atMost: maximumErrors + 1)
            if outcome == .impossible {
                warnings.insert(
                    .init(policyID: policy.id, span: policy.span, kind: .impossiblePolicy), at: 0)
            }
            return findings.result(warnings: warnings, schema)
        }
    }

    private enum Outcome {
        /// A limit was passed.
        case ended
        /// Some request may satisfy the policy.
        case possible
        /// No request can.
        case impossible
    }

    /// Checks a policy for every request environment.
    private func check(
        _ policy: PolicyUnderValidation, _ mode: ValidationMode, _ maximumLevel: Int?,
        _ findings: inout Findings
    ) -> Outcome {
        var all = environments().makeIterator()
        guard let first = all.next() else { return .impossible }
        var checker = Typechecker(
            schema, mode, policyID: policy.id, environment: first, steps: maximumSteps,
            findings: findings)
        defer { findings = checker.findings }
        let conditions = policy.hasSlots ? nil : policy.conditions([:])
        var isImpossible = true
        var count = 0
        var next: RequestEnvironment? = first
        while let environment = next {
            checker.environment = environment
            for slots in policy.slotChoices(environment, schema) {
                count += 1
                guard count <= maximumRequestEnvironments else {
                    let limit = maximumRequestEnvironments
                    checker.findings.end(with: policy.error(.tooManyRequestEnvironments(limit)))
                    return .ended
                }
                let isFalse = check(
                    policy, conditions ?? policy.conditions(slots), maximumLevel, &checker)
                isImpossible = isImpossible && isFalse
                guard !checker.findings.isTruncated else { return .ended }
                guard checker.steps > 0 else {
                    checker.findings.end(with: policy.error(.tooManySteps(maximumSteps)))
                    return .ended
                }
            }
            next = all.next()
        }
        return isImpossible ? .impossible : .possible
    }

    /// Checks a policy for one request environment and says whether it surely does not apply.
    private func check(
        _ policy: PolicyUnderValidation, _ conditions: [Expression], _ maximumLevel: Int?,
        _ checker: inout Typechecker
    ) -> Bool {
        if policy.hasSlots { checker.charge(policy.partCount) }
        let answer = checker.check(all: conditions)
        let isFalse = answer.type == .false
        if let maximumLevel, answer.isValid || isFalse {
            let action = checker.environment.action.uid
            var levels = LevelChecker(
                policyID: policy.id, maximumLevel: maximumLevel, action: action,
                findings: checker.findings)
            levels.check(answer.node)
            checker.findings = levels.findings
        }
        return isFalse
    }

    /// Every combination that a request may have.
    private func environments() -> some Sequence<RequestEnvironment> {
        schema.sortedActions.lazy.flatMap { action in
            let pattern = RequestEnvironment(action)
            return action.principals.lazy.flatMap { principal in
                let half = pattern.with(principal: principal)
                return action.resources.lazy.map { half.with(resource: $0) }
            }
        }
    }
}

/// What validation finds.
public struct ValidationResult: Sendable, Hashable {
    /// Why policies are not valid.
    public private(set) var errors: [ValidationError] = []
    /// What is likely a mistake all the same.
    public private(set) var warnings: [ValidationWarning] = []
    /// Whether some policy has more errors or warnings than ``Validator/maximumErrors``.
    public private(set) var isTruncated = false

    init(
        errors: [ValidationError] = [], warnings: [ValidationWarning] = [],
        isTruncated: Bool = false
    ) {
        self.errors = errors
        self.warnings = warnings
        self.isTruncated = isTruncated
    }

    /// Whether there are no errors; warnings do not count.
    public var isValid: Bool { errors.isEmpty }

    mutating func add(_ other: ValidationResult) {
        errors += other.errors
        warnings += other.warnings
        isTruncated = isTruncated || other.isTruncated
    }
}
