// SPDX-License-Identifier: Apache-2.0

/// The answer of plain Cedar, with everything that led to it.
public struct Evaluation: Sendable, Hashable {
    /// Allowed or denied.
    public enum Decision: String, Sendable, Hashable {
        /// Something permits and nothing forbids.
        case allow
        /// Everything else.
        case deny
    }

    /// A policy that could not be evaluated; plain Cedar leaves it out.
    public struct Failure: Error, Sendable, Hashable {
        /// The id of the policy.
        public let id: String
        /// What went wrong.
        public let error: EvaluationError

        /// Names a policy and its error.
        public init(id: String, error: EvaluationError) {
            self.id = id
            self.error = error
        }
    }

    /// The ids of the satisfied `permit` policies, in the order of the set.
    public internal(set) var satisfiedPermits: [String] = []
    /// The ids of the satisfied `forbid` policies, in the order of the set.
    public internal(set) var satisfiedForbids: [String] = []
    /// The policies that could not be evaluated, in the order of the set.
    ///
    /// Plain Cedar skips an erroring `forbid`, so whoever must fail closed looks here.
    public internal(set) var errors: [Failure] = []

    init() {}

    /// What plain Cedar decides.
    public var decision: Decision {
        satisfiedForbids.isEmpty && !satisfiedPermits.isEmpty ? .allow : .deny
    }

    /// The ids of the policies that determine the decision: forbids if there are any, else
    /// permits.
    public var reasons: [String] {
        satisfiedForbids.isEmpty ? satisfiedPermits : satisfiedForbids
    }
}

extension PolicySet {
    /// The nesting of a policy that is evaluated, unless the caller sets another.
    public static let defaultEvaluationDepth = 200

    /// Evaluates every policy that may be about the request.
    ///
    /// Nothing is cut short across policies: all satisfied and all erroring policies are named,
    /// whatever the decision. The same request always gives the same answer.
    /// - Parameters:
    ///   - request: the question.
    ///   - entities: what is known; names not among them are entities without attributes and
    ///     parents.
    ///   - maximumDepth: the nesting of a policy above which it is not evaluated but fails with
    ///     ``EvaluationError/Kind/recursionLimit``. Evaluation recurses this deep.
    /// - Returns: the decision with all that led to it.
    public func evaluate(
        _ request: Request, entities: Entities, maximumDepth: Int = defaultEvaluationDepth
    ) -> Evaluation {
        let environment = Environment(request, entities: entities)
        var evaluation = Evaluation()
        // Only what the scope matches is noted, so that the rest costs no memory.
        var matching: [Int32] = []
        index.forEachCandidate(environment) { place in
            if policies[Int(place)].scope.matches(environment) { matching.append(place) }
        }
        matching.sort()
        var previous: Int32 = -1
        for place in matching where place != previous {
            previous = place
            evaluate(Int(place), environment, maximumDepth, &evaluation)
        }
        return evaluation
    }

    /// Evaluates like ``evaluate(_:entities:maximumDepth:)``, but looks at every policy.
    ///
    /// The answer is always the same; tests hold the index against it.
    public func evaluateWithoutIndex(
        _ request: Request, entities: Entities, maximumDepth: Int = defaultEvaluationDepth
    ) -> Evaluation {
        let environment = Environment(request, entities: entities)
        var evaluation = Evaluation()
        for place in policies.indices where policies[place].scope.matches(environment) {
            evaluate(place, environment, maximumDepth, &evaluation)
        }
        return evaluation
    }

    private func evaluate(
        _ place: Int, _ environment: Environment, _ maximumDepth: Int,
        _ evaluation: inout Evaluation
    ) {
        let id = policies[place].id
        do throws(EvaluationError) {
            guard
                try policies[place].compiled.hold(environment, maximumDepth: maximumDepth)
            else { return }
            switch policies[place].effect {
            case .permit: evaluation.satisfiedPermits.append(id)
            case .forbid: evaluation.satisfiedForbids.append(id)
            }
        } catch {
            evaluation.errors.append(.init(id: id, error: error))
        }
    }
}
