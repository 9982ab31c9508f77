// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Storage
internal import TransparencyLog

/// Whether an agent has used a resource before: `context.behavior.firstUse` of policies.
///
/// Which action used it last is noted in an operational row, and such a row proves nothing: the
/// action that it names is replayed from its entries, and only a claim found there counts. A row
/// that is missing, edited or stale can make a use look like the first one and never the other way.
enum ResourceUse {
    /// How long a use is remembered: what was not touched for a quarter is new again.
    static let memorySeconds: Int64 = 90 * 86_400
    /// A use is noted again only after so long, so that a busy agent costs no row each time.
    private static let renewalSeconds: Int64 = 86_400

    private static let space = "use"

    private static func key(_ operation: Operation, _ agent: Handle) throws -> String {
        let named: JSON = [
            "agent": .string(agent.text), "id": .string(operation.resourceID),
            "type": .string(operation.resourceType),
        ]
        return Hash256.sha256(try named.canonicalBytes()).hex
    }

    /// Whether no claim of the agent on the resource of this operation can be proven.
    static func isFirst(
        _ operation: Operation, by agent: Handle, _ view: LedgerView
    ) throws -> Bool {
        guard
            let row = try view.store.operational(
                space: space, key: try key(operation, agent)),
            let id = ActionID(String(decoding: row.value, as: UTF8.self)),
            let (state, body) = try view.action(id), let claim = state.claim
        else { return true }
        let used = body.action
        let isSame =
            used.requester.agent == agent && used.operation.resourceID == operation.resourceID
            && used.operation.resourceType == operation.resourceType
        let isRecent = claim.startBy.adding(seconds: memorySeconds) > view.now
        return !isSame || !isRecent || state.status == .notStarted
    }

    /// The row that notes a use, if these events are one and it is not noted already.
    static func rows(
        _ events: [ActionEvent], of action: Action, _ view: LedgerView
    ) throws -> [OperationalRow] {
        let isUse = events.contains { if case .claimed = $0 { true } else { false } }
        guard isUse else { return [] }
        let key = try key(action.operation, action.requester.agent)
        let expires = view.now.adding(seconds: memorySeconds)
        if let noted = try view.store.operational(space: space, key: key),
            noted.expires.adding(seconds: renewalSeconds) > expires
        {
            return []
        }
        return [
            OperationalRow(
                space: space, key: key, value: Array(action.id.text.utf8), expires: expires)
        ]
    }
}

extension ControlPlane {
    /// The facts of an operation: what the analysers find in it, and what the ledger knows of its
    /// agent where the policies in force ask for that.
    func facts(_ operation: Operation, by agent: Handle) async throws -> JSON {
        let found = remediationFacts(operation) ?? effects.facts(operation)
        guard governance.policies?.asksForBehavior == true,
            case .object(var object) = found
        else { return found }
        // On the writer, because only there is a chain proven against the tree as it stands.
        let recorded = try await writer.submit(priority: .intake) { view in
            LedgerPlan(try ResourceUse.isFirst(operation, by: agent, view))
        }
        object["behavior"] = ["firstUse": .bool(recorded.value)]
        return .object(object)
    }
}
