// SPDX-License-Identifier: Apache-2.0

internal import Cedar

extension PolicyEnvironment {
    /// Whether every request of an agent to call a tool of a server is denied, whatever its input
    /// and the time; with nil, of any agent.
    ///
    /// True only where scopes alone say so: no `permit` reaches the action, or a `forbid` without
    /// conditions and without a review does. Where conditions decide it is false. It says what is
    /// so now; groups and policies change.
    package func neverAllows(action name: String, server: String, agent: Handle?) -> Bool {
        let action = EntityUID(type: "Action", id: name)
        guard let declared = policies.schema.actions[action],
            declared.principals.contains(Self.agentType),
            declared.resources.contains(ToolAction.resourceType)
        else { return true }
        let question = Question(
            action: action, actions: declared.ancestors.union([action]),
            resource: EntityUID(type: ToolAction.resourceType, id: server),
            principals: agent.map(principalAndGroups))
        var isPermitted = false
        for policy in policies.policySet.policies {
            switch policy.effect {
            case .permit: isPermitted = isPermitted || question.mayMatch(policy.scope)
            case .forbid:
                let isDenial = policies.marker(policy.id)?.requirement == nil
                if isDenial, policy.conditions.isEmpty, question.mustMatch(policy.scope) {
                    return true
                }
            }
        }
        return !isPermitted
    }

    private func principalAndGroups(_ agent: Handle) -> Set<EntityUID> {
        Set(directory.groups(of: agent).map { EntityUID(type: Self.groupType, id: $0.text) })
            .union([EntityUID(type: Self.agentType, id: agent.text)])
    }
}

/// Requests that differ in nothing that a scope looks at, but for the agent if none is named.
private struct Question {
    let action: EntityUID
    /// The action and every group that it is in.
    let actions: Set<EntityUID>
    let resource: EntityUID
    /// The agent and its groups; nil for whatever agent.
    let principals: Set<EntityUID>?

    /// Whether a scope can match one of them; true in doubt.
    func mayMatch(_ scope: Scope) -> Bool {
        guard matches(scope.action) else { return false }
        guard let principals else {
            switch scope.principal {
            case .any, .in: return true
            case .equal(let uid): return isAgent(uid.type)
            case .is(let type), .isIn(let type, _): return isAgent(type)
            }
        }
        return matches(scope.principal, principals)
    }

    /// Whether a scope matches each of them; false in doubt.
    func mustMatch(_ scope: Scope) -> Bool {
        guard matches(scope.action) else { return false }
        switch scope.resource {
        case .any: break
        case .is(let type): guard type.utf8.elementsEqual(resource.type.utf8) else { return false }
        case .equal(let uid): guard uid == resource else { return false }
        case .in, .isIn: return false
        }
        if let principals { return matches(scope.principal, principals) }
        switch scope.principal {
        case .any: return true
        case .is(let type): return isAgent(type)
        case .equal, .in, .isIn: return false
        }
    }

    private func matches(_ constraint: ActionConstraint) -> Bool {
        switch constraint {
        case .any: true
        case .equal(let uid): uid == action
        case .in(let uids): uids.contains { actions.contains($0) }
        }
    }

    private func matches(_ constraint: EntityConstraint, _ principals: Set<EntityUID>) -> Bool {
        switch constraint {
        case .any: true
        case .equal(let uid): isAgent(uid.type) && principals.contains(uid)
        case .in(let uid): principals.contains(uid)
        case .is(let type): isAgent(type)
        case .isIn(let type, let uid): isAgent(type) && principals.contains(uid)
        }
    }

    private func isAgent(_ type: String) -> Bool {
        type.utf8.elementsEqual(PolicyEnvironment.agentType.utf8)
    }
}
