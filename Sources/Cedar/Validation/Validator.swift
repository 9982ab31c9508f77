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
    /// It is far more than a policy needs that a person can read, and a few seconds of work. With
    /// more the policy is not valid.
    public var maximumSteps = 10_000_000

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
        var errors: [ValidationError] = []
        for slot in Template.Slot.allCases {
            guard let type = policy.link?.values[slot]?.type, !schema.isKnownEntityType(type)
            else { continue }
            let near = Suggestion.nearest(to: type, among: schema.entityTypes.keys)
            errors.append(
                ValidationError(
                    policyID: policy.id, span: nil,
                    kind: .unrecognizedEntityType(type, suggestion: near)))
        }
        if let kind = NameChecker(schema, subject).scopeError() {
            errors.append(ValidationError(policyID: policy.id, span: policy.span, kind: kind))
        }
        return ValidationResult(errors: errors)
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
        var findings = Findings()
        guard policy.depth <= Self.maximumDepth else {
            findings.add(
                ValidationError(
                    policyID: policy.id, span: policy.span,
                    kind: .recursionLimit(Self.maximumDepth)))
            return findings.result(warnings: [])
        }
        for error in NameChecker(schema, policy).errors() { findings.add(error) }
        var isImpossible = true
        var steps = maximumSteps
        var count = 0
        for environment in environments() {
            for slots in policy.slotChoices(environment, schema) {
                count += 1
                guard count <= maximumRequestEnvironments else {
                    findings.add(
                        ValidationError(
                            policyID: policy.id, span: policy.span,
                            kind: .tooManyRequestEnvironments(maximumRequestEnvironments)))
                    return findings.result(warnings: [])
                }
                let isFalse = check(
                    policy, mode, maximumLevel, environment, slots, &steps, &findings)
                isImpossible = isImpossible && isFalse
                guard steps > 0 else {
                    findings.add(
                        ValidationError(
                            policyID: policy.id, span: policy.span,
                            kind: .tooManySteps(maximumSteps)))
                    return findings.result(warnings: [])
                }
            }
        }
        var warnings = TextChecker.warnings(of: policy)
        if isImpossible {
            warnings.insert(
                .init(policyID: policy.id, span: policy.span, kind: .impossiblePolicy), at: 0)
        }
        return findings.result(warnings: warnings)
    }

    /// Checks a policy for one request environment and says whether it surely does not apply.
    private func check(
        _ policy: PolicyUnderValidation, _ mode: ValidationMode, _ maximumLevel: Int?,
        _ environment: RequestEnvironment, _ slots: [Template.Slot: EntityUID],
        _ steps: inout Int, _ findings: inout Findings
    ) -> Bool {
        var typechecker = Typechecker(
            schema, mode, policyID: policy.id, environment: environment, steps: steps)
        let answer = typechecker.check(all: policy.conditions(slots))
        steps = typechecker.steps
        for error in typechecker.errors { findings.add(error) }
        let isFalse = answer.type == .false
        if let maximumLevel, answer.isValid || isFalse {
            var levels = LevelChecker(
                policyID: policy.id, maximumLevel: maximumLevel, action: environment.action.uid)
            levels.check(answer.node)
            for error in levels.errors { findings.add(error) }
        }
        return isFalse
    }

    /// Every combination that a request may have.
    private func environments() -> some Sequence<RequestEnvironment> {
        schema.sortedActions.lazy.flatMap { action in
            action.principals.lazy.flatMap { principal in
                action.resources.lazy.map { resource in
                    RequestEnvironment(action, principal: principal, resource: resource)
                }
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

    init(errors: [ValidationError] = [], warnings: [ValidationWarning] = []) {
        self.errors = errors
        self.warnings = warnings
    }

    /// Whether there are no errors; warnings do not count.
    public var isValid: Bool { errors.isEmpty }

    mutating func add(_ other: ValidationResult) {
        errors += other.errors
        warnings += other.warnings
    }
}

/// Gathers errors, each once: most come up in several request environments.
private struct Findings {
    private var errors: [ValidationError] = []
    private var seen: Set<ValidationError> = []

    mutating func add(_ error: ValidationError) {
        if seen.insert(error).inserted { errors.append(error) }
    }

    func result(warnings: [ValidationWarning]) -> ValidationResult {
        let sorted = errors.enumerated().sorted { left, right in
            let one = left.element.span?.start.offset ?? 0
            let two = right.element.span?.start.offset ?? 0
            return (one, left.offset) < (two, right.offset)
        }
        return ValidationResult(errors: sorted.map(\.element), warnings: warnings)
    }
}
