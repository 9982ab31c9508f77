// SPDX-License-Identifier: Apache-2.0

@testable import Console

extension Samples {
    static func account() -> AccountPage {
        AccountPage(
            shell: shell(),
            accounts: [LinkedAccount(channel: "slack", workspace: "T0001", user: "U0BOB")],
            channels: [
                LinkableChannel(id: "slack", instruction: "In Slack open the app’s Home."),
                LinkableChannel(id: "teams", instruction: "In Teams write “link” and the code."),
            ], code: nil, codeExpires: nil, mayLink: false,
            passkeys: [
                OwnPasskey(id: "mQx8TqvA1dZkR0Yc7w", since: before(7_000_000), isSynced: true),
                OwnPasskey(id: "Zz01aQpLw3vHn6Ke5g", since: before(86_400), isSynced: false),
            ],
            sessions: [
                OwnSession(
                    id: "0123456789abcdef", method: "passkey", signedInAt: before(700),
                    expires: after(42_000), address: "192.0.2.7",
                    userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", isCurrent: true),
                OwnSession(
                    id: "fedcba9876543210", method: "link", signedInAt: before(9_000),
                    expires: after(30_000), address: nil, userAgent: nil, isCurrent: false),
            ])
    }

    static func accountWithCode() -> AccountPage {
        var page = account()
        page.accounts = []
        page.passkeys = []
        page.mayLink = true
        page.code = "7K3Q-9XVA-M2DT"
        page.codeExpires = after(600)
        return page
    }

    static func channels() -> ChannelsPage {
        ChannelsPage(
            shell: shell(),
            channels: [
                ChannelRow(
                    id: "slack", kind: "Slack, Socket Mode", reachedAt: before(4),
                    deliveredAt: before(95), waiting: 0, trouble: nil),
                ChannelRow(
                    id: "audit", kind: "webhook", reachedAt: nil, deliveredAt: nil, waiting: 12,
                    trouble: "the receiver answers 503"),
            ],
            undelivered: [
                UndeliveredRow(
                    action: "act_01k8v3nq7wzc4c9t2q0d5j6xyz", channel: "slack", target: "C0001",
                    failure: "chat.postMessage: not_in_channel: invite the app to the channel")
            ])
    }

    /// Where people were told of an action, in every state.
    static var deliveries: [ConsoleDelivery] {
        [
            ConsoleDelivery(
                channel: "slack", target: "C0001", state: .shown, deliveredAt: before(90),
                failure: nil),
            ConsoleDelivery(
                channel: "slack", target: "@bob", state: .waiting, deliveredAt: nil,
                failure: "no answer"),
            ConsoleDelivery(
                channel: "mail", target: "oncall@example.org", state: .refused,
                deliveredAt: nil, failure: "550 no such user"),
        ]
    }
}
