// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON
package import TransparencyLog
internal import WebAuthn

/// Passkeys that count for whoever pinned the manifest of a seal, whatever the server says later
/// (DESIGN §4.2).
///
/// They are those of the manifest, and those whose enrolment an administrator of the manifest has
/// approved with one that counts already.
/// So whoever has both the server and the log's key can still not make a reviewer: he has no key
/// that signs for one. What is *removed* is the server's word alone; it refuses such decisions
/// first.
package struct PasskeyTrust: Sendable {
    /// Why an action is not one to execute on.
    package enum Refusal: Error, Hashable, CustomStringConvertible {
        /// A decision was signed by a passkey that does not count yet: its enrolment could show that
        /// it does.
        case unknown(passkey: String)
        case refused(String)

        package var description: String {
            switch self {
            case .unknown(let id): "the passkey `\(VisibleText.escape(id))` was enrolled by nobody"
            case .refused(let why): why
            }
        }
    }

    /// The log whose server was sealed.
    package let logKey: VerifierKey
    private let directory: Directory
    /// Who had seen each credential at the seal, by the credential's id.
    private let shownTo: [String: Set<Handle>]
    private var passkeys: [String: Passkey]

    package init(manifest: SealManifest) throws {
        logKey = manifest.logKey
        directory = manifest.directory
        passkeys = manifest.directory.passkeys
        var shown: [String: Set<Handle>] = [:]
        var reader = try JSONReader(manifest.json, path: "manifest")
        for element in try reader.optionalObjects("credentials") ?? [] {
            var credential = element
            shown[try credential.string("id")] = Set(try credential.handles("shownTo"))
        }
        shownTo = shown
    }

    /// Who approved an action with passkeys that count; never empty.
    ///
    /// The receipt is verified as a whole first. Every approval that the clearance counts must be
    /// signed: one signature does not carry the operator's word for another.
    /// - Parameters:
    ///   - receipt: its bytes.
    ///   - action: the digest of the action that is about to be executed.
    ///   - operation: the digest of what is about to be executed.
    /// - Returns: the persons, in order.
    /// - Throws: ``Refusal`` for anything but an approval that whoever counts has signed.
    package func approvers(
        receipt: [UInt8], action: Hash256, operation: Hash256
    ) throws(Refusal) -> [Handle] {
        let (state, recorded) = try verified(receipt)
        guard state.digest == action else { throw .refused("the receipt is of another action") }
        let digest: Hash256
        do {
            digest = try recorded.operation.digest()
        } catch {
            throw .refused("\(error)")
        }
        guard digest == operation else { throw .refused("another operation was approved") }
        return try approvers(state)
    }

    /// Takes a passkey by the receipt of the action that enrolled it.
    package mutating func learn(_ id: String, receipt: [UInt8]) throws(Refusal) {
        let (state, action) = try verified(receipt)
        guard action.operation.isGovernance,
            action.operation.resourceID.utf8.elementsEqual(logKey.name.utf8),
            let passkey = Self.enrolled(id, by: action.operation)
        else { throw .refused("the receipt is not of this passkey's enrolment") }
        let approvers = try approvers(state)
        guard !approvers.contains(passkey.person) else {
            throw .refused("`\(passkey.person)` approved his own passkey")
        }
        // Any reviewer could otherwise make, with whoever has the server, as many as he needs.
        guard approvers.contains(where: { directory.isPerson($0, in: .administrators) }) else {
            throw .refused("no administrator of the manifest approved this passkey's enrolment")
        }
        passkeys[id] = passkey
    }

    private static func enrolled(_ id: String, by operation: Operation) -> Passkey? {
        for element in operation.input["changes"]?.arrayValue ?? [] {
            if let json = element["change"], let change = try? DirectoryChange(json),
                case .passkeyAdded(let passkey) = change, passkey.id.utf8.elementsEqual(id.utf8)
            {
                return passkey
            }
        }
        return nil
    }

    private func verified(_ receipt: [UInt8]) throws(Refusal) -> (ActionState, Action) {
        let report = ReceiptVerifier.verify(bytes: receipt, key: logKey)
        if let problem = report.problems.first {
            throw .refused("the receipt is invalid: \(problem)")
        }
        guard let state = report.state, let action = report.action else {
            throw .refused("the receipt has no words any more: they were erased")
        }
        return (state, action)
    }

    private func approvers(_ state: ActionState) throws(Refusal) -> [Handle] {
        guard let clearance = state.clearance else { throw .refused("nothing was cleared") }
        guard clearance.breakGlass == nil else { throw .refused("the glass was broken for it") }
        let persons = Set(clearance.approvals.values.joined())
        guard clearance.verdict == .review, !persons.isEmpty else {
            throw .refused("no person approved it: policy asked for none")
        }
        let excluded = chain(of: state)
        for person in persons.sorted() {
            guard !excluded.contains(person) else {
                throw .refused("`\(person)` belongs to who asked for it")
            }
            try checkSignature(of: person, state)
        }
        return persons.sorted()
    }

    /// Who may not have approved it, by the receipt and by what was sealed.
    private func chain(of state: ActionState) -> Set<Handle> {
        let requester = state.submission.requester
        var persons = requester.chain.union(requester.shownTo)
        if let owner = directory.agents[requester.agent] { persons.insert(owner) }
        persons.formUnion(shownTo[requester.credential] ?? [])
        return persons
    }

    private func checkSignature(of person: Handle, _ state: ActionState) throws(Refusal) {
        let decision = state.decisions.last { $0.person == person && $0.kind == .approve }
        guard let signature = decision?.signature else {
            throw .refused("`\(person)` approved it without a passkey's signature")
        }
        let context = signature.context
        guard context.action == state.id, context.digest == state.digest,
            context.decision == .approve, context.reviewer == person,
            context.origin.utf8.elementsEqual(logKey.name.utf8)
        else { throw .refused("`\(person)` signed something else") }
        let id = Base64URL.encode(signature.assertion.credentialID)
        guard let passkey = passkeys[id] else { throw .unknown(passkey: id) }
        guard passkey.person == person else {
            throw .refused("the passkey that signed for `\(person)` is not his")
        }
        do {
            _ = try passkey.verify(signature.assertion, challenge: try context.challenge)
        } catch {
            throw .refused("the signature of `\(person)` does not verify: \(error)")
        }
    }
}
