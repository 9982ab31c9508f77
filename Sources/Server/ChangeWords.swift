// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Console
internal import ControlPlane
internal import DriftCore
internal import TransparencyLog

/// Changes of this server's own rules in sentences, for people.
struct ChangeWords {
    private let governance: Governance
    /// What the people and agents are called who are added by the change itself.
    private var added: [Handle: String] = [:]

    init(_ governance: Governance) { self.governance = governance }

    /// One sentence per change; of policies, what the files are is shown beside.
    func sentences(_ change: GovernanceChange) -> [String] {
        switch change {
        case .directory(let changes):
            var words = self
            for named in changes {
                if case .personAdded(let id) = named.change { words.added[id] = named.name }
                if case .agentAdded(let id, _) = named.change { words.added[id] = named.name }
            }
            return changes.map { words.sentence($0.change) }
        case .policies(let files):
            return [
                "A policy set of \(files.count == 1 ? "1 file" : "\(files.count) files") comes "
                    + "into force."
            ]
        case .gateConfiguration(let gate, let presentation):
            return [
                "What gate \(gate) presents is approved: its configuration and tools, digest "
                    + "\(presentation.hex)."
            ]
        case .drift(let change): return [sentence(change)]
        case .baseline(let source, let root):
            return ["What was found of source \(source) becomes its baseline, root \(root.hex)."]
        case .acceptance(let source, let fingerprints, let root):
            let count = fingerprints.count == 1 ? "1 deviation" : "\(fingerprints.count) deviations"
            return [
                "\(count) of source \(source) are accepted into its baseline, root \(root.hex)."
            ]
        }
    }

    private func sentence(_ change: DriftConfiguration.Change) -> String {
        switch change {
        case .sourceSet(let source):
            let verb = governance.drift.sources[source.id] == nil ? "is watched" : "is set anew"
            return "Source \(source.id), \(source.kind.rawValue) at "
                + "\(VisibleText.escape(source.scope)), \(verb)."
        case .sourceRemoved(let id): return "Source \(id) is not watched any more."
        case .ignoreRuleSet(let rule):
            return "Ignore rule \(rule.id) hides deviations until \(rule.expires): "
                + VisibleText.escape(rule.reason)
        case .ignoreRuleRemoved(let id): return "Ignore rule \(id) is removed."
        }
    }

    /// A name with its id, since names need not be unique.
    private func who(_ id: Handle) -> String {
        let name = added[id] ?? governance.names[id]
        guard let name, !name.utf8.elementsEqual(id.text.utf8) else { return id.text }
        return "\(VisibleText.escape(name)) (\(id.text))"
    }

    private func sentence(_ change: DirectoryChange) -> String {
        switch change {
        case .personAdded(let id): "\(who(id)) is added as a person."
        case .personRemoved(let id):
            "\(who(id)) is removed, with all groups, tokens, passkeys and accounts."
        case .agentAdded(let id, let owner): "Agent \(who(id)) is added, owned by \(who(owner))."
        case .agentRemoved(let id): "Agent \(who(id)) is removed, with its tokens and trusts."
        case .agentOwned(let id, let owner):
            "Agent \(who(id)) is owned by \(who(owner)) from then on"
                + (governance.directory.agents[id].map { ", instead of \(who($0))." } ?? ".")
        case .groupAdded(let id): "Group \(id) is added."
        case .groupRemoved(let id): "Group \(id) is removed."
        case .memberAdded(let group, let member): "\(who(member)) joins group \(group)."
        case .memberRemoved(let group, let member): "\(who(member)) leaves group \(group)."
        case .gateAdded(let id): "Gate \(id) is added."
        case .gateRemoved(let id): "Gate \(id) is removed, with its tokens."
        case .gateConfigured(let id, let configuration):
            "Gate \(id) stands before server \(VisibleText.escape(configuration.server)) with "
                + "\(configuration.tools.count) approved tools, digest \(configuration.digest.hex)."
        case .credentialIssued, .credentialRevoked, .passkeyAdded, .passkeyRemoved,
            .externalLinked, .externalUnlinked, .accountLinked, .accountUnlinked:
            keySentence(change)
        case .trustAdded(let trust):
            "Jobs of \(VisibleText.escape(trust.issuer.text)) with "
                + "\(trust.claims.count) given claims may become agent \(who(trust.agent)) "
                + "(trust \(trust.id))."
        case .trustRemoved(let id): "Trust \(VisibleText.escape(id)) ends."
        case .resourceSet(let rule):
            "\(VisibleText.escape(rule.type)) \(VisibleText.escape(rule.pattern)) is "
                + "\(rule.sensitivity.rawValue), line \(rule.id)."
        case .resourceRemoved(let id): "Line \(id) leaves the resource catalogue."
        case .freezeSet(let window):
            "Freeze window \(window.id) is set: "
                + window.ranges.map(\.words).joined(separator: ", ") + ", \(window.zone)."
        case .freezeRemoved(let id): "Freeze window \(id) is removed."
        }
    }

    private func keySentence(_ change: DirectoryChange) -> String {
        switch change {
        case .credentialIssued(let credential):
            let seen = credential.shownTo.map(who)
            return "\(who(credential.subject)) gets a token (\(credential.kind.rawValue) "
                + "\(VisibleText.escape(credential.id)))"
                + (credential.notAfter.map { " until \($0)" } ?? " without an end")
                + (seen.isEmpty ? "." : ", seen by \(seen.joined(separator: ", ")).")
        case .credentialRevoked(let id):
            let holder = governance.directory.credentials[id].map { " of \(who($0.subject))" }
            return "Token \(VisibleText.escape(id))\(holder ?? "") ends."
        case .passkeyAdded(let passkey):
            return "\(who(passkey.person)) gets a passkey, \(passkey.id.prefix(12))…"
        case .passkeyRemoved(let id):
            let holder = governance.directory.passkeys[id].map { " of \(who($0.person))" }
            return
                "Passkey \(VisibleText.escape(String(id.prefix(12))))…\(holder ?? "") is removed."
        case .externalLinked(let account, let link):
            return "\(who(link.person)) may sign in as \(account)."
        case .externalUnlinked(let account): return "Nobody signs in as \(account) any more."
        case .accountLinked(let account, let person):
            return "Decisions of chat account \(account) are those of \(who(person))."
        case .accountUnlinked(let account): return "Chat account \(account) is nobody’s any more."
        default: return ""
        }
    }
}

extension FreezeWindow.Range {
    /// Such as `Fri 17:00 to Mon 08:00`.
    var words: String { "\(Self.words(from)) to \(Self.words(to))" }

    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    private static func words(_ minute: Int64) -> String {
        let (hour, rest) = (minute / 60 % 24, minute % 60)
        return "\(days[Int(minute / 1440) % 7]) \(two(hour)):\(two(rest))"
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension ConsoleModels {
    /// What an action would change of this server's own rules; nil for any other action.
    func change(_ detail: ActionDetail) -> ConsoleChange? {
        let operation = detail.body.action.operation
        guard operation.isGovernance, let change = try? GovernanceChange(operation) else {
            return nil
        }
        var files: [ConsoleFileChange] = []
        var comparedWith: String?
        if case .policies(let proposed) = change, let inForce = governance.policies {
            comparedWith = inForce.digest.hex
            files = Self.differences(inForce.files, proposed, generated: generatedNames(inForce))
        }
        return ConsoleChange(
            sentences: ChangeWords(governance).sentences(change), files: files,
            comparedWith: comparedWith)
    }

    /// Files that the server adds to every set by itself; nobody proposes them.
    private func generatedNames(_ policies: PublishedPolicies) -> Set<String> {
        Set(governance.schemas.values.map(\.name) + [ProductSchema.file.name])
    }

    /// By name; names and texts differ if their bytes do.
    private static func differences(
        _ before: [ApprovalCore.PolicyFile], _ after: [ApprovalCore.PolicyFile],
        generated: Set<String>
    ) -> [ConsoleFileChange] {
        func find(
            _ name: String, _ files: [ApprovalCore.PolicyFile]
        ) -> ApprovalCore.PolicyFile? {
            files.first { $0.name.utf8.elementsEqual(name.utf8) }
        }
        let gone = before.filter { find($0.name, after) == nil && !generated.contains($0.name) }
        return (after + gone).compactMap { file in
            let (old, new) = (find(file.name, before), find(file.name, after))
            if let old, let new, old.text.utf8.elementsEqual(new.text.utf8) { return nil }
            return ConsoleFileChange(
                name: VisibleText.escape(file.name), before: old.map { shown($0) },
                after: new.map { shown($0) })
        }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private static func shown(_ file: ApprovalCore.PolicyFile) -> String {
        VisibleText.escapeLines(file.text)
    }
}
