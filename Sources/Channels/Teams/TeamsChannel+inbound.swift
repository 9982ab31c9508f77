// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore
package import CanonicalJSON
internal import TransparencyLog

/// What people do in Teams.
///
/// Every activity that comes here was vouched for by the Bot Framework, and is of the tenant that
/// is configured. A decision is durable before Teams hears that it arrived.
extension TeamsChannel {
    /// Takes an activity; returns the body of the answer, or nil for an empty one.
    package func receive(
        _ activity: JSON, audit: JSON, _ host: any ChannelHost
    ) async -> JSON? {
        guard let sender = TeamsSender(activity, settings) else { return nil }
        var answer: JSON?
        var isLeaving = false
        switch activity["type"]?.stringValue {
        case "invoke": answer = await invoke(activity, sender, audit: audit, host)
        case "message": await read(activity, sender, audit: audit, host)
        case "installationUpdate":
            isLeaving = activity["action"]?.stringValue?.hasPrefix("remove") ?? false
            if !isLeaving, sender.isPersonal { await greet(sender, host) }
        case "conversationUpdate":
            isLeaving = (activity["membersRemoved"]?.arrayValue ?? []).contains {
                isBot($0["id"]?.stringValue, sender)
            }
        default: break
        }
        do {
            // After what was asked for, so that somebody who has just linked himself is known.
            if isLeaving {
                try await places.forget(sender, host)
            } else {
                try await places.learn(sender, host)
            }
        } catch {
            health.failed(
                .access, "a conversation can't be noted: \(host.describe(error))")
        }
        return answer
    }

    private func isBot(_ user: String?, _ sender: TeamsSender) -> Bool {
        guard let user else { return false }
        return ["28:\(settings.appID)", sender.bot].contains { own in
            own?.utf8.elementsEqual(user.utf8) ?? false
        }
    }

    // MARK: buttons

    private func invoke(
        _ activity: JSON, _ sender: TeamsSender, audit: JSON, _ host: any ChannelHost
    ) async -> JSON {
        guard activity["name"]?.stringValue == "adaptiveCard/action",
            let value = activity["value"], let verb = value["action"]?["verb"]?.stringValue
        else { return TeamsInvokeAnswer.badRequest("expected `adaptiveCard/action`") }
        let kind: ReviewDecision.Kind
        switch verb {
        case "exequatur.approve": kind = .approve
        case "exequatur.deny": kind = .deny
        default: return TeamsInvokeAnswer.said("Nothing was decided.")
        }
        // Teams itself sends what refreshes a card: nobody pressed anything.
        guard value["trigger"].map({ $0 == "manual" }) ?? true else {
            return TeamsInvokeAnswer.said("Nothing was decided.")
        }
        guard let data = value["action"]?["data"],
            let id = data["action"]?.stringValue.flatMap(ActionID.init),
            let rendering = data["rendering"]?.stringValue.flatMap({ Hash256(hex: $0) })
        else { return TeamsInvokeAnswer.badRequest("the button is not one of ours") }
        guard let account = sender.account else { return TeamsInvokeAnswer.said(Self.notAMember) }
        let reason = data["reason"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        let pressed = Pressed(
            id: id, kind: kind, account: account, rendering: rendering, reason: reason)
        return await decide(pressed, sender, audit: audit, host)
    }

    private struct Pressed {
        let id: ActionID
        let kind: ReviewDecision.Kind
        let account: ChatAccount
        let rendering: Hash256
        let reason: String?

        func decision(showsAll: Bool) -> ChatDecision {
            ChatDecision(
                action: id, kind: kind, channel: .teams, account: account, rendering: rendering,
                surfaceShowsAll: showsAll, reason: reason)
        }
    }

    private func decide(
        _ pressed: Pressed, _ sender: TeamsSender, audit: JSON, _ host: any ChannelHost
    ) async -> JSON {
        do {
            guard let notice = try host.notice(pressed.id) else {
                return TeamsInvokeAnswer.said("There is no such action.")
            }
            // What Teams delivers twice, or somebody presses twice, counts once.
            if let person = host.person(of: pressed.account), notice.deciders.contains(person) {
                return TeamsInvokeAnswer.said(
                    "You have decided on this already. That decision stands, and it can't be "
                        + "changed here.")
            }
            let decision = pressed.decision(
                showsAll: TeamsCard.message(notice.card, buttons: true).isComplete)
            if let obstacle = try host.obstacle(decision) {
                return TeamsInvokeAnswer.said("This does not count: \(obstacle)")
            }
            if let fault = await standing(of: sender, host) {
                return TeamsInvokeAnswer.said(fault)
            }
            try await host.decide(decision, audit: audit)
            guard let after = try host.notice(pressed.id) else {
                return TeamsInvokeAnswer.said("Your decision is recorded.")
            }
            return TeamsInvokeAnswer.card(TeamsCard.message(after.card, buttons: false).card)
        } catch {
            return TeamsInvokeAnswer.said("This does not count: \(host.describe(error))")
        }
    }

    /// Why somebody may take no part, as Teams knows him now; nil if he may.
    ///
    /// Asked before every decision and every link, because a member can become a guest and a team
    /// can be shared with another tenant; where Teams does not answer nothing counts.
    private func standing(of sender: TeamsSender, _ host: any ChannelHost) async -> String? {
        guard let account = sender.account, !sender.user.isEmpty else { return Self.notAMember }
        let place = TeamsAPI.address(
            sender.service, conversation: sender.team ?? sender.conversation)
        let answer = await api.call(
            "GET", "\(place)/members/\(PercentEncoding.segment(sender.user))", now: host.now,
            seconds: TeamsLimits.interactiveSeconds)
        guard case .ok(let member) = answer else {
            return "Teams does not say who you are just now: try again, or decide in the console."
        }
        let user = member["aadObjectId"]?.stringValue ?? member["objectId"]?.stringValue
        guard member["tenantId"]?.stringValue?.utf8.elementsEqual(settings.tenant.utf8) == true,
            user?.utf8.elementsEqual(account.user.utf8) == true,
            isNoGuest(member)
        else { return Self.notAMember }
        return nil
    }

    /// By the role that Teams gives, or by the name, which for guests has `#EXT#` in it.
    ///
    /// Where neither is there, nobody vouches for it.
    private func isNoGuest(_ member: JSON) -> Bool {
        let role = member["userRole"]?.stringValue
        let name = member["userPrincipalName"]?.stringValue?.lowercased()
        guard role != nil || name != nil else { return false }
        return role.map { $0.utf8.elementsEqual("user".utf8) } ?? true
            && name.map { !$0.contains("#ext#") } ?? true
    }

    private static let notAMember =
        "Guests, bots and people of other organisations take no part in decisions."

    // MARK: messages

    private func read(
        _ activity: JSON, _ sender: TeamsSender, audit: JSON, _ host: any ChannelHost
    ) async {
        guard let text = activity["text"]?.stringValue else { return }
        switch TeamsText(text) {
        case .link(let code):
            guard sender.isPersonal else {
                return await say(
                    "Nobody was linked: others can read that code. Write to me in a personal chat, "
                        + "with a new one.", to: sender, host)
            }
            await link(code, sender, audit: audit, host)
        case .other: await greet(sender, host)
        }
    }

    private func link(
        _ code: String, _ sender: TeamsSender, audit: JSON, _ host: any ChannelHost
    ) async {
        guard let account = sender.account else {
            return await say(Self.notAMember, to: sender, host)
        }
        if let fault = await standing(of: sender, host) {
            return await say(fault, to: sender, host)
        }
        do {
            let person = try await host.link(account, code: code, name: sender.name, audit: audit)
            await say(
                "You are \(host.name(of: person)) (\(person)) here. What waits for you will "
                    + "come to this chat.", to: sender, host)
        } catch {
            await say("This account was not linked: \(host.describe(error))", to: sender, host)
        }
    }

    /// Says what waits for a person, or to somebody unknown how to link his account.
    private func greet(_ sender: TeamsSender, _ host: any ChannelHost) async {
        // In front of others nothing is listed.
        guard sender.isPersonal, let account = sender.account else { return }
        guard let person = host.person(of: account) else {
            return await say(
                "To decide here, make a code at \(host.publicURL)/account and write: link CODE",
                to: sender, host)
        }
        let waiting = (try? host.queue(of: person, limit: TeamsLimits.queue)) ?? []
        guard !waiting.isEmpty else {
            return await say("Nothing waits for you. \(host.publicURL)", to: sender, host)
        }
        // Words of ours only: what agents write could pass for ours in a line of text.
        let lines = waiting.map { "\(CardWords.trusted($0)): \($0.page)" }
        await say((["Waiting for you:"] + lines).joined(separator: "\n\n"), to: sender, host)
    }

    /// Writes into the conversation that something came from; what fails is not tried again.
    private func say(_ text: String, to sender: TeamsSender, _ host: any ChannelHost) async {
        let place = TeamsPlace(service: sender.service, conversation: sender.conversation)
        let answer = await api.call(
            "POST", Self.activities(place),
            ["text": .string(text), "textFormat": "plain", "type": "message"], now: host.now,
            seconds: TeamsLimits.interactiveSeconds)
        if case .ok = answer { health.reached(.access, host.now) }
    }
}
