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
                    isAdministrator: directory.isAdministrator(id), credentials: credentials(id),
                    note: note(id))
            },
            groups: directory.groups.keys.sorted().map { id in
                DirectoryGroup(
                    id: id.text, members: (directory.groups[id] ?? []).sorted().map(\.text),
                    isNamedByPolicy: demanded.contains(id))
            },
            agents: try directory.agents.sorted { $0.key < $1.key }.map { id, owner in
                DirectoryAgent(
                    id: id.text, owner: person(owner),
                    groups: directory.groups(of: id).map(\.text), tokens: try tokens(id, .agent))
            },
            trusts: directory.trusts.values.sorted { $0.id < $1.id }.map { trust in
                DirectoryTrust(
                    id: trust.id, agent: trust.agent.text, issuer: trust.issuer.text,
                    audience: trust.audience,
                    claims: trust.claims.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                        + (trust.onBehalfOf ? ["(acts for the person whose token it is)"] : []))
            },
            gates: try directory.gates.sorted().map { id in
                let approved = directory.configurations[id]
                return DirectoryGate(
                    id: id.text, server: approved?.server,
                    toolCount: approved?.tools.count ?? 0,
                    presentsUnapproved: quarantined.contains(id), tokens: try tokens(id, .gate))
            },
            resources: directory.resources.values.sorted { $0.id < $1.id }.map { rule in
                DirectoryResource(
                    id: rule.id.text, type: VisibleText.escape(rule.type),
                    pattern: VisibleText.escape(rule.pattern),
                    sensitivity: rule.sensitivity.rawValue, owner: rule.owner?.text)
            },
            freezes: directory.freezes.values.sorted { $0.id < $1.id }.map { window in
                DirectoryFreeze(
                    id: window.id.text, zone: window.zone, ranges: window.ranges.map(\.words),
                    isOpen: window.isOpen(at: now), until: instant(window.unchangedUntil(now)))
            })
    }

    /// Passkeys, accounts and tokens of a person, each with what matters about it.
    private func credentials(_ person: Handle) -> [String] {
        let directory = governance.directory
        return ownCredentials(person, directory)
            + directory.credentials.values
            .filter { $0.subject == person && $0.kind != .agent && $0.kind != .gate }
            .map { $0.kind == .administrator ? "admin.token" : "CLI token" }.sorted()
    }

    /// What a person shows to be himself and nobody else has seen.
    func ownCredentials(_ person: Handle, _ directory: Directory) -> [String] {
        let accounts = directory.externals.filter { $0.value.person == person }.keys.sorted()
        return directory.passkeys(of: person).map { passkey in
            let kept = passkey.isBackupEligible ? "synced" : "on one device"
            return "passkey \(passkey.id.prefix(12))…, \(kept)"
        } + accounts.map { "account \($0)" }
    }

    private func note(_ person: Handle) -> String? {
        guard !governance.unsealed, !governance.directory.hasOwnCredential(person) else {
            return nil
        }
        return "has no passkey or account of his own, so he decides only with a token that nobody "
            + "else has seen"
    }

    private func tokens(_ subject: Handle, _ kind: CredentialKind) throws -> [DirectoryToken] {
        try governance.directory.credentials.values
            .filter { $0.subject == subject && $0.kind == kind }.sorted { $0.id < $1.id }
            .map { credential in
                DirectoryToken(
                    expires: credential.notAfter.map(instant),
                    lastUsed: try control.lastUse(of: credential.id).map(instant))
            }
    }
}
