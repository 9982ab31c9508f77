// SPDX-License-Identifier: Apache-2.0

extension AccountPage: TemplatePage {
    var template: PageTemplate { .account }

    var title: String { "Your account" }

    var values: TemplateValues {
        [
            "accounts": accounts.map(\.values), "accountCount": accounts.count,
            "linkable": channels.map(\.values), "code": orAbsent(code),
            "codeExpires": orAbsent(codeExpires?.values(now: shell.now)),
            "mayLink": mayLink && !channels.isEmpty, "mustSignInAgain": !mayLink,
            "hasChannels": !channels.isEmpty,
            "codeFormURL": ConsolePath.linkCodeForm, "unlinkFormURL": ConsolePath.unlinkForm,
            "passkeys": passkeys.map { $0.values(now: shell.now) },
            "passkeyCount": passkeys.count, "mayEnrol": mayLink, "isSealed": !shell.isUnsealed,
            "passkeyFormURL": ConsolePath.passkeyForm,
            "passkeyOptionsURL": ConsolePath.passkeyOptions,
            "removePasskeyURL": ConsolePath.removePasskeyForm,
            "sessions": sessions.map { $0.values(now: shell.now) },
            "sessionCount": sessions.count, "revokeSessionURL": ConsolePath.revokeSessionForm,
        ]
    }
}

extension OwnPasskey {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "passkey": id, "shortPasskey": String(id.prefix(12)), "since": since.values(now: now),
            "isSynced": isSynced,
        ]
    }
}

extension OwnSession {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "session": id, "method": method, "signedInAt": signedInAt.values(now: now),
            "expires": expires.values(now: now), "address": orAbsent(address),
            "userAgent": orAbsent(userAgent), "isCurrent": isCurrent,
        ]
    }
}

extension LinkedAccount {
    var values: TemplateValues {
        ["channel": channel, "workspace": workspace, "user": user]
    }
}

extension LinkableChannel {
    var values: TemplateValues { ["id": id, "instruction": instruction] }
}

extension ChannelsPage: TemplatePage {
    var template: PageTemplate { .channels }

    var title: String { "Channels" }

    var values: TemplateValues {
        [
            "channels": channels.map { $0.values(now: shell.now) },
            "channelCount": channels.count,
            "undelivered": undelivered.map(\.values), "undeliveredCount": undelivered.count,
        ]
    }
}

extension ChannelRow {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "id": id, "kind": kind, "reachedAt": orAbsent(reachedAt?.values(now: now)),
            "deliveredAt": orAbsent(deliveredAt?.values(now: now)), "waiting": waiting,
            "trouble": orAbsent(trouble),
        ]
    }
}

extension UndeliveredRow {
    var values: TemplateValues {
        [
            "action": action, "actionURL": ConsolePath.action(action), "channel": channel,
            "target": target, "failure": failure,
        ]
    }
}

extension ConsoleDelivery {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "channel": channel, "target": target, "word": state.word, "tone": state.tone,
            "deliveredAt": orAbsent(deliveredAt?.values(now: now)),
            "failure": orAbsent(failure),
        ]
    }
}
