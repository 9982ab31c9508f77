// SPDX-License-Identifier: Apache-2.0

package import CanonicalJSON
package import Cedar
package import TransparencyLog

/// The answer of policy to one action: a value with all its reasons, never thrown.
package struct Verdict: Sendable, Hashable {
    package enum Decision: String, Sendable, Hashable, CaseIterable {
        case allow
        case review
        case deny
    }

    /// One policy that fired.
    package struct Reason: Sendable, Hashable {
        package let policy: String
        package let permits: Bool
        /// A forbid that only asks for a review.
        package let review: Bool
        package let severity: Severity?
        package let reason: String?
        package let advice: String?
    }

    /// One policy that could not be evaluated, and what that did to the verdict.
    package struct PolicyError: Sendable, Hashable {
        package let policy: String
        package let message: String
    }

    package let decision: Decision
    package let reasons: [Reason]
    package let errors: [PolicyError]
    /// Set if and only if the decision is `review`.
    package let requirement: Requirement?
    package let policySet: Hash256
    package let directory: Hash256
    /// The instant that policies saw as `context.now`.
    package let evaluatedAt: Timestamp

    package init(
        decision: Decision, reasons: [Reason], errors: [PolicyError], requirement: Requirement?,
        policySet: Hash256, directory: Hash256, evaluatedAt: Timestamp
    ) {
        self.decision = decision
        self.reasons = reasons
        self.errors = errors
        self.requirement = requirement
        self.policySet = policySet
        self.directory = directory
        self.evaluatedAt = evaluatedAt
    }

    /// The part that goes into a core: ids only, all that a replay needs.
    package var coreJSON: JSON {
        let fired = reasons.map { reason -> JSON in
            [
                "effect": reason.permits ? "permit" : "forbid",
                "policy": .string(reason.policy), "review": .bool(reason.review),
            ]
        }
        return [
            "decision": .string(decision.rawValue), "directory": .string(directory.hex),
            "errors": .array(errors.map { .string($0.policy) }),
            "evaluatedAt": .string(evaluatedAt.description), "policySet": .string(policySet.hex),
            "reasons": .array(fired), "requirement": requirement?.json ?? .null,
        ]
    }

    /// The same findings, denied because the review they ask for can't be satisfied.
    func unsatisfiable(_ message: String) -> Verdict {
        Verdict(
            decision: .deny, reasons: reasons,
            errors: errors + [PolicyError(policy: "review", message: message)],
            requirement: nil, policySet: policySet, directory: directory,
            evaluatedAt: evaluatedAt)
    }

    /// The stricter of two verdicts on one action, with the findings of both.
    func stricter(_ other: Verdict) -> Verdict {
        let decision: Decision
        let requirement: Requirement?
        switch (self.decision, other.decision) {
        case (.deny, _), (_, .deny): (decision, requirement) = (.deny, nil)
        case (.allow, .allow): (decision, requirement) = (.allow, nil)
        default:
            let demands = [self.requirement, other.requirement].compactMap(\.self)
            requirement =
                demands.count == 2 ? demands[0].merged(with: demands[1]) : demands.first
            // What can't be merged within the limits can't be met either.
            decision = requirement == nil ? .deny : .review
        }
        let seen = Set(reasons)
        return Verdict(
            decision: decision,
            reasons: reasons + other.reasons.filter { !seen.contains($0) },
            errors: errors + other.errors.filter { !errors.contains($0) },
            requirement: requirement, policySet: policySet, directory: directory,
            evaluatedAt: evaluatedAt)
    }

    /// The same, but a change of this server's own rules is never let pass without another person,
    /// who is signed in at the console and does not break the glass (DESIGN §4.13).
    package var onFloor: Verdict {
        guard decision != .deny else { return self }
        let own = requirement
        let floor = Requirement(
            slots: own?.slots ?? [Slot(group: .administrators, quorum: 1)],
            expires: own?.expires ?? Self.floorExpires, grant: own?.grant ?? Self.floorGrant,
            severity: max(own?.severity ?? .high, .high),
            assurance: max(own?.assurance ?? .console, .console))
        return Verdict(
            decision: floor == nil ? .deny : .review, reasons: reasons, errors: errors,
            requirement: floor, policySet: policySet, directory: directory,
            evaluatedAt: evaluatedAt)
    }

    private static let floorExpires = Span(constant: 86_400)
    private static let floorGrant = Span(constant: 600)

    /// The texts, for people; they go into the body.
    package var bodyJSON: JSON {
        let fired = reasons.map { reason -> JSON in
            [
                "advice": .optional(reason.advice), "policy": .string(reason.policy),
                "reason": .optional(reason.reason),
                "severity": .optional(reason.severity?.rawValue),
            ]
        }
        let failed = errors.map { error -> JSON in
            ["message": .string(error.message), "policy": .string(error.policy)]
        }
        return ["errors": .array(failed), "reasons": .array(fired)]
    }
}

/// The verdict rule of DESIGN §7, in one pass over what Cedar found.
///
/// With P = satisfied permits, H = satisfied unmarked forbids, R = satisfied marked forbids,
/// E = erroring policies:
/// `H≠∅ → deny; P=∅ → deny; E has an unmarked forbid → deny;
///  R≠∅ or E has a marked forbid → review; else allow`.
package enum VerdictRule {
    package static func verdict(
        _ evaluation: Evaluation, policies: PublishedPolicies, directory: Hash256,
        at now: Timestamp
    ) -> Verdict {
        var reasons: [Verdict.Reason] = []
        var demands: [Requirement] = []
        var unmarkedForbid = false
        for id in evaluation.satisfiedPermits {
            let marker = policies.marker(id)
            reasons.append(
                Verdict.Reason(
                    policy: id, permits: true, review: false, severity: nil,
                    reason: marker?.reason, advice: marker?.advice))
        }
        for id in evaluation.satisfiedForbids {
            let marker = policies.marker(id)
            if let requirement = marker?.requirement {
                demands.append(requirement)
            } else {
                unmarkedForbid = true
            }
            reasons.append(
                Verdict.Reason(
                    policy: id, permits: false, review: marker?.requirement != nil,
                    severity: marker?.requirement?.severity, reason: marker?.reason,
                    advice: marker?.advice))
        }
        for error in evaluation.errors where policies.isForbid(error.id) {
            // An error must never open a door: it counts as if the forbid had fired.
            if let requirement = policies.marker(error.id)?.requirement {
                demands.append(requirement)
            } else {
                unmarkedForbid = true
            }
        }
        let requirement = merge(demands)
        let decision: Verdict.Decision
        if unmarkedForbid || evaluation.satisfiedPermits.isEmpty {
            decision = .deny
        } else if demands.isEmpty {
            decision = .allow
        } else {
            // Requirements that can't be merged within the limits can't be met either.
            decision = requirement == nil ? .deny : .review
        }
        return Verdict(
            decision: decision, reasons: reasons,
            errors: evaluation.errors.map {
                Verdict.PolicyError(policy: $0.id, message: $0.error.description)
            },
            requirement: decision == .review ? requirement : nil, policySet: policies.digest,
            directory: directory, evaluatedAt: now)
    }

    private static func merge(_ demands: [Requirement]) -> Requirement? {
        guard var result = demands.first else { return nil }
        for demand in demands.dropFirst() {
            guard let merged = result.merged(with: demand) else { return nil }
            result = merged
        }
        return result
    }
}
