// SPDX-License-Identifier: Apache-2.0

extension SealPage: TemplatePage {
    var template: PageTemplate { .sealing }

    var title: String { "Seal" }

    var values: TemplateValues {
        [
            "headline": seal == nil ? "Not sealed" : "Sealed",
            "stamp": sealValues(seal == nil ? "L.S." : "SEALED", isStruck: false)
                .merging(["tone": seal == nil ? "open" : "good"]) { _, new in new },
            "isDone": seal != nil, "done": orAbsent(seal?.values(now: shell.now)),
            "obstacles": seal == nil ? obstacles.map(Self.sentence) : [],
            "question": orAbsent(seal == nil ? question?.values : nil),
            "mayAsk": seal == nil && question == nil && obstacles.isEmpty,
            "manifest": orAbsent(manifest?.values), "sealFormURL": ConsolePath.sealForm,
        ]
    }
}

extension SealPage {
    /// Reasons come as parts of sentences, for command lines.
    static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }
}

extension SealPage.Seal {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "at": at.values(now: now), "sealedBy": by.map(\.name).joined(separator: ", "),
            "recoveries": recoveries > 0 ? recoveries : false,
            "recoveryWord": recoveries == 1 ? "once" : "\(recoveries) times",
        ]
    }
}

extension SealPage.Question {
    var values: TemplateValues {
        [
            "asker": by.name, "confirmedBy": orAbsent(names), "needed": needed,
            "confirmedCount": confirmed.count, "isStale": !isCurrent,
            "mayConfirm": mayConfirm && isCurrent,
            "confirmObstacle": orAbsent(obstacle.map(SealPage.sentence)),
        ]
    }

    private var names: String? {
        confirmed.isEmpty ? nil : confirmed.map(\.name).joined(separator: ", ")
    }
}

extension ManifestCard {
    var values: TemplateValues {
        [
            "manifestDigest": digest, "people": people.map(\.values),
            "sealedAgents": agents.map(\.values), "sealedGroups": groups.map(\.values),
            "sealedGates": gates.joined(separator: ", "), "sealedTokens": tokens.map(\.values),
            "others": others.map(\.values), "policySetDigest": policySet, "logKey": logKey,
            "recoveryKey": recoveryKey,
        ]
    }
}

extension ManifestCard.Person {
    var values: TemplateValues {
        [
            "name": name.name, "id": name.id, "isAdministrator": isAdministrator,
            "credentials": credentials,
        ]
    }
}

extension ManifestCard.Pair {
    var values: TemplateValues { ["name": name, "text": text] }
}

extension DevicePage: TemplatePage {
    var template: PageTemplate { .device }

    var title: String { "Sign a command line in" }

    var values: TemplateValues {
        [
            "typedCode": code ?? "", "request": orAbsent(request?.values(now: shell.now)),
            "mayAnswer": mayAnswer, "deviceFormURL": ConsolePath.deviceForm,
            "deviceAnswerURL": ConsolePath.deviceAnswerForm,
        ]
    }
}

extension DeviceCard {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "deviceCode": code, "address": address, "client": client,
            "expires": expires.countdownValues(now: now),
        ]
    }
}
