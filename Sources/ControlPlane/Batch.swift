// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
package import CanonicalJSON
internal import Storage
package import TransparencyLog

/// Several actions that are to be looked at together, named by the digest of their digests.
///
/// It decides nothing by itself: each member keeps its own policy, review and entries (DESIGN §8).
package struct Batch: Sendable {
    package struct Member: Sendable, Hashable {
        package let action: ActionID
        package let digest: Hash256
    }

    package let members: [Member]
    package let title: String?
    /// Who put it together.
    package let by: String

    /// What members have in common with any that has just these: SHA-256 of
    /// `exequatur/v1/batch\n` and the canonical list.
    package let digest: Hash256

    init(_ members: [Member], title: String?, by: String) throws {
        self.members = members
        self.title = title
        self.by = by
        digest = .sha256(
            Array("exequatur/v1/batch\n".utf8) + (try Self.manifest(members).canonicalBytes()))
    }

    static func manifest(_ members: [Member]) -> JSON {
        .array(
            members.map {
                ["action": .string($0.action.text), "digest": .string($0.digest.hex)]
            })
    }
}

/// What a batch decision did to one member.
package struct BatchResult: Sendable {
    package let action: ActionID
    package let status: ActionStatus?
    package let refusal: Refusal?
}

extension ControlPlane {
    package static let batchLimit = 100
    private static let batchRef = "batches"
    private static let batchSpace = "batch"
    package static let noSuchBatch = CommandError.conflict(
        code: "no_such_batch", "there is no such batch")

    /// Puts pending actions together, so that people can look at them at once.
    ///
    /// Its requester may, and any person. An entry names the manifest.
    package func addBatch(
        _ ids: [ActionID], title: String?, by party: Authenticated, audit: JSON
    ) async throws -> Batch {
        let principal = party.principal
        try throttle("submit \(principal)")
        try requireOwnCredential(party)
        guard (2...Self.batchLimit).contains(ids.count), Set(ids).count == ids.count else {
            throw CommandError.badRequest(
                code: "value_invalid", "`actions`: 2 to \(Self.batchLimit) different actions")
        }
        guard
            title.map({ (1...200).contains($0.utf8.count) && !VisibleText.isDeceptive($0) })
                ?? true
        else {
            throw CommandError.badRequest(
                code: "value_invalid", "`title`: 1 to 200 bytes of visible text")
        }
        let members = try ids.map { id in
            guard let detail = try detail(id), mayBatch(detail, principal) else {
                throw CommandError.noSuchAction
            }
            guard detail.state.status == .pending else {
                throw Refusal(.notPending, "\(id) is `\(detail.state.status.rawValue)`")
            }
            return Batch.Member(action: id, digest: detail.state.digest)
        }
        let batch = try Batch(members, title: title, by: principal.description)
        let salts = effects.entropy.hashes(2)
        let value: JSON = [
            "by": .string(batch.by), "members": Batch.manifest(members),
            "title": .optional(title),
        ]
        let draft = try EntryDraft(
            kind: "batch.created", ref: Self.batchRef,
            core: [
                "by": .string(batch.by), "kind": "batch.created",
                "manifest": .string(batch.digest.hex), "unsealed": .bool(unsealed), "v": 1,
            ], body: ["audit": audit, "batch": value], salts: (salts[0], salts[1]))
        let row = rows.seal(
            space: Self.batchSpace, key: batch.digest.hex, value: try value.canonicalBytes(),
            expires: now.adding(seconds: Limits.longestSpanSeconds))
        _ = try await writer.submit(priority: .intake) { _ in
            LedgerPlan((), drafts: [draft], operational: [row])
        }
        return batch
    }

    private func mayBatch(_ detail: ActionDetail, _ principal: Principal) -> Bool {
        switch principal {
        case .agent(let agent): detail.state.submission.requester.agent == agent
        case .person: true
        case .gate, .administrator, .action: false
        }
    }

    /// A batch by its digest, as far as the party may know of it.
    package func batch(_ digest: Hash256, for principal: Principal) throws -> Batch {
        guard
            let row = try backend.read({
                try $0.operational(space: Self.batchSpace, key: digest.hex)
            }), row.expires > now, let bytes = rows.open(row)
        else { throw Self.noSuchBatch }
        var reader = try JSONReader(
            try JSON(canonical: bytes, limits: Limits.storedJSON), path: "batch")
        let members = try reader.objects("members").map { element in
            var element = element
            let member = Batch.Member(
                action: try element.actionID("action"), digest: try element.hash("digest"))
            try element.finish()
            return member
        }
        let batch = try Batch(
            members, title: try reader.optionalString("title"), by: try reader.string("by"))
        guard batch.digest == digest else { throw Self.noSuchBatch }
        switch principal {
        case .person, .administrator, .action: return batch
        case .agent, .gate:
            guard batch.by.utf8.elementsEqual(principal.description.utf8) else {
                throw Self.noSuchBatch
            }
            return batch
        }
    }

    /// The members as they stand now, in the order of the manifest.
    package func details(of batch: Batch) throws -> [ActionDetail] {
        try batch.members.map { member in
            guard let detail = try detail(member.action), detail.state.digest == member.digest
            else { throw CommandError.noSuchAction }
            return detail
        }
    }

    /// SHA-256 of `exequatur/v1/batch-shown\n` and the digest of each member's rendering.
    package static func shown(_ details: [ActionDetail]) -> Hash256 {
        .sha256(
            details.reduce(into: Array("exequatur/v1/batch-shown\n".utf8)) {
                $0 += $1.state.rendering($1.body).bytes
            })
    }

    /// Decides every member of a batch in which this person may decide, each by itself and by the
    /// one function that authorises every decision.
    ///
    /// What he may not decide stays as it is and is named with its reason. Unless every member is
    /// shown in full nothing is decided (DESIGN §4.16), and neither is it where `shown`, if it is
    /// given, is not ``shown(_:)`` of now: a page of before.
    package func decide(
        batch digest: Hash256, _ kind: ReviewDecision.Kind, by party: Authenticated,
        channel: Channel, reason: String?, shown: Hash256? = nil, audit: JSON
    ) async throws -> [BatchResult] {
        let details = try details(of: try batch(digest, for: party.principal))
        guard shown == nil || shown == Self.shown(details) else {
            throw Refusal(.staleDigest, "what you were shown has changed: look at it again")
        }
        if kind == .approve,
            let hidden = details.first(where: { !$0.state.isShownInFull($0.body) })
        {
            throw Refusal(
                .notShownInFull,
                "\(hidden.state.id) can't be shown in full, so this batch can't be approved")
        }
        var results: [BatchResult] = []
        for detail in details {
            var command = command(
                by: party, kind, channel: channel, expect: detail.state.digest.hex,
                hasReason: DecisionCommand.isReason(reason))
            command.batch = digest
            do {
                let result = try await decide(
                    detail.state.id, command, reason: reason, audit: audit)
                results.append(
                    BatchResult(
                        action: detail.state.id, status: result.state.status, refusal: nil))
            } catch let refusal as Refusal {
                let now = try self.detail(detail.state.id)?.state.status
                results.append(
                    BatchResult(action: detail.state.id, status: now, refusal: refusal))
            }
        }
        return results
    }
}
