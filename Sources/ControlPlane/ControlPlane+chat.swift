// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
internal import TransparencyLog

/// Who may take part in a chat's decisions, and how accounts become a person's.
extension ControlPlane {
    /// A code that nobody entered is worth nothing after this.
    package static let linkCodeSeconds: Int64 = 600

    /// Decides, as the person whose account it is; durable when it returns.
    ///
    /// Throws the machine's `Refusal`, or that no person has this account.
    package func decide(_ decision: ChatDecision, audit: JSON) async throws -> ActionResult {
        let (detail, command) = try command(decision)
        return try await decide(
            detail.state.id, command, reason: decision.reason, audit: audit)
    }

    /// What would be answered to such a decision, without deciding.
    package func obstacle(_ decision: ChatDecision) throws -> Refusal? {
        do {
            let (detail, command) = try command(decision)
            return obstacle(detail, command)
        } catch let refusal as Refusal {
            return refusal
        }
    }

    private func command(
        _ decision: ChatDecision
    ) throws -> (detail: ActionDetail, command: DecisionCommand) {
        guard let person = governance.directory.accounts[decision.account] else {
            throw Refusal(
                .notLinked,
                "this account is not linked to anybody: sign in to the console and link it there")
        }
        guard (decision.reason?.utf8.count ?? 0) <= Limits.reasonBytes else {
            throw CommandError.badRequest(
                code: "value_invalid", "a reason has at most \(Limits.reasonBytes) bytes")
        }
        guard let detail = try detail(decision.action) else { throw CommandError.noSuchAction }
        var command = DecisionCommand(
            principal: .person(person), kind: decision.kind, channel: decision.channel,
            assurance: .chat, expectedDigest: decision.expect ?? detail.state.digest.hex,
            hasReason: DecisionCommand.isReason(decision.reason), account: decision.account,
            surfaceShowsAll: decision.surfaceShowsAll, method: .chat)
        command.shown = decision.rendering
        return (detail, command.onRecordedRendering(detail.body, detail.state))
    }

    // MARK: linking

    /// Makes a code with which one account can become this person's, once, within ten minutes.
    ///
    /// Only for a person who signed in a moment ago: whoever finds an open browser can't use it.
    package func linkCode(for session: Session) async throws -> (code: String, expires: Timestamp) {
        guard assurance(of: session) >= .console else {
            throw CommandError.forbidden(
                code: "sign_in_again", "sign in again: this needs a sign-in of the last 10 minutes")
        }
        try throttle("link-code \(session.person)", codeLimiter)
        let code = Self.code(effects.entropy.bytes(12))
        let expires = now.adding(seconds: Self.linkCodeSeconds)
        let value: JSON = [
            "issuedAt": .string(now.description), "person": .string(session.person.text),
        ]
        let row = rows.seal(
            space: Self.codes, key: Self.codeKey(code), value: try value.canonicalBytes(),
            expires: expires)
        _ = try await writer.submit { _ in LedgerPlan((), operational: [row]) }
        return (code, expires)
    }

    private static let codes = "chat-code"

    static func codeKey(_ code: String) -> String { Hash256.sha256(Array(code.utf8)).hex }

    /// Twelve letters and digits that nobody mistakes for others (Crockford's base 32), 60 bits.
    static func code(_ random: [UInt8]) -> String {
        let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
        let letters = random.prefix(12).map { alphabet[Int($0 & 31)] }
        let parts = stride(from: 0, to: 12, by: 4).map { start in
            String(decoding: letters[start..<start + 4], as: UTF8.self)
        }
        return parts.joined(separator: "-")
    }

    /// A code as somebody typed it: case, spaces and dashes don't matter, O is 0, I and L are 1.
    static func normalised(_ typed: String) -> String? {
        var letters: [UInt8] = []
        for byte in typed.utf8.prefix(64) {
            switch byte {
            case 0x20, 0x2D: continue
            case 0x61...0x7A: letters.append(byte & 0xDF)
            case 0x30...0x39, 0x41...0x5A: letters.append(byte)
            default: return nil
            }
        }
        let read = letters.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "O"): UInt8(ascii: "0")
            case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
            default: byte
            }
        }
        guard read.count == 12 else { return nil }
        return stride(from: 0, to: 12, by: 4)
            .map { String(decoding: read[$0..<$0 + 4], as: UTF8.self) }.joined(separator: "-")
    }

    /// Makes an account the person's whose code was entered from it.
    ///
    /// - Parameters:
    ///   - account: as the chat system authenticated it.
    ///   - code: as it was typed.
    ///   - name: what the chat calls the account, for the record.
    ///   - audit: where the message came from.
    /// - Returns: the person.
    /// - Throws: that the code is wrong, used or too old, or the account is linked already.
    package func link(
        _ account: ChatAccount, code: String, name: String?, audit: JSON
    ) async throws -> Handle {
        try throttle("link \(account)", codeLimiter)
        let refused = CommandError.forbidden(
            code: "code_invalid",
            "this code is wrong, used or too old: get a new one at "
                + "\(configuration.publicURL)/account")
        guard let typed = Self.normalised(code) else { throw refused }
        let key = Self.codeKey(typed)
        // Looked at before it is queued: whoever knows no code must not reach the writer.
        guard try backend.read({ try $0.operational(space: Self.codes, key: key) }) != nil else {
            _ = failed(.invalid)
            throw refused
        }
        let recorded = try await writer.submit { [self] view -> LedgerPlan<Handle> in
            guard let row = try view.store.operational(space: Self.codes, key: key),
                row.expires > view.now, let bytes = rows.open(row),
                let person = try Self.content(ofLink: bytes, governance)?.person
            else { throw refused }
            var governance = self.governance
            let change = NamedChange(
                .accountLinked(account, to: person), name: name.map { String($0.prefix(200)) },
                audit: audit)
            let drafts = try plan(
                [change], by: Principal.person(person).description, at: view.now, &governance)
            try governance.refresh()
            let result = governance
            return LedgerPlan(
                person, drafts: drafts,
                removed: [OperationalKey(space: Self.codes, key: key)],
                applied: { self.update(result) })
        }
        news.wake()
        return recorded.value
    }

    /// Takes an account from its person: he himself, or an administrator.
    package func unlink(
        _ account: ChatAccount, by party: Authenticated, audit: JSON
    ) async throws {
        let principal = party.principal
        try requireOwnCredential(party)
        _ = try await writer.submit { [self] view in
            let holder = self.governance.directory.accounts[account]
            let isOwn = if case .person(let person) = principal { holder == person } else { false }
            guard isOwn || mayAdminister(principal) else {
                throw CommandError.forbidden(
                    code: "not_yours", "this account is not linked to you")
            }
            var governance = self.governance
            let drafts = try plan(
                [NamedChange(.accountUnlinked(account), audit: audit)], by: principal.description,
                at: view.now, &governance)
            try governance.refresh()
            let result = governance
            return LedgerPlan((), drafts: drafts, applied: { self.update(result) })
        }
    }
}
