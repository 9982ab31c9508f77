// SPDX-License-Identifier: Apache-2.0

extension ActionMachine {
    /// The requester's own way out; also the owner's.
    package mutating func cancel(
        by principal: Principal, now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        try letTimePass(&result, now)
        guard result.refusal == nil else { return result }
        let requester = state.submission.requester
        let mayCancel: Bool =
            switch principal {
            case .agent(let agent): agent == requester.agent
            case .person(let person): requester.chain.contains(person)
            case .gate, .administrator, .action: false
            }
        guard mayCancel else {
            try refuse(
                Refusal(.notRequester, "only the requester cancels; deny it instead"), principal,
                "cancel", &result, now)
            return result
        }
        guard state.status == .pending || state.status == .cleared else {
            result.refusal = Refusal(.notPending, "the action is `\(state.status.rawValue)`")
            return result
        }
        try record(.cancelled(by: principal.description), into: &result.events, now)
        return result
    }

    /// Takes a grant back before it is used: any person the review asks, or an administrator.
    package mutating func revoke(
        by principal: Principal, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        try letTimePass(&result, surroundings.now)
        guard result.refusal == nil else { return result }
        guard case .person(let person) = principal, mayRevoke(person, surroundings.directory)
        else {
            try refuse(
                Refusal(.notAllowed, "only a reviewer or administrator revokes"), principal,
                "revoke", &result, surroundings.now)
            return result
        }
        guard state.status == .cleared else {
            result.refusal = Refusal(.notCleared, "the action is `\(state.status.rawValue)`")
            return result
        }
        try record(.revoked(by: person), into: &result.events, surroundings.now)
        return result
    }

    func mayRevoke(_ person: Handle, _ directory: Directory) -> Bool {
        isAsked(person, directory) || directory.isAdministrator(person)
            || chain(directory).contains(person)
    }

    /// Whether the review asks this person, now or later on.
    func isAsked(_ person: Handle, _ directory: Directory) -> Bool {
        let asked = state.requirement?.groups(
            of: person, in: directory, after: Limits.longestSpanSeconds)
        return !(asked ?? []).isEmpty
    }

    /// Says what became of an action whose gate fell silent; a person outside the chain.
    package mutating func settle(
        _ outcome: OutcomeStatus, by principal: Principal, _ surroundings: MachineSurroundings
    ) throws -> MachineResult {
        var result = MachineResult()
        guard state.status == .unknown, outcome != .unknown else {
            result.refusal = Refusal(
                .notUnknown,
                "only an unknown outcome is settled, as one "
                    + "that is known")
            return result
        }
        guard case .person(let person) = principal,
            surroundings.directory.persons.contains(person),
            !chain(surroundings.directory).contains(person) || allowsSelfApproval(surroundings)
        else {
            try refuse(
                Refusal(.notAllowed, "only a person outside the requester chain settles"),
                principal, "settle", &result, surroundings.now)
            return result
        }
        try record(.settled(outcome, by: person), into: &result.events, surroundings.now)
        return result
    }
}
