// SPDX-License-Identifier: Apache-2.0

extension ActionMachine {
    /// The requester's own way out; also the owner's.
    package mutating func cancel(
        by principal: Principal, now: Timestamp
    ) throws -> MachineResult {
        var result = MachineResult()
        try expireIfDue(&result, now)
        guard result.refusal == nil else { return result }
        let requester = state.submission.requester
        let mayCancel: Bool =
            switch principal {
            case .agent(let agent): agent == requester.agent
            case .person(let person): requester.chain.contains(person)
            case .gate, .administrator: false
            }
        guard mayCancel else {
            result.refusal = Refusal(.notRequester, "only the requester cancels; deny it instead")
            try record(
                .refused(
                    principal: principal.description, attempt: "cancel",
                    code: Refusal.Code.notRequester.rawValue), into: &result.events, now)
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
        try expireIfDue(&result, surroundings.now)
        guard result.refusal == nil else { return result }
        guard case .person(let person) = principal, mayRevoke(person, surroundings.directory)
        else {
            result.refusal = Refusal(.notAllowed, "only a reviewer or administrator revokes")
            try record(
                .refused(
                    principal: principal.description, attempt: "revoke",
                    code: Refusal.Code.notAllowed.rawValue), into: &result.events,
                surroundings.now)
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
        let asked = state.submission.requirement?.groups(of: person, in: directory) ?? []
        return !asked.isEmpty || directory.isAdministrator(person)
            || chain(directory).contains(person)
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
            result.refusal = Refusal(
                .notAllowed,
                "only a person outside the requester chain "
                    + "settles")
            try record(
                .refused(
                    principal: principal.description, attempt: "settle",
                    code: Refusal.Code.notAllowed.rawValue), into: &result.events,
                surroundings.now)
            return result
        }
        try record(.settled(outcome, by: person), into: &result.events, surroundings.now)
        return result
    }
}
