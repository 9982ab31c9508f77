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
            "agents": agents.map(\.values), "agentCount": agents.count,
            "trusts": trusts.map(\.values), "trustCount": trusts.count,
            "gates": gates.map(\.values), "gateCount": gates.count,
        ]
    }
}

extension DirectoryPerson {
    var values: TemplateValues {
        let credentials = credentials.joined(separator: ", ")
        return [
            "id": id, "name": name, "groups": groups, "isAdministrator": isAdministrator,
            "credentials": credentials.isEmpty ? false : credentials, "note": orAbsent(note),
        ]
    }
}

extension DirectoryGroup {
    var values: TemplateValues {
        ["id": id, "members": members, "isNamedByPolicy": isNamedByPolicy]
    }
}

extension DirectoryAgent {
    var values: TemplateValues { ["id": id, "owner": owner.name, "groups": groups] }
}

extension DirectoryTrust {
    var values: TemplateValues {
        [
            "id": id, "agent": agent, "issuer": issuer, "audience": audience, "claims": claims,
        ]
    }
}

extension DirectoryGate {
    var values: TemplateValues {
        [
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
