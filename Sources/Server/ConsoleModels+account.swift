// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import Console
internal import ControlPlane
internal import TransparencyLog

/// What is a person's own, command lines that wait, and the seal.
extension ConsoleModels {
    func ownPasskeys() -> [OwnPasskey] {
        guard let session else { return [] }
        return governance.directory.passkeys(of: session.person).map { passkey in
            OwnPasskey(
                id: passkey.id, since: instant(passkey.since), isSynced: passkey.isBackupEligible)
        }
    }

    func ownSessions() throws -> [OwnSession] {
        guard let session else { return [] }
        return try control.sessions(of: session.person).map { other in
            OwnSession(
                id: other.id, method: Self.word(other.method),
                signedInAt: instant(other.signedInAt), expires: instant(other.expires),
                address: other.address.map(VisibleText.escape),
                userAgent: other.userAgent.map(VisibleText.escape),
                isCurrent: other.id == session.id)
        }
    }

    private static func word(_ method: SignInMethod) -> String {
        switch method {
        case .token: "token"
        case .link: "link"
        case .openID: "single sign-on"
        case .passkey: "passkey"
        case .chat: "chat"
        }
    }

    func device(
        _ request: DeviceRequest?, code: String?, notice: ConsoleNotice?
    ) throws -> DevicePage {
        DevicePage(
            shell: try shell(notice: notice), code: code,
            request: request.map { request in
                DeviceCard(
                    code: request.userCode, address: VisibleText.escape(request.address),
                    client: VisibleText.escape(request.client), expires: instant(request.expires))
            }, mayAnswer: session.map(control.mayAnswerDevice) ?? false)
    }

    // MARK: the seal

    func seal(notice: ConsoleNotice?) throws -> SealPage {
        let question = control.sealQuestion
        let state = governance.seal
        let manifest: ManifestCard?
        if let seal = state.seal {
            manifest = try control.sealedManifest().map { card($0, digest: seal.manifest) }
        } else {
            manifest = try question.map { card($0.manifest, digest: try $0.manifest.digest) }
        }
        return SealPage(
            shell: try shell(notice: notice),
            seal: state.seal.map { seal in
                SealPage.Seal(
                    at: instant(seal.at), by: seal.by.map(person), recoveries: state.recoveries)
            }, obstacles: control.sealObstacles, question: question.map(card),
            manifest: manifest)
    }

    private func card(_ question: SealQuestion) -> SealPage.Question {
        let hasConfirmed = session.map { question.confirmed.contains($0.person) } ?? false
        let obstacle = session.flatMap { control.obstacle(sealing: $0) }
        return SealPage.Question(
            by: person(question.by), confirmed: question.confirmed.map(person),
            needed: SealState.confirmations, isCurrent: question.isCurrent,
            mayConfirm: session != nil && obstacle == nil && !hasConfirmed,
            obstacle: hasConfirmed
                ? "You have confirmed it. Another administrator has to."
                : obstacle.map { Problem($0).detail })
    }

    private func card(_ manifest: SealManifest, digest: Hash256) -> ManifestCard {
        let directory = manifest.directory
        return ManifestCard(
            digest: digest.hex,
            people: directory.persons.sorted().map { id in
                ManifestCard.Person(
                    name: person(id), isAdministrator: directory.isAdministrator(id),
                    credentials: ownCredentials(id, directory))
            },
            agents: directory.agents.sorted { $0.key < $1.key }.map { id, owner in
                ManifestCard.Pair(name: id.text, text: name(owner))
            },
            groups: directory.groups.sorted { $0.key < $1.key }.map { id, members in
                ManifestCard.Pair(
                    name: id.text,
                    text: members.isEmpty
                        ? "nobody" : members.sorted().map(\.text).joined(separator: ", "))
            },
            gates: directory.gates.isEmpty ? ["none"] : directory.gates.sorted().map(\.text),
            tokens: tokens(manifest), others: others(directory),
            policySet: manifest.policySet.hex, logKey: manifest.logKey.vkey,
            recoveryKey: manifest.recoveryKey.vkey)
    }

    /// From the manifest's own JSON: a directory that was read back has no tokens.
    private func tokens(_ manifest: SealManifest) -> [ManifestCard.Pair] {
        (manifest.json["credentials"]?.arrayValue ?? []).map { credential in
            func text(_ key: String) -> String {
                VisibleText.escape(credential[key]?.stringValue ?? "?")
            }
            let seen = credential["shownTo"]?.arrayValue?.compactMap(\.stringValue) ?? []
            let end = credential["notAfter"]?.stringValue.map { "until \($0)" } ?? "without an end"
            return ManifestCard.Pair(
                name: text("id"),
                text: "\(text("kind")) token of \(text("subject")), \(end)"
                    + (seen.isEmpty ? "" : ", seen by \(seen.joined(separator: ", "))"))
        }
    }

    private func others(_ directory: Directory) -> [ManifestCard.Pair] {
        directory.resources.values.sorted { $0.id < $1.id }.map { rule in
            ManifestCard.Pair(
                name: "Resource", text: "\(rule.type) \(rule.pattern): \(rule.sensitivity.rawValue)"
            )
        }
            + directory.freezes.values.sorted { $0.id < $1.id }.map { window in
                ManifestCard.Pair(
                    name: "Freeze window",
                    text: "\(window.id): \(window.ranges.map(\.words).joined(separator: ", ")), "
                        + window.zone)
            }
            + directory.trusts.values.sorted { $0.id < $1.id }.map { trust in
                ManifestCard.Pair(
                    name: "Trust", text: "\(trust.issuer.text) becomes agent \(trust.agent)")
            }
            + directory.accounts.sorted { $0.key < $1.key }.map { account, person in
                ManifestCard.Pair(name: "Chat", text: "\(account) is \(name(person))")
            }
            + directory.configurations.sorted { $0.key < $1.key }.map { gate, approved in
                ManifestCard.Pair(
                    name: "Gate \(gate)",
                    text: "server \(approved.server), \(approved.tools.count) tools, digest "
                        + approved.digest.hex)
            }
    }
}
