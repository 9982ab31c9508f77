// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import ControlPlane
import ServiceTestSupport
import Storage
import Testing
import TransparencyLog

/// Accounts of chats: how they become a person's, and what they may decide.
@Suite("chat accounts")
struct ChatTests {
    private static let bob = TestInstallation.bob
    private static let carol = TestInstallation.carol

    private func account(_ user: String) throws -> ChatAccount {
        try #require(
            ChatAccount(channel: Handle(constant: "slack"), workspace: "T0001", user: user))
    }

    private func link(
        _ user: String, to person: Handle, _ at: TestInstallation
    ) async throws -> ChatAccount {
        let account = try account(user)
        let code = try await at.control.linkCode(for: try await at.signIn(person)).code
        #expect(
            try await at.control.link(account, code: code, name: user, audit: [:]) == person)
        return account
    }

    private func decision(
        _ result: ActionResult, _ account: ChatAccount, _ kind: ReviewDecision.Kind = .approve,
        rendering: Hash256? = nil, showsAll: Bool = true, reason: String? = "seen"
    ) throws -> ChatDecision {
        ChatDecision(
            action: result.state.id, kind: kind, channel: .slack, account: account,
            rendering: try rendering ?? #require(result.body.renderingDigest),
            surfaceShowsAll: showsAll, reason: reason)
    }

    private func refusal(
        _ code: Refusal.Code, _ at: TestInstallation, _ decision: ChatDecision
    ) async throws {
        let error = await #expect(throws: Refusal.self) {
            try await at.control.decide(decision, audit: [:])
        }
        #expect(error?.code == code)
    }

    // MARK: linking

    @Test func aCodeLinksOneAccountOnceAndIsAnEntry() async throws {
        let at = try await TestInstallation()
        let account = try account("U0BOB")
        let code = try await at.control.linkCode(for: try await at.signIn(Self.bob)).code
        let typed = code.lowercased().replacing("-", with: " ")
        #expect(
            try await at.control.link(account, code: typed, name: "bob", audit: [:]) == Self.bob)
        #expect(at.control.governance.directory.accounts == [account: Self.bob])
        let last = try #require(try at.entries().last)
        let core = try JSON(canonical: last.core)
        #expect(core["change"]?["op"]?.stringValue == "account.linked")
        #expect(core["by"]?.stringValue == "person:\(Self.bob)")
        await #expect(throws: CommandError.self) {
            try await at.control.link(
                try self.account("U0CAROL"), code: code, name: nil, audit: [:])
        }
        try await at.restart()
        #expect(at.control.governance.directory.accounts == [account: Self.bob])
    }

    @Test func aWrongOrOldCodeLinksNothing() async throws {
        let at = try await TestInstallation()
        let session = try await at.signIn(Self.bob)
        let code = try await at.control.linkCode(for: session).code
        for wrong in ["", "0000-0000-0000", code + "0", String(code.dropLast()), "é\(code)"] {
            await #expect(throws: CommandError.self) {
                try await at.control.link(
                    try self.account("U0BOB"), code: wrong, name: nil, audit: [:])
            }
        }
        at.clock.advance(seconds: ControlPlane.linkCodeSeconds)
        await #expect(throws: CommandError.self) {
            try await at.control.link(try self.account("U0BOB"), code: code, name: nil, audit: [:])
        }
        #expect(at.control.governance.directory.accounts.isEmpty)
    }

    @Test func aStaleSessionMakesNoCode() async throws {
        let at = try await TestInstallation()
        let session = try await at.signIn(Self.bob)
        at.clock.advance(seconds: ControlPlane.freshSeconds)
        await #expect(throws: CommandError.self) { try await at.control.linkCode(for: session) }
    }

    @Test func oneAccountIsNeverTwoPersons() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0BOB", to: Self.bob, at)
        let code = try await at.control.linkCode(for: try await at.signIn(Self.carol)).code
        await #expect(throws: CommandError.self) {
            try await at.control.link(account, code: code, name: nil, audit: [:])
        }
        #expect(at.control.governance.directory.accounts == [account: Self.bob])
    }

    @Test func whoLeavesTakesHisAccountAlong() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0BOB", to: Self.bob, at)
        let result = try await at.submit("review")
        try await at.control.apply(
            .personRemoved(Self.bob), by: .administrator(ControlPlane.firstAdministrator))
        try await refusal(.notLinked, at, try decision(result, account))
    }

    @Test func onlyTheHolderAndAdministratorsUnlink() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0BOB", to: Self.bob, at)
        await #expect(throws: CommandError.self) {
            try await at.control.unlink(account, by: .person(Self.carol), audit: [:])
        }
        try await at.control.unlink(account, by: .person(Self.bob), audit: [:])
        #expect(at.control.governance.directory.accounts.isEmpty)
    }

    // MARK: deciding

    @Test func aLinkedAccountDecidesAsItsPersonAndTheReceiptProvesIt() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0BOB", to: Self.bob, at)
        let result = try await at.submit("review")
        let decided = try await at.control.decide(try decision(result, account), audit: [:])
        #expect(decided.state.status == .cleared)
        let recorded = try #require(decided.state.decisions.first)
        #expect(recorded.person == Self.bob && recorded.account == account)
        #expect(recorded.channel == .slack && recorded.assurance == .chat)
        let report = ReceiptVerifier.verify(
            bytes: try at.control.receipt(result.state.id), key: at.control.verifierKey)
        #expect(report.problems.isEmpty, "\(report.problems)")
    }

    @Test func anUnlinkedAccountDecidesNothing() async throws {
        let at = try await TestInstallation()
        let result = try await at.submit("review")
        try await refusal(.notLinked, at, try decision(result, try account("U0BOB")))
        #expect(try at.status(result) == .pending)
    }

    @Test func aRequesterDoesNotApproveInChatEither() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0ALICE", to: TestInstallation.alice, at)
        let result = try await at.submit("review")
        try await refusal(.selfApproval, at, try decision(result, account))
    }

    @Test func chatNeverFillsASlotAtHighSeverity() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0BOB", to: Self.bob, at)
        let result = try await at.submit("high")
        try await refusal(.assuranceTooLow, at, try decision(result, account))
        let notice = try #require(try at.control.notice(result.state.id))
        guard case .page = notice.card.offer else {
            Issue.record("the card offers \(notice.card.offer)")
            return
        }
    }

    @Test func whatWasShownOtherwiseIsNotApproved() async throws {
        let at = try await TestInstallation()
        let account = try await link("U0BOB", to: Self.bob, at)
        let result = try await at.submit("review")
        try await refusal(
            .staleDigest, at, try decision(result, account, rendering: .sha256([1])))
        try await refusal(.notShownInFull, at, try decision(result, account, showsAll: false))
        try await refusal(.reasonRequired, at, try decision(result, account, .deny, reason: nil))
        #expect(try at.status(result) == .pending)
    }

    @Test func changesOfTheServersOwnRulesAreNeverDecidedInChat() async throws {
        let text = """
            @id("all") permit (principal, action, resource);
            @id("own") @review("reviewers") forbid (principal, action, resource);
            """
        let at = try await TestInstallation(
            policies: [PolicyFile(name: "10-test.cedar", text: text)])
        let account = try await link("U0BOB", to: Self.bob, at)
        let operation = try Operation(
            action: "exequatur.policies.publish", resourceType: "Installation",
            resourceID: "this", input: [:])
        let result = try await at.control.submit(
            SubmitCommand(
                operation: operation, intent: .none, nonce: nil, idempotencyKey: nil,
                requestDigest: try operation.digest()),
            by: Submitter(
                requester: Requester(person: TestInstallation.alice, credential: "session"),
                gate: GateReference(id: .ownGate, enforcing: true), audit: [:]))
        try #require(result.state.status == .pending)
        try await refusal(.notInChat, at, try decision(result, account))
    }
}

/// The outbox: what there is to tell is durable with what happened.
@Suite("outbox")
struct OutboxTests {
    @Test func everyChangeOfAReviewLeavesAMarkAndAllowedActionsNone() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        let allowed = try await at.submit("allow")
        #expect(try at.control.marks(after: nil, limit: 10) == [])
        let result = try await at.submit("review")
        #expect(allowed.state.id != result.state.id)
        let mark = NoticeMark(action: result.state.id, version: 1)
        #expect(try at.control.marks(after: nil, limit: 10) == [mark])
        _ = try await at.decide(result, by: TestInstallation.bob)
        let later = try #require(try at.control.marks(after: nil, limit: 10).first)
        #expect(later.action == result.state.id && later.version > 1)
        // What was worked off meanwhile takes no newer mark away.
        try await at.control.keep([], answering: [mark])
        #expect(try at.control.marks(after: nil, limit: 10) == [later])
        try await at.control.keep([], answering: [later])
        #expect(try at.control.marks(after: nil, limit: 10) == [])
    }

    @Test func marksSurviveARestartAndWhatIsOpenIsMarkedAtStart() async throws {
        let at = try await TestInstallation()
        let before = try await at.submit("review", name: "before")
        #expect(try at.control.marks(after: nil, limit: 10) == [])
        try await at.restart()
        at.control.beginNotices()
        try await at.control.markOpenActions()
        #expect(try at.control.marks(after: nil, limit: 10).map(\.action) == [before.state.id])
        let after = try await at.submit("review", name: "after")
        try await at.restart()
        #expect(
            try at.control.marks(after: nil, limit: 10).map(\.action)
                == [before.state.id, after.state.id].sorted { $0.text < $1.text })
    }

    @Test func aFailedCommitLeavesNeitherEntryNorMark() async throws {
        let at = try await TestInstallation()
        at.control.beginNotices()
        at.storage.failNext(.rolledBack)
        await #expect(throws: (any Error).self) { try await at.submit("review") }
        try await at.restart()
        #expect(try at.control.marks(after: nil, limit: 10) == [])
    }

    @Test func aNoteThatThisServerDidNotSealIsNotRead() async throws {
        let at = try await TestInstallation()
        try await at.control.keep([ChannelNote(key: "card/a", value: [1])])
        #expect(try at.control.notes("card/").map(\.value) == [[1]])
        try at.control.backend.write { store in
            try store.put(
                OperationalRow(
                    space: "channel", key: "card/b", value: [UInt8](repeating: 0, count: 64),
                    expires: Timestamp(milliseconds: .max)))
        }
        #expect(try at.control.notes("card/").map(\.key) == ["card/a"])
        #expect(try at.control.notes("other/") == [])
    }
}
