// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
internal import Channels
internal import Console
internal import ControlPlane

extension ConsoleModels {
    /// Where people were told of an action.
    func deliveries(_ id: ActionID) throws -> [ConsoleDelivery] {
        guard let channels else { return [] }
        return try channels.deliveries(of: id).map { key, delivery in
            ConsoleDelivery(
                channel: key.channel.text, target: VisibleText.escape(key.target),
                state: delivery.isDead ? .refused : delivery.isWaiting ? .waiting : .shown,
                deliveredAt: delivery.deliveredAt.map(instant),
                failure: delivery.failure.map(VisibleText.escape))
        }
    }

    /// Messages that the page lists; all are counted by `exequatur doctor`.
    private static let undelivered = 100

    func channelsPage() throws -> ChannelsPage {
        let report = channels?.report() ?? []
        let dead = try channels?.undelivered(limit: Self.undelivered) ?? []
        return ChannelsPage(
            shell: try shell(),
            channels: report.map { row in
                ChannelRow(
                    id: row.id.text, kind: row.kind,
                    reachedAt: row.health?.reachedAt.map(instant),
                    deliveredAt: row.health?.deliveredAt.map(instant), waiting: row.waiting,
                    trouble: row.trouble.map(VisibleText.escape))
            },
            undelivered: dead.map { key, delivery in
                UndeliveredRow(
                    action: key.action.text, channel: key.channel.text,
                    target: VisibleText.escape(key.target),
                    failure: VisibleText.escape(delivery.failure ?? ""))
            })
    }

    func accountPage(
        code: (code: String, expires: Timestamp)?, notice: ConsoleNotice?
    ) throws -> AccountPage {
        let accounts = governance.directory.accounts
            .filter { $0.value == session?.person }.keys.sorted()
        return AccountPage(
            shell: try shell(notice: notice),
            accounts: accounts.map {
                LinkedAccount(channel: $0.channel.text, workspace: $0.workspace, user: $0.user)
            },
            channels: channels?.linkable ?? [], code: code?.code,
            codeExpires: code.map { instant($0.expires) },
            mayLink: session.map { control.assurance(of: $0) >= .console } ?? false,
            passkeys: ownPasskeys(), sessions: try ownSessions())
    }
}
