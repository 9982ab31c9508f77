// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import Testing

@testable import Channels

/// A broken glass is loud (DESIGN §8): every place, and every member of the groups that were asked.
@Suite("A broken glass in the channels")
struct GlassTests {
    private static let erin = Handle(constant: "erin")
    private static let slack = Handle(constant: "slack")

    private static func notice(
        _ glass: ReviewCard.Glass?, status: ActionStatus = .claimed
    ) throws -> ReviewNotice {
        let card = try CardFixtures.card(
            status: status, decisions: [CardFixtures.decision()],
            ending: status == .pending ? nil : "Erin broke the glass: production is down.",
            offer: status == .pending ? .buttons : .nothing, glass: glass)
        return ReviewNotice(
            card: card, groups: [.reviewers], eligible: [], requesters: [], deciders: [],
            witnesses: glass == nil ? [] : [erin])
    }

    @Test("goes to every place, whatever groups it is for")
    func places() throws {
        let post = Post(place: "C1", groups: [Handle(constant: "security")])
        #expect(!post.takes(try Self.notice(nil)))
        #expect(post.takes(try Self.notice(.owed)))
    }

    @Test("goes to every linked member of the groups that were asked, once it is no longer open")
    func members() throws {
        let host = FakeHost()
        let account = try #require(
            ChatAccount(channel: Self.slack, workspace: "T0001", user: "U0ERIN"))
        host.change { $0.accounts = [account: Self.erin] }
        let channel = SilentChannel()
        for (glass, expected) in [(nil, []), (ReviewCard.Glass.owed, ["@erin"])] {
            let found = channel.targets(
                try Self.notice(glass), posts: [], directMessages: true, host)
            #expect(found == expected)
        }
    }

    @Test("never looks like an approval, and says when nobody has looked at it in time")
    func words() throws {
        for (glass, words) in [
            (ReviewCard.Glass.owed, "Glass broken \u{B7} Cleared"),
            (.overdue, "Glass broken, nobody has looked at it in time \u{B7} Cleared"),
            (.settled, "Glass broken and looked at \u{B7} Cleared"),
        ] {
            let card = try Self.notice(glass, status: .cleared).card
            #expect(CardWords.headline(card) == words + " \u{B7} medium")
            let news = CardWords.news(card)
            #expect(news.hasPrefix(words) && news.contains("production is down"))
            #expect(!news.contains("Approved") && !CardWords.headline(card).contains("Bob"))
        }
    }
}

/// A channel that is only asked where it would post.
private struct SilentChannel: CardChannel {
    let id = Handle(constant: "slack")
    let health = ChannelHealth()
    let alerts: AlertPost? = nil

    func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] { [] }

    func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        (Lane(channel: id, method: "post", place: target), Pace(burst: 1, perSecond: 1))
    }

    func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult { .nothing(nil) }

    func deliver(checkpoint: String, _ host: any ChannelHost) async -> DeliveryResult {
        .nothing(nil)
    }

    func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        .nothing(nil)
    }
}
