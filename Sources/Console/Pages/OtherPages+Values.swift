// SPDX-License-Identifier: Apache-2.0

extension PoliciesPage: TemplatePage {
    var template: PageTemplate { .policies }

    var title: String { "Policies" }

    var values: TemplateValues {
        [
            "digest": digest, "publishedAt": publishedAt.values(now: shell.now),
            "publishedBy": publishedBy, "index": orAbsent(index),
            "entryURL": orAbsent(index.map(ConsolePath.entry)),
            "policyCountText": policyCount == 1 ? "1 policy" : "\(policyCount) policies",
            "files": files.enumerated().map { position, file in file.values(position: position) },
        ]
    }
}

extension PolicyFile {
    func values(position: Int) -> TemplateValues {
        let lines = textLines(text)
        return [
            "name": name, "anchor": "file-\(position)", "lineCount": lines.count,
            "lines": lines.map { line in
                [
                    "text": line,
                    "isComment": line.drop { $0 == " " || $0 == "\t" }.hasPrefix("//"),
                ] as TemplateValues
            },
        ]
    }
}

extension DirectoryPage: TemplatePage {
    var template: PageTemplate { .directory }

    var title: String { "Directory" }

    var values: TemplateValues {
        [
            "people": people.map(\.values), "peopleCount": people.count,
            "directoryGroups": groups.map(\.values), "groupCount": groups.count,
            "agents": agents.map { $0.values(now: shell.now) }, "agentCount": agents.count,
            "trusts": trusts.map(\.values), "trustCount": trusts.count,
            "gates": gates.map { $0.values(now: shell.now) }, "gateCount": gates.count,
            "resources": resources.map(\.values), "resourceCount": resources.count,
            "freezes": freezes.map { $0.values(now: shell.now) }, "freezeCount": freezes.count,
        ]
    }
}

extension DirectoryPerson {
    var values: TemplateValues {
        [
            "id": id, "name": name, "groups": groups, "isAdministrator": isAdministrator,
            "credentials": credentials, "note": orAbsent(note),
        ]
    }
}

extension DirectoryGroup {
    var values: TemplateValues {
        ["id": id, "members": members, "isNamedByPolicy": isNamedByPolicy]
    }
}

extension DirectoryAgent {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "id": id, "owner": owner.name, "groups": groups,
            "tokens": tokens.map { $0.values(now: now) },
        ]
    }
}

extension DirectoryTrust {
    var values: TemplateValues {
        [
            "id": id, "agent": agent, "issuer": issuer, "audience": audience, "claims": claims,
        ]
    }
}

extension DirectoryToken {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "expires": orAbsent(expires?.values(now: now)),
            "isExpired": expires.map { $0 <= now } ?? false,
            "lastUsed": orAbsent(lastUsed?.values(now: now)),
        ]
    }
}

extension DirectoryResource {
    var values: TemplateValues {
        [
            "id": id, "type": type, "pattern": pattern, "sensitivity": sensitivity,
            "owner": orAbsent(owner),
        ]
    }
}

extension DirectoryFreeze {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "id": id, "zone": zone, "ranges": ranges, "isOpen": isOpen,
            "until": until.values(now: now),
        ]
    }
}

extension DirectoryGate {
    func values(now: ConsoleInstant) -> TemplateValues {
        [
            "tokens": tokens.map { $0.values(now: now) },
            "id": id, "server": orAbsent(server), "toolCount": toolCount,
            "isOneTool": toolCount == 1, "presentsUnapproved": presentsUnapproved,
        ]
    }
}

extension SignInPage: TemplatePage {
    var template: PageTemplate { .signIn }

    var title: String { "Sign in" }

    var values: TemplateValues {
        [
            "token": orAbsent(token), "problem": orAbsent(problem),
            "expires": orAbsent(expires?.values(now: shell.now)),
            "returnTo": orAbsent(returnTo), "signInFormURL": ConsolePath.signInForm,
            "headline": token == nil
                ? "Sign in" : person.map { "Welcome, \($0.name)" } ?? "Sign in",
            "providers": providers.map { provider in
                [
                    "title": provider.title,
                    "providerURL": ConsolePath.providerSignInForm(provider.name),
                ] as TemplateValues
            },
            "passkeySignInURL": ConsolePath.passkeySignInForm,
            "passkeySignInOptionsURL": ConsolePath.passkeySignInOptions,
            "buttonText": person.map { "Sign in as \($0.name)" } ?? "Sign in",
        ]
    }
}

extension ErrorPage: TemplatePage {
    var template: PageTemplate { .error }

    var values: TemplateValues {
        ["status": status, "headline": title, "detail": detail, "code": code]
    }
}
