// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import CanonicalJSON
internal import TransparencyLog

extension Governance {
    /// Administrators who are tried as the ones who ask; more would find nothing new.
    private static let tried = 32

    /// Why a change of this server's own rules could never be made, or nil if all can be.
    ///
    /// Each is put to policy as a question of each administrator who can show by himself who he is,
    /// and must be reviewed by others who can. Policies that look into the change itself may say
    /// otherwise when it comes; then `exequatur recover` is the only way.
    package var deadlock: String? {
        guard let environment else { return nil }
        let able = directory.persons.filter(directory.hasOwnCredential)
        let unable = directory.persons.subtracting(able)
        let asking = directory.persons(in: .administrators).intersection(able).sorted()
        guard !asking.isEmpty else {
            return "no administrator can show by himself who he is: an administrator needs a "
                + "passkey or an account at an identity provider"
        }
        for name in Self.governanceActions {
            let canPass = asking.prefix(Self.tried).contains { person in
                guard let action = Self.question(name, by: person) else { return false }
                let verdict = environment.evaluate(action, at: Timestamp(milliseconds: 0))
                guard let requirement = verdict.onFloor.requirement else { return false }
                return requirement.isSatisfiable(
                    in: directory, without: unable.union([person]))
            }
            guard canPass else {
                return "`\(name)` could never be approved: no administrator may ask for it so that "
                    + "others, each with a passkey or an account at an identity provider, meet "
                    + "what policy asks for"
            }
        }
        return nil
    }

    static let governanceActions = [
        "exequatur.policies.publish", "exequatur.directory.change", "exequatur.gate.change",
        "exequatur.key.change", "exequatur.channel.change", "exequatur.drift.change",
    ]

    private static func question(_ name: String, by person: Handle) -> Action? {
        guard
            let operation = try? Operation(
                action: name, resourceType: "Installation", resourceID: "exequatur", input: [:])
        else { return nil }
        return try? Action(
            id: ActionID(now: Timestamp(milliseconds: 0), random: (0, 0)), nonce: .zero,
            operation: operation, intent: .none,
            requester: Requester(person: person, credential: "question"),
            gate: GateReference(id: .ownGate, enforcing: true),
            facts: ["inspectable": true, "kind": "exequatur"])
    }
}
