// SPDX-License-Identifier: Apache-2.0

package import ApprovalCore
internal import CanonicalJSON
internal import Synchronization
internal import TransparencyLog

/// Cards in Slack: one message per place, brought up to date whenever the action changes.
package final class SlackChannel: CardChannel {
    package let settings: SlackSettings
    let api: SlackAPI
    package let health = ChannelHealth()
    private let conversations = Mutex<[ChatAccount: String]>([:])
    private static let conversationLimit = 10_000

    package var id: Handle { settings.id }

    package init(_ settings: SlackSettings, caller: HTTPCaller = .http) {
        self.settings = settings
        api = SlackAPI(base: settings.api, caller: caller)
    }

    package func targets(_ notice: ReviewNotice, _ host: any ChannelHost) -> [String] {
        targets(
            notice, posts: settings.posts, directMessages: settings.directMessages, host)
    }

    package func lane(_ target: String, _ delivery: Delivery) -> (Lane, Pace) {
        guard delivery.remote == nil else {
            // Tier 3 is 50 a minute for the workspace and app: never more in any minute.
            return (Lane(channel: id, method: "chat.update"), pace(burst: 20, perSecond: 0.5))
        }
        // About one message a second for each channel, of which short bursts pass.
        return (
            Lane(channel: id, method: "chat.postMessage", place: target),
            pace(burst: 3, perSecond: 1)
        )
    }

    private func pace(burst: Double, perSecond: Double) -> Pace {
        Pace(burst: burst * settings.rateFactor, perSecond: perSecond * settings.rateFactor)
    }

    // MARK: delivering

    package func deliver(
        _ notice: ReviewNotice, to target: String, _ delivery: Delivery, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let message = SlackCard.message(
            notice.card, buttons: mayDecide(target, notice, posts: settings.posts))
        let result: DeliveryResult
        if let remote = delivery.remote.flatMap(Remote.init) {
            result =
                isStillHis(target, user: remote.user, host)
                ? await update(remote, message, notice)
                : await replace(remote, message, target, host)
        } else {
            result = await post(message, target, host)
        }
        health.note(result, now: host.now)
        return result
    }

    /// Where a message is, and what it showed last.
    private struct Remote {
        var channel: String
        var ts: String
        /// Hash of the message, so that what would look the same is not sent.
        var hash: String
        /// Hash of the line that was last written below it.
        var reply: String
        /// Whose direct conversation it is in; empty for a channel.
        var user: String

        init?(_ json: JSON) {
            guard let channel = json["channel"]?.stringValue, let ts = json["ts"]?.stringValue
            else { return nil }
            self.channel = channel
            self.ts = ts
            hash = json["hash"]?.stringValue ?? ""
            reply = json["reply"]?.stringValue ?? ""
            user = json["user"]?.stringValue ?? ""
        }

        init(channel: String, ts: String, hash: String, user: String) {
            self.channel = channel
            self.ts = ts
            self.hash = hash
            self.user = user
            reply = ""
        }

        var json: JSON {
            [
                "channel": .string(channel), "hash": .string(hash), "reply": .string(reply),
                "ts": .string(ts), "user": .string(user),
            ]
        }
    }

    private static func hash(_ message: SlackMessage) -> String {
        Hash256.sha256(Array((message.text + message.blocks.description).utf8)).hex
    }

    /// Takes a card away from an account that is no longer a person's, and gives it to the one that
    /// is.
    private func replace(
        _ remote: Remote, _ message: SlackMessage, _ target: String, _ host: any ChannelHost
    ) async -> DeliveryResult {
        let text = "This account is no longer linked."
        let answer = await api.call(
            "chat.update",
            [
                "blocks": [
                    ["text": ["text": .string(text), "type": "plain_text"], "type": "section"]
                ], "channel": .string(remote.channel), "text": .string(text),
                "ts": .string(remote.ts),
            ], token: settings.botToken)
        switch answer {
        case .ok: return await post(message, target, host)
        // What can't be taken away any more holds up nobody else's.
        case .failed: return await post(message, target, host)
        default: return Self.result(answer, "chat.update")
        }
    }

    private func post(
        _ message: SlackMessage, _ target: String, _ host: any ChannelHost
    ) async -> DeliveryResult {
        var place = target
        var user = ""
        if let person = Self.person(target) {
            guard let account = host.account(of: person, in: id) else { return .nothing(nil) }
            switch await conversation(with: account) {
            case .success(let found): (place, user) = (found, account.user)
            case .failure(let failure): return failure.result
            }
        }
        let answer = await api.call(
            "chat.postMessage", Self.body(message, ["channel": .string(place)]),
            token: settings.botToken)
        guard case .ok(let json) = answer else {
            return Self.result(answer, "chat.postMessage")
        }
        guard let channel = json["channel"]?.stringValue, let ts = json["ts"]?.stringValue else {
            return .later("chat.postMessage: no place in the answer")
        }
        return .shown(
            Remote(channel: channel, ts: ts, hash: Self.hash(message), user: user).json)
    }

    private struct Failure: Error { let result: DeliveryResult }

    /// The direct conversation with an account, which stays the same.
    private func conversation(with account: ChatAccount) async -> Result<String, Failure> {
        if let known = conversations.withLock({ $0[account] }) { return .success(known) }
        let method = "conversations.open"
        let answer = await api.call(
            method, ["users": .string(account.user)], token: settings.botToken)
        guard case .ok(let json) = answer, let found = json["channel"]?["id"]?.stringValue else {
            return .failure(Failure(result: Self.result(answer, method)))
        }
        conversations.withLock { known in
            if known.count >= Self.conversationLimit { known = [:] }
            known[account] = found
        }
        return .success(found)
    }

    private static func body(_ message: SlackMessage, _ members: JSONObject) -> JSON {
        var body = members
        body["blocks"] = message.blocks
        body["text"] = .string(message.text)
        // Links in what is shown are nobody's to look up.
        body["unfurl_links"] = false
        body["unfurl_media"] = false
        return .object(body)
    }

    private static func result(_ answer: SlackAnswer, _ method: String) -> DeliveryResult {
        switch answer {
        case .ok: .later("\(method): no use in the answer")
        case .limited(let seconds): .limited(seconds: seconds, method: method)
        case .unavailable(let why): .unavailable(why)
        case .failed(let code): .refused("\(method): \(code)\(advice(code))")
        }
    }

    /// What to do about the codes that administrators meet.
    static func advice(_ code: String) -> String {
        switch code {
        case "not_in_channel", "channel_not_found":
            ": invite the app to the channel, and check its id"
        case "invalid_auth", "token_revoked", "account_inactive", "not_authed":
            ": install the app again and replace the bot token"
        case "missing_scope", "no_permission":
            ": install the app again from the manifest of `exequatur channel slack manifest`"
        case "is_archived": ": the channel is archived"
        default: ""
        }
    }

    private func update(
        _ remote: Remote, _ message: SlackMessage, _ notice: ReviewNotice
    ) async -> DeliveryResult {
        var remote = remote
        let hash = Self.hash(message)
        let isNew = !hash.utf8.elementsEqual(remote.hash.utf8)
        if isNew {
            let answer = await api.call(
                "chat.update",
                Self.body(
                    message, ["channel": .string(remote.channel), "ts": .string(remote.ts)]),
                token: settings.botToken)
            switch answer {
            case .ok: remote.hash = hash
            case .failed(let code) where Self.isFrozen(code):
                // The message can't be changed any more: what is said below it has to arrive.
                let result = await reply(remote, notice)
                guard case .shown = result else { return result }
                remote.hash = hash
                remote.reply = Self.hash(SlackCard.threadReply(notice.card))
                return .shown(remote.json)
            default: return Self.result(answer, "chat.update")
            }
        }
        guard isWorthSaying(notice, remote) else {
            return isNew ? .shown(remote.json) : .nothing(remote.json)
        }
        let said = await reply(remote, notice)
        switch said {
        case .shown: remote.reply = Self.hash(SlackCard.threadReply(notice.card))
        case .limited, .unavailable: return said
        // The card is right; a line that Slack does not want below it is not worth another round.
        default: break
        }
        return .shown(remote.json)
    }

    private static func isFrozen(_ code: String) -> Bool {
        ["message_not_found", "cant_update_message", "edit_window_closed"]
            .contains { $0.utf8.elementsEqual(code.utf8) }
    }

    /// Whether there is something to say below the message that was not said yet.
    private func isWorthSaying(_ notice: ReviewNotice, _ remote: Remote) -> Bool {
        guard !notice.card.decisions.isEmpty || notice.card.ending != nil,
            !remote.channel.hasPrefix("D")
        else { return false }
        let hash = Self.hash(SlackCard.threadReply(notice.card))
        return !hash.utf8.elementsEqual(remote.reply.utf8)
    }

    /// Writes a decision or the end below the message, so that whoever only reads the channel hears
    /// of it.
    private func reply(_ remote: Remote, _ notice: ReviewNotice) async -> DeliveryResult {
        let answer = await api.call(
            "chat.postMessage",
            Self.body(
                SlackCard.threadReply(notice.card),
                ["channel": .string(remote.channel), "thread_ts": .string(remote.ts)]),
            token: settings.botToken)
        if case .ok = answer { return .shown(remote.json) }
        return Self.result(answer, "chat.postMessage")
    }

    package func deliver(
        checkpoint: String, _ host: any ChannelHost
    ) async -> DeliveryResult {
        guard let place = settings.checkpoints else { return .nothing(nil) }
        guard let shown = ShownCheckpoint(checkpoint) else { return .nothing(nil) }
        let message = SlackCard.checkpoint(
            origin: shown.origin, size: shown.size, root: shown.root, note: checkpoint)
        return await say(message, in: place)
    }

    package var alerts: AlertPost? { settings.alerts }

    package func deliver(alert: DriftAlertText, _ host: any ChannelHost) async -> DeliveryResult {
        guard let place = settings.alerts?.place else { return .nothing(nil) }
        return await say(SlackCard.alert(alert), in: place)
    }

    /// Posts what is never changed again.
    private func say(_ message: SlackMessage, in place: String) async -> DeliveryResult {
        let answer = await api.call(
            "chat.postMessage", Self.body(message, ["channel": .string(place)]),
            token: settings.botToken)
        if case .ok = answer { return .shown(.null) }
        return Self.result(answer, "chat.postMessage")
    }

    /// Asks Slack whether the token is good, and notes the answer.
    package func check(now: Timestamp) async {
        switch await api.call("auth.test", [:], token: settings.botToken) {
        case .ok(let answer):
            let team = answer["team_id"]?.stringValue ?? ""
            let enterprise = answer["enterprise_id"]?.stringValue ?? ""
            if team.utf8.elementsEqual(settings.workspace.utf8)
                || (settings.enterprise.map { $0.utf8.elementsEqual(enterprise.utf8) } ?? false)
            {
                health.reached(.access, now)
            } else {
                health.failed(
                    .access,
                    "the bot token is of team \(VisibleText.escape(team)), not of "
                        + "\(settings.workspace): correct `workspace`")
            }
        case .failed(let code):
            health.failed(.access, "auth.test: \(code)\(Self.advice(code))")
        case .limited: break
        case .unavailable(let why): health.failed(.access, why)
        }
    }
}
