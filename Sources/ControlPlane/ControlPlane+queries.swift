// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
package import Storage
package import TransparencyLog

/// An action with everything that a surface may want to show of it.
package struct ActionDetail: Sendable {
    package let state: ActionState
    package let body: SubmissionBody
    package let entries: [RecordedEntry]
    package let head: LedgerHead

    /// The claim entry, if the grant was claimed.
    package var claimEntry: RecordedEntry? {
        entries.last { $0.entry.kind == "action.claimed" }
    }

    /// What reviewers are shown now; nil where nobody is asked.
    package func rendering() throws -> Rendering? {
        guard let shown = try latestRevision()?["rendering"] else { return try body.rendering() }
        return try Rendering(shown)
    }

    /// The texts of the verdict that is asked about now.
    package func texts() throws -> JSON { try latestRevision()?["texts"] ?? body.texts }

    /// The core of that verdict.
    package var verdict: JSON { state.revision?.verdict ?? state.submission.verdict }

    private func latestRevision() throws -> JSON? {
        guard state.revision != nil,
            let bytes = entries.last(where: { $0.entry.kind == "action.revised" })?.body
        else { return nil }
        return try JSON(canonical: bytes, limits: Limits.storedJSON)
    }

    /// The words that came with a decision that still counts.
    package func reason(of decision: ReviewDecision) -> String? {
        // A person has one decision at a time, and the last entry that names him is that one.
        let own = entries.last { recorded in
            guard recorded.entry.kind == "action.decided",
                let core = try? JSON(canonical: recorded.core, limits: Limits.storedJSON)
            else { return false }
            return core["person"]?.stringValue?.utf8.elementsEqual(decision.person.text.utf8)
                ?? false
        }
        return own.flatMap(words)
    }

    /// The words that came with the last entry of a kind, or nil.
    package func words(ofLast kind: String) -> String? {
        entries.last { $0.entry.kind == kind }.flatMap(words)
    }

    /// The words that came with an entry, or nil.
    package func words(_ recorded: RecordedEntry) -> String? {
        guard let body = recorded.body,
            let json = try? JSON(canonical: body, limits: Limits.storedJSON)
        else { return nil }
        return json["reason"]?.stringValue ?? json["detail"]?.stringValue
            ?? json["text"]?.stringValue
    }
}

/// Something that was said about an action.
package struct ActionComment: Sendable, Hashable {
    /// Such as `person:bob` or `agent:deploy-bot`.
    package let by: String
    package let kind: CommentKind
    /// As it was written; not safe to show as it is.
    package let text: String
    package let at: Timestamp
}

extension ActionDetail {
    /// What was said about it, the earliest first.
    package func comments() throws -> [ActionComment] {
        try entries.filter { $0.entry.kind == "action.commented" }.compactMap { recorded in
            guard
                case .commented(let by, let kind) = try ActionEvent.read(
                    try JSON(canonical: recorded.core, limits: Limits.storedJSON)
                ).event
            else { return nil }
            return ActionComment(
                by: by, kind: kind, text: words(recorded) ?? "", at: recorded.entry.at)
        }
    }
}

extension ControlPlane {
    /// One action, replayed from its entries; nil if there is none.
    package func detail(_ id: ActionID) throws -> ActionDetail? {
        try backend.read { try detail(id, $0) }
    }

    private func detail(_ id: ActionID, _ reader: any LedgerReading) throws -> ActionDetail? {
        // The head is published after its batch is durable, so a read may see entries that it
        // doesn't cover yet and that nobody was told of. They are shown when it does.
        let head = writer.head
        let entries = try reader.chain(of: id.text).filter { $0.index < head.size }
        guard let state = try ChainReplay.state(of: entries), let first = entries.first?.body else {
            return nil
        }
        return ActionDetail(
            state: state,
            body: try SubmissionBody(
                try JSON(canonical: first, limits: Limits.storedJSON)),
            entries: entries, head: head)
    }

    /// Actions of a query, newest first.
    package func list(_ query: ActionQuery) throws -> [ActionDetail] {
        try backend.read { reader in
            try reader.actions(query).compactMap { try detail($0.id, reader) }
        }
    }

    /// Returns when the action has changed, or when `seconds` have passed.
    ///
    /// Throws `rateLimited` if the caller's credential waits in too many places already.
    package func wait(
        for id: ActionID, by credential: String, after: UInt64?, seconds: Int64
    ) async throws {
        let deadline = now.adding(seconds: seconds)
        try await feed.wait(for: id, by: credential, after: after, deadline: deadline) {
            guard let row = try backend.read({ try $0.action(id) }) else { return true }
            if let after { return row.version > after }
            return row.status != .pending
        }
    }

    /// The proof of one entry under a head, in the `.tlog-proof` form.
    package func proof(of index: UInt64, under head: LedgerHead) throws -> String {
        try head.proof(of: index, tiles: BackendTiles(backend))
    }

    /// Proves to a gate that the log it pinned is a prefix of the one it is shown.
    package func consistency(
        from pinned: UInt64, under head: LedgerHead
    ) throws -> [Hash256] {
        try head.frontier.consistencyProof(from: pinned, tiles: BackendTiles(backend))
    }
}

/// Full tiles, each read on its own; proofs of recent entries need none.
package struct BackendTiles: TileReader {
    private let backend: any LedgerBackend

    package init(_ backend: any LedgerBackend) { self.backend = backend }

    package func tile(level: Int, index: UInt64) throws -> [Hash256] {
        try backend.read { try StoredTiles($0).tile(level: level, index: index) }
    }
}
