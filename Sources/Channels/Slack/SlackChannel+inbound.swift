// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
internal import TransparencyLog

/// What people do in Slack.
///
/// A button opens a dialog, and only what the dialog sends is a decision: it is durable before
/// Slack hears that it arrived, and what does not count is said in the dialog.
extension SlackChannel {
    /// Who pressed something, as Slack says.
    struct Presser {
        let account: ChatAccount
        /// Where the message stands that he pressed on; nil in App Home and dialogs.
        let place: String?
        let trigger: String?
    }

    /// Takes a payload of interactivity; returns the body of the answer, or nil for an empty one.
    package func receive(
        interaction payload: JSON, audit: JSON, _ host: any ChannelHost
    ) async -> JSON? {
        guard let presser = presser(payload) else { return nil }
        switch payload["type"]?.stringValue {
        case "block_actions":
            await press(payload, presser, host)
            return nil
        case "view_submission":
            return await submit(payload, presser, audit: audit, host)
        default: return nil
        }
    }

    /// Takes an event.
    package func receive(event payload: JSON, _ host: any ChannelHost) async {
        guard let event = payload["event"], event["type"]?.stringValue == "app_home_opened",
            let user = event["user"]?.stringValue, let account = account(user)
        else { return }
        await showHome(account, host)
    }

    private func account(_ user: String) -> ChatAccount? {
        ChatAccount(
            channel: id, workspace: settings.enterprise ?? settings.workspace, user: user)
    }

    private func presser(_ payload: JSON) -> Presser? {
        guard let user = payload["user"]?["id"]?.stringValue, let account = account(user) else {
            return nil
        }
        let place =
            payload["container"]?["channel_id"]?.stringValue
            ?? payload["channel"]?["id"]?.stringValue
        return Presser(
            account: account, place: place, trigger: payload["trigger_id"]?.stringValue)
    }

    /// Whether it comes from the workspace, or the enterprise, whose people decide.
    ///
    /// In a channel that is shared with other companies their people can press buttons too.
    private func isOurs(_ payload: JSON) -> Bool {
        if let enterprise = settings.enterprise {
            return payload["enterprise"]?["id"]?.stringValue?.utf8
                .elementsEqual(enterprise.utf8) ?? false
        }
        let team = payload["team"]?["id"]?.stringValue
        let userTeam = payload["user"]?["team_id"]?.stringValue ?? team
        return [team, userTeam].allSatisfy {
            $0?.utf8.elementsEqual(settings.workspace.utf8) ?? false
        }
    }

    // MARK: buttons

    private func press(
        _ payload: JSON, _ presser: Presser, _ host: any ChannelHost
    ) async {
        guard let action = payload["actions"]?[0], let name = action["action_id"]?.stringValue
        else { return }
        switch name {
        case "exequatur.approve":
            await openDialog(.approve, payload, presser, host)
        case "exequatur.deny": await openDialog(.deny, payload, presser, host)
        case "exequatur.link": await open(SlackCard.linkModal(), presser)
        default: break
        }
    }

    private func openDialog(
        _ kind: ReviewDecision.Kind, _ payload: JSON, _ presser: Presser,
        _ host: any ChannelHost
    ) async {
        guard isOurs(payload) else { return await whisper(Self.notAMember, presser) }
        guard let (id, rendering) = Self.subject(payload["actions"]?[0]?["value"]?.stringValue)
        else { return }
        do {
            guard let notice = try host.notice(id) else {
                return await whisper("There is no such action.", presser)
            }
            // Asked as if there were a reason: the dialog asks for it.
            let decision = ChatDecision(
                action: id, kind: kind, channel: .slack, account: presser.account,
                rendering: rendering, surfaceShowsAll: showsAll(notice), reason: "-")
            if let obstacle = try host.obstacle(decision) {
                return await whisper("This does not count: \(obstacle)", presser)
            }
            let metadata: JSON = [
                "action": .string(id.text), "kind": .string(kind.rawValue),
                "rendering": .string(rendering.hex),
            ]
            let isOpen = await open(
                SlackCard.modal(notice.card, kind: kind, privateMetadata: metadata.description),
                presser)
            if !isOpen {
                await whisper("Slack did not open the dialog: press again.", presser)
            }
        } catch {
            await whisper("This did not work: \(host.describe(error))", presser)
        }
    }

    private func showsAll(_ notice: ReviewNotice) -> Bool {
        SlackCard.message(notice.card, buttons: true).isComplete
    }

    private static func subject(_ value: String?) -> (ActionID, Hash256)? {
        let parts = (value ?? "").split(separator: " ")
        guard parts.count == 2, let id = ActionID(String(parts[0])),
            let rendering = Hash256(hex: String(parts[1]))
        else { return nil }
        return (id, rendering)
    }

    @discardableResult
    private func open(_ view: JSON, _ presser: Presser) async -> Bool {
        guard let trigger = presser.trigger else { return false }
        let answer = await api.call(
            "views.open", ["trigger_id": .string(trigger), "view": view],
            token: settings.botToken)
        if case .ok = answer { return true }
        return false
    }

    /// Says something that only one person sees, and only where he pressed.
    private func whisper(_ text: String, _ presser: Presser) async {
        guard let place = presser.place else { return }
        let body: JSON = [
            "blocks": [
                ["text": ["text": .string(text), "type": "plain_text"], "type": "section"]
            ],
            "channel": .string(place), "text": "This does not count.",
            "user": .string(presser.account.user),
        ]
        _ = await api.call("chat.postEphemeral", body, token: settings.botToken)
    }

    // MARK: dialogs

    private func submit(
        _ payload: JSON, _ presser: Presser, audit: JSON, _ host: any ChannelHost
    ) async -> JSON? {
        guard let view = payload["view"] else { return nil }
        guard isOurs(payload) else {
            let block = view["callback_id"]?.stringValue == "exequatur.link" ? "code" : "reason"
            return Self.errors(block, Self.notAMember)
        }
        switch view["callback_id"]?.stringValue {
        case "exequatur.decide": return await decide(view, presser, audit: audit, host)
        case "exequatur.link":
            return await link(
                view, presser, name: payload["user"]?["name"]?.stringValue, audit: audit, host)
        default: return nil
        }
    }

    private static func errors(_ block: String, _ text: String) -> JSON {
        ["errors": .object([block: .string(text)]), "response_action": "errors"]
    }

    private func decide(
        _ view: JSON, _ presser: Presser, audit: JSON, _ host: any ChannelHost
    ) async -> JSON? {
        guard let text = view["private_metadata"]?.stringValue,
            let metadata = try? JSON(parsing: Array(text.utf8)),
            let id = metadata["action"]?.stringValue.flatMap(ActionID.init),
            let kind = metadata["kind"]?.stringValue.flatMap(ReviewDecision.Kind.init(rawValue:)),
            let rendering = metadata["rendering"]?.stringValue.flatMap({ Hash256(hex: $0) })
        else { return Self.errors("reason", "This dialog is not ours: press the button again.") }
        let reason = view["state"]?["values"]?["reason"]?["reason"]?["value"]?.stringValue
        if let fault = await standing(of: presser.account) {
            return Self.errors("reason", fault)
        }
        do {
            guard let notice = try host.notice(id) else {
                return Self.errors("reason", "There is no such action.")
            }
            let decision = ChatDecision(
                action: id, kind: kind, channel: .slack, account: presser.account,
                rendering: rendering, surfaceShowsAll: showsAll(notice), reason: reason)
            try await host.decide(decision, audit: audit)
            return nil
        } catch {
            return Self.errors("reason", "This does not count: \(host.describe(error))")
        }
    }

    private func link(
        _ view: JSON, _ presser: Presser, name: String?, audit: JSON, _ host: any ChannelHost
    ) async -> JSON? {
        let code = view["state"]?["values"]?["code"]?["code"]?["value"]?.stringValue ?? ""
        if let fault = await standing(of: presser.account) {
            return Self.errors("code", fault)
        }
        do {
            _ = try await host.link(presser.account, code: code, name: name, audit: audit)
        } catch {
            return Self.errors("code", host.describe(error))
        }
        await showHome(presser.account, host)
        return nil
    }

    /// Why an account may take no part, as Slack knows it now; nil if it may.
    ///
    /// Asked before every decision and every link, because a member can become a guest; where Slack
    /// does not answer nothing counts.
    private func standing(of account: ChatAccount) async -> String? {
        let answer = await api.call(
            "users.info", form: [("user", account.user)], token: settings.botToken,
            seconds: SlackAPI.interactiveSeconds)
        guard case .ok(let json) = answer, let user = json["user"] else {
            return "Slack does not say who you are just now: try again, or decide in the console."
        }
        let flags = [
            "deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger",
            "is_app_user", "is_workflow_bot",
        ]
        // What Slack says of every member has to be there: nothing vouches for what is not said.
        let isVouchedFor = ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"]
            .allSatisfy { user[$0]?.boolValue != nil }
        if !isVouchedFor || flags.contains(where: { user[$0]?.boolValue ?? false }) {
            return "Guests, strangers, bots and former members take no part in decisions."
        }
        let team = user["team_id"]?.stringValue ?? ""
        let enterprise = user["enterprise_user"]?["enterprise_id"]?.stringValue
        let isOfTeam = team.utf8.elementsEqual(settings.workspace.utf8)
        let isOfEnterprise =
            settings.enterprise.map { own in enterprise?.utf8.elementsEqual(own.utf8) ?? false }
            ?? false
        guard isOfTeam || isOfEnterprise else {
            return Self.notAMember
        }
        return nil
    }

    private static let notAMember =
        "You are not a member of the workspace whose people decide."

    // MARK: App Home

    /// More than are listed, so that the list can say how many there are.
    private static let queueLimit = 100

    /// Shows a person what waits for him, or somebody unknown how to link his account.
    func showHome(_ account: ChatAccount, _ host: any ChannelHost) async {
        let person = host.person(of: account)
        let items = person.flatMap { try? host.queue(of: $0, limit: Self.queueLimit) } ?? []
        let view = SlackCard.home(
            name: person.map(host.name), items: items, linkedAs: person?.text,
            consoleURL: host.publicURL)
        _ = await api.call(
            "views.publish", ["user_id": .string(account.user), "view": view],
            token: settings.botToken, seconds: SlackAPI.interactiveSeconds)
    }
}
