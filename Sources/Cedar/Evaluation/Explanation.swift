// SPDX-License-Identifier: Apache-2.0

/// Why one policy takes part in an answer, or what stopped it.
public struct PolicyExplanation: Sendable {
    /// A part of a scope.
    public enum ScopePart: String, Sendable, Hashable, CaseIterable {
        /// The three parts, in the order written.
        case principal, action, resource
    }

    /// The part of a condition that decided that the policy does not apply.
    public struct Clause: Sendable {
        /// Which kind of condition it stands in.
        public let kind: Policy.Condition.Kind
        /// The smallest expression that alone was enough.
        public let expression: Expression
        /// What it evaluated to.
        public let value: Bool
        /// What its operands that are not literals evaluated to, as far as they did.
        public let operands: [(expression: Expression, value: Value)]
    }

    /// What became of the policy.
    public enum Outcome: Sendable {
        /// Scope and conditions hold.
        case satisfied
        /// These parts of the scope do not match; at least one.
        case outOfScope(Set<ScopePart>)
        /// The scope matches, and this stopped the policy.
        case stopped(Clause)
        /// It could not be evaluated.
        case failed(EvaluationError)
    }

    /// The id of the policy.
    public let id: String
    /// What became of it.
    public let outcome: Outcome

    /// Whether only one thing kept the policy from being satisfied: a clause, or one part of the
    /// scope.
    public var isNear: Bool {
        switch outcome {
        case .stopped: true
        case .outOfScope(let parts): parts.count == 1
        case .satisfied, .failed: false
        }
    }
}

extension PolicySet {
    /// Says of every policy why it applies to a request or what stopped it.
    ///
    /// It looks at every policy and evaluates parts of conditions again, so it is for people and
    /// not for every decision. What it says agrees with ``evaluate(_:entities:maximumDepth:)``.
    /// - Parameters:
    ///   - request: the question.
    ///   - entities: what is known.
    ///   - maximumDepth: the nesting of a policy above which it is not evaluated.
    /// - Returns: one explanation for each policy, in the order of the set.
    public func explain(
        _ request: Request, entities: Entities, maximumDepth: Int = defaultEvaluationDepth
    ) -> [PolicyExplanation] {
        let environment = Environment(request, entities: entities)
        return policies.indices.map { place in
            PolicyExplanation(
                id: policies[place].id, outcome: outcome(place, environment, maximumDepth))
        }
    }

    private func outcome(
        _ place: Int, _ environment: Environment, _ maximumDepth: Int
    ) -> PolicyExplanation.Outcome {
        let parts = policies[place].scope.mismatches(environment)
        guard parts.isEmpty else { return .outOfScope(parts) }
        do throws(EvaluationError) {
            if try policies[place].compiled.hold(environment, maximumDepth: maximumDepth) {
                return .satisfied
            }
            for condition in policies[place].conditions {
                let unwanted = condition.kind == .unless
                let node = Compiler.compile(condition.body)
                guard try node.holds(environment) == unwanted else { continue }
                let blamed = try Blame(environment).part(of: condition.body, being: unwanted)
                return .stopped(
                    PolicyExplanation.Clause(
                        kind: condition.kind, expression: blamed.0, value: blamed.1,
                        operands: Blame(environment).operands(of: blamed.0)))
            }
            return .satisfied
        } catch {
            return .failed(error)
        }
    }
}

/// Finds the part of a condition that alone is enough for its value.
private struct Blame {
    let environment: Environment

    init(_ environment: Environment) {
        self.environment = environment
    }

    /// The smallest part of an expression, which has this value, that alone gives it this value.
    func part(
        of expression: Expression, being value: Bool
    ) throws(EvaluationError) -> (Expression, Bool) {
        switch expression.kind {
        case .and(let operands) where !value:
            return try first(of: operands, being: false) ?? (expression, value)
        case .or(let operands) where value:
            return try first(of: operands, being: true) ?? (expression, value)
        case .not(let operand):
            return try part(of: operand, being: !value)
        case .conditional(let test, let yes, let no):
            let taken = try Compiler.compile(test).holds(environment) ? yes : no
            return try part(of: taken, being: value)
        default:
            return (expression, value)
        }
    }

    private func first(
        of operands: [Expression], being value: Bool
    ) throws(EvaluationError) -> (Expression, Bool)? {
        for operand in operands where try Compiler.compile(operand).holds(environment) == value {
            return try part(of: operand, being: value)
        }
        return nil
    }

    /// The values of what the expression compares, junctions spelled out, each once.
    func operands(of expression: Expression) -> [(expression: Expression, value: Value)] {
        switch expression.kind {
        case .and(let operands), .or(let operands):
            var seen: Set<String> = []
            return operands.flatMap { self.operands(of: $0) }
                .filter { seen.insert("\($0.expression)").inserted }
        case .not(let operand):
            return operands(of: operand)
        case .has, .attribute, .variable:
            return []
        default:
            return values(of: expression.children)
        }
    }

    private func values(of children: [Expression]) -> [(expression: Expression, value: Value)] {
        children.compactMap { child in
            if case .literal = child.kind { return nil }
            if case .set = child.kind { return nil }
            if case .extensionCall = child.kind { return nil }
            guard let value = try? Compiler.compile(child).value(environment) else { return nil }
            return (child, value)
        }
    }
}
