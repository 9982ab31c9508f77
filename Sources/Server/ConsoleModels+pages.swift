// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Cedar
internal import Console
internal import ControlPlane
internal import Storage
internal import TransparencyLog

extension ConsoleModels {
    private static let ledgerPage: UInt64 = 50

    /// Entries from the newest, or from `index`, towards the beginning.
    func ledger(from index: UInt64?) throws -> LedgerPage {
        let head = control.writer.head
        let top = min(index.map { $0 &+ 1 } ?? head.size, head.size)
        let first = top > Self.ledgerPage ? top - Self.ledgerPage : 0
        let entries = try control.backend.read {
            try $0.entries(from: first, limit: Int(top - first), bodies: true)
        }
        let rows = entries.reversed().map { recorded in
            LedgerRow(
                index: Int(recorded.index), at: instant(recorded.entry.at),
                kind: recorded.entry.kind, ref: recorded.entry.ref,
                isAction: ActionID(recorded.entry.ref) != nil, seq: Int(recorded.entry.seq),
                leafHash: recorded.entry.leafHash.hex,
                body: recorded.body == nil ? .missing : .present)
        }
        return LedgerPage(
            shell: try shell(), origin: control.configuration.origin, size: Int(head.size),
            root: head.frontier.root().hex, verifierKey: control.verifierKey.vkey,
            checkpoint: head.checkpoint, witnesses: [], entries: rows,
            older: first > 0 ? Int(first) - 1 : nil,
            newer: top < head.size ? Int(min(top + Self.ledgerPage, head.size)) - 1 : nil,
            sought: index.map { Int(min($0, UInt64(Int32.max))) })
    }

    func policies() throws -> PoliciesPage {
        guard let policies = governance.policies else { throw CommandError.noPolicies }
        return PoliciesPage(
            shell: try shell(), digest: policies.digest.hex,
            publishedAt: instant(governance.publishedAt ?? now),
            publishedBy: governance.publishedBy ?? "", index: nil,
            policyCount: policies.policySet.policies.count,
            files: policies.files.map {
                Console.PolicyFile(name: $0.name, text: VisibleText.escapeLines($0.text))
            })
    }

    func directory() throws -> DirectoryPage {
        let directory = governance.directory
        let demanded = Set((governance.policies?.demandedSlots ?? []).map(\.slot.group))
        let quarantined = try control.quarantinedGates()
        return DirectoryPage(
            shell: try shell(),
            people: directory.persons.sorted().map { id in
                DirectoryPerson(
                    id: id.text, name: name(id), groups: directory.groups(of: id).map(\.text),
                    isAdministrator: directory.isAdministrator(id),
                    credentials: directory.credentials.values
                        .filter { $0.subject == id && $0.kind != .agent && $0.kind != .gate }
                        .map { $0.kind == .administrator ? "admin.token" : "CLI token" }
                        .sorted(), note: nil)
            },
            groups: directory.groups.keys.sorted().map { id in
                DirectoryGroup(
                    id: id.text, members: (directory.groups[id] ?? []).sorted().map(\.text),
                    isNamedByPolicy: demanded.contains(id))
            },
            agents: directory.agents.sorted { $0.key < $1.key }.map { id, owner in
                DirectoryAgent(
                    id: id.text, owner: person(owner),
                    groups: directory.groups(of: id).map(\.text))
            },
            trusts: directory.trusts.values.sorted { $0.id < $1.id }.map { trust in
                DirectoryTrust(
                    id: trust.id, agent: trust.agent.text, issuer: trust.issuer.text,
                    audience: trust.audience,
                    claims: trust.claims.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                        + (trust.onBehalfOf ? ["(acts for the person whose token it is)"] : []))
            },
            gates: directory.gates.sorted().map { id in
                let approved = directory.configurations[id]
                return DirectoryGate(
                    id: id.text, server: approved?.server,
                    toolCount: approved?.tools.count ?? 0,
                    presentsUnapproved: quarantined.contains(id))
            })
    }
}
